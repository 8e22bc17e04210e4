from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from jinja2 import meta

from dikast.agreement.estimate import Estimate, Undefined
from dikast.agreement.wilson import wilson
from dikast.analysis.summary import recorded_scale, summarise
from dikast.records import Interaction, JudgeRef, Verdict
from dikast.report.agreement_block import AgreementBlock, AgreementFigure
from dikast.report.html import TEMPLATE, environment, render_html
from dikast.report.page import ReportPage

VOID = {"meta", "br", "img", "input", "link", "hr"}
ALLOWED = set(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "a",
        "header",
        "p",
        "h1",
        "h2",
        "h3",
        "bdi",
        "dl",
        "div",
        "dt",
        "dd",
        "nav",
        "ul",
        "ol",
        "li",
        "main",
        "section",
        "span",
        "strong",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "details",
        "summary",
        "pre",
        "code",
        "blockquote",
        "footer",
        "svg",
        "desc",
        "rect",
        "line",
        "polyline",
        "circle",
        "text",
    ]
)
BLOCK = AgreementBlock(
    labels="two support leads",
    n=58,
    figures=(
        AgreementFigure("cohen_kappa", Estimate(0.61, 0.41, 0.79, 58, "bootstrap"), meaning="beyond chance"),
        AgreementFigure("true_negative_rate", wilson(14, 19), as_percent=True),
        AgreementFigure("spearman", Undefined("only one score was given", 58)),
    ),
    baselines=(AgreementFigure("output length", wilson(40, 58), as_percent=True),),
    trust="not_yet",
    sentence="Not yet to be trusted: too few fails are labelled.",
    needs="23 more fails labelled.",
    left_out={"no verdict": 2},
)


