"""The run's pass rate or mean score as people would have given it, by the estimator that the sampling allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dikast.agreement.confusion import Confusion
from dikast.agreement.corrected import Refused, corrected_pass_rate, shared_inputs_of_a_run
from dikast.agreement.estimate import Estimate
from dikast.agreement.families import Span, common_scale, words
from dikast.agreement.matching import Matched
from dikast.agreement.prediction_powered import PredictionPowered, prediction_powered_mean
from dikast.agreement.sampling import Sampling, sampling_of, stratum_of
from dikast.records import Interaction, Verdict

Lookup = Callable[[str], Interaction | None]
GroupOf = Callable[[Interaction], str]
Parts = tuple[list[str], list[str]]  # of the labelled items, and of the others


def run_mean(
    matched: Matched,
    judged: Sequence[Verdict],
    confusion: Confusion | None,
    lookup: Lookup | None,
    judge_scale: Span | None,
    level: float,
    group_of: GroupOf | None = None,
    shares: Mapping[str, float] | None = None,
) -> tuple[Estimate | Refused | None, PredictionPowered | Refused | None]:
    """The corrected pass rate (None but for pass/fail), and the prediction-powered mean (None but for it and scores).

    judged: all the run's verdicts. group_of: what items must share to be taken as dependent. With labels drawn at
    random the pass rate is corrected by TPR and TNR, with the interval of double sampling; with labels drawn in strata
    by the prediction-powered mean, weighted; with labels drawn for learning both are refused. shares: of the strata in
    the source that the run's data was drawn from in strata, so that the weighted mean is the source's.
    """
    if matched.family not in ("pass_fail", "ordinal"):
        return None, None
    sampling = sampling_of(matched.drawn)
    if sampling.kind == "unusable":
        refused = Refused(sampling.why)
        return (refused if confusion is not None else None), refused
    labelled = {verdict.id for verdict in matched.verdicts}
    if matched.family == "ordinal":
        rest = [v for v in judged if v.status == "scored" and v.overall is not None and v.id not in labelled]
        strata = _strata(matched.verdicts, rest, sampling, lookup)
        groups = _groups(matched.verdicts, rest, lookup, group_of)
        return None, _score(matched, rest, strata, groups, judge_scale, level, shares)
    rest = [v for v in judged if v.status == "scored" and v.verdict in ("pass", "fail") and v.id not in labelled]
    groups = _groups(matched.verdicts, rest, lookup, group_of)
    powered = _powered(
        [float(label.verdict == "pass") for label in matched.labels],
        [float(verdict.verdict == "pass") for verdict in matched.verdicts],
        [float(verdict.verdict == "pass") for verdict in rest],
        (0.0, 1.0),
        _strata(matched.verdicts, rest, sampling, lookup),
        groups,
        level,
        shares,
    )
    if confusion is None:
        return None, powered
    if sampling.kind == "stratified":
        return (powered.figure if isinstance(powered, PredictionPowered) else powered), powered
    judge, labels = words(matched)
    shared = shared_inputs_of_a_run(judge, labels, [str(verdict.verdict) for verdict in rest], groups)
    passed = sum(verdict.verdict == "pass" for verdict in rest)
    return corrected_pass_rate(confusion, passed, len(rest), level, shared=shared), powered


def _score(
    matched: Matched,
    rest: Sequence[Verdict],
    strata: Parts | Refused | None,
    groups: Parts | None,
    judge_scale: Span | None,
    level: float,
    shares: Mapping[str, float] | None,
) -> PredictionPowered | Refused:
    scores = common_scale(matched, judge_scale)
    if scores.apart is not None:
        return Refused(scores.apart)
    others = [verdict.overall or 0.0 for verdict in rest]
    every = [*scores.judge.tolist(), *scores.labels.tolist(), *others]
    span = scores.span or (min(every), max(every))
    if min(every) < span[0] or max(every) > span[1]:
        return Refused(f"scores run from {min(every):g} to {max(every):g}, the scale from {span[0]:g} to {span[1]:g}")
    return _powered(scores.labels.tolist(), scores.judge.tolist(), others, span, strata, groups, level, shares)


def _powered(
    labels: list[float],
    judge: list[float],
    rest: list[float],
    span: Span,
    strata: Parts | Refused | None,
    groups: Parts | None,
    level: float,
    shares: Mapping[str, float] | None,
) -> PredictionPowered | Refused:
    if isinstance(strata, Refused):
        return strata
    if span[0] >= span[1]:
        return Refused("every score and every label is the same")
    return prediction_powered_mean(
        labels,
        judge,
        rest,
        lowest=span[0],
        highest=span[1],
        strata=strata,
        groups=groups,
        shares=None if strata is None else shares,
        level=level,
    )


def _groups(
    labelled: Sequence[Verdict], rest: Sequence[Verdict], lookup: Lookup | None, group_of: GroupOf | None
) -> Parts | None:
    """The group of each labelled and of each other item; None where an interaction isn't known."""
    if lookup is None or group_of is None:
        return None
    items = [lookup(verdict.id) for verdict in (*labelled, *rest)]
    groups = [group_of(item) for item in items if item is not None]
    return (groups[: len(labelled)], groups[len(labelled) :]) if len(groups) == len(items) else None


def _strata(
    labelled: Sequence[Verdict], rest: Sequence[Verdict], sampling: Sampling, lookup: Lookup | None
) -> Parts | Refused | None:
    """The stratum of each labelled and of each other item; refused where it isn't known of all."""
    if sampling.kind != "stratified" or sampling.key is None:
        return None
    key = sampling.key

    def stratum(verdict: Verdict) -> str | None:
        told = bool(verdict.metadata) and all(name.strip() in verdict.metadata for name in key.split(","))
        item = lookup(verdict.id) if lookup is not None and not told else None
        return stratum_of(key, item.metadata if item is not None else verdict.metadata or None, verdict)

    ours, theirs = [[stratum(verdict) for verdict in part] for part in (labelled, rest)]
    unknown = sum(value is None for value in (*ours, *theirs))
    if unknown:
        return Refused(
            f"the labels were drawn in strata over {key!r}, which {unknown:,} items of the run don't tell; "
            "give the interactions with --data"
        )
    return [str(value) for value in ours], [str(value) for value in theirs]
