"""The opinion in a written answer.

The ladder: the schema is sent where the endpoint is not known to ignore it; the reply is read; one that can't be read
is asked for once more, continued with what was wrong, or from the beginning with twice the room if it was cut off. A
refusal is an answer and is not asked again. What then can't be read has no verdict, and says why.
"""

from __future__ import annotations

from dikast.errors import EndpointRefused, PromptTooLong
from dikast.judges.distribution import verdict_words, with_spread, written_spread
from dikast.judges.form import AnswerForm
from dikast.judges.opinion import Opinion, Question, Reader
from dikast.judges.reading import ReadReply, Unreadable
from dikast.judges.reasking import asked_again, with_more_room
from dikast.models.endpoint import Reply, Request

_MOST_ALTERNATIVES = 20  # more than servers give for every token of an answer


async def written_opinion(question: Question, *, sample: int = 0, temperature: float | None = None) -> Opinion:
    """The opinion in a written answer, by the ladder. sample and temperature: for one of several votes."""
    form = question.judge.form()
    opinion = Opinion()
    reader = Reader(form)
    request = _written_request(question, form, sample, temperature)
    reply = await question.ask(request, reader.usable)
    opinion.replies.append(reply)
    outcome = reader.outcome(reply)
    suffix = ""
    if isinstance(outcome, Unreadable):
        opinion.steps.append(f"unreadable: {outcome}")
        again = None if outcome.kind == "refused" else _second_request(question, form, request, reply, outcome)
        if again is None:
            if outcome.kind != "refused":
                opinion.steps.append("not asked again: the context has no more room")
        else:
            suffix = "+re-asked"
            outcome = await _second_outcome(question, again, reader, opinion, outcome)
    if isinstance(outcome, Unreadable):
        opinion.unreadable = outcome
        return opinion
    _settle(opinion, form, outcome, suffix)
    return opinion


async def _second_outcome(
    question: Question, again: Request, reader: Reader, opinion: Opinion, first: Unreadable
) -> ReadReply | Unreadable:
    """What the second reply says; the first fault stays where the endpoint does not take the longer prompt."""
    longer = first.kind == "cut off"
    opinion.steps.append(f"asked again with {again.max_tokens} tokens" if longer else "asked again with what was wrong")
    try:
        reply = await question.ask(again, reader.usable)
    except (PromptTooLong, EndpointRefused) as error:
        opinion.steps.append(f"the second request was not accepted: {error}")
        return first
    opinion.replies.append(reply)
    outcome = reader.outcome(reply)
    if isinstance(outcome, Unreadable):
        opinion.steps.append(f"unreadable: {outcome}")
    return outcome


def _settle(opinion: Opinion, form: AnswerForm, found: ReadReply, suffix: str) -> None:
    """Take a reading over, with the confidence that the tokens of its verdict tell."""
    reading, method = found.reading, found.method
    spread = written_spread(form, found.source, opinion.replies[-1].tokens)
    if spread is not None:
        written = reading
        opinion.details["choice_mass"] = round(spread.mass, 6)
        reading, opinion.origin = with_spread(form, reading, spread)
        opinion.probabilities = reading.probabilities
        if reading.scores.get("overall") != written.scores.get("overall"):
            method += "+token_mean"
            opinion.details["written"] = {"verdict": written.verdict, "overall": written.scores.get("overall")}
    if suffix:
        opinion.steps.append(method)
    if found.notes:
        opinion.details["notes"] = list(found.notes)
    opinion.reading = reading
    opinion.method = method + suffix


def _written_request(question: Question, form: AnswerForm, sample: int, temperature: float | None) -> Request:
    settings, can = question.judge.settings, question.capabilities
    alternatives = 0
    words = verdict_words(form) if can.logprobs and form.verdict_key is not None else ()
    if words:
        alternatives = min(can.logprobs, max(5, 2 * len(words)), _MOST_ALTERNATIVES)
    return Request(
        messages=question.messages(),
        max_tokens=settings.max_tokens,
        temperature=settings.temperature if temperature is None else temperature,
        top_p=settings.top_p,
        seed=settings.seed if temperature is None else (settings.seed or 0) + sample,
        thinking=settings.thinking,
        schema=form.schema if can.schema is not False else None,
        logprobs=alternatives,
        sample=sample,
    )


def _second_request(
    question: Question, form: AnswerForm, request: Request, reply: Reply, unreadable: Unreadable
) -> Request | None:
    if unreadable.kind == "cut off":
        return with_more_room(request, reply, question.capabilities.context_length)
    return asked_again(request, reply, unreadable.kind, form, question.judge.language)
