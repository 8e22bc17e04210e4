"""Whether a judge is to be trusted, in words, from its intervals' ends and never from the point.

    trusted   the low end of what counts reaches the bar, and the judge leads the best trivial baseline
    no        the high end doesn't reach the bar; or 30 items (of each class) can't tell it from chance; or a trivial
              baseline does better
    not_yet   these labels can't tell

What counts: TPR and TNR for pass/fail (bar 0.8 each); Spearman's correlation for scores (0.7, the field's rule of thumb
for 30 items, asked here of the low end); accuracy without ties for pairs (0.75); AUC for scores against pass/fail
(0.8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import atanh, ceil, log
from typing import Literal

from dikast.agreement.confusion import Confusion
from dikast.agreement.earning import Earning
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.matching import Family
from dikast.agreement.wilson import normal_quantile

TrustLevel = Literal["trusted", "not_yet", "no"]

BARS: dict[Family, float] = {"pass_fail": 0.8, "pairwise": 0.75, "ordinal": 0.7, "ranking": 0.8}
_ENOUGH_FOR_CHANCE = 30
_FAR_OFF = 5_000
_OPENING: dict[TrustLevel, str] = {"trusted": "Trusted", "not_yet": "Not yet", "no": "Not to be trusted"}


@dataclass(frozen=True, slots=True)
class Trust:
    """The verdict on the judge: the level, one sentence that says why, and what would settle it."""

    level: TrustLevel
    sentence: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Finding:
    """One thing that speaks for (trusted), against (no), or for waiting (not_yet), and what would settle it."""

    level: TrustLevel
    says: str
    need: str | None = None


def trust(
    family: Family,
    figures: Mapping[str, Figure],
    earning: Earning | None,
    *,
    confusion: Confusion | None = None,
    bar: float | None = None,
) -> Trust:
    """How far the judge is to be trusted. confusion: for pass/fail. bar: in place of the family's own."""
    bar = BARS[family] if bar is None else bar
    if family == "pass_fail":
        findings = _pass_fail(figures, confusion or Confusion(0, 0, 0, 0), bar)
    elif family == "pairwise":
        findings = [
            _rate("outputs that people prefer", "pairs", figures["accuracy_without_ties"], bar, "picks"),
            *_chance(figures["accuracy_without_ties"], 0.5, "accuracy"),
        ]
    elif family == "ordinal":
        findings = [
            _correlation(figures["spearman"], bar),
            *_chance(figures["spearman"], 0.0, "Spearman's correlation"),
        ]
    else:
        findings = [_area(figures["auc"], bar), *_chance(figures["auc"], 0.5, "AUC")]
    lead = _lead(earning)
    findings.extend(lead)
    order: tuple[TrustLevel, ...] = ("no", "not_yet", "trusted")
    level = next(level for level in order if any(finding.level == level for finding in findings))
    behind = {finding.says for finding in lead if finding.level != "trusted"}  # said whatever the level
    reasons = [finding.says for finding in findings if finding.level == level or finding.says in behind]
    needs = tuple(dict.fromkeys(f.need for f in findings if f.need is not None and (level != "no" or f.level == "no")))
    return Trust(level, f"{_OPENING[level]}: {'; '.join(reasons)}.", needs)


def _pass_fail(figures: Mapping[str, Figure], confusion: Confusion, bar: float) -> list[_Finding]:
    rarer = min(confusion.tp + confusion.fn, confusion.fp + confusion.tn)
    found = [
        _rate("good items", "passes", figures["tpr"], bar, "passes"),
        _rate("bad items", "fails", figures["tnr"], bar, "fails"),
    ]
    return found + _chance(figures["balanced_accuracy"], 0.5, "balanced accuracy", rarer)


def _rate(of: str, labelled: str, figure: Figure, bar: float, does: str) -> _Finding:
    """What a share of right verdicts says against the bar."""
    if isinstance(figure, Undefined):
        fewest, likely = _items_to_reach(1.0, bar), _items_to_reach((1 + bar) / 2, bar)
        need = f"{fewest} {labelled} labelled if the judge gets all of them right; {likely} if {50 + 50 * bar:.0f} %"
        return _Finding("not_yet", figure.reason, need)
    said = f"it {does} {_percent(figure)} of the {of}"
    if figure.low >= bar:
        return _Finding("trusted", said)
    if figure.high < bar:
        return _Finding("no", f"{said}, under the {100 * bar:.0f} % asked for")
    more = _items_to_reach(figure.value, bar) - figure.n
    if more > _FAR_OFF:
        at = f"{100 * figure.value:.1f} % is too close to {100 * bar:.0f} %"
        need = f"more than {_FAR_OFF:,} more {labelled} labelled: {at}"
    else:
        side = "to show it reaches" if figure.value > bar else "to show it stays under"
        need = f"{max(1, more)} more {labelled} labelled, {side} {100 * bar:.0f} % if it goes on as so far"
    return _Finding("not_yet", f"{said}, and {100 * bar:.0f} % is asked of the low end", need)


