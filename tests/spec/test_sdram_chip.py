"""The chip's description: cycles of a clock, and nonsense refused."""

from dataclasses import replace

import pytest

from spec.sdram_chip import ULX3S_SDRAM, SdramChip
from spec.sdram_timing import SdramTiming


def test_timing_of_the_ulx3s() -> None:
    assert 2 * ULX3S_SDRAM.words == 32 << 20
    assert ULX3S_SDRAM.timing(80e6) == SdramTiming(
        rcd=2, rp=2, ras=4, rc=5, rrd=2, wr=2, rfc=6, mrd=2, refi=625, power_up=16000
    )


def test_cycles_round_up() -> None:
    assert [SdramChip().cycles(ns, 100e6) for ns in (0.1, 10, 10.1, 20, 70)] == [1, 1, 2, 2, 7]
    assert SdramChip().timing(143e6).refi == 1117, "the refresh interval rounds down"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"banks": 8}, "banks must be a power of two from 2 to 4, not 8"),
        ({"rows": 1000}, "rows must be a power of two from 2 to 8192, not 1000"),
        ({"columns": 2048}, "columns must be a power of two from 2 to 1024, not 2048"),
        ({"cas_latency": 4}, "cas_latency must be 2 or 3, not 4"),
        ({"rp_ns": 0}, "rp_ns must be positive, not 0"),
        ({"power_up_ns": -1.0}, "power_up_ns must be positive, not -1.0"),
        ({"mrd_cycles": 0}, "mrd_cycles must be at least 1, not 0"),
        ({"max_clock_hz": 0}, "max_clock_hz must be positive, not 0"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SdramChip(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("clock_hz", [0, -1, 200e6])
def test_clock_is_checked(clock_hz: float) -> None:
    with pytest.raises(ValueError, match="clock_hz must be positive and at most 143000000, not"):
        ULX3S_SDRAM.timing(clock_hz)


def test_clock_must_leave_time_to_refresh() -> None:
    with pytest.raises(ValueError, match="a refresh is due every 2 cycles, which must exceed the 3 that it takes"):
        replace(ULX3S_SDRAM, rrd_cycles=1, wr_cycles=1).timing(300e3)
