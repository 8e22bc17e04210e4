"""How a judge came to be: each refining session, the versions it went through, and what each change did.

`history.json` lies in the judge's folder. It begins with the history of the judge that was refined, so it grows over
sessions, and any version's agreement can be seen beside those before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from dikast.errors import JudgeError
from dikast.judges.diff import Change
from dikast.records import Json, JudgeRef

FILE, PAGE = "history.json", "history.html"

End = Literal["converged", "agreed", "rounds"]
Why = Literal["better", "cheaper"]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What judging one interaction takes, on average."""

    calls: float = 0.0
    seconds: float = 0.0
    tokens: float = 0.0


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was measured: how much more often the judge is right with it, and what it takes.

    The leads are over the version that it changes, None for that one itself. n: the interactions behind the lead.
    dropped_after: how many interactions it was tried on before it was given up, None when on all.
    """

    what: str
    kind: str
    judge: JudgeRef
    agreement: float
    agreement_low: float
    agreement_high: float
    cost: Cost = Cost()
    lead: float | None = None
    lead_low: float | None = None
    lead_high: float | None = None
    p: float | None = None
    n: int = 0
    left_out: int = 0
    dropped_after: int | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge said of an interaction: a verdict or a score, and why."""

    verdict: Json
    critique: str = ""


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """An interaction on which a change made the judge right or wrong. Texts are cut."""

    id: str
    input: str
    output: str
    expert: Said
    before: Said
    after: Said


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One round. kept: the change that was taken over, None when there was none; why: better, or as good and cheaper.

    word: what there is to say of the choice. error: the chance allowed for a single test of the round to keep what
    helps nothing. suggested: what might be had otherwise, such as the same verdicts without critiques for less.
    """

    number: int
    tried: tuple[Tried, ...]
    kept: str | None
    why: Why | None = None
    word: str = ""
    error: float = 0.0
    changes: tuple[Change, ...] = ()
    fixed: tuple[Flip, ...] = ()
    broken: tuple[Flip, ...] = ()
    suggested: str = ""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One refinement. versions: the judge before, and after each round that kept something.

    measure: what `agreement` is. optimism: by how much choosing on these interactions flatters the last version.
    chosen_on_before: how many of these interactions an earlier session chose the judge by, which flatters it already.
    """

    at: str
    data: str
    model: str
    items: int
    target: float
    margin: float
    measure: str
    versions: tuple[Tried, ...]
    rounds: tuple[Round, ...]
    end: End
    end_words: str
    optimism: float = 0.0
    chosen_on_before: int = 0
    calls: int = 0

    @property
    def first(self) -> Tried:
        """The judge as it was."""
        return self.versions[0]

    @property
    def last(self) -> Tried:
        """The judge as it is."""
        return self.versions[-1]

    @property
    def honest(self) -> float:
        """The last version's agreement as it would likely be on interactions that nothing was chosen by."""
        return max(0.0, self.last.agreement - self.optimism)


class History(msgspec.Struct, frozen=True, kw_only=True):
    """All sessions, the oldest first."""

    sessions: tuple[Session, ...] = ()

    def with_session(self, session: Session) -> History:
        """The history with one session more; the same over again, from kept answers, takes the place of the last."""
        before = self.sessions
        if before and msgspec.structs.replace(session, at=before[-1].at, calls=before[-1].calls) == before[-1]:
            before = before[:-1]
        return History(sessions=(*before, session))

    def as_json(self) -> bytes:
        """The text of history.json."""
        return msgspec.json.format(msgspec.json.encode(self)) + b"\n"


def family_of(name: str) -> str:
    """A judge's name without the number that refining gave it.

    >>> family_of("refunds-3"), family_of("refunds")
    ('refunds', 'refunds')
    """
    return re.sub(r"-[0-9]+$", "", name)


def read_history(folder: Path | None) -> History:
    """The history in a judge's folder; empty where there is none. Raises JudgeError when it can't be read."""
    path = folder / FILE if folder is not None and folder.is_dir() else None
    if path is None or not path.is_file():
        return History()
    try:
        return msgspec.json.decode(path.read_bytes(), type=History)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise JudgeError(
            f"{path}: is no history of a judge: {error}", hint="Move the file away; a new one is begun."
        ) from None


def versions_of(history: History) -> Sequence[tuple[Session, Tried, bool]]:
    """Each version with its session, in order, and whether it is the one that a session began with.

    A session that begins with the version at which the one before it ended is measured anew: on its own interactions.
    """
    return [
        (session, version, number == 0)
        for session in history.sessions
        for number, version in enumerate(session.versions)
    ]
