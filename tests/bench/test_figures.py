"""Figures, results and the report that is made of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.figure import Figure
from bench.results import load_results, update_results


@pytest.mark.parametrize(
    ("value", "target", "met"),
    [(97.0, ">= 97", True), (96.9, ">= 97", False), (1.02, "<= 1.02", True), (3, None, None)],
)
def test_figure_is_held_against_its_target(value: float, target: str | None, met: bool | None) -> None:
    figure = Figure(value=value, unit="%", command="make bench", target=target)
    assert figure.to_json() == {"value": value, "unit": "%", "target": target, "met": met, "command": "make bench"}


def test_target_needs_a_relation() -> None:
    with pytest.raises(ValueError, match=r"^target must begin with '>= ' or '<= ', not '97'$"):
        Figure(value=1, unit="%", command="make bench", target="97")


def test_update_replaces_one_part_alone(tmp_path: Path) -> None:
    path = tmp_path / "results" / "bench.json"
    figure = Figure(value=1, unit="x", command="c")
    update_results("a", {"old": figure}, {"rows": [1]}, path)
    update_results("ab", {"kept": figure}, {"rows": [2]}, path)
    update_results("a", {"new": figure}, {"rows": [3]}, path)
    results = json.loads(path.read_text())
    assert list(results["figures"]) == ["a/new", "ab/kept"]
    assert (results["a"], results["ab"]) == ({"rows": [3]}, {"rows": [2]})


def test_no_file_has_no_figures(tmp_path: Path) -> None:
    assert load_results(tmp_path / "none.json") == {"figures": {}}


def test_readme_tells_the_committed_cycles() -> None:
    rows = load_results()["bert"]["inferences"]
    row = next(row for row in rows if (row["tokens"], row["bytes_per_cycle"]) == (128, 16))
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"| {row['cycles']:,} | {row['utilization']:.1f} % |" in readme


def test_attributions_of_committed_results_sum_to_their_cycles() -> None:
    results = load_results()
    tables = (("gemm", "rows"), ("bert", "inferences"), ("bert", "layers"))
    rows: list[dict[str, Any]] = [row for part, name in tables for row in results.get(part, {}).get(name, [])]
    assert rows
    for row in rows:
        assert sum(row["attribution"].values()) == row["cycles"]
