"""A map of confidence that was kept, applied to verdicts; without numerics, since every reader of a run applies it.

A mapped verdict says so: `confidence_source` ends with "calibrated", and `details` keeps what was stated, so that it
is never mapped twice and can be had back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import exp, log
from typing import Literal

import msgspec

from dikast.records import Verdict

Kind = Literal["temperature", "platt", "isotonic"]

AS_STATED = "confidence_as_stated"
"""Where `Verdict.details` keeps the confidence from before the map."""

_CALIBRATED = "calibrated: "
_EDGE = 1e-4


class ConfidenceMap(msgspec.Struct, frozen=True, kw_only=True):
    """What `calibration_map` found, in a shape that is kept: see `CalibrationMap` for kind, parameters and knots.

    source: the `confidence_source` that it was fitted on, and holds for.
    """

    kind: Kind
    source: str | None
    parameters: tuple[float, ...] = ()
    knots: tuple[tuple[float, float], ...] = ()

    def of(self, confidence: float) -> float:
        """How often a verdict that is as sure as this is right."""
        if self.kind == "isotonic":
            return _between(self.knots, confidence)
        inside = min(max(confidence, _EDGE), 1 - _EDGE)
        slope, shift = self.parameters
        return 1 / (1 + exp(-(slope * log(inside / (1 - inside)) + shift)))


def calibrated(verdict: Verdict, mapped: ConfidenceMap) -> Verdict:
    """The verdict with its confidence mapped; as it is where it has none, or one of another source."""
    if verdict.confidence is None or verdict.confidence_source != mapped.source:
        return verdict
    return msgspec.structs.replace(
        verdict,
        confidence=round(mapped.of(verdict.confidence), 6),
        confidence_source=f"{_CALIBRATED}{mapped.source or 'not recorded'}",
        details={**(verdict.details or {}), AS_STATED: verdict.confidence},
    )


def as_stated(verdict: Verdict) -> Verdict:
    """The verdict with the confidence that the judge stated, where it was mapped."""
    details, source = verdict.details or {}, verdict.confidence_source or ""
    if AS_STATED not in details or not source.startswith(_CALIBRATED):
        return verdict
    stated = source.removeprefix(_CALIBRATED)
    return msgspec.structs.replace(
        verdict,
        confidence=details[AS_STATED],
        confidence_source=None if stated == "not recorded" else stated,
        details={key: value for key, value in details.items() if key != AS_STATED} or None,
    )


def _between(knots: Sequence[tuple[float, float]], x: float) -> float:
    """Straight between the knots, level beyond them."""
    at = bisect_right(knots, x, key=lambda knot: knot[0])
    if at == 0:
        return knots[0][1]
    if at == len(knots):
        return knots[-1][1]
    (x0, y0), (x1, y1) = knots[at - 1], knots[at]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
