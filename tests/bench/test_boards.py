"""The page about boards, and what stands in their committed results."""

from pathlib import Path

import pytest

from bench.boards import load_boards, measure_boards
from bench.boards_page import boards_page
from spec.boards import BOARDS


def test_committed_boards_exist_and_meet_their_clocks() -> None:
    for name, entry in load_boards().items():
        assert entry["clock_mhz"] == pytest.approx(BOARDS[name].clocks["sync"] / 1e6, rel=1e-3)
        assert all(clock["fmax_mhz"] >= clock["asked_mhz"] for clock in entry["clocks"].values())
        assert all(entry[cells]["used"] <= entry[cells]["available"] for cells in ("luts", "ffs", "dsps", "rams"))
        cycles = entry["ms_per_review"] * entry["clock_mhz"] * 1e3
        assert cycles == pytest.approx(entry["cycles_per_review"], rel=1e-3)


def test_nothing_built(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^no board has been built; begin with: make bitstream BOARD=NAME$"):
        measure_boards(path=tmp_path / "boards.json", build=tmp_path)
    assert not (tmp_path / "boards.json").exists()


def test_page_names_boards_without_results() -> None:
    page = boards_page({name: entry for name, entry in load_boards().items() if name != "ulx3s_45f"})
    line = next(line for line in page.splitlines() if line.startswith("Not in the tables, "))
    assert "`ulx3s_45f`" in line
    assert "Not in the tables" not in boards_page(dict.fromkeys(BOARDS, load_boards()["ulx3s_45f"]))
