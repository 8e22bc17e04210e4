"""Other ways to put the same judgement: what plain search tries when a judge is to agree better with its expert.

Which of these helps depends on the model: writing the critique first raises some models' agreement and lowers others',
votes help small models most, examples can mislead. So they are tried, not believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from dikast.judges.definition import Judge

Kind = Literal["criterion", "level", "wording", "example", "order", "votes", "thinking", "critique"]

VOTES = (1, 3, 5)  # most of what averaging brings is there by three samples


class Variant(msgspec.Struct, frozen=True):
    """A judge that differs in one thing from another, what that is, and of which kind.

    shown: ids of the interactions that whoever thought of it had seen; on them it can't be tested. explored: whether
    these were a part of all, right and wrong, on which it was made to do well.
    """

    what: str
    judge: Judge
    kind: Kind = "wording"
    shown: frozenset[str] = frozenset()
    explored: bool = False


def variants(judge: Judge, *, thinks: bool | None = None, switch: bool | None = None) -> list[Variant]:
    """The judges that differ from this one in one setting, or by one criterion less.

    thinks: whether the model does unless it is told not to. switch: whether it can be told; None: not known.
    """
    found = [*_ways(judge), *_thinking(judge, thinks, switch), *_fewer_criteria(judge)]
    if judge.retrieve is not None:
        found.append(("without retrieved examples", "example", {"retrieve": None, "pool": ()}))
    return [Variant(what, msgspec.structs.replace(judge, **changed), kind) for what, kind, changed in found]


_Change = tuple[str, Kind, dict[str, object]]


def _ways(judge: Judge) -> Iterator[_Change]:
    """What is written first, whether anything is written, and how many answers decide."""
    if judge.template is None and not judge.fast:  # a prompt of the user's own says by itself what comes first
        other = "verdict_first" if judge.order == "critique_first" else "critique_first"
        yield other.replace("_", " "), "order", {"order": other}
    if judge.fast:
        yield "a written critique before the verdict", "critique", {"fast": False}
    elif judge.can_be_fast:
        yield "the verdict alone, from its token", "critique", {"fast": True, "votes": 1}
    for votes in _other_votes(judge.votes) if not judge.fast else ():
        yield ("one answer instead of votes" if votes == 1 else f"{votes} votes"), "votes", {"votes": votes}


def _other_votes(votes: int) -> list[int]:
    """The next number of votes up, the next down, and one."""
    more = [step for step in VOTES if step > votes][:1]
    fewer = [step for step in VOTES if step < votes]
    return sorted({*more, *fewer[-1:], *fewer[:1]})


def _thinking(judge: Judge, thinks: bool | None, switch: bool | None) -> Iterator[_Change]:
    settings = judge.settings
    if settings.thinking != "off" and thinks is not False:
        yield "without thinking", "thinking", {"settings": msgspec.structs.replace(settings, thinking="off")}
    silent = thinks is False and settings.thinking == "default"  # a model that thinks only when it is told to
    if (settings.thinking == "off" and thinks is not False) or (silent and switch):
        yield "with thinking", "thinking", {"settings": msgspec.structs.replace(settings, thinking="on")}


def _fewer_criteria(judge: Judge) -> Iterator[_Change]:
    for criterion in judge.criteria:
        changed = without_criterion(judge, criterion.name)
        if changed is not None:
            yield f"without the criterion {criterion.name}", "criterion", changed


def without_criterion(judge: Judge, name: str) -> dict[str, object] | None:
    """What changes when a criterion goes; None for the last one, which leaves nothing to look at."""
    rest = tuple(criterion for criterion in judge.criteria if criterion.name != name)
    if (
        not rest
        or len(rest) == len(judge.criteria)
        or (judge.overall == "weighted" and not any(c.weight for c in rest))
    ):
        return None
    shown = {
        field: tuple(
            msgspec.structs.replace(one, scores={key: score for key, score in one.scores.items() if key != name})
            for one in examples
        )
        for field, examples in (("examples", judge.examples), ("pool", judge.pool))
    }
    return {"criteria": rest, **shown}
