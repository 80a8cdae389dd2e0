"""The row unit's jobs, and which of their rows have not been written."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.core.post.row_unit.formats import ADDR, LENGTH, row_layout
from hw.layouts import RowJob

__all__ = ["Jobs"]

_SLOTS = 4  # jobs; a power of two, so that pointers to them wrap by themselves

_slot = data.StructLayout({"reciprocal": 1, "length": LENGTH, "fetch": ADDR, "write": ADDR, "end": ADDR})


class Jobs(wiring.Component):
    """Jobs in a ring: one end hands out rows to fetch, the other knows which rows are not yet written.

    Members
    -------
    i : In(stream.Signature(RowJob))
    o : Out(row_layout), valid : Out(1), next : In(1)
        The next row, taken by ``next`` if ``valid``; the one after it is there 2 cycles later.
    write_addr : Out(12), written : In(1)
        The next row to write; the one after it is there 2 cycles later.
    query : In(12), pending : Out(1)
        Combinational: row ``query`` has not been written.
    """

    i: stream.Interface
    o: Any
    valid: Signal
    next: Signal
    write_addr: Signal
    written: Signal
    query: Signal
    pending: Signal

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(RowJob)),
                "o": Out(row_layout),
                "valid": Out(1),
                "next": In(1),
                "write_addr": Out(ADDR),
                "written": In(1),
                "query": In(ADDR),
                "pending": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        slots = Signal(data.ArrayLayout(_slot, _SLOTS), reset_less=True)
        live = Signal(_SLOTS)
        put, fetch, write = (Signal(range(2 * _SLOTS), name=name) for name in ("put", "fetch", "write"))
        index = len(put) - 1  # the top bit tells a full ring from an empty one

        # Both ends move once in a beat at most, so what they point at can wait in registers.
        fetching, writing = slots[fetch[:index]], slots[write[:index]]
        fetch_end, write_end = Signal(ADDR, reset_less=True), Signal(ADDR, reset_less=True)
        m.d.sync += [
            self.valid.eq(fetch != put),
            self.o.reciprocal.eq(fetching.reciprocal),
            self.o.addr.eq(fetching.fetch),
            self.o.length.eq(fetching.length),
            self.write_addr.eq(writing.write),
            fetch_end.eq(fetching.end),
            write_end.eq(writing.end),
        ]
        m.d.comb += [
            self.i.ready.eq(~live.bit_select(put[:index], 1)),
            self.pending.eq(
                Cat(live[k] & (slots[k].write <= self.query) & (self.query < slots[k].end) for k in range(_SLOTS)).any()
            ),
        ]
        with m.If(self.valid & self.next):
            following = Signal(ADDR)
            m.d.comb += following.eq(self.o.addr + 1)
            m.d.sync += [fetching.fetch.eq(following), fetch.eq(fetch + (following == fetch_end))]
        with m.If(self.written):
            following = Signal(ADDR)
            m.d.comb += following.eq(self.write_addr + 1)
            m.d.sync += writing.write.eq(following)
            with m.If(following == write_end):
                m.d.sync += [write.eq(write + 1), live.bit_select(write[:index], 1).eq(0)]
        with m.If(self.i.valid & self.i.ready):
            job, slot = self.i.payload, slots[put[:index]]
            m.d.sync += [
                put.eq(put + 1),
                live.bit_select(put[:index], 1).eq(1),
                slot.reciprocal.eq(job.reciprocal),
                slot.length.eq(job.length),
                slot.fetch.eq(job.addr),
                slot.write.eq(job.addr),
                slot.end.eq(job.addr + job.m),
            ]
        return m
