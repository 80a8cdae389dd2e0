"""Ports that end in a model of the FPGA or in the simulated gateware."""

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from amaranth.sim import Simulator

from tests.hw.link.disturbance import disturb
from tests.hw.link.fpga_model import FpgaModel


class ModelPort:
    """A line to ``model`` that disturbs a part of what goes over it, either way."""

    def __init__(self, model: FpgaModel, seed: int, disturbed: float = 0.0) -> None:
        self.model, self.rng, self.disturbed = model, random.Random(seed), disturbed
        self.sent: list[bytes] = []
        self.unread = b""

    @property
    def in_waiting(self) -> int:
        return len(self.unread)

    def _carry(self, data: bytes) -> bytes:
        return disturb(data, self.rng) if data and self.rng.random() < self.disturbed else data

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        self.unread += self._carry(self.model.feed(self._carry(data)))

    def read(self, size: int = 1) -> bytes:
        data, self.unread = self.unread[:size], self.unread[size:]
        return data


class ScriptedPort:
    """A port that answers what ``script`` returns for each write."""

    def __init__(self, script: Callable[[bytes], bytes]) -> None:
        self.script = script
        self.writes = 0
        self.unread = b""

    def write(self, data: bytes) -> None:
        self.writes += 1
        self.unread += self.script(data)

    def read(self, size: int = 1) -> bytes:
        data, self.unread = self.unread[:size], self.unread[size:]
        return data


class SimulatedPort:
    """A port of simulated gateware: a read runs the clocks until a byte comes or the time-out has passed.

    ``line`` is the process that carries bytes between ``to_fpga`` and ``from_fpga`` and the pins or streams, and counts
    ``cycles``; ``others`` run beside it. ``periods`` are the clocks'.
    """

    def __init__(
        self,
        dut: Any,
        line: Callable[[Any, Any], Any],
        timeout_cycles: int,
        *others: Callable[[Any], Any],
        periods: Mapping[str, float] = MappingProxyType({"sync": 1e-6}),
    ) -> None:
        self.to_fpga, self.from_fpga = bytearray(), bytearray()
        self._timeout_cycles = timeout_cycles
        self.cycles = 0
        self._sim = Simulator(dut)
        for domain, period in periods.items():
            self._sim.add_clock(period, domain=domain)

        async def carry(ctx: Any) -> None:
            await line(ctx, self)

        for bench in (*others, carry):
            self._sim.add_testbench(bench, background=True)

    @property
    def in_waiting(self) -> int:
        return len(self.from_fpga)

    def write(self, data: bytes) -> None:
        self.to_fpga += data

    def read(self, size: int = 1) -> bytes:
        # As a byte on a real line may still be on its way, the time-out begins when all has been sent.
        idle_since = self.cycles
        while not self.from_fpga and self.cycles - idle_since < self._timeout_cycles:
            self._sim.advance()
            if self.to_fpga:
                idle_since = self.cycles
        data = bytes(self.from_fpga[:size])
        del self.from_fpga[:size]
        return data


DIVISOR = 4
"""Clocks of a bit on the serial line."""


async def serial_line(ctx: Any, port: SimulatedPort, pins: Any) -> None:
    """Send and receive bits at ``rx`` and ``tx``."""
    sending: list[int] = []
    receiving: list[int] = []
    while True:
        if not sending and port.to_fpga:
            byte = port.to_fpga.pop(0)
            sending = [level for level in (0, *(byte >> i & 1 for i in range(8)), 1) for _ in range(DIVISOR)]
        ctx.set(pins.rx, sending.pop(0) if sending else 1)
        _, _, level = await ctx.tick().sample(pins.tx)
        port.cycles += 1
        if receiving or not level:
            receiving.append(level)
        if len(receiving) == 10 * DIVISOR:
            bits = receiving[DIVISOR // 2 :: DIVISOR]
            assert (bits[0], bits[-1]) == (0, 1)
            port.from_fpga.append(sum(bit << i for i, bit in enumerate(bits[1:9])))
            receiving = []
