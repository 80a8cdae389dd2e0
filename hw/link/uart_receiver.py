"""Bytes from a serial line."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from hw.link.bit_timer import BitTimer
from hw.link.layouts import BYTE

__all__ = ["UartReceiver"]


class UartReceiver(wiring.Component):
    """A receiver of 8N1 that samples each bit once, in its middle, behind a synchronizer of two stages.

    A start bit that is not low in its middle is ignored. A byte without a stop bit is dropped, and the line has to be
    high again before the next one. A byte that begins while the last one still waits is dropped.

    Latency: about 3 cycles from the middle of the stop bit. Throughput: one byte in ten bits.

    Parameters
    ----------
    clock_hz : float
        Frequency of the clock.
    baud : float
        Bits in a second; bits that are up to 2 % longer or shorter are received.

    Members
    -------
    rx : In(1)
        The line, asynchronous.
    o : Out(stream.Signature(8))

    Raises
    ------
    ValueError
        If a bit is shorter than four clocks.
    """

    rx: Any
    o: stream.Interface

    def __init__(self, clock_hz: float, baud: float) -> None:
        self._timer = BitTimer(clock_hz, baud)
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(BYTE))})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.timer = timer = self._timer
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        byte = Signal(8, reset_less=True)
        count = Signal(range(8), reset_less=True)
        overrun = Signal(reset_less=True)

        m.d.comb += self.o.payload.eq(byte)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        with m.FSM():
            with m.State("IDLE"), m.If(~line):
                m.d.comb += timer.half.eq(1)
                m.d.sync += [count.eq(0), overrun.eq(self.o.valid)]
                m.next = "START"
            with m.State("START"), m.If(timer.tick):
                with m.If(line):
                    m.next = "IDLE"
                with m.Else():
                    m.next = "DATA"
            with m.State("DATA"), m.If(timer.tick):
                m.d.sync += count.eq(count + 1)
                # The register that holds the byte offered is also the one that the next byte is shifted into.
                with m.If(~overrun):
                    m.d.sync += byte.eq(Cat(byte[1:], line))
                with m.If(count == 7):
                    m.next = "STOP"
            with m.State("STOP"), m.If(timer.tick):
                with m.If(line):
                    with m.If(~overrun):
                        m.d.sync += self.o.valid.eq(1)
                    m.next = "IDLE"
                with m.Else():
                    m.next = "BREAK"
            with m.State("BREAK"), m.If(line):
                m.next = "IDLE"
        return m
