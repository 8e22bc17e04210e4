"""The page of one interaction, worked out from the desk."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from dikast.errors import SettingError
from dikast.records import SECOND_LOOK, Interaction, Verdict
from dikast.report.text import one_line, readable, visible
from dikast.review.asked import (
    NO_CODING,
    Coding,
    choices,
    critique_help,
    differ,
    judged_as,
    key_rows,
    question,
    said_of,
    tone_of,
)
from dikast.review.desk import Desk, Standing
from dikast.review.figures import Needs, progress
from dikast.review.page import Compared, ItemPage, LabelForm, Link, Opinion, Opinions
from dikast.review.showing import metadata_rows, parts_of
from dikast.store import LabelRevision

_FIELD = re.compile(r"\{(id|metadata\.[^{}]+)\}")
_LONGEST_CRITIQUE = 20_000
_SCRIPT_WORDS = (
    "saving", "kept", "offline", "restored", "refused", "choose_first", "conflict", "show_both", "found", "find_none",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unsaved:
    """What a form said that could not be written, and what stands there now."""

    said: str
    critique: str
    theirs: LabelRevision | None
    coding: Coding = NO_CODING


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request brings to a page besides the place: language, the form's secret, what to say first.

    base: the beginning of the queue's addresses. notice_like: where more like the one just saved are.
    """

    t: Mapping[str, str]
    csrf: str
    notice: str = ""
    alarm: str = ""
    base: str = ""
    notice_like: str = ""
    unsaved: Unsaved | None = None


def item_page(desk: Desk, needs: Needs, position: int, asked: Asked) -> ItemPage:
    """Everything that the page of this interaction says."""
    t, base = asked.t, asked.base
    item = desk.dataset.item(position)
    standing = desk.standing(position)
    after, before = desk.beside(position, 1), desk.beside(position, -1)
    return ItemPage(
        t=t,
        title=one_line(item.id, 120),
        csrf=asked.csrf,
        dataset=desk.dataset.name,
        annotator=desk.annotator,
        place=position,
        position=_place(desk, position, t),
        queue=queue_words(desk, t),
        measuring=desk.queue.measuring,
        parts=parts_of(item, t, f"/item/{position}/text"),
        metadata=metadata_rows(item),
        links=links_of(item, desk.setup.links),
        form=_form(desk, position, standing, asked),
        opinions=_opinions(desk, position, standing, asked),
        notice=asked.notice,
        notice_like=asked.notice_like,
        more_like=more_like(desk, position),
        alarm=asked.alarm,
        progress=progress(desk, needs, t),
        base=base,
        previous=f"{base}/item/{before}" if before is not None else "/",
        next=f"{base}/item/{after}" if after is not None else f"{base}/done",
        keys=key_rows(desk.scale, t),
        script_words=json.dumps({name: t[name] for name in _SCRIPT_WORDS}, ensure_ascii=False),
    )


def _form(desk: Desk, position: int, standing: Standing, asked: Asked) -> LabelForm:
    t = asked.t
    said, critique, coding = _in_form(standing, asked.unsaved)
    return LabelForm(
        key=item_key(desk, position),
        question=question(desk.scale, t),
        choices=choices(desk.scale, said, t),
        critique_help=critique_help(desk.scale, t),
        critique=critique,
        note=coding.note,
        tags=", ".join(coding.tags),
        known_tags=json.dumps(desk.known_tags(), ensure_ascii=False),
        coded=coding != NO_CODING,
        revision=standing.revision,
        state=standing.state or "new",
        state_words=t[f"state_{standing.state or 'new'}"],
    )


def _opinions(desk: Desk, position: int, standing: Standing, asked: Asked) -> Opinions:
    t = asked.t
    has_run, sealed = bool(desk.setup.run), desk.is_sealed(position)
    return Opinions(
        compared=_compared(desk, position, standing, t),
        blind=has_run and not standing.is_saved and not sealed,
        sealed=has_run and sealed,
        others=_others(desk, position, standing, t),
        conflict=_conflict(asked.unsaved, t),
        history=tuple(revision_opinion(one, t) for one in reversed(standing.earlier)),
    )


def item_key(desk: Desk, position: int) -> str:
    """What tells this label apart from all others: a form of another dataset or annotator is not taken."""
    parts = json.dumps([desk.dataset.name, desk.annotator, desk.id_at(position)])
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def more_like(desk: Desk, position: int) -> str:
    """Where the queue of those is that are most alike to this one; "" where it is no failure."""
    return f"/like/{position}/go" if desk.has_failed(position) else ""


def output_text(item: Interaction) -> str:
    """All that was put out, as text, for the coach."""
    return "\n".join(readable(value) for value in (item.output, item.output_a, item.output_b) if value is not None)


