"""What is on a board with an SDRAM, with a model of the chip."""

from collections.abc import Mapping
from typing import Any, ClassVar

from amaranth.hdl import DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from hw.sdram.pins import WORD_BYTES
from hw.system.sdram_system import SdramSystem
from sim.chips.sdram import SdramModel
from sim.chips.sdram_rule import SdramRule
from spec.config import AcceleratorConfig
from spec.sdram_chip import SdramChip

__all__ = ["SdramBoard"]


class SdramBoard(wiring.Component):
    """A system for boards and its SDRAM, on the clock domains ``sync`` and ``sdram``.

    Parameters
    ----------
    config : AcceleratorConfig
    chip : SdramChip
    clocks : dict of str to float
        Frequencies of the two domains.
    baud : float
        Bits in a second of the serial line.
    real : SdramChip, optional
        What is on the board, if that is another chip than the controller is made for.

    Members
    -------
    rx : In(1)
    tx : Out(1)
    violations : Out(8 bits for each `SdramRule`)
        See `SdramModel`.
    """

    domains: ClassVar = ("sync", "sdram")
    rules: ClassVar = SdramRule
    word_bytes: ClassVar = WORD_BYTES
    """Of the memory of the submodule ``chip``."""

    rx: Any
    tx: Any
    violations: Any

    def __init__(
        self,
        config: AcceleratorConfig,
        chip: SdramChip,
        *,
        clocks: Mapping[str, float],
        baud: float,
        real: SdramChip | None = None,
    ) -> None:
        self._system = SdramSystem(config, chip, clock_hz=clocks["sync"], sdram_hz=clocks["sdram"], baud=baud)
        self._sdram = SdramModel(real or chip, clocks["sdram"])
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "violations": Out(8 * len(SdramRule))})

    @property
    def ports(self) -> dict[str, tuple[Any, None]]:
        """Ports for ``amaranth.back``; clocks and resets come along."""
        return {name: (getattr(self, name), None) for name in self.signature.members}

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.system = system = self._system
        m.submodules.chip = DomainRenamer("sdram")(self._sdram)
        connect(m, system.pins, self._sdram.pins)
        m.d.comb += [
            system.rx.eq(self.rx),
            self.tx.eq(system.tx),
            self.violations.eq(self._sdram.violations),
        ]
        return m
