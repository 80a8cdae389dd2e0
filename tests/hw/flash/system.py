"""The memory with its chip, and what its tests look at."""

from typing import Any

from amaranth.hdl import Elaboratable, Module
from amaranth.lib import wiring

from hw.flash.memory import FlashMemory
from sim.chips.flash import FlashModel
from sim.chips.flash_rule import FlashRule
from spec.flash_chip import FlashChip

CLOCK_HZ = 24e6
SMALL = FlashChip(size=1 << 15)
"""A chip with the times of the real one but 32 KiB, the least that a RAM can stand behind."""

BRING_UP_CYCLES = 2000
"""More than the first answer takes, at either rate."""


class System(Elaboratable):
    """The memory with the model at its pins."""

    def __init__(self, chip: FlashChip = SMALL, *, half_rate: bool = False, **options: Any) -> None:
        self.memory = FlashMemory(chip, CLOCK_HZ, half_rate=half_rate)
        self.model = FlashModel(chip, CLOCK_HZ, half_rate=half_rate, **options)
        self.read, self.write = self.memory.axi_read, self.memory.axi_write

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.memory, m.submodules.model = self.memory, self.model
        wiring.connect(m, self.memory.pins, self.model.pins)
        return m


def violations(ctx: Any, model: FlashModel) -> dict[str, int]:
    """Return the counts of the rules that were broken."""
    counts = {rule.value: int(ctx.get(model.violations[rule.value])) for rule in FlashRule}
    return {name: count for name, count in counts.items() if count}
