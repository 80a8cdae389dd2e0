"""What is on a board, with a model of its memory chip."""

from enum import Enum
from typing import Any, ClassVar

from amaranth.hdl import DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

__all__ = ["ChipBoard"]


class ChipBoard(wiring.Component):
    """A system for boards and the memory chip at its pins.

    Attributes
    ----------
    domains : tuple of str
        Clock domains; the chip is in the last.
    rules : enumeration
        What may be violated of the chip's rules.
    word_bytes : int
        Of the memory of the submodule ``chip``.

    Parameters
    ----------
    system : wiring.Component
    chip : wiring.Component
        The model.

    Members
    -------
    rx : In(1)
    tx : Out(1)
    violations : Out(8 * len(rules))
        See the model.
    """

    domains: ClassVar[tuple[str, ...]]
    rules: ClassVar[type[Enum]]
    word_bytes: ClassVar[int]

    rx: Any
    tx: Any
    violations: Any

    def __init__(self, system: Any, chip: Any) -> None:
        self._system, self._chip = system, chip
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "violations": Out(8 * len(self.rules))})

    @property
    def ports(self) -> dict[str, tuple[Any, None]]:
        """Ports for ``amaranth.back``; clocks and resets come along."""
        return {name: (getattr(self, name), None) for name in self.signature.members}

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.system = system = self._system
        chip = self._chip
        m.submodules.chip = DomainRenamer(self.domains[-1])(chip)
        connect(m, system.pins, chip.pins)
        m.d.comb += [
            system.rx.eq(self.rx),
            self.tx.eq(system.tx),
            self.violations.eq(chip.violations),
        ]
        return m
