"""The state of the post-processor as the serial one keeps it: 16-bit words, all in one memory."""

import numpy as np

from hw.post.serial.memory_map import RECORD_WORDS, ROW_WORDS, MemoryMap
from tests.hw.post.reference import PostState

__all__ = ["from_words", "to_words"]

_RECORD = (("bias", 0, 2, True), ("mul", 2, 2, True), ("mul2", 4, 2, True))
_ROW = (("a", 0, 2, True), ("b", 2, 3, False), ("row_mul", 5, 2, False), ("row_total", 7, 1, False))
_MEAN = ("row_mean", 8, 2, True)


def to_words(state: PostState) -> list[int]:
    """Return the memory's content."""
    places = MemoryMap(state.config)
    words = np.zeros(places.depth, np.int64)
    words[: state.vector.size] = state.vector.reshape(-1)
    pairs = state.tables.reshape(-1, 2)
    words[places.tables : places.tables + len(pairs)] = pairs[:, 0] | pairs[:, 1] << 8
    for start, unit, layout in ((places.records, RECORD_WORDS, _RECORD), (places.rows, ROW_WORDS, (*_ROW, _MEAN))):
        for name, place, count, _ in layout:
            values = getattr(state, name).reshape(-1)
            for half in range(count):
                words[start + place + half :: unit][: len(values)] = values >> 16 * half
    return [int(word) & 0xFFFF for word in words]


def from_words(state: PostState, content: list[int]) -> None:
    """Read the memory's content into the state."""
    places = MemoryMap(state.config)
    words = np.array(content, np.int64)
    state.vector = _signed(words[: state.vector.size], 16).reshape(state.vector.shape)
    pairs = words[places.tables : places.tables + state.tables.size // 2]
    state.tables = np.stack([pairs & 255, pairs >> 8], axis=1).reshape(state.tables.shape)
    for start, unit, layout in ((places.records, RECORD_WORDS, _RECORD), (places.rows, ROW_WORDS, (*_ROW, _MEAN))):
        for name, place, count, is_signed in layout:
            shape = getattr(state, name).shape
            size = int(np.prod(shape))
            values = sum(words[start + place + half :: unit][:size] << 16 * half for half in range(count))
            setattr(state, name, (_signed(values, 16 * count) if is_signed else values).reshape(shape))


def _signed(values: np.ndarray, bits: int) -> np.ndarray:
    return np.where(values >> (bits - 1), values - (1 << bits), values)
