"""A behavioural AXI4 master that pauses at random and checks every answer."""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

from amaranth.utils import exact_log2

from hw.bus.axi import BURST_INCR, RESPONSE_OKAY, RESPONSE_SLVERR

__all__ = ["AxiMaster", "random_burst"]

Burst = tuple[int, bytes]

_DEADLINE = 20_000
"""Cycles after which a bus counts as stuck."""


def random_burst(rng: Random, start: int, end: int, bus_bytes: int) -> tuple[int, int]:
    """Return address and bytes of a burst from ``start`` to ``end`` that crosses no multiple of 4096."""
    while True:
        addr, size = rng.randrange(start, end, bus_bytes), bus_bytes * rng.choice([1, 1, 2, 3, 7, 15, 16, 16])
        if addr + size <= end and addr // 4096 == (addr + size - 1) // 4096:
            return addr, size


@dataclass
class AxiMaster:
    """Reads and writes bursts, given as address and bytes, as fast as the bus takes them but for pauses.

    ``stall`` is the probability that a channel pauses in a cycle; ``bad`` are burst addresses whose answer must be an
    error. With ``one_at_a_time`` a burst of writes is begun when the last beat of the one before has been taken, as the
    accelerator does it. The lists at the end record cycles.
    """

    bus_bytes: int
    reads: list[Burst] = field(default_factory=list)
    writes: list[Burst] = field(default_factory=list)
    stall: float = 0.0
    seed: int = 0
    domain: str = "sync"
    bad: set[int] = field(default_factory=set)
    one_at_a_time: bool = False
    acknowledged: int = 0
    read_asked: list[int] = field(default_factory=list)
    read_granted: list[int] = field(default_factory=list)
    read_beats: list[int] = field(default_factory=list)
    write_asked: list[int] = field(default_factory=list)
    write_granted: list[int] = field(default_factory=list)

    async def read(self, ctx: Any, axi: Any) -> None:
        """Do all reads and check them: an Amaranth testbench."""
        rng, now, asks = Random(self.seed), 0, False
        addresses, beats = deque(self.reads), self._beats(self.reads)
        ctx.set(axi.arsize, exact_log2(self.bus_bytes))
        ctx.set(axi.arburst, BURST_INCR)
        while beats:
            if addresses and not asks and self._goes(rng):
                asks = True
                self.read_asked.append(now)
                ctx.set(axi.araddr, addresses[0][0])
                ctx.set(axi.arlen, len(addresses[0][1]) // self.bus_bytes - 1)
            takes = self._goes(rng)
            ctx.set(axi.arvalid, asks)
            ctx.set(axi.rready, takes)
            _, _, granted, valid, word, response, last = await ctx.tick(self.domain).sample(
                axi.arready, axi.rvalid, axi.rdata, axi.rresp, axi.rlast
            )
            if takes and valid:
                self.read_beats.append(now)
                addr, *expected = beats.popleft()
                place = f"burst at {addr:#x}, cycle {now}, seed {self.seed}"
                assert [word, last] == expected, place
                assert response == (RESPONSE_SLVERR if addr in self.bad else RESPONSE_OKAY), place
            if asks and granted:
                self.read_granted.append(now)
                addresses.popleft()
                asks = False
            now += 1
            assert now < _DEADLINE, "the bus is stuck"
        ctx.set(axi.rready, 0)

    async def write(self, ctx: Any, axi: Any) -> None:
        """Do all writes: an Amaranth testbench."""
        rng, now, asks, offers = Random(self.seed + 1), 0, False, False
        addresses, beats = deque(self.writes), self._beats(self.writes)
        begun = ended = 0
        ctx.set(axi.awsize, exact_log2(self.bus_bytes))
        ctx.set(axi.awburst, BURST_INCR)
        ctx.set(axi.wstrb, (1 << self.bus_bytes) - 1)
        while self.acknowledged < len(self.writes):
            if addresses and not asks and (begun == ended or not self.one_at_a_time) and self._goes(rng):
                asks = True
                begun += 1
                self.write_asked.append(now)
                ctx.set(axi.awaddr, addresses[0][0])
                ctx.set(axi.awlen, len(addresses[0][1]) // self.bus_bytes - 1)
            if beats and not offers and (begun > ended or not self.one_at_a_time) and self._goes(rng):
                offers = True
                ctx.set(axi.wdata, beats[0][1])
                ctx.set(axi.wlast, beats[0][2])
            takes = self._goes(rng)
            ctx.set(axi.awvalid, asks)
            ctx.set(axi.wvalid, offers)
            ctx.set(axi.bready, takes)
            _, _, granted, taken, valid, response = await ctx.tick(self.domain).sample(
                axi.awready, axi.wready, axi.bvalid, axi.bresp
            )
            if takes and valid:
                addr = self.writes[self.acknowledged][0]
                self.acknowledged += 1
                assert self.acknowledged <= min(ended, len(self.write_granted)), "an answer before its burst"
                assert response == (RESPONSE_SLVERR if addr in self.bad else RESPONSE_OKAY), f"burst at {addr:#x}"
            if offers and taken:
                ended += beats.popleft()[2]
                offers = False
            if asks and granted:
                self.write_granted.append(now)
                addresses.popleft()
                asks = False
            now += 1
            assert now < _DEADLINE, "the bus is stuck"
        ctx.set(axi.bready, 0)

    def _goes(self, rng: Random) -> bool:
        return rng.random() >= self.stall

    def _beats(self, bursts: list[Burst]) -> deque[tuple[int, int, bool]]:
        """Address of its burst, data and whether it is the last, for each beat."""
        size = self.bus_bytes
        return deque(
            (addr, int.from_bytes(data[at : at + size], "little"), at + size == len(data))
            for addr, data in bursts
            for at in range(0, len(data), size)
        )
