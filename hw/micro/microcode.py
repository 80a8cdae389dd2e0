"""What a microinstruction says, and an assembler."""

import dataclasses
import enum
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import unsigned
from amaranth.lib import data

__all__ = [
    "ADDRESS_BITS",
    "INDEX_BITS",
    "JUMP_EXTRAS",
    "SUM_BITS",
    "VALUE_BITS",
    "Access",
    "Action",
    "Alu",
    "Assembler",
    "Condition",
    "Local",
    "Mode",
    "Register",
    "Source",
    "With",
    "jump_word",
    "microinstruction",
    "operate_word",
]

ADDRESS_BITS = 11
"""Width of a microinstruction's address."""

INDEX_BITS = 8
"""Width of a register file's address."""

VALUE_BITS = 16
"""Width of the bus between memories and registers."""

SUM_BITS = 58
"""Width of A and B: a variance, which is the widest number on the way to a row's scalars, with its sign."""


class Access(enum.IntEnum):
    """What is read from or written to the memory or the scratchpad; words that are read come in the next cycle."""

    NONE = 0
    READ_RECORD = 1  # word `index` of the record at P
    READ_VECTOR = 2  # the word at V
    READ_ENTRY = 3  # the word that holds byte A
    WRITE_RECORD = 4
    WRITE_VECTOR = 5
    WRITE_RESULT = 6  # the word at S; S + 1
    STORE_BYTE = 8  # byte S of the scratchpad; S + 1
    STORE_HALF = 9  # the 16 bits of the scratchpad that begin with byte S; S + 2
    READ_OPERAND = 12  # the scratchpad's word at V; V + T
    STREAM = 13  # that goes through the array; V + T; L times


class Local(enum.IntEnum):
    """What is done with word `index` of the register file; one that is read comes in the next cycle."""

    NONE = 0
    READ = 1
    WRITE = 2
    READ_AT = 3  # the word at S
    WRITE_AT = 4


class Source(enum.IntEnum):
    """What is on the bus."""

    MEMORY = 0  # the word that was read last
    ENTRY = 1  # byte A of it
    LOCAL = 2  # the word that was read in the last cycle
    IMMEDIATE = 3
    INDEX = 4
    A_LOW = 5  # bits 0 to 15 of A
    A_HIGH = 6  # bits 16 to 31
    A_TOP = 7  # bits 32 to 47
    SUM_LOW = 8  # of an accumulator
    SUM_HIGH = 9
    WORD = 10  # half of a bus word
    COUNT = 11  # K
    ZERO = 12


class Register(enum.IntEnum):
    """What takes the bus, besides memories."""

    NONE = 0
    B_LOW = 1  # bits 0 to 15 and, with the sign, those above
    B_HIGH = 2  # bits 16 to 31 and those above
    B_TOP = 3  # bits 32 to 47 and those above
    M_LOW = 4  # and the sign above
    M_HIGH = 5  # bits 16 to 19
    SHIFT = 6  # C and D; a factor has all its digits again
    L = 7
    P = 8
    V = 9
    S = 10
    K = 11
    T = 12
    ROW = 13  # row of the accumulators; column 0
    ADDR_LOW = 14
    ADDR_HIGH = 15
    READ = 16  # beats less one: begins a burst from ADDR
    STATUS = 17
    MODE = 18
    M_TOP = 19  # bits 16 to 23
    READY = 20  # whatever it is: from now on the host may use the register file


class Alu(enum.IntEnum):
    """What becomes of A, and of M, which follows it to the right; the first eight can go with a jump."""

    HOLD = 0
    CLEAR = 1
    ADD = 2  # A + B
    SUBTRACT = 3  # A - B
    ADD_WORD = 4  # A + the bus, unsigned; this and the like only from a near source
    LEFT = 5  # both to the left by one bit
    LEFT_NOTED = 6  # and whether the sign that was noted is not negative into M
    ROOT = 7  # A - 2 B - 1, B + 1 if it is not negative; B to the left
    CLEAR_BOTH = 8  # A and M
    COMPARE = 9  # only notes the sign of A - B
    COMPARE_ROOT = 10  # only notes that of A - 2 B - 1
    ADD_SIGNED = 11  # A + the bus, signed
    ADD_HIGH = 12  # A + the bus, signed, as bits 16 to 31
    BIT = 13  # A + B if M is odd; M to the right, B to the left by one bit
    SUBTRACT_NOTED = 14  # A - B if the sign that was noted is not negative
    FACTOR = 15  # A, at the bounds of 18 bits if it has more, to M; 0
    # With bit 4, what repeats itself: with bit 0 or 1 it rounds, with bit 1 it multiplies.
    SHIFT = 16  # both to the right by two bits, C times; then to the left, D times
    ROUND_SHIFT = 17  # SHIFT; then A + the top bit of M
    SCALE = 18  # A + B * M, shifted to the right by 20 bits; then ROUND_SHIFT


