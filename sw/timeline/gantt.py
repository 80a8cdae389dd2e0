"""A drawing of some cycles, as SVG."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from sw.timeline.slices import TRACKS, Slice

__all__ = ["gantt"]

_WIDTH, _LEFT, _TOP, _ROW, _BAR = 1000, 100, 44, 34, 24

_DOT = 2
"""Width of a stretch of time whose shares are drawn."""

_STEPS = 2 * _BAR
"""Heights that a share may have."""

_LEGEND_ROW, _OPERATION_COLUMN, _STATE_COLUMN = 18, 166, 333

_OPERATIONS = {
    "query": "#4361ee",
    "key": "#4895ef",
    "value": "#4cc9f0",
    "scores": "#f4a261",
    "context": "#e9c46a",
    "output": "#7b2cbf",
    "ffn1": "#2a9d8f",
    "ffn2": "#52b788",
    "softmax": "#e76f51",
    "norm": "#d62828",
    "moments": "#f28482",
    "slots": "#9d0208",
    "pooler": "#5e548e",
    "classifier": "#231942",
    "weights": "#8d99ae",
    "load scratchpad": "#577590",
    "load vector": "#90be6d",
    "load param": "#b08968",
    "load param broadcast": "#ddb892",
    "load table": "#7f5539",
}

_STATES = {
    "busy": "#2a6f97",
    "wait weights": "#c9ada7",
    "wait operand": "#f2cc8f",
    "wait bank": "#b56576",
    "wait row": "#ffb4a2",
    "wait memory": "#588157",
    "wait load": "#dda15e",
    "wait post": "#e07a5f",
    "wait array": "#9c6644",
    "wait instruction": "#c77dff",
}

_COLORS = _OPERATIONS | _STATES
"""Of what is drawn, from the bottom of a row to its top."""

_OTHER, _OTHER_COLOR = "other", "#ced4da"


def gantt(slices: Sequence[Slice], title: str, start: int, stop: int) -> str:
    """Return an SVG of the cycles from ``start`` to before ``stop``, a row for each track.

    A row's height stands for all cycles of a short stretch of time: each kind of slice takes its share of it, and what
    stays blank had none. The legend names every kind; of the states of an engine it gives the shares of all cycles.
    """
    height = _TOP + _ROW * len(TRACKS) + 30
    bars: list[str] = []
    totals: dict[str, dict[str, float]] = {}
    for row, track in enumerate(TRACKS):
        y = _TOP + row * _ROW
        bars.append(f'<text x="{_LEFT - 8}" y="{y + _BAR - 7}" text-anchor="end">{escape(track)}</text>')
        own = [each for each in slices if each.track == track and each.stop > start and each.start < stop]
        columns = _shares(own, start, (stop - start) * _DOT / _WIDTH)
        for kind in _kinds(columns):
            totals.setdefault(kind, {})[track] = sum(column.get(kind, 0) for column in columns) / len(columns)
        bars += _drawn(columns, y)
    legend, end = _legend(totals, height)
    axis = "".join(
        f'<text x="{_LEFT + _WIDTH * i / 4:.0f}" y="{_TOP + _ROW * len(TRACKS) + 8}" text-anchor="middle">'
        f"{start + (stop - start) * i // 4:,}</text>"
        for i in range(5)
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 40} {end}" '
            'font-family="sans-serif" font-size="12">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="{_LEFT}" y="24" font-size="15">{escape(title)}</text>',
            *bars,
            axis,
            *legend,
            "</svg>\n",
        ]
    )


def _shares(own: Iterable[Slice], start: int, span: float) -> list[dict[str, float]]:
    """Return the share of each kind in every stretch of ``span`` cycles."""
    shares: list[dict[str, float]] = [defaultdict(float) for _ in range(_WIDTH // _DOT)]
    for each in own:
        first, last = max((each.start - start) / span, 0), min((each.stop - start) / span, len(shares))
        for place in range(int(first), min(int(last) + 1, len(shares))):
            shares[place][_kind(each)] += min(last, place + 1) - max(first, place)
    return shares


def _kinds(columns: Iterable[dict[str, float]]) -> list[str]:
    """Return the kinds that there are, from the bottom of a row to its top."""
    found = {kind for column in columns for kind in column}
    return [kind for kind in (*_COLORS, _OTHER) if kind in found]


def _drawn(columns: Sequence[dict[str, float]], y: int) -> Iterator[str]:
    """Yield a row's rectangles: neighbours of like shares make one."""
    below = [0.0] * len(columns)
    for kind in _kinds(columns):
        above = [base + column.get(kind, 0) for base, column in zip(below, columns, strict=True)]
        edges = [(round(base * _STEPS), round(top * _STEPS)) for base, top in zip(below, above, strict=True)]
        place = 0
        yield f'<g fill="{_COLORS.get(kind, _OTHER_COLOR)}">'
        for (base, top), run in groupby(edges):
            count = len(list(run))
            if top > base:
                yield (
                    f'<rect x="{_LEFT + place * _DOT}" y="{y + _BAR - top * _BAR / _STEPS:g}" '
                    f'width="{count * _DOT}" height="{(top - base) * _BAR / _STEPS:g}"/>'
                )
            place += count
        yield "</g>"
        below = above


def _legend(totals: dict[str, dict[str, float]], y: int) -> tuple[list[str], int]:
    """Return the legend from ``y`` on, and where it ends: operations, then states with their shares."""
    operations = [(kind, kind) for kind in (*_OPERATIONS, _OTHER) if kind in totals]
    states = [(kind, f"{kind}: {_spelled(totals[kind])}") for kind in _STATES if kind in totals]
    entries: list[str] = []
    for group, width in ((operations, _OPERATION_COLUMN), (states, _STATE_COLUMN)):
        columns = _WIDTH // width
        for number, (kind, text) in enumerate(group):
            x, line = _LEFT + number % columns * width, y + number // columns * _LEGEND_ROW
            entries.append(
                f'<rect x="{x}" y="{line - 10}" width="12" height="12" fill="{_COLORS.get(kind, _OTHER_COLOR)}"/>'
            )
            entries.append(f'<text x="{x + 17}" y="{line}">{escape(text)}</text>')
        y += -(-len(group) // columns) * _LEGEND_ROW
    return entries, y


def _spelled(shares: dict[str, float]) -> str:
    return ", ".join(f"{track.split()[0]} {share:.1%}" for track, share in shares.items())


def _kind(each: Slice) -> str:
    """Return what colors stand for: the operation that a slice's name ends with, or a state."""
    name = each.name.rpartition(".")[2]
    return name if name in _COLORS else next((kind for kind in _OPERATIONS if name.endswith(f"_{kind}")), _OTHER)
