"""Which row is open in each bank."""

from typing import Any

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from spec.sdram_chip import SdramChip

__all__ = ["OpenRows", "RowLookup"]


class RowLookup(wiring.Signature):
    """A question about a row, answered in the same cycle; seen from who asks.

    Parameters
    ----------
    chip : SdramChip
    """

    def __init__(self, chip: SdramChip) -> None:
        super().__init__(
            {"bank": Out(exact_log2(chip.banks)), "row": Out(exact_log2(chip.rows)), "open": In(1), "hit": In(1)}
        )


class OpenRows(wiring.Component):
    """A record of the open row of each bank.

    Latency: changes are seen in the next cycle.

    Parameters
    ----------
    chip : SdramChip

    Members
    -------
    activate : In(1)
        The first lookup's row is opened.
    precharge : In(1)
        The first lookup's bank is closed.
    precharge_all : In(1)
        All banks are closed.
    any_open : Out(1)
    lookups : In(RowLookup(chip)).array(2)
        ``open``: some row of the bank is open; ``hit``: this one is.
    """

    activate: Any
    precharge: Any
    precharge_all: Any
    any_open: Any
    lookups: Any

    def __init__(self, chip: SdramChip) -> None:
        self._chip = chip
        super().__init__(
            {
                "activate": In(1),
                "precharge": In(1),
                "precharge_all": In(1),
                "any_open": Out(1),
                "lookups": In(RowLookup(chip)).array(2),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        opened = Signal(self._chip.banks)
        rows = Array(Signal(range(self._chip.rows), name=f"row_{n}", reset_less=True) for n in range(self._chip.banks))
        m.d.comb += self.any_open.eq(opened.any())
        for lookup in self.lookups:
            m.d.comb += [
                lookup.open.eq(opened.bit_select(lookup.bank, 1)),
                lookup.hit.eq(lookup.open & (rows[lookup.bank] == lookup.row)),
            ]
        changed = self.lookups[0]
        with m.If(self.activate):
            m.d.sync += [opened.bit_select(changed.bank, 1).eq(1), rows[changed.bank].eq(changed.row)]
        with m.If(self.precharge):
            m.d.sync += opened.bit_select(changed.bank, 1).eq(0)
        with m.If(self.precharge_all):
            m.d.sync += opened.eq(0)
        return m