class Action(enum.IntEnum):
    """What else happens."""

    NONE = 0
    NEXT_VECTOR = 1  # V + T
    NEXT_RESULT = 2  # S + 1
    NEXT_VALUE = 3  # K - 1; the next column of the accumulators; and its record, unless MODE has another
    NEXT_ROW = 4  # of the accumulators; its column 0
    READ_SUMS = 5  # of that row, by the next cycle
    COUNT_UP = 6  # K + 1
    COUNT_DOWN = 7  # K - 1
    POP = 8  # the next half of a bus word
    STREAMED_WEIGHTS = 9  # bus words to L - 1 columns of the array, from the last one on, while there are any
    WEIGHTS = 10  # the operand that was read, to the next column
    NO_WEIGHTS = 11  # zeros to L columns
    WRITE = 12  # the low 32 bits of A to ADDR
    FORGET = 13  # bus words that were read, and what went wrong
    B_LEFT = 14  # B + B


class Condition(enum.IntEnum):
    """When to go to `target`."""

    NEVER = 0
    ALWAYS = 1
    RETURN = 2  # always, to where the subroutine was called
    NOT_LESS = 3  # the sign that was noted is not negative
    OVERFLOW = 4  # A has more than 18 bits
    LAST = 5  # K is 1
    LOOP = 6  # L is more than 1; L becomes one less
    ODD = 7  # the bus, from the memory or the register file
    ZERO = 8  # the bus, from the register file
    ALIGNED = 9  # S is the first byte of a scratchpad word
    START = 10  # the host says so
    WORD = 11  # a bus word is there
    OWED = 12  # the bus has not answered all
    FAILED = 13  # it answered with an error, or not in time
    DEAD = 14  # not in time
    MORE = 15  # L is more than 1
    SECOND = 16  # RESIDUAL or SCALE
    ELSEWHERE = 17  # TABLE or TO_VECTOR
    STATISTICS = 18  # MAXIMUM or MOMENTS
    # From here on, bits of MODE.
    ROW_RECORDS = 19
    ROW_SCALE = 20
    RESIDUAL = 21
    TABLE = 22
    TO_VECTOR = 23
    TO_MEMORY = 24
    MOMENTS = 25
    SWEEP = 26
    NEGATIVE = 27  # A
    PLAIN_ROWS = 28  # neither ROW_RECORDS nor STATISTICS, ROW_SCALE or SECOND
    LONG = 29  # A has more than 16 bits
    RARE = 30  # TO_MEMORY or ROW_SCALE


class Mode(enum.IntEnum):
    """Bits of MODE: what the instruction asks for. Those of the array come first."""

    UNSIGNED = 0  # operands
    FRESH = 1  # sums begin at zero
    FIXED_RECORD = 2
    ROW_RECORDS = 3
    ROW_SCALE = 4
    RESIDUAL = 5
    SCALE = 6
    TABLE = 7
    TABLE_LOW = 8  # its number
    TABLE_HIGH = 9
    TO_VECTOR = 10
    TO_MEMORY = 11
    MAXIMUM = 12
    MOMENTS = 13
    SWEEP = 14


class With(enum.IntEnum):
    """What else a jump can do: each stands for some access, action and use of the register file."""

    NOTHING = 0
    COUNT_DOWN = 1
    COUNT_UP = 2
    NEXT_VALUE = 3
    STORE = 4
    STORE_AND_NEXT_VALUE = 5
    WEIGHTS = 6
    WRITE_AT = 7


JUMP_EXTRAS: dict[With, tuple[Access, Action, Local]] = {
    With.NOTHING: (Access.NONE, Action.NONE, Local.NONE),
    With.COUNT_DOWN: (Access.NONE, Action.COUNT_DOWN, Local.NONE),
    With.COUNT_UP: (Access.NONE, Action.COUNT_UP, Local.NONE),
    With.NEXT_VALUE: (Access.NONE, Action.NEXT_VALUE, Local.NONE),
    With.STORE: (Access.STORE_BYTE, Action.NONE, Local.NONE),
    With.STORE_AND_NEXT_VALUE: (Access.STORE_BYTE, Action.NEXT_VALUE, Local.NONE),
    With.WEIGHTS: (Access.NONE, Action.WEIGHTS, Local.NONE),
    With.WRITE_AT: (Access.NONE, Action.NONE, Local.WRITE_AT),
}
"""What :class:`With` stands for."""

microinstruction = data.StructLayout(
    {
        "target": unsigned(ADDRESS_BITS),
        "condition": unsigned(5),
        "negate": 1,
        "call": 1,
        "access": unsigned(4),
        "index": unsigned(INDEX_BITS),
        "local": unsigned(3),
        "source": unsigned(4),
        "destination": unsigned(5),
        "alu": unsigned(5),
        "action": unsigned(4),
        "immediate": unsigned(VALUE_BITS),
    }
)
"""All that a microinstruction can say."""

