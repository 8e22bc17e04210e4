"""What a verdict can say: pass or fail, a number on a scale, or which of two is better.

One Scale gives the words for the prompt, the piece of the JSON schema, the words between which a verdict's token
decides, and the reading of what a model wrote.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any, Literal

import msgspec

from dikast.errors import DikastError, JudgeError
from dikast.records import Json, Outcome

ScaleKind = Literal["pass_fail", "ordinal", "preference"]

_SHORT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:-|–|\.\.|to)\s*(-?\d+(?:\.\d+)?)\s*")
_MOST_LEVELS = 21
_LISTED_LEVELS = 11  # up to here a schema lists the levels, which every server enforces

_PASS = frozenset(["pass", "passed", "passes", "true", "通過", "通过", "合格", "及格"])
_FAIL = frozenset(
    [
        "fail",
        "failed",
        "fails",
        "failure",
        "false",
        "不通過",
        "不通过",
        "未通過",
        "未通过",
        "沒通過",
        "没通过",
        "不合格",
        "不及格",
    ]
)
_TIE = frozenset(
    [
        "tie",
        "tied",
        "c",
        "draw",
        "equal",
        "both",
        "neither",
        "平手",
        "平局",
        "同等",
        "一樣好",
        "一样好",
        "不分上下",
        "不相上下",
    ]
)
_SIDE = re.compile(
    r"(?:(?:answer|response|output|assistant|model|option|回答|回覆|回复|輸出|输出|答案|選項|选项)[\s_-]*)?([ab])"
)
_NUMBER = re.compile(
    r"(?:(?:overall\s*)?(?:score|rating)|總分|总分|分數|分数|評分|评分|得分)?\s*[:=]?\s*"
    r"([+-]?\d+(?:\.\d+)?)\s*(?:(?:/|out of|of)\s*(\d+(?:\.\d+)?)|分|points?)?"
)
_WRAPPING = " \t\r\n\"'`*_[]()<>「」『』【】“”‘’.。!,，;；"


class Misread(ValueError):
    """An answer, or a part of it, that is not what was asked for. `reason` opens with a short kind and a colon."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Scale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values that a verdict, or one criterion's score, can take.

    kind: "pass_fail", "ordinal" (low to high), or "preference" (a, b or tie).
    step: the distance of two levels; None where any number between low and high will do.
    low and high are None only where a prompt of the user's own asks for a number and states no range.
    pass_from: the score from which on it is a pass; for pass_fail only where criteria are weighted (a share of 1).
    tie: whether a preference may be undecided. levels: the meaning of each level, by its word ("pass", "3", "tie").
    words: what a prompt of the user's own calls pass and fail, where it uses other words.
    """

    kind: ScaleKind = "pass_fail"
    low: float | None = None
    high: float | None = None
    step: float | None = None
    pass_from: float | None = None
    tie: bool = True
    levels: dict[str, str] = {}
    words: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if self.kind == "ordinal":
            self._check_ordinal()
        elif self.low is not None or self.high is not None or self.step is not None:
            raise JudgeError(f"low, high and step belong to an ordinal scale, and the kind here is {self.kind!r}")
        if self.kind == "preference" and self.pass_from is not None:
            raise JudgeError("pass_from does not go with a preference: neither of two answers passes")
        if self.kind == "pass_fail" and self.pass_from is not None and not 0 < self.pass_from <= 1:
            raise JudgeError(f"pass_from is {self.pass_from!r}; expected a share above 0 and up to 1")
        if not self.is_open:
            self._check_levels()

    def _check_ordinal(self) -> None:
        if (self.low is None) != (self.high is None):
            raise JudgeError("an ordinal scale needs both low and high")
        if self.low is None or self.high is None:
            return
        if not (math.isfinite(self.low) and math.isfinite(self.high)) or self.low >= self.high:
            raise JudgeError(f"low is {_say(self.low)} and high is {_say(self.high)}; expected low below high")
        if self.step is not None:
            count = (self.high - self.low) / self.step if self.step > 0 else 0
            if count < 1 or abs(count - round(count)) > 1e-9:
                raise JudgeError(f"step is {self.step!r}; expected one that leads from low to high in whole steps")
            if count + 1 > _MOST_LEVELS:
                raise JudgeError(
                    f"{_say(self.low)} to {_say(self.high)} in steps of {_say(self.step)} are {count + 1:.0f} levels",
                    hint=f"Nobody tells more than {_MOST_LEVELS} apart: use 1-5, or leave step out for any number.",
                )
        if self.pass_from is not None and not self.low < self.pass_from <= self.high:
            raise JudgeError(
                f"pass_from is {_say(self.pass_from)}; expected above {_say(self.low)} and up to {_say(self.high)}"
            )

    def _check_levels(self) -> None:
        for word in self.levels:
            if self.kind == "ordinal" and self.step is None:
                fits = _as_number(word) is not None and self._within(float(word))
            else:
                fits = word in self.level_words
            if not fits:
                expected = self.text() if self.step is None and self.kind == "ordinal" else ", ".join(self.level_words)
                raise JudgeError(f"levels explains {word!r}, which is not on the scale; expected {expected}")

    @classmethod
    def of(cls, text: str) -> Scale:
        """The scale that a short spelling names: "pass_fail", "preference", "1-5", "1-10"; "0-1" is any number between.

        >>> Scale.of("1-5").level_words
        ('1', '2', '3', '4', '5')
        """
        word = text.strip().lower().replace("/", "_").replace("-", "_").replace(" ", "_")
        if word in ("pass_fail", "passfail", "binary"):
            return cls()
        if word in ("preference", "a_b_tie"):
            return cls(kind="preference")
        if word == "a_b":
            return cls(kind="preference", tie=False)
        if match := _SHORT.fullmatch(text):
            low, high = float(match[1]), float(match[2])
            whole = low.is_integer() and high.is_integer() and (low, high) != (0, 1)
            return cls(kind="ordinal", low=low, high=high, step=1.0 if whole and high - low < _MOST_LEVELS else None)
        raise JudgeError(
            f"scale: is {text!r}; expected pass_fail, preference, or a range such as 1-5, 1-10 or 0-1",
            hint="Or a mapping with kind, low, high, step, pass_from and levels.",
        )

    @property
    def is_open(self) -> bool:
        """Whether it is a number without a stated range."""
        return self.kind == "ordinal" and self.low is None

    @property
    def level_words(self) -> tuple[str, ...]:
        """Every level by its word; none where any number will do."""
        if self.kind == "pass_fail":
            return ("pass", "fail")
        if self.kind == "preference":
            return ("a", "b", "tie") if self.tie else ("a", "b")
        return tuple(_say(number) for number in self.numbers)

    @property
    def numbers(self) -> tuple[float, ...]:
        """The levels of an ordinal scale with steps, lowest first."""
        if self.kind != "ordinal" or self.low is None or self.high is None or self.step is None:
            return ()
        count = round((self.high - self.low) / self.step)
        return tuple(_tidy(self.low + n * self.step) for n in range(count + 1))

    @property
    def choices(self) -> tuple[str, ...]:
        """The words between which the first token of an answer decides; empty where one token can't.

        With 1 and 10 on one scale the token "1" says nothing, and decimals take several.
        """
        if self.kind == "pass_fail":
            return self.words or ("pass", "fail")
        if self.kind == "preference":
            return ("A", "B", "C") if self.tie else ("A", "B")
        words = self.level_words
        return words if all(len(word) == 1 for word in words) else ()

    @property
    def schema(self) -> dict[str, Any]:
        """The piece of a JSON schema that holds one value."""
        if self.kind != "ordinal":
            return {"type": "string", "enum": list(self.words or self.choices)}
        numbers = self.numbers
        if numbers:
            whole = all(float(number).is_integer() for number in numbers)
            values = [int(number) if whole else number for number in numbers]
            if whole and len(values) > _LISTED_LEVELS:
                return {"type": "integer", "minimum": values[0], "maximum": values[-1]}
            return {"type": "integer" if whole else "number", "enum": values}
        if self.is_open:
            return {"type": "number"}
        return {"type": "number", "minimum": self.low, "maximum": self.high}

    def text(self) -> str:
        """The scale in a few characters, as `of` reads it: "pass/fail", "1-5", "a/b/tie"."""
        if self.kind == "pass_fail":
            return "pass/fail"
        if self.kind == "preference":
            return "a/b/tie" if self.tie else "a/b"
        return "any number" if self.low is None or self.high is None else f"{_say(self.low)}-{_say(self.high)}"

    def read(self, value: Json) -> Outcome | float:
        """What a raw JSON value says on this scale: "pass"/"fail", a number, or "a"/"b"/"tie". Raises Misread.

        Case, wrapping marks, "4/5", "Answer A", 4.0 and Chinese words are understood; a guess is never made.

        >>> Scale().read("Pass."), Scale.of("1-5").read("4/5"), Scale.of("a/b").read("Answer B")
        ('pass', 4, 'b')
        """
        if value is None:
            raise Misread(f"no value: null, expected {self._expected()}")
        if self.kind == "pass_fail":
            return self._read_pass_fail(value)
        if self.kind == "preference":
            return self._read_preference(value)
        return self._read_number(value)

    def value_of(self, word: str) -> Outcome | float:
        """What one of `choices` says."""
        return self.read(word)

    def written(self, value: Outcome | float) -> Json:
        """A value that was read, as JSON has it: "pass" (or the prompt's word for it), 4, "A"; "C" for a tie."""
        if self.words is not None and value in ("pass", "fail"):
            return self.words[value == "fail"]
        return {"a": "A", "b": "B", "tie": "C"}.get(value, value) if isinstance(value, str) else value

    def number(self, value: Outcome | float) -> float:
        """A value that was read, as a number: pass 1 and fail 0; a 1, tie 0.5 and b 0 (how far A is preferred)."""
        if isinstance(value, str):
            return {"pass": 1, "fail": 0, "a": 1, "tie": 0.5, "b": 0}[value]
        return value

    def outcome(self, number: float) -> Outcome | None:
        """The verdict that a number means on this scale; None on an ordinal scale without pass_from."""
        if self.kind == "preference":
            return "a" if number > 0.5 else "b" if number < 0.5 else "tie"
        if self.kind == "pass_fail":
            return "pass" if number >= (1 if self.pass_from is None else self.pass_from - 1e-9) else "fail"
        if self.pass_from is None:
            return None
        return "pass" if number >= self.pass_from - 1e-9 else "fail"

    def _read_pass_fail(self, value: Json) -> Outcome:
        if isinstance(value, bool):
            return "pass" if value else "fail"
        if isinstance(value, (int, float)) and value in (0, 1):
            return "pass" if value == 1 else "fail"
        if isinstance(value, str):
            word = _plain_word(value)
            if self.words is not None and word in (first := [_plain_word(own) for own in self.words]):
                return "pass" if word == first[0] else "fail"
            if word in _PASS or word == "1":
                return "pass"
            if word in _FAIL or word == "0":
                return "fail"
        raise Misread(f"not a verdict: {_shown(value)}, expected {self._expected()}")

    def _read_preference(self, value: Json) -> Outcome:
        if isinstance(value, str):
            word = _plain_word(value)
            if word in _TIE:
                if self.tie:
                    return "tie"
                raise Misread(f"not a verdict: {_shown(value)}, and this judge has to decide for A or B")
            if match := _SIDE.fullmatch(word):
                return "a" if match[1] == "a" else "b"
        raise Misread(f"not a verdict: {_shown(value)}, expected {self._expected()}")

    def _read_number(self, value: Json) -> float:
        number: float | None = None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            number = float(value)
        elif isinstance(value, str) and (match := _NUMBER.fullmatch(_plain_word(value))):
            number = float(match[1])
            if match[2] is not None and self.high is not None and float(match[2]) != self.high:
                raise Misread(f"off scale: {_shown(value)}, out of {match[2]}, expected {self._expected()}")
        if number is None or not math.isfinite(number):
            raise Misread(f"not a score: {_shown(value)}, expected {self._expected()}")
        if not self._within(number):
            raise Misread(f"off scale: {_shown(value)}, expected {self._expected()}")
        if self.step is not None and all(abs(number - level) > 1e-9 for level in self.numbers):
            raise Misread(f"off scale: {_shown(value)} lies between two levels, expected {self._expected()}")
        return _tidy(number)

    def _within(self, number: float) -> bool:
        return (self.low is None or number >= self.low) and (self.high is None or number <= self.high)

    def _expected(self) -> str:
        if self.kind == "ordinal":
            if self.step == 1:
                return f"a whole number from {_say(self.low)} to {_say(self.high)}"
            if self.step is not None:
                return "one of " + ", ".join(self.level_words)
            return "a number" if self.is_open else f"a number from {_say(self.low)} to {_say(self.high)}"
        words = [f'"{word}"' for word in self.words or self.choices]
        return f"{', '.join(words[:-1])} or {words[-1]}"


def _plain_word(text: str) -> str:
    """A word without its case, full-width forms and the marks around it."""
    return unicodedata.normalize("NFKC", text).lower().strip(_WRAPPING).strip()


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _tidy(number: float) -> float:
    """A whole number as an int, which JSON then shows without a point; others without the dust of addition."""
    rounded = round(number, 9)
    return int(rounded) if float(rounded).is_integer() else rounded


def _say(number: float | None) -> str:
    return "none" if number is None else f"{_tidy(number)}"


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def recorded_ends(scale: Json) -> tuple[float, float] | None:
    """The ends of a scale as a recorded definition states it; None where it states none.

    >>> recorded_ends("1-5"), recorded_ends("pass/fail")
    ((1.0, 5.0), None)
    """
    try:
        if isinstance(scale, str):
            scale = msgspec.to_builtins(Scale.of(scale))
    except DikastError:
        return None
    low, high = (scale.get("low"), scale.get("high")) if isinstance(scale, dict) else (None, None)
    ends = isinstance(low, (int, float)) and isinstance(high, (int, float)) and low < high
    return (float(low), float(high)) if ends else None  # type: ignore[arg-type]
