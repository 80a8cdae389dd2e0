"""Bytes to a serial line."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.link.bit_timer import BitTimer
from hw.link.layouts import BYTE

__all__ = ["UartTransmitter"]

_FRAME_BITS = 10
"""Start bit, eight bits, stop bit."""


class UartTransmitter(wiring.Component):
    """A transmitter of 8N1.

    Latency: 1 cycle to the start bit. Throughput: one byte in ten bits and a cycle.

    Parameters
    ----------
    clock_hz : float
        Frequency of the clock.
    baud : float
        Bits in a second.

    Members
    -------
    i : In(stream.Signature(8))
    tx : Out(1)
        The line, from a register.

    Raises
    ------
    ValueError
        If a bit is shorter than four clocks.
    """

    i: stream.Interface
    tx: Any

    def __init__(self, clock_hz: float, baud: float) -> None:
        self._timer = BitTimer(clock_hz, baud)
        super().__init__({"i": In(stream.Signature(BYTE)), "tx": Out(1, init=1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.timer = timer = self._timer
        bits = Signal(9, init=1)
        left = Signal(range(_FRAME_BITS + 1))
        m.d.comb += self.tx.eq(bits[0])
        with m.If(left == 0):
            m.d.comb += [self.i.ready.eq(1), timer.whole.eq(1)]
            with m.If(self.i.valid):
                m.d.sync += [bits.eq(Cat(Const(0, 1), self.i.payload)), left.eq(_FRAME_BITS)]
        with m.Elif(timer.tick):
            m.d.sync += [bits.eq(Cat(bits[1:], Const(1, 1))), left.eq(left - 1)]
        return m
