"""One run against the standing labels: where judge and expert differ, critique against critique."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from dikast.agreement.matching import Matched
from dikast.agreement.settling import Settled
from dikast.agreement.weak_slices import Miss, misses
from dikast.records import RunInfo
from dikast.report.text import one_line, visible
from dikast.review.agreement_view import agreement_view, run_row, run_url
from dikast.review.asked import said_of, tone_of
from dikast.review.desk import Desk
from dikast.review.disputes_page import PAGE, pages
from dikast.review.item_page import Asked, judge_opinion
from dikast.review.measured import Measured, Measures, ends_of
from dikast.review.page import Disagreement, Filter, Opinion, RunPage

_LONGEST_CRITIQUE = 20_000


def run_page(desk: Desk, measures: Measures, info: RunInfo, what: str, page: int, asked: Asked) -> RunPage:
    """The run's figures and its disagreements. what: one kind of them, such as "pass-fail" (people, judge)."""
    t = asked.t
    known = measures.run(info.name)
    measured = known.value
    matched = measured.matched if measured else None
    found = misses(matched, ends_of(info)) if matched is not None and matched.family != "ranking" else []
    seen = [] if matched is None else [one for one in found if _may_be_shown(desk, matched.verdicts[one.place].id)]
    counts = Counter(_kind(one) for one in seen)
    chosen = [one for one in seen if what not in counts or _kind(one) == what]
    shown = chosen[(page - 1) * PAGE : page * PAGE]
    url = run_url(info.name)
    return RunPage(
        t=t,
        title=one_line(info.name, 120),
        run=run_row(desk, info, t),
        agreement=agreement_view(measures, info.name, t),
        words=t["pending"] if not known.fresh else _words(matched, len(found), measured is None, t),
        left_out=_left_out(measured, len(found) - len(seen), t),
        filters=_filters(url, counts, what, t),
        rows=() if matched is None else tuple(_row(desk, matched, one, t) for one in shown),
        pages=pages(url, f"what={what}" if what in counts else "", page, len(chosen), t),
    )


def _may_be_shown(desk: Desk, id: str) -> bool:
    """Whether showing it unblinds nobody: this annotator has saved a label of the interaction, and it isn't sealed."""
    position = desk.position_of(id)
    return position is not None and desk.has_saved(position) and not desk.is_sealed(position)


def _kind(miss: Miss) -> str:
    """What people say and what the judge says; of scores, which of the two is higher."""
    if isinstance(miss.judge, str):
        return f"{miss.people}-{miss.judge}"
    return "higher" if float(miss.judge) > float(miss.people) else "lower"


def _kind_words(kind: str, t: Mapping[str, str]) -> str:
    if kind in ("higher", "lower"):
        return t[f"judge_{kind}"]
    people, judge = kind.split("-")
    return t["people_judge"].format(people=t.get(people, people), judge=t.get(judge, judge))


def _filters(url: str, counts: Mapping[str, int], what: str, t: Mapping[str, str]) -> tuple[Filter, ...]:
    if len(counts) < 2:
        return ()
    everything = Filter(t["filter_all"], url, f"{sum(counts.values()):,}", what not in counts)
    return (
        everything,
        *(
            Filter(_kind_words(kind, t), f"{url}?what={kind}", f"{counts[kind]:,}", kind == what)
            for kind in sorted(counts)
        ),
    )


def _words(matched: Matched | None, n: int, foreign: bool, t: Mapping[str, str]) -> str:
    if foreign:
        return t["run_foreign"]
    if matched is None:
        return t["run_unlabelled"]
    if matched.family == "ranking":
        return t["run_ranking"]
    return t["run_differs"].format(n=f"{n:,}", of=f"{len(matched.verdicts):,}") if n else t["disagreements_none"]


def _left_out(measured: Measured | None, unseen: int, t: Mapping[str, str]) -> tuple[str, ...]:
    said = []
    if measured is not None and measured.sealed:
        said.append(t["run_sealed"].format(n=f"{measured.sealed:,}"))
    if measured is not None and measured.learned:
        said.append(t["run_learned"].format(n=f"{measured.learned:,}"))
    if unseen:
        said.append(t["run_unseen"].format(n=f"{unseen:,}"))
    return tuple(said)


def _row(desk: Desk, matched: Matched, miss: Miss, t: Mapping[str, str]) -> Disagreement:
    verdict, settled = matched.verdicts[miss.place], matched.labels[miss.place]
    return Disagreement(
        url=f"/item/{desk.position_of(verdict.id)}",
        id=one_line(verdict.id, 100),
        expert=settled_opinion(settled, t),
        judge=judge_opinion(verdict, t),
    )


def settled_opinion(settled: Settled, t: Mapping[str, str]) -> Opinion:
    """What was settled, as somebody's opinion."""
    label = settled.label
    said = settled.verdict or (f"{settled.score:g}" if settled.score is not None else "")
    named = label.annotator if label is not None else None
    who = visible(named) if named and settled.rule in ("principal", "alone") else t[f"who_{settled.rule}"]
    return Opinion(
        who=who,
        verdict=t.get(said, said) or said_of(label),
        tone=tone_of(said),
        critique=visible((label.critique or "")[:_LONGEST_CRITIQUE]) if label else "",
        when="" if label is None or label.at is None else label.at[:10],
    )
