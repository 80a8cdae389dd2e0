"""The microinstruction of the serial post-processor, and an assembler for it."""

import dataclasses
import enum
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import unsigned
from amaranth.lib import data

__all__ = [
    "ADDRESS_BITS",
    "SUM_BITS",
    "VALUE_BITS",
    "Access",
    "Action",
    "Alu",
    "Assembler",
    "Condition",
    "Field",
    "Register",
    "Source",
    "microinstruction",
]

ADDRESS_BITS = 10
"""Width of a microinstruction's address."""

VALUE_BITS = 16
"""Width of the bus between memory and registers."""

SUM_BITS = 58
"""Width of A and B: a variance, which is the widest number on the way to a row's scalars, with its sign."""

_INDEX_BITS = 5


class Access(enum.IntEnum):
    """What the memory does; the word that is read is on :attr:`Source.MEMORY` in the next cycle, and only there."""

    NONE = 0
    READ_LOCAL = 1  # local variable `index`
    READ_RECORD = 2  # word `index` of the record at P
    READ_VECTOR = 3  # the vector word at V
    READ_TABLE = 4  # the table's word that holds entry A
    WRITE_LOCAL = 5
    WRITE_RECORD = 6
    WRITE_VECTOR = 7
    WRITE_RESULT = 8  # the vector word at S


class Source(enum.IntEnum):
    """What is on the bus."""

    MEMORY = 0
    IMMEDIATE = 1
    FIELD = 2  # number `index` of :class:`Field`
    A_LOW = 3  # bits 0 to 15 of A
    A_HIGH = 4  # bits 16 to 31
    A_SUM = 5  # bits 16 to 28, extended: the upper part of a sum in the statistics
    A_TOP = 6  # bits 32 to 43: that of a sum of squares
    COUNT = 7  # K


class Field(enum.IntEnum):
    """Numbers that stand in an instruction, or come from elsewhere; those that two kinds share are one."""

    M = 0
    N = 1
    DEST = 2
    DEST_STRIDE = 3
    DEST_BYTE = 4
    VECTOR = 5
    VECTOR_STRIDE = 6
    PARAM = 7
    PRE_SHIFT = 8
    SHIFT = 9
    SECOND_SHIFT = 10
    CLIP_LOW = 11
    CLIP_HIGH = 12
    STATS = 13
    ROW_LENGTH = 14
    ACCUMULATOR_LOW = 15
    ACCUMULATOR_HIGH = 16
    TABLE_ENTRY = 17


class Register(enum.IntEnum):
    """What takes the bus, besides the memory."""

    NONE = 0
    B_LOW = 1  # bits 0 to 15 and, with the sign, those above
    B_HIGH = 2  # bits 16 to 31 and those above
    B_TOP = 3  # bits 32 to 47 and those above
    M_LOW = 4
    M_HIGH = 5
    C = 6  # and L becomes 18, the bits of a factor
    L = 7
    P = 8
    V = 9
    S = 10
    K = 11


class Alu(enum.IntEnum):
    """What becomes of A, and of the registers that work with it."""

    HOLD = 0
    CLEAR = 1
    ADD = 2  # A + B; notes the sign
    SUBTRACT = 3  # A - B; notes the sign
    COMPARE = 4  # only notes the sign of A - B
    COMPARE_ROOT = 5  # only notes that of A - B - 1
    TEST = 6  # only notes that of A
    INCREMENT = 7  # A + 1
    ROUND = 8  # A + the last bit that was shifted out
    SHIFT = 9  # A >> 1, C times
    MULTIPLY = 10  # A + B * M, then A >> C; M has L bits
    MULTIPLY_UNSIGNED = 11
    DOUBLE = 12  # A + A
    DOUBLE_QUOTIENT = 13  # A + A + whether the sign that was noted is not negative
    DOUBLE_RADICAND = 14  # A + A + the top bit of M, which shifts left
    DIVIDE = 15  # A - B if the sign that was noted is not negative
    ROOT = 16  # A - B - 1 if it is not negative; B becomes 2 B, plus 4 then


class Action(enum.IntEnum):
    """What else happens."""

    NONE = 0
    NEXT_VECTOR = 1  # V + 1
    NEXT_RESULT = 2  # S + 1
    STORE = 3  # low byte of A to the scratchpad, at byte S; S + 1
    NEXT_VALUE = 4  # the next value of the row: K - 1; the accumulator beside it; in COLUMN mode the next record
    NEXT_ROW = 5  # first accumulator of the next row
    FIRST_ROW = 6  # first accumulator of the bank
    COUNT_UP = 7  # K + 1
    COUNT_DOWN = 8  # K - 1
    B_LEFT = 9  # B + B
    READ_ACCUMULATOR = 10
    PUSH = 11  # offer the low 32 bits of A to the bus
    PUSH_LAST = 12
    FREE = 13  # give the bank back
    DONE = 14  # the instruction is complete


