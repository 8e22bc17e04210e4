"""From what a model wrote to a reading of it, or to the reason why it can't be read.

The way, each step only if the one before found nothing:

1. the whole answer is the JSON object that was asked for;
2. thinking is taken out, and the objects of what remains are found. From the last one backwards, the first that
   carries any of the verdict's keys binds: it is read as it is, or repaired where that is safe, or the answer is
   unreadable. What stood before it (a draft, a quoted fake) is never taken instead, and what stands after it does not
   matter;
3. a verdict in plain words, where it can't be taken for anything else.

A verdict is never made up. An answer that was stopped at its length counts only if it begins with the whole object,
or if the server enforced the form, so that nothing but space can have followed. An object without its end counts only
if the model stopped by itself and nothing but closing brackets is missing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec

from dikast.judges import keys
from dikast.judges.form import AnswerForm, Reading
from dikast.judges.objects import Found, TooTangled, find_objects
from dikast.judges.prose import Ambiguous, read_prose
from dikast.judges.refusals import is_refusal
from dikast.judges.repairing import Unrepairable, completed, reads_on, repaired
from dikast.judges.scale import Misread
from dikast.judges.thinking import strip_thinking
from dikast.models.endpoint import Reply

Fault = Literal[
    "cut off",
    "empty answer",
    "no verdict",
    "ambiguous",
    "wrong value",
    "refused",
    "undecided",
    "no majority",
    "order decided",
]

_LACKS = ("missing", "no verdict", "no value", "empty")  # kinds of Misread that mean: nothing was said
_CRITIQUES = frozenset(keys.plain_key(key) for key in keys.CRITIQUE)
_FENCE = "`~ \t\r\n\ufeff"

_decode = msgspec.json.Decoder().decode


class Unreadable(ValueError):
    """A reply that no verdict can be read from: the kind of fault, and the reason in words."""

    def __init__(self, kind: Fault, reason: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason


class ReadReply(NamedTuple):
    """A reading, and how it came about.

    method: how the server enforced the form ("json_schema", "grammar"), or "json", "extracted", "repaired",
    "plain_text". notes: what was odd. source: the piece of the reply's text that was read.
    """

    reading: Reading
    method: str
    notes: tuple[str, ...]
    source: str


def read_reply(form: AnswerForm, reply: Reply) -> ReadReply:
    """What a reply says. Raises Unreadable."""
    if reply.finish == "refusal":
        raise Unreadable("refused", "the model or its server declined to answer")
    text = reply.text
    try:
        whole = _decode(text)
    except (ValueError, RecursionError):  # DecodeError, a lone surrogate, or brackets in thousands
        whole = None
    if isinstance(whole, dict):
        try:
            reading = form.read(whole)
            return ReadReply(reading, reply.constrained or "json", reading.notes, text)
        except (Misread, RecursionError):
            pass  # found again below, where wrappers are looked into
    try:
        return _search(form, reply, whole if isinstance(whole, str) else text)
    except RecursionError:
        raise Unreadable("no verdict", "the answer's brackets are nested too deeply to be read") from None


def read_word(form: AnswerForm, reply: Reply) -> ReadReply:
    """What a reply says that should be one word: its first line, or what `read_reply` finds. Raises Unreadable."""
    if reply.finish != "refusal":
        thought = strip_thinking(reply.text)
        first = thought.answer.strip().partition("\n")[0]
        if first and not thought.unfinished and (reply.finish != "length" or len(first) < len(thought.answer.strip())):
            word = _choice(form, first)
            if word is not None:
                return ReadReply(form.read_choice({word: 1.0}), "plain_text", (), first)
    return read_reply(form, reply)


def _choice(form: AnswerForm, text: str) -> str | None:
    """The verdict word that says what a text says."""
    try:
        value = form.scale.read(text)
    except Misread:
        return None
    return next((word for word in form.choices if form.scale.value_of(word) == value), None)


def _search(form: AnswerForm, reply: Reply, text: str) -> ReadReply:
    """Steps 2 and 3 of the way."""
    thought = strip_thinking(text)
    answer = thought.answer.strip()
    if thought.unfinished:
        raise Unreadable("cut off", "the answer ends inside the model's thinking")
    if not answer:
        _raise_empty(reply, bool(thought.thinking))
    try:
        objects = find_objects(answer)
    except TooTangled:
        raise Unreadable("no verdict", "the answer has too many unfinished objects to search") from None
    found = _last_verdict(form, reply, answer, objects)
    if found is not None:
        return found
    if reply.finish == "length":
        raise Unreadable("cut off", "the answer reached its limit of tokens before any verdict")
    try:
        plain = read_prose(form, answer)
    except Ambiguous as ambiguous:
        raise Unreadable("ambiguous", str(ambiguous)) from None
    if plain is not None:
        return ReadReply(plain, "plain_text", plain.notes, answer)
    if is_refusal(answer):
        raise Unreadable("refused", f"the model declined: {_shortened(answer)}")
    raise Unreadable("no verdict", f"the answer holds no verdict: {_shortened(answer)}")


def _raise_empty(reply: Reply, thought: bool) -> None:
    if reply.finish == "length":
        raise Unreadable("cut off", "the answer reached its limit of tokens before it began")
    only = ", only thinking" if thought or reply.thinking else ""
    raise Unreadable("empty answer", f"the model wrote nothing{only}")


def _last_verdict(form: AnswerForm, reply: Reply, answer: str, objects: list[Found]) -> ReadReply | None:
    """The reading of the last object that carries any of the verdict's keys; None if no object does."""
    names = _names(form)
    everything = names | _critique_names(form)
    for index in range(len(objects) - 1, -1, -1):
        one = objects[index]
        region = answer[one.start : one.end]
        if one.nested and any(earlier.state == "open" for earlier in objects[:index]):
            continue  # a part of an object that never ended
        # The end of an object that never ended might have been a verdict, even if only its critique is there.
        sought = everything if one.state == "open" else names
        if not _mentions(region if one.value is None else one.value, sought):
            continue
        begun = [before for before in objects[:index] if before.state == "open"]
        if any(_mentions(answer[before.start : one.start], everything) for before in begun):
            # It may stand inside a string of that object, or be a new start: nobody can tell.
            raise Unreadable("ambiguous", "the answer begins a JSON object that has no end before its last one")
        if reads_on(answer[one.end :], names):
            raise Unreadable("ambiguous", "the answer's JSON goes on behind what looks like its end")
        if one.state == "open":
            return _read_open(form, reply, region, names)
        if reply.finish == "length" and not _is_whole(reply, answer, one):
            raise Unreadable("cut off", "the answer reached its limit of tokens before its last word")
        return _read_object(form, region, one, names, several=_opinions(objects, answer, names))
    return None


