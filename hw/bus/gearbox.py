"""Change of width between bus beats and the words of on-chip memories."""

from math import gcd
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.packet import packet

__all__ = ["Gearbox"]


class Gearbox(wiring.Component):
    """A gearbox that repacks a byte stream into pieces of another width.

    The first byte of a transfer is the lowest of its first output. Input bytes beyond ``final`` of a transfer's last
    piece are dropped; output bytes beyond ``final`` are unspecified. A transfer's last input is taken with its last
    output.

    Latency: 0 cycles. Throughput: ``min(i_bytes, o_bytes)`` bytes per cycle. Where neither width divides the other, a
    last output that is not full comes up to ``ceil(o_bytes / i_bytes)`` cycles later.

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
        if self.unit_bytes in (self.i_bytes, self.o_bytes):
            self._pieces(m)
        else:
            self._window(m)
        return m

    def _pieces(self, m: Module) -> None:
        """Move pieces of the narrower side, which divides the other."""
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
        held = Signal(data.ArrayLayout(unsigned(unit_bits), max(o_units - 1, 1)), reset_less=True)
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

    def _window(self, m: Module) -> None:
        """Cut each output out of a window over the input, whose place moves by one output or one input a cycle.

        The window is the present input and, below it, the ``o_units - 1`` units before it. ``place`` is where the next
        output begins; the output is there when that is within the first ``i_units``.
        """
        unit_bits = 8 * self.unit_bytes
        i_units, o_units = self.i_bytes // self.unit_bytes, self.o_bytes // self.unit_bytes
        i, o = self.i.payload, self.o.payload

        held = Signal((o_units - 1) * unit_bits, reset_less=True)
        window = Cat(held, i.data.as_value())
        place = Signal(range(i_units + o_units - 1), init=o_units - 1)
        inside = Signal()
        m.d.comb += inside.eq(place < i_units)

        # The first unit of the output goes to the bottom, one bit of the distance after the other.
        cut: Any = window
        for bit in reversed(range((i_units - 1).bit_length())):
            kept = (o_units + (1 << bit) - 1) * unit_bits
            cut = Mux(place[bit], cut[(1 << bit) * unit_bits :], cut)[:kept]
        m.d.comb += o.data.as_value().eq(cut)

        # An input whose units go beyond its last whole output stays, pushed into the window, until these have left.
        flushing = Signal()
        rest = Signal(range(self.o_bytes))
        final_unit = Signal(range(i_units))
        ends, passes = Signal(), Signal()
        following = Signal(range(i_units + o_units - 1 + max(i_units, o_units)))
        m.d.comb += [
            final_unit.eq(i.final // self.unit_bytes),
            following.eq(place + Mux(inside, o_units, 0)),
            ends.eq(inside & (flushing | (i.last & (final_unit <= place)))),
            passes.eq(following >= i_units),
            o.last.eq(ends),
            o.final.eq(
                Mux(
                    flushing,
                    rest,
                    Mux(ends, (final_unit - place + o_units) * self.unit_bytes - 1, self.o_bytes - 1),
                )
            ),
            self.o.valid.eq(self.i.valid & inside),
            self.i.ready.eq((self.o.ready | ~inside) & Mux(i.last, ends, passes)),
        ]
        with m.If(self.i.valid & (self.o.ready | ~inside)):
            m.d.sync += place.eq(following)
            with m.If(ends):
                m.d.sync += [place.eq(o_units - 1), flushing.eq(0)]
            with m.Elif(passes):
                m.d.sync += [
                    place.eq(following - i_units),
                    held.eq(window[i_units * unit_bits :]),
                    flushing.eq(i.last),
                ]
                with m.If(~flushing):
                    m.d.sync += rest.eq((final_unit - following + o_units) * self.unit_bytes - 1)
