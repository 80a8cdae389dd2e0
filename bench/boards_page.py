"""``docs/boards.md``, made from the results alone."""

from collections.abc import Iterator
from typing import Any

from bench import markdown
from spec.boards import BOARDS

__all__ = ["boards_page"]

_INTRODUCTION = """\
# Boards

**Not yet run on a physical board.** What stands here comes from placed and routed bitstreams and from simulations of
board designs: accelerator, link, arbiter, clock crossing, controller, and a model of the memory chip, SDRAM or flash,
that checks the timing of every command. Not in these simulations are the PLL, registers and cells at the pins, and, of
a ULX3S, the SDRAM's clock, which is turned over at its pin. [Wiring, pins and programming](boards-howto.md) are on a
page of their own. This page is written by `make docs` from `results/boards.json`, which `make bench BENCH=boards`
measures.

`make bitstream BOARD=NAME`, or `python -m gen --board NAME --build`, makes a bitstream with Yosys and nextpnr, which
come as wheels; nothing else has to be installed. It prints what the design takes and whether its clocks are met, and
leaves `NAME.bit`, of an iCEBreaker `NAME.bin`, and `report.json` in `build/boards/NAME`. A design that misses its
timing or does not fit is an error. `--program` loads the bitstream with `openFPGALoader`.
"""

_CLOCKS = 2  # columns for them

_TABLE = """\
## What they achieve

Cycles of a review are those of the RTL's own counter on the simulated board, from START to DONE, with all of its clocks
in their ratio and the memory chip behind its controller; the result was equal to the integer model, and the chip's
rules were obeyed. The iCEBreaker's accelerator is [another machine](icebreaker.md) with the same results, and its
weights and program come out of the flash. Peak and achieved products are 10^9 int8 multiply-accumulates a second at the
clock asked for; achieved ones are those of the model, without padding.
"""

_USE = """\
## Use

1. `make bitstream BOARD=ulx3s_45f`
2. `python -m gen --board ulx3s_45f --program`
3. `python -m sw classify --device /dev/ttyUSB0 --preset ulx3s_45f --max-length 32`; the table above has a length that
   fits each board. Where all texts fit, `make imdb DEVICE=/dev/ttyUSB0 PRESET=NAME` does. Weights are written once,
   then a text takes its embeddings and its run.

For an iCEBreaker, see [how its flash is filled](boards-howto.md#icebreaker).

The host talks to the FPGA in frames with a CRC-32 and a sequence number; see `spec/link.py`.

Where a design leaves the simulated world, these are assumptions: the timings of the memory chips
(`spec/sdram_chip.py` and `spec/flash_chip.py` name where they come from), and that the SDRAM's clock, turned over at
the pin, samples commands and delivers data in the middle of what the FPGA's registers at the pins leave and need.
"""


def boards_page(entries: dict[str, Any]) -> str:
    """Return the page for the entries of boards."""
    rows = [_row(name, entry) for name, entry in entries.items()]
    head = ("board", "array", "clock, routed", "SDRAM clock, routed", "LUTs", "multipliers", "block memories")
    speed = ("board", "model", "tokens", "cycles", "ms a review", "GMAC/s peak", "GMAC/s achieved")
    speeds = [_speed(name, entry) for name, entry in entries.items()]
    tables = [markdown.table(head, rows), markdown.table(speed, speeds)]
    return "\n".join([_INTRODUCTION, _TABLE, *tables, *_absent(entries), _USE])


def _absent(entries: dict[str, Any]) -> Iterator[str]:
    names = [f"`{name}`" for name in BOARDS if name not in entries]
    if names:
        yield f"Not in the tables, since no routed design of theirs has been measured: {', '.join(names)}.\n"


def _row(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    clocks = [f"{clock['asked_mhz']:.1f}, {clock['fmax_mhz']:.1f} MHz" for clock in entry["clocks"].values()]
    clocks += ["none"] * (_CLOCKS - len(clocks))
    cells = (entry[resource] for resource in ("luts", "dsps", "rams"))
    taken = (f"{c['used']:,} of {c['available']:,}, {c['available'] - c['used']:,} free" for c in cells)
    return f"{BOARDS[name].title} (`{name}`)", entry["array"], *clocks, *taken


def _speed(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    rows, cols = map(int, entry["array"].split("x"))
    peak = rows * cols * entry["clock_mhz"] / 1e3
    achieved = entry["macs"] / entry["ms_per_review"] / 1e6
    return (
        f"`{name}`",
        entry["model"],
        str(entry["tokens"]),
        f"{entry['cycles_per_review']:,}",
        f"{entry['ms_per_review']:.1f}",
        f"{peak:.3g}",
        f"{achieved:.3g}",
    )
