"""Every generated page is what code and results say, and is among those that are written."""

from pathlib import Path

import pytest

from bench.pages import PAGES, write_pages

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_committed_page_is_up_to_date(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    assert page == PAGES[name](page), "run make docs"


def test_those_that_say_so_are_written() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    say_so = {str(page.relative_to(ROOT)) for page in pages if "ritten by `make docs`" in page.read_text("utf-8")}
    assert say_so == {name for name in PAGES if name.endswith(".md")}


def test_only_stale_pages_are_written(tmp_path: Path) -> None:
    for name in PAGES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    readme = tmp_path / "README.md"
    whole = readme.read_text("utf-8")
    readme.write_text(whole.replace("| `tiny` | 2x2 |", "| `tiny` | 3x3 |"), "utf-8")
    (tmp_path / "docs" / "isa.md").unlink()
    assert write_pages(tmp_path) == ["README.md", "docs/isa.md"]
    assert readme.read_text("utf-8") == whole
    assert (tmp_path / "docs" / "isa.md").read_text("utf-8") == (ROOT / "docs" / "isa.md").read_text("utf-8")
    assert write_pages(tmp_path) == []
