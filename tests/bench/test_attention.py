"""The attention program computes what it says, on every device."""

import numpy as np
import pytest

from bench.attention import attention_inputs, attention_program
from sim import open_device
from spec.config import AcceleratorConfig

CONFIG = AcceleratorConfig(rows=4, cols=4, scratchpad_kib=4, vector_kib=4, param_words=32, weight_fifo_words=32)


@pytest.mark.parametrize(("width", "heads"), [(4, 1), (8, 3)])
def test_rtl_equals_model(width: int, heads: int) -> None:
    program = attention_program(CONFIG, length=16, width=width, heads=heads, result=True)
    inputs = attention_inputs(program, seed=width)
    sums = [open_device(backend, CONFIG).run(program, inputs).outputs["sums"] for backend in ("model", "rtl")]
    assert sums[0].any()
    np.testing.assert_array_equal(*sums)


def test_product_counts_scores_and_contexts() -> None:
    assert attention_program(CONFIG, length=16, width=8, heads=3).macs == 3 * 2 * 16 * 16 * 8


def test_length_must_fill_words() -> None:
    with pytest.raises(ValueError, match=r"^length must be a multiple of 4, not 18$"):
        attention_program(CONFIG, length=18, width=8, heads=1)


def test_operands_must_fit() -> None:
    with pytest.raises(ValueError, match=r"^the configuration must have room for 1 heads of 256 x 8, not "):
        attention_program(CONFIG, length=256, width=8, heads=1)
