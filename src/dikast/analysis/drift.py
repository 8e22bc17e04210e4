"""What changed since: charts of the pass rate and of each failure mode, and for each change who changed.

The judge comes first: where its version, fingerprint or server changed, or the anchors moved, no change is put down to
the system. Then a change of the rate is parted into what came (traffic: other items) and how the same fared (system).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Literal

from dikast.agreement.composition import Decomposition, kitagawa
from dikast.agreement.confusion import Confusion
from dikast.agreement.control_chart import FALSE_ALARMS, Counted, Reading, Ring, watch_charts
from dikast.agreement.corrected import rogan_gladen
from dikast.agreement.estimate import Estimate
from dikast.agreement.wilson import wilson
from dikast.analysis.anchors import AnchorCheck, AnchorRound, checks
from dikast.analysis.observed import LENGTH, SCRIPT, SYSTEM_KEYS, TAG, Cell, JudgeState, Observed
from dikast.analysis.periods import end_of, label_of

Cause = Literal["judge", "system", "traffic", "both", "unsettled"]
Kind = Literal["rate", "mode", "dimension"]

PASS_RATE = "pass rate"
_FEWEST = 20
_FEWEST_FAILED = 5
_MOST_CHARTS = 40
_NEW_SHARE, _GONE_SHARE = 0.1, 0.02


@dataclass(frozen=True, slots=True)
class Point:
    """A chart at one period. value: corrected where `Chart.corrected`; None without items. open: not over yet."""

    period: str
    n: int
    hits: int
    value: Estimate | None
    reading: Reading
    open: bool
    segment: int


@dataclass(frozen=True, slots=True)
class Chart:
    """One share over time. rings: the places at which it rang."""

    name: str
    kind: Kind
    corrected: bool
    points: tuple[Point, ...]
    rings: tuple[Ring, ...]


@dataclass(frozen=True, slots=True)
class SystemChange:
    """That the system's metadata say another thing than before."""

    key: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One change: since which period, found at which, and whose it is.

    charts: those that rang for it, the foremost first. before, after: the foremost's share; across judges, corrected.
    dimension: the one whose shift accounts for most, with its decomposition. check: the anchors around it. differences:
    what is another about the judge. comparable: whether before and after are on one scale.
    """

    cause: Cause
    since: str
    rung: str
    begin: datetime
    end: datetime
    charts: tuple[str, ...]
    before: Estimate | None
    after: Estimate | None
    dimension: str | None = None
    decomposition: Decomposition | None = None
    system: tuple[SystemChange, ...] = ()
    check: AnchorCheck | None = None
    anchored: bool = False
    differences: tuple[str, ...] = ()
    difference: Estimate | None = None
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Drift:
    """All that was found. n: observations in the charts; late: those of none, see `Observed`."""

    every: str
    n: int
    periods: int
    false_alarms: float
    charts: tuple[Chart, ...]
    changes: tuple[Change, ...]
    checks: tuple[AnchorCheck, ...]
    judges: tuple[JudgeState, ...]
    dimensions: tuple[str, ...]
    more_charts: int = 0
    late: int = 0


def find_drift(
    observed: Observed,
    *,
    now: datetime,
    corrections: Mapping[JudgeState, Confusion] | None = None,
    anchors: Sequence[AnchorRound] = (),
    by: Sequence[str] = (),
    false_alarms: float = FALSE_ALARMS,
) -> Drift:
    """The charts, and every change that they and the anchors tell of.

    now: a period that is not over by then is shown and never rings, since it would be looked at again and again.
    corrections: how each judge errs. by: the dimensions to chart; all that there are when empty.
    """
    found = _Finding(observed, now, dict(corrections or {}), sorted(anchors, key=lambda one: one.at))
    return found.drift(by, false_alarms)


class _Finding:
    """One look at what was observed."""

    def __init__(
        self,
        observed: Observed,
        now: datetime,
        corrections: dict[JudgeState, Confusion],
        anchors: Sequence[AnchorRound],
    ) -> None:
        self.observed, self.corrections, self.anchors = observed, corrections, anchors
        self.cells = observed.cells
        every = observed.every
        self.whole = sum(end_of(cell.begin, every) <= now for cell in self.cells)
        self.labels = [label_of(cell.begin, every) for cell in self.cells]
        self.checks = checks(anchors)
        self.segments = self._segments()
        known = [one for one in observed.dimensions if one not in SYSTEM_KEYS]
        self.strata = known

    def drift(self, by: Sequence[str], false_alarms: float) -> Drift:
        counted, more = self._counted(by)
        over = {name: counts[: self.whole] for name, (_, counts) in counted.items()}
        readings, rings = watch_charts(over, false_alarms)
        charts = tuple(
            self._chart(name, kind, counts, readings[name], [ring for ring in rings if ring.chart == name])
            for name, (kind, counts) in counted.items()
        )
        changes = [*self._judge_changes(), *self._moves(), *(self._change(group) for group in _grouped(rings))]
        return Drift(
            every=self.observed.every,
            n=self.observed.n,
            periods=len(set(self.labels)),
            false_alarms=false_alarms,
            charts=charts,
            changes=tuple(sorted(changes, key=lambda change: (change.end, change.cause != "judge"))),
            checks=tuple(self.checks),
            judges=tuple(dict.fromkeys(cell.judge for cell in self.cells)),
            dimensions=tuple(by) or tuple(one for one in self.strata if one not in (LENGTH, SCRIPT)),
            more_charts=more,
            late=self.observed.late,
        )

    def _segments(self) -> list[int]:
        """A number for each cell, another one where the judge is, or where the anchors had moved before it."""
        found, segment = [], 0
        for at, cell in enumerate(self.cells):
            last = self.cells[at - 1] if at else cell
            moved = any(check.moved and last.begin < check.now <= cell.begin for check in self.checks)
            segment += moved or cell.judge != last.judge
            found.append(segment)
        return found

    def _counted(self, by: Sequence[str]) -> tuple[dict[str, tuple[Kind, list[Counted]]], int]:
        """Every chart's counts, by its name: the rate, the failure modes, the values of the dimensions."""
        cells, segments = self.cells, self.segments
        found: dict[str, tuple[Kind, list[Counted]]] = {}
        if cells:
            found[PASS_RATE] = ("rate", [Counted(c.passed, c.n, s) for c, s in zip(cells, segments, strict=True)])
        others: list[tuple[int, str, Kind, list[Counted]]] = []
        for mode in {mode for cell in cells for mode in cell.modes}:
            tag = mode.startswith(TAG)
            counts = [
                Counted(cell.modes[mode], cell.labelled if tag else cell.n, segment)
                for cell, segment in zip(cells, segments, strict=True)
            ]
            failed = sum(one.hits for one in counts)
            if failed >= _FEWEST_FAILED:
                others.append((sum(cell.n for cell in cells), mode, "mode", counts))
        for key in by or [one for one in self.strata if one not in (LENGTH, SCRIPT)]:
            for value in {value for cell in cells for value in cell.by.get(key, ())}:
                pairs = [cell.by.get(key, {}).get(value, (0, 0)) for cell in cells]
                counts = [Counted(hits, n, segment) for (hits, n), segment in zip(pairs, segments, strict=True)]
                n = sum(one.n for one in counts)
                if n >= _FEWEST:
                    others.append((n, f"{key} = {value}", "dimension", counts))
        others.sort(key=lambda one: (-one[0], one[1]))
        for _, name, kind, counts in others[:_MOST_CHARTS]:
            found[name] = (kind, counts)
        return found, max(0, len(others) - _MOST_CHARTS)

    def _chart(
        self, name: str, kind: Kind, counts: Sequence[Counted], readings: Sequence[Reading], rings: Sequence[Ring]
    ) -> Chart:
        points = []
        corrected = kind != "mode" and bool(self.corrections)
        for at, one in enumerate(counts):
            confusion = self.corrections.get(self.cells[at].judge) if kind != "mode" else None
            reading = readings[at] if at < len(readings) else Reading()
            points.append(
                Point(
                    period=self.labels[at],
                    n=one.n,
                    hits=one.hits,
                    value=_estimate(one.hits, one.n, confusion),
                    reading=_carried(reading, confusion),
                    open=at >= self.whole,
                    segment=one.segment,
                )
            )
            corrected = corrected and (one.n == 0 or _correctable(confusion))
        return Chart(name, kind, corrected, tuple(points), tuple(rings))

    def _judge_changes(self) -> list[Change]:
        """Where another judge speaks: named, with what it makes of the rate as far as both judges' errors are known."""
        found = []
        for at in range(1, len(self.cells)):
            before, after = self.cells[at - 1], self.cells[at]
            differences = before.judge.differences(after.judge)
            if not differences:
                continue
            segments = self.segments
            first = max((i for i in range(at) if segments[i] != segments[at - 1]), default=-1) + 1
            last = next((i for i in range(at, len(segments)) if segments[i] != segments[at]), len(segments))
            both = [self._pooled(first, at), self._pooled(at, last)]
            known = all(_correctable(self.corrections.get(one.judge)) for one in (before, after))
            both_judges = (before.judge, after.judge)
            check = next((one for one in self.checks if (one.judge_then, one.judge_now) == both_judges), None)
            found.append(
                Change(
                    cause="judge",
                    since=self.labels[at],
                    rung=self.labels[at],
                    begin=after.begin,
                    end=after.begin,
                    charts=(),
                    before=both[0],
                    after=both[1],
                    check=check,
                    anchored=bool(self.anchors),
                    differences=tuple(differences),
                    difference=_difference(both[0], both[1]) if known else None,
                    corrected=known,
                )
            )
        return found

    def _moves(self) -> list[Change]:
        """Where the anchors moved though nothing that is known of the judge did."""
        return [
            Change(
                cause="judge",
                since=label_of(check.since, self.observed.every),
                rung=label_of(check.now, self.observed.every),
                begin=check.since,
                end=check.now,
                charts=(),
                before=check.agreement_then,
                after=check.agreement_now,
                check=check,
                anchored=True,
            )
            for check in self.checks
            if check.moved and not check.differences
        ]

    def _change(self, rings: Sequence[Ring]) -> Change:
        """What rang together, as one change, and whose it is."""
        head = min(rings, key=lambda ring: (ring.chart != PASS_RATE, ring.p))
        since, at = head.since, head.at
        sides = ((head.held_since, since), (since, at + 1))
        begin, end = self.cells[since].begin, end_of(self.cells[at].begin, self.observed.every)
        confusion = self.corrections.get(self.cells[at].judge)
        rate = head.chart == PASS_RATE
        pooled = [self._share(head.chart, *side) for side in sides]
        dimension, parts = self._parted(head.chart, sides, confusion) if " = " not in head.chart else (None, None)
        moved = next((one for one in self.checks if one.moved and one.since < end and one.now >= begin), None)
        after_it = next((one for one in self.checks if one.now >= begin), None)
        return Change(
            cause=self._cause(parts, moved, after_it),
            since=self.labels[since],
            rung=self.labels[at],
            begin=begin,
            end=end,
            charts=tuple(dict.fromkeys([head.chart, *(ring.chart for ring in rings)])),
            before=pooled[0],
            after=pooled[1],
            dimension=dimension,
            decomposition=parts,
            system=tuple(self._system(sides)),
            check=moved or after_it,
            anchored=bool(self.anchors),
            corrected=(rate or " = " in head.chart) and _correctable(confusion),
        )

    def _cause(self, parts: Decomposition | None, moved: AnchorCheck | None, after: AnchorCheck | None) -> Cause:
        if moved is not None:
            return "judge"
        other = parts is not None and not parts.composition.low <= 0 <= parts.composition.high
        same = parts is None or not parts.within.low <= 0 <= parts.within.high
        if other and not same:
            return "traffic"
        if not same or (self.anchors and after is None):
            return "unsettled"
        return "both" if other else "system"

    def _parted(
        self, chart: str, sides: Sequence[tuple[int, int]], confusion: Confusion | None
    ) -> tuple[str | None, Decomposition | None]:
        """The dimension whose shift accounts for most of the change, and the change parted by it.

        With k dimensions to choose from, each has its intervals at 1 − .05/k.
        """
        scale, error = _scale(confusion) if chart == PASS_RATE else (1.0, 0.0)
        best: tuple[str | None, Decomposition | None] = (None, None)
        for key in self.strata:
            then, now = (self._by_value(chart, key, *side) for side in sides)
            found = kitagawa(then, now, level=1 - 0.05 / len(self.strata), scale=scale, scale_error=error)
            if isinstance(found, Decomposition) and (
                best[1] is None or abs(found.composition.value) > abs(best[1].composition.value)
            ):
                best = (key, found)
        return best

    def _by_value(self, chart: str, key: str, start: int, stop: int) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for cell in self.cells[start:stop]:
            for value, (passed, n) in cell.by.get(key, {}).items():
                hits = passed if chart == PASS_RATE else cell.failed[chart, key, value]
                before = found.get(value, (0, 0))
                found[value] = (before[0] + hits, before[1] + n)
        return found

    def _share(self, chart: str, start: int, stop: int) -> Estimate | None:
        """A chart's share over several periods."""
        if chart == PASS_RATE:
            return self._pooled(start, stop)
        cells = self.cells[start:stop]
        key, is_value, value = chart.partition(" = ")
        if is_value:
            counts = [cell.by.get(key, {}).get(value, (0, 0)) for cell in cells]
            confusion = self.corrections.get(cells[-1].judge) if cells else None
            return _estimate(sum(hits for hits, _ in counts), sum(n for _, n in counts), confusion)
        n = sum(cell.labelled if chart.startswith(TAG) else cell.n for cell in cells)
        return _estimate(sum(cell.modes[chart] for cell in cells), n, None)

    def _pooled(self, start: int, stop: int) -> Estimate | None:
        cells = self.cells[start:stop]
        confusion = self.corrections.get(cells[-1].judge) if cells else None
        return _estimate(sum(cell.passed for cell in cells), sum(cell.n for cell in cells), confusion)

    def _system(self, sides: Sequence[tuple[int, int]]) -> list[SystemChange]:
        """What the metadata say of the system that they did not say before, or no longer do."""
        found = []
        for key in SYSTEM_KEYS:
            before, after = (_value_shares(self.cells[start:stop], key) for start, stop in sides)
            came = [v for v, share in after.items() if share >= _NEW_SHARE and before.get(v, 0.0) < _GONE_SHARE]
            if came and before:
                gone = [v for v, share in before.items() if share >= _NEW_SHARE]
                found.append(SystemChange(key, tuple(gone), tuple(came)))
        return found


