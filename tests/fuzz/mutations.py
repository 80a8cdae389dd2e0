"""Small damages to sound files, most of which only their meaning gives away."""

import json
import math
import struct
from random import Random
from typing import Any

import numpy as np

__all__ = ["mutate_bytes", "mutate_json", "mutate_tensors"]

ODD = (0, -1, 1, 2**31, 2**32, 2**63, 2**64, -(2**63), 10**400, 1.5, 1e308, math.nan, math.inf)
ODD_VALUES = (*ODD, None, True, False, "", "x", "\ud800", "\x1b[2J", [], {}, [1], {"a": 1}, [[]])
ODD_TEXTS = ("", "null", "[]", "1", '"x"', "{}", "NaN", "1" * 5000, "[" * 100_000, '{"labels":' * 50_000)

TYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1"},
    **{"U64": "<u8", "U32": "<u4", "U8": "u1", "BOOL": "?"},
}
"""Those of safetensors that NumPy has."""

FOREIGN = ("BF16", "F8_E4M3", "F8_E5M2", "F4", "C64", "nothing")
"""Those that it has not."""


def mutate_json(rng: Random, value: Any) -> Any:
    """Return a value of JSON with one change somewhere in it."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        changed = dict(value)
        key = rng.choice(list(value))
        match rng.randrange(8):
            case 0:
                del changed[key]
            case 1:
                changed[f"{key}x"] = changed.pop(key)
            case 2:
                added = rng.choice(["", "name", "op", "then", "slots", "heads", "layers.99.x", "\n", "a.b"])
                changed[added] = changed[key]
            case _:
                changed[key] = mutate_json(rng, changed[key])
        return changed
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        middle = rng.choice([[], [value[at]] * 2, *[[mutate_json(rng, value[at])]] * 4])
        return [*value[:at], *middle, *value[at + 1 :]]
    if isinstance(value, str) and rng.random() < 0.4:
        return rng.choice([*TYPES, *FOREIGN, value[:-1], f"{value}\n", value * 3])
    if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.6:
        return value + rng.choice([-1, 1, 7, -value, value, 1 << rng.randrange(40)])
    return rng.choice(ODD_VALUES)


def mutate_bytes(rng: Random, content: bytes) -> bytes:
    """Return content with bytes changed, cut off, put in or taken out."""
    changed = bytearray(content)
    at = rng.randrange(len(changed))
    match rng.randrange(6):
        case 0 | 1:
            for _ in range(rng.randrange(1, 8)):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
        case 2:
            del changed[at:]
        case 3:
            changed[at:at] = rng.randbytes(rng.randrange(1, 100))
        case 4:
            del changed[at : at + rng.randrange(1, 50)]
        case 5:
            changed[:8] = struct.pack("<Q", rng.choice([0, 1, 2**32, 2**63, 2**64 - 1, len(content), len(content) - 8]))
    return bytes(changed)


def mutate_tensors(rng: Random, content: bytes, key: str) -> bytes:
    """Return a safetensors file, whose header has JSON as text under a key, with one change at one of its depths."""
    size = struct.unpack("<Q", content[:8])[0]
    header, body = json.loads(content[8 : 8 + size]), content[8 + size :]
    match rng.randrange(4):
        case 0:
            return mutate_bytes(rng, content)
        case 1:
            return _joined(mutate_json(rng, header), body)
        case 2:
            return _other_tensor(rng, header, body)
    inner = header["__metadata__"][key]
    inner = json.dumps(mutate_json(rng, json.loads(inner))) if rng.random() < 0.85 else rng.choice(ODD_TEXTS)
    return _joined(header | {"__metadata__": {key: inner}}, body)


def _joined(header: Any, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _other_tensor(rng: Random, header: dict[str, Any], body: bytes) -> bytes:
    """Change type, shape or values of one tensor so that the file is a sound one of tensors."""
    entries = {name: dict(entry) for name, entry in header.items() if name != "__metadata__"}
    chosen = rng.choice(list(entries))
    made = bytearray()
    for name, entry in entries.items():
        start, stop = entry["data_offsets"]
        data = body[start:stop]
        if name == chosen:
            if rng.random() < 0.7:
                entry["dtype"] = rng.choice([*TYPES, *FOREIGN[:3]])
            if rng.random() < 0.4:
                shape = entry["shape"]
                entry["shape"] = rng.choice([[], [0], [1], [1, 1], [2], [*shape, 1], shape[::-1], [0, 5], [3, 0]])
            data = _values(rng, entry["dtype"], math.prod(entry["shape"]))
        entry["data_offsets"] = [len(made), len(made) + len(data)]
        made += data
    return _joined({"__metadata__": header["__metadata__"]} | entries, bytes(made))


def _values(rng: Random, name: str, count: int) -> bytes:
    if name not in TYPES:
        return rng.randbytes(count * (2 if name == "BF16" else 1))
    dtype = np.dtype(TYPES[name])
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return (
                np.full(count, rng.choice([0, 0.5, math.inf, -math.inf, math.nan, 1e30, -1e30])).astype(dtype).tobytes()
            )
    fill = rng.choice([b"\0", b"\1", b"\x7f", b"\x80", b"\xff", None])
    size = count * dtype.itemsize
    if dtype.kind == "b":
        return bytes(rng.randrange(2) for _ in range(size))
    return rng.randbytes(size) if fill is None else fill * size