def queue_words(desk: Desk, t: Mapping[str, str]) -> str:
    """How the queue was drawn, and what its labels are good for."""
    kind, _, key = desk.queue.drawn.partition(":")
    drawn = t[f"queue_{kind}"].format(key=key)
    return t["measuring" if desk.queue.measuring else "learning"].format(drawn=drawn)


def check_links(links: Mapping[str, str]) -> None:
    """Raise SettingError for an address that is none, or that asks for what an interaction doesn't have."""
    for name, address in links.items():
        unknown = re.findall(r"\{[^{}]*\}", _FIELD.sub("", address))
        if not address.startswith(("https://", "http://")) or unknown:
            raise SettingError(
                f"review.links.{name} is {address!r}: expected an http or https address",
                hint="In it, {id} and {metadata.KEY} stand for the interaction's own: https://crm.local/{metadata.user_id}",
            )


def links_of(item: Interaction, links: Mapping[str, str]) -> tuple[Link, ...]:
    """The configured links, filled in; one whose metadata the interaction lacks is left out."""
    found = []
    for name, address in links.items():
        values: dict[str, str] = {}
        for field in _FIELD.findall(address):
            value = item.id if field == "id" else item.metadata.get(field.removeprefix("metadata."))
            if value is None or isinstance(value, (dict, list)):
                break
            values[field] = quote(readable(value), safe="")
        else:
            found.append(Link(name, _FIELD.sub(lambda match, of=values: of[match[1]], address)))  # type: ignore[misc]
    return tuple(found)


def revision_opinion(revision: LabelRevision, t: Mapping[str, str], who: str | None = None) -> Opinion:
    """One revision of a label, by whom and when."""
    said = said_of(revision.label)
    state = "" if revision.state == "saved" else t[f"state_{revision.state}"]
    return Opinion(
        who=visible(who or revision.label.annotator or t["settled_label"]),
        verdict=" · ".join(filter(None, (t.get(said, said), state))) or t["no_verdict"],
        tone=tone_of(said),
        critique=visible((revision.label.critique or "")[:_LONGEST_CRITIQUE]),
        when=f"{revision.at[:10]} {revision.at[11:16]} UTC",
        note=visible((revision.label.note or "")[:_LONGEST_CRITIQUE]),
        tags=tuple(one_line(tag, 80) for tag in revision.label.tags),
    )


def judge_opinion(verdict: Verdict | None, t: Mapping[str, str]) -> Opinion:
    """The judge's verdict and critique, or why it has none."""
    said = judged_as(verdict)
    critique = "" if verdict is None else verdict.critique or verdict.reason or ""
    sure = verdict.confidence if verdict is not None and said else None
    return Opinion(
        who=t["judge"],
        verdict=t.get(said, said) or t["judge_none"],
        tone=tone_of(said),
        critique=visible(critique[:_LONGEST_CRITIQUE]),
        when="" if sure is None else f"{sure * 100:.0f} %",
    )


def _in_form(standing: Standing, unsaved: Unsaved | None) -> tuple[str, str, Coding]:
    """What the form holds: what could not be saved, else the newest revision; one that was withdrawn is empty."""
    if unsaved is not None:
        return unsaved.said, unsaved.critique, unsaved.coding
    if standing.newest is None:
        return "", "", NO_CODING
    label, state = standing.newest.label, standing.newest.state
    coding = Coding(label.note or "", label.tags)
    return said_of(label) if state != "withdrawn" else "", label.critique or "", coding


def _place(desk: Desk, position: int, t: Mapping[str, str]) -> str:
    at = desk.index_of(position)
    return "" if at is None else t["place"].format(place=f"{at + 1:,}", total=f"{len(desk.queue.positions):,}")


def _compared(desk: Desk, position: int, standing: Standing, t: Mapping[str, str]) -> Compared | None:
    hidden = not desk.setup.run or desk.is_sealed(position)
    if hidden or not standing.is_saved or standing.standing is None:
        return None
    verdict = desk.verdict(position)
    mine, judge = said_of(standing.standing.label), judged_as(verdict)
    agrees = bool(judge) and not differ(mine, judge)
    words = t["judge_agrees"] if agrees else t["judge_differs"] if judge else t["judge_none"]
    return Compared(agrees, words, judge_opinion(verdict, t), revision_opinion(standing.standing, t, t["you"]))


def _others(desk: Desk, position: int, standing: Standing, t: Mapping[str, str]) -> tuple[Opinion, ...]:
    """What others said, once this annotator has said theirs."""
    if not standing.is_saved:
        return ()
    mine = (desk.setup.annotator, desk.setup.annotator + SECOND_LOOK)
    return tuple(
        revision_opinion(one, t, t["other_look"] if one.label.annotator in mine else None)
        for one in desk.others(position)
    )


def _conflict(unsaved: Unsaved | None, t: Mapping[str, str]) -> Opinion | None:
    return (
        None if unsaved is None or unsaved.theirs is None else revision_opinion(unsaved.theirs, t, t["conflict_theirs"])
    )
