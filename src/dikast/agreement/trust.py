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
from dikast.agreement.said import ENGLISH, Said
from dikast.agreement.wilson import normal_quantile

TrustLevel = Literal["trusted", "not_yet", "no"]

BARS: dict[Family, float] = {"pass_fail": 0.8, "pairwise": 0.75, "ordinal": 0.7, "ranking": 0.8}
_ENOUGH_FOR_CHANCE = 30
_FAR_OFF = 5_000
_FEWEST_TO_CORRELATE = 3
_PERFECT = 1 - 1e-6

_Values = dict[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Trust:
    """The verdict on the judge: the level, what speaks for it, and what would settle it; as codes and in English."""

    level: TrustLevel
    reasons: tuple[Said, ...]
    wanted: tuple[Said, ...] = ()

    @property
    def sentence(self) -> str:
        """Level and reasons, in one English sentence."""
        return ENGLISH[self.level].format(reasons="; ".join(reason.english for reason in self.reasons))

    @property
    def needs(self) -> tuple[str, ...]:
        """What would settle it, in English."""
        return tuple(dict.fromkeys(one.english for one in self.wanted))


OF_USERS = Trust(
    "not_yet",
    (
        Said(
            "undefined",
            {"reason": "compared with what the system's users said, which is no expert's word: it says how far the "
             "judge foretells what users say"},
        ),
    ),
    (Said("undefined", {"reason": "labels of an expert"}),),
)  # fmt: skip
"""What users said settles no trust, however well the judge agrees with it."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """One thing that speaks for (trusted), against (no), or for waiting (not_yet), and what would settle it."""

    level: TrustLevel
    says: Said
    need: Said | None = None


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
    behind = [finding for finding in lead if finding.level != "trusted"]  # said whatever the level
    reasons = tuple(finding.says for finding in findings if finding.level == level or finding in behind)
    wanted = tuple(f.need for f in findings if f.need is not None and (level != "no" or f.level == "no"))
    return Trust(level, reasons, wanted)


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
        first: _Values = {"fewest": fewest, "labelled": labelled, "likely": likely, "share": 50 + 50 * bar}
        return _Finding("not_yet", Said("undefined", {"reason": figure.reason}), Said("need_first", first))
    said: _Values = {**_percent(figure), "of": of, "does": does, "bar": 100 * bar}
    if figure.low >= bar:
        return _Finding("trusted", Said("rate", said))
    if figure.high < bar:
        return _Finding("no", Said("rate_under", said))
    more = _items_to_reach(figure.value, bar) - figure.n
    asks: _Values = {"labelled": labelled, "bar": 100 * bar}
    if more > _FAR_OFF:
        need = Said("need_rate_far", asks | {"most": _FAR_OFF, "value": 100 * figure.value})
    else:
        code = "need_rate_reaches" if figure.value > bar else "need_rate_under"
        need = Said(code, asks | {"more": max(1, more)})
    return _Finding("not_yet", Said("rate_short", said), need)


def _items_to_reach(p: float, bar: float, level: float = 0.95) -> int:
    """How many items put an end of Wilson's interval on the bar at a share of p: n = z²·bar(1−bar)/(p−bar)²."""
    if abs(p - bar) < 1e-9:
        return 10**9
    return ceil(normal_quantile(level) ** 2 * bar * (1 - bar) / (p - bar) ** 2)


def _correlation(figure: Figure, bar: float) -> _Finding:
    if isinstance(figure, Undefined):
        few = figure.n < _FEWEST_TO_CORRELATE
        need = Said("need_items", {"more": _FEWEST_TO_CORRELATE - figure.n}) if few else Said("need_varied")
        return _Finding("not_yet", Said("undefined", {"reason": figure.reason}), need)
    perfect = ceil(log((1 - figure.level) / 2) / log((1 + bar) / 2))  # `jackknife.edge_interval`, solved for n
    return _smooth(figure, bar, "correlation", _plain(figure), _fisher, perfect)


def _area(figure: Figure, bar: float) -> _Finding:
    if isinstance(figure, Undefined):
        reason: _Values = {"reason": figure.reason}
        return _Finding("not_yet", Said("undefined", reason), Said("need_both_kinds", reason))
    return _smooth(figure, bar, "area", _percent(figure), _logit, 2 * _items_to_reach(1.0, bar))


def _smooth(
    figure: Estimate, bar: float, code: str, values: _Values, scale: Callable[[float], float], perfect: int
) -> _Finding:
    """What a correlation or an area says against the bar; how many items more is reckoned on its normal scale.

    perfect: how many items it takes when the value is 1, where that scale has no end.
    """
    said = values | {"bar": bar}
    if figure.low >= bar:
        return _Finding("trusted", Said(code, said))
    if figure.high < bar:
        return _Finding("no", Said(f"{code}_under", said))
    gap = abs(scale(figure.value) - scale(bar))
    reach = (scale(figure.high) - scale(figure.low)) / 2
    needed = figure.n * (reach / gap) ** 2 if gap > 1e-9 else float("inf")
    if figure.value >= _PERFECT:
        needed = perfect
    if needed - figure.n > _FAR_OFF:
        need = Said("need_far", {"most": _FAR_OFF, "value": figure.value, "bar": bar})
    else:
        more = max(1, ceil(needed) - figure.n)
        need = Said("need_reaches" if figure.value > bar else "need_under", {"more": more, "bar": bar})
    return _Finding("not_yet", Said(f"{code}_short", said), need)


def _chance(figure: Figure, chance: float, name: str, rarer: int | None = None) -> list[_Finding]:
    """Against the judge, or for waiting, when the interval holds what chance gives."""
    if isinstance(figure, Undefined) or figure.low > chance:
        return []
    values: _Values = {**_plain(figure), "figure": name, "chance": chance}
    if figure.high < chance:
        return [_Finding("no", Said("worse_than_chance", values))]
    said = Said("chance", values)
    n = figure.n if rarer is None else rarer
    if n >= _ENOUGH_FOR_CHANCE:
        return [_Finding("no", said)]
    unit = "items" if rarer is None else "items of the rarer label"
    return [_Finding("not_yet", said, Said("need_chance", {"more": _ENOUGH_FOR_CHANCE - n, "unit": unit}))]


def _lead(earning: Earning | None) -> list[_Finding]:
    """What the best trivial baseline says of the judge."""
    if earning is None:
        return [_Finding("trusted", Said("no_baselines"))]
    best = earning.best
    if best is None:
        refused = earning.refused
        return [_Finding("trusted", Said("no_baselines_why", {"reason": refused}))] if refused else []
    lead = best.lead
    if isinstance(lead, Undefined):
        return [_Finding("not_yet", Said("no_lead", {"reason": lead.reason}))]
    against: _Values = {"name": best.name, "meaning": best.meaning}
    if lead.low > 0:
        return [_Finding("trusted", Said("leads", against | _plain(lead)))]
    if lead.high <= 0:
        return [_Finding("no", Said("behind", against | _plain(_turned(lead))))]
    said = Said("adds_nothing", against | _plain(lead))
    if lead.value <= 0:
        return [_Finding("not_yet", said, Said("need_better"))]
    more = ceil(lead.n * ((lead.high - lead.low) / 2 / lead.value) ** 2) - lead.n
    over: _Values = {"lead": lead.value, "name": best.name}
    if more > _FAR_OFF:
        return [_Finding("not_yet", said, Said("need_lead_far", over | {"most": _FAR_OFF}))]
    return [_Finding("not_yet", said, Said("need_lead", over | {"more": max(1, more)}))]


def _turned(figure: Estimate) -> Estimate:
    return Estimate(-figure.value, -figure.high, -figure.low, figure.n, figure.method, figure.level)


def _percent(figure: Estimate) -> _Values:
    shares = {"value": figure.value, "low": figure.low, "high": figure.high, "level": figure.level}
    percents: _Values = {name: 100 * share for name, share in shares.items()}
    return percents | {"n": figure.n}


def _plain(figure: Estimate) -> _Values:
    return {"value": figure.value, "low": figure.low, "high": figure.high}


def _fisher(value: float) -> float:
    return atanh(min(0.999999, max(-0.999999, value)))


def _logit(value: float) -> float:
    inside = min(0.999999, max(0.000001, value))
    return log(inside / (1 - inside))
