"""The attention program computes what it says, on every device."""

import numpy as np
import pytest

from bench.attention import attention_inputs, attention_program
from sim import open_device
from spec.presets import PRESETS

CONFIG = PRESETS["default"]


@pytest.mark.parametrize(("width", "heads"), [(16, 1), (32, 3)])
def test_rtl_equals_model(width: int, heads: int) -> None:
    program = attention_program(CONFIG, length=16, width=width, heads=heads, result=True)
    inputs = attention_inputs(program, seed=width)
    sums = [open_device(backend, CONFIG).run(program, inputs).outputs["sums"] for backend in ("model", "rtl")]
    assert sums[0].any()
    np.testing.assert_array_equal(*sums)


def test_product_counts_scores_and_contexts() -> None:
    assert attention_program(CONFIG, length=16, width=32, heads=3).macs == 3 * 2 * 16 * 16 * 32


def test_length_must_fill_words() -> None:
    with pytest.raises(ValueError, match=r"^length must be a multiple of 16, not 17$"):
        attention_program(CONFIG, length=17, width=16, heads=1)


def test_operands_must_fit() -> None:
    with pytest.raises(ValueError, match=r"^the configuration must have room for 1 heads of 512 x 16, not "):
        attention_program(CONFIG, length=512, width=16, heads=1)
