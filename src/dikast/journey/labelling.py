"""Labels out of the store as a sheet, and back: what a sheet would change, what it conflicts with, and doing it.

Each row says which revision it was made from. A row that says what that revision said was not edited, and changes
nothing, even where the store has gone on since. An edited row over a label that was saved meanwhile is a conflict: it
is shown, and overwrites nothing unless it is told to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec

from dikast.agreement.settling import Settled, settle
from dikast.errors import DataError, SettingError
from dikast.interactions.guarding import unguarded
from dikast.interactions.label_rows import LabelRow, Problem
from dikast.records import Label
from dikast.report.figures import count
from dikast.report.label_sheet import SheetLine, shown, write_labels_csv, write_labels_jsonl, write_labels_xlsx
from dikast.store import KeptDataset, LabelBook, LabelKey, LabelRevision, LabelState

Keep = Literal["theirs", "ours"]

_WRITERS = {".xlsx": write_labels_xlsx, ".csv": write_labels_csv, ".jsonl": write_labels_jsonl}
_COMPARED = ("verdict", "score", "critique", "tags", "note")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One row that says something new. label: None to withdraw. mine: what the store has, which it would replace.

    expected: the number of the newest revision, which must still be so when the change is written.
    """

    row: int
    id: str
    annotator: str | None
    criterion: str | None
    label: Label | None
    mine: LabelRevision | None
    expected: int


class ImportPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What an import would do. empty: rows that say nothing. notes: what was done to read it, in words."""

    new: list[Change]
    changed: list[Change]
    withdrawn: list[Change]
    conflicts: list[Change]
    problems: list[Problem]
    unchanged: int
    empty: int
    notes: list[str]


def export_labels(book: LabelBook, dataset: KeptDataset, out: Path, *, annotator: str | None = None) -> int:
    """Write the labels of a dataset to a .xlsx, .csv or .jsonl; how many rows. Raises OutputError, SettingError.

    A sheet has a row for each label, and one for each interaction without any. annotator: only this one's labels.
    """
    writer = _WRITERS.get(out.suffix.lower())
    if writer is None:
        raise SettingError(f"{str(out)!r}: labels are written as {', '.join(_WRITERS)}", hint="Choose by the suffix.")
    by_id: dict[str, list[LabelRevision]] = {}
    for revision in book.current(annotator=annotator):
        by_id.setdefault(revision.label.id, []).append(revision)

    def lines() -> Iterator[SheetLine]:
        for item in dataset:
            for revision in by_id.get(item.id, ()):
                yield SheetLine(item, revision.label, revision.revision)
            if item.id not in by_id:
                yield SheetLine(item, None, 0)

    return writer(out, lines)


def export_settled(
    book: LabelBook, dataset: KeptDataset, out: Path, *, principal: str | None = None
) -> tuple[int, int]:
    """Write the one label an interaction that binds, to a .jsonl; how many, and how many interactions are undecided.

    A label that several people settled names nobody; one person's own, and the principal's, names them. Raises
    OutputError, SettingError.
    """
    if out.suffix.lower() != ".jsonl":
        raise SettingError(
            f"{str(out)!r}: what binds is written as .jsonl", hint="A sheet to fill in has everybody's labels."
        )
    by_key: dict[tuple[str, str | None], list[Label]] = {}
    for revision in book.current():
        by_key.setdefault((revision.label.id, revision.label.criterion), []).append(revision.label)
    found = {key: settle(labels, principal) for key, labels in by_key.items()}
    binding: dict[str, list[Label]] = {}
    for (id, _), settled in found.items():
        if (label := binding_label(settled)) is not None:
            binding.setdefault(id, []).append(label)

    def lines() -> Iterator[SheetLine]:
        for item in dataset:
            for label in binding.get(item.id, ()):
                yield SheetLine(item, label, 0)

    return write_labels_jsonl(out, lines), sum(one.rule == "split" for one in found.values())


def binding_label(settled: Settled) -> Label | None:
    """What was settled, as one label; None where nothing was. It names nobody where several people made it."""
    if settled.label is None or settled.rule in ("principal", "alone", "settled"):
        return settled.label
    score = settled.score if settled.rule == "mean" else settled.label.score
    return msgspec.structs.replace(settled.label, verdict=settled.verdict, score=score, annotator=None)


def plan_import(
    book: LabelBook, dataset: KeptDataset, rows: Iterable[LabelRow], *, annotator: str | None = None
) -> ImportPlan:
    """What these rows would change. annotator: whose the labels are where a row doesn't say."""
    plan = ImportPlan(new=[], changed=[], withdrawn=[], conflicts=[], problems=[], unchanged=0, empty=0, notes=[])
    ids = _Ids(dataset.ids(), plan.notes)
    standing = {_key(revision.label): revision for revision in book.current()}
    newest, revisions = book.numbers(), _Revisions(book)
    seen: dict[LabelKey, int] = {}
    unchanged = empty = by_users = 0
    for row in rows:
        if row.label is not None and row.label.whose == "user":
            by_users += 1
            continue
        id = ids.find(row.id)
        if id is None:
            plan.problems.append(Problem(row=row.row, column="id", reason=_unknown(row.id, dataset.name)))
            continue
        whose = row.annotator or annotator
        key = (id, whose or "", row.criterion or "")
        mine = standing.get(key)
        if row.label is None and not (row.revision and mine):
            empty += 1
            continue
        if key in seen:
            reason = f"the same label twice: row {seen[key]} labels {id!r} for the same person, too"
            plan.problems.append(Problem(row=row.row, column="id", reason=reason))
            continue
        seen[key] = row.row
        label = row.label and msgspec.structs.replace(row.label, id=id, annotator=whose)
        base = revisions.base(mine, row.revision, key)
        merged = None if label is None else _merged(label, base, row.columns)
        if _same(merged, mine) or (base is not None and base != mine and _same(merged, base)):
            unchanged += 1
            continue
        change = Change(
            row=row.row,
            id=id,
            annotator=whose,
            criterion=row.criterion,
            label=merged,
            mine=mine,
            expected=newest.get(key, 0),
        )
        _sort(plan, change, row.revision)
    if by_users:
        plan.notes.append(
            f"{count(by_users, 'label is', 'labels are')} of the system's users, and not saved beside an expert's"
        )
    return msgspec.structs.replace(plan, unchanged=unchanged, empty=empty)


