"""What is left of a build, and what it says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gen.boards import DESIGNS, BoardDesign, build
from gen.boards.build import build_bitstream
from gen.boards.report import Clock, Report, Resource


def makes(fmax: float) -> Callable[..., Report]:
    """Return what leaves a bitstream that reaches so many MHz."""

    def make(board: BoardDesign, directory: Path, tell: Callable[[str], None]) -> Report:
        tell("building")
        directory.mkdir(exist_ok=True)
        (directory / f"{board.name}.bit").write_bytes(b"bits")
        return Report(
            board=board.name,
            array="16x16",
            clocks={"sync": Clock(asked_mhz=80, fmax_mhz=fmax)},
            resources={"luts": Resource(used=3, available=4)},
            cells={"lut4": 2},
            seed=board.seed,
            bitstream=f"{board.name}.bit",
        )

    return make


BOARD = DESIGNS["ulx3s_85f"]


def test_report_stands_beside_the_bitstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "make_bitstream", makes(81.5))
    stages: list[str] = []
    report = build_bitstream(BOARD, tmp_path, stages.append)
    assert stages == ["building"]
    assert (tmp_path / "ulx3s_85f.bit").read_bytes() == b"bits"
    assert Report.read(tmp_path / "report.json") == report


def test_missed_timing_leaves_a_report_but_no_bitstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "make_bitstream", makes(79.9))
    (tmp_path / "ulx3s_85f.bit").write_bytes(b"of an earlier build")
    message = r"^ulx3s_85f misses its timing: clock sync reaches 79\.9 of 80 MHz$"
    with pytest.raises(RuntimeError, match=message):
        build_bitstream(BOARD, tmp_path)
    assert not (tmp_path / "ulx3s_85f.bit").exists()
    assert not Report.read(tmp_path / "report.json").clocks["sync"].met


def test_failure_leaves_no_bitstream_of_an_earlier_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Report:
        raise RuntimeError("nextpnr failed: no place left")

    monkeypatch.setattr(build, "make_bitstream", fails)
    (tmp_path / "ulx3s_85f.bit").write_bytes(b"of an earlier build")
    with pytest.raises(RuntimeError, match="no place left"):
        build_bitstream(BOARD, tmp_path)
    assert not list(tmp_path.iterdir())


def test_absent_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Report:
        raise ModuleNotFoundError(name="amaranth_boards")

    monkeypatch.setattr(build, "make_bitstream", fails)
    message = r"^amaranth_boards is not installed; install it with: pip install -c constraints.txt -e '\.\[fpga\]'$"
    with pytest.raises(RuntimeError, match=message):
        build_bitstream(BOARD, tmp_path)
