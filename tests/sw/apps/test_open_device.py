"""Devices by name."""

import pytest

from host.board import BoardDevice
from host.board import device as board
from sim.numpy import ModelDevice
from spec.config import AcceleratorConfig
from sw.apps.open_device import open_device
from tests.host.board.fpga import AcceleratorModel
from tests.host.link.ports import ModelPort

CONFIG = AcceleratorConfig(rows=2, cols=2)


def test_opens_simulations_and_boards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "open_port", lambda _name, _baud: ModelPort(AcceleratorModel(CONFIG), 0))
    assert isinstance(open_device("model", CONFIG), ModelDevice)
    assert isinstance(open_device("board", CONFIG, port="COM9"), BoardDevice)


def test_refuses_other_names() -> None:
    with pytest.raises(ValueError, match="device must be one of model, rtl, board, not 'boart'"):
        open_device("boart", CONFIG)
