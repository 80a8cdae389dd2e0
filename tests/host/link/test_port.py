"""Opening a serial port; pyserial itself is replaced."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from host.link.port import open_port


def test_missing_pyserial_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(
        RuntimeError,
        match=r"^pyserial is not installed; install it with: pip install -c constraints.txt -e '\.\[board\]'$",
    ):
        open_port("/dev/ttyUSB0", 115_200)


def test_port_that_cannot_be_opened_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any, **_options: Any) -> None:
        raise OSError("[Errno 2] could not open port:\nno such file")

    monkeypatch.setitem(sys.modules, "serial", SimpleNamespace(Serial=fail))
    with pytest.raises(ConnectionError, match=r"^cannot open serial port COM9: .* could not open port: no such file$"):
        open_port("COM9", 115_200)


@pytest.mark.parametrize(("number", "reason"), [(2, "No such file or directory"), (13, "Permission denied")])
def test_usual_reasons_are_said_once(monkeypatch: pytest.MonkeyPatch, number: int, reason: str) -> None:
    def fail(*_args: Any, **_options: Any) -> None:
        raise OSError(number, f"could not open port X: [Errno {number}] {reason}: 'X'")

    monkeypatch.setitem(sys.modules, "serial", SimpleNamespace(Serial=fail))
    with pytest.raises(ConnectionError, match=f"^cannot open serial port X: {reason}$"):
        open_port("X", 115_200)


def test_opens_with_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    serial = SimpleNamespace(Serial=lambda name, baud, **options: (name, baud, options["timeout"]))
    monkeypatch.setitem(sys.modules, "serial", serial)
    assert open_port("COM9", 9600, timeout=1.5) == ("COM9", 9600, 1.5)
