"""What is on a board with a flash, with a model of the chip."""

from collections.abc import Mapping
from typing import Any, ClassVar

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from hw.system.flash_system import FlashSystem
from sim.chips.flash import FlashModel
from sim.chips.flash_rule import FlashRule
from spec.config import AcceleratorConfig
from spec.flash_chip import FlashChip

__all__ = ["FlashBoard"]


class FlashBoard(wiring.Component):
    """A system for boards and its flash, on the clock domain ``sync``.

    Parameters
    ----------
    config : AcceleratorConfig
    chip : FlashChip
    clocks : dict of str to float
        Frequency of the domain.
    baud : float
        Bits in a second of the serial line.
    real : FlashChip, optional
        What is on the board, if that is another chip than the controller is made for.

    Members
    -------
    rx : In(1)
    tx : Out(1)
    violations : Out(8 bits for each `FlashRule`)
        See `FlashModel`.
    """

    domains: ClassVar = ("sync",)
    rules: ClassVar = FlashRule
    word_bytes: ClassVar = 1
    """Of the memory of the submodule ``chip``."""

    rx: Any
    tx: Any
    violations: Any

    def __init__(
        self,
        config: AcceleratorConfig,
        chip: FlashChip,
        *,
        clocks: Mapping[str, float],
        baud: float,
        real: FlashChip | None = None,
    ) -> None:
        self._system = FlashSystem(config, chip, clock_hz=clocks["sync"], baud=baud)
        self._flash = FlashModel(real or chip, clocks["sync"])
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "violations": Out(8 * len(FlashRule))})

    @property
    def ports(self) -> dict[str, tuple[Any, None]]:
        """Ports for ``amaranth.back``; clocks and resets come along."""
        return {name: (getattr(self, name), None) for name in self.signature.members}

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.system = system = self._system
        m.submodules.chip = self._flash
        connect(m, system.pins, self._flash.pins)
        m.d.comb += [
            system.rx.eq(self.rx),
            self.tx.eq(system.tx),
            self.violations.eq(self._flash.violations),
        ]
        return m
