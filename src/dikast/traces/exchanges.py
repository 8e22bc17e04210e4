"""One request to a model and its response, as the interfaces of providers write them, made into messages."""

from __future__ import annotations

from typing import NamedTuple

from dikast.interactions.rows import Tally
from dikast.records import Json
from dikast.traces.chat_messages import Message, chat_messages, messages_of
from dikast.traces.decoding import first_text, plain_table, table, tables, text
from dikast.traces.loose import as_list


class Exchange(NamedTuple):
    """What was asked and answered. others: further answers to the same request, each a list of messages."""

    asked: list[Message]
    answered: list[Message]
    others: list[list[Message]]
    model: str | None
    error: str | None

    def parts(self, id: str) -> dict[str, Json]:
        """The exchange as the parts of a trace with that id: what was asked is its input, the answer its output."""
        alternatives = {}
        if self.others and self.answered:
            first = str(self.answered[0].setdefault("id", id))
            alternatives = {first: tuple(tuple(other) for other in self.others)}
        return {
            "input": without_ids(self.asked) or None,
            "output": without_ids(self.answered) or None,
            "messages": (*self.asked, *self.answered),
            "alternatives": alternatives,
        }


def without_ids(messages: list[Message]) -> list[Message]:
    """Messages without what only their source needs."""
    return [{key: value for key, value in one.items() if key != "id"} for one in messages]


def exchange(request: Json, response: Json, tally: Tally) -> Exchange:
    """The messages of a request and a response of OpenAI's, Anthropic's or Google's interfaces."""
    request, response = table(request), table(response)
    answers = [answer for answer in _answers(response, tally) if answer]
    model = first_text(response.get("model"), response.get("modelVersion"), request.get("model"))
    error = error_of(response.get("error"))
    return Exchange(_asked(request, tally), answers[0] if answers else [], answers[1:], model, error)


def error_of(error: Json) -> str | None:
    """What an error says, also where it is wrapped in others."""
    for _ in range(3):
        if isinstance(error, dict) and isinstance(error.get("error"), (dict, str)):
            error = error["error"]
    if isinstance(error, dict):
        told = [text(error.get(key)) for key in ("code", "type", "message")]
        return ": ".join(dict.fromkeys(wording for wording in told if wording)) or None
    return text(error)


def _asked(request: dict[str, Json], tally: Tally) -> list[Message]:
    messages: list[Message] = []
    system = request.get("system") or request.get("instructions") or request.get("systemInstruction")
    if system:
        parts = plain_table(system).get("parts", system)
        messages += messages_of({"role": "system", "content": parts}, tally)
    if "contents" in request:
        return messages + [one for raw in as_list(request["contents"]) for one in _google(raw, tally)]
    for key in ("messages", "input", "prompt"):
        if request.get(key):
            return messages + chat_messages(request[key], tally)
    return messages


def _answers(response: dict[str, Json], tally: Tally) -> list[list[Message]]:
    if "choices" in response:
        return [_choice(choice, tally) for choice in tables(response["choices"])]
    if "candidates" in response:
        return [_google(choice.get("content"), tally) for choice in tables(response["candidates"])]
    if isinstance(response.get("output"), list):  # OpenAI's Responses
        return [chat_messages(response["output"], tally)]
    if isinstance(response.get("message"), dict):  # Ollama
        return [messages_of(response["message"], tally)]
    if "content" in response:
        return [messages_of({"role": "assistant", **response}, tally)]
    return []


def _choice(choice: dict[str, Json], tally: Tally) -> list[Message]:
    if isinstance(choice.get("message"), dict):
        return messages_of({"role": "assistant", **choice["message"]}, tally)
    wording = text(choice.get("text"))
    return [{"role": "assistant", "content": wording}] if wording else []


def _google(raw: Json, tally: Tally) -> list[Message]:
    turn = plain_table(raw)
    parts: list[Json] = []
    for part in as_list(turn.get("parts")):
        call = plain_table(plain_table(part).get("functionCall"))
        if call:
            parts.append(
                {"type": "tool_use", "id": call.get("id"), "name": call.get("name"), "input": call.get("args")}
            )
        elif plain_table(part).get("thought") is True:
            parts.append({"type": "thinking"})
        else:
            parts.append({"type": "text", **part} if isinstance(part, dict) and "text" in part else part)
    return messages_of({"role": turn.get("role") or "user", "content": parts}, tally)
