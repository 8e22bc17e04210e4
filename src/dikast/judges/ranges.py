"""The ranges of scores that a text states: "1-5", "between 0 and 1", "1 到 5 分"."""

from __future__ import annotations

import re

Limits = tuple[float, float]

_TO = r"(?:-|–|—|~|～|〜|\.\.\.?|to|through|到|至|から|إلى|до|bis|hasta|à|até)"
BETWEEN = rf"(-?\d+(?:\.\d+)?)\s*{_TO}\s*(\d+(?:\.\d+)?)"
_RANGE = re.compile(BETWEEN)
_AND = re.compile(r"(?:between|介於|介于)\s*(\d+(?:\.\d+)?)\s*(?:and|和|與|与)\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_NOT_SCORES = r"(?!\s*(?:\d|sentence|word|line|paragraph|bullet|char|item|句|字|段|行|個|个|點說|点说))"
_STATED = (
    re.compile(
        rf"\b(?:scor\w*|rat(?:e|ed|ing|ings)|scale|grade)\b[^.\n{{}}]{{0,40}}?{BETWEEN}{_NOT_SCORES}", re.IGNORECASE
    ),
    re.compile(rf"{BETWEEN}\s*(?:scale|points?\b)", re.IGNORECASE),
    re.compile(rf"{BETWEEN}\s*分"),
    re.compile(rf"(?:分數|分数|評分|评分|打分|得分|量表|計分|计分)[^。\n{{}}]{{0,15}}?{BETWEEN}{_NOT_SCORES}"),
)


def range_in(text: str) -> Limits | None:
    """The first range in what is said of one value; None where there is none."""
    return _limits(_RANGE.search(text) or _AND.search(text))


def names_range(text: str) -> bool:
    """Whether two numbers stand there as the ends of a range, in whichever order."""
    return bool(_RANGE.search(text) or _AND.search(text))


def stated_range(text: str) -> Limits | None:
    """The one range that a text states for scores; None when it states none, or several."""
    found = {limits for match in _statements(text) if (limits := _limits(match)) is not None}
    return found.pop() if len(found) == 1 else None


def stated_until(text: str) -> int:
    """Where the last range that a text states for scores ends; 0 where it states none."""
    return max((match.end() for match in _statements(text)), default=0)


def _statements(text: str) -> list[re.Match[str]]:
    return [match for pattern in (_AND, *_STATED) for match in pattern.finditer(text)]


def _limits(match: re.Match[str] | None) -> Limits | None:
    if match is None:
        return None
    low, high = float(match[1]), float(match[2])
    return (low, high) if low < high else None
