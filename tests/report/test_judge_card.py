"""The judge card: its page, its JSON, and that both say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from jinja2 import meta, nodes

from dikast.agreement.figures import Comparison, agreement, group_of
from dikast.agreement.matching import match
from dikast.agreement.weak_slices import misses, weak_slices
from dikast.analysis.summary import recorded_scale, summarise
from dikast.errors import DataError
from dikast.records import Interaction, JudgeRef, Label, Verdict
from dikast.report.html import environment
from dikast.report.judge_card import TEMPLATE, CardView, JudgeCard, Opening, card_view, provenance_of, render_card

VOID = {"meta", "br", "img", "input", "link", "hr", "rect", "line", "polyline", "circle"}


class Page(HTMLParser):
    """The page's tags, attributes and texts; fails where it isn't well nested."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[tuple[tuple[str, ...], bool, str]] = []
        self.feed(document)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        isolated = any(tag == "bdi" or attributes.get("dir") == "auto" for tag, attributes in self.open)
        self.texts.append((tuple(tag for tag, _ in self.open), isolated, data))

    @property
    def text(self) -> str:
        return " ".join(data for within, _, data in self.texts if "style" not in within)


def labels_for(run: Any, kind: str) -> list[Label]:
    """People's labels of a sample run: of two people, now and then another verdict than the judge's."""
    given = []
    for at, verdict in enumerate(run.verdicts):
        who: dict[str, Any] = {"annotator": "ana" if at % 3 else "ben", "drawn": "random", "critique": "people say so"}
        who |= {"at": f"2026-11-{1 + at % 20:02d}T08:00:00Z", "blind": True}
        if kind == "ordinal":
            given.append(Label(id=verdict.id, score=1 + (at * 7) % 5, scale=(1, 5), **who))
        elif kind == "ranking":
            given.append(Label(id=verdict.id, verdict="pass" if at % 4 else "fail", **who))
        else:
            classes = ("a", "b") if kind == "pairwise" else ("pass", "fail")
            said = verdict.verdict if verdict.verdict in classes and at % 5 else classes[at % 2]
            given.append(Label(id=verdict.id, verdict=said, **who))
    return given


def card_of(
    run: Any,
    labels: Sequence[Label],
    *,
    info: bool = True,
    lookup: bool = True,
    openings: Sequence[Opening] | None = None,
) -> JudgeCard:
    find = run.lookup if lookup else lambda id: None
    matched = match(run.verdicts, labels)
    items = [find(verdict.id) for verdict in matched.verdicts]
    known = [item for item in items if item is not None]
    return JudgeCard(
        judge=run.info.judge,
        definition=run.info.judge_definition,
        info=run.info if info else None,
        run=run.info.name,
        agreement=agreement(run.verdicts, labels, find, Comparison()),
        summary=summarise(run.verdicts, scale=recorded_scale(run.info.judge_definition)),
        provenance=provenance_of("labels.jsonl", labels, matched),
        matched=matched,
        items=items,
        weak=weak_slices(matched, items, groups=[group_of(item) for item in known] if known else None),
        missed=misses(matched),
        openings=openings,
        notes=("Mind this.",),
    )


@pytest.fixture
def card(sample: Callable[..., Any]) -> Callable[..., JudgeCard]:
    def make(kind: str = "pass_fail", n: int = 120, *, hostile: bool = False, **more: Any) -> JudgeCard:
        run = sample(n, "ordinal" if kind == "ranking" else kind, hostile=hostile)
        return card_of(run, labels_for(run, kind), **more)

    return make


def test_the_template_uses_each_field_of_the_card_and_nothing_else() -> None:
    env = environment()
    source, _, _ = env.loader.get_source(env, TEMPLATE)  # type: ignore[union-attr]
    tree = env.parse(source)
    assert meta.find_undeclared_variables(tree) == {"card"}
    used = {
        found.attr
        for found in tree.find_all(nodes.Getattr)
        if isinstance(found.node, nodes.Name) and found.node.name == "card"
    }
    assert used == {field.name for field in fields(CardView)}


