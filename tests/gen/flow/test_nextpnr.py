"""What nextpnr reports."""

import pytest

from gen.flow.nextpnr import Timing


def path(clock: str, delay: float) -> dict:
    step = {"type": "logic", "to": {"cell": "adder", "port": "S"}, "delay": delay}
    return {"from": f"posedge {clock}", "to": f"posedge {clock}", "path": [step]}


def test_timing_is_that_of_the_slowest_clock() -> None:
    report = {
        "fmax": {"fast": {"achieved": 300.0}, "slow": {"achieved": 100.0}},
        "critical_paths": [
            {"from": "<async>", "to": "posedge slow", "path": []},
            path("fast", 3.0),
            path("slow", 10.0),
        ],
    }
    assert Timing.from_report(report) == Timing(fmax=100.0, critical_path=(("logic", "adder.S", 10.0),))


def test_report_without_a_clock() -> None:
    with pytest.raises(ValueError, match=r"^report must have a clock$"):
        Timing.from_report({"fmax": {}, "critical_paths": []})
