"""The assembler: what fits a microinstruction, and what it refuses."""

import pytest

from hw.micro.microcode import (
    Access,
    Action,
    Alu,
    Assembler,
    Condition,
    Local,
    Register,
    Source,
    jump_word,
    operate_word,
)
from hw.micro.program import microprogram
from spec.presets import PRESETS


def test_fields_of_what_does_not_jump() -> None:
    asm = Assembler()
    asm.op(access=Access.WRITE_RECORD, index=0x93, source=Source.A_HIGH, destination=Register.MODE, alu=Alu.SCALE)
    word = operate_word.from_bits(asm.words()[0])
    assert (word.jumps, word.access, word.index) == (0, Access.WRITE_RECORD, 0x93)
    assert (word.source, word.destination, word.alu) == (Source.A_HIGH, Register.MODE, Alu.SCALE)


def test_an_immediate_is_signed_and_goes_with_the_register_file() -> None:
    asm = Assembler()
    asm.op(source=Source.IMMEDIATE, immediate=-2, local=Local.WRITE_AT)
    word = operate_word.from_bits(asm.words()[0])
    assert word.index | word.access << 8 | word.action << 12 == 0xFFFE
    assert word.local == Local.WRITE_AT


def test_labels_may_come_later_and_an_index_goes_with_a_jump() -> None:
    asm = Assembler()
    asm.op(target="end", call=True, source=Source.INDEX, index=0xA5, destination=Register.L)
    asm.op()
    asm.label("end")
    asm.op(condition=Condition.RETURN, access=Access.STORE_BYTE)
    word = jump_word.from_bits(asm.words()[0])
    assert (word.jumps, word.target, word.alu, word.call) == (1, 2, Alu.HOLD, 1)
    assert word.condition | word.extra << 5 == 0xA5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"target": "x", "access": Access.STREAM}, "a jump must not go with"),
        ({"target": "x", "source": Source.IMMEDIATE}, "a jump must not go with"),
        (
            {"target": "x", "source": Source.INDEX, "condition": Condition.ODD},
            "a jump with an index must not go with",
        ),
        ({"source": Source.SUM_LOW, "alu": Alu.ADD_WORD}, "only what is in a memory or immediate can be added"),
        ({"target": "x", "alu": Alu.SCALE}, "a jump must not go with"),
        (
            {"target": "x", "condition": Condition.ZERO, "source": Source.A_LOW},
            "a condition must not depend on this source",
        ),
        ({"source": Source.IMMEDIATE, "action": Action.POP}, "an immediate must not go with"),
    ],
)
def test_what_does_not_fit(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        Assembler().op(**fields)


def test_labels_are_unique_and_exist() -> None:
    asm = Assembler()
    asm.label("here")
    with pytest.raises(ValueError, match=r"^label must be new, not 'here'$"):
        asm.label("here")
    asm.op(target="there")
    with pytest.raises(ValueError, match=r"^label must exist, not 'there'$"):
        asm.words()


def test_a_word_of_the_register_file_must_just_have_been_read() -> None:
    asm = Assembler()
    asm.op(local=Local.READ)
    asm.op()
    asm.op(source=Source.LOCAL, destination=Register.B_LOW)
    with pytest.raises(ValueError, match=r"^step 2 must follow a read$"):
        asm.words()


def test_a_factor_must_not_just_have_changed() -> None:
    asm = Assembler()
    asm.op(alu=Alu.FACTOR)
    asm.op()
    asm.op(alu=Alu.SCALE)
    asm.words()
    asm.op(source=Source.A_LOW, destination=Register.M_LOW)
    asm.op(alu=Alu.SCALE)
    with pytest.raises(ValueError, match=r"^step 4 must not follow a change of M$"):
        asm.words()


def test_the_microprogram_has_room() -> None:
    assert len(microprogram(PRESETS["icebreaker"])) <= 2048
