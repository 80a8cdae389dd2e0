"""The committed results, when they are damaged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.boards import load_boards
from bench.results import load_results


@pytest.mark.parametrize("content", ["", "[]", "[" * 100_000])
@pytest.mark.parametrize("load", [load_results, load_boards])
def test_damaged_results_are_one_line(tmp_path: Path, load: Callable[[Path], object], content: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"bench.json is not a file of results: .+"):
        load(path)


def test_results_have_figures(tmp_path: Path) -> None:
    for content in ("{}", '{"figures": 5}'):
        (tmp_path / "bench.json").write_text(content)
        with pytest.raises(ValueError, match=r"bench.json is not a file of results: .+"):
            load_results(tmp_path / "bench.json")


def test_absent_results_are_none(tmp_path: Path) -> None:
    assert load_results(tmp_path / "bench.json") == {"figures": {}}
    assert load_boards(tmp_path / "boards.json") == {}
