"""What each instruction of a program is part of."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from spec.isa import INSTRUCTION_BYTES, Drain, Gemm, Instruction, Load, LoadTarget, Stream, Sweep, SweepKind, decode
from spec.program import Program
from sw.lowering.bert_constants import BertConstants

__all__ = ["Label", "bert_labels", "plain_labels"]


@dataclass(frozen=True)
class Label:
    """An instruction, what it does, and of which layer and head, if it belongs to one."""

    instruction: Instruction
    operation: str
    layer: int | None = None
    head: int | None = None

    @property
    def name(self) -> str:
        """Such as ``layer 2 head 3 scores``."""
        parts = [] if self.layer is None else [f"layer {self.layer}"]
        parts += [] if self.head is None else [f"head {self.head}"]
        return " ".join([*parts, self.operation])


def plain_labels(program: Program) -> list[Label]:
    """Name instructions by what they are."""
    return [Label(instruction, _plain(instruction)) for instruction in _instructions(program)]


def bert_labels(program: Program, constants: BertConstants) -> list[Label]:
    """Name a BERT's instructions by the product whose weights they take, sweeps and LOADs by what they are.

    Scores and contexts have no weights; they are in the layer of the latest product that has.
    """
    matrices = sorted(_matrices(constants))
    starts = [addr for addr, _, _, _ in matrices]
    labels: list[Label] = []
    stream = _Stream(program)
    product = Label(Gemm(), "gemm")
    layer: int | None = None
    values = {
        panel.weights_addr: (index, number)
        for index, of_layer in enumerate(constants.layers)
        for number, of_head in enumerate(of_layer.heads)
        for panel in of_head.value
    }
    loaded: dict[int, int] = {}
    for instruction in _instructions(program):
        match instruction:
            case Stream():
                stream.append(instruction)
                labels.append(Label(instruction, "weights"))
            case Gemm(b_scratchpad=0):
                _, operation, layer, head = matrices[bisect_right(starts, stream.take(instruction)) - 1]
                product = Label(instruction, operation, layer, head)
                labels.append(product)
            case Gemm():
                if instruction.a_addr in loaded:
                    layer, head = values[loaded[instruction.a_addr]]
                    product = Label(instruction, "values", layer, head)
                else:
                    product = Label(instruction, "context" if instruction.a_unsigned else "scores", layer)
                labels.append(product)
            case Drain():
                labels.append(Label(instruction, product.operation, product.layer, product.head))
            case Load(target=LoadTarget.SCRATCHPAD):
                loaded[instruction.addr] = instruction.mem_addr
                labels.append(Label(instruction, _plain(instruction)))
            case _:
                labels.append(Label(instruction, _plain(instruction)))
    return labels


class _Stream:
    """Addresses of the weight stream's words, taken in order."""

    def __init__(self, program: Program) -> None:
        self._config = program.config
        self._spans: list[list[int]] = []

    def append(self, stream: Stream) -> None:
        self._spans.append([stream.mem_addr, stream.count * self._config.rows])

    def take(self, gemm: Gemm) -> int:
        """Return the address of a GEMM's first word and leave out all its words."""
        addr = self._spans[0][0]
        left = -(-gemm.n // self._config.cols) * self._config.cols * gemm.k_tiles * self._config.rows
        while left:
            span = self._spans[0]
            taken = min(left, span[1])
            span[0], span[1], left = span[0] + taken, span[1] - taken, left - taken
            if not span[1]:
                self._spans.pop(0)
        return addr


def _matrices(constants: BertConstants) -> Iterator[tuple[int, str, int | None, int | None]]:
    """Yield address, operation, layer and head of every panel of streamed weights."""
    base = constants.weights_base
    for index, layer in enumerate(constants.layers):
        for number, head in enumerate(layer.heads):
            for operation, matrix in (("query", head.query), ("key", head.key)):
                for panel in matrix.panels:
                    yield base + panel.weights_addr, operation, index, number
        slots = layer.ffn1_slots.panels if layer.ffn1_slots else ()
        for operation, panels in (
            ("output", layer.output.panels),
            ("ffn1", layer.ffn1.panels),
            ("ffn1", slots),
            ("ffn2", layer.ffn2.panels),
        ):
            for panel in panels:
                yield base + panel.weights_addr, operation, index, None
    for operation, matrix in (("pooler", constants.pooler), ("classifier", constants.classifier)):
        for panel in matrix.panels:
            yield base + panel.weights_addr, operation, None, None


def _instructions(program: Program) -> Iterator[Instruction]:
    for place in range(0, program.instructions.size, INSTRUCTION_BYTES):
        yield decode(program.instructions[place : place + INSTRUCTION_BYTES].tobytes())


def _plain(instruction: Instruction) -> str:
    match instruction:
        case Load():
            return f"load {LoadTarget(instruction.target).name.lower()}"
        case Sweep():
            return SweepKind(instruction.kind).name.lower()
    return instruction.opcode.name.lower()
