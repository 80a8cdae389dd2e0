"""Texts of others on a terminal."""

__all__ = ["one_line"]


def one_line(text: str) -> str:
    r"""Return a text with everything that does not print, line breaks and control sequences too, as ``\x1b``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
