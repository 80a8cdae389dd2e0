"""``python -m gen --board``."""

from pathlib import Path

import pytest

from gen.boards import build, command
from gen.cli import main
from tests.gen.boards.test_build import makes


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    *_steps, line = capsys.readouterr().err.splitlines()
    return line


def test_what_makes_no_sense_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert refused(capsys, "--board", "ulx3s_85f").endswith("--board needs --build, --program or both")
    assert refused(capsys, "--build").endswith("--build needs --board")
    assert "argument --board: invalid choice: 'ulx4s'" in refused(capsys, "--board", "ulx4s", "--build")
    nothing = refused(capsys, "--board", "ulx3s_85f", "--program", "-o", str(tmp_path))
    assert nothing.endswith(f"there is no bitstream in {tmp_path}; make one with --build")


def test_build_prints_what_it_takes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "make_bitstream", makes(81.5))
    assert main(["--board", "ulx3s_85f", "--build", "-o", str(tmp_path)]) == 0
    printed, said = capsys.readouterr()
    assert said == "ULX3S 85F: building\n"
    for text in ("ULX3S 85F", "luts", "75%", "81.50", "80.00", f"bitstream {tmp_path / 'ulx3s_85f.bit'}"):
        assert text in printed


def test_absent_loader_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "make_bitstream", makes(81.5))
    monkeypatch.setattr(command.shutil, "which", lambda _tool: None)
    assert "openFPGALoader is not installed" in refused(
        capsys, "--board", "ulx3s_85f", "--build", "--program", "-o", str(tmp_path)
    )
