"""Nothing that moves a terminal's cursor gets there."""

import pytest

from files.one_line import one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 字 \U0001f600", "plain é 字 \U0001f600"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\nb\r\tc\x9b2J", "a\\nb\\r\\tc\\x9b2J"),
        ("\u202egnp.exe \u2028", "\\u202egnp.exe \\u2028"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_does_not_print_is_spelt_out(text: str, shown: str) -> None:
    assert one_line(text) == shown
