"""The pages on which differences between people are listed, and settled by keyboard."""

from __future__ import annotations

from collections.abc import Mapping

from dikast.report.text import one_line, visible
from dikast.review.asked import levels, said_of, tone_of
from dikast.review.desk import Desk
from dikast.review.disputing import Dispute, disputes, may_see, may_settle
from dikast.review.item_page import Asked, revision_opinion
from dikast.review.page import DisputePage, DisputeRow, DisputesPage, Filter, Pages, Row, Side
from dikast.review.showing import metadata_rows, parts_of
from dikast.store import LabelRevision

PAGE = 50
_LONGEST_NAME = 60
_KEYS = (
    ("1 – 9", "side"), ("c", "critique"), ("Ctrl/⌘ + Enter", "save"), ("j  →", "next"), ("k  ←", "previous"),
    ("u", "back"), ("Esc", "leave"),
)  # fmt: skip


def disputes_page(desk: Desk, what: str, page: int, notice: str, back: str, asked: Asked) -> DisputesPage:
    """The interactions on which people differ. what: "open", "settled" or all."""
    t = asked.t
    found = disputes(desk)
    seen = [one for one in found if may_see(desk, one)]
    chosen = [one for one in seen if what not in ("open", "settled") or one.is_open == (what == "open")]
    still = [one for one in seen if one.is_open]
    shown = chosen[(page - 1) * PAGE : page * PAGE]
    return DisputesPage(
        t=t,
        title=t["disputes"],
        dataset=desk.dataset.name,
        words=_words(desk, found, t),
        hidden=t["disputes_hidden"].format(n=f"{len(found) - len(seen):,}") if len(found) > len(seen) else "",
        start=f"/disputes/{still[0].position}" if still and may_settle(desk) else "",
        filters=_filters(seen, what, t),
        rows=tuple(_row(desk, one, t) for one in shown),
        pages=pages("/disputes", f"what={what}" if what else "", page, len(chosen), t),
        notice=notice,
        back=back,
    )


def dispute_page(desk: Desk, dispute: Dispute, notice: str, back: str, asked: Asked) -> DisputePage:
    """One of them, with everything needed to settle it."""
    t = asked.t
    item = desk.dataset.item(dispute.position)
    before, after, place = _around(desk, dispute)
    chosen, critique = _standing(desk, dispute)
    if asked.unsaved is not None:
        chosen, critique = asked.unsaved.said, asked.unsaved.critique
    sides = tuple(_side(number, one, chosen, t) for number, one in enumerate(dispute.sides))
    given = {said_of(one.label) for one in dispute.sides}
    return DisputePage(
        t=t,
        title=one_line(item.id, 120),
        csrf=asked.csrf,
        place=dispute.position,
        position=place,
        parts=parts_of(item, t, f"/item/{dispute.position}/text"),
        metadata=metadata_rows(item),
        sides=sides,
        levels=tuple(_level(value, chosen, t) for value in levels(desk.scale) if value not in given),
        critique=critique,
        item_key=dispute.key,
        rule=_settled_words(desk, dispute, t),
        may_settle=may_settle(desk),
        may_withdraw=may_settle(desk) and dispute.verdict is not None,
        notice=notice,
        back=back,
        alarm=asked.alarm,
        previous=before,
        next=after,
        keys=tuple(Row(key, t[f"key_{name}"]) for key, name in _KEYS),
    )


def next_open(desk: Desk, position: int | None) -> str:
    """Where the next open dispute is settled, from the start again after the end; the list when none is left."""
    still = [one.position for one in disputes(desk) if one.is_open and may_see(desk, one)]
    after = [one for one in still if position is None or one > position] + still
    return f"/disputes/{after[0]}" if after else "/disputes"


