"""The record of the engines' activity is what the counters count."""

import numpy as np
import pytest

from sim.rtl import Activity, RtlDevice, Trace
from spec.presets import PRESETS
from spec.registers import COUNTERS
from sw.lowering import MatmulLowering

CONFIG = PRESETS["tiny"]

RECORDED = [
    counter.name for counter in COUNTERS if counter.name.startswith(("array_", "post_")) or counter.name == "load_busy"
]


def test_recorded_cycles_equal_the_counters() -> None:
    records: list[Activity] = []
    device = RtlDevice(CONFIG, record=records.append)
    product = MatmulLowering(CONFIG, 9, 11, 13)
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-128, 128, shape, np.int8) for shape in ((9, 13), (13, 11)))
    for _ in range(2):
        result = device.run(product.program, product.pack(a, b))
        np.testing.assert_array_equal(product.unpack(result.outputs["c"]), a.astype(int) @ b.astype(int))
        activity = records.pop()
        assert activity.cycles == result.cycles
        assert {name: activity.count(name) for name in RECORDED} == {name: result.counters[name] for name in RECORDED}
        issued = [len(activity.times(f"{engine}_issued")) for engine in ("load", "array", "post")]
        assert issued == [len(activity.times(f"{engine}_done")) for engine in ("load", "array", "post")]
        assert min(issued) > 0


def test_spans_are_in_order_and_apart() -> None:
    changes = np.array([(5 << 24) | 0b1, (7 << 24) | 0b11, (9 << 24) | 0b1, (10 << 24) | 0b11, 12 << 24], np.uint64)
    activity = Activity(changes)
    assert activity.cycles == 7
    np.testing.assert_array_equal(activity.spans("array_busy"), [[2, 4], [5, 7]])


def test_either_a_trace_or_a_record(tmp_path: object) -> None:
    with pytest.raises(ValueError, match=r"^a device must either trace or record, not both$"):
        RtlDevice(CONFIG, trace=Trace(tmp_path, 0, 1), record=print)  # type: ignore[arg-type]
