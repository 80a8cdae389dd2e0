"""What is peculiar to the Large Movie Review Dataset."""

__all__ = ["FOLDERS", "LINE_BREAK"]

FOLDERS = ("neg", "pos")
"""Its folders, which are its labels."""

LINE_BREAK = "<br />"
"""Left over from the web pages that its reviews come from; a space instead saves 5 % of the tokens."""
