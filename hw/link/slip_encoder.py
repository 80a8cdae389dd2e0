"""Frames to a byte stream in SLIP."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.link.layouts import BYTE, frame_byte
from spec.link import Slip

__all__ = ["SlipEncoder"]


class SlipEncoder(wiring.Component):
    """An encoder that puts frames into SLIP (RFC 1055), with END before and after each; an empty frame is left out.

    Latency: 1 cycle at the beginning of a frame, otherwise none, combinational. Throughput: one byte per cycle, less
    the cycles of END and ESC.

    Members
    -------
    i : In(stream.Signature(frame_byte))
    o : Out(stream.Signature(8))
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(frame_byte)), "o": Out(stream.Signature(BYTE))})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        data, end = self.i.payload.data, self.i.payload.end

        m.d.comb += self.o.valid.eq(self.i.valid)
        with m.FSM():
            with m.State("BETWEEN"):
                m.d.comb += self.o.payload.eq(Slip.END)
                with m.If(end):
                    m.d.comb += [self.o.valid.eq(0), self.i.ready.eq(1)]
                with m.Elif(self.i.valid & self.o.ready):
                    m.next = "INSIDE"
            with m.State("INSIDE"):
                m.d.comb += [self.o.payload.eq(data), self.i.ready.eq(self.o.ready)]
                with m.If(end):
                    m.d.comb += self.o.payload.eq(Slip.END)
                    with m.If(self.i.valid & self.o.ready):
                        m.next = "BETWEEN"
                with m.Elif((data == Slip.END) | (data == Slip.ESC)):
                    m.d.comb += [self.o.payload.eq(Slip.ESC), self.i.ready.eq(0)]
                    with m.If(self.i.valid & self.o.ready):
                        m.next = "ESCAPED"
            with m.State("ESCAPED"):
                m.d.comb += [
                    self.o.payload.eq(Slip.ESC_END),
                    self.i.ready.eq(self.o.ready),
                ]
                with m.If(data == Slip.ESC):
                    m.d.comb += self.o.payload.eq(Slip.ESC_ESC)
                with m.If(self.i.valid & self.o.ready):
                    m.next = "INSIDE"
        return m
