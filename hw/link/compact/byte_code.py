"""Programs of the byte machine."""

from collections.abc import Sequence
from enum import IntEnum

from amaranth.hdl import unsigned
from amaranth.lib import data

__all__ = [
    "NAMED_PAGE",
    "PAGE_BYTES",
    "PROGRAM_WORDS",
    "Action",
    "ByteCode",
    "Function",
    "Place",
    "Source",
    "jump",
    "operation",
    "outside",
]

PAGE_BYTES = 256
"""Bytes of the page that instructions reach through the index, and of the one behind it whose bytes they name."""

NAMED_PAGE = PAGE_BYTES
"""Address of the latter."""

PROGRAM_WORDS = 256
"""Instructions of the longest program."""

_LAST_NAMED = 0xF0
"""The machine's programs name no bytes from here on, so that these can be reached through the index."""


class Function(IntEnum):
    """What becomes of the accumulator and an operand.

    The zero flag tells whether the result is 0; the carry is that of the last sum, or of no borrow in a difference.
    """

    LOAD = 0
    ADD = 1
    SUBTRACT = 2
    AND = 3


class Place(IntEnum):
    """Bytes that have no name, by the index."""

    INDEXED = 0
    """Of the first page."""
    INDEXED_NAMED = 1
    """Of the page of named bytes."""


class Source(IntEnum):
    """Operands from outside of the machine's memory."""

    READ = 0
    """Byte that the bus has answered; which one, the index says."""
    RECEIVED = 1
    """Oldest byte that has been received."""
    CRC = 2
    """Lowest byte of the CRC."""
    INDEX = 3
    RESPONSE = 4
    """Zero if the bus has answered without an error."""


class Action(IntEnum):
    """What happens outside of the machine's memory; the machine waits until it can."""

    NONE = 0
    NEXT = 1
    """Take a received byte away."""
    SEND = 2
    """Send the accumulator."""
    CRC_BEGIN = 3
    CRC_TAKE = 4
    """Take the accumulator into the CRC."""
    SHIFT = 5
    """Move data and address of the next access down by a byte and put the accumulator on top of them."""
    ACCESS = 6
    """Begin the access that the accumulator, a `spec.link.Command`, means, and wait for its answer."""
    FINISH = 7
    """Be done with the answer."""


jump = data.StructLayout(
    {"target": 8, "_": 2, "unless": 1, "carry": 1, "conditional": 1, "returns": 1, "calls": 1, "operates": 1}
)
"""An instruction that goes elsewhere: always, or if the zero flag or the carry is set or not. Zeros jump to 0."""

operation = data.StructLayout(
    {"operand": 8, "outside": 1, "counts": 1, "indexed": 1, "stores": 1, "function": 2, "loads": 1, "operates": 1}
)
"""An instruction that computes, or stores the accumulator. ``counts`` adds one to the index afterwards; ``loads`` puts
the result into the accumulator. With ``indexed`` the operand is a `Place`, with ``outside`` it is the following."""

outside = data.StructLayout({"source": unsigned(3), "action": unsigned(3), "_": 1, "to_index": 1})
"""``to_index`` puts the accumulator into the index."""


_Operand = str | int | Place | Source


