"""How labelled items were drawn, and which estimator of the run's mean that allows.

random          drawn at random, or all there are: correcting and prediction-powered inference both hold
not said        taken as random, and said so
stratified:KEY  at random within each value of a metadata key, of the judge's `verdict` or `score`, or of several with
                commas between: weighted by the shares that the values have in the run, which are known; only the
                prediction-powered mean holds
anything else   drawn for learning (most uncertain, disagreements, like a failure): no estimator holds
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dikast.records import Json, Verdict, value_text

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
            f"say so in `drawn`, as {_STRATIFIED}:KEY with a metadata key, verdict or score"
        )
        return Sampling("unusable", why=why, unfit=n)
    if len(keys) > 1:
        listed = ", ".join(sorted(repr(key) for key in keys))
        return Sampling("unusable", why=f"the labels were drawn in strata over several keys ({listed})", unfit=0)
    return Sampling("stratified", key=keys.pop())


def stratum_of(key: str, metadata: Mapping[str, Json] | None, verdict: Verdict | None) -> str | None:
    """The stratum of an item. key: a metadata key, `verdict` or `score` (the judge's; a score is the whole number that
    it rounds to), or several with commas between. None where what it takes isn't known; "" for a missing value.

    >>> stratum_of("topic,lang", {"topic": "refunds", "lang": "en"}, None)
    'refunds / en'
    """
    parts = [_part(name.strip(), metadata, verdict) for name in key.split(",")]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return " / ".join(known) if any(known) else ""


def _part(name: str, metadata: Mapping[str, Json] | None, verdict: Verdict | None) -> str | None:
    if name == "verdict":
        return None if verdict is None else verdict.verdict or ""
    if name == "score":
        overall = None if verdict is None else verdict.overall
        return None if verdict is None else "" if overall is None else f"{overall:.0f}"
    return None if metadata is None else value_text(metadata.get(name))
