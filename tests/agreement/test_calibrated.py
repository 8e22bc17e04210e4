"""A kept map says what the fitted one says, without numerics, and only of what it was fitted on."""

from __future__ import annotations

import numpy as np
import pytest

from dikast.agreement.calibrated import AS_STATED, ConfidenceMap, as_stated, calibrated
from dikast.agreement.calibration_map import CalibrationMap, Kind
from dikast.records import JudgeRef, Verdict


def verdict(confidence: float | None = 0.9, source: str | None = "votes:5") -> Verdict:
    return Verdict(
        id="1",
        status="scored",
        verdict="pass",
        confidence=confidence,
        confidence_source=source,
        judge=JudgeRef("j", "1"),
    )


@pytest.mark.parametrize(
    ("kind", "parameters", "knots"),
    [
        ("temperature", (0.4, 0.0), ()),
        ("platt", (1.3, -0.7), ()),
        ("isotonic", (), ((0.5, 0.3), (0.7, 0.3), (0.8, 0.65), (1.0, 0.9))),
    ],
)
def test_it_is_the_same_map(kind: Kind, parameters: tuple[float, ...], knots: tuple[tuple[float, float], ...]) -> None:
    fitted = CalibrationMap(kind, True, "", 100, parameters, knots)
    kept = ConfidenceMap(kind=kind, source=None, parameters=parameters, knots=knots)  # type: ignore[arg-type]
    grid = np.linspace(0, 1, 101)
    assert [kept.of(float(x)) for x in grid] == pytest.approx(fitted.apply(list(grid)), abs=1e-12)


def test_a_mapped_verdict_says_so_and_can_be_had_back() -> None:
    shape = ConfidenceMap(kind="platt", source="votes:5", parameters=(1.0, -1.0))
    mapped = calibrated(verdict(), shape)
    assert mapped.confidence == pytest.approx(0.9 / (0.9 + 0.1 * np.e), abs=1e-6)
    assert mapped.confidence_source == "calibrated: votes:5"
    assert mapped.details == {AS_STATED: 0.9}
    assert as_stated(mapped) == verdict()
    assert as_stated(verdict()) == verdict()
    assert calibrated(mapped, shape) == mapped  # never twice


@pytest.mark.parametrize("other", [verdict(source="verdict_token_exact"), verdict(source=None), verdict(None)])
def test_another_source_of_confidence_is_left_alone(other: Verdict) -> None:
    assert calibrated(other, ConfidenceMap(kind="platt", source="votes:5", parameters=(1.0, -1.0))) == other