class ByteCode:
    """Assembler: each method but the last three appends an instruction.

    Operands are names of bytes, numbers, for each of which a byte of memory holds the number, or places and sources.
    Conditional jumps look at the flags of the last instruction before that was neither a jump nor a store.

    Parameters
    ----------
    places : dict of str to int
        Names of bytes that must have these places in their page; others get theirs when they are used.
    tables : dict of int to sequence of int
        Bytes that memory holds at first from places of that page on.
    """

    def __init__(self, places: dict[str, int], tables: dict[int, Sequence[int]]) -> None:
        self._places: dict[str | int, int] = {}
        self._places.update(places)
        self._tables = tables
        self._instructions: list[tuple[int, str | None]] = []
        self._labels: dict[str, int] = {}

    def load(self, operand: _Operand, action: Action = Action.NONE, *, counts: bool = False) -> None:
        """Put an operand into the accumulator."""
        self._operate(Function.LOAD, operand, action, loads=True, counts=counts)

    def add(self, operand: _Operand) -> None:
        """Add an operand to the accumulator."""
        self._operate(Function.ADD, operand, loads=True)

    def subtract(self, operand: _Operand) -> None:
        """Subtract an operand from the accumulator."""
        self._operate(Function.SUBTRACT, operand, loads=True)

    def compare(self, operand: _Operand, *, counts: bool = False) -> None:
        """Subtract without a result: zero if equal, carry if the accumulator is not less."""
        self._operate(Function.SUBTRACT, operand, counts=counts)

    def test(self, operand: _Operand) -> None:
        """Combine bit by bit without a result: zero if no bit is set in both."""
        self._operate(Function.AND, operand)

    def store(self, to: str | Place, *, counts: bool = False) -> None:
        """Store the accumulator; flags stay as they are."""
        if isinstance(to, Place):
            self._append(operation, operand=to, indexed=1, stores=1, counts=counts, operates=1)
        else:
            self._append(operation, operand=self._place(to), stores=1, counts=counts, operates=1)

    def act(self, action: Action, *, counts: bool = False) -> None:
        """Do something outside of memory."""
        self._operate(Function.LOAD, Source.INDEX, action, counts=counts)

    def to_index(self) -> None:
        """Put the accumulator into the index."""
        self._append(operation, operand=_pack(outside, to_index=1), outside=1, operates=1)

    def jump(self, label: str) -> None:
        """Go on elsewhere."""
        self._jump(label)

    def jump_if_zero(self, label: str) -> None:
        """Go on elsewhere if the last result was zero."""
        self._jump(label, conditional=1)

    def jump_unless_zero(self, label: str) -> None:
        """Go on elsewhere if the last result was not zero."""
        self._jump(label, conditional=1, unless=1)

    def jump_if_carry(self, label: str) -> None:
        """Go on elsewhere if the last sum had a carry, or the last difference no borrow."""
        self._jump(label, conditional=1, carry=1)

    def jump_unless_carry(self, label: str) -> None:
        """Go on elsewhere if the last sum had no carry, or the last difference a borrow."""
        self._jump(label, conditional=1, carry=1, unless=1)

    def call(self, label: str) -> None:
        """Go on elsewhere until `returns`; a call within a call is not possible."""
        self._jump(label, calls=1)

    def returns(self) -> None:
        """Go on behind the last call."""
        self._append(jump, returns=1)

    def label(self, name: str) -> None:
        """Give the next instruction a name."""
        if name in self._labels:
            raise ValueError(f"label must be new, not {name!r}")
        self._labels[name] = len(self._instructions)

    def words(self) -> list[int]:
        """Return the program.

        Raises
        ------
        ValueError
            If it is too long or jumps to a label that it has not.
        """
        if len(self._instructions) > PROGRAM_WORDS:
            raise ValueError(f"program must have at most {PROGRAM_WORDS} instructions, not {len(self._instructions)}")
        missing = {label for _, label in self._instructions if label} - self._labels.keys()
        if missing:
            raise ValueError(f"label must be one of the program's, not {min(missing)!r}")
        return [word | (self._labels[label] if label else 0) for word, label in self._instructions]

    def memory(self) -> list[int]:
        """Return what memory holds at first: the numbers that instructions use, and zeros."""
        content = [0] * (NAMED_PAGE + PAGE_BYTES)
        for name, place in self._places.items():
            content[NAMED_PAGE + place] = name if isinstance(name, int) else 0
        for place, table in self._tables.items():
            content[NAMED_PAGE + place : NAMED_PAGE + place + len(table)] = table
        return content

    def _place(self, name: str | int) -> int:
        """Return the place of a named byte, or of one that holds a number."""
        if name not in self._places:
            place = next(place for place in range(_LAST_NAMED) if place not in self._places.values())
            self._places[name] = place
        return self._places[name]

    def _operate(
        self,
        function: Function,
        operand: _Operand,
        action: Action = Action.NONE,
        *,
        loads: bool = False,
        counts: bool = False,
    ) -> None:
        fields: dict[str, int] = {"function": function, "loads": loads, "counts": counts, "operates": 1}
        if isinstance(operand, Source):
            fields |= {"outside": 1, "operand": _pack(outside, source=operand, action=action)}
        elif isinstance(operand, Place):
            fields |= {"indexed": 1, "operand": operand}
        else:
            fields |= {"operand": self._place(operand)}
        self._append(operation, None, **fields)

    def _jump(self, label: str, **fields: int) -> None:
        self._append(jump, label, **fields)

    def _append(self, layout: data.StructLayout, label: str | None = None, **fields: int) -> None:
        self._instructions.append((_pack(layout, **fields), label))


def _pack(layout: data.StructLayout, **fields: int) -> int:
    return int(layout.const({name: int(value) for name, value in fields.items()}).as_bits())
