"""Statistics and scalars of rows."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.core.memory.collisions import NO_COLLISIONS
from hw.core.memory.scrub import scrubs
from hw.core.post.layouts import MemoryRead
from hw.layouts import Scrub, row_scalars, row_stats
from spec.config import AcceleratorConfig

__all__ = ["RowMemory"]


class RowMemory(wiring.Component):
    """``acc_depth`` rows: statistics, of which ``a`` and ``b`` are written independently, and scalars.

    Latency: reads take 2 cycles, that of the row unit 1; they see writes of earlier cycles. Throughput: everything at
    once.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    stats : In(MemoryRead(acc_depth, row_stats))
    scalars : In(MemoryRead(acc_depth, row_scalars))
    write_a, write_b : In(1)
        Write one of the statistics, or both, at ``write_addr``.
    write_addr : In(range(acc_depth))
    write_data : In(row_stats)
    unit_stats_addr : In(range(acc_depth)), unit_stats_data : Out(row_stats)
        The row unit's read, 1 cycle.
    unit_scalars_en : In(1), unit_scalars_addr : In(range(acc_depth)), unit_scalars_data : In(row_scalars)
        The row unit's write.
    scrub : In(Scrub())
    """

    stats: Any
    scalars: Any
    write_a: Signal
    write_b: Signal
    write_addr: Signal
    write_data: Any
    unit_stats_addr: Signal
    unit_stats_data: Any
    unit_scalars_en: Signal
    unit_scalars_addr: Signal
    unit_scalars_data: Any
    scrub: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        depth = config.acc_depth
        self.storage = {
            name: Memory(shape=row_stats[name].shape, depth=depth, init=[], attrs=NO_COLLISIONS) for name in ("a", "b")
        }
        self.scalar_storage = Memory(shape=row_scalars, depth=depth, init=[], attrs=NO_COLLISIONS)
        super().__init__(
            {
                "stats": In(MemoryRead(depth, row_stats)),
                "scalars": In(MemoryRead(depth, row_scalars)),
                "write_a": In(1),
                "write_b": In(1),
                "write_addr": In(range(depth)),
                "write_data": In(row_stats),
                "unit_stats_addr": In(range(depth)),
                "unit_stats_data": Out(row_stats),
                "unit_scalars_en": In(1),
                "unit_scalars_addr": In(range(depth)),
                "unit_scalars_data": In(row_scalars),
                "scrub": In(Scrub()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        for name, write_en in (("a", self.write_a), ("b", self.write_b)):
            m.submodules[name] = storage = self.storage[name]
            read, unit_read = storage.read_port(), storage.read_port()
            m.d.comb += [
                read.en.eq(self.stats.en),
                read.addr.eq(self.stats.addr),
                unit_read.addr.eq(self.unit_stats_addr),
                self.unit_stats_data[name].eq(unit_read.data),
            ]
            m.d.sync += self.stats.data[name].eq(read.data)
            self._write(m, storage, write_en, self.write_addr, self.write_data[name])

        m.submodules.scalars = storage = self.scalar_storage
        read = storage.read_port()
        m.d.comb += [read.en.eq(self.scalars.en), read.addr.eq(self.scalars.addr)]
        m.d.sync += self.scalars.data.eq(read.data)
        self._write(m, storage, self.unit_scalars_en, self.unit_scalars_addr, self.unit_scalars_data)
        return m

    def _write(self, m: Module, storage: Memory, en: Any, addr: Any, value: Any) -> None:
        write = storage.write_port()
        with m.If(self.scrub.en):
            m.d.comb += [write.addr.eq(self.scrub.addr), write.en.eq(scrubs(self.scrub, storage.depth))]
        with m.Else():
            m.d.comb += [write.addr.eq(addr), write.data.eq(value), write.en.eq(en)]
