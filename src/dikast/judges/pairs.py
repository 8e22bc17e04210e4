"""A pair judged in both orders, and the evidence of both summed.

With probabilities from tokens, the log-probabilities of the orders are averaged: an advantage of the place multiplies
the odds (Davidson and Beaver 1977, doi:10.2307/2529466), so it is added to one order's log-odds, taken from the
other's, and cancels. With shares of votes or samples, which are counts, the shares are averaged. With bare verdicts,
an order that calls a tie leaves the decision to the other one; where A and B stand against each other, the scores
decide, if there are any; if not, it is a tie where the scale has one, and else the verdict is "order decided". One
order alone is never a verdict.
"""

from __future__ import annotations

import math

from dikast.judges.form import AnswerForm, Reading
from dikast.judges.opinion import Opinion
from dikast.judges.reading import Unreadable
from dikast.judges.voting import mean_scores
from dikast.records import Json, Outcome

_FLOOR = 1e-4  # below it a probability says more about rounding than about the pair
_EVEN = 1e-9


def both_orders(form: AnswerForm, first: Opinion, second: Opinion) -> Opinion:
    """One opinion from two: `first` saw A first, `second` saw B first. details.order tells whether order decided."""
    readings = (first.reading, second.reading and form.unswap(second.reading))
    probs = (first.probabilities, second.probabilities and _turned(second.probabilities))
    result = Opinion(
        method=_methods(first, second),
        steps=[f"A first: {step}" for step in first.steps] + [f"B first: {step}" for step in second.steps],
        replies=first.replies + second.replies,
        details=_details(first, second) | {"order": _order(readings, probs)},
    )
    for name, one in (("A", first), ("B", second)):
        if one.reading is None and one.probabilities is None and one.unreadable is not None:
            result.unreadable = Unreadable(one.unreadable.kind, f"with {name} first: {one.unreadable.reason}")
            return result
    if probs[0] is not None and probs[1] is not None:
        _from_probabilities(result, form, readings, (probs[0], probs[1]), first.origin, second.origin)
    elif readings[0] is not None and readings[1] is not None:
        _from_verdicts(result, form, readings[0], readings[1])
    else:
        one = first if readings[0] is None else second
        result.unreadable = one.unreadable
    return result


def _from_probabilities(
    result: Opinion,
    form: AnswerForm,
    readings: tuple[Reading | None, Reading | None],
    probs: tuple[dict[str, float], dict[str, float]],
    *origins: str | None,
) -> None:
    are_counts = any(origin and origin.startswith(("votes", "samples")) for origin in origins)
    pooled = _mean(*probs) if are_counts else _log_mean(*probs)
    lean = pooled.get("a", 0.0) - pooled.get("b", 0.0)
    verdict: Outcome = max(("a", "b", "tie"), key=lambda side: pooled.get(side, 0.0))
    if verdict != "tie" and abs(lean) < _EVEN:
        verdict = "tie"
    result.probabilities = pooled
    if verdict == "tie" and not form.scale.tie:
        result.unreadable = Unreadable("order decided", "the two orders balance out, and this judge has no tie")
        return
    result.origin = origins[0] if origins[0] == origins[1] else f"{origins[0]} and {origins[1]}"
    overall = pooled.get("a", 0.0) + pooled.get("tie", 0.0) / 2
    known = [reading for reading in readings if reading is not None]
    result.reading = _combined(known, verdict, overall, pooled.get(verdict, 0.0), pooled)


def _from_verdicts(result: Opinion, form: AnswerForm, first: Reading, second: Reading) -> None:
    lean: float = _worth(first) + _worth(second)
    if lean == 0 and first.verdict != second.verdict:
        lean = _lean(form, first) + _lean(form, second)
    verdict: Outcome = "a" if lean > 0 else "b" if lean < 0 else "tie"
    if verdict == "tie" and not form.scale.tie:
        reason = "the answer shown first was preferred both times"
        if first.verdict != "a":
            reason = "the answer shown second was preferred both times"
        result.unreadable = Unreadable("order decided", f"{reason}, and this judge has no tie")
        return
    overall = (2 + _worth(first) + _worth(second)) / 4
    result.reading = _combined([first, second], verdict, overall, None, None)


