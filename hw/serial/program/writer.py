"""Idioms of the microprogram."""

from typing import Any

from hw.config import AcceleratorConfig
from hw.serial.arithmetic import FACTOR_DIGITS
from hw.serial.memory_map import MemoryMap
from hw.serial.microcode import (
    VALUE_BITS,
    Access,
    Alu,
    Assembler,
    Condition,
    Local,
    Register,
    Source,
)

__all__ = ["Writer", "right_shift", "scale_shift"]

_COUNT_BITS = 5


def right_shift(bits: int, *, left: int = 0) -> int:
    """Return what SHIFT takes for a shift to the right; or, where ``bits`` is 0, to the left."""
    return -(-bits // 2) | (left or bits % 2) << _COUNT_BITS


def scale_shift(bits: int) -> int:
    """Return the same for SCALE, whose product is shifted by 20 bits already."""
    digits = 2 * FACTOR_DIGITS
    return right_shift(bits - digits) if bits >= digits else right_shift(0, left=digits - bits)


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

    def write_constant(self, word: int, value: int) -> None:
        """A number goes to a local variable."""
        self.op(local=Local.WRITE, index=word, source=Source.IMMEDIATE, immediate=value)

    def copy(self, word: int, source: int) -> None:
        """Copy a local variable."""
        self.read(source)
        self.write(word, Source.LOCAL)

    def copy_pair(self, word: int, source: int) -> None:
        """Copy two."""
        self.copy(word, source)
        self.copy(word + 1, source + 1)

    def constant(self, destination: Register, value: int, **more: Any) -> None:
        """A number goes to a register."""
        self.op(source=Source.IMMEDIATE, destination=destination, immediate=value, **more)

    def small(self, destination: Register, value: int, **more: Any) -> None:
        """A number that fits an index goes to a register; this can go with a condition."""
        self.op(source=Source.INDEX, destination=destination, index=value, **more)

    def record(self, word: int, **more: Any) -> None:
        """Read a word of the record at P."""
        self.op(access=Access.READ_RECORD, index=word, **more)

    def memory(self, destination: Register, **more: Any) -> None:
        """What was read of the memory goes to a register."""
        self.op(source=Source.MEMORY, destination=destination, **more)

    def load_b(self, word: int, **more: Any) -> None:
        """An unsigned local variable goes to B."""
        self.load(Register.B_LOW, word)
        self.small(Register.B_HIGH, 0, **more)

    def load_b_pair(self, word: int, **more: Any) -> None:
        """A signed pair goes to B."""
        self.read(word)
        self.take(Register.B_LOW)
        self.load(Register.B_HIGH, word + 1, **more)

    def load_a(self, word: int) -> None:
        """An unsigned local variable goes to A; M becomes zero."""
        self.load_b(word, alu=Alu.CLEAR_BOTH)
        self.op(alu=Alu.ADD)

    def load_a_pair(self, word: int) -> None:
        """A signed pair goes to A; M becomes zero."""
        self.load_b_pair(word, alu=Alu.CLEAR_BOTH)
        self.op(alu=Alu.ADD)

    def store_a_pair(self, word: int, **more: Any) -> None:
        """The low half of A goes to a pair."""
        self.write(word, Source.A_LOW)
        self.write(word + 1, Source.A_HIGH, **more)

    def add(self, value: int, **more: Any) -> None:
        """Add a number of 16 bits, signed, to A."""
        self.constant(Register.B_LOW, value)
        self.op(alu=Alu.ADD, **more)

    def add_to(self, word: int, value: int) -> None:
        """Add a number to a local variable; the sum stays in A."""
        self.load_a(word)
        self.add(value)
        self.write(word, Source.A_LOW)

    def add_word(self, word: int, other: int) -> None:
        """Add another local variable to one; the sum stays in A."""
        self.load_a(word)
        self.load(Register.B_LOW, other)
        self.op(alu=Alu.ADD)
        self.write(word, Source.A_LOW)

    def factor(self, **more: Any) -> None:
        """The low bits of A become the factor M, and A zero."""
        self.op(source=Source.A_LOW, destination=Register.M_LOW, **more)
        self.op(source=Source.A_HIGH, destination=Register.M_HIGH, alu=Alu.CLEAR)

    def repeat(self, times: int, **step: Any) -> None:
        """One step ``times`` times."""
        self.small(Register.L, times)
        name = self.new_label("repeat")
        self.label(name)
        self.go(name, Condition.LOOP, **step)

    def shift(self, bits: int, alu: Alu = Alu.SHIFT) -> None:
        """A to the right, and into M."""
        self.constant(Register.SHIFT, right_shift(bits))
        self.op(alu=alu)

    def whole_product(self) -> None:
        """``A + B * M`` to A."""
        self.constant(Register.SHIFT, scale_shift(0))
        self.op(alu=Alu.SCALE)

    def power_to_b(self, bit: int) -> None:
        """2**bit, for 16 <= bit < 31, to B."""
        self.small(Register.B_LOW, 0)
        self.constant(Register.B_HIGH, 1 << (bit - VALUE_BITS))

    def if_not_negative(self, target: str, alu: Alu, **more: Any) -> None:
        """Go on at a label if a sum is not negative."""
        self.op(alu=alu)
        self.go(target, Condition.NOT_NEGATIVE, **more)

    def if_negative(self, target: str, alu: Alu, **more: Any) -> None:
        """Go on at a label if it is."""
        self.op(alu=alu)
        self.unless(target, Condition.NOT_NEGATIVE, **more)

    def next_slot(self, word: int, size: int, first: int, end: int) -> None:
        """Let a local variable point to the next entry of a queue."""
        self.load_a(word)
        self.add(size)
        self.constant(Register.B_LOW, end)
        within = self.new_label("within")
        self.if_negative(within, Alu.COMPARE)
        self.constant(Register.B_LOW, first, alu=Alu.CLEAR)
        self.op(alu=Alu.ADD)
        self.label(within)
        self.write(word, Source.A_LOW)


