"""Each text shown as what it is, and hostile ones able to do nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.records import Interaction
from dikast.review import markup
from dikast.review.programs import programming_language
from dikast.review.showing import parts_of, passage_of
from dikast.review.wording import texts

T = texts("en")
HOSTILE = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=alert(1)> <svg onload=alert(1)> <iframe src='https://evil.example'></iframe>",
    "**bold** [click](javascript:alert(1)) [data](data:text/html,<script>1</script>) <javascript:alert(1)>",
    "# Title\n\n![beacon](https://evil.example/p.png?q=secret) ![x][y]\n\n[y]: https://evil.example/y.gif",
    "`code`\n</textarea></details></main><script>1</script>\n<style>body{display:none}</style>",
    "- [a](https://ok.example/\" onmouseover=\"alert(1)) \n<form action=https://evil.example><button>",
    '{"key<script>": "<img src=x onerror=alert(1)>", "list": ["<script>", 1, null, true]}',
    "--- a/<script>\n+++ b/<script>\n@@ -1 +1 @@\n-<img src=x onerror=1>\n+<script>alert(1)</script>",
    "From: <script>a</script>\nSubject: <img src=x onerror=1>\n\n<script>alert(1)</script>",
    "```html\n<script>alert(1)</script>\n```\n```\"><script>\nx\n```",
    "| a | b |\n|---|---|\n| <script>1</script> | ![x](//evil.example/x) |",
    "\u202egnihton\u202c \u2066isolated \x00\x1b[31m \U000e0049tags",
    "<meta http-equiv=refresh content='0;url=https://evil.example'><base href=https://e/><link rel=x href=//e>",
    "<math><mtext></p><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
]  # fmt: skip
FORBIDDEN = {"script", "style", "iframe", "img", "svg", "form", "input", "button", "object", "embed", "link", "meta"}


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(html)
    return parser.tags


def check_harmless(html: str) -> None:
    for tag, attributes in elements(html):
        assert tag not in FORBIDDEN | {"base", "math", "video", "audio", "source"}
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "srcset", "id")]
        assert re.match(r"(https?:|mailto:)", attributes.get("href") or "https:"), attributes


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_does_nothing(text: str) -> None:
    passage = passage_of(text, T)
    check_harmless(str(passage.html))
    assert not re.search("[\u202e\x00\x1b]", str(passage.html))


@given(st.text(alphabet="<>/=\"'` \n#*-[]()!&;:ahrefsconimgplt{}|\u202e", max_size=200))
def test_any_text_does_nothing(text: str) -> None:
    check_harmless(str(passage_of(text, T).html))
    check_harmless(str(markup.markdown(text)))


def test_a_picture_is_named_and_not_loaded() -> None:
    html = str(markup.markdown("![a chart](https://evil.example/c.png)"))
    assert "<img" not in html
    assert "a chart (https://evil.example/c.png)" in html


def test_links_open_elsewhere_and_tell_nothing() -> None:
    ((_, attributes),) = [one for one in elements(str(markup.markdown("[a](https://b.example)"))) if one[0] == "a"]
    assert attributes == {"href": "https://b.example", "target": "_blank", "rel": "noopener noreferrer nofollow"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Just words, and 2 * 3 * 4.", "plain"),
        ("# Title\n\nwords", "markdown"),
        ("1. first\n2. second", "markdown"),
        ("Use `pip`.", "markdown"),
        ('{"a": [1, 2]}', "json"),
        ("{not json}", "plain"),
        ("[]", "plain"),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b", "diff"),
        ("From: a@b.example\nTo: c@d.example\nSubject: Hi\n\nBody", "letter"),
        ("From: here on it is\nplain", "plain"),
        ("寄件者：甲\n收件者：乙\n\n內容", "letter"),
    ],
)
def test_a_text_is_recognised(text: str, kind: str) -> None:
    assert passage_of(text, T).kind == kind


def test_code_is_coloured() -> None:
    html = str(markup.markdown("```python\ndef f(): return 'x'\n```"))
    assert '<span class="c-k">def</span>' in html


def test_json_is_folded_below_the_first_level() -> None:
    html = str(markup.json_tree({"short": 1, "long": ["x" * 3000, "y" * 3000]}))
    assert html.count("<details>") == 1
    assert "[2]" in html


def test_deep_and_broad_json_stays_readable() -> None:
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    assert "nested too deeply" in str(markup.json_tree(deep))
    assert "<pre" in str(markup.json_tree({str(n): n for n in range(5_000)}))


def test_a_chat_has_roles_and_folded_tools() -> None:
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "image_url", "image_url": "x"}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "w", "arguments": '{"c": "Bern"}'}}]},
        {"role": "tool", "name": "w", "content": '{"t": 3}'},
        {"role": "assistant", "content": [{"type": "tool_use", "name": "v", "input": {"a": 1}}, {"text": "3 degrees"}]},
    ]  # fmt: skip
    (part, _) = parts_of(Interaction(id="1", input=chat, output="x"), T, "/w")
    system, user, call, answer, last = part.messages
    assert (system.role, system.folded) == ("System", "Be brief.")
    assert user.passages[0].kind == "plain"
    assert [tool.name for tool in user.tools] == ["image_url"]
    assert [tool.name for tool in call.tools] == ["w"]
    assert "Bern" in str(call.tools[0].html)
    assert (answer.role, bool(answer.folded)) == ("Tool · w", True)
    assert [tool.name for tool in last.tools] == ["v"]


def test_a_huge_text_is_cut_and_says_so() -> None:
    text = "A" * 5_000_000 + "the very end"
    (_, part) = parts_of(Interaction(id="1", input="q", output=text), T, "/item/0/text")
    passage = part.messages[0].passages[0]
    assert len(passage.html) < 100_000
    assert "the very end" in passage.html
    assert "4,934,012 characters in the middle are not shown here" in passage.html
    assert part.whole == "/item/0/text/output"


def test_an_empty_output_is_shown_as_empty() -> None:
    (_, part) = parts_of(Interaction(id="1", input="q", output=""), T, "/w")
    assert part.messages[0].passages[0].kind == "empty"


PROGRAMS = {
    "python": "# not the first line\n".join(["import os\n", "\ndef size(path):\n    return os.stat(path).st_size\n"]),
    "javascript": "const twice = (x) => {\n  return 2 * x;\n};",
    "java": "public class Twice {\n  int of(int x) { return 2 * x; }\n}",
    "c++": "#include <vector>\nint main() {\n  return 0;\n}",
    "go": "func twice(x int) int {\n\treturn 2 * x\n}",
    "rust": "pub fn twice(x: i32) -> i32 {\n    2 * x\n}",
    "sql": "SELECT id, name\nFROM wards\nWHERE beds > 4;",
}


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_program_without_a_fence_is_code(language: str) -> None:
    assert programming_language(PROGRAMS[language]) == language
    passage = passage_of(PROGRAMS[language], T)
    assert passage.kind == "code"
    assert 'class="c-' in passage.html  # coloured
    check_harmless(str(passage.html))


@pytest.mark.parametrize(
    "prose",
    [
        "import duties are high:\nsee the list below;",
        "Select the right one\nfrom the list;",
        "def size(path):",
        "Use this:\n\n```python\nimport os\n```",
        "import os\n" + "and then a sentence that goes on and on " * 5 + ";",
    ],
)
def test_prose_is_no_program(prose: str) -> None:
    assert programming_language(prose) == ""