_JUMP_ALU = range(8)
_ADDS_BUS = (Alu.ADD_WORD, Alu.ADD_SIGNED, Alu.ADD_HIGH)
_KEEPS_M = (Alu.HOLD, Alu.CLEAR, Alu.ADD, Alu.SUBTRACT, *_ADDS_BUS)
_NEAR_SOURCES = (Source.MEMORY, Source.LOCAL, Source.IMMEDIATE)
_CONDITIONAL_SOURCES = {Condition.ODD: (Source.LOCAL, Source.MEMORY), Condition.ZERO: (Source.LOCAL,)}

_head = {"jumps": 1, "source": unsigned(4), "destination": unsigned(5)}
operate_word = data.StructLayout(
    _head
    | {
        "alu": unsigned(5),
        "index": unsigned(INDEX_BITS),
        "access": unsigned(4),
        "action": unsigned(4),
        "local": unsigned(3),
    }
)
"""A microinstruction that does not jump; an immediate stands in the place of ``index`` to ``action``."""

jump_word = data.StructLayout(
    _head
    | {
        "alu": unsigned(3),
        "extra": unsigned(3),
        "target": unsigned(ADDRESS_BITS),
        "condition": unsigned(5),
        "negate": 1,
        "call": 1,
    }
)
"""One that jumps, or may; with an index it always does, and that stands in the place of ``condition`` and ``extra``."""


@dataclass(kw_only=True)
class _Step:
    """One microinstruction with labels for addresses."""

    target: str = ""
    condition: Condition = Condition.NEVER
    negate: bool = False
    call: bool = False
    access: Access = Access.NONE
    index: int = 0
    local: Local = Local.NONE
    source: Source = Source.MEMORY
    destination: Register = Register.NONE
    alu: Alu = Alu.HOLD
    action: Action = Action.NONE
    immediate: int = 0

    @property
    def reads_local(self) -> bool:
        return self.local in {Local.READ, Local.READ_AT}

    @property
    def uses_local(self) -> bool:
        return self.source == Source.LOCAL

    @property
    def changes_factor(self) -> bool:
        return self.alu not in _KEEPS_M or self.destination in {Register.M_LOW, Register.M_HIGH, Register.M_TOP}

    def encode(self, target: int) -> int:
        """Return the word.

        Raises
        ------
        ValueError
            If not all of it fits.
        """
        fields: dict[str, int] = {"source": self.source, "destination": self.destination}
        if self.alu in _ADDS_BUS and self.source not in _NEAR_SOURCES:
            raise ValueError(f"only what is in a memory or immediate can be added: {self!r}")
        if self.condition != Condition.NEVER:
            fields |= {"jumps": 1, "target": target, "condition": self.condition}
            fields |= {"negate": self.negate, "call": self.call}
            extra = next((k for k, v in JUMP_EXTRAS.items() if v == (self.access, self.action, self.local)), None)
            if extra is None or self.source == Source.IMMEDIATE or self.alu not in _JUMP_ALU:
                raise ValueError(f"a jump must not go with {self!r}")
            if self.source != Source.INDEX:
                if self.source not in _CONDITIONAL_SOURCES.get(self.condition, Source):
                    raise ValueError(f"a condition must not depend on this source: {self!r}")
                return int(jump_word.const(fields | {"alu": self.alu, "extra": extra}).as_bits())
            if self.condition != Condition.ALWAYS or self.negate or extra != With.NOTHING:
                raise ValueError(f"a jump with an index must not go with {self!r}")
            fields |= {"alu": self.alu, "condition": self.index % 32, "extra": self.index // 32}
            return int(jump_word.const(fields).as_bits())
        fields |= {"alu": self.alu, "local": self.local}
        if self.source != Source.IMMEDIATE:
            fields |= {"index": self.index, "access": self.access, "action": self.action}
        elif self.index or self.access or self.action:
            raise ValueError(f"an immediate must not go with {self!r}")
        else:
            value = self.immediate % (1 << VALUE_BITS)
            index, rest = value % (1 << INDEX_BITS), value >> INDEX_BITS
            fields |= {"index": index, "access": rest % 16, "action": rest // 16}
        return int(operate_word.const(fields).as_bits())


class Assembler:
    """An assembler that collects microinstructions, in order, and turns them into words."""

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
        step.encode(0)
        self._steps.append(step)

    @property
    def length(self) -> int:
        """Microinstructions so far."""
        return len(self._steps)

    def words(self) -> list[int]:
        """Return the program.

        Raises
        ------
        ValueError
            If it is too long, a label does not exist, a product follows a change of its factor, or a word of the
            register file is used in a cycle in which it may be gone: the host reads where the program does not.
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
            if step.alu == Alu.SCALE and any(earlier.changes_factor for earlier in before[place]):
                raise ValueError(f"step {place} must not follow a change of M")
            if step.uses_local and not all(earlier.reads_local for earlier in before[place]):
                raise ValueError(f"step {place} must follow a read")
        return [step.encode(self._find(step.target) if step.target else 0) for step in self._steps]

    def _find(self, label: str) -> int:
        if label not in self._labels:
            raise ValueError(f"label must exist, not {label!r}")
        return self._labels[label]
