"""Bytes of weights that programs read."""

import numpy as np

from bench.traffic import Traffic, weight_traffic
from spec.config import AcceleratorConfig
from spec.isa import Halt, Load, LoadTarget, Stream
from spec.program import Program

CONFIG = AcceleratorConfig(rows=16, cols=16)


def test_bytes_read_twice_count_twice_but_once_for_the_minimum() -> None:
    instructions = [
        Stream(mem_addr=0, count=4),
        Load(target=LoadTarget.SCRATCHPAD, mem_addr=32, count=4),
        Load(target=LoadTarget.PARAM, mem_addr=128, count=4),
        Stream(mem_addr=256, count=1),
        Halt(),
    ]
    program = Program(
        config=CONFIG,
        instructions=np.frombuffer(b"".join(i.encode() for i in instructions), np.uint8),
        instructions_addr=1024,
        constants=np.zeros(512, np.uint8),
        constants_addr=0,
        inputs={},
        outputs={},
        memory_bytes=2048,
        macs=0,
    )
    assert weight_traffic(program) == Traffic(read=144, minimum=112)