class Condition(enum.IntEnum):
    """When to go to ``target``."""

    NEVER = 0
    ALWAYS = 1
    RETURN = 2  # always, to where the subroutine was called
    NOT_NEGATIVE = 3  # the sign that was noted in an earlier cycle
    OVERFLOW = 4  # A has more than 18 bits
    LAST = 5  # K is 1
    LOOP = 6  # L is more than 1; L becomes one less
    ODD = 7  # lowest bit of the memory's word
    ALIGNED = 8  # S is the first byte of a scratchpad word
    INSTRUCTION = 9  # there is one
    BANK = 10  # there is a full one
    ACCEPTED = 11  # the bus takes what is offered
    WRITTEN = 12  # the DRAIN to memory is complete
    # From here on, flags of the instruction.
    SWEEP = 16
    TO_VECTOR = 17
    TO_MEMORY = 18
    BY_ROW = 19
    ROW_SCALE = 20
    SECOND = 21
    RESIDUAL = 22
    TABLE = 23
    STATISTICS = 24
    SUMS = 25
    FIRST = 26
    JOB = 27
    MOMENTS = 28
    SOFTMAX = 29
    GATHER = 30
    COLUMN_RECORDS = 31


microinstruction = data.StructLayout(
    {
        "target": unsigned(ADDRESS_BITS),
        "condition": unsigned(5),
        "negate": 1,
        "call": 1,
        "access": unsigned(4),
        "index": unsigned(_INDEX_BITS),
        "source": unsigned(3),
        "destination": unsigned(4),
        "alu": unsigned(5),
        "action": unsigned(4),
    }
)
"""One microinstruction, which takes a cycle; an immediate stands in the place of ``target`` to ``negate``."""


@dataclass(kw_only=True)
class _Step:
    """One microinstruction with labels for addresses."""

    target: str = ""
    condition: Condition = Condition.NEVER
    negate: bool = False
    call: bool = False
    access: Access = Access.NONE
    index: int = 0
    source: Source = Source.MEMORY
    destination: Register = Register.NONE
    alu: Alu = Alu.HOLD
    action: Action = Action.NONE
    immediate: int = 0

    @property
    def reads(self) -> bool:
        return Access.READ_LOCAL <= self.access <= Access.READ_TABLE

    @property
    def uses_memory(self) -> bool:
        writes = self.access > Access.READ_TABLE
        taken = self.destination != Register.NONE or writes
        entry = self.source == Source.FIELD and self.index == Field.TABLE_ENTRY
        return self.condition == Condition.ODD or (taken and (entry or self.source == Source.MEMORY))


class Assembler:
    """Collects microinstructions, in order, and turns them into words."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._labels: dict[str, int] = {}

    def label(self, name: str) -> None:
        """Name the address of the next microinstruction.

        Raises
        ------
        ValueError
            If there is such a name.
        """
        if name in self._labels:
            raise ValueError(f"label must be new, not {name!r}")
        self._labels[name] = len(self._steps)

    def op(self, **fields: Any) -> None:
        """Append a microinstruction; ``target`` is a label, and goes with ``condition``.

        Raises
        ------
        ValueError
            If two of the fields do not fit together.
        """
        step = _Step(**fields)
        if step.target and step.condition == Condition.NEVER:
            step = dataclasses.replace(step, condition=Condition.ALWAYS)
        if step.source == Source.IMMEDIATE and step.condition != Condition.NEVER:
            raise ValueError("an immediate must not go with a condition")
        self._steps.append(step)

    def words(self) -> list[int]:
        """Return the program.

        Raises
        ------
        ValueError
            If it is too long, a label does not exist, or a word of the memory is used in a cycle in which it may be
            gone: loads write where the program does not access the memory.
        """
        if len(self._steps) > 1 << ADDRESS_BITS:
            raise ValueError(f"the program must have at most {1 << ADDRESS_BITS} steps, not {len(self._steps)}")
        before: list[list[_Step]] = [[] for _ in range(len(self._steps) + 1)]
        for place, step in enumerate(self._steps):
            if step.target:
                before[self._find(step.target)].append(step)
            if step.condition not in {Condition.ALWAYS, Condition.RETURN} or step.negate:
                before[place + 1].append(step)
        for place, step in enumerate(self._steps):
            if step.uses_memory and not all(earlier.reads for earlier in before[place]):
                raise ValueError(f"step {place} must follow a read")
        return [self._encode(step) for step in self._steps]

    def _find(self, label: str) -> int:
        if label not in self._labels:
            raise ValueError(f"label must exist, not {label!r}")
        return self._labels[label]

    def _encode(self, step: _Step) -> int:
        fields = {
            name: int(getattr(step, name))
            for name in ("condition", "negate", "call", "access", "index", "source", "destination", "alu", "action")
        }
        fields["target"] = self._find(step.target) if step.target else 0
        word: int = microinstruction.const(fields).as_bits()
        return word | (step.immediate & 0xFFFF) if step.source == Source.IMMEDIATE else word
