"""The opinion in one word: the distribution of the verdict's token, or of samples where an endpoint can't give it.

Which of the two it was, and why, is told on the verdict.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from dikast.judges.distribution import LEAST_MASS, by_value, word_for
from dikast.judges.form import AnswerForm, Reading
from dikast.judges.opinion import SAMPLING_TEMPERATURE, Opinion, Question, Reader
from dikast.judges.reading import Unreadable, read_word
from dikast.judges.scale import Misread
from dikast.judges.written import written_opinion
from dikast.models.endpoint import Reply, Request

DEFAULT_SAMPLES = 5  # in place of a distribution: most of what samples gain comes with the first three
_WORD_TOKENS = 16


async def token_opinion(question: Question) -> Opinion:
    """The opinion in the verdict's token alone; over samples of it where the endpoint can't give a distribution."""
    form, can = question.judge.form(), question.capabilities
    if not question.judge.can_be_fast:
        opinion = await written_opinion(question)
        opinion.steps.insert(0, "written, not fast: this judge's verdict can't be asked for as one word")
        opinion.method = opinion.method and f"{opinion.method}+not_fast"
        return opinion
    if question.facts is not None and can.choices is None:
        return await sampled_opinion(question, "the endpoint gives no distribution")
    if can.thinks and can.thinking_switch is False:
        return await sampled_opinion(question, "the model thinks before it answers and can't be told not to")
    request = _word_request(question, form)
    reply = await question.ask(request, lambda reply: _is_distribution(form, reply))
    if reply.choice_probs is None:
        opinion = await sampled_opinion(question, "the endpoint gave no distribution")
        opinion.replies.insert(0, reply)
        return opinion
    origin = "verdict_token_exact" if reply.choice_reading == "exact" else "verdict_token_top"
    opinion = Opinion(method="verdict_token", origin=origin, replies=[reply])
    if reply.choice_mass is not None:
        opinion.details["choice_mass"] = round(reply.choice_mass, 6)
        if _is_noise(reply):
            words = f"only {reply.choice_mass:.1%} of the first token's probability is on a verdict"
            opinion.unreadable = Unreadable("no verdict", words)
            return opinion
    _decide(opinion, form, reply.choice_probs)
    return opinion


async def sampled_opinion(question: Question, why: str) -> Opinion:
    """The distribution of one-word verdicts over k samples: the judge's votes, or 5."""
    judge, form = question.judge, question.judge.form()
    count = judge.votes if judge.votes > 1 else DEFAULT_SAMPLES
    opinion = Opinion(method="verdict_samples", origin=f"samples:{count}", steps=[f"{count} samples: {why}"])
    reader = Reader(form, read_word)
    tally: Counter[str] = Counter()
    fault: Unreadable | None = None
    for sample in range(count):
        reply = await question.ask(_sample_request(question, form, sample), reader.usable)
        opinion.replies.append(reply)
        outcome = reader.outcome(reply)
        if isinstance(outcome, Unreadable):
            fault = outcome
        elif word := _word_of(form, outcome.reading):
            tally[word] += 1
    read = tally.total()
    opinion.details["samples"] = {"of": count, **tally, "unreadable": count - read}
    if read * 2 <= count:
        reason = f"only {read} of {count} samples could be read" + (f"; the last fault was {fault}" if fault else "")
        opinion.unreadable = Unreadable(fault.kind if fault else "no verdict", reason)
    else:
        _decide(opinion, form, {word: number / read for word, number in tally.items()})
    return opinion


def _decide(opinion: Opinion, form: AnswerForm, probs: dict[str, float]) -> None:
    """Read a distribution of verdict words."""
    total = sum(probs.values())
    if total > 0:
        opinion.probabilities = by_value(form, {word: probs.get(word, 0.0) / total for word in form.choices})
    try:
        opinion.reading = form.read_choice(probs)
    except Misread as misread:
        kind, _, reason = misread.reason.partition(": ")
        opinion.unreadable = Unreadable("undecided" if kind == "undecided" else "no verdict", reason)


def _word_request(question: Question, form: AnswerForm) -> Request:
    settings = question.judge.settings
    return Request(
        messages=question.messages(fast=True),
        max_tokens=1,
        temperature=0.0,
        seed=settings.seed,
        thinking="off",
        choices=form.choices,
    )


def _sample_request(question: Question, form: AnswerForm, sample: int) -> Request:
    """The same prompt, answered in words: with room for thinking where a model can't be kept from it."""
    settings, can = question.judge.settings, question.capabilities
    thinks = can.thinks and can.thinking_switch is not True
    return msgspec.structs.replace(
        _word_request(question, form),
        choices=(),
        max_tokens=settings.max_tokens if thinks else _WORD_TOKENS,
        temperature=settings.temperature or SAMPLING_TEMPERATURE,
        top_p=settings.top_p,
        seed=(settings.seed or 0) + sample,
        thinking="default" if thinks else "off",
        sample=sample,
    )


def _is_distribution(form: AnswerForm, reply: Reply) -> bool:
    if reply.choice_probs is None or _is_noise(reply):
        return False
    try:
        form.read_choice(reply.choice_probs)
    except Misread:
        return False
    return True


def _is_noise(reply: Reply) -> bool:
    """Whether the words stood at the end of a list. An exact reading has no such end: a forced choice is a choice."""
    is_list = reply.choice_reading != "exact"
    return is_list and reply.choice_mass is not None and reply.choice_mass < LEAST_MASS


def _word_of(form: AnswerForm, reading: Reading) -> str | None:
    value = reading.verdict if form.scale.kind != "ordinal" else reading.scores.get("overall")
    return word_for(form, value)
