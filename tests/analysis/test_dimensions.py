from __future__ import annotations

from collections.abc import Callable

import pytest

from dikast.agreement.estimate import Estimate, Undefined
from dikast.agreement.wilson import wilson
from dikast.analysis.dimensions import MAX_VALUES, SMALL_CELL, DimensionTally
from dikast.records import Verdict


def tally_of(verdicts: list[Verdict]) -> DimensionTally:
    tally = DimensionTally()
    for verdict in verdicts:
        tally.add(verdict)
    return tally


def test_pass_rates_by_value_the_lowest_first(make: Callable[..., Verdict]) -> None:
    verdicts = [make(str(i), "pass" if i % 10 else "fail", metadata={"feature": "billing"}) for i in range(40)]
    verdicts += [make(str(i), "fail" if i % 4 else "pass", metadata={"feature": "login"}) for i in range(40)]
    verdicts += [make("u", status="unparsed", reason="no JSON: x", metadata={"feature": "login"})]
    verdicts += [make("n", "pass")]
    (feature,) = tally_of(verdicts).dimensions("pass_rate", wilson(47, 81))
    assert [(cell.value, cell.n, cell.figure, cell.stands_out) for cell in feature.cells] == [
        ("login", 41, wilson(10, 40), "below"),
        ("billing", 40, wilson(36, 40), "above"),
    ]
    assert feature.missing == 1


def test_names_of_single_items_are_no_dimension(make: Callable[..., Verdict]) -> None:
    metadata = [
        {"user": f"u{i}", "one": "same", "half": f"h{i // 2}", "tags": ["a"], "prose": "x" * 100} for i in range(40)
    ]
    verdicts = [make(str(i), "pass", metadata=values) for i, values in enumerate(metadata)]
    assert tally_of(verdicts).dimensions("pass_rate", wilson(40, 40)) == ()


def test_a_key_with_many_values_is_dropped_for_good(make: Callable[..., Verdict]) -> None:
    verdicts = [make(str(i), "pass", metadata={"k": f"v{i % (MAX_VALUES + 1)}"}) for i in range(400)]
    verdicts += [make(str(i), "pass", metadata={"k": "again"}) for i in range(400)]
    assert tally_of(verdicts).dimensions("pass_rate", wilson(1, 1)) == ()


def test_small_cells_are_marked_and_never_stand_out(make: Callable[..., Verdict]) -> None:
    verdicts = [make(str(i), "pass", metadata={"f": "many"}) for i in range(60)]
    verdicts += [make(str(i), "fail", metadata={"f": "few"}) for i in range(SMALL_CELL - 1)]
    (dimension,) = tally_of(verdicts).dimensions("pass_rate", wilson(60, 69))
    assert [(cell.value, cell.small, cell.stands_out) for cell in dimension.cells] == [
        ("few", True, None),
        ("many", False, "above"),
    ]


def test_means_are_those_of_the_overall_score(make: Callable[..., Verdict]) -> None:
    verdicts = [make(str(i), scores={"overall": i % 5 + 1}, metadata={"f": True}) for i in range(50)]
    verdicts += [make(str(i), scores={"overall": 1}, metadata={"f": False}) for i in range(50)]
    (dimension,) = tally_of(verdicts).dimensions("mean", Estimate(2, 1.8, 2.2, 100, "Student t"), (1, 5))
    assert [(cell.value, cell.figure.n) for cell in dimension.cells] == [("false", 50), ("true", 50)]
    low, high = (cell.figure for cell in dimension.cells)
    assert isinstance(low, Estimate)
    assert isinstance(high, Estimate)
    assert (low.value, high.value) == (1, 3)
    assert low.high > 1


def test_the_dimension_that_differs_most_comes_first(make: Callable[..., Verdict]) -> None:
    verdicts = [make(str(i), "pass" if i % 2 else "fail", metadata={"even": i % 3, "odd": i % 2}) for i in range(120)]
    found = tally_of(verdicts).dimensions("pass_rate", wilson(60, 120))
    assert [dimension.key for dimension in found] == ["odd", "even"]


def test_a_cell_without_a_verdict_is_undefined(make: Callable[..., Verdict]) -> None:
    verdicts = [make(str(i), status="failed", reason="down: x", metadata={"f": "a"}) for i in range(5)]
    verdicts += [make(str(i), "a", metadata={"f": "b"}) for i in range(5)]
    (dimension,) = tally_of(verdicts).dimensions("a_rate", wilson(5, 5))
    assert dimension.cells[1].figure == Undefined("nothing was decided", 0)


@pytest.mark.parametrize("value", [None, 3, 2.5, True, "", "版本"])
def test_plain_values_name_cells(make: Callable[..., Verdict], value: object) -> None:
    verdicts = [make(str(i), "pass", metadata={"f": value if i % 2 else "other"}) for i in range(10)]
    (dimension,) = tally_of(verdicts).dimensions("pass_rate", wilson(10, 10))
    assert len(dimension.cells) == 2
