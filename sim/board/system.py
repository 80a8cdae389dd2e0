"""What is on a board, with models of the chips around the FPGA."""

from typing import Any

from amaranth.hdl import DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from hw.board.sdram_system import SdramSystem
from hw.config import AcceleratorConfig
from hw.sdram.chip import SdramChip
from hw.sdram.model import SdramModel
from hw.sdram.rule import SdramRule

__all__ = ["SystemWithSdram"]


class SystemWithSdram(wiring.Component):
    """A system for boards and its SDRAM, on the clock domains ``sync`` and ``sdram``.

    Parameters
    ----------
    config : AcceleratorConfig
    chip : SdramChip
    clock_hz, sdram_hz : float
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

    rx: Any
    tx: Any
    violations: Any

    def __init__(
        self,
        config: AcceleratorConfig,
        chip: SdramChip,
        *,
        clock_hz: float,
        sdram_hz: float,
        baud: float,
        real: SdramChip | None = None,
    ) -> None:
        self._system = SdramSystem(config, chip, clock_hz=clock_hz, sdram_hz=sdram_hz, baud=baud)
        self._sdram = SdramModel(real or chip, sdram_hz)
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "violations": Out(8 * len(SdramRule))})

    @property
    def ports(self) -> dict[str, tuple[Any, None]]:
        """Ports for ``amaranth.back``; clocks and resets come along."""
        return {name: (getattr(self, name), None) for name in self.signature.members}

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.system = system = self._system
        m.submodules.sdram = DomainRenamer("sdram")(self._sdram)
        connect(m, system.pins, self._sdram.pins)
        m.d.comb += [
            system.rx.eq(self.rx),
            self.tx.eq(system.tx),
            self.violations.eq(self._sdram.violations),
        ]
        return m
