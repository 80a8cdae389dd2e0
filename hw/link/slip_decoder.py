"""Frames from a byte stream in SLIP."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.link.layouts import BYTE, frame_byte
from spec.link import Slip

__all__ = ["SlipDecoder"]


class SlipDecoder(wiring.Component):
    """A decoder of SLIP (RFC 1055); each END becomes an end mark, so an empty frame is an end mark alone.

    A byte behind ESC that SLIP does not know is passed on as it is, as the RFC advises; END always ends the frame.

    Latency: none, combinational. Throughput: one byte per cycle.

    Members
    -------
    i : In(stream.Signature(8))
    o : Out(stream.Signature(frame_byte))
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(BYTE)), "o": Out(stream.Signature(frame_byte))})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        escaped = Signal()
        byte = self.i.payload
        m.d.comb += [
            self.o.payload.data.eq(byte),
            self.o.payload.end.eq(byte == Slip.END),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
        ]
        with m.If(escaped):
            with m.If(byte == Slip.ESC_END):
                m.d.comb += self.o.payload.data.eq(Slip.END)
            with m.Elif(byte == Slip.ESC_ESC):
                m.d.comb += self.o.payload.data.eq(Slip.ESC)
        with m.Elif(byte == Slip.ESC):
            m.d.comb += [self.o.valid.eq(0), self.i.ready.eq(1)]

        with m.If(self.i.valid & self.i.ready):
            m.d.sync += escaped.eq(~escaped & (byte == Slip.ESC))
        return m
