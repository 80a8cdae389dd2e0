"""Programs at other addresses do the same, and use no others."""

import dataclasses
import re

import numpy as np
import pytest

from host.board.relocate import relocate
from hw.flash.spram import SPRAM_BYTES
from sim import open_device
from spec.flash_chip import ICEBREAKER_FLASH
from spec.isa import Destination, Drain, Load, Stream
from spec.memory_map import ICEBREAKER_MAP
from spec.presets import PRESETS
from spec.program import Program
from sw.lowering import MatmulLowering, NetworkLowering
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward

CONFIG = PRESETS["tiny"]
READ_ONLY, WRITABLE = 1 << 14, 1 << 16


def test_map_of_the_icebreaker_is_that_of_its_memory() -> None:
    assert ICEBREAKER_MAP.flash_bytes == ICEBREAKER_FLASH.size
    assert ICEBREAKER_MAP.ram_bytes == SPRAM_BYTES
    assert ICEBREAKER_MAP.ram_addr == 1 << 24


def addresses(program: Program) -> tuple[list[int], list[int]]:
    """All addresses that instructions read, and all that they write."""
    reads, writes = [], []
    for instruction in program:
        match instruction:
            case Load() | Stream():
                reads.append(instruction.mem_addr)
            case Drain(dest=Destination.MEMORY):
                writes.append(instruction.dest_addr)
    return reads, writes


def test_bert_is_in_two_places() -> None:
    checkpoint = random_checkpoint(3)
    original = NetworkLowering(checkpoint, CONFIG).lower(9)
    program = relocate(original, read_only=READ_ONLY, writable=WRITABLE)
    end = program.instructions_addr + program.instructions.size
    assert (program.constants_addr, program.instructions_addr) == (READ_ONLY, READ_ONLY + program.constants.size)
    assert min(region.addr for region in (*program.inputs.values(), *program.outputs.values())) == WRITABLE
    reads, writes = addresses(program)
    assert all(READ_ONLY <= addr < end or WRITABLE <= addr < program.memory_bytes for addr in reads)
    assert {addr for addr in reads if addr >= WRITABLE}
    assert all(WRITABLE <= addr < program.memory_bytes for addr in writes)
    assert program.memory_bytes - WRITABLE < original.memory_bytes - original.constants.size

    rows = embed(checkpoint, np.random.default_rng(0).integers(0, 64, 9))
    padded = np.zeros(program.inputs["rows"].shape, np.int16)
    padded[:, : rows.shape[1]] = rows
    logits = open_device("model", CONFIG).run(program, {"rows": padded}).outputs["logits"]
    np.testing.assert_array_equal(logits[: len(checkpoint.labels)], forward(checkpoint, rows))


def test_product_is_in_two_places() -> None:
    """Its operands are inputs: they are read from the writable part, stream included."""
    rng = np.random.default_rng(1)
    a, b = rng.integers(-128, 128, (40, 7), np.int8), rng.integers(-128, 128, (7, 33), np.int8)
    product = MatmulLowering(CONFIG, 40, 33, 7)
    program = relocate(product.program, read_only=READ_ONLY, writable=WRITABLE)
    result = open_device("model", CONFIG).run(program, product.pack(a, b)).outputs["c"]
    np.testing.assert_array_equal(product.unpack(result), a.astype(np.int32) @ b.astype(np.int32))
    assert all(addr >= WRITABLE for addr in addresses(program)[1])


def test_all_but_addresses_stay() -> None:
    original = NetworkLowering(random_checkpoint(3), CONFIG).lower(2)
    program = relocate(original, read_only=READ_ONLY, writable=WRITABLE)
    assert program.constants is original.constants
    assert (program.macs, program.metadata, program.config) == (original.macs, original.metadata, CONFIG)
    again = relocate(relocate(program, read_only=0, writable=1 << 15), read_only=READ_ONLY, writable=WRITABLE)
    assert again.instructions.tobytes() == program.instructions.tobytes()
    for region, moved, same in zip(_regions(original), _regions(program), _regions(again), strict=True):
        assert (moved.dtype, moved.shape) == (region.dtype, region.shape)
        assert moved == same
        assert moved.addr - region.addr == WRITABLE - min(other.addr for other in _regions(original))


def _regions(program: Program) -> list:
    return [*program.inputs.values(), *program.outputs.values()]


@pytest.mark.parametrize(
    ("read_only", "writable", "message"),
    [
        (2, WRITABLE, "instructions must be at a multiple of 4, not at "),
        (READ_ONLY, WRITABLE + 2, "must be at a multiple of 4, not at "),
        (READ_ONLY, READ_ONLY + 4, "must not overlap the "),
        (1 << 32, WRITABLE, "mem_addr must be from 0 to 4294967295, not 4294967296"),
        (READ_ONLY, (1 << 32) - 16, "must be from 0 to 42949672"),
    ],
)
def test_impossible_places_are_refused(read_only: int, writable: int, message: str) -> None:
    program = NetworkLowering(random_checkpoint(3), CONFIG).lower(2)
    with pytest.raises(ValueError, match=message):
        relocate(program, read_only=read_only, writable=writable)


def test_instruction_that_uses_other_memory_is_refused() -> None:
    program = MatmulLowering(CONFIG, 1, 1, 1).program
    stray = np.frombuffer(Load(mem_addr=1 << 20, count=1).encode() + program.instructions.tobytes(), np.uint8)
    program = dataclasses.replace(program, instructions=stray, labels=(), memory_bytes=program.memory_bytes + 32)
    message = "an instruction must use constants and regions alone, not what is at 0x100000"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        relocate(program, read_only=READ_ONLY, writable=WRITABLE)
