"""A fence around text that is not trusted: a marker that the text cannot contain, and no way to end a chat turn.

The text is judged, and may have been written to be judged well. Two ways out of its place are closed: imitating the
marker that ends it, and the control tokens with which chat templates begin and end turns, which many servers take for
real ones wherever they stand.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_LETTERS = b"bcdfghjkmnpqrstvwxz"  # no vowels, so no words; and few tokens, which digits are not
_TABLE = bytes(_LETTERS[byte % len(_LETTERS)] for byte in range(256))
_LENGTH = 6
_CONTROL = re.compile(
    r"<(?=\|[^|<>\s]{1,60}\|>|｜[^｜<>\n]{1,60}｜>"
    r"|/?s>|/?(?:bos|eos|pad|unk|sop|eop|start_of_turn|end_of_turn|start_of_image)>|</?SYS>>|/?SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|gMASK)\])",
    re.IGNORECASE,
)


def fence_code(texts: Iterable[str]) -> str:
    """A code of 6 or more letters that none of the texts contains, in any case; the same for the same texts.

    It is a hash of the texts, and is made longer until it is absent, which ends: a code longer than every text is
    absent.
    """
    texts = [text.lower() for text in texts]
    digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).digest()
    letters = _as_letters(digest)
    length = _LENGTH
    while any(letters[:length] in text for text in texts):
        length += 1
        if length > len(letters):
            digest = hashlib.sha256(digest).digest()
            letters += _as_letters(digest)
    return letters[:length]


def _as_letters(digest: bytes) -> str:
    return digest.translate(_TABLE).decode()


def harmless(text: str) -> str:
    """The text with chat control tokens broken by a space ("<|im_end|>" as "< |im_end|>"), and otherwise as it is."""
    if "<" in text or "[" in text:
        return _CONTROL.sub(lambda match: match[0] + " ", text)
    return text


def fenced(name: str, code: str, text: str) -> str:
    """A text between its two marker lines."""
    return f"<<<{name} {code}>>>\n{text}\n<<<END {name} {code}>>>"
