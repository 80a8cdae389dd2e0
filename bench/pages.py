"""Pages of the documentation that are generated, wholly or in part; ``python -m bench.pages`` writes them all."""

from collections.abc import Callable
from pathlib import Path

from bench.boards import load_boards
from bench.boards_page import boards_page
from bench.lowering_figure import lowering_figure
from bench.numerics_page import numerics_page
from bench.report import report
from bench.results import load_results
from files.whole_file import write_whole
from gen.docs.isa_reference import isa_reference
from gen.docs.preset_table import with_table

__all__ = ["PAGES", "write_pages"]

_ROOT = Path(__file__).parents[1]

PAGES: dict[str, Callable[[str], str]] = {
    "README.md": with_table,
    "docs/boards.md": lambda _old: boards_page(load_boards()),
    "docs/isa.md": lambda _old: isa_reference(),
    "docs/lowering.svg": lambda _old: lowering_figure(),
    "docs/numerics.md": numerics_page,
    "docs/performance.md": lambda _old: report(load_results()),
}
"""Pages by their places in the repository, and what makes of a page's text what it should be."""


def write_pages(root: Path = _ROOT) -> list[str]:
    """Write all pages from the code and from the committed results, but for those that are up to date.

    Parameters
    ----------
    root : Path
        The repository.

    Returns
    -------
    list of str
        The pages that were stale.
    """
    stale = []
    for name, make in PAGES.items():
        page = root / name
        old = page.read_text(encoding="utf-8") if page.exists() else ""
        new = make(old)
        if new != old:
            write_whole(page, new.encode())
            stale.append(name)
    return stale


if __name__ == "__main__":
    for name in write_pages():
        print(f"wrote {name}")
