"""The command line: options, files, messages."""

import dataclasses
import errno
import importlib.metadata
import json
import os
import threading
from pathlib import Path

import pytest

from gen import cli
from gen.cli import main
from spec.boards import BOARDS
from spec.config import AcceleratorConfig
from spec.presets import PRESETS
from tests.long import long_but

FIELDS = [field.name for field in dataclasses.fields(AcceleratorConfig)]
NUMBERS = [name for name in FIELDS if name != "core"]
SMALL = ("--preset", "tiny")


@pytest.fixture(autouse=True)
def _work_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _no_hardware(monkeypatch):
    """Skip what takes long."""
    monkeypatch.setattr(cli, "emit_rtlil", lambda _config, name: f"attribute \\top 1\nmodule \\{name}\nend\n")
    monkeypatch.setattr(cli, "emit_verilog", str)


@pytest.fixture(params=long_but(["icebreaker"], ["icebreaker", "tiny"]))
def emitted(request):
    """Name a preset whose Verilog is emitted; the micro core is the least to emit."""
    return request.param


def option(name):
    return f"--{name.replace('_', '-')}"


def manifest(path="systolm_2x2.json"):
    return json.loads(Path(path).read_text())


def fails(capsys, tmp_path, *arguments):
    """Return the one line of a call that must fail and leave no file."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert not out
    assert not list(tmp_path.iterdir())
    assert err.count("\n") == 1
    return err.removeprefix("python -m gen: error: ").rstrip()


def test_writes_verilog_and_manifest_here(tmp_path, emitted):
    assert main(["--preset", emitted]) == 0
    stem = f"systolm_{PRESETS[emitted].rows}x{PRESETS[emitted].cols}"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{stem}.json", f"{stem}.v"]
    assert "module systolm(" in (tmp_path / f"{stem}.v").read_text()


def test_writes_where_told(tmp_path, emitted):
    (tmp_path / "a").mkdir()
    assert main(["--preset", emitted, "-o", "a/chip.v", "--name", "chip"]) == 0
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["chip.json", "chip.v"]
    assert "module chip(" in (tmp_path / "a" / "chip.v").read_text()
    assert manifest("a/chip.json")["module"] == "chip"


@pytest.mark.usefixtures("_no_hardware")
def test_manifest_goes_where_told(tmp_path):
    assert main([*SMALL, "--manifest", "map.json"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.json", "systolm_2x2.v"]


@pytest.mark.usefixtures("_no_hardware")
def test_dash_writes_to_standard_output_alone(capsys, tmp_path):
    assert main([*SMALL, "-o", "-"]) == 0
    out, err = capsys.readouterr()
    assert not list(tmp_path.iterdir())
    # On a busy machine a step may take minutes, which are counted.
    assert [line.split(" in ")[0] for line in err.splitlines() if not line.endswith("min so far")] == [
        "systolm, 2x2: elaborating",
        "systolm, 2x2: turning it into Verilog",
        f"wrote Verilog, {len(out) / 1e6:.1f} MB of Verilog,",
    ]
    assert main(SMALL) == 0
    assert "wrote systolm_2x2.v and systolm_2x2.json" in capsys.readouterr().err
    assert out == (tmp_path / "systolm_2x2.v").read_text()


def test_same_input_same_bytes(tmp_path, emitted):
    assert main(["--preset", emitted, "-o", "first.v"]) == 0
    assert main(["--preset", emitted, "-o", "second.v"]) == 0
    for suffix in ("v", "json"):
        first, second = (tmp_path / f"{name}.{suffix}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_names_no_source_or_date(tmp_path, emitted):
    assert main(["--preset", emitted]) == 0
    for path in tmp_path.iterdir():
        text = path.read_text()
        assert ".py" not in text
        assert "Yosys" not in text
        assert str(tmp_path) not in text


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.usefixtures("_no_hardware")
def test_every_number_is_an_option(name):
    config = PRESETS["tiny"]
    other = {"lanes": 1, "rows": 4, "cols": 4, "bus_bytes": 8, "scratchpad_banks": 2, "acc_banks": 3, "tables": 1}
    other["dsp_multipliers"] = 3
    value = other.get(name, 2 * getattr(config, name))
    assert main([*SMALL, option(name), str(value), "-o", "a.v"]) == 0
    assert manifest("a.json")["config"][name] == value


@pytest.mark.usefixtures("_no_hardware")
def test_the_core_is_an_option():
    assert main(["--preset", "icebreaker", "--core", "pipelined", "-o", "a.v"]) == 0
    assert manifest("a.json")["config"]["core"] == "pipelined"
    small = (
        "--lanes",
        "1",
        "--bus-bytes",
        "4",
        "--scratchpad-banks",
        "1",
        "--scratchpad-kib",
        "8",
        "--vector-kib",
        "8",
    )
    shape = ("--rows", "4", "--cols", "4", "--acc-depth", "64", "--core", "micro")
    assert main([*shape, *small, "-o", "b.v"]) == 0
    assert manifest("b.json")["config"]["core"] == "micro"


def test_help_describes_every_field(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in FIELDS:
        assert f"{option(name)} {'{pipelined,micro}' if name == 'core' else 'N'} " in text
        assert f"({getattr(AcceleratorConfig(), name)})" in text
    assert "Processing elements along K; also the bytes of a scratchpad word (16)" in text
    assert all(name in text for name in PRESETS)


@pytest.mark.usefixtures("_no_hardware")
def test_a_new_shape_gets_new_lanes():
    assert main([*SMALL, "--rows", "3", "--cols", "5", "-o", "a.v"]) == 0
    assert manifest("a.json")["config"]["lanes"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "0"], "rows must be from 1 to 64, not 0"),
        (["--rows", "many"], "argument --rows: invalid int value: 'many'"),
        (["--core", "serial"], "argument --core: invalid choice: 'serial'"),
        (["--core", "micro"], "rows must be 4 for core micro, not 16"),
        (["--lanes", "3"], "lanes must divide rows and cols (16 and 16), not 3"),
        (["--bus-bytes", "12"], "bus_bytes must be a power of two, not 12"),
        (["--preset", "huge"], "argument --preset: invalid choice: 'huge'"),
        (["--colour", "red"], "unrecognized arguments: --colour red"),
        (["--name", "1chip"], "name must be a Verilog identifier, not '1chip'"),
        (["--name", "chip.v"], "name must be a Verilog identifier, not 'chip.v'"),
        (["--name", ""], "name must be a Verilog identifier, not ''"),
        (["--name", "chip\n"], "name must be a Verilog identifier, not 'chip\\n'"),
        (["--name", "módulo"], "name must be a Verilog identifier, not 'módulo'"),
        (["--name", "module"], "name must not be a keyword of Verilog, which 'module' is"),
        (["--name", "logic"], "name must not be a keyword of Verilog, which 'logic' is"),
        (["-o", "none/a.v"], "output must be a file in an existing folder, not 'none/a.v'"),
        (["-o", "."], "output must be a file in an existing folder, not '.'"),
        (["--manifest", "none/a.json"], "output must be a file in an existing folder, not 'none/a.json'"),
        (["-o", "a.json"], "output and manifest must be two files, not both 'a.json'"),
    ],
)
def test_says_in_one_line_what_is_wrong(capsys, tmp_path, arguments, message):
    assert fails(capsys, tmp_path, *arguments).startswith(message)


@pytest.mark.usefixtures("_no_hardware")
def test_keeps_old_files_if_it_fails(capsys, monkeypatch, tmp_path):
    old = tmp_path / "a.v"
    old.write_text("old")
    # The disk is full when the manifest is written.
    monkeypatch.setattr(cli, "emit_manifest", lambda *_: _full())
    assert main([*SMALL, "-o", "a.v"]) == 2
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]
    assert capsys.readouterr().err.endswith("No space left on device\n")


def _full():
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.usefixtures("_no_hardware")
def test_links_and_pipes_stay_what_they_are(tmp_path):
    (tmp_path / "link.v").symlink_to("real.v")
    assert main([*SMALL, "-o", "link.v"]) == 0
    assert (tmp_path / "link.v").is_symlink()
    assert "module" in (tmp_path / "real.v").read_text()
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_text()))
    reader.start()
    assert main([*SMALL, "-o", "pipe"]) == 0
    reader.join()
    assert "module" in got[0]
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "link.v", "pipe", "real.v"]


def test_what_cannot_be_written_is_found_before_the_work(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "emit_rtlil", lambda *_: pytest.fail("too late"))
    (tmp_path / "chip.json").symlink_to("chip.json")
    assert main([*SMALL, "-o", "chip.v"]) == 2
    assert capsys.readouterr().err == "python -m gen: error: chip.json: Too many levels of symbolic links\n"


@pytest.mark.parametrize("given", [("--rows", "5"), ("--preset", "tiny"), ("--name", "x"), ("--manifest", "m.json")])
def test_a_board_has_its_own_configuration(capsys, tmp_path, given):
    message = fails(capsys, tmp_path, "--board", "icebreaker", "--build", *given)
    assert message == f"{given[0]} must not be given for a board, which has its own"


def test_a_board_goes_to_a_folder(capsys, tmp_path):
    message = fails(capsys, tmp_path, "--board", "icebreaker", "--build", "-o", "-")
    assert message == "the output of a board must be a folder, not standard output"


def test_makefile_names_the_boards():
    text = (Path(cli.__file__).parents[1] / "Makefile").read_text()
    assert f"BOARDS := {' '.join(sorted(BOARDS))}\n" in text


def test_a_clone_needs_no_installation(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    assert main([*SMALL, "-o", "a.v"]) == 0
    assert manifest("a.json")["version"][0].isdigit()


def test_files_written_by_default_are_ignored_by_git():
    ignored = (Path(cli.__file__).parents[1] / ".gitignore").read_text().split()
    assert {"/systolm_*.v", "/systolm_*.json", "/trace.json", "build/"} <= set(ignored)
