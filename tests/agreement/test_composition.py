from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.agreement.composition import OTHER, Decomposition, kitagawa
from dikast.agreement.estimate import Undefined

cell = st.integers(0, 80).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
sides = st.dictionaries(st.sampled_from("abcd"), cell).filter(lambda side: sum(n for _, n in side.values()) > 0)


@given(sides, sides)
def test_the_two_parts_add_up_to_the_change(before: dict, after: dict) -> None:
    found = kitagawa(before, after)
    assert isinstance(found, Decomposition)
    assert found.composition.value + found.within.value == pytest.approx(found.change.value, abs=1e-9)


@given(sides, sides)
def test_back_is_the_same_with_the_sign_turned(before: dict, after: dict) -> None:
    there, back = kitagawa(before, after), kitagawa(after, before)
    assert isinstance(there, Decomposition)
    assert isinstance(back, Decomposition)
    assert there.composition.value == pytest.approx(-back.composition.value, abs=1e-9)


def test_by_hand() -> None:
    """Shares .5/.5 to .25/.75; rates .9/.5 to .8/.4: (−.25)(.85) + (.25)(.45) = −.1, and −.1 within."""
    found = kitagawa({"a": (90, 100), "b": (50, 100)}, {"a": (40, 50), "b": (60, 150)})
    assert isinstance(found, Decomposition)
    assert found.composition.value == pytest.approx(-0.1)
    assert found.within.value == pytest.approx(-0.1)
    assert found.change.value == pytest.approx(-0.2)


def test_a_value_that_is_new_is_all_composition() -> None:
    found = kitagawa({"a": (90, 100)}, {"a": (90, 100), "b": (10, 100)})
    assert isinstance(found, Decomposition)
    assert found.within.value == pytest.approx(0)
    assert found.composition.value == pytest.approx(-0.4)


def test_rare_values_are_taken_together_and_nothing_is_undefined() -> None:
    found = kitagawa({"a": (9, 10), "x": (1, 2)}, {"a": (9, 10), "y": (0, 3)})
    assert isinstance(found, Decomposition)
    assert set(found.parts) == {"a", OTHER}
    assert kitagawa({}, {"a": (1, 2)}) == Undefined("there are no items before", 2)


@pytest.mark.parametrize("part", ["composition", "within"])
def test_the_intervals_cover(part: str) -> None:
    """Of 400 draws with a true composition of −.08 and a true within of −.06, some 95 % hold it."""
    rng = np.random.default_rng(5)
    w0, w1, r0, r1 = (0.7, 0.3), (0.5, 0.5), (0.9, 0.5), (0.84, 0.44)
    truth = {
        "composition": sum((b - a) * (x + y) / 2 for a, b, x, y in zip(w0, w1, r0, r1, strict=True)),
        "within": sum((a + b) / 2 * (y - x) for a, b, x, y in zip(w0, w1, r0, r1, strict=True)),
    }
    covered = 0
    for _ in range(400):
        drawn = []
        for shares, rates in ((w0, r0), (w1, r1)):
            sizes = rng.multinomial(300, shares)
            drawn.append({str(i): (int(rng.binomial(n, rates[i])), int(n)) for i, n in enumerate(sizes)})
        found = kitagawa(*drawn)
        assert isinstance(found, Decomposition)
        interval = getattr(found, part)
        covered += interval.low <= truth[part] <= interval.high
    assert covered >= 0.92 * 400
