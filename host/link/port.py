"""Serial ports by name."""

import errno
import importlib
import os
from typing import Any

__all__ = ["open_port"]

_TIMEOUT_SECONDS = 0.2

_WRITE_TIMEOUT_SECONDS = 10.0
"""More than the longest request takes at any usual rate; without one a stuck port would block for ever."""


def open_port(name: str, baud: int, timeout: float = _TIMEOUT_SECONDS) -> Any:
    """Open the serial port ``name``, 8N1 and without flow control, for :class:`host.link.client.LinkClient`.

    Parameters
    ----------
    name : str
        Such as ``/dev/ttyUSB0`` or ``COM3``.
    baud : int
        Bits in a second.
    timeout : float
        Seconds without a byte after which requests are repeated.

    Returns
    -------
    serial.Serial

    Raises
    ------
    RuntimeError
        If pyserial is not installed.
    ConnectionError
        If the port does not exist or cannot be opened.
    """
    try:
        serial = importlib.import_module("serial")
    except ModuleNotFoundError:
        raise RuntimeError(
            "pyserial is not installed; install it with: pip install -c constraints.txt -e '.[board]'"
        ) from None
    try:
        return serial.Serial(name, baud, timeout=timeout, write_timeout=_WRITE_TIMEOUT_SECONDS, exclusive=True)
    except (OSError, ValueError) as error:
        raise ConnectionError(f"cannot open serial port {name}: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    """Return what ``error`` says, on one line; pyserial repeats port and reason."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number in (errno.ENOENT, errno.EACCES) else " ".join(str(error).split())
