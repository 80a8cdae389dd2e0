"""What is peculiar to the Large Movie Review Dataset."""

__all__ = ["FOLDERS", "LABELS", "LINE_BREAK"]

FOLDERS = ("neg", "pos")
"""Its folders, which are its labels."""

LABELS = ("negative", "positive")
"""What its numbers 0 and 1 stand for."""

LINE_BREAK = "<br />"
"""Left over from the web pages that its reviews come from; a space instead saves 5 % of the tokens."""
