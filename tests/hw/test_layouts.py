"""Layouts of the hardware see the fields that the encoder wrote."""

import random

import pytest
from amaranth.lib import data

from hw.layouts import (
    INSTRUCTION,
    AccumulatorRead,
    BankedRead,
    LoadWrite,
    MaskedWrite,
    RowJob,
    Scrub,
    instruction_layout,
    param_record,
    row_scalars,
    row_stats,
)
from spec.config import AcceleratorConfig
from spec.isa import INSTRUCTION_BYTES, Drain, Gemm, Halt, Instruction, Load, Stream, Sweep, fields_of

SEED = 99
CLASSES = (Halt, Load, Stream, Gemm, Drain, Sweep)


@pytest.mark.parametrize("cls", CLASSES)
def test_instruction_layout_equals_encode(cls: type[Instruction]) -> None:
    rng = random.Random(SEED)
    layout = instruction_layout(cls)
    assert layout.size == INSTRUCTION.width == 8 * INSTRUCTION_BYTES
    for _ in range(50):
        values = {}
        for name, width, signed in fields_of(cls):
            values[name] = rng.choice([0, 1, -1, rng.getrandbits(width)]) % (1 << width)
            if signed and values[name] >> (width - 1):
                values[name] -= 1 << width
        bits = layout.from_bits(int.from_bytes(cls(**values).encode(), "little"))
        assert bits.opcode == cls.opcode
        assert bits.reserved == 0
        assert {name: bits[name] for name in values} == values


def test_instruction_fields_keep_their_order() -> None:
    for cls in CLASSES:
        names = [name for name, _ in instruction_layout(cls)]
        assert names == ["opcode", *(name for name, _, _ in fields_of(cls)), "reserved"]


def test_param_record_is_eight_bytes() -> None:
    assert param_record.size == 64
    bits = param_record.from_bits(0x1FFFF << 46 | 0x20000 << 28 | 0xFFFFFFF)
    assert (bits.bias, bits.mul, bits.mul2) == (-1, -(1 << 17), (1 << 17) - 1)


def test_row_layouts_hold_the_documented_widths() -> None:
    def widths(layout: data.StructLayout) -> dict[str, tuple[int, bool]]:
        return {name: (field.width, getattr(field.shape, "signed", False)) for name, field in layout}

    assert widths(row_stats) == {"a": (29, True), "b": (44, False)}
    assert widths(row_scalars) == {"mul": (17, False), "total": (6, False), "mean": (25, True)}
    assert {name: width for name, (width, _) in widths(RowJob).items()} == {
        "reciprocal": 1,
        "addr": 12,
        "m": 12,
        "length": 13,
    }


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (3, 5), (16, 16)])
def test_signatures_follow_the_configuration(rows: int, cols: int) -> None:
    config = AcceleratorConfig(rows=rows, cols=cols, acc_depth=64)
    read, write = BankedRead(config).members, MaskedWrite(config).members
    assert read["data"].shape.size == write["data"].shape.size == 8 * rows
    assert write["mask"].shape == rows
    accumulators = AccumulatorRead(config).members
    assert accumulators["data"].shape.size == 32 * config.lanes
    assert accumulators["row"].shape == range(64)
    assert accumulators["chunk"].shape == range(config.chunks_per_tile)
    assert Scrub().members["addr"].shape == 20


def test_load_write_carries_an_address_and_a_word() -> None:
    payload = LoadWrite(param_record).members["payload"].shape
    assert payload["addr"].width == 20
    assert payload["data"].shape is param_record
