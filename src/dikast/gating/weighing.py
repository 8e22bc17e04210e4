"""One figure of a run, or of a part of it, against one bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dikast.agreement.clusters import cluster_codes, design_effect
from dikast.agreement.confusion import cells
from dikast.agreement.corrected import Refused, shared_inputs_of_a_run
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.families import words
from dikast.agreement.figures import group_of
from dikast.agreement.gate import (
    Sampled,
    answer,
    bounded,
    items_would_tell,
    labels_would_tell,
    scale_would_tell,
    what_would_not,
    what_would_tell,
)
from dikast.agreement.matching import Matched
from dikast.agreement.proportion import share
from dikast.agreement.rates import tnr, tpr
from dikast.agreement.run_mean import run_mean
from dikast.agreement.sampling import sampling_of
from dikast.gating.bars import Asked, Bar, Check
from dikast.gating.slicing import Judged

Needs = tuple[str, ...]

_NO_LABELS = Undefined(
    "there are no labels, so the judge's errors are unknown and nothing can be corrected by them; "
    "label a random sample with `dikast review`, or take the judge at its word with --uncorrected",
    0,
)


@dataclass(frozen=True, slots=True)
class _Found:
    """A figure, the least and the most that an item without a verdict may add to it, what would settle it, what not."""

    figure: Figure
    span: tuple[float, float] | None = None
    needs: Callable[[], Needs] = tuple
    limit: Callable[[], str] = str


def weigh(bar: Bar, judged: Judged, asked: Asked, level: float, *, unlabelled: str = "", unfinished: str = "") -> Check:
    """One bar on a run or a part of it, with intervals of this level.

    unlabelled: why there are no labels, where that is known; unfinished: why nothing can be told yet.
    """
    found = _WEIGHED[bar.what](bar, judged, asked, level)
    if found.figure == _NO_LABELS and unlabelled:
        found = _none(unlabelled)
    n = len(judged.scored)
    unjudged, figure = len(judged.verdicts) - n, found.figure
    if not isinstance(figure, Estimate):
        return Check(bar, "cant_tell", figure, None, None, n, unjudged, why=figure.reason)
    low, high = figure.low, figure.high
    if found.span is not None:
        low, high = bounded(low, high, n, unjudged, found.span)
    said = answer(low, high, bar.at_least)
    if unfinished:
        return Check(bar, "cant_tell", figure, low, high, n, unjudged, why=unfinished)
    why, needs = "", tuple[str, ...]()
    if said == "cant_tell":
        why, needs = "; ".join(filter(None, (_why(figure, bar.at_least, unjudged), found.limit()))), found.needs()
    return Check(bar, said, figure, low, high, n, unjudged, why, needs)


def _why(figure: Estimate, bar: float, unjudged: int) -> str:
    if unjudged and answer(figure.low, figure.high, bar) != "cant_tell":
        return "what has no verdict may lie on either side of the bar"
    return "the bar lies within the interval"


def _pass_rate(bar: Bar, judged: Judged, asked: Asked, level: float) -> _Found:
    matched = judged.matched
    if judged.are_scores or not judged.scored:
        return _none("no item here has a verdict of pass or fail")
    if asked.uncorrected:
        return _uncorrected(bar, judged, level)
    if matched is None:
        return _Found(_NO_LABELS)
    if not matched.verdicts:
        return _none("no item here has both a verdict and a label; label some, drawn at random")
    if matched.family != "pass_fail":
        return _none("the labels that can be compared hold no pass or fail")
    if sampling_of(matched.drawn).kind == "random":
        run = sampled(judged, matched, level)
        unjudged = len(judged.verdicts) - run.total
        return _Found(
            _figure(run.figure()),
            (0.0, 1.0),
            needs=lambda: what_would_tell(run, bar.at_least, unjudged),
            limit=lambda: what_would_not(run, bar.at_least),
        )
    table = cells(*words(matched)).confusion
    corrected, _ = run_mean(matched, judged.verdicts, table, judged.lookup, None, level, group_of, asked.shares)
    return _by_scale(corrected, bar, (0.0, 1.0))


def sampled(judged: Judged, matched: Matched, level: float) -> Sampled:
    """What the corrected pass rate of a run is made of whose labels were drawn at random."""
    judge, labels = words(matched)
    said = [str(verdict.verdict) for verdict in judged.rest]
    ours, theirs = judged.groups(matched.verdicts), judged.groups(judged.rest)
    groups = None if ours is None or theirs is None else (ours, theirs)
    shared = shared_inputs_of_a_run(judge, labels, said, groups)
    return Sampled(cells(judge, labels).confusion, said.count("pass"), len(said), shared, level)


def _uncorrected(bar: Bar, judged: Judged, level: float) -> _Found:
    passed = [verdict.verdict == "pass" for verdict in judged.scored]
    groups, n = judged.groups(judged.scored), len(passed)
    count = sum(passed)
    deff = design_effect(np.array(passed, dtype=np.float64) - count / n, cluster_codes(groups, n))
    unjudged = len(judged.verdicts) - n
    figure = share(passed, groups=groups, level=level)
    return _Found(
        figure, (0.0, 1.0), lambda: items_would_tell(count, n, bar.at_least, unjudged, level=level, shared=deff)
    )


def _mean(bar: Bar, judged: Judged, asked: Asked, level: float) -> _Found:
    matched, span = judged.matched, asked.judge_scale
    if not judged.are_scores:
        return _none("no item here has a score")
    if matched is None:
        return _Found(_NO_LABELS)
    if not matched.verdicts or matched.family != "ordinal":
        return _none("no item here has both a score of the judge's and one of a person's")
    if span is None and len(judged.scored) < len(judged.verdicts):
        return _none("some items have no score, and the ends of the scale aren't known to bound them by")
    _, powered = run_mean(matched, judged.verdicts, None, judged.lookup, span, level, group_of, asked.shares)
    return _by_scale(powered if powered is None or isinstance(powered, Refused) else powered.figure, bar, span)


def _tpr(bar: Bar, judged: Judged, asked: Asked, level: float) -> _Found:
    return _rate(bar, judged, level, is_tpr=True)


def _tnr(bar: Bar, judged: Judged, asked: Asked, level: float) -> _Found:
    return _rate(bar, judged, level, is_tpr=False)


def _rate(bar: Bar, judged: Judged, level: float, *, is_tpr: bool) -> _Found:
    matched = judged.matched
    if matched is None:
        return _Found(_NO_LABELS)
    if matched.family != "pass_fail" or not matched.verdicts:
        return _none("no item here has both a pass/fail verdict and such a label")
    sampling = sampling_of(matched.drawn)
    if sampling.kind == "unusable":
        return _none(sampling.why)
    judge, labels = words(matched)
    figure = (tpr if is_tpr else tnr)(judge, labels, groups=judged.groups(matched.verdicts), level=level)
    of = "pass" if is_tpr else "fail"
    return _Found(figure, None, lambda: labels_would_tell(figure, labels.count(of), of, bar.at_least))


def _scored(bar: Bar, judged: Judged, asked: Asked, level: float) -> _Found:
    value = len(judged.scored) / len(judged.verdicts)
    return _Found(Estimate(value, value, value, len(judged.verdicts), "counted", level))


def _by_scale(found: Estimate | Refused | None, bar: Bar, span: tuple[float, float] | None) -> _Found:
    figure = _figure(found)
    return _Found(figure, span, lambda: scale_would_tell(figure, bar.at_least))


def _figure(found: Estimate | Refused | None) -> Figure:
    return found if isinstance(found, Estimate) else Undefined(found.why if found else "there is no such figure", 0)


def _none(why: str) -> _Found:
    return _Found(Undefined(why, 0))


_WEIGHED: dict[str, Callable[[Bar, Judged, Asked, float], _Found]] = {
    "pass_rate": _pass_rate,
    "mean": _mean,
    "tpr": _tpr,
    "tnr": _tnr,
    "scored": _scored,
}