def pages(path: str, query: str, page: int, n: int, t: Mapping[str, str]) -> Pages:
    """Which part of a list of n is shown, and where the parts beside it are."""
    last = max(1, -(-n // PAGE))

    def at(number: int) -> str:
        wish = "&".join(filter(None, (query, f"page={number}" if number > 1 else "")))
        return f"{path}?{wish}" if wish else path

    words = t["pages"].format(page=page, last=last) if last > 1 else ""
    return Pages(words, at(page - 1) if page > 1 else "", at(page + 1) if page < last else "")


def _words(desk: Desk, found: list[Dispute], t: Mapping[str, str]) -> str:
    """What the list says first: how many are open, or why there are none."""
    if not found:
        people = [name for name in desk.book.annotators() if name]
        return t["disputes_none"] if len(people) > 1 else t["disputes_alone"]
    still = sum(one.is_open for one in found)
    counted = t["disputes_n"].format(n=f"{len(found):,}", open=f"{still:,}")
    if desk.setup.principal is None:
        return f"{counted} {t['disputes_anybody']}"
    return f"{counted} {t['disputes_principal'].format(name=one_line(desk.setup.principal, _LONGEST_NAME))}"


def _filters(seen: list[Dispute], what: str, t: Mapping[str, str]) -> tuple[Filter, ...]:
    if not seen:
        return ()
    still = sum(one.is_open for one in seen)
    counts = (("", len(seen)), ("open", still), ("settled", len(seen) - still))
    return tuple(
        Filter(t[f"filter_{name or 'all'}"], f"/disputes?what={name}" if name else "/disputes", f"{n:,}", name == what)
        for name, n in counts
    )


def _row(desk: Desk, dispute: Dispute, t: Mapping[str, str]) -> DisputeRow:
    extra = () if dispute.verdict is None else (revision_opinion(dispute.verdict, t, t["settled_label"]),)
    return DisputeRow(
        url=f"/disputes/{dispute.position}",
        id=one_line(dispute.id, 100),
        opinions=(*(revision_opinion(one, t) for one in dispute.sides), *extra),
        settled="" if dispute.is_open else _settled_words(desk, dispute, t),
    )


def _settled_words(desk: Desk, dispute: Dispute, t: Mapping[str, str]) -> str:
    """Whose word binds as of now, and what it is."""
    settled = dispute.settled
    said = settled.verdict or (f"{settled.score:g}" if settled.score is not None else "")
    who = one_line(desk.setup.principal or "", _LONGEST_NAME)
    return t[f"rule_{settled.rule}"].format(said=t.get(said, said), name=who)


def _around(desk: Desk, dispute: Dispute) -> tuple[str, str, str]:
    """The disputes before and after this one, and its place among them."""
    order = [one.position for one in disputes(desk) if may_see(desk, one)]
    at = order.index(dispute.position) if dispute.position in order else 0
    before = f"/disputes/{order[at - 1]}" if at > 0 else "/disputes"
    after = f"/disputes/{order[at + 1]}" if at + 1 < len(order) else "/disputes"
    return before, after, f"{at + 1:,} / {len(order):,}"


def _standing(desk: Desk, dispute: Dispute) -> tuple[str, str]:
    """What the form holds at first: what was settled already, else nothing."""
    if dispute.is_open or dispute.settled.label is None:
        return "", ""
    label = dispute.settled.label
    said = said_of(label)
    for number, one in enumerate(dispute.sides):
        if said_of(one.label) == said and (one.label.critique or "") == (label.critique or ""):
            return str(number), label.critique or ""
    alike = [str(at) for at, one in enumerate(dispute.sides) if said_of(one.label) == said]
    return alike[0] if alike else f"={said}", label.critique or ""


def _side(number: int, revision: LabelRevision, chosen: str, t: Mapping[str, str]) -> Side:
    opinion = revision_opinion(revision, t)
    return Side(
        value=str(number),
        key=str(number + 1) if number < 9 else "",
        name=one_line(opinion.who, _LONGEST_NAME),
        verdict=opinion.verdict,
        tone=opinion.tone,
        critique=visible(revision.label.critique or ""),
        when=opinion.when,
        chosen=chosen == str(number),
    )


def _level(value: str, chosen: str, t: Mapping[str, str]) -> Side:
    return Side(f"={value}", "", t["neither"], t.get(value, value), tone_of(value), "", "", chosen == f"={value}")
