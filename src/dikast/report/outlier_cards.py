"""The outliers of a run as cards: verdict, critique, and the interaction folded below."""

from __future__ import annotations

from collections.abc import Callable

from dikast.analysis.distribution import is_criterion
from dikast.analysis.outliers import Outlier, OutlierList
from dikast.records import Interaction
from dikast.report.figures import number, percent
from dikast.report.page import Card, OutlierSection, Part, Row
from dikast.report.text import HEAD, TAIL, excerpt, one_line, readable
from dikast.report.wording import RANKINGS, TONES

_LONGEST_CRITIQUE = 3_000
_METADATA_SHOWN = 12
_SCORES_SHOWN = 12
_PARTS = ("input", "output", "output_a", "output_b", "context", "reference")
_PART_NAMES = {"output_a": "Output A", "output_b": "Output B"}


def outlier_sections(
    lists: tuple[OutlierList, ...], lookup: Callable[[str], Interaction | None] | None
) -> tuple[OutlierSection, ...]:
    """A section for each ranking; an interaction that stands in several is shown in full in the first only."""
    anchors: dict[int, str] = {}
    sections = []
    for ranked in lists:
        cards = tuple(_card(outlier, anchors, lookup) for outlier in ranked.items)
        shown = f"{len(cards):,} of {ranked.of:,}" if len(cards) < ranked.of else f"all {ranked.of:,}"
        anchor = f"outliers-{ranked.ranking.replace('_', '-')}"
        sections.append(OutlierSection(anchor, RANKINGS[ranked.ranking], shown, cards))
    return tuple(sections)


def excerpt_part(name: str, text: str, *, head: int = HEAD, tail: int = TAIL) -> Part:
    """A text folded under its name, cut to its two ends where it is long."""
    shown = excerpt(text, head, tail)
    hidden = f"… {shown.hidden:,} characters are not shown …" if shown.hidden else ""
    return Part(name, shown.head, shown.tail, f"{shown.length:,} characters", hidden)


def _card(outlier: Outlier, anchors: dict[int, str], lookup: Callable[[str], Interaction | None] | None) -> Card:
    also = outlier.at in anchors
    anchor = anchors.setdefault(outlier.at, f"result-{outlier.at}")
    critique = excerpt(outlier.critique or "", _LONGEST_CRITIQUE, 0)
    interaction = None if also or lookup is None else lookup(outlier.id)
    metadata = list(outlier.metadata.items())[:_METADATA_SHOWN]
    return Card(
        anchor=anchor,
        id=one_line(outlier.id, 120),
        place=f"result {outlier.at:,}",
        verdict=outlier.verdict or (number(outlier.overall) if outlier.overall is not None else ""),
        tone=TONES.get(outlier.verdict or "", "plain"),
        facts=_facts(outlier),
        critique="" if also else critique.head,
        critique_cut=f"… {critique.hidden:,} characters more …" if critique.hidden else "",
        metadata=() if also else tuple(Row(one_line(k, 60), one_line(readable(v), 120)) for k, v in metadata),
        parts=() if interaction is None else _parts(interaction),
        also=also,
    )


def _facts(outlier: Outlier) -> tuple[Row, ...]:
    """Confidence and scores, in a few words each."""
    rows = [] if outlier.confidence is None else [Row("confidence", percent(outlier.confidence))]
    for name, value in list((outlier.scores or {}).items())[:_SCORES_SHOWN]:
        if is_criterion(name) and isinstance(value, (str, int, float, bool)):
            shown = number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
            rows.append(Row(one_line(name, 60), one_line(shown, 40)))
    return tuple(rows)


def _parts(interaction: Interaction) -> tuple[Part, ...]:
    found = []
    for field in _PARTS:
        value = getattr(interaction, field)
        if value is not None:
            found.append(excerpt_part(_PART_NAMES.get(field, field.capitalize()), readable(value)))
    return tuple(found)
