"""All bars on one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dikast.agreement.matching import Matched, match
from dikast.agreement.sampling import sampling_of
from dikast.errors import DataError, InputError
from dikast.gating.bars import Asked, Bar, Check, Gate
from dikast.gating.slicing import Judged, Lookup, on_one
from dikast.gating.weighing import weigh
from dikast.records import Label, Verdict

_LEAST_OF_EACH = 5


def gate(
    judged: Iterable[Verdict],
    labels: Sequence[Label],
    lookup: Lookup,
    asked: Asked,
    *,
    unlabelled: str = "",
    unfinished: str = "",
) -> Gate:
    """A run's verdicts against bars, corrected by people's labels; without any, only what needs none can be told.

    lookup: the interaction of an id, or None. unlabelled: why there are no labels, where that is known. unfinished: why
    the run isn't all there, so that nothing can be told.
    With `by` or bars on parts, the parts' intervals hold all at once (Bonferroni over the parts). Raises InputError
    for bars or a metadata key that mean nothing here, DataError when labels are given and none can be compared.
    """
    if not asked.bars:
        raise InputError("nothing is asked of the run", hint="Give a bar, such as --min-pass 0.85.")
    verdicts = list(judged)
    if not verdicts:
        raise DataError("the run has no verdicts, so there is nothing to put to a bar")
    if asked.criterion:
        verdicts = on_one(asked.criterion, verdicts)
    matched = match(verdicts, labels, criterion=asked.criterion, principal=asked.principal) if labels else None
    whole = Judged(verdicts, matched, lookup)
    _check_kinds(asked.bars, whole)
    bars = _spread(asked, whole)
    parts = {(bar.key, bar.value): whole.part(bar.key, bar.value or "") for bar in bars if bar.key is not None}
    checks = []
    for bar in bars:
        part = whole if bar.key is None else parts[bar.key, bar.value]
        level = asked.level if bar.key is None else 1 - (1 - asked.level) / len(parts)
        checks.append(weigh(bar, part, asked, level, unlabelled=unlabelled, unfinished=unfinished))
    unjudged = Counter(why for verdict in verdicts if (why := whole.why_unjudged(verdict)) is not None)
    return Gate(
        checks=tuple(checks),
        items=len(verdicts),
        labelled=0 if matched is None else len(matched.verdicts),
        unjudged=dict(unjudged.most_common()),
        left_out={} if matched is None else dict(matched.left_out),
        notes=tuple(_notes(asked, checks, matched, len(parts), sum(unjudged.values()))),
    )


def _check_kinds(bars: Sequence[Bar], whole: Judged) -> None:
    """Raise InputError for a bar of another kind than the judge's: with --unsure pass it would pass for ever."""
    if all(verdict.status != "scored" for verdict in whole.verdicts):
        return
    kinds = {bar.what for bar in bars}
    if whole.are_scores and kinds & {"pass_rate", "tpr", "tnr"}:
        raise InputError(
            "the judge gives scores, and --min-pass, --min-tpr and --min-tnr are of pass/fail verdicts",
            hint="Ask for --min-mean, or give the judge's scale a pass_from: the score from which on it is a pass.",
        )
    if "mean" in kinds and not whole.are_scores:
        raise InputError("the judge gives no scores, so --min-mean has nothing to weigh", hint="Ask for --min-pass.")
    if kinds != {"scored"} and not whole.scored:
        raise InputError(
            "no verdict here is of pass or fail: the judge says which of two is better, which no bar is for",
            hint="Compare two systems with `dikast compare`.",
        )


def _spread(asked: Asked, whole: Judged) -> list[Bar]:
    """The bars, and those on the whole run's pass rate or mean again for every value of `by` that has none itself."""
    if asked.by is None:
        return list(asked.bars)
    everywhere = [bar for bar in asked.bars if bar.key is None and bar.what in ("pass_rate", "mean")]
    if not everywhere:
        raise InputError(f"--by {asked.by} puts each value to a bar, and none is given", hint="Add --min-pass 0.85.")
    named = {(bar.what, bar.value) for bar in asked.bars if bar.key == asked.by}
    each = [replace(bar, key=asked.by, value=value) for bar in everywhere for value in whole.values(asked.by)]
    return [*asked.bars, *(bar for bar in each if (bar.what, bar.value) not in named)]


def _notes(asked: Asked, checks: Sequence[Check], matched: Matched | None, parts: int, unjudged: int) -> Iterator[str]:
    """What a reader must know."""
    if asked.uncorrected and any(bar.what == "pass_rate" for bar in asked.bars):
        yield "the pass rate is the judge's own: its errors are not corrected, so the truth may lie on either side"
    if unjudged:
        yield f"{unjudged:,} items have no verdict; each counts as a fail at the low end and as a pass at the high end"
    if parts > 1:
        each = 100 * (1 - (1 - asked.level) / parts)
        yield (
            f"the intervals of the {parts} parts hold all at once with {100 * asked.level:g} % "
            f"(Bonferroni: each {each:.4g} %), each from its own labels"
        )
    if matched is None:
        return
    for of, count in Counter(label.verdict for label in matched.labels).items():
        if of in ("pass", "fail") and count < _LEAST_OF_EACH and not asked.uncorrected:
            yield f"only {count} of the labels say {of}: the judge's errors on those are hardly known"
    if any(bar.what in ("tpr", "tnr") for bar in asked.bars) and sampling_of(matched.drawn).kind == "stratified":
        yield "the labels were drawn in strata: TPR and TNR stand for the labelled items"
