"""The command line with pyserial, at a pseudo-terminal whose other end is the model of an FPGA."""

import os
import threading
from collections.abc import Iterator

import pytest

from spec.presets import PRESETS
from sw.cli.main import main
from tests.host.board.fpga import AcceleratorModel

pytest.importorskip("serial", reason="pyserial is not installed")
pytest.importorskip("termios", reason="there are no pseudo-terminals here")

PRESET = "small_4x4"


class Cable:
    """Carries bytes between the master's side of a pseudo-terminal and an FPGA until it is unplugged."""

    def __init__(self, fpga: AcceleratorModel) -> None:
        self._fpga = fpga
        self._master, self._slave = os.openpty()
        self.port = os.ttyname(self._slave)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Take the port away."""
        master, self._master = self._master, -1
        if master >= 0:
            os.close(self._slave)
            os.close(master)

    def _carry(self) -> None:
        while self._master >= 0:
            try:
                answer = self._fpga.feed(os.read(self._master, 4096))
                while answer and self._master >= 0:
                    answer = answer[os.write(self._master, answer) :]
            except OSError:
                return


@pytest.fixture
def fpga() -> AcceleratorModel:
    return AcceleratorModel(PRESETS[PRESET])


@pytest.fixture
def cable(fpga: AcceleratorModel) -> Iterator[Cable]:
    cable = Cable(fpga)
    yield cable
    cable.unplug()


def test_product(cable: Cable, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matmul", "30", "20", "50", "--device", cable.port, "--preset", PRESET]) == 0
    assert "equals NumPy" in capsys.readouterr().out


def test_unplugged_while_running_is_one_line(
    fpga: AcceleratorModel, cable: Cable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fpga, "_run", lambda *_: cable.unplug())
    assert main(["matmul", "3", "4", "5", "--device", cable.port, "--preset", PRESET]) == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m sw: the serial port failed, unplugged?: ")
    assert error.count("\n") == 1


def test_port_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matmul", "3", "4", "5", "--device", "/dev/none", "--preset", PRESET]) == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m sw: cannot open serial port /dev/none: ")
    assert error.count("\n") == 1
