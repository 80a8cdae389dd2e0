"""``docs/performance.md`` and its plots, made from the results alone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import markdown
from bench.measurement import CAUSES
from bench.plot import plot_attribution
from bench.results import load_results

__all__ = ["draw_plots", "report"]

_DOCS = Path(__file__).parents[1] / "docs"

_INTRODUCTION = """\
# Performance

Measured; this page is written by `make docs` from `results/bench.json`. `make bench` measures and then writes it,
`make bench BENCH=gemm` measures one part again (`gemm`, `bert`, `area`, `sim`), `make bench BENCH=report` only draws
the plots.

Cycles and bytes are those of the RTL's own counters from START to DONE, with a memory of 40 cycles latency and,
unless another bandwidth is given, 16 bytes a cycle in each direction. They are the same in every run. *Utilization*
is the model's own products (no padding, no extra slots, no rows that nobody reads) over `rows x cols x cycles`.
"""

_GEMM = """\
## Matrix products

A product reads `a`, its weights and its program from memory and writes int32 results there; all of that counts.
*busy* are cycles in which the array takes a row of `a`; they exceed the utilization by what is padding. Attention
reads the operands of each of 12 heads from memory and leaves int8 contexts in the scratchpad; each line is what 12
heads more take, behind 12 others. The small products are the array's own size, independent, and requantized to int8
in the scratchpad, on an array with as many lanes as fit and 8 accumulator banks; the time in which the first of them
waits for operands is left out.

*SCALE-Sim* are the cycles of the PyPI package `scalesim` for a weight-stationary array of the same shape, without any
memory.
"""

_SCALE_SIM = """\
SCALE-Sim gives more cycles than the RTL takes, because its array loads each tile of weights (`rows` cycles), streams
`m` rows, and lets them run out (`rows + cols - 2` cycles) before it begins with the next one. Here every processing
element has a second register for the coming weight, and a token that travels with the wavefront swaps them, so that a
tile takes `max(m, cols, 4)` cycles: with `m` = 128 on 16x16, 128 cycles instead of 174. What the RTL takes beyond
`tiles x max(m, cols, 4)` is what SCALE-Sim does not have: instructions, loading `a` before the first tile, memory
latency, and writing the last results.
"""

_BERT = """\
## Whole models

An inference is everything from the sums of the embeddings to the logits; behind the last layer's keys and values,
only [CLS] is computed. A layer is what three layers take beyond two. MiniLM is `models/minilm-l6-imdb`; BERT-base has
random weights, which do not change its cycles.
"""

_ONE_PROGRAM = """\
### One program for all lengths

`NetworkLowering.lower` orders the work of each length by itself. `NetworkLowering.lower_up_to` makes one program for
all texts up to a longest one, whose instructions the host changes before a run. All its rows stand in one block, and
less work overlaps. Classification and embedding use the first.
"""

_TRAFFIC = """\
### Bytes moved

*Weights* are the bytes of tiles that are read, by the weight stream or by LOADs; the minimum has each tile once.
"""

_AREA = """\
## Area and clock

Yosys and nextpnr, out of context, with fixed seeds; *LUT-eq* counts a carry cell (CCU2C) as two look-up tables and a
distributed memory (16x4 bits) as six. Products beyond the multiplier blocks (MULT18X18D) of the device are built from
carry cells: `dsp_multipliers`. A speed grade of 8 is the fastest, 6 the slowest. nextpnr does not time what lies
between the registers inside one multiplier block. None of this has been run on a board.

Designs are placed and routed between two shift registers (`gen.flow.harness`), so that their clock is on the clock
network. Arrays are placed by nextpnr's analytic placer, whole chips by the electrostatic one, which leaves a third less
wire: with the other the router takes more than half an hour for a chip. It cannot part block memories that nearly fill
a device, so that these are placed first, by the analytic one. The 16x16 chip is routed as part of a board's design:
`docs/boards.md`.

