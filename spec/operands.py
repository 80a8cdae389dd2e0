"""The operands of every instruction: in which memory, from which word on, how many, read or written, and when.

Whoever must know what an instruction touches loops over :data:`OPERANDS`: the rules that are checked before it starts,
in software and in hardware, the tokens between engines, the host's addresses, and the table in ``docs/isa.md``.
"""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from spec.codes import SUM_BYTES
from spec.config import AcceleratorConfig
from spec.isa import (
    Destination,
    Instruction,
    LoadTarget,
    Opcode,
    ParamMode,
    SecondStage,
    Stats,
    SweepKind,
)
from spec.memories import TABLE_GROUP, TABLE_GROUPS, Memory, Word
from spec.param_record import RECORD_BYTES

__all__ = ["OPERANDS", "Operand", "When", "load_units"]


@dataclass(frozen=True)
class When:
    """A field has a value, or any other one; without a value: a flag is set."""

    field: str
    value: LoadTarget | Destination | ParamMode | SecondStage | Stats | SweepKind | None = None
    other: bool = False

    def holds(self, fields: Any) -> Any:
        """Tell whether it does, of an instruction's fields or of the signals that carry them."""
        found = getattr(fields, self.field)
        if self.value is None:
            return found
        return found != self.value if self.other else found == self.value