def _items_to_reach(p: float, bar: float, level: float = 0.95) -> int:
    """How many items put an end of Wilson's interval on the bar at a share of p: n = z²·bar(1−bar)/(p−bar)²."""
    if abs(p - bar) < 1e-9:
        return 10**9
    return ceil(normal_quantile(level) ** 2 * bar * (1 - bar) / (p - bar) ** 2)


def _correlation(figure: Figure, bar: float) -> _Finding:
    if isinstance(figure, Undefined):
        return _Finding("not_yet", figure.reason, "labels and verdicts that differ from item to item")
    said = f"Spearman's correlation with people is {_plain(figure)}"
    return _smooth(figure, bar, said, _fisher)


def _area(figure: Figure, bar: float) -> _Finding:
    if isinstance(figure, Undefined):
        return _Finding("not_yet", figure.reason, f"labels of both kinds: {figure.reason}")
    said = f"a passed item scores above a failed one in {_percent(figure)}"
    return _smooth(figure, bar, said, _logit)


def _smooth(figure: Estimate, bar: float, said: str, scale: Callable[[float], float]) -> _Finding:
    """What a correlation or an area says against the bar; how many items more is reckoned on its normal scale."""
    if figure.low >= bar:
        return _Finding("trusted", said)
    if figure.high < bar:
        return _Finding("no", f"{said}, under the {bar:g} asked for")
    gap = abs(scale(figure.value) - scale(bar))
    reach = (scale(figure.high) - scale(figure.low)) / 2
    needed = figure.n * (reach / gap) ** 2 if gap > 1e-9 else float("inf")
    if needed - figure.n > _FAR_OFF:
        need = (
            f"more than {_FAR_OFF:,} more items labelled: at {figure.value:.2f} it is too close to the bar of {bar:g}"
        )
    else:
        side = "to show it reaches" if figure.value > bar else "to show it stays under"
        need = f"{max(1, ceil(needed) - figure.n)} more items labelled, {side} {bar:g} if it goes on as so far"
    return _Finding("not_yet", f"{said}, and {bar:g} is asked of the low end", need)


def _chance(figure: Figure, chance: float, name: str, rarer: int | None = None) -> list[_Finding]:
    """Against the judge, or for waiting, when the interval holds what chance gives."""
    if isinstance(figure, Undefined) or figure.low > chance:
        return []
    said = f"its {name} of {_plain(figure)} can't be told from chance ({chance:g})"
    if figure.high < chance:
        return [_Finding("no", f"its {name} of {_plain(figure)} is worse than chance ({chance:g})")]
    n = figure.n if rarer is None else rarer
    if n >= _ENOUGH_FOR_CHANCE:
        return [_Finding("no", said)]
    unit = "items" if rarer is None else "items of the rarer label"
    return [_Finding("not_yet", said, f"{_ENOUGH_FOR_CHANCE - n} more {unit}, to tell it from chance")]


def _lead(earning: Earning | None) -> list[_Finding]:
    """What the best trivial baseline says of the judge."""
    if earning is None:
        return [_Finding("trusted", "trivial baselines were not tried, as the texts are not known")]
    best = earning.best
    if best is None:
        return [_Finding("trusted", f"trivial baselines were not tried ({earning.refused})")] if earning.refused else []
    lead = best.lead
    if isinstance(lead, Undefined):
        return [_Finding("not_yet", f"it can't be compared with a trivial baseline: {lead.reason}")]
    against = f"{best.name} ({best.meaning})"
    if lead.low > 0:
        return [_Finding("trusted", f"it leads the best trivial baseline, {against}, by {_plain(lead)}")]
    if lead.high <= 0:
        return [_Finding("no", f"a trivial baseline does better: {against}, by {_plain(_turned(lead))}")]
    said = f"it adds nothing that shows over a trivial baseline, {against}: its lead is {_plain(lead)}"
    if lead.value <= 0:
        return [_Finding("not_yet", said, "a better judge: so far the trivial baseline is as good or better")]
    needed = ceil(lead.n * ((lead.high - lead.low) / 2 / lead.value) ** 2)
    more = f"{max(1, needed - lead.n):,} more" if needed - lead.n <= _FAR_OFF else f"more than {_FAR_OFF:,} more"
    return [_Finding("not_yet", said, f"{more} items labelled, to show a lead of {lead.value:.2f} over {best.name}")]


def _turned(figure: Estimate) -> Estimate:
    return Estimate(-figure.value, -figure.high, -figure.low, figure.n, figure.method, figure.level)


def _percent(figure: Estimate) -> str:
    low, high = 100 * figure.low, 100 * figure.high
    return f"{100 * figure.value:.0f} % ({100 * figure.level:.0f} % interval {low:.0f} to {high:.0f}, n = {figure.n})"


def _plain(figure: Estimate) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"


def _fisher(value: float) -> float:
    return atanh(min(0.999999, max(-0.999999, value)))


def _logit(value: float) -> float:
    inside = min(0.999999, max(0.000001, value))
    return log(inside / (1 - inside))
