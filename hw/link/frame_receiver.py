"""Requests from frames, their CRC checked."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.link.layouts import CrcPort, PayloadWrite, frame_byte, header
from spec.link import CRC_BYTES, HEADER_FIELDS, LARGEST_PAYLOAD, WRITES, Command

__all__ = ["FrameReceiver"]

_HEADER_BYTES = sum(HEADER_FIELDS.values())
_LARGEST_BODY = LARGEST_PAYLOAD + CRC_BYTES


class FrameReceiver(wiring.Component):
    """A receiver of requests whose CRC is right and whose payload, put into memory, is of the stated length.

    Other frames are dropped. A payload is of the right length if it is empty; of a write, if it has the bytes that the
    header says, or any number if that is above the largest payload; of an unknown command always.

    Latency: 2 cycles from the end mark. Throughput: one byte per cycle; none while a request is offered and in the two
    cycles after an end mark.

    Members
    -------
    i : In(stream.Signature(frame_byte))
    o : Out(stream.Signature(header))
        The CRC and the payload memory are left alone from the cycle in which it is valid until the transfer.
    payload : Out(PayloadWrite())
    crc : Out(CrcPort())
    """

    i: stream.Interface
    o: stream.Interface
    payload: Any
    crc: Any

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(frame_byte)),
                "o": Out(stream.Signature(header)),
                "payload": Out(PayloadWrite()),
                "crc": Out(CrcPort()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        bits = Signal(header, reset_less=True)
        # Place in the body; negative in the header. It stops behind the largest body, which is too long.
        place = Signal(range(-_HEADER_BYTES, _LARGEST_BODY + 2), reset_less=True)
        byte = self.i.payload.data

        m.d.comb += [
            self.o.payload.eq(bits),
            self.payload.addr.eq(place),
            self.payload.data.eq(byte),
            self.crc.data.eq(byte),
        ]

        fits = Signal()
        write = Signal()
        m.d.comb += write.eq(Cat(bits.command == command for command in WRITES).any())
        with m.If(bits.command > max(Command)):
            m.d.comb += fits.eq(place >= CRC_BYTES)
        with m.Elif(~write):
            m.d.comb += fits.eq(place == CRC_BYTES)
        with m.Elif(bits.length > LARGEST_PAYLOAD):
            m.d.comb += fits.eq(place >= CRC_BYTES)
        with m.Else():
            m.d.comb += fits.eq(place == bits.length + CRC_BYTES)

        with m.FSM():
            with m.State("BEGIN"):
                m.d.comb += self.crc.start.eq(1)
                m.d.sync += place.eq(-_HEADER_BYTES)
                m.next = "RECEIVE"
            with m.State("RECEIVE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid & self.i.payload.end):
                    m.next = "CHECK"
                with m.Elif(self.i.valid):
                    m.d.comb += [
                        self.crc.valid.eq(1),
                        self.payload.en.eq((place >= 0) & (place < LARGEST_PAYLOAD)),
                    ]
                    with m.If(place <= _LARGEST_BODY):
                        m.d.sync += place.eq(place + 1)
                    with m.If(place < 0):
                        m.d.sync += bits.eq(Cat(bits.as_value()[8:], byte))
            with m.State("CHECK"):
                m.next = "BEGIN"
                with m.If(self.crc.match & fits):
                    m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "BEGIN"
        return m
