"""Random instructions around the limits of a configuration, for the checker and its twin."""

import random
from collections.abc import Iterator
from dataclasses import replace

from spec.config import AcceleratorConfig
from spec.isa import (
    INSTRUCTION_BYTES,
    Destination,
    Drain,
    ErrorCode,
    Gemm,
    Halt,
    Instruction,
    Load,
    LoadTarget,
    ParamMode,
    SecondStage,
    Stream,
    Sweep,
    fields_of,
)
from spec.rules import check

__all__ = ["random_instruction", "random_words"]

_ENUM_SIZES = {
    "target": len(LoadTarget),
    "dest": len(Destination),
    "param_mode": len(ParamMode),
    "second": len(SecondStage),
}


def random_words(config: AcceleratorConfig, count: int, seed: int) -> Iterator[bytes]:
    """Yield ``count`` instructions: probable ones, the last that fit a memory, the first that do not, and any bits."""
    rng = random.Random(seed)
    for _ in range(count):
        instruction = random_instruction(config, rng)
        if rng.random() < 0.5:
            instruction = _at_limit(config, instruction, rng)
        word = bytearray(instruction.encode())
        if rng.random() < 0.2:
            word[rng.randrange(INSTRUCTION_BYTES)] ^= 1 << rng.randrange(8)
        yield rng.randbytes(INSTRUCTION_BYTES) if rng.random() < 0.03 else bytes(word)


def random_instruction(config: AcceleratorConfig, rng: random.Random) -> Instruction:
    """Return an instruction that is likely to be legal."""
    cls = rng.choice((Halt, Load, Stream, Gemm, Drain, Sweep))
    instruction = cls(**{name: _probable(config, cls, name, width, rng) for name, width, _ in fields_of(cls)})
    if isinstance(instruction, Drain) and (instruction.dest != Destination.VECTOR or instruction.table_enable):
        instruction = replace(instruction, stats=0)
    if rng.random() < 0.1:
        name, width, signed = rng.choice(list(fields_of(cls)))
        anything = rng.choice([0, rng.getrandbits(width), (1 << width) - 1]) - (1 << (width - 1) if signed else 0)
        instruction = replace(instruction, **{name: anything})
    return instruction


def _probable(config: AcceleratorConfig, cls: type[Instruction], name: str, width: int, rng: random.Random) -> int:
    few = rng.getrandbits(rng.randint(0, 4))
    match name:
        case "wait" | "signal":
            return 0 if cls.engine is None else rng.getrandbits(3) & ~(1 << cls.engine)
        case "m":
            return rng.choice([1, 1 + few, rng.randint(1, config.acc_depth), config.acc_depth])
        case "n":
            return rng.choice([1, config.cols, config.cols + 1, 1 + few, rng.randint(1, 300), rng.randrange(1, 65536)])
        case "count" | "k_tiles":
            return 1 + rng.getrandbits(rng.choice([3, rng.randrange(width)]))
        case "mem_addr" | "dest_addr":
            return config.bus_bytes * few
        case "kind" | "stats":
            return rng.randrange(4 if name == "kind" else 3)
        case "src_lane" | "dest_byte":
            return rng.randrange(config.lanes if name == "src_lane" else config.rows)
        case "clear" | "release":
            return rng.random() < 0.8
        case _ if name in _ENUM_SIZES:
            return rng.randrange(_ENUM_SIZES[name])
        case _ if name.endswith("stride"):
            return rng.choice([0, few, rng.getrandbits(7), rng.getrandbits(width)])
        case _ if name.endswith("addr"):
            return few
    return rng.getrandbits(min(width, 15))


def _at_limit(config: AcceleratorConfig, instruction: Instruction, rng: random.Random) -> Instruction:
    """Give one operand the highest address that fits, or the next."""
    addresses = [(name, width) for name, width, _ in fields_of(type(instruction)) if name.endswith("addr")]
    if not addresses:
        return instruction
    name, width = rng.choice(addresses)
    step = rng.choice([1, config.bus_bytes])

    def fits(place: int) -> bool:
        return check(config, replace(instruction, **{name: place * step}))[0] != ErrorCode.OUT_OF_RANGE

    good, bad = 0, (1 << width) // step
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return replace(instruction, **{name: min(rng.choice([good, bad]) * step, (1 << width) - 1)})
