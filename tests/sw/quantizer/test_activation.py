"""Tables of activations: what they leave out is less than half a code."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")

from sw.families.real import ACTIVATIONS
from sw.quantizer.activation import CODES, LEAST_HIGH, RISING


@pytest.mark.parametrize("name", RISING)
def test_tables_cover_what_is_neither_zero_nor_the_identity(name: str) -> None:
    shape, function = RISING[name], ACTIVATIONS[name]
    below = np.linspace(-60, shape.table_from, 2000, dtype=np.float32)
    assert np.abs(function(below)).max() <= (LEAST_HIGH + shape.least) / CODES / 2
    above = np.linspace(shape.linear_from, 60, 2000, dtype=np.float32)
    assert np.abs(function(above) - above).max() <= (shape.linear_from + shape.least) / CODES / 2
    everywhere = np.linspace(-20, 20, 100_001, dtype=np.float32)
    assert -function(everywhere).min() == pytest.approx(shape.least, abs=1e-3)


def test_every_activation_but_tanh_rises_without_bound() -> None:
    assert ACTIVATIONS.keys() - RISING.keys() == {"tanh"}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_functions_are_those_of_transformers(name: str) -> None:
    activations = pytest.importorskip("transformers.activations", reason="transformers are not installed")
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x = np.linspace(-30, 30, 10_001, dtype=np.float32)
    expected = activations.get_activation(name)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ACTIVATIONS[name](x), expected, atol=1e-6)
