"""Texts in a table that a spreadsheet will open: none may act as a formula."""

from __future__ import annotations

# A cell that begins so is run as a formula, or becomes one when it is pasted; full width, too, in Japanese Excel.
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def guarded(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would run it.

    >>> guarded("=1+1")
    "'=1+1"
    """
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text


def unguarded(text: str) -> str:
    """A guarded text as it was."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_STARTS_FORMULA) else text