@dataclass(frozen=True, kw_only=True)
class Operand:
    """``rows`` rows of words, ``stride`` addresses apart, each a field of the instruction or a number.

    Parameters
    ----------
    name : str
        What the instruction takes it for. Of operands with one name, an instruction uses one at most.
    memory : Memory
        Where it is.
    first : str
        Field with the address of its first word.
    scale : int
        Addresses that one of ``first`` is: tables are numbered, and hold many words.
    rows : str or int
        How many rows.
    stride : str
        From one row to the next; "": each follows the one before.
    words : str or int
        Words of a row.
    values : str
        Values of a row, in whole words; given instead of ``words``.
    word : Word, optional
        What these words are. Default: those of the memory.
    reads, writes : bool
        What the instruction does with it.
    in_place : When, optional
        When an operand that is read is written, too.
    when : tuple of When
        It is used if one of them holds, or there is none.
    """

    name: str
    memory: Memory
    first: str
    scale: int = 1
    rows: str | int = 1
    stride: str = ""
    words: str | int = 1
    values: str = ""
    word: Word | None = None
    reads: bool = False
    writes: bool = False
    in_place: When | None = None
    when: tuple[When, ...] = ()

    @property
    def unit(self) -> Word:
        """Words of what it is in."""
        return self.word or self.memory.word

    def used(self, fields: Any) -> Any:
        """Tell whether an instruction uses it, from its fields or the signals that carry them."""
        return reduce(or_, (when.holds(fields) for when in self.when)) if self.when else 1

    def row_length(self, config: AcceleratorConfig, instruction: Instruction) -> int:
        """Return how many addresses a row takes: bytes of the memory outside the chip, else words."""
        words = _number(instruction, self.words)
        if self.values:
            words = -(-_number(instruction, self.values) // self.unit.values(config))
        return words * (self.unit.nbytes(config) if self.memory is Memory.MAIN else self.scale)

    def stop(self, instruction: Instruction, row_length: int) -> int:
        """Return the address behind its last row."""
        rows = _number(instruction, self.rows)
        stride = _number(instruction, self.stride) if self.stride else row_length
        return self.start(instruction) + (rows - 1) * stride + row_length

    def start(self, instruction: Instruction) -> int:
        """Return its first address."""
        return _number(instruction, self.first) * self.scale


_LOAD_WORDS: dict[LoadTarget, tuple[Memory, Word]] = {
    LoadTarget.SCRATCHPAD: (Memory.SCRATCHPAD, Memory.SCRATCHPAD.word),
    LoadTarget.VECTOR: (Memory.VECTOR, Memory.VECTOR.word),
    LoadTarget.PARAM: (Memory.PARAMS, Memory.PARAMS.word),
    LoadTarget.PARAM_BROADCAST: (Memory.PARAMS, Word(1, RECORD_BYTES)),
    LoadTarget.TABLE: (Memory.TABLES, TABLE_GROUP),
}
"""Which memory a LOAD fills, and what it takes from memory for each word."""

_SUMS = Word("lanes", SUM_BYTES)


def load_units(config: AcceleratorConfig, target: LoadTarget) -> tuple[int, int]:
    """Return how many units a LOAD's target holds and how many bytes of memory one unit takes."""
    memory, word = _LOAD_WORDS[target]
    return memory.size(config), word.nbytes(config)


def _number(instruction: Instruction, quantity: str | int) -> int:
    return getattr(instruction, quantity) if isinstance(quantity, str) else quantity


def _statistics(*when: When) -> Operand:
    return Operand(
        name="statistics",
        memory=Memory.STATISTICS,
        first="stats_addr",
        words="m",
        reads=True,
        writes=True,
        when=when,
    )


def _table(when: When) -> Operand:
    return Operand(
        name="table", memory=Memory.TABLES, first="table", scale=TABLE_GROUPS, words=1, reads=True, when=(when,)
    )


OPERANDS: dict[Opcode, tuple[Operand, ...]] = {
    Opcode.HALT: (),
    Opcode.LOAD: (
        *(
            Operand(
                name="target",
                memory=memory,
                first="addr",
                words="count",
                writes=True,
                when=(When("target", target),),
            )
            for target, (memory, _) in _LOAD_WORDS.items()
        ),
        *(
            Operand(
                name="source",
                memory=Memory.MAIN,
                first="mem_addr",
                words="count",
                word=word,
                reads=True,
                when=(When("target", target),),
            )
            for target, (_, word) in _LOAD_WORDS.items()
        ),
    ),
    Opcode.STREAM: (
        Operand(
            name="source",
            memory=Memory.MAIN,
            first="mem_addr",
            words="count",
            word=Memory.SCRATCHPAD.word,
            reads=True,
        ),
    ),
    Opcode.GEMM: (
        Operand(
            name="A",
            memory=Memory.SCRATCHPAD,
            first="a_addr",
            rows="m",
            stride="a_stride",
            words="k_tiles",
            reads=True,
        ),
        Operand(
            name="B",
            memory=Memory.SCRATCHPAD,
            first="b_addr",
            rows="n",
            stride="b_stride",
            words="k_tiles",
            reads=True,
            when=(When("b_scratchpad"),),
        ),
    ),
    Opcode.DRAIN: (
        *(
            Operand(
                name="destination",
                memory=memory,
                first="dest_addr",
                rows="m",
                stride="dest_stride",
                values="n",
                writes=True,
                when=(When("dest", dest),),
            )
            for dest, memory in (
                (Destination.SCRATCHPAD, Memory.SCRATCHPAD),
                (Destination.VECTOR, Memory.VECTOR),
            )
        ),
        Operand(
            name="destination",
            memory=Memory.MAIN,
            first="dest_addr",
            rows="m",
            values="n",
            word=_SUMS,
            writes=True,
            when=(When("dest", Destination.MEMORY),),
        ),
        *(
            Operand(
                name="parameters",
                memory=Memory.PARAMS,
                first="param_addr",
                words=words,
                values=values,
                reads=True,
                when=(When("param_mode", mode),),
            )
            for mode, words, values in (
                (ParamMode.COLUMN, 0, "n"),
                (ParamMode.ROW, "m", ""),
                (ParamMode.FIXED, 1, ""),
            )
        ),
        Operand(
            name="residual",
            memory=Memory.VECTOR,
            first="res_addr",
            rows="m",
            stride="res_stride",
            values="n",
            reads=True,
            when=(When("second", SecondStage.RESIDUAL),),
        ),
        _table(When("table_enable")),
        _statistics(When("stats", Stats.NONE, other=True), When("row_scale")),
    ),
    Opcode.SWEEP: (
        Operand(
            name="source",
            memory=Memory.VECTOR,
            first="src_addr",
            rows="m",
            stride="src_stride",
            values="n",
            reads=True,
            in_place=When("kind", SweepKind.LAYERNORM),
        ),
        Operand(
            name="destination",
            memory=Memory.SCRATCHPAD,
            first="dest_addr",
            rows="m",
            stride="dest_stride",
            values="n",
            writes=True,
            when=(When("kind", SweepKind.MOMENTS, other=True),),
        ),
        Operand(
            name="parameters",
            memory=Memory.PARAMS,
            first="param_addr",
            values="n",
            reads=True,
            when=(When("kind", SweepKind.LAYERNORM), When("kind", SweepKind.GATHER)),
        ),
        _table(When("kind", SweepKind.SOFTMAX)),
        _statistics(),
    ),
}
"""What each instruction takes and gives, in the order in which it is checked."""