def _combined(
    readings: list[Reading],
    verdict: Outcome,
    overall: float,
    confidence: float | None,
    probabilities: dict[str, float] | None,
) -> Reading:
    """Mean scores, and the critique of the first order that says what the pair came to."""
    scores: dict[str, Json] = mean_scores(readings) if readings else {}
    agreeing = [reading for reading in readings if reading.verdict == verdict and reading.critique] or readings
    critique = agreeing[0].critique if agreeing else None
    scores |= {"overall": _tidy(overall), "reasoning": critique}
    return Reading(
        verdict=verdict, scores=scores, critique=critique, confidence=confidence, probabilities=probabilities
    )


def _order(
    readings: tuple[Reading | None, Reading | None], probs: tuple[dict[str, float] | None, dict[str, float] | None]
) -> dict[str, Json]:
    """What each order said, so that a run can count how often order decided; consistent is None if one says nothing."""
    said = [_said(reading, prob) for reading, prob in zip(readings, probs, strict=True)]
    consistent = said[0] == said[1] if None not in said else None
    order: dict[str, Json] = {"consistent": consistent, "a_first": said[0], "b_first": said[1]}
    for name, prob in zip(("p_a_first", "p_a_second"), probs, strict=True):
        if prob is not None:
            order[name] = round(prob.get("a", 0.0) + prob.get("tie", 0.0) / 2, 6)
    return order


def _said(reading: Reading | None, probs: dict[str, float] | None) -> str | None:
    if reading is not None:
        return reading.verdict
    return max(probs, key=lambda side: probs[side]) if probs else None


def _turned(probs: dict[str, float]) -> dict[str, float]:
    sides = {"a": "b", "b": "a"}
    return {sides.get(side, side): prob for side, prob in probs.items()}


def _mean(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    return {side: (first.get(side, 0.0) + second.get(side, 0.0)) / 2 for side in {**first, **second}}


def _log_mean(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    """The geometric mean of two distributions, summing to 1."""
    pooled = {
        side: math.sqrt(max(first.get(side, 0.0), _FLOOR) * max(second.get(side, 0.0), _FLOOR))
        for side in {**first, **second}
    }
    total = sum(pooled.values())
    return {side: value / total for side, value in pooled.items()}


def _worth(reading: Reading) -> int:
    return {"a": 1, "b": -1}.get(reading.verdict or "", 0)


def _lean(form: AnswerForm, reading: Reading) -> float:
    """How far the other scores of a reading lean to A: score_a over score_b, and preferences by criterion."""
    preferences = {field.name for field in form.fields if field.role == "criterion" and field.scale}
    lean = 0.0
    for name, value in reading.scores.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or name == "overall":
            continue
        if name.endswith(("_a", "_A")):
            other = reading.scores.get(name[:-1] + {"a": "b", "A": "B"}[name[-1]])
            lean += value - other if isinstance(other, (int, float)) else 0.0
        elif name in preferences and _is_preference(form, name):
            lean += value - 0.5
    return lean


def _is_preference(form: AnswerForm, name: str) -> bool:
    return any(field.name == name and field.scale and field.scale.kind == "preference" for field in form.fields)


def _methods(first: Opinion, second: Opinion) -> str | None:
    methods = [method for method in dict.fromkeys((first.method, second.method)) if method]
    return "+".join([*methods, "both_orders"]) if methods else None


def _details(first: Opinion, second: Opinion) -> dict[str, Json]:
    details: dict[str, Json] = {}
    for name, one in (("a_first", first), ("b_first", second)):
        details.update({name: one.details} if one.details else {})
    return details


def _tidy(number: float) -> float:
    rounded = round(number, 9)
    return int(rounded) if float(rounded).is_integer() else rounded
