"""Thinking, taken out of an answer.

Servers that know a model keep its thinking apart; others leave it in the text, between marks that each family chose for
itself. What stands in the thinking is a draft and never an answer. The rules:

- between an opening and a closing mark: thinking;
- before a closing mark that nothing opened: thinking (templates often put the opening mark into the prompt);
- after an opening mark that nothing closes: thinking, and the answer never came;
- a mark inside a string of a valid JSON object is a quotation, not a mark.

Known marks: <think>, <thinking>, <thought>, <reasoning>, <scratchpad>, <seed:think>, [THINK], ◁think▷,
<|begin_of_thought|>, <|START_THINKING|>, <|channel>thought ... <channel|>, and the channels of gpt-oss.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dikast.judges.objects import TooTangled, valid_spans

_MARK = re.compile(
    r"""< (?P<close>/)? (?:seed:)? (?:think|thinking|thoughts?|reasoning|scratchpad) (?:\s[^<>\n]{0,40})? >
      | \[ (?P<close_square>/)? THINK(?:ING)? \]
      | ◁ (?P<close_triangle>/)? think(?:ing)? ▷
      | <\| (?: begin_of_(?:thought|thinking) | START_THINKING ) \|>
      | (?P<close_bar> <\| (?: end_of_(?:thought|thinking) | END_THINKING ) \|> )
      | <\|channel> [ \t]* \w* | (?P<close_channel> <channel\|> )""",
    re.VERBOSE | re.IGNORECASE,
)
# <|channel|>final <|constrain|>json<|message|>; where the prompt holds the first part, the text begins with the name
_CHANNEL = re.compile(
    r"(?:<\|channel\|>|\A)\s*(analysis|commentary|final)\b[^<\n]*(?:<\|constrain\|>[^<\n]*)?<\|message\|>"
)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start)\|>")


class Thought(NamedTuple):
    """An answer without its thinking. `unfinished`: the text ends inside the thinking."""

    answer: str
    thinking: str
    unfinished: bool


def strip_thinking(text: str) -> Thought:
    """What a text says once its thinking is taken out."""
    if "<|message|>" in text and _CHANNEL.search(text):
        return _last_channel(text)
    if text.startswith("analysis") and "assistantfinal" in text:  # gpt-oss after a server dropped its special tokens
        before, _, answer = text.rpartition("assistantfinal")
        return Thought(answer, before, False)
    if not _MARK.search(text):
        return Thought(text, "", False)
    return _between_marks(text)


def _last_channel(text: str) -> Thought:
    """The last `final` channel of a gpt-oss answer; without one, the answer never came."""
    finals = [match for match in _CHANNEL.finditer(text) if match.group(1) == "final"]
    if not finals:
        return Thought("", text, True)
    start = finals[-1].end()
    end = _CHANNEL_END.search(text, start)
    return Thought(text[start : end.start() if end else None], text[: finals[-1].start()], False)


def _between_marks(text: str) -> Thought:
    quoted = _quotations(text)
    answer: list[str] = []
    thinking: list[str] = []
    inside, at = False, 0
    for mark in _MARK.finditer(text):
        if any(start < mark.start() < end for start, end in quoted):
            continue
        piece, at = text[at : mark.start()], mark.end()
        closes = mark.lastgroup is not None
        if closes and not inside:
            thinking += [*answer, piece]
            answer = []
        else:
            (thinking if inside else answer).append(piece)
        inside = not closes
    (thinking if inside else answer).append(text[at:])
    return Thought("".join(answer), "".join(thinking), inside)


def _quotations(text: str) -> list[tuple[int, int]]:
    """Where valid JSON objects stand: a mark inside one is part of a string."""
    try:
        return valid_spans(text)
    except TooTangled:
        return []
