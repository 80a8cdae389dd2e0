"""A behavioural AXI4 master that pauses at random and checks every answer."""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

from amaranth.utils import exact_log2

from hw.bus.axi import BURST_INCR, RESPONSE_OKAY

__all__ = ["AxiMaster", "random_burst"]


def random_burst(rng: Random, start: int, end: int, bus_bytes: int) -> tuple[int, int]:
    """Address and beats of a burst within ``start`` and ``end`` that crosses no multiple of 4096 bytes."""
    while True:
        addr, beats = rng.randrange(start, end, bus_bytes), rng.choice([1, 1, 2, 3, 7, 15, 16, 16])
        last = addr + beats * bus_bytes - 1
        if last < end and addr // 4096 == last // 4096:
            return addr, beats


@dataclass
class AxiMaster:
    """Reads and writes lists of bursts, as fast as the bus takes them but for pauses.

    ``stall`` is the probability that a channel pauses in a cycle. ``read_beats`` and ``write_beats`` are the cycles in
    which beats were transferred, ``read_grants`` and ``write_grants`` those of addresses.
    """

    bus_bytes: int
    reads: list[tuple[int, bytes]] = field(default_factory=list)
    """Addresses and what they must give."""
    writes: list[tuple[int, bytes]] = field(default_factory=list)
    stall: float = 0.0
    seed: int = 0
    domain: str = "sync"
    together: bool = False
    """Offer an address only when all data before it have been taken, as the accelerator's master does."""
    responses: set[int] = field(default_factory=lambda: {RESPONSE_OKAY})
    read_beats: list[int] = field(default_factory=list)
    write_beats: list[int] = field(default_factory=list)
    read_grants: list[int] = field(default_factory=list)
    write_grants: list[int] = field(default_factory=list)
    acknowledged: int = 0

    @property
    def done(self) -> bool:
        """All answers have come."""
        read_beats = sum(len(data) for _, data in self.reads) // self.bus_bytes
        return len(self.read_beats) == read_beats and self.acknowledged == len(self.writes)

    async def read(self, ctx: Any, axi: Any) -> None:
        """Do all reads and check them: an Amaranth testbench."""
        rng, asked = Random(self.seed), deque(self.reads)
        expected: deque[tuple[int, int]] = deque()
        beats = [self._beats(data) for _, data in self.reads]
        words = deque((word, n == len(burst) - 1) for burst in beats for n, word in enumerate(burst))
        asks, now = False, 0
        ctx.set(axi.arsize, exact_log2(self.bus_bytes))
        ctx.set(axi.arburst, BURST_INCR)
        while words:
            if asked and not asks and rng.random() >= self.stall:
                asks = True
                ctx.set(axi.araddr, asked[0][0])
                ctx.set(axi.arlen, len(asked[0][1]) // self.bus_bytes - 1)
            takes = rng.random() >= self.stall
            ctx.set(axi.arvalid, asks)
            ctx.set(axi.rready, takes)
            _, _, arready, rvalid, rdata, rresp, rlast = await ctx.tick(self.domain).sample(
                axi.arready, axi.rvalid, axi.rdata, axi.rresp, axi.rlast
            )
            if takes and rvalid:
                assert expected, f"cycle {now}: a beat that nobody has asked for"
                self.read_beats.append(now)
                assert rresp in self.responses
                assert (int(rdata), bool(rlast)) == words.popleft(), f"beat {len(self.read_beats)}, seed {self.seed}"
                if rlast:
                    expected.popleft()
            if asks and arready:
                self.read_grants.append(now)
                expected.append((now, asked.popleft()[0]))
                asks = False
            now += 1
        ctx.set(axi.arvalid, 0)
        ctx.set(axi.rready, 0)

    async def write(self, ctx: Any, axi: Any) -> None:
        """Do all writes: an Amaranth testbench."""
        rng, addresses = Random(self.seed + 1), deque(self.writes)
        beats = [self._beats(data) for _, data in self.writes]
        words = deque((word, n == len(burst) - 1) for burst in beats for n, word in enumerate(burst))
        asks = offers = False
        now = begun = ended = 0
        ctx.set(axi.awsize, exact_log2(self.bus_bytes))
        ctx.set(axi.awburst, BURST_INCR)
        ctx.set(axi.wstrb, (1 << self.bus_bytes) - 1)
        while self.acknowledged < len(self.writes):
            may_ask = begun == ended if self.together else True
            if addresses and not asks and may_ask and rng.random() >= self.stall:
                asks = True
                begun += 1
                ctx.set(axi.awaddr, addresses[0][0])
                ctx.set(axi.awlen, len(addresses[0][1]) // self.bus_bytes - 1)
            may_offer = begun > ended if self.together else True
            if words and not offers and may_offer and rng.random() >= self.stall:
                offers = True
                ctx.set(axi.wdata, words[0][0])
                ctx.set(axi.wlast, words[0][1])
            takes = rng.random() >= self.stall
            ctx.set(axi.awvalid, asks)
            ctx.set(axi.wvalid, offers)
            ctx.set(axi.bready, takes)
            _, _, awready, wready, bvalid, bresp = await ctx.tick(self.domain).sample(
                axi.awready, axi.wready, axi.bvalid, axi.bresp
            )
            if takes and bvalid:
                assert bresp in self.responses
                self.acknowledged += 1
                assert self.acknowledged <= min(ended, len(self.write_grants)), "an answer before its burst"
            if offers and wready:
                self.write_beats.append(now)
                ended += words.popleft()[1]
                offers = False
            if asks and awready:
                self.write_grants.append(now)
                addresses.popleft()
                asks = False
            now += 1
        ctx.set(axi.bready, 0)

    def _beats(self, data: bytes) -> list[int]:
        size = self.bus_bytes
        return [int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size)]
