"""The trade that a cascade's thresholds make, as one HTML file: agreement against time, money, leaving, and people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import floor

from dikast.agreement.escalation import Budget, Cost, Replay, Setting
from dikast.report.figures import bounds, percent, value_of
from dikast.report.html import environment
from dikast.report.page import Row
from dikast.report.text import one_line

TEMPLATE = "escalation.html.j2"

# A picture's size in its own units; the frame within begins at LEFT, TOP.
LEFT, TOP, ACROSS, DOWN = 52, 12, 350, 220
_MOST_DOTS = 400
_MOST_ROWS = 24
_TICKS = 4

TITLES: dict[Cost, str] = {
    "minutes": "minutes of model time",
    "usd": "dollars",
    "leaving": "share that leaves this machine",
    "person": "share that a person decides",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A point in a picture; low and high: the ends of its interval. label: for a stage on its own."""

    x: float
    y: float
    low: float
    high: float
    label: str = ""
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class TradeView:
    """One picture: agreement against one cost. line: the settings that no cheaper one beats, as a line's points."""

    key: str
    title: str
    axis: str
    described: str
    dots: tuple[Mark, ...]
    line: str
    front: tuple[Mark, ...]
    alone: tuple[Mark, ...]
    chosen: Mark
    expected: Mark
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting in the table."""

    name: str
    worth: str
    interval: str
    further: str
    minutes: str
    usd: str
    leaving: str
    person: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class EscalationView:
    """The whole page."""

    name: str
    measure: str
    head: tuple[Row, ...]
    sentence: str
    honest: str
    trades: tuple[TradeView, ...]
    rows: tuple[SettingRow, ...]
    columns: str
    notes: tuple[str, ...]
    made_by: str


def render_escalation(name: str, found: Replay, stages: Sequence[str], notes: Sequence[str] = ()) -> str:
    """The page as one HTML document that needs nothing else. stages: their names, in order."""
    return environment().get_template(TEMPLATE).render(page=escalation_view(name, found, stages, notes))


def escalation_view(name: str, found: Replay, stages: Sequence[str], notes: Sequence[str] = ()) -> EscalationView:
    """What the page says."""
    return EscalationView(
        name=one_line(name, 120),
        measure=found.measure,
        head=(
            Row("labelled items", f"{found.n:,}"),
            Row("settings tried", f"{len(found.settings):,}"),
            Row("reckoned for", f"{found.budget.items:,} interactions"),
            Row("budget", budget_words(found.budget)),
        ),
        sentence=chosen_words(found, stages),
        honest=honest_words(found),
        trades=tuple(_trade(found, cost) for cost in found.front),
        rows=tuple(setting_rows(found)),
        columns=" / ".join(one_line(stage, 40) for stage in stages[: len(found.chosen.thresholds)]),
        notes=tuple(one_line(note, 500) for note in notes),
        made_by=f"Dikast {version('dikast')}",
    )


def budget_words(budget: Budget) -> str:
    """A budget in words."""
    said = []
    if budget.minutes is not None:
        said.append(f"up to {budget.minutes:g} minutes")
    if budget.usd is not None:
        said.append(f"up to ${budget.usd:g}")
    if budget.leaving is not None:
        said.append(f"up to {percent(budget.leaving)} leaving")
    if budget.person is not None:
        said.append(f"up to {percent(budget.person)} to a person")
    return ", ".join(said) or "none"


def thresholds_words(thresholds: Sequence[float], stages: Sequence[str]) -> str:
    """What is set, in words: "quick: below 0.85"."""
    said = [
        f"{one_line(stage, 40)}: below {value:g}" if value else f"{one_line(stage, 40)}: never by confidence"
        for stage, value in zip(stages, thresholds, strict=False)
    ]
    return "; ".join(said) or "nothing to set"


def chosen_words(found: Replay, stages: Sequence[str]) -> str:
    """The setting that is chosen, and what it comes to."""
    one = found.chosen
    figure = one.figure
    reach = "" if figure is None else f" ({bounds(figure, as_percent=True)})"
    what = "within the budget" if found.budget.is_set else "of all"
    return (
        f"The best setting {what}: {thresholds_words(one.thresholds, stages)}. On these labels its {found.measure} is "
        f"{percent(one.worth)}{reach}, and {found.budget.items:,} interactions take {_costs(found, one)}."
    )


def honest_words(found: Replay) -> str:
    """What to expect of a setting that was chosen on the labels it is measured on."""
    told = found.expected
    flattery = found.chosen.worth - getattr(told.figure, "value", found.chosen.worth)
    spans = "; ".join(
        f"{one_line(name, 40)} {_span(*ends)}" for (name, _), ends in zip(found.alone, told.thresholds, strict=False)
    )
    lead = f"it looks {abs(flattery) * 100:.1f} points {'better' if flattery >= 0 else 'worse'} here than that"
    return (
        f"Expect {value_of(told.figure, as_percent=True)} ({bounds(told.figure, as_percent=True)}) on new "
        f"interactions: chosen anew on four fifths of the labels and measured on the rest, five times; {lead}. "
        f"The five choices: {spans or 'all alike'}."
    )


def _span(low: float, high: float) -> str:
    """The thresholds that were chosen for one stage: "below 0.88 to 0.92", "never" or "never to below 0.92"."""
    if not high:
        return "never"
    return f"{f'below {low:.4g}' if low else 'never'}{f' to below {high:.4g}' if low != high else ''}"


def thresholds_short(thresholds: Sequence[float]) -> str:
    """The same for a table: "0.85 / never"."""
    return " / ".join(f"{value:.4g}" if value else "never" for value in thresholds) or "–"


def setting_rows(found: Replay, most: int = _MOST_ROWS) -> list[SettingRow]:
    """Each stage alone, then the settings that no cheaper one beats, from the quickest on; the chosen one is marked.

    most: how many settings to show, spread evenly; the chosen one is always among them.
    """
    rows = [_row(f"{one_line(name, 40)} alone", one, found) for name, one in found.alone]
    seen = {found.chosen.thresholds: found.chosen}
    for front in found.front.values():
        seen |= {one.thresholds: one for one in front}
    ordered = sorted(seen.values(), key=lambda one: (one.minutes, one.worth))
    if len(ordered) > most:
        step = (len(ordered) - 1) / (most - 1)
        kept = {ordered[round(place * step)].thresholds for place in range(most)} | {found.chosen.thresholds}
        ordered = [one for one in ordered if one.thresholds in kept]
    return rows + [_row(thresholds_short(one.thresholds), one, found) for one in ordered]


def _row(name: str, one: Setting, found: Replay) -> SettingRow:
    return SettingRow(
        name=name,
        worth=percent(one.worth),
        interval="–" if one.figure is None else bounds(one.figure, as_percent=True),
        further=", ".join(percent(share) for share in one.reached[1:]) if one.thresholds else "–",
        minutes=minutes(one.minutes),
        usd="–" if one.usd is None else f"${one.usd:,.2f}",
        leaving=percent(one.leaving),
        person=percent(one.person),
        chosen=bool(one.thresholds) and one.thresholds == found.chosen.thresholds,
    )


def minutes(value: float) -> str:
    """Minutes with as many digits as they bear."""
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _costs(found: Replay, one: Setting) -> str:
    said = [f"{minutes(one.minutes)} minutes of model time"]
    if one.usd:
        said.append(f"${one.usd:,.2f}")
    if "leaving" in found.front or one.leaving:
        said.append(f"{percent(one.leaving)} leave this machine")
    if "person" in found.front or one.person:
        said.append(f"a person decides {percent(one.person)}")
    return ", ".join(said)


def _trade(found: Replay, cost: Cost) -> TradeView:
    """Agreement against one cost."""
    front = found.front[cost]
    marked = [*found.settings, *(one for _, one in found.alone)]
    most = max((one.takes(cost) or 0.0 for one in marked), default=0.0) or 1.0
    ends = [getattr(one.figure, "low", one.worth) for one in (*front, found.chosen, *(o for _, o in found.alone))]
    bottom = max(0.0, floor(10 * min([*ends, min(one.worth for one in marked)])) / 10)
    plane = _Plane(most, bottom, cost)
    dots = {(plane.x(one.takes(cost) or 0.0), plane.y(one.worth)) for one in found.settings}
    told = found.expected
    share = cost in ("leaving", "person")
    across = [most * step / _TICKS for step in range(_TICKS + 1)]
    return TradeView(
        key=cost,
        title=f"Agreement against {TITLES[cost]}",
        axis=TITLES[cost] + ("" if share else f", for {found.budget.items:,} interactions"),
        described=f"{len(found.settings):,} settings; {len(front)} that no cheaper one beats. The table holds them.",
        dots=tuple(Mark(x, y, y, y) for x, y in sorted(dots)[:: max(1, len(dots) // _MOST_DOTS)]),
        line=" ".join(f"{plane.x(one.takes(cost) or 0.0)},{plane.y(one.worth)}" for one in front),
        front=tuple(plane.mark(one) for one in front[:: max(1, len(front) // 15)]),
        alone=tuple(plane.mark(one, f"{one_line(name, 18)} alone") for name, one in found.alone),
        chosen=plane.mark(found.chosen),
        expected=plane.point(getattr(told, cost) or 0.0, getattr(told.figure, "value", found.chosen.worth)),
        across=tuple(Tick(plane.x(at), percent(at) if share else f"{at:.3g}") for at in across),
        up=tuple(Tick(plane.y(at), f"{at:.0%}") for at in _up(bottom)),
    )


def _up(bottom: float) -> list[float]:
    step = 0.1 if 1 - bottom > 0.35 else 0.05
    return [round(bottom + step * n, 2) for n in range(round((1 - bottom) / step) + 1)]


@dataclass(frozen=True, slots=True)
class _Plane:
    """Where a cost and an agreement lie in a picture."""

    most: float
    bottom: float
    cost: Cost

    def x(self, value: float) -> float:
        return round(LEFT + ACROSS * min(1.0, value / self.most), 1)

    def y(self, share: float) -> float:
        return round(TOP + DOWN * (1 - (max(share, self.bottom) - self.bottom) / (1 - self.bottom or 1)), 1)

    def point(self, value: float, share: float) -> Mark:
        at = self.y(share)
        return Mark(self.x(value), at, at, at)

    def mark(self, one: Setting, label: str = "") -> Mark:
        x, figure = self.x(one.takes(self.cost) or 0.0), one.figure
        low, high = getattr(figure, "low", one.worth), getattr(figure, "high", one.worth)
        anchor = "end" if x > LEFT + ACROSS / 2 else "start"
        return Mark(x, self.y(one.worth), self.y(low), self.y(high), label, anchor)