@pytest.mark.parametrize("info", [True, False])
@pytest.mark.parametrize("kind", ["pass_fail", "ordinal", "pairwise", "ranking"])
def test_every_kind_of_judge_makes_a_whole_page(card: Callable[..., JudgeCard], kind: str, info: bool) -> None:
    made = card(kind, info=info, lookup=info)
    document = render_card(made)
    page = Page(document)
    assert made.agreement.family == kind
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for name, value in page.attributes if name == "href"} <= set(ids)
    assert {value for name, values in page.attributes if name == "aria-labelledby" for value in values.split()} <= set(
        ids
    )
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert page.tags.count("table") == page.tags.count("caption")
    assert "<script" not in document
    assert "<link" not in document
    assert "None" not in page.text
    assert not re.search(r"\bnan\b", page.text)


def test_hostile_texts_stay_texts(sample: Callable[..., Any]) -> None:
    hostile = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}\x1b[31m\u202eturned\x00"
    run = sample(120, hostile=True)
    verdicts = [
        msgspec.structs.replace(
            verdict, judge=JudgeRef(hostile, hostile), critique=hostile, metadata={hostile: f"{hostile}{at % 2}"}
        )
        for at, verdict in enumerate(run.verdicts)
    ]
    info = msgspec.structs.replace(
        run.info, judge=JudgeRef(hostile, hostile), name=hostile, dataset=hostile, model=hostile,
        judge_definition={"task": hostile, "scale": hostile, "mode": hostile, hostile: hostile},
        fingerprint={hostile: hostile},
    )  # fmt: skip
    run = replace(run, verdicts=verdicts, info=info)
    labels = [
        msgspec.structs.replace(label, annotator=hostile, critique=hostile, drawn=hostile)
        for label in labels_for(run, "pass_fail")
    ]
    made = replace(
        card_of(run, labels, openings=[Opening("2026-11-01T08:00:00Z", hostile, hostile, 3, hostile)]),
        notes=(hostile,),
    )
    document = render_card(made)
    page = Page(document)
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert {name for name, _ in page.attributes if name.startswith("on")} == set()
    for mark in ("<script>alert(1)</script>", "{{ 7*7 }}", "␛[31m", "⟨U+202E⟩turned"):
        assert page.text.count(mark) > 10
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]", document)
    for within, isolated, data in page.texts:
        if "turned" in data:
            assert isolated or "title" in within, (within, data)


def test_the_json_has_what_the_page_has(card: Callable[..., JudgeCard]) -> None:
    openings = [Opening("2026-11-02T09:00:00Z", "tickets", "3f9a1c77d2e84b10", 40, "ready to ship")]
    made = card(openings=openings)
    found = json.loads(msgspec.json.encode(made.as_json()))
    text = Page(render_card(made)).text
    view = card_view(made)
    assert found["judge"]["name"] in text
    assert found["judge"]["version"] in text
    assert found["run"] in text
    assert found["model"] in text
    assert found["dataset"]["name"] in text
    assert all(note in text for note in found["notes"])
    assert found["agreement"]["sentence"] in text
    for figure in (found["as_judged"], found["agreement"]["corrected_pass_rate"]):
        assert f"{100 * figure['value']:.1f} %" in text
    slices = found["where_it_fails"]["slices"]
    assert [f"{one['key']}: {one['value']}" for one in slices] == [row.name for row in view.slices]
    assert slices == sorted(slices, key=lambda one: one["figure"]["low"])
    examples = found["where_it_fails"]["examples"]
    assert [one["id"] for one in examples] == [one.id for one in view.examples]
    assert all(one["judge"] != one["people"] for one in examples)
    assert f"differ on {found['where_it_fails']['wrong']} of {found['agreement']['n']} labelled items" in text
    assert {"ana", "ben"} == set(found["labels"]["annotators"])
    assert all(f"{name} ({n})" in text for name, n in found["labels"]["annotators"].items())
    assert found["labels"]["n"] == found["agreement"]["n"] == sum(found["labels"]["drawn"].values())
    assert found["cost_and_speed"]["cache_hits"] == 12
    assert found["sealed_test_openings"] == msgspec.to_builtins(openings)
    for said in ("The sealed test was opened once.", "ready to ship", "2026-11-02T09:00:00Z"):
        assert said in text


def test_openings_are_told_as_far_as_they_are_known(card: Callable[..., JudgeCard]) -> None:
    one = Opening("2026-11-02T09:00:00Z", "tickets", "v", 40, "why")
    for openings, said in (
        ((), "was never opened for this judge"),
        ((one,), "was opened once."),
        ((one, one, one), "was opened 3 times"),
    ):
        assert said in Page(render_card(card(n=40, openings=openings))).text
    unknown = card(n=40)
    assert "sealed test" not in Page(render_card(unknown)).text
    assert "sealed_test_openings" not in unknown.as_json()


