"""A text as recognisers read it best, and the way back to where a finding stands in the text itself.

Full-width digits and letters are read as plain ones, characters that nobody sees are passed over, and escapes of JSON
in a text end a word. A pseudonym that stands in a text already is hidden.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dikast.redaction.kinds import PSEUDONYM, Found

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3000: " ", 0x00A0: " ", 0x2007: " ", 0x2009: " ", 0x202F: " ",
    0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-", 0x2014: "-", 0x2212: "-", 0xFE63: "-",
    0x3002: ";", 0x3001: ";",
}  # fmt: skip
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_ESCAPES = re.compile(r"\\u[0-9a-fA-F]{4}|\\[nrt]")
# Ideographs, kana and hangul count as letters of a word, so that nothing would begin after them.
_NOT_LATIN = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")


class View(NamedTuple):
    """A text for recognisers: `whole` with Chinese characters in it, `latin` with a semicolon for each of them.

    places: for each character of the view, where it stands in the text; None where that is the same.
    """

    whole: str
    latin: str
    places: list[int] | None

    def back(self, found: Found) -> Found:
        """Where something that was found here stands in the text itself."""
        if self.places is None:
            return found
        return Found(found.kind, self.places[found.start], self.places[found.end - 1] + 1)


def view_of(text: str) -> View:
    """The view of a text.

    >>> view_of("電話０９１２－345").latin
    ';;0912-345'
    """
    places: list[int] | None = None
    if text.isascii():
        whole = text
    else:
        whole = text.translate(_WIDE)
        if _UNSEEN.search(whole):
            places = [place for place, character in enumerate(whole) if not _UNSEEN.match(character)]
            whole = "".join(whole[place] for place in places)
    if "[" in whole:
        whole = PSEUDONYM.sub(_hidden, whole)
    if "\\" in whole:
        whole = _ESCAPES.sub(lambda match: " " * len(match[0]), whole)
    return View(whole, whole if whole.isascii() else _NOT_LATIN.sub(";", whole), places)


def _hidden(match: re.Match[str]) -> str:
    return ";" * len(match[0])
