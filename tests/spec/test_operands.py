"""The table of operands names fields that exist, all addresses among them, and one operand of a name at a time."""

from itertools import product
from typing import Any

import pytest

from spec.config import AcceleratorConfig
from spec.isa import (
    Destination,
    Drain,
    Gemm,
    Halt,
    Instruction,
    Load,
    LoadTarget,
    Opcode,
    ParamMode,
    SecondStage,
    Stats,
    Stream,
    Sweep,
    SweepKind,
    fields_of,
)
from spec.memories import Memory
from spec.operands import OPERANDS, Operand, When

CONFIG = AcceleratorConfig(rows=6, cols=9, lanes=3, tables=3)
CLASSES = {cls.opcode: cls for cls in (Halt, Load, Stream, Gemm, Drain, Sweep)}
CHOICES = {
    Load: {"target": LoadTarget},
    Gemm: {"b_scratchpad": range(2)},
    Drain: {
        "dest": Destination,
        "param_mode": ParamMode,
        "second": SecondStage,
        "table_enable": range(2),
        "stats": Stats,
        "row_scale": range(2),
    },
    Sweep: {"kind": SweepKind},
}
"""Fields on which it depends what an instruction uses."""


def variants(cls: type[Instruction]) -> list[Instruction]:
    """Return an instruction for each combination of what it may use."""
    choices: dict[str, Any] = CHOICES.get(cls, {})
    return [cls(**dict(zip(choices, values, strict=True))) for values in product(*choices.values())]


def fields(operand: Operand) -> set[str]:
    quantities = (operand.first, operand.rows, operand.stride, operand.words, operand.values)
    conditions = (*operand.when, *filter(None, (operand.in_place,)))
    return {q for q in quantities if isinstance(q, str) and q} | {when.field for when in conditions}


@pytest.mark.parametrize("opcode", Opcode)
def test_operands_name_all_addresses_and_only_fields(opcode: Opcode) -> None:
    exist = {name for name, _, _ in fields_of(CLASSES[opcode])}
    named = set().union(*map(fields, OPERANDS[opcode]))
    assert named <= exist
    assert {name for name in exist if name.endswith(("addr", "stride")) or name in ("m", "n", "count")} <= named


@pytest.mark.parametrize("opcode", Opcode)
def test_of_one_name_one_operand_is_used(opcode: Opcode) -> None:
    for instruction in variants(CLASSES[opcode]):
        used = [operand.name for operand in OPERANDS[opcode] if operand.used(instruction)]
        assert len(used) == len(set(used)), instruction


USED = [
    (Halt(), []),
    (Load(target=LoadTarget.TABLE), ["target", "source"]),
    (Load(target=5), []),
    (Stream(), ["source"]),
    (Gemm(), ["A"]),
    (Gemm(b_scratchpad=1), ["A", "B"]),
    (Drain(dest=Destination.MEMORY), ["destination", "parameters"]),
    (Drain(second=SecondStage.SCALE, table_enable=1), ["destination", "parameters", "table"]),
    (Drain(second=SecondStage.RESIDUAL), ["destination", "parameters", "residual"]),
    (Drain(stats=Stats.MAX), ["destination", "parameters", "statistics"]),
    (Drain(row_scale=1), ["destination", "parameters", "statistics"]),
    (Sweep(kind=SweepKind.MOMENTS), ["source", "statistics"]),
    (Sweep(kind=SweepKind.SOFTMAX), ["source", "destination", "table", "statistics"]),
    (Sweep(kind=SweepKind.LAYERNORM), ["source", "destination", "parameters", "statistics"]),
    (Sweep(kind=SweepKind.GATHER), ["source", "destination", "parameters", "statistics"]),
]


@pytest.mark.parametrize(("instruction", "names"), USED, ids=repr)
def test_what_is_used(instruction: Instruction, names: list[str]) -> None:
    assert [o.name for o in OPERANDS[instruction.opcode] if o.used(instruction)] == names


def test_conditions() -> None:
    moments, gather = Sweep(kind=SweepKind.MOMENTS), Sweep(kind=SweepKind.GATHER)
    assert When("kind", SweepKind.GATHER).holds(gather)
    assert not When("kind", SweepKind.GATHER).holds(moments)
    assert not When("kind", SweepKind.GATHER, other=True).holds(gather)
    assert When("kind", SweepKind.GATHER, other=True).holds(moments)
    assert When("wait").holds(Halt(wait=1))
    assert not When("wait").holds(Halt())


def test_a_row_is_whole_words_on_the_chip_and_bytes_outside() -> None:
    def row(instruction: Instruction, name: str) -> int:
        (operand,) = (o for o in OPERANDS[instruction.opcode] if o.name == name and o.used(instruction))
        return operand.row_length(CONFIG, instruction)

    assert row(Drain(n=7, dest=Destination.SCRATCHPAD), "destination") == 2
    assert row(Drain(n=7, dest=Destination.VECTOR), "destination") == 3
    assert row(Drain(n=7, dest=Destination.MEMORY), "destination") == 9 * 4
    assert row(Drain(n=7, param_mode=ParamMode.COLUMN), "parameters") == 3
    assert row(Drain(m=5, param_mode=ParamMode.ROW), "parameters") == 5
    assert row(Drain(m=5, param_mode=ParamMode.FIXED), "parameters") == 1
    assert row(Drain(table_enable=1), "table") == 256
    assert row(Gemm(k_tiles=4), "A") == 4
    for target, nbytes in zip(LoadTarget, (6, 2 * 3, 8 * 3, 8, 8), strict=True):
        assert row(Load(target=target, count=5), "target") == 5
        assert row(Load(target=target, count=5), "source") == 5 * nbytes


def test_sizes_of_the_memories() -> None:
    assert [memory.size(CONFIG) for memory in Memory] == [
        CONFIG.scratchpad_words,
        CONFIG.vector_words,
        CONFIG.param_words,
        3 * 256,
        CONFIG.acc_depth,
        1 << 32,
    ]
