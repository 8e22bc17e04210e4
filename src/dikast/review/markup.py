"""Text of a model as HTML that can do nothing: made by a library, cleaned by another, and without a picture.

Every function returns Markup that holds no script, no style, no event, no address but http, https and mailto, and
nothing that the browser would fetch by itself.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from dikast.records import Json
from dikast.report.text import visible

_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "i", "ins", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "summary", "sup",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, **{tag: {"class"} for tag in ("code", "div", "pre", "span")}}
_LONGEST_CODE = 40_000  # a highlighter takes a second for about a million characters
_MOST_NODES = 4_000
_DEEPEST = 60
_FOLD_FROM = 2_500  # characters of HTML from which on a branch is folded


def clean(html: str) -> Markup:
    """The HTML without anything that acts."""
    return Markup(
        nh3.clean(
            html,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener noreferrer nofollow",
            set_tag_attribute_values={"a": {"target": "_blank"}},
        )
    )


def plain(text: str) -> Markup:
    """The text as it stands, line ends and spaces kept (the style sheet does that)."""
    return Markup('<div class="plain">{}</div>').format(visible(text))


def markdown(text: str) -> Markup:
    """Markdown with tables; its HTML is shown, not followed, and its pictures are named, not loaded."""
    return clean(_markdown().render(visible(text)))


def code(text: str, language: str) -> Markup:
    """A program, coloured where the language is known and the text isn't very long."""
    return clean(f'<pre class="code"><code>{_coloured(visible(text), language)}</code></pre>')


def diff(text: str) -> Markup:
    """A diff, a line each."""
    lines = []
    for line in visible(text).splitlines():
        kind = _diff_kind(line)
        lines.append(f'<span class="{kind}">{escape(line)}\n</span>' if kind else f"{escape(line)}\n")
    return clean(f'<pre class="diff"><code>{"".join(lines)}</code></pre>')


def letter(text: str, body: Markup) -> Markup:
    """An e-mail's headers as a list, above its body."""
    message = email.message_from_string(visible(text), policy=email.policy.compat32)
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in message.items())
    return clean(f"<dl>{rows}</dl>") + body


def json_tree(value: Json) -> Markup:
    """JSON with its branches foldable; too much of it, or too deep, is indented text."""
    try:
        text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
        if _nodes(value) > _MOST_NODES:
            return Markup('<pre class="code"><code>{}</code></pre>').format(visible(text))
        return clean(f'<div class="json">{_branch(value, 0)}</div>')
    except (RecursionError, _TooDeep):
        return plain("(nested too deeply to be shown)")


class _TooDeep(Exception):
    """JSON with more levels than anybody unfolds."""


def _nodes(value: Json) -> int:
    waiting, count = [(value, 0)], 0
    while waiting:
        one, depth = waiting.pop()
        count += 1
        if depth > _DEEPEST:
            raise _TooDeep
        below = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        waiting += [(child, depth + 1) for child in below]
    return count


def _branch(value: Json, depth: int) -> str:
    if isinstance(value, dict) and value:
        inner = "".join(f"<li><b>{escape(visible(str(k)))}</b> {_branch(v, depth + 1)}</li>" for k, v in value.items())
        return _foldable(f"{{{len(value)}}}", inner, depth)
    if isinstance(value, list) and value:
        return _foldable(f"[{len(value)}]", "".join(f"<li>{_branch(one, depth + 1)}</li>" for one in value), depth)
    if isinstance(value, str):
        return f'<span class="c-s">{escape(visible(value))}</span>'
    return f'<span class="c-kc">{escape(msgspec.json.encode(value).decode())}</span>'


def _foldable(name: str, inner: str, depth: int) -> str:
    if depth and len(inner) > _FOLD_FROM:
        return f"<details><summary>{name}</summary><ul>{inner}</ul></details>"
    return f"<ul>{inner}</ul>"


def _diff_kind(line: str) -> str:
    if line.startswith(("+++", "---", "diff ", "index ")):
        return "d-file"
    return {"+": "d-in", "-": "d-out", "@": "d-at"}.get(line[:1], "")


def _coloured(text: str, language: str) -> str:
    if language and len(text) <= _LONGEST_CODE:
        try:
            lexer = get_lexer_by_name(language, stripnl=False)
        except ClassNotFound:
            return str(escape(text))
        return str(highlight(text, lexer, HtmlFormatter(nowrap=True, classprefix="c-")))
    return str(escape(text))


@cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _picture)
    parser.add_render_rule("fence", _fence)
    return parser


def _picture(_self: RendererHTML, tokens: Sequence[Token], at: int, _options: Any, _env: Any) -> str:
    token = tokens[at]
    return f'<span class="picture">{escape(token.content)} ({escape(str(token.attrs.get("src", "")))})</span>'


def _fence(_self: RendererHTML, tokens: Sequence[Token], at: int, _options: Any, _env: Any) -> str:
    language = re.match(r"[\w+#.-]*", tokens[at].info.strip())
    text, name = tokens[at].content, language[0].lower() if language else ""
    if name in ("diff", "patch"):
        return str(diff(text))
    return f'<pre class="code"><code>{_coloured(text, name)}</code></pre>'
