"""The mean of a text's rows: nothing is rounded any more, so that codes only need their meaning."""

import numpy as np

from sw.families.real import RealPool
from sw.network.pool import Pool
from sw.quantizer.operand import Operand

__all__ = ["quantize_pool"]


def quantize_pool(pool: RealPool, operand: Operand) -> Pool:
    """Say what the sums of codes are worth; the offset takes up the difference of the means, as a bias would.

    Parameters
    ----------
    pool : RealPool
    operand : Operand
        The codes that are added up.
    """
    channels = len(operand.scale)
    codes = operand.code_mean[:channels].astype(np.float64)
    np.add.at(codes, operand.slot_channel, operand.code_mean[channels:])
    return Pool(
        name=pool.name,
        scale=operand.scale.astype(np.float32),
        offset=(operand.mean - operand.scale * codes).astype(np.float32),
        slot_channel=operand.slot_channel,
        normalise=pool.normalise,
    )
