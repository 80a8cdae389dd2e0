"""Every device by its name."""

from typing import Any

import sim
from spec.config import AcceleratorConfig
from spec.device import Device

__all__ = ["open_device"]

SIMULATED = ("model", "rtl")


def open_device(name: str, config: AcceleratorConfig, **options: Any) -> Device:
    """Return a device.

    Parameters
    ----------
    name : str
        ``"board"``: an FPGA at a serial port, with the options of :meth:`host.board.BoardDevice.open`; else a device in
        simulation, with those of :func:`sim.open_device`.
    config : AcceleratorConfig
        The accelerator.
    **options

    Raises
    ------
    ValueError
        If there is no device of that name.
    """
    if name == "board":
        from host.board import BoardDevice  # noqa: PLC0415  # nothing else needs it

        return BoardDevice.open(config, **options)
    if name not in SIMULATED:
        raise ValueError(f"device must be one of {', '.join(SIMULATED)}, board, not {name!r}")
    return sim.open_device(name, config, **options)
