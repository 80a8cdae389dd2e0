"""The assembler refuses what the machine would not do."""

import re

import pytest

from hw.post.serial.microcode import (
    ADDRESS_BITS,
    Access,
    Alu,
    Assembler,
    Condition,
    Field,
    Register,
    Source,
    microinstruction,
)


def test_labels_become_addresses() -> None:
    assembler = Assembler()
    assembler.op(alu=Alu.CLEAR)
    assembler.label("here")
    assembler.op(target="here", condition=Condition.LOOP, alu=Alu.DOUBLE)
    assembler.op(target="here")
    words = [microinstruction.from_bits(word) for word in assembler.words()]
    assert [int(word.target) for word in words] == [0, 1, 1]
    assert [int(word.condition) for word in words] == [Condition.NEVER, Condition.LOOP, Condition.ALWAYS]


def test_immediate_stands_in_the_low_bits() -> None:
    assembler = Assembler()
    assembler.op(source=Source.IMMEDIATE, immediate=-2, destination=Register.K)
    assert assembler.words()[0] & 0xFFFF == 0xFFFE


def test_immediate_with_a_condition() -> None:
    with pytest.raises(ValueError, match=r"^an immediate must not go with a condition$"):
        Assembler().op(source=Source.IMMEDIATE, condition=Condition.ALWAYS)


def test_labels_are_defined_once() -> None:
    assembler = Assembler()
    assembler.label("a")
    with pytest.raises(ValueError, match=r"^label must be new, not 'a'$"):
        assembler.label("a")
    assembler.op(target="b")
    with pytest.raises(ValueError, match=r"^label must exist, not 'b'$"):
        assembler.words()


def test_length() -> None:
    assembler = Assembler()
    for _ in range((1 << ADDRESS_BITS) + 1):
        assembler.op()
    message = f"the program must have at most {1 << ADDRESS_BITS} steps, not {(1 << ADDRESS_BITS) + 1}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        assembler.words()


@pytest.mark.parametrize(
    "use",
    [
        {"destination": Register.B_LOW},
        {"access": Access.WRITE_LOCAL},
        {"condition": Condition.ODD, "target": "end"},
        {"source": Source.FIELD, "index": Field.TABLE_ENTRY, "destination": Register.B_LOW},
    ],
)
def test_a_word_is_used_in_the_cycle_after_its_read(use: dict) -> None:
    for reads, jump in ((True, False), (False, False), (True, True)):
        assembler = Assembler()
        if jump:
            assembler.op(target="use")
        assembler.op(access=Access.READ_VECTOR if reads else Access.NONE)
        assembler.label("use")
        assembler.op(**use)
        assembler.label("end")
        assembler.op()
        if reads and not jump:
            assembler.words()
        else:
            with pytest.raises(ValueError, match=rf"^step {1 + jump} must follow a read$"):
                assembler.words()
