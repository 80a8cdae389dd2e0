"""A behavioural AXI4 memory with latency, random stalls and faults, which checks the master's protocol."""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from hw.bus.axi import BOUNDARY_BYTES, BURST_BEATS, BURST_INCR

__all__ = ["AxiMemory"]


@dataclass
class AxiMemory:
    """Memory behind an AXI4 master; ``bench`` is an Amaranth testbench that never ends.

    ``stall`` is the probability that a channel pauses in a cycle; ``latency`` the cycles from an address to its answer;
    ``bad_reads`` and ``bad_writes`` are burst addresses that are answered with an error; ``dead`` stops all answers.
    """

    data: np.ndarray[Any, np.dtype[np.uint8]]
    bus_bytes: int
    stall: float = 0.0
    latency: int = 4
    seed: int = 0
    bad_reads: set[int] = field(default_factory=set)
    bad_writes: set[int] = field(default_factory=set)
    dead: bool = False
    reads: list[tuple[int, int]] = field(default_factory=list)
    writes: list[tuple[int, int]] = field(default_factory=list)

    def _check_burst(self, addr: int, beats: int, burst: int, size: int) -> None:
        assert burst == BURST_INCR
        assert 1 << size == self.bus_bytes
        assert addr % self.bus_bytes == 0
        assert beats <= BURST_BEATS
        assert addr // BOUNDARY_BYTES == (addr + beats * self.bus_bytes - 1) // BOUNDARY_BYTES

    async def bench(self, ctx: Any, axi: Any) -> None:
        """Serve the read and write channels of ``axi``."""
        random = Random(self.seed)
        now = 0
        beats: deque[tuple[int, int, int, int]] = deque()  # due, addr, last, response
        addresses: deque[tuple[int, int]] = deque()
        responses: deque[tuple[int, int]] = deque()
        offset = 0
        while True:

            def go() -> bool:
                return not self.dead and random.random() >= self.stall

            arready, awready, wready = go(), go(), bool(addresses) and go()
            if not ctx.get(axi.rvalid):
                give_r = bool(beats) and beats[0][0] <= now and go()
            if not ctx.get(axi.bvalid):
                give_b = bool(responses) and responses[0][0] <= now and go()
            ctx.set(axi.arready, arready)
            ctx.set(axi.awready, awready)
            ctx.set(axi.wready, wready)
            if give_r:
                _, addr, last, response = beats[0]
                word = int.from_bytes(self.data[addr : addr + self.bus_bytes].tobytes(), "little")
                ctx.set(axi.rdata, word)
                ctx.set(axi.rlast, last)
                ctx.set(axi.rresp, response)
            if give_b:
                ctx.set(axi.bresp, responses[0][1])
            ctx.set(axi.rvalid, give_r)
            ctx.set(axi.bvalid, give_b)

            sampled = await ctx.tick().sample(
                axi.arvalid, axi.araddr, axi.arlen, axi.arburst, axi.arsize, axi.rready, axi.bready,
                axi.awvalid, axi.awaddr, axi.awlen, axi.awburst, axi.awsize,
                axi.wvalid, axi.wdata, axi.wstrb, axi.wlast,
            )  # fmt: skip
            (_, _, arvalid, araddr, arlen, arburst, arsize, rready, bready) = sampled[:9]
            (awvalid, awaddr, awlen, awburst, awsize, wvalid, wdata, wstrb, wlast) = sampled[9:]
            now += 1
            if give_r and rready:
                beats.popleft()
                ctx.set(axi.rvalid, 0)
            if give_b and bready:
                responses.popleft()
                ctx.set(axi.bvalid, 0)
            if arvalid and arready:
                self._check_burst(araddr, arlen + 1, arburst, arsize)
                self.reads.append((araddr, arlen + 1))
                response = 2 if araddr in self.bad_reads else 0
                for i in range(arlen + 1):
                    addr = araddr + i * self.bus_bytes
                    beats.append((now + self.latency, addr, int(i == arlen), response))
            if wvalid and wready:
                addr, length = addresses[0]
                raw = int(wdata).to_bytes(self.bus_bytes, "little")
                for i in range(self.bus_bytes):
                    if wstrb >> i & 1:
                        self.data[addr + offset * self.bus_bytes + i] = raw[i]
                assert bool(wlast) == (offset == length - 1)
                offset += 1
                if wlast:
                    addresses.popleft()
                    offset = 0
                    responses.append((now + self.latency, 3 if addr in self.bad_writes else 0))
            if awvalid and awready:
                self._check_burst(awaddr, awlen + 1, awburst, awsize)
                self.writes.append((awaddr, awlen + 1))
                addresses.append((awaddr, awlen + 1))
