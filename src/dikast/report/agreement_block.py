"""How far the judge agrees with people, as a report shows it; made by whoever has the labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dikast.agreement.calibration import ReliabilityBin
from dikast.agreement.calibration_map import CalibrationMap
from dikast.agreement.estimate import Figure

Trust = Literal["trusted", "not_yet", "no"]


@dataclass(frozen=True, slots=True)
class AgreementFigure:
    """One statistic under its name in the field. `as_percent`: it is a share and reads best so."""

    name: str
    figure: Figure
    as_percent: bool = False
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class AgreementBlock:
    """Agreement with labels, its baselines, and whether the judge is to be trusted.

    labels: whose they are and where from. n: interactions with both a label and a verdict. left_out: reason to count.
    sentence: the verdict on the judge in words. needs: what would settle it, where more is needed.
    reliability, calibration: for the diagram of confidence, where verdicts have one.
    """

    labels: str
    n: int
    figures: tuple[AgreementFigure, ...]
    baselines: tuple[AgreementFigure, ...]
    trust: Trust
    sentence: str
    needs: str | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    reliability: tuple[ReliabilityBin, ...] = ()
    calibration: CalibrationMap | None = None
