"""Text of others, made safe to look at: nothing steers a terminal, a page or a spreadsheet, and nothing hides.

Control characters, lone surrogates, direction overrides and invisible tag characters are shown as what they are.
Quoting for HTML or CSV is not done here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dikast.records import Json, text_of

# Of a long text its beginning is shown, and its end, where attacks on a judge like to sit.
HEAD, TAIL = 6_000, 1_500

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls except tab and newline
    "\u2028\u2029"  # line separators that would split a line of CSV in some readers
    "\u202d\u202e"  # overrides: the text after them reads backwards
    "\ud800-\udfff"  # lone surrogates: can't be written as UTF-8
    "\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f]"  # tags: invisible instructions to a model
)


def visible(text: str) -> str:
    r"""The text with everything that steers or hides shown as a sign of itself; line ends become "\n".

    >>> visible("a\x00b\x1b[31m\r\nc\u202ed")
    'a␀b␛[31m\nc⟨U+202E⟩d'
    """
    return _UNSEEN.sub(_sign, text.replace("\r\n", "\n"))


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def one_line(text: str, longest: int) -> str:
    """The text on one line, cut with an ellipsis at `longest` characters."""
    line = " ".join(visible(text[: 4 * longest + 100]).split())
    return line if len(line) <= longest else line[: max(0, longest - 1)].rstrip() + "…"


def readable(value: Json) -> str:
    """A value of an interaction as text; JSON that is nested too deeply to be written down says so."""
    try:
        return text_of(value)
    except RecursionError:
        return "(nested too deeply to be shown)"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What is shown of a text: its beginning and, where the middle is left out, its end; `length` is of the whole."""

    head: str
    tail: str
    length: int

    @property
    def hidden(self) -> int:
        """How many characters are not shown."""
        return self.length - len(self.head) - len(self.tail)


def excerpt(text: str, head: int = HEAD, tail: int = TAIL) -> Excerpt:
    """The whole text where it fits in head + tail characters, else its two ends. Not yet made visible."""
    if len(text) <= head + tail:
        return Excerpt(text, "", len(text))
    return Excerpt(text[:head], text[len(text) - tail :] if tail else "", len(text))
