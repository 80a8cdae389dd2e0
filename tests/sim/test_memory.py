"""Memory models say what is wrong with them."""

import pytest

from sim.memory import MemoryModel


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("latency", 0, "latency must be at least 1, not 0"),
        ("write_latency", -1, "write_latency must be at least 1, not -1"),
        ("bytes_per_cycle", 0, "bytes_per_cycle must be positive, not 0"),
        ("stall_probability", 1.0, "stall_probability must be from 0 to below 1, not 1.0"),
        ("faults", range(0, 8, 2), r"faults must be consecutive addresses, not range\(0, 8, 2\)"),
        ("dead", range(8, 0, -1), r"dead must be consecutive addresses, not range\(8, 0, -1\)"),
    ],
)
def test_rejects(field, value, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        MemoryModel(**{field: value})
