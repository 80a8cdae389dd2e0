"""A CRC that takes its time."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["CRC_BITS", "SerialCrc"]

CRC_BITS = 32

_POLYNOMIAL = 0xEDB8_8320  # Ethernet's, the lowest bit standing for the highest power
_BYTE_BITS = 8


class SerialCrc(wiring.Component):
    """CRC-32 of Ethernet without its last inversion, a bit a cycle.

    Taking its own lowest byte moves it down by a byte.

    Latency and throughput: 8 cycles a byte.

    Members
    -------
    begin : In(1)
        Begin anew; not while ``take``.
    take : In(1)
        Take ``byte``; both must stay until the cycle of ``done``.
    byte : In(8)
    done : Out(1)
    low : Out(8)
        Lowest byte of the CRC.
    """

    begin: Any
    take: Any
    byte: Any
    done: Any
    low: Any

    def __init__(self) -> None:
        super().__init__(
            {"begin": In(1), "take": In(1), "byte": In(_BYTE_BITS), "done": Out(1), "low": Out(_BYTE_BITS)}
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        crc, place = Signal(CRC_BITS, reset_less=True), Signal(range(_BYTE_BITS))
        feedback = Signal()
        m.d.comb += [
            feedback.eq(crc[0] ^ self.byte.bit_select(place, 1)),
            self.done.eq(place.all()),
            self.low.eq(crc),
        ]
        m.d.sync += place.eq(place + self.take)
        with m.If(self.begin | self.take):
            m.d.sync += crc.eq(Mux(self.begin, ~0, crc[1:] ^ Mux(feedback, _POLYNOMIAL, 0)))
        return m
