"""What an item's labels say together, and whose word that is: one rule for all that learns or measures by labels.

    principal   the principal expert's own label, where there is one
    settled     labels that name nobody: they were settled on already, by adjudication or before they came here
    alone       one person labelled it
    unanimous   all say the same
    majority    most say so
    mean        scores that differ: their mean
    split       as many say one thing as another: nothing is settled
    nobody      there is nothing to settle

The first that applies binds. A second look is no other person's word, and a user's feedback never stands beside an
expert's label. Of one person's labels the last counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from dikast.records import Label, Outcome

Rule = Literal["principal", "settled", "alone", "unanimous", "majority", "mean", "split", "nobody"]
_BY_USERS = "user"


@dataclass(frozen=True, slots=True)
class Settled:
    """What an item's labels say together: a verdict, a score, or both; and what each person said.

    rule: which one bound. disputed: whether people differ, whoever's word binds. label: the one whose critique goes
    with what was settled; None where nothing was. tied: the verdicts are a draw.
    """

    verdict: Outcome | None
    score: float | None
    scale: tuple[float, float] | None
    raters: tuple[Label, ...]
    drawn: str | None = None
    tied: bool = False
    rule: Rule = "nobody"
    disputed: bool = False
    label: Label | None = None


def settle(labels: Iterable[Label], principal: str | None = None) -> Settled:
    """What an item's labels say together. principal: the person whose word binds before all others.

    Several people's verdicts are settled by their majority, scores by their mean. Labels that name nobody may be
    several people's, so they vote among themselves.

    >>> settle([Label(id="1", verdict="pass", annotator=name) for name in "ab"]).verdict
    'pass'
    >>> settle([Label(id="1", verdict=said, annotator=said) for said in ("pass", "fail")], "fail").verdict
    'fail'
    """
    given = _counting(labels)
    people = tuple(label for label in given if label.annotator is not None)
    unnamed = tuple(label for label in given if label.annotator is None)
    own = tuple(label for label in people if label.annotator == principal)
    binding = own or unnamed or people
    votes = Counter(label.verdict for label in binding if label.verdict is not None).most_common()
    tied = len(votes) > 1 and votes[0][1] == votes[1][1]
    verdict = None if tied or not votes else votes[0][0]
    scores = [label.score for label in binding if label.score is not None]
    score = sum(scores) / len(scores) if scores else None
    rule = _rule(own, unnamed, binding, tied)
    return Settled(
        verdict=verdict,
        score=score,
        scale=next((label.scale for label in binding if label.scale is not None), None),
        raters=people or binding,
        drawn=next((label.drawn for label in given if label.drawn is not None), None),
        tied=tied,
        rule=rule,
        disputed=differ(people or unnamed),
        label=_spokesman(binding, verdict, score) if rule not in ("split", "nobody") else None,
    )


def differ(labels: Sequence[Label]) -> bool:
    """Whether these labels give different verdicts or scores."""
    verdicts = {label.verdict for label in labels if label.verdict is not None}
    return len(verdicts) > 1 or len({label.score for label in labels if label.score is not None}) > 1


def bound(labels: Iterable[Label], principal: str | None) -> list[Label]:
    """The labels without those that the principal overrules: on each item and criterion of theirs, only their own."""
    given = list(labels)
    theirs = {(one.id, one.criterion) for one in given if principal is not None and one.annotator == principal}
    return [one for one in given if one.annotator == principal or (one.id, one.criterion) not in theirs]


def _counting(labels: Iterable[Label]) -> tuple[Label, ...]:
    """The labels that have a say, in the order given: of each person the last one."""
    saying = [one for one in labels if (one.verdict is not None or one.score is not None) and not one.is_second_look]
    experts = [one for one in saying if one.origin != _BY_USERS] or saying
    last: dict[str | int, Label] = {}
    for number, label in enumerate(experts):
        last[number if label.annotator is None else label.annotator] = label
    return tuple(last.values())


def _rule(own: Sequence[Label], unnamed: Sequence[Label], binding: Sequence[Label], tied: bool) -> Rule:
    if not binding:
        return "nobody"
    if own:
        return "principal"
    if tied:
        return "split"
    if unnamed:
        return "settled"
    if len(binding) == 1:
        return "alone"
    if not differ(binding):
        return "unanimous"
    return "majority" if len({label.verdict for label in binding if label.verdict is not None}) > 1 else "mean"


def _spokesman(binding: Sequence[Label], verdict: Outcome | None, score: float | None) -> Label:
    """Of those that say what was settled, or come nearest to it, the one with most to say for it."""

    def distance(label: Label) -> float:
        if verdict is not None:
            return float(label.verdict != verdict)
        return abs((label.score or 0.0) - (score or 0.0))

    return min(binding, key=lambda label: (distance(label), -len(label.critique or "")))
