"""What one question to a model comes to: the question, the way to the model, and the opinion that came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

from dikast.judges.criteria import Example
from dikast.judges.form import AnswerForm, Reading
from dikast.judges.reading import ReadReply, Unreadable, read_reply
from dikast.judges.rendering import render
from dikast.models.endpoint import Capabilities, Facts, Message, Reply, Request
from dikast.records import Interaction, Json

if TYPE_CHECKING:
    from dikast.judges.definition import Judge

SAMPLING_TEMPERATURE = 0.7  # where several samples are wanted and the judge's temperature is 0


class Ask(Protocol):
    """How a judge reaches a model."""

    async def __call__(self, request: Request, usable: Callable[[Reply], bool]) -> Reply:
        """The reply to a request. `usable` says whether it can be read; only such a reply may be kept in a cache."""


class Question(msgspec.Struct, frozen=True):
    """An interaction before a judge, and the way to the model.

    swapped: a pair is shown with B first. examples: those found for this interaction.
    """

    judge: Judge
    interaction: Interaction
    ask: Ask
    facts: Facts | None
    swapped: bool = False
    examples: tuple[Example, ...] = ()

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint honours, as far as that is known."""
        return self.facts.capabilities if self.facts else _UNKNOWN

    def messages(self, *, fast: bool = False) -> tuple[Message, ...]:
        """The prompt."""
        return render(self.judge, self.interaction, swapped=self.swapped, fast=fast, examples=self.examples)


class Opinion(msgspec.Struct, kw_only=True):
    """What came of one question: a reading, or why there is none.

    probabilities: by verdict, also where they decide nothing. origin: where the confidence comes from. steps: what was
    tried, in order. replies: every reply, in order. details: what else belongs on the verdict.
    """

    reading: Reading | None = None
    unreadable: Unreadable | None = None
    method: str | None = None
    origin: str | None = None
    probabilities: dict[str, float] | None = None
    steps: list[str] = []
    replies: list[Reply] = []
    details: dict[str, Json] = {}


_UNKNOWN = Capabilities()


class Reader:
    """Reads replies, each once: the asker wants to know whether one can be read before it gives it back."""

    __slots__ = ("_form", "_outcome", "_read", "_reply")

    def __init__(self, form: AnswerForm, read: Callable[[AnswerForm, Reply], ReadReply] = read_reply) -> None:
        self._form = form
        self._read = read
        self._reply: Reply | None = None
        self._outcome: ReadReply | Unreadable | None = None

    def usable(self, reply: Reply) -> bool:
        """Whether a verdict can be read from a reply."""
        return isinstance(self.outcome(reply), ReadReply)

    def outcome(self, reply: Reply) -> ReadReply | Unreadable:
        """What a reply says, or why that can't be read."""
        if reply is not self._reply or self._outcome is None:
            self._reply = reply
            try:
                self._outcome = self._read(self._form, reply)
            except Unreadable as unreadable:
                self._outcome = unreadable
        return self._outcome
