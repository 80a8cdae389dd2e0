"""What is written to a board's memory, and what is left out."""

import random

import numpy as np
import pytest

from host.board.memory import BoardMemory
from host.link.client import LinkClient
from spec.link import Command
from tests.host.link.ports import ModelPort
from tests.hw.link.fpga_model import FpgaModel

BYTES = 1 << 16


def connect() -> tuple[BoardMemory, FpgaModel]:
    fpga = FpgaModel(8, BYTES)
    return BoardMemory(LinkClient(ModelPort(fpga, 0), bus_bytes=8), 8), fpga


def written(fpga: FpgaModel) -> int:
    """Bytes written since this was last asked."""
    frames = [frame for frame in fpga.executed if frame[0] == Command.WRITE_MEMORY]
    fpga.executed.clear()
    return sum(int.from_bytes(frame[6:8], "little") for frame in frames)


@pytest.mark.parametrize("seed", range(10))
def test_holds_what_was_last_wanted(seed: int) -> None:
    memory, fpga = connect()
    rng = random.Random(seed)
    image = np.zeros(BYTES, np.uint8)
    for _ in range(30):
        size = rng.choice([BYTES, BYTES // 2, 1000])
        parts = []
        for _ in range(rng.randrange(4)):
            start = 8 * rng.randrange(size // 8)
            part = range(start, min(size, start + rng.randrange(3000)))
            if rng.random() < 0.7:
                image[part.start : part.stop] = np.frombuffer(rng.randbytes(len(part)), np.uint8)
            parts.append(part)
        memory.write(image[:size], parts)
        for part in parts:
            np.testing.assert_array_equal(memory.read(part), image[part.start : part.stop])
        spoilt = range(8 * rng.randrange(BYTES // 8), BYTES)[: rng.randrange(2000)]
        fpga.memory[spoilt.start : spoilt.stop] = rng.randbytes(len(spoilt))
        memory.forget_parts([spoilt])


def test_writes_blocks_that_differ_or_are_not_known() -> None:
    memory, fpga = connect()
    image = np.arange(5 * 256, dtype=np.uint32).view(np.uint8)
    memory.write(image, [range(300, 301), range(1000, 1300)])
    assert written(fpga) == 4 * 256  # 1, and 3 to 5
    memory.write(image, [range(4 * 256)])
    assert written(fpga) == 2 * 256
    image[700] ^= 1
    memory.write(image, [range(4 * 256)])
    assert written(fpga) == 256
    memory.forget_parts([range(256, 257), range(512, 512)])
    memory.write(image, [range(4 * 256)])
    assert written(fpga) == 256
    memory.write(image, [])
    assert written(fpga) == 0
    memory.forget()
    memory.write(image, [range(5 * 256)])
    assert written(fpga) == 5 * 256
