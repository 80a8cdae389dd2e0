"""A picture of how one layer becomes instructions, ``docs/lowering.svg``, drawn from the labels of a real program."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from spec.isa import Instruction
from spec.presets import PRESETS
from spec.program import Program
from sw.apps.model_files import load_model
from sw.lowering import lower_network
from sw.network.network import Network

__all__ = ["Part", "layer_parts", "lowering_figure"]

_MODEL, _PRESET, _TOKENS, _LAYER = "minilm-l6-imdb", "default", 128, 1

_OPCODES = ("LOAD", "STREAM", "GEMM", "DRAIN", "SWEEP")

_WIDTH, _ROW, _TOP, _GAP = 1000, 20, 76, 12
_NODE_X, _NODE_WIDTH, _PART_X = 10, 130, 176
_COUNT_X, _COUNT_WIDTH = 326, 57
_STRIP_X = 620

_COLORS = ("#d62828", "#4361ee", "#7b2cbf", "#e76f51", "#2a9d8f", "#b08968")
"""Of the nodes, one behind the other."""


@dataclass
class Part:
    """What has a label of its own in a layer: an operator, or a part of one, in all heads together.

    ``places`` are those of its instructions in the program, ``counts`` their number by opcode.
    """

    node: str
    name: str
    heads: set[int] = field(default_factory=set)
    places: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, place: int, instruction: Instruction, head: int | None) -> None:
        """Take in an instruction."""
        self.places.append(place)
        self.counts[instruction.opcode.name] += 1
        if head is not None:
            self.heads.add(head)

    @property
    def title(self) -> str:
        """What the picture calls it."""
        return f"{self.name}, {len(self.heads)} heads" if self.heads else self.name


def layer_parts(program: Program, network: Network, prefix: str) -> list[Part]:
    """Return the parts of the operators whose names begin so, in the operators' order, then by their first work.

    Parameters
    ----------
    program : Program
        With labels.
    network : Network
        What it was made from.
    prefix : str
        Such as ``layers.1.``.
    """
    nodes = [node.name for node in network.nodes if node.name.startswith(prefix)]
    parts: dict[tuple[str, str], Part] = {}
    working: list[Part] = []
    for place, (label, instruction) in enumerate(zip(program.labels, program, strict=True)):
        node = next((name for name in nodes if label == name or label.startswith(f"{name}.")), None)
        if node is None:
            continue
        names = label.removeprefix(node).split(".")[1:]
        head = int(names.pop(0)) if names and names[0].isdigit() else None
        fetches = instruction.opcode.name in ("LOAD", "STREAM")
        if fetches:
            names.pop()  # says what is fetched
        name = " ".join(names) or node.removeprefix(prefix)
        part = parts.setdefault((node, name), Part(node=node, name=name))
        part.add(place, instruction, head)
        if not fetches and part not in working:
            working.append(part)
    return sorted(working, key=lambda part: nodes.index(part.node))


def lowering_figure() -> str:
    """Return the picture of a layer of the default model as SVG."""
    checkpoint, _ = load_model(Path(_MODEL))
    config = PRESETS[_PRESET]
    program = lower_network(checkpoint, config, _TOKENS)
    parts = layer_parts(program, checkpoint.network, f"layers.{_LAYER}.")
    total = sum(part.counts.total() for part in parts)
    title = f"Layer {_LAYER} of {_MODEL}, {_TOKENS} tokens, on {config.rows}x{config.cols}: {total} instructions"
    return _drawn(title, parts)


def _drawn(title: str, parts: Sequence[Part]) -> str:
    first = min(min(part.places) for part in parts)
    span = max(max(part.places) for part in parts) + 1 - first
    shapes: list[str] = [_text(_NODE_X, 22, title, size=15)]
    heads = [
        (_NODE_X, "operator", "start"),
        (_PART_X, "part", "start"),
        (_STRIP_X, "their places in the program", "start"),
    ]
    heads += [(_right(number), opcode, "end") for number, opcode in enumerate(_OPCODES)]
    shapes += [_text(x, _TOP - 16, name, anchor=anchor, fill="#6c757d") for x, name, anchor in heads]
    y = _TOP
    for number, (node, group) in enumerate(groupby(parts, lambda part: part.node)):
        own, color = list(group), _COLORS[number % len(_COLORS)]
        height = _ROW * len(own)
        shapes += _node(node.rpartition(".")[2], y, height, color)
        for row, part in enumerate(own):
            shapes += _part(part, y + row * _ROW, y + height / 2, color, first, span)
        y += height + _GAP
    totals = Counter[str]()
    for part in parts:
        totals += part.counts
    shapes.append(f'<path d="M{_PART_X} {y - 4}H{_right(len(_OPCODES) - 1)}" stroke="#adb5bd"/>')
    shapes.append(_text(_PART_X, y + 14, "all"))
    shapes += [_text(_right(n), y + 14, str(totals[opcode]), anchor="end") for n, opcode in enumerate(_OPCODES)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 26}" font-family="sans-serif" '
        'font-size="12">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *shapes, "</svg>\n"])


def _node(name: str, y: float, height: float, color: str) -> Iterator[str]:
    """Yield the box of an operator."""
    yield (
        f'<rect x="{_NODE_X}" y="{y}" width="{_NODE_WIDTH}" height="{height}" rx="4" fill="{color}" '
        f'fill-opacity="0.15" stroke="{color}"/>'
    )
    yield _text(_NODE_X + _NODE_WIDTH / 2, y + height / 2 + 4, name, anchor="middle")


def _part(part: Part, y: float, middle: float, color: str, first: int, span: int) -> Iterator[str]:
    """Yield the row of a part: a line from its operator, its counts, and where its instructions stand."""
    center, start, end = y + _ROW / 2, _NODE_X + _NODE_WIDTH, _PART_X - 5
    bend = (start + end) / 2
    yield (
        f'<path d="M{start} {middle:g}C{bend:g} {middle:g} {bend:g} {center:g} {end} {center:g}" fill="none" '
        f'stroke="{color}"/>'
    )
    yield _text(_PART_X, center + 4, part.title)
    for number, opcode in enumerate(_OPCODES):
        if part.counts[opcode]:
            yield _text(_right(number), center + 4, str(part.counts[opcode]), anchor="end")
    width = _WIDTH - 10 - _STRIP_X
    yield f'<rect x="{_STRIP_X}" y="{y + 3:g}" width="{width}" height="{_ROW - 6}" fill="#f1f3f5"/>'
    bars = "".join(
        f"M{_STRIP_X + (begin - first) * width / span:.1f} {y + 3:g}"
        f"h{(stop - begin) * width / span:.1f}v{_ROW - 6}h-{(stop - begin) * width / span:.1f}z"
        for begin, stop in _runs(part.places)
    )
    yield f'<path d="{bars}" fill="{color}"/>'


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield first and behind the last of places that follow each other."""
    for _, run in groupby(enumerate(places), lambda pair: pair[1] - pair[0]):
        numbers = [place for _, place in run]
        yield numbers[0], numbers[-1] + 1


def _right(number: int) -> int:
    """Right end of a column of counts."""
    return _COUNT_X + (number + 1) * _COUNT_WIDTH - 10


def _text(x: float, y: float, content: str, *, anchor: str = "start", fill: str = "black", size: int = 12) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{fill}" font-size="{size}">{escape(content)}</text>'
