"""Instructions survive encoding and decoding; what does not fit is rejected."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.isa import (
    INSTRUCTION_BYTES,
    Drain,
    Engine,
    Gemm,
    Halt,
    Instruction,
    Load,
    Opcode,
    Stream,
    Sweep,
    decode,
    fields_of,
)

CLASSES = (Halt, Load, Stream, Gemm, Drain, Sweep)


def limits(width: int, signed: bool) -> tuple[int, int]:
    return (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)


@st.composite
def instructions(draw: Any) -> Instruction:
    cls = draw(st.sampled_from(CLASSES))
    return cls(**{name: draw(st.integers(*limits(width, signed))) for name, width, signed in fields_of(cls)})


@settings(deadline=None, derandomize=True, database=None)
@given(instructions())
def test_decode_inverts_encode(instruction: Instruction) -> None:
    assert decode(instruction.encode()) == instruction


@settings(deadline=None, derandomize=True, database=None)
@given(st.binary(min_size=INSTRUCTION_BYTES, max_size=INSTRUCTION_BYTES), st.sampled_from(Opcode))
def test_any_bits_decode_to_fields_that_encode_to_the_same(data: bytes, opcode: Opcode) -> None:
    data = bytes([data[0] & 0xF0 | opcode]) + data[1:]
    instruction = decode(data)
    used = 4 + sum(width for _, width, _ in fields_of(type(instruction)))
    mask = (1 << used) - 1
    assert int.from_bytes(instruction.encode(), "little") == int.from_bytes(data, "little") & mask


@pytest.mark.parametrize("cls", CLASSES)
def test_every_field_takes_its_extremes_and_no_more(cls: type[Instruction]) -> None:
    for name, width, signed in fields_of(cls):
        low, high = limits(width, signed)
        for value in (low, high):
            assert decode(cls(**{name: value}).encode()) == cls(**{name: value})
        for value in (low - 1, high + 1):
            message = rf"^{cls.opcode.name} {name} must be from {low} to {high}, not {value}$"
            with pytest.raises(ValueError, match=message):
                cls(**{name: value}).encode()


@pytest.mark.parametrize("cls", CLASSES)
def test_fields_fit_the_instruction(cls: type[Instruction]) -> None:
    assert 4 + sum(width for _, width, _ in fields_of(cls)) <= 8 * INSTRUCTION_BYTES


def test_opcodes_and_engines() -> None:
    assert [cls.opcode for cls in CLASSES] == list(Opcode)
    assert [cls.engine for cls in CLASSES] == [None, Engine.LOAD, None, Engine.ARRAY, Engine.POST, Engine.POST]


def test_known_bytes() -> None:
    load = Load(wait=0b100, signal=0b010, target=1, addr=3, count=5, mem_addr=0x1000)
    word = 2 | 0b100 << 4 | 0b010 << 7 | 1 << 10 | 3 << 13 | 5 << 33 | 0x1000 << 53
    assert load.encode() == word.to_bytes(32, "little")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_length_of_an_instruction(length: int) -> None:
    with pytest.raises(ValueError, match=rf"^an instruction must be 32 bytes, not {length}$"):
        decode(bytes(length))


@pytest.mark.parametrize("code", [0, 7, 15])
def test_opcode_that_does_not_exist(code: int) -> None:
    with pytest.raises(ValueError, match=rf"^opcode must be one of \[1, 2, 3, 4, 5, 6\], not {code}$"):
        decode(bytes([code]) + bytes(31))
