"""Change of width between bus beats and the words of on-chip memories."""

from math import gcd
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.packet import packet

__all__ = ["Gearbox"]


class Gearbox(wiring.Component):
    """Repack a byte stream into pieces of another width, through units of the widths' greatest common divisor.

    The first byte of a transfer is the lowest of its first output. Input bytes beyond ``final`` of a transfer's last
    piece are dropped; output bytes beyond ``final`` are unspecified.

    Latency: 0 cycles. Throughput: ``gcd(i_bytes, o_bytes)`` bytes per cycle, that is one piece of the narrower side per
    cycle if one width divides the other.

    Parameters
    ----------
    i_bytes, o_bytes : int
        Widths. Transfers must be a multiple of their greatest common divisor long.

    Members
    -------
    i : In(stream.Signature(packet(i_bytes)))
    o : Out(stream.Signature(packet(o_bytes)))
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, i_bytes: int, o_bytes: int) -> None:
        self.i_bytes, self.o_bytes, self.unit_bytes = i_bytes, o_bytes, gcd(i_bytes, o_bytes)
        super().__init__({"i": In(stream.Signature(packet(i_bytes))), "o": Out(stream.Signature(packet(o_bytes)))})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        unit_bits = 8 * self.unit_bytes
        i_units, o_units = self.i_bytes // self.unit_bytes, self.o_bytes // self.unit_bytes

        # The narrow side of the input: one unit after the other.
        source = data.View(data.ArrayLayout(unsigned(unit_bits), i_units), self.i.payload.data.as_value())
        take = Signal(range(i_units))
        unit = Signal(unit_bits)
        final_unit = Signal()
        end = Signal()
        m.d.comb += [
            unit.eq(source[take]),
            final_unit.eq(take == self.i.payload.final // self.unit_bytes),
            end.eq(self.i.payload.last & final_unit),
        ]

        # The wide side of the output: earlier units are held, the present one passes by.
        held = Signal(data.ArrayLayout(unsigned(unit_bits), max(o_units - 1, 1)))
        fill = Signal(range(o_units))
        complete = Signal()
        m.d.comb += complete.eq((fill == o_units - 1) | end)
        units = [Mux(fill == u, unit, held[u]) for u in range(o_units - 1)] + [unit]
        m.d.comb += [
            self.o.payload.data.as_value().eq(Cat(*units)),
            self.o.payload.final.eq(fill * self.unit_bytes + self.unit_bytes - 1),
            self.o.payload.last.eq(end),
            self.o.valid.eq(self.i.valid & complete),
            self.i.ready.eq(final_unit & (self.o.ready | ~complete)),
        ]
        with m.If(self.i.valid & (self.o.ready | ~complete)):
            m.d.sync += [take.eq(Mux(final_unit, 0, take + 1)), fill.eq(Mux(complete, 0, fill + 1))]
            if o_units > 1:
                m.d.sync += held[fill].eq(unit)
        return m
