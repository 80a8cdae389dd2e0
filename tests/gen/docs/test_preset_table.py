import pytest

from gen.docs.preset_table import preset_table, with_table
from spec.presets import PRESETS


def test_every_preset_has_a_row() -> None:
    assert all(f"| `{name}` |" in preset_table() for name in PRESETS)


def test_text_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="comments around the table"):
        with_table("no table here\n")
