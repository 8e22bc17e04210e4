"""What is said to a model whose answer could not be read: the fault, and the form once more, in the judge's language.

Nothing of the answer itself is quoted, so that no text which was judged gets to speak as the user.
"""

from __future__ import annotations

import msgspec

from dikast.judges.form import AnswerForm
from dikast.judges.reading import Fault
from dikast.judges.thinking import strip_thinking
from dikast.judges.wording import Language
from dikast.models.endpoint import Message, Reply, Request

_ECHOED_CHARS = 4000

_FAULTS: dict[Language, dict[Fault, str]] = {
    "en": {
        "empty answer": "Your answer was empty.",
        "no verdict": "Your answer could not be read: it does not hold the complete JSON object that was asked for.",
        "ambiguous": "Your answer could not be read: it can be understood in more than one way.",
        "wrong value": "Your answer could not be read: it holds a value that is not allowed.",
    },
    "zh-Hant": {
        "empty answer": "您的回答是空的。",
        "no verdict": "您的回答無法讀取：其中沒有所要求的完整 JSON 物件。",
        "ambiguous": "您的回答無法讀取：它可以有不只一種解讀。",
        "wrong value": "您的回答無法讀取：其中有不允許的值。",
    },
    "zh-Hans": {
        "empty answer": "您的回答是空的。",
        "no verdict": "您的回答无法读取：其中没有所要求的完整 JSON 对象。",
        "ambiguous": "您的回答无法读取：它可以有不止一种解读。",
        "wrong value": "您的回答无法读取：其中有不允许的值。",
    },
}
_AGAIN: dict[Language, tuple[str, str]] = {
    "en": ("Answer again, with nothing but this JSON object:", "Answer again, exactly in the form that was asked for."),
    "zh-Hant": ("請重新回答，只輸出這個 JSON 物件：", "請完全依照所要求的格式重新回答。"),
    "zh-Hans": ("请重新回答，只输出这个 JSON 对象：", "请完全按照所要求的格式重新回答。"),
}


def asked_again(request: Request, reply: Reply, fault: Fault, form: AnswerForm, language: Language) -> Request:
    """The conversation continued: the answer as it was (bounded, without thinking), and what was wrong with it."""
    with_shape, without_shape = _AGAIN[language]
    again = f"{with_shape}\n{form.shape}" if form.shape else without_shape
    faults = _FAULTS[language]
    words = f"{faults.get(fault, faults['no verdict'])} {again}"
    answer = strip_thinking(reply.text).answer.strip()[:_ECHOED_CHARS]
    *before, last = request.messages
    if answer:
        messages = (*request.messages, Message("assistant", answer), Message("user", words))
    else:  # many chat templates accept neither an empty answer nor two user messages in a row
        messages = (*before, Message(last.role, f"{last.content}\n\n{words}"))
    return msgspec.structs.replace(request, messages=messages)


def with_more_room(request: Request, reply: Reply, context_length: int | None) -> Request | None:
    """The same question with twice the tokens for the answer, as far as the context goes; None if there are no more."""
    most = request.max_tokens * 2
    if context_length is not None:
        most = min(most, context_length - reply.usage.prompt_tokens)
    return msgspec.structs.replace(request, max_tokens=most) if most > request.max_tokens else None
