"""The accumulator banks that are full."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spec.config import AcceleratorConfig

__all__ = ["BankQueue"]


class BankQueue(wiring.Component):
    """A count of full banks: they are filled in turn and freed in the same order.

    Array and post-processor are far apart, so no path leads from one to the other.

    Latency: 1 cycle from ``filled`` to ``bank``, 1 from its transfer to ``freed``. Throughput: one bank a cycle.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``acc_banks``.

    Members
    -------
    filled : In(1)
        Pulse: one more bank is full.
    bank : Out(stream.Signature(range(acc_banks)))
        The oldest full bank; the transfer frees it.
    freed : Out(1)
        Pulse: the oldest bank was freed.
    """

    filled: Signal
    bank: stream.Interface
    freed: Signal

    def __init__(self, config: AcceleratorConfig) -> None:
        self._banks = config.acc_banks
        super().__init__({"filled": In(1), "bank": Out(stream.Signature(range(self._banks))), "freed": Out(1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        full, taken = Signal(range(self._banks + 1)), Signal()
        m.d.comb += taken.eq(self.bank.valid & self.bank.ready)
        m.d.sync += [
            full.eq(full + self.filled - taken),
            self.bank.valid.eq(self.filled | (full > 1) | ((full == 1) & ~taken)),
            self.freed.eq(taken),
        ]
        with m.If(taken):
            m.d.sync += self.bank.payload.eq(Mux(self.bank.payload == self._banks - 1, 0, self.bank.payload + 1))
        return m
