"""What the system with a flash refuses; `tests/sim/board` runs it."""

from dataclasses import replace

from hw.link.host_link import HostLink
from hw.system.flash_system import FlashSystem
from spec.flash_chip import FlashChip
from spec.presets import PRESETS
from tests.hw.refusal import assert_refused


def test_other_bus_widths_are_refused() -> None:
    rates = {"clock_hz": 24e6, "baud": 3e6}
    wide = replace(PRESETS["tiny"], bus_bytes=8)
    assert_refused("^bus_bytes must be 4, not 8$", FlashSystem, wide, FlashChip(size=1 << 15), **rates)
    assert_refused("^bus_bytes of a compact link must be 4, not 8$", HostLink, bus_bytes=8, compact=True, **rates)
