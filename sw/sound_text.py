"""Texts that UTF-8 cannot hold."""

import re

__all__ = ["sound_text"]

_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character: what Python makes of bytes that are not UTF-8, and what JSON may spell out."""


def sound_text(text: str) -> tuple[str, bool]:
    """Return a text with U+FFFD for every lone surrogate, and whether it had none."""
    sound = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    return sound, sound == text