def _value_shares(cells: Sequence[Cell], key: str) -> dict[str, float]:
    total = sum(cell.n for cell in cells)
    counts: dict[str, int] = {}
    for cell in cells:
        for value, (_, n) in cell.by.get(key, {}).items():
            counts[value] = counts.get(value, 0) + n
    return {value: n / total for value, n in counts.items()}


def _grouped(rings: Sequence[Ring]) -> list[list[Ring]]:
    """Rings whose spans, from the change to its finding, overlap: they tell of one change."""
    groups: list[list[Ring]] = []
    ends = -1
    for ring in sorted(rings, key=lambda ring: (ring.since, ring.at)):
        if groups and ring.since <= ends:
            groups[-1].append(ring)
        else:
            groups.append([ring])
            ends = -1
        ends = max(ends, ring.at)
    return groups


def _correctable(confusion: Confusion | None) -> bool:
    return confusion is not None and isinstance(rogan_gladen(0, 1, confusion), Estimate)


def _estimate(hits: int, n: int, confusion: Confusion | None) -> Estimate | None:
    if n == 0:
        return None
    if confusion is not None:
        corrected = rogan_gladen(hits, n, confusion)
        if isinstance(corrected, Estimate):
            return corrected
    return wilson(hits, n)


def _scale(confusion: Confusion | None) -> tuple[float, float]:
    """What a difference of judged rates is worth on the corrected scale, and the relative standard error of that."""
    if confusion is None or not _correctable(confusion):
        return 1.0, 0.0
    m1, m0 = confusion.tp + confusion.fn, confusion.fp + confusion.tn
    q1, q0 = (confusion.tp + 1) / (m1 + 2), (confusion.tn + 1) / (m0 + 2)
    informed = max(confusion.tp / m1 + confusion.tn / m0 - 1, 1e-6)
    return 1 / informed, sqrt(q1 * (1 - q1) / m1 + q0 * (1 - q0) / m0) / informed


