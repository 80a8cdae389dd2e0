"""Idioms of the microprogram."""

from typing import Any

from hw.micro.arithmetic import FACTOR_DIGITS
from hw.micro.memory_map import MemoryMap
from hw.micro.microcode import INDEX_BITS, VALUE_BITS, Access, Alu, Assembler, Condition, Local, Register, Source
from spec.config import AcceleratorConfig

__all__ = ["Writer", "left_shift", "right_shift", "scale_shift"]

_COUNT_BITS = 5


def right_shift(bits: int) -> int:
    """Return what SHIFT takes for a shift to the right."""
    return -(-bits // 2) | bits % 2 << _COUNT_BITS


def left_shift(bits: int) -> int:
    """Return what SHIFT takes for a shift to the left."""
    return bits << _COUNT_BITS


def scale_shift(bits: int) -> int:
    """Return what it takes for SCALE, whose product is shifted to the right by 20 bits already."""
    digits = 2 * FACTOR_DIGITS
    return right_shift(bits - digits) if bits >= digits else left_shift(digits - bits)


class Writer(Assembler):
    """An assembler that knows what is written often.

    Parameters
    ----------
    config : AcceleratorConfig
        Whose sizes the microprogram contains.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__()
        self.config, self.map = config, MemoryMap(config)

    def new_label(self, stem: str) -> str:
        """Return a name that no other label has."""
        return f"{stem}_{self.length}"

    def go(self, target: str, condition: Condition = Condition.ALWAYS, **more: Any) -> None:
        """Go on at a label, if so."""
        self.op(target=target, condition=condition, **more)

    def unless(self, target: str, condition: Condition, **more: Any) -> None:
        """Go on at a label, if not."""
        self.op(target=target, condition=condition, negate=True, **more)

    def call(self, target: str, condition: Condition = Condition.ALWAYS, **more: Any) -> None:
        """Call a subroutine."""
        self.op(target=target, condition=condition, call=True, **more)

    def back(self, **more: Any) -> None:
        """Return from a subroutine."""
        self.op(condition=Condition.RETURN, **more)

    def read(self, word: int, **more: Any) -> None:
        """Read a local variable."""
        self.op(local=Local.READ, index=word, **more)

    def take(self, destination: Register, **more: Any) -> None:
        """What was read of the register file goes to a register."""
        self.op(source=Source.LOCAL, destination=destination, **more)

    def load(self, destination: Register, word: int, **more: Any) -> None:
        """A local variable goes to a register."""
        self.read(word)
        self.take(destination, **more)

    def write(self, word: int, source: Source, **more: Any) -> None:
        """The bus goes to a local variable."""
        self.op(local=Local.WRITE, index=word, source=source, **more)

    def write_zero(self, word: int) -> None:
        """Zero goes to a local variable."""
        self.write(word, Source.ZERO)

    def write_constant(self, word: int, value: int) -> None:
        """A number goes to a local variable, whose place to S."""
        self.small(Register.S, word)
        self.op(local=Local.WRITE_AT, source=Source.IMMEDIATE, immediate=value)

    def copy(self, word: int, source: int, **more: Any) -> None:
        """Copy a local variable."""
        self.read(source)
        self.write(word, Source.LOCAL, **more)

    def copy_pair(self, word: int, source: int) -> None:
        """Copy two."""
        self.copy(word, source)
        self.copy(word + 1, source + 1)

    def constant(self, destination: Register, value: int, **more: Any) -> None:
        """A number goes to a register."""
        self.op(source=Source.IMMEDIATE, destination=destination, immediate=value, **more)

    def small(self, destination: Register, value: int, **more: Any) -> None:
        """A number that fits an index goes to a register; this can go with a condition.

        Raises
        ------
        ValueError
            If it does not fit.
        """
        if not 0 <= value < 1 << INDEX_BITS:
            raise ValueError(f"value must be below {1 << INDEX_BITS}, not {value!r}")
        self.op(source=Source.INDEX, destination=destination, index=value, **more)

    def record(self, word: int, **more: Any) -> None:
        """Read a word of the record at P."""
        self.op(access=Access.READ_RECORD, index=word, **more)

    def memory(self, destination: Register, **more: Any) -> None:
        """What was read of the memory goes to a register."""
        self.op(source=Source.MEMORY, destination=destination, **more)

    def load_a(self, word: int, **more: Any) -> None:
        """An unsigned local variable goes to A; M becomes zero."""
        self.read(word, alu=Alu.CLEAR_BOTH)
        self.op(source=Source.LOCAL, alu=Alu.ADD_WORD, **more)

    def load_a_pair(self, word: int) -> None:
        """A signed pair goes to A; M becomes zero."""
        self.read(word, alu=Alu.CLEAR_BOTH)
        self.op(source=Source.LOCAL, alu=Alu.ADD_WORD, local=Local.READ, index=word + 1)
        self.op(source=Source.LOCAL, alu=Alu.ADD_HIGH)

    def add_pair(self, word: int, **more: Any) -> None:
        """Add a signed pair to A."""
        self.read(word)
        self.op(source=Source.LOCAL, alu=Alu.ADD_WORD, local=Local.READ, index=word + 1)
        self.op(source=Source.LOCAL, alu=Alu.ADD_HIGH, **more)

    def load_b_pair(self, word: int, **more: Any) -> None:
        """A signed pair goes to B."""
        self.read(word)
        self.take(Register.B_LOW, local=Local.READ, index=word + 1)
        self.take(Register.B_HIGH, **more)

    def load_a_record(self, word: int) -> None:
        """An unsigned word of the record at P goes to A; M becomes zero."""
        self.record(word, alu=Alu.CLEAR_BOTH)
        self.op(source=Source.MEMORY, alu=Alu.ADD_WORD)

    def store_a_pair(self, word: int, **more: Any) -> None:
        """The low half of A goes to a pair."""
        self.write(word, Source.A_LOW)
        self.write(word + 1, Source.A_HIGH, **more)

    def add(self, value: int, **more: Any) -> None:
        """Add a number of 16 bits, signed, to A."""
        self.op(source=Source.IMMEDIATE, immediate=value, alu=Alu.ADD_SIGNED, **more)

    def add_to(self, word: int, value: int, **more: Any) -> None:
        """Add a number to a local variable; the sum stays in A."""
        self.load_a(word)
        self.add(value)
        self.write(word, Source.A_LOW, **more)

    def add_word(self, word: int, other: int) -> None:
        """Add another local variable to one; the sum stays in A."""
        self.read(word, alu=Alu.CLEAR_BOTH)
        self.op(source=Source.LOCAL, alu=Alu.ADD_WORD, local=Local.READ, index=other)
        self.op(source=Source.LOCAL, alu=Alu.ADD_WORD)
        self.write(word, Source.A_LOW)

    def shift(self, shift: int, **more: Any) -> None:
        """A and M to the right or to the left."""
        self.constant(Register.SHIFT, shift, **more)
        self.op(alu=Alu.SHIFT)

    def whole_product(self) -> None:
        """``A + B * M`` to A; M becomes zero."""
        self.constant(Register.SHIFT, scale_shift(0))
        self.op(alu=Alu.SCALE)

    def power_to_b(self, bit: int) -> None:
        """2**bit, for 16 <= bit < 31, to B."""
        self.small(Register.B_LOW, 0)
        self.constant(Register.B_HIGH, 1 << (bit - VALUE_BITS))

    def at_most(self, limit: int) -> None:
        """The lesser of A and a number goes to A, and the number to B."""
        less = self.new_label("less")
        self.constant(Register.B_LOW, limit)
        self.lesser(less)

    def lesser(self, less: str) -> None:
        """The lesser of A and B goes to A."""
        self.op(alu=Alu.COMPARE)
        self.unless(less, Condition.NOT_LESS)
        self.op(alu=Alu.CLEAR)
        self.op(alu=Alu.ADD)
        self.label(less)

    def if_not_less(self, target: str, alu: Alu = Alu.COMPARE, **more: Any) -> None:
        """Go on at a label if A is not less than B."""
        self.op(alu=alu)
        self.go(target, Condition.NOT_LESS, **more)

    def if_less(self, target: str, **more: Any) -> None:
        """Go on at a label if A is less than B."""
        self.op(alu=Alu.COMPARE)
        self.unless(target, Condition.NOT_LESS, **more)

    def if_odd(self, target: str, word: int, **more: Any) -> None:
        """Go on at a label if a local variable is odd."""
        self.read(word)
        self.go(target, Condition.ODD, source=Source.LOCAL, **more)

    def if_even(self, target: str, word: int) -> None:
        """Go on at a label if it is even."""
        self.read(word)
        self.unless(target, Condition.ODD, source=Source.LOCAL)

    def if_zero(self, target: str, word: int) -> None:
        """Go on at a label if it is zero."""
        self.read(word)
        self.go(target, Condition.ZERO, source=Source.LOCAL)

    def next_slot(self, word: int, size: int, first: int, end: int) -> None:
        """Let a local variable point to the next entry of a queue."""
        within = self.new_label("within")
        self.load_a(word)
        self.add(size)
        self.constant(Register.B_LOW, end)
        self.if_less(within)
        self.op(alu=Alu.CLEAR)
        self.add(first)
        self.label(within)
        self.write(word, Source.A_LOW)