def apply_import(book: LabelBook, plan: ImportPlan, *, keep: Keep | None = None) -> int:
    """Save what a plan says, all of it or nothing; how many labels were written. Raises LabelConflict, DataError.

    keep: whose word binds where both changed: "theirs", the sheet's, or "ours", the store's.
    """
    if plan.problems:
        raise DataError(f"{count(len(plan.problems), 'row')} can't be used; nothing was imported")
    if plan.conflicts and keep is None:
        rows = count(len(plan.conflicts), "row conflicts", "rows conflict")
        raise DataError(f"{rows} with what was saved meanwhile; nothing was imported")
    taken = [*plan.new, *plan.changed, *plan.withdrawn, *(plan.conflicts if keep == "theirs" else ())]
    given: list[tuple[Label, LabelState, int | None]] = []
    for change in taken:
        if change.label is not None:
            given.append((change.label, "saved", change.expected))
        elif change.mine is not None:
            given.append((change.mine.label, "withdrawn", change.expected))
    return len(book.save_all(given))


class _Ids:
    """The dataset's ids, found again even where a spreadsheet took the zeros off their front."""

    def __init__(self, ids: Sequence[str], notes: list[str]) -> None:
        self._known = frozenset(ids)
        self._notes = notes
        self._bare: dict[str, list[str]] = {}
        for id in ids:
            if id.isdecimal() and id.startswith("0"):
                self._bare.setdefault(id.lstrip("0") or "0", []).append(id)

    def find(self, given: str) -> str | None:
        """The id that is meant, None for none."""
        if given in self._known:
            return given
        plain = unguarded(given.strip())
        if plain in self._known:
            return plain
        full = self._bare.get(plain, [])
        if len(full) != 1:
            return None
        note = "ids had lost the zeros in front, and were found without them"
        if note not in self._notes:
            self._notes.append(note)
        return full[0]


class _Revisions:
    """What rows were made from. Every revision there is, is read when the first row is older than what stands."""

    def __init__(self, book: LabelBook) -> None:
        self._book = book

    def base(self, mine: LabelRevision | None, revision: int | None, key: LabelKey) -> LabelRevision | None:
        """The revision that a row was made from; where the sheet doesn't say, what stands now."""
        if revision is None or (mine is not None and mine.revision == revision):
            return mine
        return self._every.get((key, revision)) if revision else None

    @cached_property
    def _every(self) -> dict[tuple[LabelKey, int], LabelRevision]:
        return {(_key(one.label), one.revision): one for one in self._book.history()}


def _unknown(id: str, name: str) -> str:
    return f"no interaction {id[:80]!r} is in the dataset {name!r}"


def _key(label: Label) -> LabelKey:
    return label.id, label.annotator or "", label.criterion or ""


def _merged(label: Label, base: LabelRevision | None, columns: frozenset[str]) -> Label:
    """The row's label with what a sheet can't hold taken from its base: cut texts, columns that are not there."""
    if base is None:
        return label
    kept = {name: getattr(base.label, name) for name in ("drawn", "seed", "scale", "at") if not getattr(label, name)}
    for name in _COMPARED:
        before, now = getattr(base.label, name), getattr(label, name)
        if name not in columns or (isinstance(before, str) and _plain(now or "") == _plain(shown(before))):
            kept[name] = before
    merged = msgspec.structs.replace(label, **kept)
    if _said(merged) == _said(base.label):
        return base.label
    return msgspec.structs.replace(merged, at=label.at)


def _plain(text: str) -> str:
    """A text without what spreadsheets change by themselves."""
    return unguarded(text.replace("\r\n", "\n").replace("\r", "\n").strip())


def _said(label: Label) -> tuple[object, ...]:
    return tuple(getattr(label, name) for name in _COMPARED)


def _same(label: Label | None, revision: LabelRevision | None) -> bool:
    if label is None or revision is None:
        return label is None and revision is None
    return _said(label) == _said(revision.label)


def _sort(plan: ImportPlan, change: Change, revision: int | None) -> None:
    mine = change.mine
    current = mine.revision if mine else 0
    if revision != current if mine else revision:  # without `mine`: edited in the sheet, and withdrawn here meanwhile
        plan.conflicts.append(change)
    elif change.label is None:
        plan.withdrawn.append(change)
    else:
        (plan.changed if mine else plan.new).append(change)