What stands in the way of a faster chip is distance: most of its slowest path is wire, and the other rows of the table,
whose paths have as many levels of logic, are far faster. Registers at the borders of units, decisions taken a cycle
ahead, multiplier blocks with their registers, memories without bypass or multiplexers and fewer resets are in.
"""

_UNITS = """\
### What the parts of a chip take

Each by itself, so that their sums are not those of the chip; `post_datapath` and `post_row_unit` are parts of `post`,
`array` and `accumulators` of `array_engine`, and `issue` stands in the chip three times. `make bench BENCH=area
UNIT=post` shows one of them for all chips.
"""

_TIMELINE = """\
## Timeline

![What the engines do in one layer](timeline.svg)

Drawn by `python -m sw trace --text TEXT --svg FILE` from the RTL's own signals, cycle by cycle, for a text of 128
tokens; the same command writes the whole inference as a trace for Perfetto. Rows with `cycles` show what an engine
did in every cycle, the others its instructions; of a row's height each takes its share of a short stretch of time.
"""


def draw_plots(folder: Path = _DOCS) -> None:
    """Draw the page's plots.

    Raises
    ------
    RuntimeError
        If ``matplotlib`` is not installed.
    """
    for name, (title, bars) in _plots(load_results()).items():
        plot_attribution(bars, title, folder / name)


def report(results: dict[str, Any]) -> str:
    """Return the page; parts that have not been measured are left out."""
    sections: list[tuple[str, Callable[[dict[str, Any]], Iterator[str]]]] = [
        ("gemm", _gemm),
        ("bert", _bert),
        ("area", _area),
        ("sim", _sim),
    ]
    parts = [_INTRODUCTION, _targets(results["figures"])]
    for name, section in sections:
        if name in results:
            parts += section(results[name])
    return "\n".join([*parts, _TIMELINE])


def _plots(results: dict[str, Any]) -> dict[str, tuple[str, list[tuple[str, dict[str, int]]]]]:
    plots = {}
    if "gemm" in results:
        plots["performance_gemm.svg"] = (
            "Products on 16x16",
            [(row["shape"], row["attribution"]) for row in results["gemm"]["rows"] if row["array"] == "16x16"],
        )
    if "bert" in results:
        bars = [
            (f"{row['tokens']} tokens, {row['bytes_per_cycle']} B/cycle", row["attribution"])
            for row in results["bert"]["inferences"]
        ]
        plots["performance_bert.svg"] = ("MiniLM inferences on 16x16", bars)
    return plots


def _targets(figures: dict[str, Any]) -> str:
    rows = [
        (name, _number(entry["value"]), entry["target"], entry["unit"], "yes" if entry["met"] else "**no**")
        for name, entry in figures.items()
        if entry["target"] is not None
    ]
    return "## Targets\n\n" + markdown.table(("figure", "measured", "target", "unit", "met"), rows)


def _gemm(table: dict[str, Any]) -> Iterator[str]:
    yield _GEMM
    arrays = list(dict.fromkeys(row["array"] for row in table["rows"]))
    for array in arrays:
        rows = [
            (
                row["shape"],
                row["what"],
                f"{row['cycles']:,}",
                _percent(row["utilization"]),
                *_shares(row),
                "" if row["ideal"] is None else f"{row['ideal']:,}",
            )
            for row in table["rows"]
            if row["array"] == array
        ]
        yield f"### {array}\n"
        yield markdown.table(("m x n x k", "what", "cycles", "utilization", *_SHARES, "SCALE-Sim"), rows)
    yield "![Where the cycles of products on 16x16 go](performance_gemm.svg)\n"
    yield _SCALE_SIM


def _bert(table: dict[str, Any]) -> Iterator[str]:
    yield _BERT
    yield markdown.table(
        ("tokens", "bytes a cycle", "cycles", "utilization", *_SHARES),
        [
            (row["tokens"], row["bytes_per_cycle"], f"{row['cycles']:,}", _percent(row["utilization"]), *_shares(row))
            for row in table["inferences"]
        ],
    )
    yield "![Where the cycles of inferences go](performance_bert.svg)\n"
    yield _ONE_PROGRAM
    yield markdown.table(
        ("tokens", "of at most", "cycles of its own program", "cycles of the one program", "more"),
        [
            (row["tokens"], row["up_to"], f"{row['own_cycles']:,}", f"{row['cycles']:,}", f"{_more(row):.2f} %")
            for row in table["one_program"]
        ],
    )
    yield "### Layers\n"
    yield markdown.table(
        ("model", "tokens", "cycles", "utilization", *_SHARES),
        [
            (row["model"], row["tokens"], f"{row['cycles']:,}", _percent(row["utilization"]), *_shares(row))
            for row in table["layers"]
        ],
    )
    yield _TRAFFIC
    yield markdown.table(
        ("tokens", "bytes a cycle", "weights", "over minimum", "instructions", "of weights", "all LOADs", "written"),
        [
            (
                row["tokens"],
                row["bytes_per_cycle"],
                f"{row['weights_read']:,}",
                f"{row['weights_read'] / row['weights_minimum']:.3f}",
                f"{row['instruction_bytes']:,}",
                _percent(100 * row["instruction_bytes"] / row["weights_read"]),
                f"{row['load_bytes']:,}",
                f"{row['write_bytes']:,}",
            )
            for row in table["inferences"]
        ],
    )


def _more(row: dict[str, Any]) -> float:
    """Percent by which the one program takes longer."""
    return 100 * (float(row["cycles"]) / float(row["own_cycles"]) - 1)


def _area(table: dict[str, Any]) -> Iterator[str]:
    yield _AREA
    yield markdown.table(
        (
            "what",
            "device",
            "multipliers in blocks",
            *_CELLS,
            "LUT-eq per MAC",
            "clock in MHz by seed",
            "wires in the slowest path",
        ),
        [
            (
                row["name"],
                row["device"],
                f"{row['dsp_multipliers']} of {row['macs']}",
                *_cells(row),
                f"{row['lut_eq'] / row['macs']:.2f}",
                ", ".join(f"{clock:.1f}" for clock in row["fmax"].values()) or "not placed",
                ", ".join(f"{share} %" for share in row.get("wires", {}).values()),
            )
            for row in table["rows"]
        ],
    )
    yield _UNITS
    yield markdown.table(
        ("chip", "unit", *_CELLS), [(row["chip"], f"`{row['unit']}`", *_cells(row)) for row in table["units"]]
    )


_CELLS = ("LUT4", "CCU2C", "DPR16X4", "FF", "MULT18X18D", "DP16KD", "LUT-eq")


def _cells(row: dict[str, Any]) -> Iterator[str]:
    for name in ("lut4", "ccu2c", "ram", "ff", "dsp", "ebr", "lut_eq"):
        yield f"{row[name]:,}"


def _sim(table: dict[str, Any]) -> Iterator[str]:
    speeds = table["reviews_per_second"]
    yield f"""\
## Speed of the simulations

Timed on {table["cores"]} processor cores: these change from run to run and from machine to machine.

| what | speed |
| --- | --- |
| RTL of the whole chip, 16x16, on one core | {table["cycles_per_second"]:,} cycles/s |
| integer model, a process with one BLAS thread on each core | {speeds["model"]} reviews/s |
| ONNX Runtime, dynamic int8, batches of 16, a thread on each core | {speeds["onnxruntime"]} reviews/s |

Reviews have 128 tokens and begin with the sums of their embeddings. The two take turns, and the figure is the middle
of the ratios. ONNX Runtime's BERT has MiniLM's shape and random weights, which do not change its speed.
"""


_SHARES = ("busy", "weights", "operand", "bank", "post", "load", "instruction")


def _shares(row: dict[str, Any]) -> Iterator[str]:
    for cause in CAUSES:
        yield _percent(100 * row["attribution"][cause] / row["cycles"])


def _percent(value: float) -> str:
    return f"{round(value, 1) + 0:.1f} %"  # no negative zero


def _number(value: float) -> str:
    return f"{value:,}"
