"""A judge's card, put together: one run, people's labels, what the judge is, and the log of the sealed test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dikast.agreement.figures import Comparison, agreement, group_of
from dikast.agreement.matching import match
from dikast.agreement.weak_slices import misses, weak_slices
from dikast.analysis.summary import recorded_scale, summarise
from dikast.judges.scale import recorded_ends
from dikast.records import Interaction, Json, JudgeRef, Label, RunInfo, Verdict
from dikast.report.judge_card import JudgeCard, Opening, provenance_of


@dataclass(frozen=True, slots=True)
class CardSources:
    """What a card is made of.

    labels_from: where the labels are from, in words. showable: the interactions whose texts may be shown, None for all:
    of the others the card has figures only. principal: whose word binds where people differ. openings: of the sealed
    test, None when no store is there to tell. notes: what a reader must know first.
    """

    judge: JudgeRef
    definition: Mapping[str, Json]
    run: str
    info: RunInfo | None
    verdicts: Sequence[Verdict]
    labels: Sequence[Label]
    lookup: Callable[[str], Interaction | None]
    labels_from: str
    showable: frozenset[str] | None = None
    principal: str | None = None
    openings: Sequence[Opening] | None = None
    notes: tuple[str, ...] = ()


def make_card(of: CardSources) -> JudgeCard:
    """The card. Raises DataError when verdicts and labels have nothing in common."""
    scale = recorded_ends(of.info.judge_definition.get("scale")) if of.info else None
    found = agreement(of.verdicts, of.labels, of.lookup, Comparison(judge_scale=scale, principal=of.principal))
    matched = match(of.verdicts, of.labels, principal=of.principal)
    items = [of.lookup(verdict.id) for verdict in matched.verdicts]
    texts = [item for item in items if item is not None]
    groups = [group_of(item) for item in texts] if len(texts) == len(items) else None
    return JudgeCard(
        judge=of.judge,
        definition=of.definition,
        info=of.info,
        run=of.run,
        agreement=found,
        summary=summarise(of.verdicts, scale=recorded_scale(of.definition)),
        provenance=provenance_of(of.labels_from, of.labels, matched),
        matched=matched,
        items=items,
        weak=weak_slices(matched, items, groups=groups, judge_scale=scale),
        missed=misses(matched, scale),
        openings=of.openings,
        notes=(*of.notes, *(f"{note[0].upper()}{note[1:]}." for note in found.notes)),
        showable=of.showable,
    )
