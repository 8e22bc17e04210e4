"""Maps of confidence, kept where they hold and tried on labels that they have not seen.

A map is fitted on labels that are not sealed, kept for one judge's version on one model, and read by everything that
opens a run of theirs (see `runs.Run.verdicts`); what is in the store stays as it was judged. On the sealed test it is
only tried: nothing is ever fitted there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dikast.agreement.calibrated import ConfidenceMap, as_stated, calibrated
from dikast.agreement.calibration import brier, expected_calibration_error
from dikast.agreement.estimate import Figure, as_json
from dikast.agreement.families import confident
from dikast.agreement.figures import Agreement, Comparison
from dikast.agreement.matching import match
from dikast.journey.runs import Run, calibration_key
from dikast.records import Label, Verdict
from dikast.store import Calibration, Store


@dataclass(frozen=True, slots=True)
class Tried:
    """What a kept map makes of the figures on labels that it has not seen."""

    calibration: Calibration
    before: dict[str, Figure]
    after: dict[str, Figure]

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        kept = self.calibration
        return {
            "kind": kept.map.kind if kept.map else None,
            "fitted_on": {"run": kept.run, "dataset": kept.dataset, "n": kept.n, "at": kept.at},
            "before": {name: as_json(figure) for name, figure in self.before.items()},
            "after": {name: as_json(figure) for name, figure in self.after.items()},
        }


def keep_map(run: Run, store: Store, dataset: str, found: Agreement) -> tuple[bool, str]:
    """Keep the map that was fitted in `found`, if it holds; and why, or why not, in words.

    Where one was kept before, and as many labels or more now bear none, it is no longer applied; fewer say nothing
    against it.
    """
    if run.info is None:
        return False, "which model answered isn't known: a map is kept for a run of this store"
    version, model = calibration_key(run.info)
    mapped, why = _kept_shape(run, found)
    before = store.calibration(version, model)
    n = found.calibration.n if found.calibration else 0
    if mapped is None and (before is None or before.map is None):
        return False, why
    if mapped is None and before is not None and n < before.n:
        return False, f"{why}; the one of {before.at[:10]}, fitted on {before.n:,} labels, stays"
    store.keep_calibration(
        Calibration(
            judge=run.info.judge,
            model=model,
            map=mapped,
            run=run.name,
            dataset=dataset,
            n=n,
            why=why,
        )
    )
    if mapped is None:
        return False, f"{why}; the map of {before.at[:10] if before else ''} is no longer applied"
    return True, why


def try_map(run: Run, labels: Iterable[Label], asked: Comparison) -> Tried | None:
    """ECE and Brier score as stated, and through the map that is kept for the run; None where none is."""
    kept = run.calibration
    if kept is None or kept.map is None:
        return None
    stated = [as_stated(verdict) for verdict in run.verdicts()]
    given = list(labels)
    figures = []
    for verdicts in (stated, [calibrated(verdict, kept.map) for verdict in stated]):
        figures.append(_figures(verdicts, given, asked))
    return Tried(kept, *figures) if figures[0] else None


def why_no_map(run: Run, store: Store) -> str:
    """Why no map is applied to a run, in words."""
    if run.info is None:
        return "no map of confidence is applied: which judge and model answered isn't known here"
    version, model = calibration_key(run.info)
    own = store.calibration(version, model)
    if own is not None and own.map is None:
        return f"no map of confidence is applied: {own.why}"
    of_name = [one for one in store.calibrations() if one.judge.name == run.info.judge.name and one.map is not None]
    if not of_name:
        return "no map of confidence is kept for this judge: `dikast agree RUN --keep-calibration` keeps one"
    other = of_name[0]
    differs = "on another model" if other.judge.version == version else f"of version {other.judge.version[:12]}"
    return f"no map of confidence is applied: the one that is kept is {differs}, and holds for nothing else"


def _kept_shape(run: Run, found: Agreement) -> tuple[ConfidenceMap | None, str]:
    fitted = found.calibration
    if fitted is None:
        return None, "no verdict with a label says how sure the judge was"
    if not fitted.holds or fitted.kind == "none":
        return None, fitted.why
    sources = {one.confidence_source for one in map(as_stated, run.verdicts()) if one.confidence is not None}
    if len(sources) != 1:
        named = ", ".join(sorted(str(source or "not recorded") for source in sources))
        return None, f"confidences come from several sources ({named}), and a map holds for one"
    shape = ConfidenceMap(
        kind=fitted.kind, source=sources.pop(), parameters=fitted.parameters, knots=_knots(fitted.kind, fitted.knots)
    )
    return shape, fitted.why


def _knots(kind: str, knots: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    return knots if kind == "isotonic" else ()


def _figures(verdicts: Iterable[Verdict], labels: Iterable[Label], asked: Comparison) -> dict[str, Figure]:
    sure = confident(match(verdicts, labels, criterion=asked.criterion, principal=asked.principal))
    if not sure:
        return {}
    confidence, right = [c for _, c, _ in sure], [r for _, _, r in sure]
    return {
        "ece": expected_calibration_error(confidence, right, level=asked.level),
        "brier": brier(confidence, right, level=asked.level),
    }
