"""The command line: options, files, messages."""

import dataclasses
import errno
import json
from pathlib import Path

import pytest

from gen import cli
from gen.cli import main
from hw.config import AcceleratorConfig
from hw.presets import PRESETS

FIELDS = [field.name for field in dataclasses.fields(AcceleratorConfig)]
SMALL = ("--preset", "tiny")


@pytest.fixture(autouse=True)
def _work_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _no_hardware(monkeypatch):
    """Skip what takes long."""
    monkeypatch.setattr(cli, "emit_rtlil", lambda _config, name: f"attribute \\top 1\nmodule \\{name}\nend\n")
    monkeypatch.setattr(cli, "emit_verilog", str)


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


def test_writes_verilog_and_manifest_here(tmp_path):
    assert main(SMALL) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["systolm_2x2.json", "systolm_2x2.v"]
    assert "module systolm(" in (tmp_path / "systolm_2x2.v").read_text()


def test_writes_where_told(tmp_path):
    (tmp_path / "a").mkdir()
    assert main([*SMALL, "-o", "a/chip.v", "--name", "chip"]) == 0
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["chip.json", "chip.v"]
    assert "module chip(" in (tmp_path / "a" / "chip.v").read_text()
    assert manifest("a/chip.json")["module"] == "chip"


def test_manifest_goes_where_told(tmp_path):
    assert main([*SMALL, "--manifest", "map.json"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.json", "systolm_2x2.v"]


def test_dash_writes_to_standard_output_alone(capsys, tmp_path):
    assert main([*SMALL, "-o", "-"]) == 0
    out, err = capsys.readouterr()
    assert not list(tmp_path.iterdir())
    assert not err
    assert main(SMALL) == 0
    assert out == (tmp_path / "systolm_2x2.v").read_text()


def test_same_input_same_bytes(tmp_path):
    assert main([*SMALL, "-o", "first.v"]) == 0
    assert main([*SMALL, "-o", "second.v"]) == 0
    for suffix in ("v", "json"):
        first, second = (tmp_path / f"{name}.{suffix}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_names_no_source_or_date(tmp_path):
    assert main(SMALL) == 0
    for path in tmp_path.iterdir():
        text = path.read_text()
        assert ".py" not in text
        assert "Yosys" not in text
        assert str(tmp_path) not in text


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.usefixtures("_no_hardware")
def test_every_field_is_an_option(name):
    config = PRESETS["tiny"]
    other = {"lanes": 1, "rows": 4, "cols": 4, "bus_bytes": 8, "scratchpad_banks": 2, "acc_banks": 3, "tables": 1}
    other["dsp_multipliers"] = 3
    value = other.get(name, 2 * getattr(config, name))
    assert main([*SMALL, option(name), str(value), "-o", "a.v"]) == 0
    assert manifest("a.json")["config"][name] == value


def test_help_describes_every_field(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in FIELDS:
        assert f"{option(name)} N " in text
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
    # The disk is full when the second file is written.
    make, files = cli.tempfile.mkstemp, iter(["a.v"])
    monkeypatch.setattr(cli.tempfile, "mkstemp", lambda **where: make(**where) if next(files, None) else _full())
    assert main([*SMALL, "-o", "a.v"]) == 2
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]
    assert capsys.readouterr().err.endswith("No space left on device\n")


def _full():
    raise OSError(errno.ENOSPC, "No space left on device")
