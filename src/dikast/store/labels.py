"""Labels, kept with their history: every revision is a row of its own, and nothing that was saved is ever overwritten.

A label is found by its interaction, annotator and criterion. Its *newest* revision is what the annotator's page goes on
from; its *standing* one is the newest that is no draft, and counts if its state is "saved". A draft that follows a
draft takes its place, under the next number. Each revision remembers the content that it was given to.

Whoever saves says which revision they saw. If another is the newest by then, nothing is written and LabelConflict
carries that one: two tabs and two people don't overwrite each other in silence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec
import sqlalchemy as sa

from dikast.errors import DataError, InputError, LabelConflict
from dikast.records import Label, Outcome
from dikast.store.answers import checksum
from dikast.store.database import mapped_errors
from dikast.store.schema import dataset_items, label_heads, labels, splits

LabelState = Literal["draft", "saved", "deferred", "withdrawn"]

LabelKey = tuple[str, str, str]
"""A label's interaction, annotator and criterion; empty where it names none."""

_Given = tuple[Label, LabelState, int | None]

_STREAMED = 1000
_LOOKUP_LIMIT = 500
_NAMED = ("interaction_id", "annotator", "criterion")

_HEAD = """
INSERT INTO label_heads (dataset, interaction_id, annotator, criterion, newest, standing)
SELECT dataset, interaction_id, annotator, criterion, id, {standing} FROM labels WHERE dataset = :dataset
AND interaction_id = :interaction_id AND annotator = :annotator AND criterion = :criterion AND revision = :revision
ON CONFLICT (dataset, interaction_id, annotator, criterion) DO UPDATE SET newest = excluded.newest{and_standing}
"""
_DRAFTED = sa.text(_HEAD.format(standing="NULL", and_standing=""))
_STANDING = sa.text(_HEAD.format(standing="id", and_standing=", standing = excluded.standing"))
_to_json = msgspec.json.Encoder()
_label_from_json = msgspec.json.Decoder(Label)


