"""Devices in simulation: the integer model and the RTL."""

from typing import Any

from spec.config import AcceleratorConfig
from spec.device import Device

__all__ = ["open_device"]


def open_device(name: str, config: AcceleratorConfig, **options: Any) -> Device:
    """Return a backend by name.

    Parameters
    ----------
    name : str
        ``"model"``: the integer model; ``"rtl"``: the simulated hardware, which needs a C++ compiler.
    config : AcceleratorConfig
        The accelerator.
    **options
        Of the backend's constructor.

    Raises
    ------
    ValueError
        If there is no backend of that name.
    """
    # Imported when asked for, so that the model needs nothing that only the RTL does.
    match name:
        case "model":
            from sim.numpy import ModelDevice  # noqa: PLC0415

            device: Device = ModelDevice(config, **options)
        case "rtl":
            from sim.rtl import RtlDevice  # noqa: PLC0415

            device = RtlDevice(config, **options)
        case _:
            raise ValueError(f"device must be one of model, rtl, not {name!r}")
    return device
