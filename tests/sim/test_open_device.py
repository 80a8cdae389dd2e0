import pytest

from sim import open_device
from sim.numpy import ModelDevice
from spec.config import AcceleratorConfig


def test_opens_the_model():
    config = AcceleratorConfig(rows=2, cols=2)
    device = open_device("model", config)
    assert isinstance(device, ModelDevice)
    assert device.config == config


def test_names_the_backends():
    with pytest.raises(ValueError, match="device must be one of model, rtl, not 'board'"):
        open_device("board", AcceleratorConfig())
