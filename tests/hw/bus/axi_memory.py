"""A behavioural AXI4 memory with latency, random stalls and faults, which checks the master's protocol."""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from hw.bus.axi import BURST_INCR, RESPONSE_OKAY
from spec.axi import BOUNDARY_BYTES, BURST_BEATS

__all__ = ["AxiMemory"]

_SLAVE_ERROR = 2


@dataclass
class AxiMemory:
    """Memory behind an AXI4 master.

    ``stall`` is the probability that a channel pauses in a cycle; ``latency`` the cycles from an address to its answer;
    ``bad_reads`` and ``bad_writes`` are burst addresses that are answered with an error; ``wrong_last`` gives, by the
    address of a burst of reads, the beat that ends it in place of its last one; ``dead`` stops everything. ``reads``
    and ``writes`` record bursts as address and beats.
    """

    data: np.ndarray[Any, np.dtype[np.uint8]]
    bus_bytes: int
    stall: float = 0.0
    latency: int = 4
    seed: int = 0
    bad_reads: set[int] = field(default_factory=set)
    bad_writes: set[int] = field(default_factory=set)
    wrong_last: dict[int, int] = field(default_factory=dict)
    dead: bool = False
    reads: list[tuple[int, int]] = field(default_factory=list)
    writes: list[tuple[int, int]] = field(default_factory=list)

    def _check_burst(self, addr: int, beats: int, burst: int, size: int) -> None:
        assert burst == BURST_INCR
        assert 1 << size == self.bus_bytes
        assert addr % self.bus_bytes == 0
        assert beats <= BURST_BEATS
        assert addr // BOUNDARY_BYTES == (addr + beats * self.bus_bytes - 1) // BOUNDARY_BYTES

    async def serve_reads(self, ctx: Any, axi: Any) -> None:
        """Serve read channels: an Amaranth testbench that never ends."""
        random = Random(self.seed)
        pending: deque[tuple[int, int, int, int]] = deque()  # due, addr, last, response
        offers, now = False, 0
        while True:
            takes = self._goes(random)
            offers = offers or (bool(pending) and pending[0][0] <= now and self._goes(random))
            if offers:
                _, addr, last, response = pending[0]
                ctx.set(axi.rdata, int.from_bytes(self.data[addr : addr + self.bus_bytes].tobytes(), "little"))
                ctx.set(axi.rlast, last)
                ctx.set(axi.rresp, response)
            ctx.set(axi.arready, takes)
            ctx.set(axi.rvalid, offers)
            _, _, arvalid, araddr, arlen, arburst, arsize, rready = await ctx.tick().sample(
                axi.arvalid, axi.araddr, axi.arlen, axi.arburst, axi.arsize, axi.rready
            )
            now += 1
            if offers and rready:
                pending.popleft()
                offers = False
            if arvalid and takes:
                self._check_burst(araddr, arlen + 1, arburst, arsize)
                self.reads.append((araddr, arlen + 1))
                response = _SLAVE_ERROR if araddr in self.bad_reads else RESPONSE_OKAY
                last = self.wrong_last.get(araddr, arlen)
                for i in range(min(arlen, last) + 1):
                    pending.append((now + self.latency, araddr + i * self.bus_bytes, int(i == last), response))

    async def serve_writes(self, ctx: Any, axi: Any) -> None:
        """Serve write channels: an Amaranth testbench that never ends."""
        random = Random(self.seed)
        bursts: deque[tuple[int, int]] = deque()
        responses: deque[tuple[int, int]] = deque()  # due, response
        offers, now, beat = False, 0, 0
        while True:
            takes_address, takes_data = self._goes(random), bool(bursts) and self._goes(random)
            offers = offers or (bool(responses) and responses[0][0] <= now and self._goes(random))
            if offers:
                ctx.set(axi.bresp, responses[0][1])
            ctx.set(axi.awready, takes_address)
            ctx.set(axi.wready, takes_data)
            ctx.set(axi.bvalid, offers)
            sampled = await ctx.tick().sample(
                axi.awvalid, axi.awaddr, axi.awlen, axi.awburst, axi.awsize,
                axi.wvalid, axi.wdata, axi.wstrb, axi.wlast, axi.bready,
            )  # fmt: skip
            awvalid, awaddr, awlen, awburst, awsize, wvalid, wdata, wstrb, wlast, bready = sampled[2:]
            now += 1
            if offers and bready:
                responses.popleft()
                offers = False
            if wvalid and takes_data:
                addr, beats = bursts[0]
                for i, value in enumerate(int(wdata).to_bytes(self.bus_bytes, "little")):
                    if wstrb >> i & 1:
                        self.data[addr + beat * self.bus_bytes + i] = value
                assert bool(wlast) == (beat == beats - 1)
                beat += 1
                if wlast:
                    bursts.popleft()
                    beat = 0
                    responses.append((now + self.latency, _SLAVE_ERROR if addr in self.bad_writes else RESPONSE_OKAY))
            if awvalid and takes_address:
                self._check_burst(awaddr, awlen + 1, awburst, awsize)
                self.writes.append((awaddr, awlen + 1))
                bursts.append((awaddr, awlen + 1))

    def _goes(self, random: Random) -> bool:
        return not self.dead and random.random() >= self.stall
