"""What a command reads is never what it writes, by whatever name."""

import os
from pathlib import Path

import pytest

from sw.cli.main import main
from sw.cli.overwriting import refuse_overwriting, text_folders
from tests.sw.tiny_model import save_tiny_model


def names(folder: Path, base: Path) -> dict[str, Path]:
    """Other names of ``folder / "in"``, and none that is not."""
    (base / "link").symlink_to(folder / "in")
    (base / "folder").symlink_to(folder)
    os.link(folder / "in", base / "hard")
    (folder / "deeper").mkdir()
    return {
        "same": folder / "in",
        "link": base / "link",
        "linked folder": base / "folder" / "in",
        "hard link": base / "hard",
        "dots": folder / "deeper" / ".." / "in",
        "relative": Path(os.path.relpath(folder / "in")),
    }


def test_all_names_of_a_file_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "in").write_text("kept")
    for name, path in names(folder, tmp_path).items():
        with pytest.raises(ValueError, match=r"--json must not name .+, which is read"):
            refuse_overwriting({"--json": path}, [folder / "in"])
        with pytest.raises(ValueError, match=r"-o must not name .+: the folder .+ is read"):
            refuse_overwriting({"-o": path}, [folder])
        assert name
    refuse_overwriting({"--json": folder / "out", "-o": None}, [folder / "in", None])
    refuse_overwriting({"-o": folder / "deeper" / "in"}, [folder])


def test_devices_are_no_files_that_could_be_lost() -> None:
    null = Path(os.devnull)
    refuse_overwriting({"-o": null, "--svg": null}, [null])


def test_new_files_in_a_folder_that_is_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "test" / "neg").mkdir(parents=True)
    for path in ("new", "test/neg/new"):
        with pytest.raises(ValueError, match=r"--json must not name .+: the folder .+ is read"):
            refuse_overwriting({"--json": tmp_path / path}, text_folders(tmp_path))
    refuse_overwriting({"--json": tmp_path / "test" / "new"}, text_folders(tmp_path))


def test_two_outputs_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--svg and -o must not name the same file .+/a"):
        refuse_overwriting({"-o": tmp_path / "a", "--svg": tmp_path / "b" / ".." / "a"}, [])


def tree(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_no_command_writes_over_its_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = save_tiny_model(tmp_path / "model")
    checkpoint, tokenizer, data = model / "checkpoint.safetensors", model / "tokenizer.json", tmp_path / "data.jsonl"
    data.write_text('{"text": "a"}\n')
    hugging_face = tmp_path / "M"
    hugging_face.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (hugging_face / name).write_text("{}")
    before = tree(tmp_path)
    quantize = ("quantize", hugging_face, "--calibration", data, "-o")
    classify = ("classify", "--model", model, "--backend", "model", "--data", data, "--json")
    for command in (
        (*classify, checkpoint),
        (*classify, tokenizer),
        (*classify, data),
        ("classify", "--model", model, "--backend", "model", "--file", data, "--json", data),
        ("trace", "--model", model, "-o", checkpoint),
        ("trace", "--model", model, "--svg", tokenizer),
        ("trace", "--model", model, "-o", tmp_path / "new", "--svg", tmp_path / "new"),
        ("flash-image", model, "-o", checkpoint),
        ("flash-image", checkpoint, "-o", tokenizer),
        (*quantize, hugging_face / "model.safetensors"),
        (*quantize, hugging_face / "checkpoint.safetensors"),
        (*quantize, data),
        (*quantize, model / "second.safetensors"),
        (*quantize, tmp_path / "new.safetensors", "--tokenizer", tmp_path / "tokenizer.json"),
    ):
        if "--tokenizer" in command:
            (tmp_path / "tokenizer.json").write_text("{}")
            before[tmp_path / "tokenizer.json"] = b"{}"
        assert main([str(word) for word in command]) == 2, command
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert " must " in error
        assert tree(tmp_path) == before, command


def test_tokenizer_of_something_else_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "M").mkdir()
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "data.jsonl").write_text('{"text": "a"}\n')
    command = ("quantize", tmp_path / "M", "--calibration", tmp_path / "data.jsonl", "-o", tmp_path / "c.safetensors")
    assert main([str(word) for word in command]) == 2
    assert f"-o must be in a folder of its own, not beside {tmp_path / 'tokenizer.json'}" in capsys.readouterr().err
