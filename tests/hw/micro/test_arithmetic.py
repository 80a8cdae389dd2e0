"""Every operation of the arithmetic, alone and in the microprogram's sequences, against Python's integers."""

from collections.abc import Awaitable, Callable
from math import isqrt
from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.micro.arithmetic import Arithmetic
from hw.micro.microcode import Action, Alu, Register
from hw.micro.program.writer import left_shift, right_shift, scale_shift

_M_BITS = 24
_SINGLE = [alu for alu in Alu if alu < Alu.SHIFT]
_FACTORS = [0, 1, -1, 2, -2, (1 << 17) - 1, -(1 << 17), 0x15555, 0xAAAA, -0x15555, -0xAAAB]


def _wrap(value: int, bits: int) -> int:
    """A signed value's lowest bits, signed."""
    return (value + (1 << bits >> 1)) % (1 << bits) - (1 << bits >> 1)


def _clip(value: int) -> int:
    return max(-(1 << 17), min((1 << 17) - 1, value))


def _rounded(value: int, bits: int) -> int:
    """A value shifted to the right, half up."""
    return (value + (1 << bits >> 1)) >> bits


class _Driver:
    """Gives one microinstruction after the other, each as long as it repeats itself."""

    def __init__(self, ctx: Any, dut: Arithmetic) -> None:
        self.ctx, self.dut = ctx, dut

    async def op(
        self,
        alu: Alu = Alu.HOLD,
        destination: Register = Register.NONE,
        value: int = 0,
        *,
        action: Action = Action.NONE,
        counts: int = 0,
    ) -> int:
        """Do one, with a value on the bus, and return the cycles that it took."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.now.alu, int(alu))
        ctx.set(dut.now.destination, int(destination))
        ctx.set(dut.now.action, int(action))
        ctx.set(dut.bus, value % (1 << 16))
        ctx.set(dut.word, value % (1 << 16))
        ctx.set(dut.counts, counts)
        cycles, repeats = 0, True
        while repeats:
            repeats = ctx.get(dut.repeats)
            await ctx.tick()
            cycles += 1
            assert cycles < 100
        return cycles

    async def set_b(self, value: int) -> None:
        """48 bits, signed."""
        for part, register in enumerate((Register.B_LOW, Register.B_HIGH, Register.B_TOP)):
            await self.op(Alu.HOLD, register, value >> 16 * part)

    async def set_m(self, value: int) -> None:
        """24 bits."""
        await self.op(Alu.HOLD, Register.M_LOW, value)
        await self.op(Alu.HOLD, Register.M_TOP, value >> 16)

    async def set_factor(self, value: int) -> None:
        """18 bits, signed."""
        await self.op(Alu.HOLD, Register.M_LOW, value)
        await self.op(Alu.HOLD, Register.M_HIGH, value >> 16)

    async def set_a(self, value: int) -> None:
        """58 bits, signed, of which the lowest ones come from M; B and M change."""
        spare = 10
        await self.set_b(value >> spare)
        await self.set_m(value % (1 << spare) << _M_BITS - spare)
        await self.op(Alu.CLEAR, Register.SHIFT, left_shift(spare))
        await self.op(Alu.ADD)
        await self.op(Alu.SHIFT)

    async def set_noted(self, noted: bool) -> None:
        """A and B change."""
        await self.op(Alu.CLEAR, Register.B_LOW, 0 if noted else 1)
        await self.op(Alu.COMPARE)

    async def set_all(self, a: int, b: int, m: int) -> None:
        await self.set_a(a)
        await self.set_b(b)
        await self.set_m(m)

    @property
    def a(self) -> int:
        return int(self.ctx.get(self.dut.a))

    @property
    def not_less(self) -> bool:
        return bool(self.ctx.get(self.dut.not_less))

    async def b_and_m(self) -> tuple[int, int]:
        """A and M change."""
        await self.op(Alu.CLEAR)
        await self.op(Alu.ADD)
        b = self.a
        await self.op(Alu.CLEAR, Register.SHIFT, left_shift(_M_BITS))
        await self.op(Alu.SHIFT)
        return b, self.a


Bench = Callable[[_Driver], Awaitable[None]]


def _simulate(bench: Bench) -> None:
    dut = Arithmetic()

    async def process(ctx: Any) -> None:
        await bench(_Driver(ctx, dut))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(process)
    simulator.run()


def _random_signed(random: Random, bits: int) -> int:
    """Of any length, up to so many bits."""
    return _wrap(random.getrandbits(bits), random.randint(1, bits))


def _after(alu: Alu, a: int, b: int, m: int, noted: bool, word: int) -> tuple[int, int, int, bool]:
    """A, B, M and whether the sign that is noted is not negative behind an operation of one cycle."""
    top, signed_word, difference, root = m >> _M_BITS - 1, _wrap(word, 16), a - b, a - 2 * b - 1
    left = 2 * m % (1 << _M_BITS)
    match alu:
        case Alu.CLEAR:
            a = 0
        case Alu.CLEAR_BOTH:
            a, m = 0, 0
        case Alu.ADD:
            a += b
        case Alu.SUBTRACT:
            a = difference
        case Alu.SUBTRACT_NOTED:
            a = difference if noted else a
        case Alu.ADD_WORD:
            a += word
        case Alu.ADD_SIGNED:
            a += signed_word
        case Alu.ADD_HIGH:
            a += signed_word << 16
        case Alu.LEFT:
            a, m = 2 * a + top, left
        case Alu.LEFT_NOTED:
            a, m = 2 * a + top, left + noted
        case Alu.COMPARE:
            noted = difference >= 0
        case Alu.COMPARE_ROOT:
            noted = root >= 0
        case Alu.ROOT:
            a, b = (root, 2 * (b + 1)) if noted else (a, 2 * b)
        case Alu.BIT:
            a, b, m = a + b * (m % 2), 2 * b, m >> 1
        case Alu.FACTOR:
            a, m = 0, _clip(a) % (1 << 20)
    return a, b, m, noted


@pytest.mark.parametrize("alu", _SINGLE, ids=lambda alu: alu.name)
def test_operations_of_one_cycle(alu: Alu) -> None:
    random = Random(int(alu))
    # What A becomes must fit; a difference of which only the sign is noted need not.
    most = 1 << (57 if alu in (Alu.COMPARE, Alu.COMPARE_ROOT) else 56)
    bounds = [0, 1, -1, most - 1, most - 1, -most, -most]
    factors = [(1 << 17) - 1, 1 << 17, -(1 << 17), -(1 << 17) - 1]

    async def bench(driver: _Driver) -> None:
        for a in [*bounds, *factors, *(_random_signed(random, 57) for _ in range(25))]:
            m, word = random.getrandbits(24), random.choice([0, 0x7FFF, 0x8000, 0xFFFF, random.getrandbits(16)])
            noted = random.random() < 0.5
            # Sometimes the difference is nearly zero; B's lowest bit is free in a root.
            b = random.choice(
                [_random_signed(random, 47), a + random.randint(-1, 1), (a - 1) // 2 + random.randint(-1, 1)]
            )
            b = _wrap(b, 47) & (~1 if alu == Alu.ROOT else ~0)
            await driver.set_noted(noted)
            await driver.set_all(a, b, m)
            assert driver.a == a
            assert await driver.op(alu, Register.NONE, word) == 1
            found = (driver.a, *(await driver.b_and_m()), driver.not_less)
            assert found == _after(alu, a, b, m, noted, word), (alu, a, b, m, noted, word)

    _simulate(bench)


def test_bus_goes_to_parts_of_registers() -> None:
    random = Random(1)
    sign_above = {Register.B_LOW: 0, Register.B_HIGH: 16, Register.B_TOP: 32}

    async def bench(driver: _Driver) -> None:
        for _ in range(5):
            for register in (*sign_above, Register.M_LOW, Register.M_HIGH, Register.M_TOP, Register.NONE, Register.P):
                b, m, word = _random_signed(random, 48), random.getrandbits(24), random.getrandbits(16)
                await driver.set_b(b)
                await driver.set_m(m)
                await driver.op(Alu.HOLD, register, word)
                if register in sign_above:
                    place = sign_above[register]
                    b = (_wrap(word, 16) << place) + b % (1 << place)
                elif register == Register.M_LOW:
                    m = _wrap(word, 16) % (1 << 20)
                elif register == Register.M_HIGH:
                    m = m & 0xF0FFFF | word % (1 << 4) << 16
                elif register == Register.M_TOP:
                    m = m & 0xFFFF | word % (1 << 8) << 16
                assert await driver.b_and_m() == (b, m), register.name

    _simulate(bench)


def test_operations_see_registers_before_they_change() -> None:
    async def bench(driver: _Driver) -> None:
        await driver.set_all(100, 20, 0)
        await driver.op(Alu.ADD, Register.B_LOW, 3)
        assert driver.a == 120
        await driver.op(Alu.SUBTRACT, action=Action.B_LEFT)
        assert driver.a == 117
        await driver.op(Alu.ADD, Register.B_HIGH, -1)
        assert driver.a == 123
        await driver.op(Alu.ADD)
        assert driver.a == 123 + 6 - (1 << 16)

    _simulate(bench)


def test_b_to_the_left() -> None:
    random = Random(2)

    async def bench(driver: _Driver) -> None:
        for places in range(11):
            b, m = _random_signed(random, 47), random.getrandbits(24)
            await driver.set_b(b)
            await driver.set_m(m)
            for _ in range(places):
                await driver.op(action=Action.B_LEFT)
            assert await driver.b_and_m() == (b << places, m)

    _simulate(bench)


def test_lengths_of_a() -> None:
    edges = [sign + offset for bits in (15, 17, 57) for sign in (1 << bits, -(1 << bits)) for offset in (-1, 0, 1)]
    random = Random(3)

    async def bench(driver: _Driver) -> None:
        for a in [0, -1, *edges, *(_random_signed(random, 58) for _ in range(40))]:
            if a == _wrap(a, 58):
                await driver.set_a(a)
                assert driver.ctx.get(driver.dut.overflow) == (a != _wrap(a, 18)), a
                assert driver.ctx.get(driver.dut.long) == (a != _wrap(a, 16)), a

    _simulate(bench)


def _shifted(a: int, m: int, rights: int, lefts: int) -> tuple[int, int]:
    """A and M as one number, first shifted by pairs of bits to the right, then to the left."""
    both = ((a << _M_BITS) + m) >> 2 * rights << lefts
    return _wrap(both >> _M_BITS, 58), both % (1 << _M_BITS)


_COUNTS = [
    *((count, 0) for count in range(32)),
    *((0, count) for count in range(32)),
    (31, 31),
    (1, 1),
    (7, 20),
    (20, 7),
]


@pytest.mark.parametrize("alu", [Alu.SHIFT, Alu.ROUND_SHIFT], ids=lambda alu: alu.name)
def test_shifts(alu: Alu) -> None:
    random = Random(int(alu))

    async def bench(driver: _Driver) -> None:
        for rights, lefts in _COUNTS:
            bits = min(57, 57 - lefts + 2 * rights)
            a, b, m = _random_signed(random, bits), _random_signed(random, 48), random.getrandbits(24)
            await driver.set_all(a, b, m)
            await driver.op(Alu.HOLD, Register.SHIFT, rights | lefts << 5)
            assert await driver.op(alu) == 1 + rights + lefts
            a, m = _shifted(a, m, rights, lefts)
            a += m >> 23 if alu == Alu.ROUND_SHIFT else 0
            assert driver.a == a
            # The counters are at zero now.
            assert await driver.op(alu) == 1
            assert driver.a == a + (m >> 23 if alu == Alu.ROUND_SHIFT else 0)
            assert await driver.b_and_m() == (b, m)

    _simulate(bench)


def test_rounding_shift_of_any_number_of_bits() -> None:
    random = Random(4)

    async def bench(driver: _Driver) -> None:
        for bits in range(48):
            # A half and what is next to it, of both signs.
            for offset in (-1, 0, 1):
                a = (_random_signed(random, 57 - bits) << bits) + (1 << bits >> 1) + offset
                await driver.set_a(a)
                await driver.op(Alu.HOLD, Register.M_LOW, 0)
                await driver.op(Alu.HOLD, Register.SHIFT, right_shift(bits))
                await driver.op(Alu.ROUND_SHIFT)
                assert driver.a == _rounded(a, bits), (a, bits)

    _simulate(bench)


def test_scale_of_all_kinds_of_factors() -> None:
    random = Random(9)

    async def bench(driver: _Driver) -> None:
        for m in [*_FACTORS, *(_random_signed(random, 18) for _ in range(40))]:
            for b in ((1 << 37) - 1, -(1 << 37), _random_signed(random, 38)):
                a, (rights, lefts) = _random_signed(random, 54), random.choice(_COUNTS[:8] + _COUNTS[32:53])
                await driver.set_a(a)
                await driver.set_b(b)
                await driver.set_factor(m)
                await driver.op(Alu.HOLD, Register.SHIFT, rights | lefts << 5)
                assert await driver.op(Alu.SCALE) == 6 + rights + lefts
                total = a + b * m
                high, low = _shifted(total >> 20, total % (1 << 20) << 4, rights, lefts)
                assert driver.a == high + (low >> 23), (a, b, m, rights, lefts)

    _simulate(bench)


def test_all_digits_of_factors() -> None:
    """Every pair of neighbouring digits, with and without a carry into it."""

    async def bench(driver: _Driver) -> None:
        b = 0x12345
        for place in range(0, 14, 4):
            for digits in range(64):
                m = _wrap(digits << place, 18)
                await driver.op(Alu.CLEAR)
                await driver.set_b(b)
                await driver.set_factor(m)
                await driver.op(Alu.HOLD, Register.SHIFT, scale_shift(0))
                await driver.op(Alu.SCALE)
                assert driver.a == b * m, m

    _simulate(bench)


def test_requantizing_as_drain_does() -> None:
    """A sum and a bias, rounded to at most 18 bits, are multiplied and rounded once more."""
    random = Random(5)

    async def bench(driver: _Driver) -> None:
        for _ in range(60):
            bias, total, mul = (_random_signed(random, bits) for bits in (28, 32, 18))
            before, main = random.randint(0, 14), random.randint(1, 40)
            await driver.op(Alu.CLEAR_BOTH)
            await driver.set_b(bias)
            await driver.op(Alu.ADD, Register.B_LOW, total)
            await driver.op(Alu.HOLD, Register.B_HIGH, total >> 16)
            await driver.op(Alu.ADD, Register.SHIFT, right_shift(before))
            await driver.op(Alu.ROUND_SHIFT)
            await driver.op(Alu.FACTOR, Register.B_LOW, mul)
            await driver.op(Alu.HOLD, Register.B_HIGH, mul >> 16)
            await driver.op(Alu.HOLD, Register.SHIFT, scale_shift(main))
            await driver.op(Alu.SCALE)
            assert driver.a == _rounded(_clip(_rounded(bias + total, before)) * mul, main), (bias, total, mul)

    _simulate(bench)


def test_division() -> None:
    """The first bits of A / B, which is less than 1, come into M, and whether to round is noted."""
    random = Random(6)

    async def bench(driver: _Driver) -> None:
        for bits in (1, 2, 17, 18, 23, 24, *(random.randint(1, 24) for _ in range(10))):
            divisor = random.choice([1, 1 << 23, (1 << 24) - 1, 1 + random.getrandbits(40)])
            dividend = random.choice([0, divisor - 1, random.randrange(divisor)])
            await driver.set_all(dividend, divisor, 0)
            await driver.op(Alu.LEFT)
            for _ in range(bits):
                await driver.op(Alu.COMPARE)
                await driver.op(Alu.SUBTRACT_NOTED)
                await driver.op(Alu.LEFT_NOTED)
            await driver.op(Alu.COMPARE)
            quotient, rest = divmod(dividend << bits, divisor)
            assert driver.a == 2 * rest
            assert driver.not_less == (2 * rest >= divisor)
            assert await driver.b_and_m() == (divisor, quotient)

    _simulate(bench)


def test_square_root() -> None:
    """Of 48 bits, which come from M in two halves; B is twice the root."""
    random = Random(7)

    async def bench(driver: _Driver) -> None:
        for radicand in [0, 1, 2, 3, 4, (1 << 48) - 1, 1 << 46, *(random.getrandbits(48) for _ in range(6))]:
            await driver.set_all(0, 0, 0)
            for half in (radicand >> 24, radicand % (1 << 24)):
                await driver.set_m(half)
                for _ in range(12):
                    await driver.op(Alu.LEFT)
                    await driver.op(Alu.LEFT)
                    await driver.op(Alu.COMPARE_ROOT)
                    await driver.op(Alu.ROOT)
            root = isqrt(radicand)
            assert driver.a == radicand - root**2
            assert await driver.b_and_m() == (2 * root, 0)

    _simulate(bench)


def test_bits_are_taken_from_m() -> None:
    random = Random(8)

    async def bench(driver: _Driver) -> None:
        for bits in range(25):
            m = random.getrandbits(24)
            await driver.set_all(0, 1, m)
            for _ in range(bits):
                await driver.op(Alu.BIT)
            assert driver.a == m % (1 << bits)
            assert await driver.b_and_m() == (1 << bits, m >> bits)

    _simulate(bench)


def test_loop_counter() -> None:
    async def bench(driver: _Driver) -> None:
        for loops in (1, 2, 7, 255):
            await driver.op(Alu.HOLD, Register.L, loops)
            for left in range(loops, 0, -1):
                for counts in (0, 1):
                    assert driver.ctx.get(driver.dut.loops_on) == (left > 1)
                    await driver.op(counts=counts)
            assert not driver.ctx.get(driver.dut.loops_on)

    _simulate(bench)