class LabelRevision(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of a label.

    revision: counts from 1 for each interaction, annotator and criterion. at: when it was written (RFC 3339, UTC).
    undoes: this revision takes back the one before. outdated: the interaction's content is another since then.
    """

    label: Label
    revision: int
    state: LabelState
    at: str
    undoes: bool = False
    outdated: bool = False


class LabelCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many labels are in which state, and what the standing saved ones say. drafts: newest revisions not saved yet.

    labelled: interactions with at least one saved label.
    """

    states: dict[LabelState, int]
    verdicts: dict[Outcome, int]
    drafts: int
    labelled: int


class LabelBook:
    """The labels of one dataset. Every method is one transaction."""

    def __init__(self, engine: sa.Engine, dataset: int, name: str) -> None:
        self.name = name
        self._dataset = dataset
        self._engine = engine
        self._where = engine.url.render_as_string(hide_password=True)
        self._reading = engine.execution_options(reading=True)

    def save(self, label: Label, *, state: LabelState, expected_revision: int | None) -> LabelRevision:
        """Add a revision; when this returns, a kill can't lose it.

        label: its `at` is set to now where it has none. expected_revision: the number of the newest revision that the
        annotator saw, 0 for none; None to save whatever stands there. Raises LabelConflict when another is the newest,
        DataError for an id that is not in the dataset, InputError for a saved label that says nothing.
        """
        return self.save_all([(label, state, expected_revision)])[0]

    def save_all(self, given: Sequence[tuple[Label, LabelState, int | None]]) -> list[LabelRevision]:
        """Add several revisions, each with its state and expected revision: all of them, or none when one fails."""
        for label, state, _ in given:
            _check(label, state)
        written: list[LabelRevision] = []
        with mapped_errors(self._where), self._engine.begin() as connection:
            for some in _apart(given):
                written += self._append(connection, some)
        return written

    def undo(self, annotator: str | None) -> LabelRevision | None:
        """Take back what this annotator saved, deferred or withdrew last; the revision that now stands, or None.

        The label becomes again what it was before, as a new revision. Again undone, the one before that is taken back.
        """
        key = (annotator or "").encode()
        undone = labels.alias()
        last = (
            sa.select(labels)
            .where(labels.c.dataset == self._dataset, labels.c.annotator == key)
            .where(labels.c.state != "draft", labels.c.undoes.is_(None))
            .where(~sa.select(undone.c.id).where(undone.c.undoes == labels.c.id).exists())
            .order_by(labels.c.id.desc())
            .limit(1)
        )
        with mapped_errors(self._where), self._engine.begin() as connection:
            row = connection.execute(last).first()
            if row is None:
                return None
            before = self._before(connection, row)
            source = row if before is None else before
            label = _label_from_json.decode(bytes(source.body))
            state: LabelState = "withdrawn" if before is None else before.state
            return self._append(connection, [(label, state, None)], undoes=row.id)[0]

    def newest(self, id: str, *, annotator: str | None = None, criterion: str | None = None) -> LabelRevision | None:
        """The newest revision of one label, a draft too: what the annotator's page goes on from. None for none."""
        query = self._selected().join(label_heads, label_heads.c.newest == labels.c.id)
        key = (id.encode(), (annotator or "").encode(), (criterion or "").encode())
        with mapped_errors(self._where), self._reading.connect() as connection:
            row = connection.execute(query.where(self._is(label_heads, key))).first()
        return None if row is None else _revision(row)

    def current(
        self,
        *,
        annotator: str | None = None,
        criterion: str | None = None,
        id: str | None = None,
        part: str | None = None,
        state: LabelState = "saved",
    ) -> Iterator[LabelRevision]:
        """The standing revisions in this state, in the dataset's order; of all annotators and criteria unless given.

        With state="draft", the drafts that are the newest of their labels. part: only what is in this part of the
        split. Labels of interactions that are no longer in the dataset are left out.
        """
        conditions: list[sa.ColumnElement[bool]] = [labels.c.state == state]
        if annotator is not None:
            conditions.append(label_heads.c.annotator == annotator.encode())
        if criterion is not None:
            conditions.append(label_heads.c.criterion == criterion.encode())
        if id is not None:
            conditions.append(label_heads.c.interaction_id == id.encode())
        head = label_heads.c.newest if state == "draft" else label_heads.c.standing
        query = self._selected().join(label_heads, head == labels.c.id).where(*conditions)
        if part is not None:
            joined = sa.and_(splits.c.dataset == dataset_items.c.dataset, splits.c.unit == dataset_items.c.unit)
            query = query.join(splits, joined).where(splits.c.part == part)
        yield from self._stream(query.order_by(dataset_items.c.position, labels.c.annotator, labels.c.criterion))

    def numbers(self) -> dict[LabelKey, int]:
        """The number of the newest revision of every label, drafts too, by interaction, annotator and criterion."""
        named = (label_heads.c.interaction_id, label_heads.c.annotator, label_heads.c.criterion)
        query = sa.select(*named, labels.c.revision).join(labels, label_heads.c.newest == labels.c.id)
        query = query.where(label_heads.c.dataset == self._dataset)
        with mapped_errors(self._where), self._reading.connect() as connection:
            rows = connection.execution_options(yield_per=_STREAMED).execute(query)
            return {(bytes(id).decode(), bytes(who).decode(), bytes(what).decode()): n for id, who, what, n in rows}

    def history(
        self, id: str | None = None, *, annotator: str | None = None, criterion: str | None = None
    ) -> list[LabelRevision]:
        """Every revision of an interaction's labels, oldest first; of all interactions, annotators and criteria unless
        one is given.
        """
        query = self._selected()
        if id is not None:
            query = query.where(labels.c.interaction_id == id.encode())
        if annotator is not None:
            query = query.where(labels.c.annotator == annotator.encode())
        if criterion is not None:
            query = query.where(labels.c.criterion == criterion.encode())
        return list(self._stream(query.order_by(labels.c.id)))

    def recent(self, *, annotator: str | None = None, limit: int = 100) -> list[LabelRevision]:
        """The latest revisions of any interaction, newest first, drafts left out."""
        query = self._selected().where(labels.c.state != "draft")
        if annotator is not None:
            query = query.where(labels.c.annotator == annotator.encode())
        return list(self._stream(query.order_by(labels.c.id.desc()).limit(limit)))

    def amended(self, *, annotator: str | None = None) -> Iterator[tuple[LabelRevision, LabelRevision]]:
        """Where somebody changed their mind: a saved revision and the next saved one that has another verdict or score.

        What was taken back by `undo` is no change of mind.
        """
        undone = labels.alias()
        query = self._selected().where(labels.c.state == "saved", labels.c.undoes.is_(None))
        query = query.where(~sa.select(undone.c.id).where(undone.c.undoes == labels.c.id).exists())
        if annotator is not None:
            query = query.where(labels.c.annotator == annotator.encode())
        order = (dataset_items.c.position, labels.c.annotator, labels.c.criterion, labels.c.revision)
        before: LabelRevision | None = None
        for revision in self._stream(query.order_by(*order)):
            if before is not None and _same_label(before.label, revision.label) and _differs(before, revision):
                yield before, revision
            before = revision

    def counts(self, *, annotator: str | None = None, criterion: str | None = None) -> LabelCounts:
        """How many labels there are, by state and verdict."""
        conditions: list[sa.ColumnElement[bool]] = [label_heads.c.dataset == self._dataset]
        if annotator is not None:
            conditions.append(label_heads.c.annotator == annotator.encode())
        if criterion is not None:
            conditions.append(label_heads.c.criterion == criterion.encode())
        there = sa.and_(
            dataset_items.c.dataset == label_heads.c.dataset,
            dataset_items.c.interaction_id == label_heads.c.interaction_id,
        )
        standing = sa.join(label_heads, labels, label_heads.c.standing == labels.c.id).join(dataset_items, there)
        newest = sa.join(label_heads, labels, label_heads.c.newest == labels.c.id).join(dataset_items, there)
        by_state = sa.select(labels.c.state, labels.c.verdict, sa.func.count()).select_from(standing).where(*conditions)
        labelled = sa.select(sa.func.count(label_heads.c.interaction_id.distinct())).select_from(standing)
        drafts = sa.select(sa.func.count()).select_from(newest)
        states: dict[LabelState, int] = {}
        verdicts: dict[Outcome, int] = {}
        with mapped_errors(self._where), self._reading.connect() as connection:
            for state, verdict, number in connection.execute(by_state.group_by(labels.c.state, labels.c.verdict)):
                states[state] = states.get(state, 0) + number
                if state == "saved" and verdict is not None:
                    verdicts[verdict] = number
            return LabelCounts(
                states=states,
                verdicts=verdicts,
                drafts=connection.execute(drafts.where(*conditions, labels.c.state == "draft")).scalar_one(),
                labelled=connection.execute(labelled.where(*conditions, labels.c.state == "saved")).scalar_one(),
            )

    def stamp(self) -> int:
        """A number that is another whenever a label was saved, deferred or withdrawn since."""
        here = sa.select(sa.func.max(labels.c.id)).where(labels.c.dataset == self._dataset, labels.c.state != "draft")
        with mapped_errors(self._where), self._reading.connect() as connection:
            return connection.execute(here).scalar() or 0

    def annotators(self) -> dict[str, int]:
        """Who labelled, and how many standing saved labels each has; "" for labels that name nobody."""
        query = (
            sa.select(label_heads.c.annotator, sa.func.count())
            .join(labels, label_heads.c.standing == labels.c.id)
            .where(label_heads.c.dataset == self._dataset, labels.c.state == "saved")
            .group_by(label_heads.c.annotator)
            .order_by(label_heads.c.annotator)
        )
        with mapped_errors(self._where), self._reading.connect() as connection:
            return {bytes(name).decode(): number for name, number in connection.execute(query)}

    def _append(
        self, connection: sa.Connection, given: Sequence[_Given], undoes: int | None = None
    ) -> list[LabelRevision]:
        """Add revisions of labels that are all different: what stands is read at once, and written at once."""
        ids = sorted({label.id.encode() for label, _, _ in given})
        contents = self._contents(connection, ids)
        newest = self._newest(connection, ids)
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        written: list[LabelRevision] = []
        rows: list[dict[str, Any]] = []
        for label, state, expected in given:
            before = newest.get(_key(label))
            number = before.revision if before else 0
            if label.id not in contents:
                raise DataError(f"there is no interaction {label.id!r} in the dataset {self.name!r}")
            if expected is not None and expected != number:
                raise _conflict(label, before)
            label = label if label.at is not None else msgspec.structs.replace(label, at=at)
            revision = LabelRevision(label=label, revision=number + 1, state=state, at=at, undoes=undoes is not None)
            written.append(revision)
            rows.append(_row(revision, self._dataset, contents[label.id], undoes))
        drafted = {key for key, one in newest.items() if one.state == "draft"}
        self._write(connection, written, rows, drafted)
        return written

    def _write(
        self,
        connection: sa.Connection,
        written: Sequence[LabelRevision],
        rows: Sequence[dict[str, Any]],
        drafted: set[LabelKey],
    ) -> None:
        """drafted: the labels whose newest revision is a draft, which a draft replaces."""
        again = [one.state == "draft" and _key(one.label) in drafted for one in written]
        added = [row for row, is_again in zip(rows, again, strict=True) if not is_again]
        for row in (row for row, is_again in zip(rows, again, strict=True) if is_again):
            here = (labels.c[name] == row[name] for name in ("dataset", *_NAMED))
            connection.execute(labels.update().where(*here, labels.c.revision == row["revision"] - 1).values(row))
        try:
            if added:
                connection.execute(labels.insert(), added)
        except sa.exc.IntegrityError as error:  # PostgreSQL: another process wrote the first revision just now
            raise _conflict(written[0].label, None) from error
        for is_draft, statement in ((True, _DRAFTED), (False, _STANDING)):
            heads = [
                {name: row[name] for name in ("dataset", *_NAMED, "revision")}
                for row in added
                if (row["state"] == "draft") is is_draft
            ]
            if heads:
                connection.execute(statement, heads)

    def _newest(self, connection: sa.Connection, ids: Sequence[bytes]) -> dict[LabelKey, LabelRevision]:
        """The newest revisions of these interactions' labels, locked: SQLite has locked the whole database by then."""
        here = sa.and_(label_heads.c.dataset == self._dataset, label_heads.c.interaction_id.in_(ids))
        connection.execute(sa.select(label_heads.c.newest).where(here).with_for_update())
        query = self._selected().join(label_heads, label_heads.c.newest == labels.c.id).where(here)
        return {_key(one.label): one for one in map(_revision, connection.execute(query))}

    def _before(self, connection: sa.Connection, row: sa.Row[Any]) -> sa.Row[Any] | None:
        """What stood before a revision: the newest earlier one that was neither taken back nor takes one back."""
        undone = labels.alias()
        key = (bytes(row.interaction_id), bytes(row.annotator), bytes(row.criterion))
        query = (
            sa.select(labels)
            .where(self._is(labels, key), labels.c.id < row.id)
            .where(labels.c.state != "draft", labels.c.undoes.is_(None))
            .where(~sa.select(undone.c.id).where(undone.c.undoes == labels.c.id).exists())
            .order_by(labels.c.id.desc())
            .limit(1)
        )
        return connection.execute(query).first()

    def _contents(self, connection: sa.Connection, ids: Sequence[bytes]) -> dict[str, bytes]:
        query = sa.select(dataset_items.c.interaction_id, dataset_items.c.content).where(
            dataset_items.c.dataset == self._dataset, dataset_items.c.interaction_id.in_(ids)
        )
        return {bytes(row.interaction_id).decode(): bytes(row.content) for row in connection.execute(query)}

    def _selected(self) -> sa.Select[Any]:
        there = sa.and_(
            dataset_items.c.dataset == labels.c.dataset, dataset_items.c.interaction_id == labels.c.interaction_id
        )
        outdated = (dataset_items.c.content != labels.c.content).label("outdated")
        return sa.select(labels, outdated).join(dataset_items, there).where(labels.c.dataset == self._dataset)

    def _stream(self, query: sa.Select[Any]) -> Iterator[LabelRevision]:
        with mapped_errors(self._where), self._reading.connect() as connection:
            for row in connection.execution_options(yield_per=_STREAMED).execute(query):
                yield _revision(row)

    def _is(self, table: sa.Table, key: tuple[bytes, bytes, bytes]) -> sa.ColumnElement[bool]:
        columns = (table.c[name] == value for name, value in _columns(key).items())
        return sa.and_(table.c.dataset == self._dataset, *columns)


def check_of(row: sa.Row[Any]) -> bytes:
    """The checksum that a row of labels should have."""
    key = (bytes(row.interaction_id), bytes(row.annotator), bytes(row.criterion))
    return checksum(_check_key(key, row.revision, row.state), bytes(row.body))


def _check(label: Label, state: LabelState) -> None:
    if state not in get_args(LabelState):
        raise InputError(f"{state!r} is no state of a label: expected {', '.join(get_args(LabelState))}")
    if state == "saved" and label.verdict is None and label.score is None:
        raise InputError(f"the label of {label.id!r} says nothing: a saved label needs a verdict or a score")


def _conflict(label: Label, theirs: LabelRevision | None) -> LabelConflict:
    who = label.annotator or "somebody"
    said = f": {theirs.label.verdict or theirs.label.score or theirs.state}" if theirs else ""
    return LabelConflict(
        f"the label of {label.id!r} was saved in another place meanwhile, by {who}{said}",
        theirs=theirs,
        hint="Compare the two and save again.",
    )


def _key(label: Label) -> LabelKey:
    return label.id, label.annotator or "", label.criterion or ""


def _apart(given: Sequence[_Given]) -> Iterator[list[_Given]]:
    """In turns, none of which has the same label twice, and none more ids than one question may name."""
    some: dict[LabelKey, _Given] = {}
    for one in given:
        key = _key(one[0])
        if key in some or len(some) == _LOOKUP_LIMIT:
            yield list(some.values())
            some = {}
        some[key] = one
    if some:
        yield list(some.values())


def _row(revision: LabelRevision, dataset: int, content: bytes, undoes: int | None) -> dict[str, Any]:
    label, body = revision.label, _to_json.encode(revision.label)
    id, annotator, criterion = (part.encode() for part in _key(label))
    return {
        **_columns((id, annotator, criterion)),
        "dataset": dataset,
        "revision": revision.revision,
        "state": revision.state,
        "verdict": label.verdict,
        "content": content,
        "at": revision.at,
        "drawn": None if label.drawn is None else label.drawn.encode(),
        "blind": label.blind,
        "undoes": undoes,
        "body": body,
        "check": checksum(_check_key((id, annotator, criterion), revision.revision, revision.state), body),
    }


def _columns(key: tuple[bytes, bytes, bytes]) -> dict[str, bytes]:
    return dict(zip(_NAMED, key, strict=True))


def _check_key(key: tuple[bytes, bytes, bytes], revision: int, state: str) -> bytes:
    """At most 64 bytes, which is what the checksum takes as a key."""
    return hashlib.sha256(_to_json.encode((key, revision, state))).digest()


def _revision(row: sa.Row[Any]) -> LabelRevision:
    return LabelRevision(
        label=_label_from_json.decode(bytes(row.body)),
        revision=row.revision,
        state=row.state,
        at=row.at,
        undoes=row.undoes is not None,
        outdated=bool(row.outdated),
    )


def _same_label(first: Label, second: Label) -> bool:
    return (first.id, first.annotator, first.criterion) == (second.id, second.annotator, second.criterion)


def _differs(first: LabelRevision, second: LabelRevision) -> bool:
    return (first.label.verdict, first.label.score) != (second.label.verdict, second.label.score)
