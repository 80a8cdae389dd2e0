"""The README's table of presets, between its two comments."""

from spec.config import AcceleratorConfig
from spec.presets import PRESETS

__all__ = ["preset_table", "with_table"]

_START = "<!-- presets: written by `make docs` -->\n"
_END = "<!-- end of presets -->\n"
_COLUMNS = ("preset", "array", "lanes", "scratchpad", "vector memory", "accumulators", "bus")


def preset_table() -> str:
    """Return the presets as a Markdown table."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *(_row(name, config) for name, config in PRESETS.items())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def with_table(text: str) -> str:
    """Return ``text`` with the table in its place.

    Raises
    ------
    ValueError
        If the comments around the table are not there.
    """
    before, start, rest = text.partition(_START)
    _old, end, after = rest.partition(_END)
    if not start or not end:
        raise ValueError("the comments around the table of presets are missing")
    return f"{before}{start}{preset_table()}{end}{after}"


def _row(name: str, config: AcceleratorConfig) -> tuple[str, ...]:
    accumulators = 4 * config.acc_banks * config.acc_depth * config.cols / 1024
    return (
        f"`{name}`",
        f"{config.rows}x{config.cols}",
        str(config.lanes),
        f"{config.scratchpad_kib} KiB",
        f"{config.vector_kib} KiB",
        f"{accumulators:g} KiB",
        f"{config.bus_bytes} bytes",
    )
