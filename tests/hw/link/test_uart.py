"""The UART: bytes arrive whatever the divisor and with clocks that differ; what is no byte does not."""

import random
from typing import Any

import pytest
from amaranth.hdl import DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.sim import Simulator

from hw.link.uart_receiver import UartReceiver
from hw.link.uart_transmitter import UartTransmitter
from tests.hw.link.streams import simulate, source, take
from tests.hw.refusal import assert_refused

BAUD = 1e6
DIVISORS = [4, 4.4, 5, 6.5, 7, 8.68, 10, 13.3, 16, 21, 26.04, 30]
DATA = bytes([0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0xC0, 0x7E])


@pytest.mark.parametrize("error", [-0.02, 0.0, 0.02])
@pytest.mark.parametrize("divisor", DIVISORS)
def test_receives_bits_two_percent_too_long_or_short(divisor: float, error: float) -> None:
    dut = UartReceiver(divisor * BAUD, BAUD)
    rng = random.Random(7)
    bit = (1 + error) / BAUD

    async def line(ctx: Any) -> None:
        for byte in DATA:
            await ctx.delay(rng.random() * 3 * bit)
            for level in (0, *(byte >> i & 1 for i in range(8)), 1):
                ctx.set(dut.rx, level)
                await ctx.delay(bit)

    async def bench(ctx: Any) -> None:
        assert bytes(await take(ctx, dut.o, len(DATA), rng, 0.0)) == DATA

    sim = Simulator(dut)
    sim.add_clock(1 / (divisor * BAUD))
    sim.add_testbench(line)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("ratio", [0.98, 1.0, 1.02])
@pytest.mark.parametrize("divisor", [4, 5, 8.68, 17, 30])
def test_loopback_without_pauses(divisor: float, ratio: float) -> None:
    m = Module()
    m.submodules.transmitter = transmitter = DomainRenamer("fast")(UartTransmitter(divisor * BAUD, BAUD))
    m.submodules.receiver = receiver = UartReceiver(divisor * BAUD, BAUD)
    m.d.comb += receiver.rx.eq(transmitter.tx)
    rng = random.Random(8)

    async def bench(ctx: Any) -> None:
        assert bytes(await take(ctx, receiver.o, len(DATA), rng, 0.0)) == DATA

    async def send(ctx: Any) -> None:
        ctx.set(transmitter.i.valid, 1)
        for byte in DATA:
            ctx.set(transmitter.i.payload, byte)
            await ctx.tick("fast").until(transmitter.i.ready)
        ctx.set(transmitter.i.valid, 0)

    sim = Simulator(m)
    sim.add_clock(1 / (divisor * BAUD))
    sim.add_clock(ratio / (divisor * BAUD), domain="fast")
    sim.add_testbench(bench)
    sim.add_testbench(send)
    sim.run()


def levels(text: str) -> list[int]:
    """Levels of the line, eight cycles for each character."""
    return [int(level) for level in text for _ in range(8)]


def received(line: list[int], ready: Any = lambda _cycle: True) -> list[int]:
    """Bytes that a receiver with bits of eight cycles takes from the line."""
    dut = UartReceiver(8e6, 1e6)
    taken: list[int] = []

    async def bench(ctx: Any) -> None:
        for cycle, level in enumerate(line):
            ctx.set(dut.rx, level)
            ctx.set(dut.o.ready, ready(cycle))
            _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid and ready(cycle):
                taken.append(payload)

    simulate(dut, bench)
    return taken


def test_byte_without_stop_bit_is_dropped() -> None:
    assert received(levels("1" + "0" + "10101010" + "0" + "1" + "0" + "11000000" + "1" + "11")) == [0x03]


def test_break_gives_no_bytes() -> None:
    assert received(levels("1" + "0" * 40 + "1" + "0" + "01000000" + "1" + "11")) == [0x02]


def test_glitch_is_no_start_bit() -> None:
    assert received([1] * 8 + [0] * 2 + levels("11" + "0" + "11100000" + "1" + "11")) == [0x07]


def test_byte_that_meets_one_still_waiting_is_dropped_whole() -> None:
    byte_cycles = 80
    line = levels("1" + "".join("0" + f"{byte:08b}"[::-1] + "1" for byte in (1, 2, 3)) + "1111")
    # Taken while the second byte is under way, which is therefore not to be seen at all.
    assert received(line, lambda cycle: cycle > 8 + 1.5 * byte_cycles) == [1, 3]


@pytest.mark.parametrize(("clock_hz", "baud"), [(12e6, 3.1e6), (12e6, 0), (12e6, -1)])
@pytest.mark.parametrize("uart", [UartReceiver, UartTransmitter])
def test_refuses_rates_out_of_reach(uart: type[wiring.Component], clock_hz: float, baud: float) -> None:
    assert_refused(
        rf"^baud must be positive and at most a 4th of the clock of .* Hz, not {baud}$", uart, clock_hz, baud
    )


def test_transmitter_keeps_the_rate() -> None:
    dut = UartTransmitter(12e6, 921_600)
    cycles = []

    async def bench(ctx: Any) -> None:
        # 0x55 has an edge at every bit.
        before, cycle = 1, 0
        while cycle < 200:
            level = ctx.get(dut.tx)
            if level != before:
                cycles.append(cycle)
            before, cycle = level, cycle + 1
            await ctx.tick()

    simulate(dut, bench, source(dut.i, [0x55], random.Random(9), 0.0))
    assert len(cycles) == 10
    for bit, cycle in enumerate(cycles):
        assert abs(cycle - cycles[0] - bit * 12e6 / 921_600) <= 1
