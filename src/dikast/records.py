"""The nouns that every room shares, and their wire shapes. No IO.

`Interaction`, `Label` and `Verdict` are the three JSON Lines contracts that people script against; their field names
and order are part of the interface. They are msgspec structs: frozen, typed, and validated when decoded.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

Json = Any  # what JSON can say: str, int, float, bool, None, list, dict

Status = Literal["scored", "unparsed", "refused", "failed"]
Outcome = Literal["pass", "fail", "a", "b", "tie"]

_json = msgspec.json.Encoder(order="deterministic")


def canonical_json(value: Json) -> bytes:
    """One spelling of a JSON value (sorted keys, no spaces, UTF-8). Changing it changes every hash in the store."""
    return _json.encode(value)


Whose = Literal["expert", "user"]
"""Whose word a label is: an expert's, or that of the system's own users. The two are never mixed."""

SECOND_LOOK = " (again)"
"""Ends the annotator's name of a second look: "ada (again)"."""


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person said of one interaction.

    `id` is the interaction's. At least one of `verdict` and `score` is present, except in a draft. `drawn` says how the
    item was sampled, which later picks the estimator; `blind` whether the judge's verdict was hidden when the label was
    given; None means unknown. `at` is when (RFC 3339). `tags` and `note` are for error analysis (open coding). `origin`
    is "user" for feedback that the system's own users gave: it is never settled together with an expert's labels.
    `seed` gives, with `drawn` and the dataset, the order of the queue that the item came from.
    """

    id: str
    verdict: Outcome | None = None
    critique: str | None = None
    score: float | None = None
    scale: tuple[float, float] | None = None
    criterion: str | None = None
    annotator: str | None = None
    drawn: str | None = None
    at: str | None = None
    blind: bool | None = None
    tags: tuple[str, ...] = ()
    note: str | None = None
    origin: str | None = None
    seed: int | None = None

    @property
    def whose(self) -> Whose:
        """Whose word it is."""
        return "user" if self.origin == "user" else "expert"

    @property
    def is_second_look(self) -> bool:
        """Whether somebody labelled it a second time, to agree with themselves: never another person's word."""
        return self.annotator is not None and self.annotator.endswith(SECOND_LOOK)


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """One input and one output of the system under test; two outputs where a pair is compared.

    `input` and outputs are a string, a list of chat messages, or any JSON. For a pair, `output` is None and both
    `output_a` and `output_b` are set. `labels` are what people said of it, if the file carried that; they are not
    content and no judge ever sees them.
    """

    id: str
    input: Json
    output: Json = None
    output_a: Json = None
    output_b: Json = None
    context: Json = None
    reference: Json = None
    metadata: dict[str, Json] = {}
    labels: tuple[Label, ...] = ()

    @property
    def is_pair(self) -> bool:
        """Whether two outputs are to be compared."""
        return self.output_a is not None


def content_hash(interaction: Interaction) -> str:
    """SHA-256 (hex) of what a judge may see: input, outputs, context and reference, but not id, metadata or labels."""
    content = (
        interaction.input,
        interaction.output,
        interaction.output_a,
        interaction.output_b,
        interaction.context,
        interaction.reference,
    )
    return hashlib.sha256(canonical_json(content)).hexdigest()


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one or several calls. `cached_tokens` are those of the prompt that the server did not compute again."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    calls: int = 1

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            calls=self.calls + other.calls,
        )


class JudgeRef(msgspec.Struct, frozen=True):
    """Which judge spoke: its name, and its version, which is a hash of all that changes an answer."""

    name: str
    version: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge said of one interaction: one line of a results file.

    Only `scored` verdicts carry `verdict` or `scores`; every other status carries a `reason`, which opens with a short
    kind and a colon ("cut off: the answer stopped at 512 tokens"). `method` says how the verdict was read
    ("json_schema", "grammar", "extracted", "repaired", "verdict_token", "votes", ...): nothing falls back in silence.
    """

    id: str
    status: Status
    verdict: Outcome | None = None
    scores: dict[str, Json] | None = None
    critique: str | None = None
    confidence: float | None = None
    confidence_source: str | None = None
    reason: str | None = None
    judge: JudgeRef
    model: str | None = None
    latency_s: float | None = None
    usage: Usage | None = None
    raw_judge_output: str | None = None
    metadata: dict[str, Json] = {}
    method: str | None = None
    details: dict[str, Json] | None = None

    @property
    def reason_kind(self) -> str | None:
        """The short kind that opens `reason` ("cut off"), for counting."""
        return self.reason.partition(":")[0] if self.reason else None

    @property
    def overall(self) -> float | None:
        """The overall score as a number, if there is one."""
        value = (self.scores or {}).get("overall")
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def value_text(value: Json) -> str:
    """A metadata value as one text to group by: a string as it is, anything else as JSON; "" for None."""
    return "" if value is None else value if isinstance(value, str) else canonical_json(value).decode()


def text_of(value: Json) -> str:
    """A value as the text that a person or a judge reads: a string as it is, chat messages as a transcript, other
    JSON indented.

    >>> text_of([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
    'user: Hi\\n\\nassistant: Hello'
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if _is_chat(value):
        return "\n\n".join(_message_text(message) for message in value)
    return msgspec.json.format(_json.encode(value), indent=2).decode()


def _is_chat(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(m, dict) and "role" in m for m in value)


def _message_text(message: dict[str, Json]) -> str:
    """One chat message: role, text parts joined, and what else it carries (tool calls) as JSON."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [
            part.get("text") or part.get("content") or text_of(part) if isinstance(part, dict) else text_of(part)
            for part in content
        ]
        content = "\n".join(str(part) for part in parts)
    elif not isinstance(content, str):
        content = text_of(content)
    calls = message.get("tool_calls")
    if calls:
        content = f"{content}\n[tool calls] {canonical_json(calls).decode()}".lstrip("\n")
    return f"{message['role']}: {content}"


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One run: a judge x a dataset x a model, with everything needed to repeat it.

    dataset: the files' names; dataset_hash: SHA-256 (hex) of all interactions in order, None until all were read.
    counts: verdicts by status. verdicts: the scored ones by what they say. settings: what was asked for (concurrency,
    limit, ...). fingerprint: what answered. Times are RFC 3339 in UTC; finished_at is None while it runs, or when it
    was interrupted.
    """

    name: str
    judge: JudgeRef
    judge_definition: dict[str, Json]
    dataset: str
    dataset_hash: str | None = None
    model: str
    fingerprint: dict[str, Json]
    settings: dict[str, Json] = {}
    started_at: str
    finished_at: str | None = None
    wall_s: float | None = None
    counts: dict[Status, int] = {}
    verdicts: dict[Outcome, int] = {}
    rejected: int = 0
    duplicates: int = 0
    calls: int = 0
    cache_hits: int = 0
