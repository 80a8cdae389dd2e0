"""Stacked bars of where the cycles go, as SVG with the same bytes for the same numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.measurement import CAUSES

__all__ = ["plot_attribution"]

_COLORS = {
    "busy": "#2a6f97",
    "wait_weights": "#e07a5f",
    "wait_operand": "#f2cc8f",
    "wait_bank": "#b56576",
    "wait_post": "#81b29a",
    "wait_load": "#9d8189",
    "wait_instruction": "#adb5bd",
}

_SETTINGS = {"svg.hashsalt": "systolm", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}


def plot_attribution(bars: Sequence[tuple[str, dict[str, int]]], title: str, path: Path) -> None:
    """Draw one horizontal bar for each attribution, in percent of its cycles.

    Parameters
    ----------
    bars : sequence of (str, dict)
        Label, and cycles by cause.
    title : str
    path : Path
        Where the SVG goes.

    Raises
    ------
    RuntimeError
        If ``matplotlib`` is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415  # only for benchmarks
        from matplotlib.figure import Figure as Canvas  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise RuntimeError(f"{error.name} must be installed: pip install -c constraints.txt -e '.[bench]'") from error
    with mpl.rc_context(_SETTINGS):
        canvas: Any = Canvas(figsize=(8, 1.4 + 0.28 * len(bars)), layout="constrained")
        axes = canvas.subplots()
        labels = [label for label, _ in bars]
        totals = [sum(attribution.values()) for _, attribution in bars]
        left = [0.0] * len(bars)
        for cause, color in _COLORS.items():
            shares = [100 * attribution[cause] / total for (_, attribution), total in zip(bars, totals, strict=True)]
            axes.barh(labels, shares, left=left, color=color, label=CAUSES[cause], height=0.7)
            left = [a + b for a, b in zip(left, shares, strict=True)]
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of cycles")
        axes.set_title(title, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        canvas.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
        canvas.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