class Page(HTMLParser):
    """A page taken apart: its elements, the texts with what they stand in, and whether it is well nested."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[tuple[tuple[str, ...], bool, str]] = []
        self.feed(document)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        isolated = any(tag == "bdi" or attributes.get("dir") == "auto" for tag, attributes in self.open)
        self.texts.append((tuple(tag for tag, _ in self.open), isolated, data))

    @property
    def text(self) -> str:
        return " ".join(data for within, _, data in self.texts if "style" not in within)


def render(run: Any, *, info: bool = True, lookup: bool = True, agreement: AgreementBlock | None = None) -> str:
    scale = recorded_scale(run.info.judge_definition) if info else None
    summary = summarise(run.verdicts, scale=scale, outliers=40)
    return render_html(summary, run.info if info else None, run.lookup if lookup else None, agreement=agreement)


def test_the_templates_use_each_field_of_the_page_and_nothing_else() -> None:
    env = environment()
    used: set[str] = set()
    for name in env.list_templates(filter_func=lambda name: name.endswith(".j2")):
        source, _, _ = env.loader.get_source(env, name)  # type: ignore[union-attr]
        used |= meta.find_undeclared_variables(env.parse(source))
    others = {"page"}  # what the other documents' templates are given
    assert used - {"parts", "drawn", "card"} - others == {field.name for field in fields(ReportPage)}
    assert TEMPLATE in env.list_templates()


@pytest.mark.parametrize("kind", ["pass_fail", "ordinal", "pairwise", "failed"])
@pytest.mark.parametrize("n", [0, 1, 120])
def test_every_kind_and_size_of_run_makes_a_whole_page(sample: Callable[..., Any], kind: str, n: int) -> None:
    page = Page(render(sample(n, kind), agreement=BLOCK if n else None))
    assert set(page.tags) <= ALLOWED
    assert page.tags["h1"] == page.tags["main"] == page.tags["nav"] == page.tags["header"] == page.tags["footer"] == 1
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    targets = {value[1:] for tag, name, value in page.attributes if (tag, name) == ("a", "href")}
    assert targets <= set(ids)
    levels = [int(tag[1]) for within, _, _ in page.texts for tag in within if re.fullmatch("h[1-6]", tag)]
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert page.tags["table"] == page.tags["caption"]


def test_hostile_texts_stay_texts(sample: Callable[..., Any]) -> None:
    document = render(sample(400))
    page = Page(document)
    assert set(page.tags) <= ALLOWED
    assert page.tags["style"] == page.tags["title"] == 1
    assert {name for _, name, _ in page.attributes if name.startswith("on")} == set()
    assert all(value.startswith("#") for _, name, value in page.attributes if name in ("href", "src"))
    for mark in (
        "</pre></details><script>",
        "</style><style>body{display:none}",
        'onmouseover="alert(1)"',
        "{{ 7*7 }}",
    ):
        assert mark in page.text
    assert "␀" in page.text
    assert "␛[31mred" in page.text
    assert "⟨U+202E⟩gnihton" in page.text
    assert "⟨U+E0049⟩" in page.text
    assert "⟨U+D83D⟩" in page.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]", document)


def test_texts_of_others_are_isolated_from_the_pages_direction(sample: Callable[..., Any]) -> None:
    mark = "\u2067zqx\u05d0"
    run = sample(60, hostile=False)
    verdicts = [
        Verdict(
            id=f"{mark}-id-{i}",
            status="scored" if i % 5 else "unparsed",
            reason=None if i % 5 else f"{mark}: {mark}",
            verdict="fail" if i % 5 else None,
            critique=f"{mark} said",
            confidence=0.7,
            confidence_source=mark,
            scores={mark: i % 3},
            judge=JudgeRef(mark, mark),
            model=mark,
            method=mark,
            metadata={mark: f"{mark}{i % 3}"},
        )
        for i in range(40)
    ]
    info = replace_info(run.info, name=mark, dataset=mark, model=mark, settings={mark: mark}, fingerprint={mark: mark})
    interaction = Interaction(id="x", input=mark, output=mark, context=mark)
    document = render_html(summarise(verdicts), info, lambda id: interaction)
    for within, isolated, data in Page(document).texts:
        if "zqx" in data:
            assert isolated or "title" in within, (within, data)
    assert document.count("zqx") > 100


def replace_info(info: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(info, **changes)


def test_nothing_is_loaded_from_anywhere(sample: Callable[..., Any]) -> None:
    document = render(sample(120, hostile=False), agreement=BLOCK)
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in document
    style = document.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "<script" not in document
    assert "<link" not in document


def test_secrets_of_the_settings_are_not_shown(sample: Callable[..., Any]) -> None:
    document = render(sample(20))
    assert "sk-should-never-show" not in document
    assert "me:secret" not in document
    assert "(not shown)" in document
    assert "http://127.0.0.1:11434" in document


def test_the_page_says_what_was_judged_by_what_and_how_to_repeat_it(sample: Callable[..., Any]) -> None:
    run = sample(120)
    text = Page(render(run)).text
    for said in ("support-answers, version 3f9a1c77d2e8", "ollama/qwen3:14b", "tickets-2026-10.jsonl", "38 min 38 s"):
        assert said in text
    assert "dikast run support-answers tickets-2026-10.jsonl --model ollama/qwen3:14b --concurrency 4" in text
    assert "sha256:bdbd181c33f2" in text
    assert "Q4_K_M" in text


def test_a_command_is_quoted_for_the_shell(sample: Callable[..., Any]) -> None:
    run = sample(5)
    document = render(replace(run, info=replace_info(run.info, dataset="my data; rm -rf ~.jsonl")))
    assert "&#39;my data; rm -rf ~.jsonl&#39;" in document


def test_a_results_file_alone_says_what_is_not_known(sample: Callable[..., Any]) -> None:
    text = Page(render(sample(60, "ordinal"), info=False, lookup=False)).text
    assert "give the dataset with --data" in text
    assert "read as 1 to 5, higher is better" in text
    assert "Only a results file is at hand" in text


def test_long_outputs_are_cut_at_both_ends_and_their_length_is_told() -> None:
    long = "start " + "x" * 5_000_000 + " the very end"
    verdict = Verdict(id="a", status="scored", verdict="fail", judge=JudgeRef("j", "v"), critique="c" * 9_000)
    interaction = Interaction(id="a", input="q", output=long)
    document = render_html(summarise([verdict]), None, {"a": interaction}.get)
    assert len(document) < 60_000
    assert f"{len(long):,} characters" in document
    assert f"… {len(long) - 7_500:,} characters are not shown …" in document
    assert "the very end</pre>" in document
    assert "6,000 characters more" in document


def test_the_size_is_bounded_however_many_verdicts_there_are(sample: Callable[..., Any]) -> None:
    small, large = sample(500), sample(5_000)
    pages = [render_html(summarise(run.verdicts), run.info, run.lookup) for run in (small, large)]
    assert len(pages[1]) < 1.5 * len(pages[0])
    assert re.search(r"10 of 1,\d\d\d", Page(pages[1]).text)


def test_an_outlier_in_two_lists_is_shown_once() -> None:
    verdict = Verdict(
        id="only", status="scored", verdict="fail", confidence=0.5, judge=JudgeRef("j", "v"), critique="because of this"
    )
    page = Page(render_html(summarise([verdict]), None, None))
    assert page.text.count("shown above") == 1
    assert [value for _, name, value in page.attributes if name == "id"].count("result-1") == 1


def test_agreement_is_shown_with_its_baselines_and_what_it_needs(sample: Callable[..., Any]) -> None:
    text = Page(render(sample(60), agreement=BLOCK)).text
    for said in ("Not yet to be trusted", "23 more fails labelled.", "cohen_kappa", "0.61", "0.41 to 0.79", "73.7 %"):
        assert said in text
    assert "only one score was given" in text
    assert "output length" in text
    assert "How far to trust this judge" not in Page(render(sample(60))).text


def test_a_run_that_was_interrupted_says_so(sample: Callable[..., Any]) -> None:
    run = sample(30)
    assert "This run is not finished" in render(replace(run, info=replace_info(run.info, finished_at=None)))


def test_cjk_is_not_changed(sample: Callable[..., Any]) -> None:
    assert "回答沒有引用任何來源，無法確認第" in render(sample(200))
