"""Lone surrogates."""

from sw.sound_text import sound_text


def test_lone_surrogates_are_replaced() -> None:
    assert sound_text("caf\udce9 \ud800") == ("caf\ufffd \ufffd", False)
    assert sound_text("café \U0001f600") == ("café \U0001f600", True)
    assert sound_text("") == ("", True)
