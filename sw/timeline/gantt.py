"""A drawing of some cycles, as SVG."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from sw.timeline.slices import TRACKS, Slice

__all__ = ["gantt"]

_WIDTH, _LEFT, _TOP, _ROW, _BAR = 1000, 100, 44, 34, 24

_LEGEND_COLUMN, _LEGEND_ROW = 130, 18

_COLORS = {
    "query": "#4361ee",
    "key": "#4895ef",
    "values": "#4cc9f0",
    "scores": "#f4a261",
    "context": "#e9c46a",
    "output": "#7b2cbf",
    "ffn1": "#2a9d8f",
    "ffn2": "#52b788",
    "softmax": "#e76f51",
    "layernorm": "#d62828",
    "gather": "#9d0208",
    "weights": "#8d99ae",
    "busy": "#2a6f97",
    "wait weights": "#8d99ae",
    "wait operand": "#f2cc8f",
    "wait bank": "#b56576",
    "wait post": "#e07a5f",
    "wait array": "#e07a5f",
    "wait row": "#ffb4a2",
}
_OTHER = "#ced4da"


def gantt(slices: Sequence[Slice], title: str, start: int, stop: int) -> str:
    """Return an SVG of the cycles from ``start`` to before ``stop``, a row for each track.

    Every dot shows the kind of slice that takes most of its cycles, or nothing if most of them have none.
    """
    dot = (stop - start) / _WIDTH
    height = _TOP + _ROW * len(TRACKS) + 30
    bars: list[str] = []
    used: dict[str, str] = {}
    for row, track in enumerate(TRACKS):
        y = _TOP + row * _ROW
        bars.append(f'<text x="{_LEFT - 8}" y="{y + _BAR - 7}" text-anchor="end">{escape(track)}</text>')
        own = [each for each in slices if each.track == track and each.stop > start and each.start < stop]
        for kind, first, last in _drawn(own, start, dot):
            color = _COLORS.get(kind, _OTHER)
            used[kind if kind in _COLORS else "other"] = color
            bars.append(f'<rect x="{_LEFT + first}" y="{y}" width="{last - first}" height="{_BAR}" fill="{color}"/>')
    legend = []
    columns = _WIDTH // _LEGEND_COLUMN
    for number, (kind, color) in enumerate(used.items()):
        x, y = _LEFT + number % columns * _LEGEND_COLUMN, height + number // columns * _LEGEND_ROW
        legend.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{color}"/>')
        legend.append(f'<text x="{x + 17}" y="{y}">{escape(kind)}</text>')
    total = height + -(-len(used) // columns) * _LEGEND_ROW
    axis = "".join(
        f'<text x="{_LEFT + _WIDTH * i / 4:.0f}" y="{_TOP + _ROW * len(TRACKS) + 8}" text-anchor="middle">'
        f"{start + (stop - start) * i // 4:,}</text>"
        for i in range(5)
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 40} {total}" '
            'font-family="sans-serif" font-size="12">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="{_LEFT}" y="24" font-size="15">{escape(title)}</text>',
            *bars,
            axis,
            *legend,
            "</svg>\n",
        ]
    )


def _drawn(own: Sequence[Slice], start: int, dot: float) -> Iterator[tuple[str, int, int]]:
    """Yield kind, first dot and dot behind the last: every dot shows what took most of its cycles."""
    shares: list[dict[str, float]] = [defaultdict(float) for _ in range(_WIDTH)]
    for each in own:
        first, last = max((each.start - start) / dot, 0), min((each.stop - start) / dot, _WIDTH)
        for place in range(int(first), min(int(last) + 1, _WIDTH)):
            shares[place][_kind(each)] += min(last, place + 1) - max(first, place)
    kinds = (max(share, key=share.__getitem__) if sum(share.values()) >= 0.5 else "" for share in shares)
    place = 0
    for kind, run in groupby(kinds):
        count = len(list(run))
        if kind:
            yield kind, place, place + count
        place += count


def _kind(each: Slice) -> str:
    """The operation in a slice's name, which is what colors stand for."""
    return next((kind for kind in _COLORS if each.name.endswith(kind)), each.name)
