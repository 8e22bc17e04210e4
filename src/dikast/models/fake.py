"""A model that is none: answers made from a hash of the prompt, for tests, demos and documentation.

`fake` and `fake/NAME` answer the same prompt in the same way on every machine, in no time, without a network; another
NAME, sample or seed gives other answers. A schema is followed, choices get a distribution, and where there is neither,
the answer is a JSON object with the keys that the prompt shows in quotes. What it says means nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from dikast.errors import PromptTooLong
from dikast.models.endpoint import Capabilities, Facts, Fingerprint, Message, Reply, Request, Token
from dikast.records import Usage

CONTEXT_LENGTH = 131_072
_REASONS = (
    "The answer says what was asked for.",
    "The answer leaves out a part of the question.",
    "The answer is right, but it takes long to say so.",
    "The answer claims something that the context does not hold.",
)
_KEY = re.compile(r'"([^\W\d][\w ]{0,40})"\s*:')
_PROSE = re.compile(r"reason|critique|comment|explan|feedback|justif|summary|理由|評語|评语", re.IGNORECASE)
_DEFAULT_KEYS = ("reasoning", "verdict", "overall")

_encode = msgspec.json.Encoder(order="deterministic").encode


class FakeEndpoint:
    """An Endpoint without a model behind it."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    @property
    def model(self) -> str:
        """The name as the user writes it: "fake" or "fake/NAME"."""
        return f"fake/{self.name}" if self.name else "fake"

    async def facts(self) -> Facts:
        """Who this is: nobody, who honours everything."""
        return Facts(
            fingerprint=Fingerprint(server="fake", server_version="1", model=self.model, digest=f"fake-1:{self.name}"),
            capabilities=Capabilities(
                schema=True,
                choices="exact",
                logprobs=20,
                seed=True,
                thinking_switch=True,
                thinks=False,
                context_length=CONTEXT_LENGTH,
                slots=64,
                refuses_long_prompts=True,
            ),
        )

    async def answer(self, request: Request) -> Reply:
        """An answer that depends on the name, the messages, the seed and the sample alone."""
        prompt_tokens = self._count(request.messages)
        if prompt_tokens + request.max_tokens > CONTEXT_LENGTH:
            raise PromptTooLong(f"the prompt's {prompt_tokens} tokens do not fit {self.model}'s {CONTEXT_LENGTH}")
        dice = _Dice(_encode((self.name, request.messages, request.seed, request.sample)))
        if request.choices:
            return self._chosen(request, dice, prompt_tokens)
        if request.schema is not None:
            text = msgspec.json.encode(_value(request.schema, dice, "")).decode()
        else:
            text = msgspec.json.encode({key: _free_value(key, dice) for key in _keys(request.messages)}).decode()
        words = text.split(" ")
        finish = "length" if len(words) > request.max_tokens else "stop"
        text = " ".join(words[: request.max_tokens])
        return Reply(
            text=text,
            finish="length" if finish == "length" else "stop",
            usage=Usage(prompt_tokens=prompt_tokens, completion_tokens=min(len(words), request.max_tokens)),
            constrained="json_schema" if request.schema is not None else None,
            tokens=_tokens(text, dice) if request.logprobs else (),
            served_by="fake",
        )

    async def count_tokens(self, messages: tuple[Message, ...]) -> int | None:
        """One token for each four characters, and four for each message."""
        return self._count(messages)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _count(self, messages: tuple[Message, ...]) -> int:
        return sum(len(message.content) // 4 + 4 for message in messages)

    def _chosen(self, request: Request, dice: _Dice, prompt_tokens: int) -> Reply:
        weights = {word: dice.share() ** 2 + 0.01 for word in request.choices}
        total = sum(weights.values())
        probs = {word: weight / total for word, weight in weights.items()}
        return Reply(
            text=max(probs, key=probs.__getitem__),
            usage=Usage(prompt_tokens=prompt_tokens, completion_tokens=1),
            constrained="choices",
            choice_probs=probs,
            choice_reading="exact",
            served_by="fake",
        )


class _Dice:
    """Numbers that a hash decides, one after the other."""

    def __init__(self, seed: bytes) -> None:
        self._state = hashlib.sha256(seed).digest()

    def number(self, sides: int) -> int:
        """A number from 0 to sides - 1."""
        self._state = hashlib.sha256(self._state).digest()
        return int.from_bytes(self._state[:8]) % max(1, sides)

    def share(self) -> float:
        """A number from 0 to 1."""
        return self.number(10_001) / 10_000


def _value(schema: Mapping[str, Any], dice: _Dice, name: str) -> Any:
    """A value that follows a JSON schema, for the keywords that judges use."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][dice.number(len(schema["enum"]))]
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return _value(schema[union][dice.number(len(schema[union]))], dice, name)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[dice.number(len(kind))]
    match kind:
        case "object":
            return {key: _value(part, dice, key) for key, part in schema.get("properties", {}).items()}
        case "array":
            count = max(schema.get("minItems", 0), min(1, schema.get("maxItems", 1)))
            return [_value(schema.get("items", {}), dice, name) for _ in range(count)]
        case "integer":
            low, high = _bounds(schema)
            return int(low) + dice.number(int(high) - int(low) + 1)
        case "number":
            low, high = _bounds(schema)
            return round(low + (high - low) * dice.share(), 2)
        case "boolean":
            return dice.number(2) == 1
        case "null":
            return None
    return _prose(dice, schema.get("minLength", 0), schema.get("maxLength"))


def _bounds(schema: Mapping[str, Any]) -> tuple[float, float]:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1 if "exclusiveMinimum" in schema else None)
    high = schema.get("maximum", schema["exclusiveMaximum"] - 1 if "exclusiveMaximum" in schema else None)
    if low is None:
        low = 1 if high is None else min(1, high)
    return low, max(low, low + 4 if high is None else high)


def _prose(dice: _Dice, least: int, most: int | None) -> str:
    text = _REASONS[dice.number(len(_REASONS))]
    while len(text) < least:
        text += " " + _REASONS[dice.number(len(_REASONS))]
    return text[:most]


def _keys(messages: tuple[Message, ...]) -> tuple[str, ...]:
    """The keys of the JSON that the prompt describes, in its order; the usual ones where it describes none."""
    shown = _KEY.findall("\n".join(message.content for message in messages))
    return tuple(dict.fromkeys(shown))[:12] or _DEFAULT_KEYS


def _free_value(key: str, dice: _Dice) -> Any:
    if _PROSE.search(key):
        return _REASONS[dice.number(len(_REASONS))]
    if key == "verdict":
        return ("pass", "fail")[dice.number(2)]
    return 1 + dice.number(5)


def _tokens(text: str, dice: _Dice) -> tuple[Token, ...]:
    pieces = re.findall(r"\s*\S+", text)
    return tuple(Token(piece, -0.01 - dice.share(), ((piece, -0.01), ("other", -4.6))) for piece in pieces)
