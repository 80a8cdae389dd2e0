"""A controller with its chip, and coroutines that use the bus."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Elaboratable, Module
from amaranth.lib import wiring
from amaranth.sim import Simulator
from amaranth.utils import exact_log2

from hw.bus.axi import BURST_INCR
from hw.sdram.controller import SdramController
from sim.chips.sdram import SdramModel
from sim.chips.sdram_rule import SdramRule
from spec.sdram_chip import SdramChip

CLOCK_HZ = 80e6
SMALL = SdramChip(rows=16, columns=128, retention_ns=16 * 7812.5, power_up_ns=500)
"""A chip with the times of the real one but 16 KiB and a short power-up."""


class System(Elaboratable):
    """The controller with the model at its pins; the model is of the same chip unless `real` is given."""

    def __init__(
        self,
        bus_bytes: int,
        chip: SdramChip = SMALL,
        clock_hz: float = CLOCK_HZ,
        *,
        real: SdramChip | None = None,
        **options: Any,
    ) -> None:
        self.controller = SdramController(chip, clock_hz, bus_bytes, **options)
        self.model = SdramModel(real or chip, clock_hz)
        self.read, self.write = self.controller.axi_read, self.controller.axi_write
        self.bus_bytes = bus_bytes

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.controller, m.submodules.model = self.controller, self.model
        wiring.connect(m, self.controller.pins, self.model.pins)
        return m


def simulate(
    dut: Any, *benches: Callable[[Any], Any], deadline: int, background: tuple[Callable[[Any], Any], ...] = ()
) -> None:
    """Run until all benches are done, but not those in the background; give up after `deadline` cycles."""
    running = len(benches)

    def counted(bench: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def wrapper(ctx: Any) -> None:
            nonlocal running
            await bench(ctx)
            running -= 1

        return wrapper

    async def watchdog(ctx: Any) -> None:
        for _ in range(deadline):
            await ctx.tick()
            if not running:
                return
        raise TimeoutError(f"{running} benches still run after {deadline} cycles")

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    for bench in benches:
        sim.add_testbench(counted(bench))
    for bench in background:
        sim.add_testbench(bench, background=True)
    sim.add_testbench(watchdog)
    sim.run()


def violations(ctx: Any, model: SdramModel) -> dict[str, int]:
    """Return the counts of the rules that were broken."""
    counts = {rule.value: int(ctx.get(model.violations[rule.value])) for rule in SdramRule}
    return {name: count for name, count in counts.items() if count}


async def handshake(ctx: Any, mine: Any, theirs: Any, *payload: Any) -> list[int]:
    """Raise `mine` until an edge at which `theirs` is high; return the payload at that edge."""
    ctx.set(mine, 1)
    done = False
    while not done:
        _, _, done, *values = await ctx.tick().sample(theirs, *payload)
    ctx.set(mine, 0)
    return [int(value) for value in values]


async def request(ctx: Any, axi: Any, channel: str, addr: int, beats: int, **changes: int) -> None:
    """Put a burst on an address channel, ``ar`` or ``aw``; of whole beats that increment unless told otherwise."""
    bus_bytes = len(axi.rdata if channel == "ar" else axi.wdata) // 8
    fields = {"addr": addr, "len": beats - 1, "size": exact_log2(bus_bytes), "burst": BURST_INCR} | changes
    for name, value in fields.items():
        ctx.set(getattr(axi, channel + name), value)
    await handshake(ctx, getattr(axi, channel + "valid"), getattr(axi, channel + "ready"))


async def send(ctx: Any, axi: Any, word: int, strb: int, last: bool) -> None:
    """Put a beat on the write data channel."""
    ctx.set(axi.wdata, word)
    ctx.set(axi.wstrb, strb)
    ctx.set(axi.wlast, last)
    await handshake(ctx, axi.wvalid, axi.wready)


async def receive(ctx: Any, axi: Any) -> tuple[int, int, bool]:
    """Take a beat from the read data channel: data, response, last."""
    word, resp, last = await handshake(ctx, axi.rready, axi.rvalid, axi.rdata, axi.rresp, axi.rlast)
    return word, resp, bool(last)


async def acknowledge(ctx: Any, axi: Any) -> int:
    """Take a write response."""
    return (await handshake(ctx, axi.bready, axi.bvalid, axi.bresp))[0]
