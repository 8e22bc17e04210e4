"""Where people differ, who may settle it, and what settling writes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import msgspec

from dikast.agreement.settling import Settled, settle
from dikast.errors import InputError, LabelConflict
from dikast.records import Label
from dikast.review.asked import label_of
from dikast.review.desk import Desk
from dikast.store import LabelRevision, LabelState

_OPEN = ("majority", "mean", "split")


@dataclass(frozen=True, slots=True)
class Dispute:
    """One interaction on which people differ. sides: their labels; verdict: the settled one, which names nobody."""

    position: int
    id: str
    criterion: str | None
    sides: tuple[LabelRevision, ...]
    verdict: LabelRevision | None
    settled: Settled

    @property
    def is_open(self) -> bool:
        """Whether nobody whose word binds has said anything of it."""
        return self.settled.rule in _OPEN

    @property
    def key(self) -> str:
        """Another one whenever any of its labels changes: a form of an older state is not taken."""
        seen = [[one.label.annotator, one.revision] for one in (*self.sides, *filter(None, [self.verdict]))]
        return hashlib.sha256(json.dumps([self.id, self.criterion, seen]).encode()).hexdigest()[:32]


def disputes(desk: Desk, id: str | None = None) -> list[Dispute]:
    """Where people differ, in the dataset's order; all that there are, or those on one interaction."""
    given: dict[tuple[str, str | None], list[LabelRevision]] = {}
    for revision in desk.book.current(id=id):
        given.setdefault((revision.label.id, revision.label.criterion), []).append(revision)
    found = []
    for (item, criterion), revisions in given.items():
        settled = settle([one.label for one in revisions], desk.setup.principal)
        position = desk.position_of(item)
        named = tuple(one for one in revisions if one.label in settled.raters and one.label.annotator is not None)
        if settled.disputed and position is not None and len(named) > 1:
            unnamed = next((one for one in revisions if one.label.annotator is None), None)
            found.append(Dispute(position, item, criterion, named, unnamed, settled))
    return found


def may_see(desk: Desk, dispute: Dispute) -> bool:
    """Whether it unblinds nobody: the principal may see all, others what they have labelled themselves."""
    if desk.annotator != desk.setup.annotator and not desk.has_saved(dispute.position):
        return False  # a second look is blind to the first
    mine = any(one.label.annotator == desk.setup.annotator for one in dispute.sides)
    return mine or desk.setup.principal == desk.setup.annotator


def may_settle(desk: Desk) -> bool:
    """Whether this person's word may settle: the principal's, or anybody's where there is none."""
    return desk.setup.principal in (None, desk.setup.annotator)


def resolve(desk: Desk, dispute: Dispute, side: str, critique: str, state: LabelState) -> LabelRevision:
    """Write what settles a dispute.

    side: the place of the label sided with, or "=" and another value of the scale. The principal who has a label of
    their own amends it; otherwise it is a label that names nobody, so that what each person said stays as it was. An
    empty critique is that of the label sided with. Raises InputError, LabelConflict, StoreError.
    """
    if not may_settle(desk):
        raise InputError(f"{desk.setup.annotator!r} can't settle this: {desk.setup.principal!r} does")
    own = next((one for one in dispute.sides if one.label.annotator == desk.setup.principal), None)
    replaced = own or dispute.verdict
    if state == "withdrawn":
        if dispute.verdict is None:
            raise InputError("nothing was settled that could be withdrawn")
        return desk.settle(dispute.position, dispute.verdict.label, "withdrawn", dispute.verdict.revision)
    label = msgspec.structs.replace(
        _sided(desk, dispute, side, critique),
        annotator=own.label.annotator if own else None,
        criterion=dispute.criterion,
        drawn=dispute.settled.drawn,
        blind=not desk.setup.run or desk.is_sealed(dispute.position) or not desk.has_saved(dispute.position),
        at=None,
        tags=replaced.label.tags if replaced else (),
        note=replaced.label.note if replaced else None,
    )
    return desk.settle(dispute.position, label, "saved", replaced.revision if replaced else _newest(desk, dispute))


def _sided(desk: Desk, dispute: Dispute, side: str, critique: str) -> Label:
    if side.startswith("="):
        return label_of(side[1:], critique, desk.scale, id=dispute.id)
    if not side.isdecimal() or int(side) >= len(dispute.sides):
        raise InputError(f"{side[:40]!r} is no side of this dispute: expected 0 to {len(dispute.sides) - 1}")
    label = dispute.sides[int(side)].label
    return msgspec.structs.replace(label, critique=critique or label.critique)


def _newest(desk: Desk, dispute: Dispute) -> int:
    """The revision that a settled label would follow: one that was withdrawn, or none."""
    newest = desk.book.newest(dispute.id, criterion=dispute.criterion)
    return newest.revision if newest else 0


def check_key(dispute: Dispute, key: str) -> None:
    """Raise LabelConflict for a form that was made before one of the labels changed."""
    if key != dispute.key:
        raise LabelConflict(f"a label of {dispute.id!r} was changed meanwhile", theirs=None)
