"""The machine against its interpreter, and the assembler's errors."""

import random
from typing import Any

import pytest

from hw.link.compact.byte_code import Action, ByteCode, Place, Source
from hw.link.compact.byte_machine import ByteMachine
from hw.link.compact.firmware import link_code
from tests.hw.link.compact.interpreter import Interpreter
from tests.hw.link.streams import simulate

NAMES = ("one", "two", "three")
SOURCES = (Source.RECEIVED, Source.CRC, Source.INDEX, Source.RESPONSE)


def random_code(rng: random.Random) -> ByteCode:
    """A program of all kinds of instructions that comes back to its beginning."""
    code = ByteCode({"one": 17}, {0xF0: (1, 2, 3)})
    operands = (*NAMES, 0, 1, 0x80, 0xFF, *Place, *SOURCES)
    for number in range(60):
        code.label(f"{number}")
        match rng.randrange(12):
            case 0:
                code.add(rng.choice(operands))
            case 1:
                code.subtract(rng.choice(operands))
            case 2:
                code.compare(rng.choice(operands), counts=rng.random() < 0.5)
            case 3:
                code.test(rng.choice(operands))
            case 4 | 5:
                code.store(rng.choice((*NAMES, Place.INDEXED)), counts=rng.random() < 0.5)
            case 6:
                code.to_index()
            case 7:
                code.act(rng.choice(list(Action)))
            case 8:
                code.call("subroutine")
            case 9:
                jumps = (code.jump_if_zero, code.jump_unless_zero, code.jump_if_carry, code.jump_unless_carry)
                rng.choice(jumps)(f"{number + rng.randint(1, 60 - number)}")
            case _:
                code.load(rng.choice(operands), counts=rng.random() < 0.5)
    code.label("60")
    code.jump("0")
    code.label("subroutine")
    code.add("two")
    code.returns()
    return code


@pytest.mark.parametrize("seed", range(6))
def test_matches_the_interpreter(seed: int) -> None:
    rng = random.Random(seed)
    code = random_code(rng)
    values = [rng.randrange(256) for _ in range(8)]
    expected: list[tuple[int, int]] = []

    def operand(source: int, index: int) -> int:
        return index if source == Source.INDEX else values[source]

    model = Interpreter(code, operand, lambda action, a: expected.append((action, a)))
    dut = ByteMachine(code)
    found: list[tuple[int, int]] = []

    async def bench(ctx: Any) -> None:
        for _ in range(2):  # the instruction that zeros mean, which is fetched first
            await ctx.tick()
        for _ in range(300):
            model.step()
            await ctx.tick()
            ctx.set(dut.operand, operand(ctx.get(dut.source), ctx.get(dut.index)))
            while rng.random() < 0.3:
                ctx.set(dut.wait, 1)
                await ctx.tick()
            ctx.set(dut.wait, 0)
            if ctx.get(dut.action):
                found.append((ctx.get(dut.action), ctx.get(dut.a)))
            await ctx.tick()
            assert (ctx.get(dut.a), ctx.get(dut.index)) == (model.a, model.index), f"seed {seed}"

    simulate(dut, bench)
    assert found == expected


def test_link_fits_and_begins_where_zeros_lead() -> None:
    words = link_code().words()
    assert 200 < len(words) <= 256


def test_programs_that_cannot_be_are_refused() -> None:
    code = ByteCode({}, {})
    code.label("here")
    with pytest.raises(ValueError, match=r"^label must be new, not 'here'$"):
        code.label("here")
    code.jump("there")
    with pytest.raises(ValueError, match=r"^label must be one of the program's, not 'there'$"):
        code.words()
    code.label("there")
    for _ in range(256):
        code.returns()
    with pytest.raises(ValueError, match=r"^program must have at most 256 instructions, not 257$"):
        code.words()
