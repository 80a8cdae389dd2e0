"""The configuration rejects what no accelerator can be, and says why."""

import json
from dataclasses import FrozenInstanceError, asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.config import AcceleratorConfig
from spec.presets import PRESETS


def test_default_values() -> None:
    config = AcceleratorConfig()
    assert (config.rows, config.cols, config.lanes, config.macs) == (16, 16, 8, 256)
    assert config.scratchpad_words == 65536
    assert config.vector_words == 65536
    assert config.chunks_per_tile == 2


def test_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        AcceleratorConfig().rows = 8  # type: ignore[misc]


@pytest.mark.parametrize(
    ("rows", "cols", "lanes"),
    [(1, 1, 1), (3, 5, 1), (2, 7, 1), (4, 4, 4), (12, 24, 6), (16, 8, 8), (64, 64, 8), (9, 27, 3), (22, 11, 1)],
)
def test_lanes_default_to_the_largest_divisor_up_to_eight(rows: int, cols: int, lanes: int) -> None:
    assert AcceleratorConfig(rows=rows, cols=cols).lanes == lanes


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("rows", 1, 64),
        ("cols", 1, 64),
        ("lanes", 1, 64),
        ("dsp_multipliers", 0, 4096),
        ("acc_depth", 4, 2048),
        ("acc_banks", 2, 8),
        ("scratchpad_kib", 1, 16384),
        ("scratchpad_banks", 1, 16),
        ("vector_kib", 1, 16384),
        ("param_words", 4, 16384),
        ("tables", 1, 4),
        ("weight_fifo_words", 2, 65536),
        ("bus_bytes", 4, 64),
        ("queue_depth", 2, 64),
        ("timeout_cycles", 256, 16777216),
    ],
)
def test_ranges(name: str, low: int, high: int) -> None:
    for value in (low - 1, high + 1, -1):
        with pytest.raises(ValueError, match=rf"^{name} must be from {low} to {high}, not {value}$"):
            AcceleratorConfig(**{name: value})
    # lanes, which must divide both, follow rows and cols; the FIFO must hold two tiles
    fitting = {"lanes": {"rows": 64, "cols": 64}, "weight_fifo_words": {"rows": 1, "cols": 1}}.get(name, {})
    for value in (low, high):
        assert getattr(AcceleratorConfig(**{**fitting, name: value}), name) == value


@pytest.mark.parametrize("name", ["acc_depth", "param_words", "bus_bytes", "queue_depth"])
def test_powers_of_two(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be a power of two, not 12$"):
        AcceleratorConfig(**{name: 12})


@pytest.mark.parametrize(
    ("core", "error", "message"),
    [
        ("serial", ValueError, "core must be pipelined or micro, not 'serial'"),
        ("Micro", ValueError, "core must be pipelined or micro, not 'Micro'"),
        (1, TypeError, "core must be a string, not 1"),
        (None, TypeError, "core must be a string, not None"),
        (["micro"], TypeError, r"core must be a string, not \['micro'\]"),
    ],
)
def test_cores(core: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        AcceleratorConfig(core=core)  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", PRESETS)
def test_comes_back_from_json(preset: str) -> None:
    config = PRESETS[preset]
    assert AcceleratorConfig.from_json(json.loads(json.dumps(asdict(config)))) == config


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ([], TypeError, r"a configuration must be an object, not \[\]"),
        ("micro", TypeError, "a configuration must be an object, not 'micro'"),
        ({"serial": 1, "rows": 4}, ValueError, "a configuration has no serial; this one is of another version"),
        ({"rows": "4"}, TypeError, "rows must be an integer, not '4'"),
        ({"core": "other"}, ValueError, "core must be pipelined or micro, not 'other'"),
    ],
)
def test_json_that_is_no_configuration(content: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        AcceleratorConfig.from_json(content)


@pytest.mark.parametrize("value", [8.0, "8", True, None])
def test_types(value: object) -> None:
    with pytest.raises(TypeError, match=rf"^rows must be an integer, not {value!r}$"):
        AcceleratorConfig(rows=value)  # type: ignore[arg-type]


def test_type_of_lanes() -> None:
    with pytest.raises(TypeError, match=r"^lanes must be an integer, not 2\.0$"):
        AcceleratorConfig(lanes=2.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(("rows", "cols", "lanes"), [(16, 16, 3), (16, 24, 16), (3, 5, 5)])
def test_lanes_divide_rows_and_cols(rows: int, cols: int, lanes: int) -> None:
    with pytest.raises(ValueError, match=rf"^lanes must divide rows and cols \({rows} and {cols}\), not {lanes}$"):
        AcceleratorConfig(rows=rows, cols=cols, lanes=lanes)


def test_weight_fifo_holds_two_tiles() -> None:
    with pytest.raises(ValueError, match=r"^weight_fifo_words must hold two tiles \(64 words\), not 63$"):
        AcceleratorConfig(rows=32, cols=32, weight_fifo_words=63)
    assert AcceleratorConfig(rows=32, cols=32, weight_fifo_words=64).weight_fifo_words == 64


def test_fields_are_keyword_only() -> None:
    with pytest.raises(TypeError, match="positional"):
        AcceleratorConfig(16)  # type: ignore[misc]


def test_replace_validates_again() -> None:
    with pytest.raises(ValueError, match="lanes must divide"):
        replace(AcceleratorConfig(), rows=15)


@settings(deadline=None, derandomize=True, database=None)
@given(
    st.integers(1, 64), st.integers(1, 64), st.integers(1, 16384), st.sampled_from([1, 2, 4, 8, 16]), st.integers(1, 64)
)
def test_memories_are_whole_words_within_their_size(
    rows: int, cols: int, kib: int, banks: int, vector_kib: int
) -> None:
    config = AcceleratorConfig(rows=rows, cols=cols, scratchpad_kib=kib, scratchpad_banks=banks, vector_kib=vector_kib)
    assert config.scratchpad_words % banks == 0
    assert config.scratchpad_words >= banks
    assert config.scratchpad_words * rows <= max(kib * 1024, banks * rows)
    assert config.vector_words * 2 * config.lanes <= vector_kib * 1024
    assert config.chunks_per_tile * config.lanes == cols


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": 8}, "rows must be 4 for core micro, not 8"),
        ({"bus_bytes": 8}, "bus_bytes must be 4 for core micro, not 8"),
        ({"lanes": 2}, "lanes must be 1 for core micro, not 2"),
        ({"scratchpad_banks": 2}, "scratchpad_banks must be 1 for core micro, not 2"),
        ({"acc_depth": 256}, "acc_depth must be at most 128 for core micro, not 256"),
        ({"vector_kib": 33}, "vector_kib must be at most 32 for core micro, not 33"),
    ],
)
def test_what_a_micro_core_asks_for(changes: dict[str, int], message: str) -> None:
    fitting = {"rows": 4, "cols": 4, "lanes": 1, "bus_bytes": 4, "scratchpad_banks": 1, "acc_depth": 64}
    fitting |= {"scratchpad_kib": 64, "vector_kib": 32, "acc_banks": 2, "core": "micro"}
    assert AcceleratorConfig(**fitting).core == "micro"
    with pytest.raises(ValueError, match=f"^{message}$"):
        AcceleratorConfig(**fitting | changes)
