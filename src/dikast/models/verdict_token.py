"""How likely a loaded model is to begin its answer with each of some words, exactly.

Words of one token are read in one call: the same large bias on each lets only them be sampled, and with every sampler
but the temperature off, the probabilities after sampling are the model's own, normalised over the words. A second call
on the same prompt, which is cached by then, tells the sampled word's probability before the bias, and so how much of
the whole distribution the words hold. Neither alternatives listed before the bias nor a grammar would do: the first may
not list the words, the second leaves mass on their beginnings ("p", "f").

Words of several tokens are scored: the product of each token's probability after those before it, two calls each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from dikast.errors import EndpointGarbled
from dikast.models.engine import Body, Engine
from dikast.records import Usage

_BIAS = 100.0  # far above any logit, and small enough to leave the differences exact
_AHEAD = 50.0  # of a token that is to be sampled instead of another: above any difference of logits
_BARE = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "max_tokens": 1, "logprobs": True}


class Reading(msgspec.Struct, frozen=True):
    """P(word) for each word, summing to 1, and how much of the whole distribution they held."""

    probs: dict[str, float]
    mass: float
    usage: Usage


class WordReader:
    """Reads words' probabilities from a loaded model; `template` goes to its chat template beside the messages."""

    def __init__(self, engine: Engine, template: Body) -> None:
        self._engine = engine
        self._template = template
        self._spelled: dict[str, list[int]] = {}

    def read(self, messages: list[Body], words: Sequence[str]) -> Reading | None:
        """The words' distribution after these messages; None where one word begins another or melts into the prompt."""
        spelled = {word: self._tokens_of(word, messages) for word in words}
        if any(not tokens for tokens in spelled.values()) or _overlapping(list(spelled.values())):
            return None
        if all(len(tokens) == 1 for tokens in spelled.values()):
            return self._read_token(messages, {word: tokens[0] for word, tokens in spelled.items()})
        return self._score(messages, spelled)

    def _read_token(self, messages: list[Body], ids: dict[str, int]) -> Reading:
        body = (
            _BARE
            | self._template
            | {
                "messages": messages,
                "logit_bias": {str(number): _BIAS for number in ids.values()},
                "top_logprobs": len(ids),
            }
        )
        answer = self._engine.chat_once(body | {"post_sampling_probs": True})
        held = {entry["id"]: entry["prob"] for entry in _first_token(answer)["top_probs"]}
        total = math.fsum(held.get(number, 0.0) for number in ids.values())
        if total <= 0:
            raise EndpointGarbled(f"the embedded engine gave none of the words {list(ids)} a probability")
        probs = {word: held.get(number, 0.0) / total for word, number in ids.items()}
        before = _first_token(self._engine.chat_once(body))
        sampled = next(word for word, number in ids.items() if number == before["id"])
        mass = math.exp(before["logprob"]) / probs[sampled] if probs[sampled] else 0.0
        return Reading(probs, min(mass, 1.0), usage_of(answer))

    def _score(self, messages: list[Body], spelled: dict[str, list[int]]) -> Reading | None:
        helpers = [tokens[0] for tokens in (self._tokens_of(letter, messages) for letter in "AB") if len(tokens) == 1]
        if len(helpers) < 2:
            return None
        prompt = self._tokens(self._rendered(messages))
        known: dict[tuple[int, ...], float] = {}  # the log-probability of the last token after those before it
        usage = None
        for tokens in spelled.values():
            for beginning in (tuple(tokens[:end]) for end in range(1, len(tokens) + 1)):
                if beginning not in known:
                    helper = helpers[beginning[-1] == helpers[0]]
                    known[beginning], used = self._logprob([*prompt, *beginning[:-1]], beginning[-1], helper)
                    usage = usage or used
        logs = {
            word: math.fsum(known[tuple(tokens[:end])] for end in range(1, len(tokens) + 1))
            for word, tokens in spelled.items()
        }
        most = max(logs.values())
        weights = {word: math.exp(value - most) for word, value in logs.items()}
        total = math.fsum(weights.values())
        probs = {word: weight / total for word, weight in weights.items()}
        return Reading(probs, min(math.exp(most) * total, 1.0), usage or Usage())

    def _logprob(self, prompt: list[int], wanted: int, helper: int) -> tuple[float, Usage]:
        """The log-probability of one token after a prompt.

        The engine tells nothing when the token that it samples is part of a character, as tokens of Chinese words often
        are. So another token is made to be sampled, and the wanted one is measured against it.
        """
        body = _BARE | {
            "prompt": prompt,
            "logit_bias": {str(wanted): _BIAS, str(helper): _BIAS + _AHEAD},
            "logprobs": 2,
        }
        answer = self._engine.complete_once(body | {"post_sampling_probs": True})
        held = {entry["id"]: entry["prob"] for entry in _first_token(answer)["top_probs"]}
        before = _first_token(self._engine.complete_once(body))
        if held.get(wanted, 0.0) <= 0 or held.get(helper, 0.0) <= 0 or before["id"] != helper:
            raise EndpointGarbled(f"the embedded engine gave token {wanted} no probability that can be told")
        return before["logprob"] + math.log(held[wanted] / held[helper]) + _AHEAD, usage_of(answer)

    def _tokens_of(self, word: str, messages: list[Body]) -> list[int]:
        """The tokens that a word is where the answer begins; none if it would change the tokens before it.

        Both texts are tokenised whole: alone, a word may become other tokens than in its place.
        """
        continued = messages[-1]["role"] == "assistant"  # the answer has begun already, so its end counts too
        if not continued and word in self._spelled:
            return self._spelled[word]
        header = self._rendered(messages if continued else [{"role": "user", "content": "?"}])
        before, after = self._tokens(header), self._tokens(header + word)
        found = after[len(before) :] if after[: len(before)] == before else []
        if not continued:
            self._spelled[word] = found
        return found

    def _rendered(self, messages: list[Body]) -> str:
        return str(self._engine.post("/apply-template", self._template | {"messages": messages})["prompt"])

    def _tokens(self, text: str) -> list[int]:
        body = {"content": text, "add_special": True, "parse_special": True}
        return list(self._engine.post("/tokenize", body)["tokens"])


def usage_of(answer: Body) -> Usage:
    """The tokens that an answer, or the last chunk of one, tells."""
    told = answer.get("usage") or {}
    return Usage(
        prompt_tokens=told.get("prompt_tokens", 0),
        completion_tokens=told.get("completion_tokens", 0),
        cached_tokens=(told.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
    )


def _first_token(answer: Body) -> Any:
    try:
        return answer["choices"][0]["logprobs"]["content"][0]
    except (KeyError, IndexError, TypeError) as error:
        raise EndpointGarbled("the embedded engine told no probabilities of its answer's token") from error


def _overlapping(spelled: list[list[int]]) -> bool:
    """Whether one word's tokens begin another's, so that they are not alternatives."""
    return any(
        other[: len(tokens)] == tokens
        for number, tokens in enumerate(spelled)
        for place, other in enumerate(spelled)
        if place != number
    )
