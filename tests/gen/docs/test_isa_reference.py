"""The reference of the instruction set is what the code says."""

from gen.docs.isa_reference import isa_reference
from spec.isa import Drain, ErrorCode, fields_of
from spec.operands import OPERANDS


def test_names_every_field_and_error() -> None:
    text = isa_reference()
    for name in [*(name for name, _, _ in fields_of(Drain)), *ErrorCode.__members__]:
        assert f"| `{name}` |" in text


def test_bit_ranges_follow_from_the_widths() -> None:
    text = isa_reference()
    assert "| 3:0 | `opcode` | 4 | unsigned | 5 |" in text
    assert "| 176:161 | `clip_low` | 16 | signed |" in text
    assert "| 255:222 | reserved | 34 |" in text


def test_values_carry_the_comments_of_the_source() -> None:
    assert "| 3 | `PARAM_BROADCAST` | words; one 8-byte record each, copied to all lanes |" in isa_reference()


def test_has_a_line_for_each_operand() -> None:
    text = isa_reference()
    assert "| GEMM | B, if `b_scratchpad` | scratchpad | `b_addr` | `n` | `b_stride` | `k_tiles` words | read |" in text
    assert all(f"| {opcode.name} | {operand.name}" in text for opcode, listed in OPERANDS.items() for operand in listed)
