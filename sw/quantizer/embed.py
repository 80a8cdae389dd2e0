"""Embeddings as int8, one scale a word."""

import numpy as np

from spec.codes import CODE, INT16
from sw.families.real import RealEmbed
from sw.network.embed import Embed, TokenTypes

__all__ = ["quantize_embed"]


def quantize_embed(embed: RealEmbed) -> Embed:
    """Choose an LSB so that no sum of word, position and token type overflows int16."""
    greatest = float(np.abs(embed.word).max() + np.abs(embed.position).max()) or 1.0
    for difference in embed.types:
        columns = np.abs(embed.word).max(0) + np.abs(embed.position + difference).max(0)
        greatest = max(greatest, float(columns.max()))
    lsb = greatest / INT16
    step = np.maximum(np.abs(embed.word).max(1), np.finfo(np.float32).tiny) / CODE
    return Embed(
        name=embed.name,
        word=np.rint(embed.word / step[:, np.newaxis]).astype(np.int8),
        word_scale=(step / lsb).astype(np.float32),
        position=(embed.position / lsb).astype(np.float32),
        types=TokenTypes(difference=(embed.types / lsb).astype(np.float32)) if len(embed.types) else None,
    )
