"""How sure a model was of a verdict that it wrote: the distribution over the verdict words where it chose between them.

The value's place in the text is found in the tokens, however they cut it (`"pass`, ` pass`, `pa`+`ss`), and the
listed alternatives at that place are sorted by the verdict word that they begin. Where one token leaves it open ("1"
of 1 and 10), the next one on the written path decides. What the server did not list is bounded by the probability it
left over; a figure that this bound doesn't pin down is not given.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

import msgspec

from dikast.judges.form import AnswerForm, Reading
from dikast.judges.scale import Misread
from dikast.models.endpoint import Token

LEAST_MASS = 0.05  # of the full distribution: words that hold less were at the noisy end of the listed alternatives
WIDEST_BOUND = 0.05  # of a confidence that is given as its lower bound
MOST_UNSEEN = 0.02  # of the probability, for a mean over levels that are not all listed

_LEADING = " \t\r\n\"'“‘*`「▁Ġ"


class Spread(msgspec.Struct, frozen=True):
    """Probability (raw, not normalised) on each verdict word, and at most how much more there may be, unlisted."""

    raw: dict[str, float]
    unseen: float
    choices: tuple[str, ...]

    @property
    def mass(self) -> float:
        """How much of the full distribution the words hold."""
        return sum(self.raw.values())

    @property
    def probs(self) -> dict[str, float]:
        """P(word) among the words, an unlisted one being 0."""
        return {word: self.raw.get(word, 0.0) / self.mass for word in self.choices}

    @property
    def is_complete(self) -> bool:
        """Whether every word was listed, or what was not listed is next to nothing."""
        return len(self.raw) == len(self.choices) or self.unseen <= MOST_UNSEEN * self.mass

    def confidence(self, word: str) -> tuple[float | None, str | None]:
        """P(word) among the words and what kind of figure that is; (None, None) where it is not pinned down."""
        if self.mass < LEAST_MASS or word not in self.raw:
            return None, None
        if len(self.raw) == len(self.choices):
            return self.raw[word] / self.mass, "verdict_token"
        low, high = self.raw[word] / (self.mass + self.unseen), self.raw[word] / self.mass
        return (low, "verdict_token_bound") if high - low <= WIDEST_BOUND else (None, None)


def written_spread(form: AnswerForm, source: str, tokens: tuple[Token, ...]) -> Spread | None:
    """The distribution where the verdict was written in `source`, the JSON that was read; None if it can't be found."""
    words = verdict_words(form)
    if not tokens or not words or form.verdict_key is None:
        return None
    places = list(_value_of(form.verdict_key, words).finditer(source))
    if not places:
        return None
    place = places[-1]
    written = "".join(token.text for token in tokens)
    at = _locate(written, source, place.start(), place.start("value"))
    return None if at is None else _walk(words, tokens, at)


def verdict_words(form: AnswerForm) -> tuple[str, ...]:
    """The words that a written verdict can be, also where one token does not tell them apart: 1 to 10."""
    return form.choices or (form.scale.level_words if form.scale.kind == "ordinal" and form.verdict_key else ())


def with_spread(form: AnswerForm, reading: Reading, spread: Spread) -> tuple[Reading, str | None]:
    """A written reading with its confidence, and where that comes from.

    On an ordinal scale the overall becomes the mean of the distribution. It agrees with
    people more often than the mode does (arXiv:2503.03064).
    """
    if form.scale.kind == "ordinal":
        if spread.mass < LEAST_MASS or not spread.is_complete:
            return reading, None
        mean = msgspec.structs.replace(form, choices=spread.choices).read_choice(spread.probs)
        scores = {**reading.scores, **{name: value for name, value in mean.scores.items() if name != "reasoning"}}
        mean = msgspec.structs.replace(mean, scores=scores, critique=reading.critique, notes=reading.notes)
        return mean, "verdict_token"
    word = next((word for word in form.choices if form.scale.value_of(word) == reading.verdict), "")
    confidence, origin = spread.confidence(word)
    if confidence is None:
        return reading, None
    probabilities = by_value(form, spread.probs) if spread.is_complete else None
    return msgspec.structs.replace(reading, confidence=confidence, probabilities=probabilities), origin


def by_value(form: AnswerForm, probs: dict[str, float]) -> dict[str, float]:
    """The distribution by what the words say ("a", "tie") in place of the words ("A", "C")."""
    return {str(form.scale.value_of(word)): prob for word, prob in probs.items()}


def word_for(form: AnswerForm, value: object) -> str | None:
    """The verdict word that says a value."""
    for word in form.choices:
        try:
            if form.scale.value_of(word) == value:
                return word
        except Misread:
            continue
    return None


@lru_cache(maxsize=64)
def _value_of(key: str, choices: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in sorted(choices, key=len, reverse=True))
    return re.compile(
        rf"{re.escape(key)}[\"'”’*`]*\s*[:：]\s*[\"'“‘*`]*(?P<value>{words})(?![^\W_]|[.,]\d)", re.IGNORECASE
    )


def _locate(written: str, source: str, start: int, value: int) -> int | None:
    """Where the value stands in the tokens' joined text, which may hold thinking and odd bytes besides."""
    whole = written.rfind(source)
    if whole >= 0:
        return whole + value
    for width in (40, 12, 0):
        begin = max(0, start - width)
        at = written.rfind(source[begin : value + 1])
        if at >= 0:
            return at + value - begin
    return None


def _walk(choices: tuple[str, ...], tokens: tuple[Token, ...], at: int) -> Spread | None:
    """Sort the alternatives by word, from the token that holds the value's first character on."""
    raw: dict[str, float] = {}
    unseen, path, typed, end = 0.0, 1.0, "", 0
    for token in tokens:
        begin, end = end, end + len(token.text)
        if end <= at:
            continue
        prefix = token.text[: max(0, at - begin)]
        own = typed + token.text[len(prefix) :]
        listed = dict(token.top)
        listed.setdefault(token.text, token.logprob)
        left = 1.0
        for text, logprob in listed.items():
            prob = math.exp(logprob)
            left -= prob
            if text == token.text:
                continue
            word = _begins(choices, _continuation(typed, prefix, text))
            if word:
                raw[word] = raw.get(word, 0.0) + path * prob
            elif word == "":
                unseen += path * prob
        unseen += path * max(left, 0.0)
        path *= math.exp(listed[token.text])
        word = _begins(choices, own)
        if word:
            raw[word] = raw.get(word, 0.0) + path
            return Spread(raw, unseen, choices)
        if word is None:
            return None
        typed = own
    return None


def _continuation(typed: str, prefix: str, text: str) -> str:
    """What an alternative token would have made of the value."""
    if typed:
        return typed + text
    return text[len(prefix) :] if prefix and text.startswith(prefix) else text.lstrip(_LEADING)


def _begins(choices: tuple[str, ...], text: str) -> str | None:
    """The word that a text begins or spells; "" if that is still open, None if it is none of them."""
    plain = text.casefold()
    if not plain:
        return ""
    for word in choices:
        own = word.casefold()
        if plain.startswith(own) and (len(plain) > len(own) and not plain[len(own)].isalnum()):
            return word
    possible = [word for word in choices if word.casefold().startswith(plain)]
    if len(possible) == 1:
        return possible[0]
    return "" if possible else None
