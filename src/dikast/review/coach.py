"""What could make a critique more useful: a hint, never a hurdle. It knows English and Chinese."""

from __future__ import annotations

import re

_SHORT_WORDS, _SHORT_HAN = 6, 10
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af]")
_WORD = re.compile(r"[^\W\d_]{4,}|\d+")
_REASON = re.compile(
    # why
    r"\b(because|since|due|therefore|hence|thus|so that|as (?:it|the|this|that|there|they)|means|"
    # against what
    r"but|although|though|whereas|instead|rather|despite|yet|while|unlike|without|missing|miss(?:es|ed)|lack(?:s|ing|ed)?|"
    r"not|never|no|none|neither|nor|nothing|nowhere|cannot|\w+n['’]t|only|too (?!bad|good)\w+|"
    # by which rule
    r"should|must|needs?|required?|requires|expected|policy|policies|rules?|asked|supposed|"
    # what it did
    r"wrong(?:ly)?|incorrect(?:ly)?|false(?:ly)?|contradict\w*|omit\w*|ignor\w*|invent\w*|claim\w*|hallucinat\w*|"
    r"mislead\w*|forg[eo]t\w*|promis\w*|assum\w*|refus\w*|fail(?:s|ed)? to|left out|leaves out|mix(?:es|ed) up|"
    r"correct(?:ly)?|match\w*|cites?|follow(?:s|ed)|consistent\w*|explain(?:s|ed))\b"
    r"|因|所以|由於|由于|以致|導致|导致|但|卻|却|然而|而非|而是|反而|沒|没|未|無法|无法|缺|漏|少了|只(?!好)|"
    r"不(?!太|好|佳|錯|错|行|夠|够|理想|滿意|满意|怎麼|怎么|是很|喜歡|喜欢)|(?<!不)(?:錯|错)|誤|误|"
    r"應|应|該|该|必須|必须|需要|規定|规定|要求|政策|違反|违反|矛盾|忽略|捏造|編造|编造|答非所問|答非所问|"
    r"正確|正确|符合|依照|依據|依据|根據|根据|說成|说成",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“”„«»「」『』`]|(?<!\w)'[^']+'")
_COMMON = frozenset(  # words that say nothing of which output is meant
    {
        "about", "above", "after", "again", "also", "answer", "answers", "around", "been", "before", "being", "best",
        "better", "both", "could", "does", "doing", "done", "each", "else", "even", "ever", "every", "fail", "fails",
        "find", "from", "give", "gives", "good", "have", "here", "into", "itself", "just", "kind", "know", "like",
        "little", "made", "make", "makes", "many", "maybe", "mean", "means", "more", "most", "much", "must", "need",
        "needs", "only", "other", "output", "over", "part", "pass", "please", "quite", "rather", "really", "reply",
        "response", "same", "seem", "seems", "should", "some", "such", "than", "that", "their", "them", "then", "there",
        "these", "they", "thing", "things", "think", "this", "those", "very", "want", "well", "were", "what", "when",
        "where", "which", "while", "will", "with", "without", "would", "wrong", "your",
    }
)  # fmt: skip


def hint(critique: str, output: str) -> str | None:
    """The one thing that this critique lacks most: "short", "no_reason" or "no_quote"; None when it is fine.

    "no_quote" refers to nothing in the output: it neither quotes nor takes up a word or number of it.

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
    """Whether the critique takes up a telling word of the output (or three characters, where words aren't spaced)."""
    said = output[:200_000].casefold()
    text = critique.casefold()
    words = {word for word in _WORD.findall(text) if not _HAN.search(word)} - _COMMON
    if any(re.search(rf"(?<![^\W_]){re.escape(word)}", said) for word in words):
        return True
    return any(text[at : at + 3] in said for at in range(len(text) - 2) if len(_HAN.findall(text[at : at + 3])) == 3)
