"""How far a person agrees with themselves when they look again: the ceiling of any judge that is held to their word."""

from __future__ import annotations

from collections.abc import Iterable

from dikast.agreement.cohen_kappa import cohen_kappa
from dikast.agreement.estimate import Figure
from dikast.agreement.proportion import share
from dikast.agreement.spearman import spearman
from dikast.records import SECOND_LOOK, Label


def both_looks(labels: Iterable[Label]) -> list[tuple[Label, Label]]:
    """First and second look of the same person at the same interaction, the latest of each."""
    looks: dict[bool, dict[tuple[str, str, str | None], Label]] = {False: {}, True: {}}
    for label in labels:
        if label.annotator is not None:
            person = label.annotator.removesuffix(SECOND_LOOK)
            looks[label.is_second_look][label.id, person, label.criterion] = label
    return [(looks[False][key], second) for key, second in looks[True].items() if key in looks[False]]


def self_agreement(labels: Iterable[Label], level: float = 0.95) -> dict[str, Figure]:
    """A person's agreement with themselves on what they labelled twice; empty when nothing was.

    The share of items on which both looks say the same; for verdicts Cohen's kappa besides, for scores Spearman's
    correlation. Several people's pairs are put together.

    >>> first = Label(id="1", verdict="pass", annotator="ada")
    >>> self_agreement([first, Label(id="1", verdict="pass", annotator="ada (again)")])["self_agree"].value
    1.0
    """
    pairs = both_looks(labels)
    said = [(one.verdict, two.verdict) for one, two in pairs if one.verdict is not None and two.verdict is not None]
    if said:
        first, second = zip(*said, strict=True)
        same = [one == two for one, two in said]
        return {"self_agree": share(same, level=level), "self_kappa": cohen_kappa(first, second, level=level)}
    scored = [(one.score, two.score) for one, two in pairs if one.score is not None and two.score is not None]
    if not scored:
        return {}
    return {
        "self_agree": share([one == two for one, two in scored], level=level),
        "self_spearman": spearman([one for one, _ in scored], [two for _, two in scored], level=level),
    }