def test_secrets_are_not_on_the_page(card: Callable[..., JudgeCard]) -> None:
    document = render_card(card())
    assert "sk-should-never-show" not in document
    assert "me:secret" not in document


def test_scores_against_pass_and_fail_are_not_called_right_or_wrong(card: Callable[..., JudgeCard]) -> None:
    made = card("ranking")
    assert "no item by itself can be called wrong" in Page(render_card(made)).text
    assert made.as_json()["where_it_fails"]["wrong"] is None


def test_the_furthest_apart_and_the_surest_come_first() -> None:
    ref = JudgeRef("j", "v")
    scored = [Verdict(id=str(i), status="scored", scores={"overall": i}, judge=ref) for i in (1, 2, 5)]
    found = misses(
        match(scored, [Label(id=str(i), score=s, scale=(1, 5)) for i, s in ((1, 2), (2, 2), (5, 1))]), (1, 5)
    )
    assert [(miss.place, miss.distance) for miss in found] == [(2, 4.0), (0, 1.0)]
    said = [
        Verdict(id=str(i), status="scored", verdict="pass", confidence=sure, judge=ref)
        for i, sure in enumerate((0.6, 0.9, None, 0.99))
    ]
    people = [Label(id=str(i), verdict="fail" if i < 3 else "pass") for i in range(4)]
    assert [miss.place for miss in misses(match(said, people))] == [1, 0, 2]


def test_slices_are_of_keys_with_few_values_and_of_five_items_or_more() -> None:
    ref = JudgeRef("j", "v")
    verdicts = [
        Verdict(
            id=str(i),
            status="scored",
            verdict="pass" if i < 6 else "fail",
            judge=ref,
            metadata={"half": ["low", "high"][i >= 6], "user": f"u{i}", "one": 1, "rare": i == 0},
        )
        for i in range(40)
    ]
    people = [Label(id=str(i), verdict="fail" if i % 2 else "pass") for i in range(40)]
    matched = match(verdicts, people)
    found = weak_slices(matched, [None] * 40)
    # right are 3 of 6 of low, 17 of 34 of high, 19 of 39 of rare: false; the other values have one item or one key
    assert [(one.key, one.value, one.figure.n) for one in found] == [
        ("half", "low", 6),
        ("rare", "false", 39),
        ("half", "high", 34),
    ]
    assert [one.figure.value for one in found] == [0.5, pytest.approx(19 / 39), 0.5]
    assert len(weak_slices(matched, [None] * 40, most=1)) == 1
    of_items = [Interaction(id=str(i), input="q", output="a", metadata={"k": i % 2}) for i in range(40)]
    bare = replace(matched, verdicts=tuple(msgspec.structs.replace(v, metadata={}) for v in matched.verdicts))
    assert {(one.key, one.value) for one in weak_slices(bare, of_items)} == {("k", "0"), ("k", "1")}


def test_without_labels_there_is_no_card(sample: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match="there are no labels"):
        card_of(sample(10), [])


def test_one_label_makes_a_card_that_says_how_little_it_knows(sample: Callable[..., Any]) -> None:
    run = sample(30, hostile=False)
    first = next(verdict for verdict in run.verdicts if verdict.verdict)
    made = card_of(run, [Label(id=first.id, verdict=first.verdict)])
    text = Page(render_card(made)).text
    assert made.agreement.trust.level != "trusted"
    assert "so there are no slices" in text
    assert "Judge and people differ on 0 of 1 labelled items." in text
    assert "not recorded" in text


def test_labels_of_other_criteria_are_not_counted_among_those_used() -> None:
    ref = JudgeRef("j", "v")
    matched_labels = [Label(id=str(i), verdict="pass", criterion="facts", annotator="ana") for i in range(3)]
    others = [Label(id="0", verdict="fail", criterion="tone", annotator="ben"), Label(id="z", verdict="fail")]
    verdicts = [Verdict(id=str(i), status="scored", verdict="pass", judge=ref) for i in range(3)]
    found = provenance_of("file", [*matched_labels, *others], match(verdicts, [*matched_labels, *others]))
    assert (found.n, found.annotators, found.first_at) == (3, {"ana": 3}, None)
