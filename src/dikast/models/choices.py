"""A verdict token's distribution, read from the alternatives that a server lists.

One rule, everywhere: an alternative counts for a word when, without the white space around it, it is equal to the
word; case is ignored, except for one-letter words, where "a" is an article and no verdict. Beginnings of words ("p")
and longer words ("passed") count for nothing. A word that is not listed gets the most it can have: no more than the
least listed alternative, and no more than what the listed ones leave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from dikast.models.endpoint import Token


class ChoiceDistribution(msgspec.Struct, frozen=True):
    """P(word) for each choice, summing to 1, and how much of the full distribution the listed words held."""

    probs: dict[str, float]
    mass: float


def read_choices(choices: Sequence[str], alternatives: Sequence[tuple[str, float]]) -> ChoiceDistribution | None:
    """The choices' distribution among the alternatives of one token, or None if no choice is among them.

    alternatives: text and natural log-probability.

    >>> round(read_choices(("pass", "fail"), [("pass", -0.10536), (" Fail", -2.30259)]).probs["pass"], 4)
    0.9
    """
    held = dict.fromkeys(choices, 0.0)
    least, listed = 1.0, 0.0
    for text, logprob in alternatives:
        probability = math.exp(min(logprob, 0.0))
        least = min(least, probability)
        listed += probability
        word = _word_of(text, choices)
        if word is not None:
            held[word] += probability
    mass = math.fsum(held.values())
    if mass <= 0.0:
        return None
    most_unlisted = min(least, max(0.0, 1.0 - listed))
    shares = {word: value or most_unlisted for word, value in held.items()}
    total = math.fsum(shares.values())
    return ChoiceDistribution({word: round(value / total, 12) for word, value in shares.items()}, min(1.0, mass))


def _word_of(token: str, choices: Sequence[str]) -> str | None:
    bare = token.strip(" \t\r\n▁Ġ")
    for word in choices:
        if bare == word or (len(word) > 1 and bare.casefold() == word.casefold()):
            return word
    return None


def answer_token(tokens: Sequence[Token], text: str) -> Token | None:
    """The token that opens the answer: the first that is not white space, after any thinking that the server lists too.

    `text` is the answer without its thinking; the tokens of the answer are the last ones that spell it.
    """
    wanted = text.strip()
    spelled, start = "", 0
    for index in range(len(tokens) - 1, -1, -1):
        spelled = tokens[index].text + spelled
        if wanted and spelled.strip().startswith(wanted):
            start = index
            break
    for token in tokens[start:]:
        if token.text.strip():
            return token
    return None
