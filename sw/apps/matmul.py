"""Matrix products on a device."""

import numpy as np
from numpy.typing import NDArray

from sim import open_device
from spec.config import AcceleratorConfig
from spec.device import Device
from sw.lowering import MatmulLowering

__all__ = ["matmul"]


def matmul(a: NDArray[np.integer], b: NDArray[np.int8], device: Device | str = "model") -> NDArray[np.int32]:
    """Return ``a @ b`` in int32, exactly.

    Parameters
    ----------
    a : int8 or uint8 [M, K]
    b : int8 [K, N]
        Any sizes, zero included.
    device : Device or str
        A device, or the name of a backend, which then has the default configuration.

    Returns
    -------
    int32 [M, N]

    Raises
    ------
    TypeError
        If an operand has another dtype.
    ValueError
        If the shapes do not match, or K is so long that int32 might overflow.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype not in (np.int8, np.uint8):
        raise TypeError(f"a must be int8 or uint8, not {a.dtype}")
    if b.dtype != np.int8:
        raise TypeError(f"b must be int8, not {b.dtype}")
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"a and b must be [M, K] and [K, N], not {list(a.shape)} and {list(b.shape)}")
    (m, k), n = a.shape, b.shape[1]
    if not (m and n and k):
        return np.zeros((m, n), np.int32)
    if isinstance(device, str):
        device = open_device(device, AcceleratorConfig())
    product = MatmulLowering(device.config, m, n, k, a_unsigned=a.dtype == np.uint8)
    return product.unpack(device.run(product.program, product.pack(a, b)).outputs["c"])
