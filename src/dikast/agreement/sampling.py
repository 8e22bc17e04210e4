"""How labelled items were drawn, and which estimator of the run's mean that allows.

random          drawn at random, or all there are: correcting and prediction-powered inference both hold
not said        taken as random, and said so
stratified:KEY  at random within each value of a metadata key (or of the judge's `verdict`): weighted by the shares
                that the values have in the run, which are known; only the prediction-powered mean holds
anything else   drawn for learning (most uncertain, disagreements, like a failure): no estimator holds
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["random", "stratified", "unusable"]

_RANDOM = frozenset({"not said", "random", "all", "repeat"})
_STRATIFIED = "stratified"


@dataclass(frozen=True, slots=True)
class Sampling:
    """What the labels' `drawn` says together; `key` is what was stratified over, `why` says why nothing can be used."""

    kind: Kind
    key: str | None = None
    why: str = ""
    unfit: int = 0


def sampling_of(drawn: Mapping[str, int]) -> Sampling:
    """How labels were drawn, from each way's count ("not said" for labels that don't tell).

    >>> sampling_of({"random": 40, "stratified:topic": 20}).key
    'topic'
    >>> sampling_of({"most uncertain": 12}).kind
    'unusable'
    """
    keys = {how.partition(":")[2].strip() for how in drawn if how.partition(":")[0].strip() == _STRATIFIED}
    unfit = {how: n for how, n in drawn.items() if how not in _RANDOM and how.partition(":")[0].strip() != _STRATIFIED}
    if unfit:
        listed = ", ".join(f"{count} by {how!r}" for how, count in unfit.items())
        why = f"labels drawn for learning don't stand for the run ({listed}); label a random sample besides"
        return Sampling("unusable", why=why, unfit=sum(unfit.values()))
    if not keys:
        return Sampling("random")
    if keys == {""}:
        n = sum(drawn.values())
        why = (
            "the labels were drawn in strata, and it isn't known over what, so neither are their shares; "
            f"say so in `drawn`, as {_STRATIFIED}:KEY with a metadata key or verdict"
        )
        return Sampling("unusable", why=why, unfit=n)
    if len(keys) > 1:
        listed = ", ".join(sorted(repr(key) for key in keys))
        return Sampling("unusable", why=f"the labels were drawn in strata over several keys ({listed})", unfit=0)
    return Sampling("stratified", key=keys.pop())
