"""Frames from answers."""

from typing import Any

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.link.layouts import BYTE, CrcPort, PayloadRead, answer, frame_byte
from spec.link import CRC_BYTES, HELLO_FIELDS, LARGEST_PAYLOAD, VERSION

__all__ = ["Answerer"]

_HELLO = VERSION.to_bytes(HELLO_FIELDS["version"], "little") + LARGEST_PAYLOAD.to_bytes(
    HELLO_FIELDS["largest_payload"], "little"
)


class Answerer(wiring.Component):
    """A sender of status, sequence number, payload and CRC of an answer, then an end mark.

    Latency: 1 cycle. Throughput: one byte in two cycles, of the payload one in three.

    Members
    -------
    i : In(stream.Signature(answer))
        Transferred with the end mark; the payload memory must not change while it is valid.
    o : Out(stream.Signature(frame_byte))
    payload : Out(PayloadRead())
    crc : Out(CrcPort())
        Used only while ``i`` is valid.
    """

    i: stream.Interface
    o: stream.Interface
    payload: Any
    crc: Any

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(answer)),
                "o": Out(stream.Signature(frame_byte)),
                "payload": Out(PayloadRead()),
                "crc": Out(CrcPort()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        byte = Signal(BYTE, reset_less=True)
        place = Signal(range(LARGEST_PAYLOAD + 1), reset_less=True)
        hello = Array(Const(value, 8) for value in _HELLO)

        m.d.comb += [self.o.payload.data.eq(byte), self.payload.addr.eq(place), self.crc.data.eq(byte)]
        with m.FSM():
            with m.State("BEGIN"), m.If(self.i.valid):
                m.d.comb += self.crc.start.eq(1)
                m.d.sync += [byte.eq(self.i.payload.status), place.eq(0)]
                m.next = "STATUS"
            with m.State("STATUS"):
                m.d.comb += [self.o.valid.eq(1), self.crc.valid.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.d.sync += byte.eq(self.i.payload.sequence)
                    m.next = "SEND"
            with m.State("FETCH"):
                m.next = "LOAD"
            with m.State("LOAD"):
                m.d.sync += [
                    byte.eq(Mux(self.i.payload.hello, hello[place], self.payload.data)),
                    place.eq(place + 1),
                ]
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += [self.o.valid.eq(1), self.crc.valid.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.next = "FETCH"
                    with m.If(place == self.i.payload.length):
                        m.d.sync += place.eq(0)
                        m.next = "LOAD_CRC"
            with m.State("LOAD_CRC"):
                m.d.sync += [byte.eq(self.crc.crc.word_select(place % CRC_BYTES, 8)), place.eq(place + 1)]
                m.next = "SEND_CRC"
            with m.State("SEND_CRC"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "LOAD_CRC"
                    with m.If(place == CRC_BYTES):
                        m.next = "END"
            with m.State("END"):
                m.d.comb += [self.o.payload.end.eq(1), self.o.valid.eq(1), self.i.ready.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.next = "BEGIN"
        return m
