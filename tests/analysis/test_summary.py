from __future__ import annotations

import doctest
import importlib
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from dikast.agreement.estimate import Estimate, Undefined
from dikast.agreement.wilson import wilson
from dikast.analysis.summary import Pairs, Votes, summarise
from dikast.records import JudgeRef, Usage, Verdict


@pytest.mark.parametrize("name", ["dimensions", "distribution", "reasons", "summary"])
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"dikast.analysis.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_nothing_at_all() -> None:
    summary = summarise([])
    assert (summary.n, summary.kind, summary.headline) == (0, "none", Undefined("nothing was scored", 0))
    assert summary.counts == {"scored": 0, "unparsed": 0, "refused": 0, "failed": 0}
    assert (summary.criteria, summary.outliers, summary.dimensions, summary.latency, summary.usage) == (
        (),
        (),
        (),
        None,
        None,
    )


def test_only_scored_verdicts_are_in_the_pass_rate(make: Callable[..., Verdict]) -> None:
    verdicts = [make(str(i), "pass") for i in range(3)] + [make("f", "fail")]
    verdicts += [make("u", status="unparsed", reason="cut off: at 512"), make("v", status="failed", reason="down: x")]
    summary = summarise(verdicts)
    assert summary.headline == wilson(3, 4)
    assert [(left.status, left.kind, left.count, left.ids) for left in summary.left_out] == [
        ("unparsed", "cut off", 1, ("u",)),
        ("failed", "down", 1, ("v",)),
    ]


def test_left_out_kinds_are_bounded_and_keep_three_ids(make: Callable[..., Verdict]) -> None:
    same = [make(str(i), status="unparsed", reason="no JSON: x") for i in range(7)]
    strange = [make(str(i), status="unparsed", reason=f"kind {i}: x") for i in range(200)]
    summary = summarise([*same, *strange])
    assert len(summary.left_out) <= 52
    assert sum(left.count for left in summary.left_out) == 207
    assert {left.kind: left.ids for left in summary.left_out}["no JSON"] == ("0", "1", "2")


def test_an_ordinal_run_has_the_mean_as_headline_and_overall_first(make: Callable[..., Verdict]) -> None:
    verdicts = [make(str(i), scores={"clear": 5, "overall": i % 5 + 1, "reasoning": "x"}) for i in range(30)]
    summary = summarise(verdicts, scale=(1, 5))
    assert summary.kind == "ordinal"
    assert isinstance(summary.headline, Estimate)
    assert summary.headline.value == 3
    assert [found.criterion for found in summary.criteria] == ["overall", "clear"]


def test_an_overall_that_repeats_the_verdict_is_shown_once(make: Callable[..., Verdict]) -> None:
    for overall in ("pass", 1, True):
        verdicts = [make(str(i), "pass", scores={"overall": overall, "tone": "pass"}) for i in range(5)]
        assert [found.criterion for found in summarise(verdicts).criteria] == ["verdict", "tone"]


def test_a_verdict_beside_a_score_shows_both(make: Callable[..., Verdict]) -> None:
    verdicts = [make(str(i), "pass" if i % 5 > 2 else "fail", scores={"overall": i % 5 + 1}) for i in range(30)]
    summary = summarise(verdicts)
    assert summary.kind == "pass_fail"
    assert [found.criterion for found in summary.criteria] == ["verdict", "overall"]


def test_pairs_count_what_order_decided(make: Callable[..., Verdict]) -> None:
    orders = [True, True, False, None]
    verdicts = [
        make(str(i), outcome, scores={"overall": 0.4}, details={"order": {"consistent": consistent}})
        for i, (outcome, consistent) in enumerate(zip(("a", "a", "b", "tie"), orders, strict=True))
    ]
    summary = summarise(verdicts)
    assert summary.pairs == Pairs(a=2, b=1, tie=1, order_decided=1, both_orders=3)
    assert summary.headline == wilson(2, 3)
    assert summary.criteria == ()


def test_votes_are_counted(make: Callable[..., Verdict]) -> None:
    samples = [{"of": 3, "pass": 3, "unreadable": 0}, {"of": 5, "pass": 3, "fail": 2, "unreadable": 0}]
    summary = summarise([make(str(i), "pass", details={"samples": one}) for i, one in enumerate(samples)])
    assert summary.votes == Votes(n=2, samples=8, unanimous=1)


def test_details_in_another_form_are_no_error(make: Callable[..., Verdict]) -> None:
    summary = summarise([make("x", "pass", details={"order": "ab", "samples": 3})])
    assert (summary.votes, summary.n) == (None, 1)


def test_usage_latency_methods_and_who_spoke(make: Callable[..., Verdict]) -> None:
    other = JudgeRef("tone", "ffff")
    usage = Usage(prompt_tokens=10, completion_tokens=2, cached_tokens=4)
    verdicts = [make("a", "pass", usage=usage, latency_s=1.0, method="json_schema", model="m")]
    verdicts += [make("b", "fail", usage=usage, latency_s=3.0, method="repaired", model="m", judge=other)]
    summary = summarise(verdicts)
    assert summary.usage == Usage(prompt_tokens=20, completion_tokens=4, cached_tokens=8, calls=2)
    assert summary.latency is not None
    assert summary.latency.total == 4
    assert summary.methods == {"json_schema": 1, "repaired": 1}
    assert [(ref.version, count) for ref, count in summary.judges] == [("0123456789abcdef", 1), ("ffff", 1)]
    assert summary.models == {"m": 2}


def test_confidence_is_counted_in_tenths_from_a_half_where_nothing_is_lower(make: Callable[..., Verdict]) -> None:
    verdicts = [
        make(str(i), "pass", confidence=value, confidence_source="token") for i, value in enumerate((0.5, 0.99, 1.0))
    ]
    confidence = summarise(verdicts).confidence
    assert confidence is not None
    assert [(bin.label, bin.count) for bin in confidence.bins] == [
        ("0.5–0.6", 1), ("0.6–0.7", 0), ("0.7–0.8", 0), ("0.8–0.9", 0), ("0.9–1.0", 2),
    ]  # fmt: skip
    assert confidence.sources == {"token": 3}


def test_memory_does_not_grow_with_the_run(make: Callable[..., Verdict]) -> None:
    def verdicts(n: int) -> Iterator[Verdict]:
        for i in range(n):
            yield make(
                f"item-{i}", scores={"overall": i % 5 + 1, "warm": i / n * 4}, critique=f"point {i % 3000} " * 8,
                confidence=0.5 + i % 500 / 1000, latency_s=i % 977 / 100, metadata={"f": i % 4, "user": f"u{i}"},
            )  # fmt: skip

    def peak(n: int) -> int:
        tracemalloc.start()
        summary = summarise(verdicts(n))
        assert summary.n == n
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(8_000) < 1.3 * peak(4_000)