def _carried(reading: Reading, confusion: Confusion | None) -> Reading:
    """A reading on the corrected scale; its limits are as much wider as that scale is uncertain."""
    if reading.centre is None or confusion is None or not _correctable(confusion):
        return reading
    scale, error = _scale(confusion)
    m0 = confusion.fp + confusion.tn
    base = 1 - confusion.tn / m0
    centre = (reading.centre - base) * scale
    wider = scale * sqrt(1 + error**2)

    def carried(share: float | None) -> float | None:
        return None if share is None else _clip(centre + (share - (reading.centre or 0.0)) * wider)

    ewma = None if reading.ewma is None else _clip(centre + (reading.ewma - reading.centre) * scale)
    return Reading(_clip(centre), ewma, carried(reading.low), carried(reading.high), reading.p)


def _difference(before: Estimate | None, after: Estimate | None) -> Estimate | None:
    """After minus before, of two judges whose errors were measured apart (MOVER)."""
    if before is None or after is None:
        return None
    value = after.value - before.value
    low = value - sqrt((after.value - after.low) ** 2 + (before.high - before.value) ** 2)
    high = value + sqrt((after.high - after.value) ** 2 + (before.value - before.low) ** 2)
    return Estimate(value, low, high, before.n + after.n, "MOVER of two corrected rates")


def _clip(share: float) -> float:
    return min(1.0, max(0.0, share))
