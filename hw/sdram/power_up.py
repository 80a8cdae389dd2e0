"""The first commands after power-up."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hw.sdram.command import Command
from hw.sdram.pins import ADDRESS_BITS, AUTO_PRECHARGE_BIT
from spec.sdram_chip import SdramChip

__all__ = ["PowerUp", "mode_word"]

_CAS_LATENCY_BIT = 4


def mode_word(cas_latency: int) -> int:
    """Return the mode register's value: sequential bursts of length 1, for reads and writes."""
    return cas_latency << _CAS_LATENCY_BIT


class PowerUp(wiring.Component):
    """The way to a usable chip: wait, precharge all banks, refresh, load the mode register.

    Outputs come out of registers.

    Parameters
    ----------
    chip : SdramChip
    clock_hz : float

    Members
    -------
    command : Out(Command)
    a : Out(13)
        Its address.
    done : Out(1)
        All commands are given and their times have passed; stays.

    Raises
    ------
    ValueError
        The chip cannot work with this clock; see `SdramChip.timing`.
    """

    command: Any
    a: Any
    done: Any

    def __init__(self, chip: SdramChip, clock_hz: float) -> None:
        self._chip = chip
        self._timing = chip.timing(clock_hz)
        super().__init__({"command": Out(Command, init=Command.NOP), "a": Out(ADDRESS_BITS), "done": Out(1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        timing = self._timing
        longest = max(timing.power_up, timing.rp, timing.rfc, timing.mrd)
        wait = Signal(range(longest), init=timing.power_up - 1)
        refreshes = Signal(range(self._chip.initial_refreshes), init=self._chip.initial_refreshes - 1)
        command = Signal(Command, init=Command.NOP)
        a = Signal.like(self.a)
        m.d.sync += [wait.eq(wait - 1), self.command.eq(command), self.a.eq(a)]
        with m.FSM():
            with m.State("PRECHARGE"), m.If(wait == 0):
                m.d.comb += [command.eq(Command.PRECHARGE), a.eq(1 << AUTO_PRECHARGE_BIT)]
                m.d.sync += wait.eq(timing.rp - 1)
                m.next = "REFRESH"
            with m.State("REFRESH"), m.If(wait == 0):
                m.d.comb += command.eq(Command.REFRESH)
                m.d.sync += [wait.eq(timing.rfc - 1), refreshes.eq(refreshes - 1)]
                with m.If(refreshes == 0):
                    m.next = "MODE"
            with m.State("MODE"), m.If(wait == 0):
                m.d.comb += [command.eq(Command.MODE), a.eq(mode_word(self._chip.cas_latency))]
                m.d.sync += wait.eq(timing.mrd - 1)
                m.next = "SETTLE"
            with m.State("SETTLE"), m.If(wait == 0):
                m.next = "DONE"
            with m.State("DONE"):
                m.d.sync += self.done.eq(1)
        return m
