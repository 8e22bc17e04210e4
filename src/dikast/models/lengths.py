"""How many tokens a prompt may have, bounded from both sides without a tokenizer.

The upper bound sizes a context; the lower bound shows that a server counted fewer tokens than the prompt can have, and
so has cut it in silence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from dikast.models.endpoint import Message

_TEMPLATE_TOKENS = 8  # around each message, generously
_WORD = re.compile(r"[A-Za-z0-9_À-ɏͰ-ϿЀ-ӿ]+")
_IDEOGRAPH = re.compile(r"[぀-ヿ㐀-鿿豈-﫿가-힣]")
_IDEOGRAPHS_A_TOKEN = 2.5  # no tokenizer averages more over a text
_SMALLEST_REST = 500  # tokens that a cut leaves, half of the smallest usual context; less is a server that can't count
_WHOLE_BYTES_A_TOKEN = 6  # texts that were not cut stay under this, and need no closer look


def most_tokens(messages: Sequence[Message]) -> int:
    """More tokens than the prompt has: one per 2.5 ASCII characters, 1.5 per other character.

    A tokenizer made for English alone may need up to 2.1 for each ideograph, which this does not foresee.
    """
    total = 0.0
    for message in messages:
        text = message.content
        if text.isascii():
            total += len(text) / 2.5
        else:
            plain = sum(map(str.isascii, text))
            total += plain / 2.5 + (len(text) - plain) * 1.5
        total += _TEMPLATE_TOKENS
    return math.ceil(total) + _TEMPLATE_TOKENS


def fewest_tokens(messages: Sequence[Message]) -> int:
    """Fewer tokens than the prompt has: one per word, one per 2.5 ideographs; all other characters for nothing."""
    words = sum(len(_WORD.findall(message.content)) for message in messages)
    ideographs = sum(len(_IDEOGRAPH.findall(message.content)) for message in messages if not message.content.isascii())
    return words + int(ideographs / _IDEOGRAPHS_A_TOKEN)


def was_cut(messages: Sequence[Message], counted: int) -> bool:
    """Whether a server that counted so many prompt tokens can't have read the whole prompt."""
    if counted < _SMALLEST_REST:
        return False
    size = sum(len(message.content.encode("utf-8", "replace")) for message in messages)
    return size > counted * _WHOLE_BYTES_A_TOKEN and fewest_tokens(messages) > counted
