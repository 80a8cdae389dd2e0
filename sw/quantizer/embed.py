"""Embeddings as int8, one scale a word."""

import numpy as np

from sw.families.real import RealEmbed
from sw.network.embed import Embed
from sw.quantizer.linear import INT16_LIMIT
from sw.quantizer.matrix import WEIGHT_LIMIT

__all__ = ["quantize_embed"]


def quantize_embed(embed: RealEmbed) -> Embed:
    """Choose an LSB so that no sum of word and position overflows int16."""
    lsb = (float(np.abs(embed.word).max() + np.abs(embed.position).max()) or 1.0) / INT16_LIMIT
    step = np.maximum(np.abs(embed.word).max(1), np.finfo(np.float32).tiny) / WEIGHT_LIMIT
    return Embed(
        name=embed.name,
        word=np.rint(embed.word / step[:, np.newaxis]).astype(np.int8),
        word_scale=(step / lsb).astype(np.float32),
        position=(embed.position / lsb).astype(np.float32),
    )
