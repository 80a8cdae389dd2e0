"""The committed instruction set reference is what the code says."""

from pathlib import Path

import pytest

from gen.docs.isa_reference import isa_reference, main
from spec.isa import Drain, ErrorCode, fields_of

COMMITTED = Path(__file__).resolve().parents[3] / "docs" / "isa.md"


def test_committed_file_is_up_to_date() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == isa_reference(), "run python -m gen.docs.isa_reference"


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


def test_writes_a_file_or_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["-o", str(tmp_path / "isa.md")])
    main(["-o", "-"])
    assert (tmp_path / "isa.md").read_text(encoding="utf-8") == capsys.readouterr().out == isa_reference()
