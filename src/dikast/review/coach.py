"""What could make a critique more useful: a hint, never a hurdle."""

from __future__ import annotations

import re

_SHORT_WORDS, _SHORT_HAN = 6, 10
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af]")
_WORD = re.compile(r"[^\W\d_]{4,}|\d{2,}")
_REASON = re.compile(
    r"\b(because|since|as|so|but|although|though|instead|without|missing|misses|lacks?|should|must|wrong|never|not|no|only|"
    r"\w+n['’]t|cannot|contradicts?|omits?|ignores?|invents?|claims?|says|states?|due|therefore|which|that|who|and)\b"
    r"|因|所以|由於|但|卻|而|沒|未|不|無|錯|缺|漏|應|該|只|說|寫|没|却|错|应",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“”„«»「」『』`]|(?<!\w)'[^']+'")


def hint(critique: str, output: str) -> str | None:
    """The one thing that this critique lacks most: "short", "no_reason" or "no_quote"; None when it is fine.

    >>> hint("Bad.", "You have 30 days."), hint("It says 30 days, but the policy says 14.", "You have 30 days.")
    ('short', None)
    """
    text = critique.strip()
    if not text:
        return None
    han = len(_HAN.findall(text))
    if han < _SHORT_HAN and len(text.split()) + han // 2 < _SHORT_WORDS:
        return "short"
    if not _REASON.search(text):
        return "no_reason"
    return None if _QUOTED.search(text) or _shares(text, output) else "no_quote"


def _shares(critique: str, output: str) -> bool:
    """Whether the critique takes up a word of the output (or three characters of it, where words aren't spaced)."""
    said = output[:200_000].casefold()
    text = critique.casefold()
    if any(word in said for word in _WORD.findall(text) if not _HAN.search(word)):
        return True
    return any(text[at : at + 3] in said for at in range(len(text) - 2) if len(_HAN.findall(text[at : at + 3])) == 3)