def _read_object(form: AnswerForm, region: str, one: Found, names: frozenset[str], *, several: int) -> ReadReply:
    value, method = one.value, "extracted"
    if value is None:
        try:
            value, method = repaired(region, names), "repaired"
        except Unrepairable as error:
            raise Unreadable("ambiguous" if error.ambiguous else "no verdict", f"broken JSON: {error}") from None
    reading = _read_value(form, value)
    notes = (f"the last of {several} verdicts in one answer",) if several > 1 else ()
    return ReadReply(reading, method, reading.notes + notes, region)


def _read_open(form: AnswerForm, reply: Reply, region: str, names: frozenset[str]) -> ReadReply:
    """The reading of an object whose end is missing."""
    if reply.finish == "length":
        raise Unreadable("cut off", "the answer reached its limit of tokens inside its JSON")
    try:
        value = completed(region, names)
    except Unrepairable as error:
        kind: Fault = "ambiguous" if error.ambiguous else "cut off"
        raise Unreadable(kind, f"the answer's JSON has no end, and {error}") from None
    reading = _read_value(form, value)
    return ReadReply(reading, "repaired", (*reading.notes, "closing brackets were missing"), region)


def _read_value(form: AnswerForm, value: dict[str, Any]) -> Reading:
    """The form's reading of an object, or of the only object inside it."""
    try:
        return form.read(value)
    except Misread as misread:
        inner = [held for held in value.values() if isinstance(held, dict)]
        if len(inner) == 1 and misread.reason.startswith(_LACKS):
            try:
                return form.read(inner[0])
            except Misread:
                pass
        kind: Fault = "no verdict" if misread.reason.startswith(_LACKS) else "wrong value"
        raise Unreadable(kind, misread.reason) from None


def _is_whole(reply: Reply, answer: str, one: Found) -> bool:
    """Whether the answer that was stopped at its length had said its last word: see the module's docstring."""
    if one.state != "valid":
        return False
    if reply.constrained is not None:
        return True
    before = answer[: one.start].strip(_FENCE).lower()
    return before in ("", "json") and "{" not in answer[one.end :]


def _opinions(objects: list[Found], answer: str, names: frozenset[str]) -> int:
    return sum(
        _mentions(answer[one.start : one.end] if one.value is None else one.value, names)
        for one in objects
        if one.state != "open"
    )


def _names(form: AnswerForm) -> frozenset[str]:
    """The plain keys that a verdict can stand under."""
    own = tuple((field.path, field.role) for field in form.fields if field.role in ("verdict", "overall", "criterion"))
    return _names_of(own)


def _critique_names(form: AnswerForm) -> frozenset[str]:
    return _CRITIQUES | {keys.plain_key(field.path[-1]) for field in form.fields if field.role == "critique"}


@lru_cache(maxsize=64)
def _names_of(own: tuple[tuple[tuple[str, ...], str], ...]) -> frozenset[str]:
    if not own:
        return frozenset(keys.plain_key(key) for key in (*keys.VERDICT, *keys.OVERALL))
    return frozenset(keys.plain_key(key) for path, _ in own for key in path)


def _mentions(value: Any, names: frozenset[str]) -> bool:
    """Whether an object, or a text that looks like one, carries one of the names as a key, at any depth."""
    if isinstance(value, str):
        plain = keys.plain_key(value)
        return any(name in plain for name in names)
    if isinstance(value, dict):
        return any(keys.plain_key(key) in names or _mentions_inside(held, names) for key, held in value.items())
    return False


def _mentions_inside(value: Any, names: frozenset[str]) -> bool:
    if isinstance(value, list):
        return any(_mentions_inside(held, names) for held in value)
    return isinstance(value, dict) and _mentions(value, names)


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= 120 else f"{flat[:117]}...")
