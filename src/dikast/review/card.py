"""The judge's card of one run, as a page of its own: the sealed test in figures only, and only once it was opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dikast.journey.carding import CardSources, make_card
from dikast.judges.history import family_of
from dikast.records import Interaction, RunInfo, Verdict
from dikast.report.figures import count
from dikast.report.judge_card import Opening, render_card
from dikast.review.desk import Desk

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
"""The card carries its own style, and nothing else that a browser would act upon."""


def card_document(desk: Desk, info: RunInfo) -> str:
    """The card as one HTML document. Raises DataError where no label can be compared.

    Once the sealed test was opened for this version of the judge, the figures are those of the sealed part; before,
    those of the rest, and it says so. Items are shown one by one only if they are not sealed and this annotator has
    labelled them.
    """
    openings = _openings(desk, info)
    opened = any(one.version == info.judge.version for one in openings)
    labels = [revision.label for revision in desk.book.current() if not revision.outdated]
    measured = [label for label in labels if _sealed(desk, label.id) == opened]
    places = {label.id: desk.position_of(label.id) for label in labels}
    may = (id for id, at in places.items() if at is not None and desk.has_saved(at) and not desk.is_sealed(at))
    made = make_card(
        CardSources(
            judge=info.judge,
            definition=info.judge_definition,
            run=info.name,
            info=info,
            verdicts=list(_verdicts(desk, info)),
            labels=measured,
            lookup=lambda id: _item(desk, id),
            labels_from=f"the labels of {desk.dataset.name}",
            showable=frozenset(may),
            principal=desk.setup.principal,
            openings=openings,
            notes=(_note(opened, len({one.id for one in measured})),) if desk.setup.sealed else (),
        )
    )
    if opened:  # a map of confidence is never fitted on sealed labels
        made = replace(made, agreement=replace(made.agreement, calibration=None))
    return render_card(made)


def _openings(desk: Desk, info: RunInfo) -> list[Opening]:
    """When the sealed test was opened for this judge, or for one that was refined from it or before it."""
    return [
        Opening(one.at, desk.dataset.name, one.judge.version, one.n, one.why)
        for one in desk.setup.openings()
        if family_of(one.judge.name) == family_of(info.judge.name)
    ]


def _note(opened: bool, items: int) -> str:
    """What the figures are of."""
    if not opened:
        return "The figures are of labelled items that are not sealed: the sealed test was not opened for this version."
    shown = count(items, "labelled item")
    return f"The figures are of the sealed test, which was opened for this version: {shown}, none of which is shown."


def _sealed(desk: Desk, id: str) -> bool:
    position = desk.position_of(id)
    return position is not None and desk.is_sealed(position)


def _verdicts(desk: Desk, info: RunInfo) -> Iterable[Verdict]:
    """All of the run's verdicts, for its rate and its cost."""
    log = desk.setup.open_run(info.name)
    return desk.setup.verdicts.values() if log is None else log.verdicts()


def _item(desk: Desk, id: str) -> Interaction | None:
    position = desk.position_of(id)
    return None if position is None else desk.dataset.item(position)
