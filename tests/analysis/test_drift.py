"""Drift, told apart: planted changes of system, traffic and judge, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dikast.agreement.confusion import Confusion
from dikast.analysis.anchors import AnchorRound, checks, compare_rounds
from dikast.analysis.drift import PASS_RATE, Change, Drift, find_drift
from dikast.analysis.drift_words import explained, headline
from dikast.analysis.observed import JudgeState, Observation, Observed, observe
from dikast.analysis.periods import as_time, begin_of, end_of, label_of, time_of
from dikast.records import Interaction, JudgeRef, Label, Verdict

JUDGE = JudgeState(judge="refunds@1", model="m", fingerprint="a", server="s 1")
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
WEEKS, CHANGED = 13, 9


def observed(kind: str, seed: int, n: int = 250) -> Observed:
    """13 weeks of a system that passes 90 % in English and 60 % in Chinese; from week 10 on, `kind` is another."""
    rng = np.random.default_rng(seed)
    found = Observed("week")
    for week in range(WEEKS):
        late = week >= CHANGED
        for i in range(n):
            chinese = rng.random() < (0.5 if kind == "traffic" and late else 0.15)
            rate = (0.6 if chinese else 0.9) - (0.15 if kind in ("system", "silent judge", "judge") and late else 0)
            judge = JudgeState(judge="refunds@1", model="m", fingerprint="b") if kind == "judge" and late else JUDGE
            found.add(
                Observation(
                    MONDAY + timedelta(weeks=week, minutes=i),
                    bool(rng.random() < rate),
                    judge,
                    {"criterion polite": bool(rng.random() < 0.05)},
                    {"language": "zh" if chinese else "en", "model": "v2" if kind == "system" and late else "v1"},
                )
            )
    return found


def drift(kind: str, seed: int, anchors: Sequence[AnchorRound] = ()) -> Drift:
    corrections = {JUDGE: Confusion(tp=95, fn=5, fp=5, tn=95)}
    now = MONDAY + timedelta(weeks=WEEKS)
    return find_drift(observed(kind, seed), now=now, corrections=corrections, anchors=anchors)


def of_rate(found: Drift) -> list[Change]:
    return [one for one in found.changes if PASS_RATE in one.charts]


def anchors(week: int, flipped: int, judge: JudgeState = JUDGE, n: int = 60) -> AnchorRound:
    labels = {f"a{i}": "pass" if i % 3 else "fail" for i in range(n)}
    said = {id: "fail" if i < 2 * flipped and i % 2 == 0 else label for i, (id, label) in enumerate(labels.items())}
    return AnchorRound(at=MONDAY + timedelta(weeks=week), judge=judge, verdicts=said, labels=labels)


class TestWhoChanged:
    """Ten draws of each; the words must be right in nine of ten, since 5 % intervals err."""

    @pytest.mark.parametrize("kind", ["system", "traffic"])
    def test_it_is_found_and_put_down_to_whom_it_is(self, kind: str) -> None:
        right = 0
        for seed in range(10):
            changes = [one for one in of_rate(drift(kind, seed)) if one.end > MONDAY + timedelta(weeks=CHANGED)]
            right += bool(changes) and changes[0].cause == kind and changes[0].since in ("2026-W10", "2026-W11")
        assert right >= 8

    def test_nothing_is_told_where_nothing_changed(self) -> None:
        told = sum(len(drift("none", seed).changes) for seed in range(10))
        assert told <= 4  # 10 times 12 weeks at 1 % each

    def test_the_systems_metadata_are_named(self) -> None:
        change = of_rate(drift("system", 1))[-1]
        assert [(one.key, one.before, one.after) for one in change.system] == [("model", ("v1",), ("v2",))]
        words = " ".join(explained(change))
        assert "model from v1 to v2" in words
        assert "silent change of the judge can't be ruled out" in words

    def test_traffic_names_what_came(self) -> None:
        change = of_rate(drift("traffic", 2))[-1]
        assert change.dimension == "language"
        assert "'zh' went from" in " ".join(explained(change)) or "'en' went from" in " ".join(explained(change))


class TestTheJudgeFirst:
    def test_another_fingerprint_is_named_and_no_system_is_blamed(self) -> None:
        for seed in range(5):
            found = drift("judge", seed)
            late = MONDAY + timedelta(weeks=CHANGED)
            assert next(one.cause for one in found.changes if one.end >= late) == "judge"
            assert not [one for one in of_rate(found) if one.since == "2026-W11"]
            assert "fingerprint from a to b" in headline(next(o for o in found.changes if o.cause == "judge"))

    def test_anchors_that_moved_make_it_the_judges_change(self) -> None:
        rounds = [anchors(0, 0), anchors(8, 0), anchors(11, 12)]
        found = drift("silent judge", 1, rounds)
        assert of_rate(found)[0].cause == "judge"
        assert not [one for one in found.changes if one.cause in ("system", "both")]
        assert any("10" in line or "12" in line for one in found.changes for line in explained(one))

    def test_anchors_that_did_not_move_let_the_system_be_named(self) -> None:
        found = drift("system", 1, [anchors(0, 0), anchors(12, 1)])
        change = of_rate(found)[-1]
        assert change.cause == "system"
        assert "The judge was checked" in " ".join(explained(change))

    def test_anchors_not_judged_since_leave_it_unsettled(self) -> None:
        change = of_rate(drift("system", 1, [anchors(0, 0), anchors(1, 0)]))[-1]
        assert change.cause == "unsettled"
        assert "have not been judged since" in " ".join(explained(change))


class TestAnchors:
    def test_six_one_way_changes_are_no_move_and_seven_are(self) -> None:
        six, seven = compare_rounds(anchors(0, 0), anchors(1, 9)), compare_rounds(anchors(0, 0), anchors(1, 12))
        assert six is not None
        assert seven is not None
        assert (six.to_fail, six.moved) == (6, False)  # p = 2/64 = .031, above .025
        assert (seven.to_fail, seven.moved) == (8, True)
        assert seven.agreement_now.value < seven.agreement_then.value == 1.0

    def test_rounds_are_compared_with_the_first_since_the_last_move(self) -> None:
        every = checks([anchors(0, 0), anchors(1, 12), anchors(2, 12), anchors(3, 0)])
        assert [one.moved for one in every] == [True, False, True]
        assert every[1].then == MONDAY + timedelta(weeks=1)

    def test_rounds_without_a_common_anchor_are_not_compared(self) -> None:
        other = AnchorRound(at=MONDAY, judge=JUDGE, verdicts={"z": "pass"}, labels={"z": "pass"})
        assert compare_rounds(anchors(0, 0), other) is None


class TestCharts:
    def test_an_open_week_never_rings(self) -> None:
        found = find_drift(observed("system", 1), now=MONDAY + timedelta(weeks=CHANGED + 0.5))
        rate = next(chart for chart in found.charts if chart.name == PASS_RATE)
        assert [point.open for point in rate.points] == [False] * CHANGED + [True] * (WEEKS - CHANGED)
        assert not rate.rings or rate.rings[-1].at < CHANGED

    def test_limits_carry_the_corrections_uncertainty(self) -> None:
        widths = []
        for scale in (1, 10):
            confusion = Confusion(tp=9 * scale, fn=scale, fp=scale, tn=9 * scale)
            found = find_drift(observed("none", 1), now=MONDAY + timedelta(weeks=WEEKS), corrections={JUDGE: confusion})
            reading = found.charts[0].points[4].reading
            assert reading.low is not None
            assert reading.centre is not None
            widths.append(reading.centre - reading.low)
        assert widths[0] > widths[1]

    def test_the_dimensions_asked_for_are_charted(self) -> None:
        found = find_drift(observed("none", 1), now=MONDAY, by=("language",))
        assert {chart.name for chart in found.charts} >= {"language = zh", "language = en", "criterion polite"}


class TestObserving:
    verdict = Verdict(
        id="1", status="scored", verdict="fail", judge=JudgeRef("j", "1"),
        scores={"overall": 2, "tone": "fail", "facts": True, "depth": 4, "reasoning": "x"},
        metadata={"time": "2026-03-02T10:00:00+02:00", "feature": "login", "n": 3, "score": 0.5, "tags": ["a"]},
    )  # fmt: skip

    def test_a_verdict_is_read_with_its_time_modes_and_dimensions(self) -> None:
        item = Interaction(
            id="1", input="請問如何退款？", output="x", labels=(Label(id="1", verdict="fail", tags=("late",)),)
        )
        one = observe(self.verdict, item, JUDGE, MONDAY)
        assert one is not None
        assert one.at == datetime(2026, 3, 2, 8, tzinfo=UTC)
        assert one.modes == {"criterion tone": True, "criterion facts": False, "tag late": True}
        assert one.dimensions["feature"] == "login"
        assert one.dimensions["script of input"] == "Han"
        assert "score" not in one.dimensions
        assert "time" not in one.dimensions

    def test_what_says_neither_pass_nor_fail_is_no_observation(self) -> None:
        unparsed = Verdict(id="1", status="unparsed", reason="x", judge=JudgeRef("j", "1"))
        assert observe(unparsed, None, JUDGE, MONDAY) is None


class TestPeriods:
    def test_times(self) -> None:
        assert as_time(1_700_000_000) == as_time(1_700_000_000_000) == as_time("2023-11-14T22:13:20Z")
        assert as_time("2026-03-02") == datetime(2026, 3, 2, tzinfo=UTC)
        assert as_time("soon") is as_time(True) is as_time(float("inf")) is as_time(5) is None
        assert time_of({"created_at": "nonsense", "date": "2026-03-02"}) == datetime(2026, 3, 2, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("every", "label"),
        [("hour", "2026-03-05T07h"), ("day", "2026-03-05"), ("week", "2026-W10"), ("month", "2026-03")],
    )
    def test_periods_hold_their_time_and_meet(self, every: str, label: str) -> None:
        at = datetime(2026, 3, 5, 7, 30, tzinfo=UTC)
        begin = begin_of(at, every)  # type: ignore[arg-type]
        end = end_of(begin, every)  # type: ignore[arg-type]
        assert begin <= at < end == begin_of(end, every)  # type: ignore[arg-type]
        assert label_of(begin, every) == label  # type: ignore[arg-type]


def test_old_items_that_a_new_judge_catches_up_on_are_no_change_to_and_fro() -> None:
    found = observed("judge", 3)
    new = JudgeState(judge="refunds@1", model="m", fingerprint="b")
    charted = found.n
    for i in range(120):  # from weeks that the judge before had judged
        found.add(Observation(MONDAY + timedelta(weeks=2 + i % 3, minutes=i), True, new))
    assert (found.n, found.late) == (charted, 120)
    judged = find_drift(found, now=MONDAY + timedelta(weeks=WEEKS))
    assert [one.cause for one in judged.changes if one.cause == "judge"] == ["judge"]
    assert judged.late == 120


def test_a_judge_that_goes_on_is_never_late() -> None:
    found = observed("none", 4)
    for week in (3, 1, 2):
        found.add(Observation(MONDAY + timedelta(weeks=week), True, JUDGE))
    assert found.late == 0
