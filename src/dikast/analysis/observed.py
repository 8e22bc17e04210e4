"""What drift is told from: each judged interaction as an observation, counted by period, judge and dimension."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from dikast.analysis.periods import TIME_KEYS, Every, begin_of, time_of
from dikast.records import Interaction, Json, Label, Verdict, text_of

SYSTEM_KEYS = (
    "model", "model_name", "model_version", "version", "app_version", "release", "prompt", "prompt_version",
    "system_version", "deployment", "commit", "git_sha",
)  # fmt: skip
"""Metadata keys that say what the system under test was, rather than what came to it."""

TAG = "tag "
LENGTH, SCRIPT = "length of input", "script of input"

MOST_VALUES = 30
_REPEATS = 3
_LONGEST = 80
_FEWEST_BANDS = (("under 100 characters", 100), ("100 to 400", 400), ("400 to 1,600", 1600), ("1,600 to 6,400", 6400))
_SCRIPTS = (
    ("Han", re.compile("[\u3400-\u9fff]")), ("Japanese", re.compile("[\u3040-\u30ff]")),
    ("Hangul", re.compile("[\uac00-\ud7af]")), ("Cyrillic", re.compile("[\u0400-\u04ff]")),
    ("Arabic", re.compile("[\u0600-\u06ff]")), ("Devanagari", re.compile("[\u0900-\u097f]")),
    ("Latin", re.compile("[A-Za-z\u00c0-\u024f]")),
)  # fmt: skip


class JudgeState(msgspec.Struct, frozen=True, kw_only=True):
    """Which judge spoke, as far as it is known: another value of any of these may be another judge."""

    judge: str
    model: str = ""
    fingerprint: str = ""
    server: str = ""

    def differences(self, other: JudgeState) -> list[str]:
        """What is another in `other`, in words."""
        named = (("judge", "the judge"), ("model", "its model"), ("fingerprint", "the model's fingerprint"),
                 ("server", "the server"))  # fmt: skip
        return [
            f"{words} from {getattr(self, name) or 'unknown'} to {getattr(other, name) or 'unknown'}"
            for name, words in named
            if getattr(self, name) != getattr(other, name)
        ]


@dataclass(frozen=True, slots=True)
class Observation:
    """One judged interaction: when, whether it passed, its failure modes (True: it failed so), its dimensions."""

    at: datetime
    passed: bool
    judge: JudgeState
    modes: Mapping[str, bool] = field(default_factory=dict)
    dimensions: Mapping[str, str] = field(default_factory=dict)
    labelled: bool = False


def observe(
    verdict: Verdict, item: Interaction | None, judge: JudgeState, fallback: datetime, labels: Iterable[Label] = ()
) -> Observation | None:
    """A verdict as an observation; None where it says neither pass nor fail. fallback: its time when it carries none.

    labels: what people said of it, whose tags are failure modes too.
    """
    if verdict.status != "scored" or verdict.verdict not in ("pass", "fail"):
        return None
    judged = {name: _failed(name, value) for name, value in (verdict.scores or {}).items()}
    modes = {f"criterion {name}": failed for name, failed in judged.items() if failed is not None}
    given = [one for one in (list(labels) or list(item.labels if item else ())) if one.whose == "expert"]
    modes |= {f"{TAG}{tag}": True for label in given for tag in label.tags}
    metadata = verdict.metadata or (item.metadata if item else {})
    dimensions = {key: said for key, value in metadata.items() if (said := _value(key, value)) is not None}
    if item is not None:
        text = text_of(item.input)
        dimensions[LENGTH], dimensions[SCRIPT] = _band(len(text)), _script(text)
    at = time_of(metadata) or fallback
    return Observation(at, verdict.verdict == "pass", judge, modes, dimensions, labelled=bool(given))


@dataclass(slots=True)
class Cell:
    """The counts of one period under one judge.

    by: dimension to value to [passed, n]. modes: how many failed so; failed: likewise, by mode, dimension and value.
    """

    begin: datetime
    judge: JudgeState
    first: datetime
    n: int = 0
    passed: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    labelled: int = 0
    by: dict[str, dict[str, list[int]]] = field(default_factory=lambda: defaultdict(dict))
    failed: Counter[tuple[str, str, str]] = field(default_factory=Counter)


class Observed:
    """Observations, counted as they come; what is kept does not grow with their number.

    They come in the order of judging. What a new judge says of a period that lay behind the one in which it began is of
    no chart: beside another judge's verdicts of that time, it would look as if the judge had changed to and fro. late:
    how many those are.
    """

    def __init__(self, every: Every) -> None:
        self.every = every
        self._cells: dict[tuple[datetime, JudgeState], Cell] = {}
        self._values: dict[str, set[str]] = {}
        self._carried: Counter[str] = Counter()
        self._begun: dict[JudgeState, datetime] = {}
        self._latest: datetime | None = None
        self.n = 0
        self.late = 0

    def add(self, one: Observation) -> None:
        """Count one."""
        key = (begin_of(one.at, self.every), one.judge)
        begun = self._begun.setdefault(one.judge, self._latest or key[0])
        if self._begun.keys() > {one.judge} and key[0] < begun:
            self.late += 1
            return
        self._latest = key[0] if self._latest is None else max(self._latest, key[0])
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Cell(key[0], one.judge, one.at)
        self.n += 1
        cell.first = min(cell.first, one.at)
        cell.n += 1
        cell.passed += one.passed
        cell.labelled += one.labelled
        failed = [name for name, failed in one.modes.items() if failed]
        cell.modes.update(failed)
        for name, value in one.dimensions.items():
            values = self._values.setdefault(name, set())
            if len(values) > MOST_VALUES:
                continue
            values.add(value)
            self._carried[name] += 1
            counts = cell.by[name].setdefault(value, [0, 0])
            counts[0] += one.passed
            counts[1] += 1
            cell.failed.update((mode, name, value) for mode in failed)

    @property
    def cells(self) -> list[Cell]:
        """One for each period and judge, in order of time."""
        return sorted(self._cells.values(), key=lambda cell: (cell.begin, cell.first))

    @property
    def dimensions(self) -> list[str]:
        """The keys that behave like dimensions: few values, which come again and again."""
        return [name for name, values in self._values.items()
                if 1 < len(values) <= MOST_VALUES and self._carried[name] >= _REPEATS * len(values)]  # fmt: skip

    @property
    def keys(self) -> list[str]:
        """Every key that any interaction carried."""
        return list(self._values)


def _failed(name: str, value: Json) -> bool | None:
    """Whether a criterion failed; None where its score is no pass or fail."""
    if name in ("overall", "reasoning"):
        return None
    if isinstance(value, bool):
        return not value
    if isinstance(value, str) and value.casefold() in ("pass", "fail", "yes", "no"):
        return value.casefold() in ("fail", "no")
    return value == 0 if isinstance(value, (int, float)) and value in (0, 1) else None


def _value(key: str, value: Json) -> str | None:
    if key in TIME_KEYS or value is None or isinstance(value, (float, list, dict)):
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if 0 < len(text) <= _LONGEST else None


def _band(length: int) -> str:
    return next((name for name, most in _FEWEST_BANDS if length < most), "6,400 and more")


def _script(text: str) -> str:
    """The script that most of the letters are of; Japanese where there is any kana to speak of."""
    counted = {name: len(pattern.findall(text[:4000])) for name, pattern in _SCRIPTS}
    if counted["Japanese"] * 5 > counted["Han"] and counted["Japanese"] * 2 > counted["Latin"]:
        return "Japanese"
    found = max(counted, key=lambda name: counted[name])
    return found if counted[found] else "none"
