"""Several votes on one question, and the strict majority of them.

Votes are written answers at a temperature above 0, each with its own seed, asked one after the other. More than half
of all k votes must say the same; a vote that can't be read counts among the k and for no side. Voting stops when a
side has its majority or none can get one any more. With an ordinal scale the result is the mean of the votes that
could be read (more than half must be), which gains more than their mode or median; every vote is then needed.
"""

from __future__ import annotations

from collections import Counter
from typing import TypeGuard

import msgspec

from dikast.judges.form import AnswerForm, Reading
from dikast.judges.opinion import SAMPLING_TEMPERATURE, Opinion, Question
from dikast.judges.reading import Unreadable
from dikast.judges.written import written_opinion
from dikast.records import Json


async def voted_opinion(question: Question) -> Opinion:
    """The opinion that the judge's votes amount to."""
    judge = question.judge
    form, count = judge.form(), judge.votes
    # At temperature 0 all votes would be one vote. Not the model's own default, so that a run can be repeated.
    temperature = judge.settings.temperature or SAMPLING_TEMPERATURE
    votes: list[Opinion] = []
    for sample in range(count):
        votes.append(await written_opinion(question, sample=sample, temperature=temperature))
        if form.scale.kind != "ordinal" and _is_decided(votes, count):
            break
    return counted(form, votes, count, temperature)


def counted(form: AnswerForm, votes: list[Opinion], count: int, temperature: float) -> Opinion:
    """The result of the votes that were cast, of `count` that might have been."""
    readable = [vote for vote in votes if vote.reading is not None]
    tally = Counter(_side(form, vote.reading) for vote in readable if vote.reading is not None)
    summary: dict[str, Json] = {"of": count, "cast": len(votes), **dict(tally.most_common())}
    summary |= {"unreadable": len(votes) - len(readable), "temperature": temperature}
    result = Opinion(
        method="+".join(["votes", *sorted({vote.method for vote in readable if vote.method})]),
        origin=f"votes:{count}",
        steps=[f"vote {number + 1}: {step}" for number, vote in enumerate(votes) for step in vote.steps],
        replies=[reply for vote in votes for reply in vote.replies],
        details={"votes": summary},
    )
    if readable and form.scale.kind != "ordinal":
        result.probabilities = {side: number / len(readable) for side, number in tally.items()}
    if not readable and votes[-1].unreadable is not None:
        last = votes[-1].unreadable
        result.unreadable = Unreadable(last.kind, f"none of {len(votes)} votes could be read; the last: {last.reason}")
    elif form.scale.kind == "ordinal":
        _take_mean(result, form, readable, count)
    else:
        _take_majority(result, form, readable, tally, len(votes), count)
    return result


def _take_majority(
    result: Opinion, form: AnswerForm, readable: list[Opinion], tally: Counter[str], cast: int, count: int
) -> None:
    side, number = tally.most_common(1)[0]
    if number * 2 <= count:
        result.unreadable = _no_majority(tally, cast - len(readable), count)
        return
    spokesman = next(vote.reading for vote in readable if vote.reading and _side(form, vote.reading) == side)
    result.reading = msgspec.structs.replace(spokesman, confidence=number / cast, probabilities=result.probabilities)


def _take_mean(result: Opinion, form: AnswerForm, readable: list[Opinion], count: int) -> None:
    readings = [vote.reading for vote in readable if vote.reading is not None]
    if len(readings) * 2 <= count:
        tally = Counter(_side(form, reading) for reading in readings)
        result.unreadable = _no_majority(tally, count - len(readings), count)
        return
    scores = mean_scores(readings)
    overall = scores["overall"]
    nearest = min(readings, key=lambda reading: abs((reading.scores.get("overall") or 0) - (overall or 0)))
    scores["reasoning"] = nearest.critique
    verdict = form.scale.outcome(overall) if isinstance(overall, (int, float)) else None
    level = Counter(_side(form, reading) for reading in readings).most_common(1)[0][1]
    agreeing = level if verdict is None else sum(1 for reading in readings if reading.verdict == verdict)
    result.reading = msgspec.structs.replace(
        nearest, verdict=verdict, scores=scores, confidence=agreeing / len(readings), probabilities=None
    )


def mean_scores(readings: list[Reading]) -> dict[str, Json]:
    """Each score as the mean of the readings that have it as a number; others as the first reading has them."""
    scores: dict[str, Json] = {}
    for name, own in readings[0].scores.items():
        numbers = [value for reading in readings if _is_number(value := reading.scores.get(name))]
        scores[name] = _tidy(sum(numbers) / len(numbers)) if numbers else own
    return scores


def _is_decided(votes: list[Opinion], count: int) -> bool:
    """Whether a side has more than half of all votes, or none can get there any more."""
    sides = [vote.reading.verdict for vote in votes if vote.reading is not None]
    most = Counter(sides).most_common(1)[0][1] if sides else 0
    left = count - len(votes)
    return most * 2 > count or (most + left) * 2 <= count


def _no_majority(tally: Counter[str], unreadable: int, count: int) -> Unreadable:
    parts = [f"{number} {side}" for side, number in tally.most_common()]
    parts += [f"{unreadable} unreadable"] if unreadable else []
    return Unreadable("no majority", f"{', '.join(parts)} of {count} votes")


def _side(form: AnswerForm, reading: Reading) -> str:
    if form.scale.kind == "ordinal":
        overall = reading.scores.get("overall")
        return "no overall" if overall is None else f"{overall:g}"
    return str(reading.verdict)


def _is_number(value: Json) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _tidy(number: float) -> float:
    rounded = round(number, 9)
    return int(rounded) if float(rounded).is_integer() else rounded
