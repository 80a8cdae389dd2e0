"""Commands, their files and exit statuses."""

import io
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from host.board import FlashImage
from spec.memory_map import ICEBREAKER_MAP
from spec.presets import PRESETS
from sw.apps.classify import Classification, Classifier
from sw.apps.compare import Comparison
from sw.apps.model_files import load_model
from sw.cli import classify as classify_command
from sw.cli import matmul, workers
from sw.cli.json_file import write_json
from sw.cli.main import main
from sw.cli.upload import Upload
from sw.families.tokenizer import Text
from sw.lowering import NetworkLowering
from sw.network.random_checkpoint import random_checkpoint
from sw.network.task import Task
from tests.host.board.fpga import CYCLES, AcceleratorModel
from tests.host.link.ports import ModelPort
from tests.sw.tiny_model import save_tiny_model

ROOT = Path(__file__).parents[2]

COMPARISON = Comparison(
    texts=2,
    same_label=2,
    logit_difference=0.01,
    relative_error={"layers.0.input_norm": 0.005},
    epsilon=1e-5,
    epsilon_error={"layers.0.input_norm": 0.004},
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


def classify(model: Path, *arguments: str | Path) -> int:
    shared = ("--model", model, "--backend", "model", "--preset", "small_4x4", "--max-length", "16", "--jobs", "1")
    return main(["classify", *map(str, (*shared, *arguments))])


def lines(path: Path, *entries: Any) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return error.strip()


def test_one_text(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert classify(model, "--text", "a b c") == 0
    output = capsys.readouterr().out
    assert "5 tokens" in output
    assert "1 of 1 equal the reference" in output
    assert "integer model" not in output


def test_text_file(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "review.txt").write_text("a b\nc d")
    assert classify(model, "--file", tmp_path / "review.txt") == 0
    assert "6 tokens" in capsys.readouterr().out


def test_absent_file_is_named(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = tmp_path / "absent.txt"
    assert classify(model, "--file", absent) == 2
    assert error_line(capsys) == f"python -m sw: {absent}: No such file or directory"


def test_json_has_everything(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = lines(
        tmp_path / "data.jsonl", {"text": "a b", "label": 0}, {"text": "c " * 40, "label": "label 1"}, {"text": "d"}
    )
    assert classify(model, "--data", data, "--json", tmp_path / "new" / "out.json") == 0
    content = json.loads((tmp_path / "new" / "out.json").read_text())
    assert content["configuration"]["rows"] == 4
    assert content["backend"] == "model"
    assert content["clock_mhz"] == 100
    reviews, totals = content["reviews"], content["totals"]
    assert [r["tokens"] for r in reviews] == [4, 16, 3]
    assert [r["expected"] for r in reviews] == ["label 0", "label 1", None]
    assert totals["compared_with"] == ["the reference"]
    assert all(r["bit_exact"] and r["cycles"] is None and len(r["logits"]) == 2 for r in reviews)
    right = sum(r["label"] == r["expected"] for r in reviews)
    assert (totals["reviews"], totals["labelled"], totals["truncated"]) == (3, 2, 1)
    assert totals["accuracy"] == right / 2
    assert "1 texts were too long: only their first quarter" in capsys.readouterr().out


def test_several_at_once_give_the_same(model: Path, tmp_path: Path) -> None:
    data = lines(tmp_path / "data.jsonl", *({"text": "a " * i} for i in range(1, 6)))
    results = []
    for jobs in ("1", "2"):
        assert classify(model, "--data", data, "--json", tmp_path / "out.json", "--jobs", jobs) == 0
        content = json.loads((tmp_path / "out.json").read_text())
        del content["totals"]["wall_seconds"]
        results.append(content)
    assert results[0] == results[1]


def test_a_preview_never_controls_the_terminal(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = lines(
        tmp_path / "data.jsonl", {"text": "\x1b[31ma\x07\x9b :heart: [b] \u202e"}, {"text": "\x1b]0;owned\x07" * 9}
    )
    assert classify(model, "--data", data) == 0
    output = capsys.readouterr().out
    assert "\\x1b[31ma\\x07\\x9b :heart: [b] \\u202e\n" in output
    assert "\\x1b]0;owned\\x07\\x1b]0;owned\\x07\\x1b]...\n" in output
    assert output.replace("\n", "").isprintable()


def test_what_is_empty_or_not_utf8_is_said(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = (b"a b", b"", b" \n\t", b"\xff\xfe\xfa", b"a caf\xe9")
    for notes, text in zip(([], ["empty"], ["empty"], ["not UTF-8"], ["not UTF-8"]), texts, strict=True):
        (tmp_path / "review.txt").write_bytes(text)
        assert classify(model, "--file", tmp_path / "review.txt", "--json", tmp_path / "out.json") == 0
        content = json.loads((tmp_path / "out.json").read_text())
        assert content["reviews"][0]["notes"] == notes
        assert (content["totals"]["empty"], content["totals"]["not_utf8"]) == ("empty" in notes, "not UTF-8" in notes)
        output = capsys.readouterr().out
        assert [note for note in ("empty", "not UTF-8") if f"  {note}  " in output.splitlines()[0]] == notes
        assert [note for note in ("empty", "not UTF-8") if f"\n{note} " in output] == notes


@pytest.mark.parametrize("text", ["caf\udce9", "\ud800"])
def test_a_text_that_is_not_utf8_is_classified_as_one(
    model: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert classify(model, "--text", text) == 0
    assert "not UTF-8" in capsys.readouterr().out


def test_a_text_cut_to_nothing_is_not_empty(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert classify(model, "--text", "a b", "--max-length", "2") == 0
    assert "empty" not in capsys.readouterr().out


def test_labels_go_by_name(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("neg", "pos"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0_5.txt").write_text("a")
    assert classify(model, "--data", tmp_path) == 2
    assert "it has the labels neg, pos, the model label 0, label 1; say which is which" in error_line(capsys)
    assert classify(model, "--data", tmp_path, "--label-map", "pos=label 0", "neg=1") == 0
    shown = capsys.readouterr().out
    assert "50.00% of 2" in shown
    assert "by number" not in shown
    assert classify(model, "--data", tmp_path, "--label-map", "pos=good", "neg=1") == 2
    assert "pos cannot be 'good': the model has the labels label 0, label 1" in error_line(capsys)
    assert classify(model, "--text", "a", "--label-map", "pos=1") == 2
    assert error_line(capsys) == "python -m sw: --label-map is for --data, whose texts may have labels"


def test_how_numbers_were_taken_is_said(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = lines(tmp_path / "data.jsonl", {"text": "a", "label": "1"}, {"text": "b", "label": 0.0}, {"text": "c"})
    assert classify(model, "--data", data) == 0
    assert "2 by number, as the model counts: 0 is label 0, 1 is label 1" in capsys.readouterr().out


def test_default_length_is_that_of_a_smaller_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_tiny_model(tmp_path / "model")
    random_checkpoint(0, layers=1, hidden=8, ffn=12, positions=16).save(folder / "checkpoint.safetensors")
    command = ["classify", "--model", str(folder), "--backend", "model", "--preset", "small_4x4", "--text", "a " * 40]
    assert main(command) == 0
    assert "16 tokens (cut)" in capsys.readouterr().out
    assert main([*command, "--max-length", "17"]) == 2
    assert "max_length must be from 2 to 16, not 17" in error_line(capsys)
    image = tmp_path / "image.bin"
    assert flash_image(folder, "-o", image, "--preset", "small_4x4") == 0
    assert "programs: 15" in capsys.readouterr().out


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_tiny_model(tmp_path / "model")
    random_checkpoint(0, layers=1, hidden=8, ffn=12, vocabulary=29).save(folder / "checkpoint.safetensors")
    assert classify(folder, "--text", "a") == 2
    assert "must have an embedding for each of the 30 ids of tokenizer.json, not 29" in error_line(capsys)


def test_a_terminal_without_unicode(model: Path) -> None:
    command = ["classify", "--model", model, "--backend", "model", "--preset", "small_4x4", "--text", "\u4e16 é \u2026"]
    done = subprocess.run(
        [sys.executable, "-m", "sw", *map(str, command)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u4e16 \xe9 \\u2026" in done.stdout


def test_an_argument_with_a_line_break_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["classify", "--odd\n\x1b"])
    assert error_line(capsys).endswith("unrecognized arguments: --odd\\n\\x1b")


def test_limit(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = lines(tmp_path / "data.jsonl", *({"text": "a"} for _ in range(5)))
    assert classify(model, "--data", data, "--limit", "2") == 0
    assert "2 of 2 equal" in capsys.readouterr().out


def test_samples_are_for_models_of_other_labels_too(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert classify(model, "--limit", "1") == 0
    output = capsys.readouterr().out
    assert "1 of 1 equal" in output
    assert "accuracy" not in output


def test_wrong_result_is_status_1(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Classifier):
        def answer(self, text: Text) -> Classification:
            result = super().answer(text)
            return type(result)(**vars(result) | {"bit_exact": False})

    monkeypatch.setattr(classify_command, "Classifier", Wrong)
    assert classify(model, "--text", "a") == 1


def test_wrong_data_is_status_2(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for content in (b"", b"[" * 100_000, b'{"text": "a", "label": "\\u001b[2J"}'):
        (tmp_path / "data.jsonl").write_bytes(content)
        assert classify(model, "--data", tmp_path / "data.jsonl") == 2
        assert error_line(capsys).isprintable()


def test_missing_files_are_status_2(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert classify(model, "--data", tmp_path / "none.jsonl") == 2
    assert "none.jsonl" in error_line(capsys)
    assert classify(tmp_path / "none", "--text", "a") == 2
    assert "there is no model at" in error_line(capsys)
    assert classify(tmp_path, "--text", "a") == 2
    assert "must have one .safetensors file, not 0" in error_line(capsys)
    assert classify(model, "--data", tmp_path) == 2
    assert "must have the folders neg and pos" in error_line(capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--limit", "0"), "invalid whole number from 1 on value: '0'"),
        (("--clock", "nan"), "invalid clock in MHz value: 'nan'"),
        (("--preset", "none"), "invalid choice: 'none'"),
        (("--text", "a", "--file", "b"), "not allowed with argument"),
        (("--max-length", "1"), "invalid whole number from 2 on value: '1'"),
        (("--truncation", "middle"), "invalid choice: 'middle'"),
    ],
)
def test_wrong_arguments_are_status_2(
    model: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        classify(model, *arguments)
    assert exit_.value.code == 2
    assert message in error_line(capsys)


def test_configuration_that_cannot_be_is_status_2(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert classify(model, "--text", "a", "--rows", "65") == 2
    assert "rows must be from 1 to 64, not 65" in error_line(capsys)
    assert classify(model, "--text", "a", "--max-length", "33") == 2
    assert "max_length must be from 2 to 32, not 33" in error_line(capsys)


def test_matmul(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matmul", "5", "6", "70", "--backend", "model", "--rows", "3", "--cols", "5", "--seed", "9"]) == 0
    assert "[5, 70] x [70, 6] on 3x5: equals NumPy" in capsys.readouterr().out
    assert main(["matmul", "1", "1", "131072", "--backend", "model"]) == 2
    assert "k must be at most 131071" in error_line(capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--backend", "board"), "--backend board needs --device with its serial port"),
        (("--device", "COM9"), "--device is for a board, not for --backend model"),
        (("--baud", "9600"), "--baud is for a board, not for --backend model"),
        (("--backend", "board", "--device", "COM9", "--jobs", "2"), "--jobs must be 1 with a board, not 2"),
    ],
)
def test_contradicting_options_are_status_2(
    model: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert classify(model, "--text", "a", *arguments) == 2
    assert error_line(capsys) == f"python -m sw: {message}"


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """A board of preset small_4x4 at every port; returns which have been opened."""
    opened: list[tuple[str, int]] = []

    def open_port(name: str, baud: int) -> ModelPort:
        opened.append((name, baud))
        return ModelPort(AcceleratorModel(PRESETS["small_4x4"]), 0)

    monkeypatch.setattr("host.board.device.open_port", open_port)
    return opened


def test_board(model: Path, board: list[tuple[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = lines(tmp_path / "data.jsonl", {"text": "a b"}, {"text": "c d e"})
    arguments = ("classify", "--model", model, "--device", "COM9", "--preset", "small_4x4", "--max-length", "16")
    assert main([*map(str, arguments), "--data", str(data), "--json", str(tmp_path / "out.json")]) == 0
    assert "2 of 2 equal the integer model and the reference" in capsys.readouterr().out
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["backend"] == "board"
    assert [review["cycles"] for review in content["reviews"]] == [CYCLES, CYCLES]
    assert main(["matmul", "3", "4", "5", "--device", "COM9", "--baud", "9600", "--preset", "small_4x4"]) == 0
    assert "on 4x4: equals NumPy" in capsys.readouterr().out
    assert board == [("COM9", 3_000_000), ("COM9", 9600)]


def test_board_of_another_preset_is_status_2(board: list[tuple[str, int]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matmul", "3", "4", "5", "--device", "COM9"]) == 2
    expected = "the FPGA must have an array of 16x16 and 4 lanes, not an array of 4x4 and 4 lanes"
    assert error_line(capsys) == f"python -m sw: {expected}"
    assert board == [("COM9", 3_000_000)]


def test_board_without_pyserial_is_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    assert main(["matmul", "3", "4", "5", "--device", "COM9"]) == 2
    assert "pyserial is not installed" in error_line(capsys)


def test_board_that_stops_is_status_1(
    board: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(AcceleratorModel, "_run", lambda self, *_: self._set(STATUS=4, ERROR_CODE=6, ERROR_ADDR=64))
    assert main(["matmul", "3", "4", "5", "--device", "COM9", "--preset", "small_4x4"]) == 1
    assert "BUS_TIMEOUT at address 0x40" in error_line(capsys)
    assert board


def test_much_to_write_shows_a_bar() -> None:
    def shown(total: int, *, terminal: bool, fails: bool = False) -> str:
        console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
        with suppress(OSError), Progress(console=console, disable=not terminal), Upload(console) as upload:
            upload(0, total)
            if fails:
                raise OSError
            upload(total, total)
        assert not console._live_stack
        return str(console.file.getvalue())  # type: ignore[attr-defined]

    assert "writing the board's memory" in shown(11 << 20, terminal=True)
    assert "11.5" in shown(11 << 20, terminal=True)
    assert "writing" in shown(11 << 20, terminal=True, fails=True)
    assert "writing" not in shown(1000, terminal=True)
    assert shown(11 << 20, terminal=False) == ""


def test_quantize_writes_checkpoint_and_tokenizer(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: dict[str, Any] = {}

    def fake(name: str, texts: list[str], *_: Any, **options: Any) -> Any:
        seen.update(name=name, texts=texts, **options)
        return workers.load_model(model)[0]

    monkeypatch.setattr("sw.quantizer.quantize", fake)
    monkeypatch.setattr("sw.families.load_tokenizer.load_tokenizer", lambda folder: workers.load_model(folder)[1])
    monkeypatch.setattr("sw.apps.compare.compare", lambda *_, **__: COMPARISON)
    data = lines(tmp_path / "data.jsonl", {"text": "a"}, {"text": "b"}, {"text": "c"})
    output = tmp_path / "new" / "checkpoint.safetensors"
    command = ["quantize", model, "--calibration", data, "-o", output, "--limit", "2", "--max-length", "9"]
    assert main([str(part) for part in command]) == 0
    assert (seen["texts"], seen["max_length"]) == (["a", "b"], 9)
    assert output.exists()
    assert (output.parent / "tokenizer.json").exists()
    says = json.loads((output.parent / "config.json").read_text())
    assert says == {"labels": ["label 0", "label 1"], "max_length": 9, "truncation": "head"}
    shown = capsys.readouterr().out
    assert "0.50%" in shown
    assert "calibrated with 2 texts" in shown


def test_texts_are_cut_as_the_model_says(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    data = lines(tmp_path / "data.jsonl", {"text": "a b c d e f g h i j"})

    def tokens(*options: str) -> tuple[int, str]:
        written = tmp_path / "out.json"
        command = ["classify", "--model", folder, "--backend", "model", "--data", data, "--json", written, *options]
        assert main([str(part) for part in command]) == 0
        content = json.loads(written.read_text())
        return content["reviews"][0]["tokens"], content["truncation"]

    assert tokens() == (12, "head_tail")
    (folder / "config.json").write_text('{"max_length": 6, "truncation": "tail"}')
    assert tokens() == (6, "tail")
    assert tokens("--max-length", "8", "--truncation", "head") == (8, "head")
    (folder / "config.json").write_text('{"max_length": 4096}')
    assert tokens() == (12, "head_tail")


@pytest.mark.parametrize(
    ("task", "count", "shown"),
    [("multi_label_classification", 3, "label"), ("regression", 1, "label 0 ")],
)
def test_other_tasks_have_no_accuracy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: Task, count: int, shown: str
) -> None:
    folder = save_tiny_model(tmp_path / "model")
    random = random_checkpoint(0, layers=1, hidden=8, ffn=12, labels=count, token_types=2)
    replace(random, task=task).save(folder / "checkpoint.safetensors")
    data = lines(tmp_path / "data.jsonl", {"text": "a", "label": "whatever"}, {"text": "b", "pair": "c d"})
    command = ["classify", "--model", folder, "--backend", "model", "--data", data, "--json", tmp_path / "out.json"]
    assert main([str(part) for part in command]) == 0
    assert "accuracy" not in (out := capsys.readouterr().out)
    assert shown in out or "none" in out
    assert "b | c d" in out
    content = json.loads((tmp_path / "out.json").read_text())
    assert (content["task"], content["totals"]["accuracy"]) == (task, None)
    first, second = content["reviews"]
    assert (first["tokens"], second["tokens"]) == (3, 6)
    if task == "regression":
        assert first["value"] == first["logits"][0]
        assert first["probability"] is None
    else:
        assert list(first["probabilities"]) == ["label 0", "label 1", "label 2"]
        assert first["probability"] == max(first["probabilities"].values())
    assert main([*map(str, command), "--label-map", "whatever=label 0"]) == 2
    assert f"--label-map is for models that choose one label, not for {task}" in error_line(capsys)


def test_pair_is_a_second_text(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert classify(model, "--text", "a", "--pair", "b") == 2
    assert "token types must be from 0 to 0, as the model has, not 1" in error_line(capsys)
    folder, written = save_tiny_model(tmp_path / "model"), tmp_path / "out.json"
    random_checkpoint(0, layers=1, hidden=8, ffn=12, token_types=2).save(folder / "checkpoint.safetensors")
    command = ["classify", "--model", folder, "--backend", "model", "--json", written, "--pair", "c"]
    assert main([str(part) for part in [*command, "--text", "a b"]]) == 0
    content = json.loads(written.read_text())
    assert content["reviews"][0]["tokens"] == 6
    assert sum(content["reviews"][0]["probabilities"].values()) == pytest.approx(1)
    assert main([str(part) for part in command]) == 2
    assert "--pair is for a second text behind that of --text" in error_line(capsys)


def test_quantize_without_torch_is_status_2(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    data = lines(tmp_path / "data.jsonl", {"text": "a"})
    assert main(["quantize", str(model), "--calibration", str(data), "-o", str(tmp_path / "x.safetensors")]) == 2
    assert "quantizing needs torch and transformers" in error_line(capsys)


def flash_image(*arguments: str | Path) -> int:
    return main(["flash-image", *map(str, arguments)])


def test_flash_image_has_programs_of_all_lengths(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "image.bin"
    assert flash_image(model, "-o", output, "--preset", "small_4x4", "--length", "9") == 0
    image = FlashImage.load(output, ICEBREAKER_MAP)
    assert image.programs == 8
    lowering = NetworkLowering(load_model(model)[0], PRESETS["small_4x4"])
    placed = [image.place(lowering.lower(length)) for length in (2, 9)]
    shown = capsys.readouterr().out
    assert f"{len(image.content):,} bytes for address 0x100000 of the flash, programs: 8, of " in shown
    assert f"{placed[1].memory_bytes - (1 << 24):,} bytes of RAM from 0x1000000 on" in shown

    lowering.lower(2).save(tmp_path / "program.safetensors")
    assert flash_image(tmp_path / "program.safetensors", "-o", tmp_path / "again.bin") == 0
    assert FlashImage.load(tmp_path / "again.bin", ICEBREAKER_MAP).programs == 1
    assert {path.name for path in tmp_path.iterdir()} == {"new", "program.safetensors", "again.bin"}


def test_flash_image_of_what_does_not_fit_is_status_2(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "image.bin").write_text("old")
    for fields, message in (
        ({"ram_bytes": 64}, "inputs and outputs must fit 64 bytes, not take "),
        ({"flash_bytes": (1 << 20) + 64}, "instructions and constants must fit 64 bytes, not take "),
    ):
        monkeypatch.setattr("sw.cli.flash_image.ICEBREAKER_MAP", replace(ICEBREAKER_MAP, **fields))
        assert flash_image(model, "-o", tmp_path / "image.bin", "--preset", "small_4x4", "--length", "9") == 2
        assert message in error_line(capsys)
    assert (tmp_path / "image.bin").read_text() == "old"


def test_flash_image_of_no_program_is_status_2(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "image.bin"
    assert flash_image(tmp_path / "none", "-o", image) == 2
    assert "there is no model at" in error_line(capsys)
    (tmp_path / "text.safetensors").write_text("no tensors")
    assert flash_image(tmp_path / "text.safetensors", "-o", image) == 2
    assert "text.safetensors is not a" in error_line(capsys)
    assert flash_image(model, "-o", image, "--length", "33") == 2
    assert "length must be from 1 to 32, not 33" in error_line(capsys)
    NetworkLowering(load_model(model)[0], PRESETS["small_4x4"]).lower(2).save(tmp_path / "p.safetensors")
    for options in (["--length", "2"], ["--preset", "small_4x4"], ["--rows", "4"]):
        assert flash_image(tmp_path / "p.safetensors", "-o", image, *options) == 2
        assert "must not be given for a program, which has its own" in error_line(capsys)
    assert not image.exists()


def test_json_file_is_whole_or_not_there(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"new": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_module_runs() -> None:
    command = [sys.executable, "-m", "sw", "matmul", "2", "3", "4", "--backend", "model"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_that_cannot_be_written_is_found_before_the_work(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers.Job, "open", lambda _job: pytest.fail("too late"))
    assert classify(model, "--text", "a", "--json", tmp_path) == 2
    assert error_line(capsys) == f"python -m sw: {tmp_path}: Is a directory"


def test_json_goes_to_where_a_link_leads(model: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    assert classify(model, "--text", "a", "--json", tmp_path / "link") == 0
    content = json.loads((tmp_path / "real").read_text())
    assert (tmp_path / "link").is_symlink()
    assert content["partial"] is False
    assert [each["number"] for each in content["reviews"]] == [1]


def test_what_was_finished_is_kept_when_a_text_fails(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(Classifier):
        def answer(self, text: Text) -> Classification:
            if text == "b":
                raise RuntimeError("gone")
            return super().answer(text)

    monkeypatch.setattr(classify_command, "Classifier", Failing)
    data, out = lines(tmp_path / "data.jsonl", *({"text": text} for text in "aabc")), tmp_path / "out.json"
    assert classify(model, "--data", data, "--json", out) == 2
    assert error_line(capsys) == f"python -m sw: gone; {out} has 2 of 4 texts"
    content = json.loads(out.read_text())
    assert (content["partial"], len(content["reviews"])) == (True, 2)


def test_what_does_not_fit_is_found_before_a_device_is_built(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers.Job, "open", lambda _job: pytest.fail("too late"))
    assert main(["classify", "--preset", "tiny", "--text", "a"]) == 2
    assert "does not fit" in error_line(capsys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--text", "a", "--limit", "1"), "--limit is for several texts, not for one of --text or --file"),
        (("--text", "a", "--clock", "50"), "--clock is for hardware, not for --backend model, which has none"),
    ],
)
def test_options_without_effect_are_refused(
    model: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert classify(model, *options) == 2
    assert error_line(capsys) == f"python -m sw: {message}"


def test_product_beyond_the_memory_is_refused_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matmul", "1000000", "1000000", "100000", "--backend", "model"]) == 2
    assert "the operands must fit 4 GiB, not take 4200000000000 bytes" in error_line(capsys)


def test_what_takes_long_is_said_before(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matmul, "MatmulLowering", lambda *_: _stop())
    assert main(["matmul", "8000", "8000", "8000"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "at least 2,000,000,000 cycles: this may take 3 hours"


def _stop() -> None:
    raise ValueError("stopped")
