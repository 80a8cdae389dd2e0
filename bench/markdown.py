"""Markdown of the generated pages."""

from collections.abc import Sequence

__all__ = ["filled", "table"]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table with a line for each row."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def filled(page: str, name: str, content: str) -> str:
    """Return a page with new content between the comments that begin and end a generated part of it.

    Raises
    ------
    ValueError
        If the comments of the part are not there.
    """
    start, end = f"<!-- {name}: written by `make docs` -->\n", f"<!-- end of {name} -->\n"
    before, begun, rest = page.partition(start)
    _old, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ValueError(f"the comments around the {name} are missing")
    return f"{before}{start}{content}{end}{after}"
