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

_STREAMED = 1000
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
        with mapped_errors(self._where), self._engine.begin() as connection:
            return [self._append(connection, label, state, expected) for label, state, expected in given]

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
            return self._append(connection, label, state, None, undoes=row.id)

    def newest(self, id: str, *, annotator: str | None = None, criterion: str | None = None) -> LabelRevision | None:
        """The newest revision of one label, a draft too: what the annotator's page goes on from. None for none."""
        with mapped_errors(self._where), self._reading.connect() as connection:
            return self._newest(connection, _key(id, annotator, criterion))

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

    def history(self, id: str, *, annotator: str | None = None, criterion: str | None = None) -> list[LabelRevision]:
        """Every revision of an interaction's labels, oldest first; all annotators and criteria unless one is given."""
        query = self._selected().where(labels.c.interaction_id == id.encode())
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
        self,
        connection: sa.Connection,
        label: Label,
        state: LabelState,
        expected: int | None,
        undoes: int | None = None,
    ) -> LabelRevision:
        key = _key(label.id, label.annotator, label.criterion)
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if label.at is None:
            label = msgspec.structs.replace(label, at=at)
        content = self._content(connection, label.id)
        newest = self._newest(connection, key, lock=True)
        number = newest.revision if newest else 0
        if expected is not None and expected != number:
            raise _conflict(label, newest)
        body = _to_json.encode(label)
        values = {
            **_columns(key),
            "dataset": self._dataset,
            "revision": number + 1,
            "state": state,
            "verdict": label.verdict,
            "content": content,
            "at": at,
            "drawn": None if label.drawn is None else label.drawn.encode(),
            "blind": label.blind,
            "undoes": undoes,
            "body": body,
            "check": checksum(_check_key(key, number + 1, state), body),
        }
        self._write(connection, key, values, newest, state)
        return LabelRevision(label=label, revision=number + 1, state=state, at=at, undoes=undoes is not None)

    def _write(
        self,
        connection: sa.Connection,
        key: tuple[bytes, bytes, bytes],
        values: dict[str, Any],
        newest: LabelRevision | None,
        state: LabelState,
    ) -> None:
        here = self._is(label_heads, key)
        try:
            if newest is not None and newest.state == state == "draft":
                row = self._is(labels, key)
                connection.execute(labels.update().where(row, labels.c.revision == newest.revision).values(values))
                return
            result = connection.execute(labels.insert().values(values))
            assert result.inserted_primary_key is not None
            added: int = result.inserted_primary_key[0]
            heads = {"newest": added} | ({} if state == "draft" else {"standing": added})
            if newest is None:
                connection.execute(label_heads.insert().values(dataset=self._dataset, **_columns(key), **heads))
            else:
                connection.execute(label_heads.update().where(here).values(heads))
        except sa.exc.IntegrityError as error:  # PostgreSQL: another process wrote the first revision just now
            raise _conflict(_label_from_json.decode(values["body"]), None) from error

    def _newest(
        self, connection: sa.Connection, key: tuple[bytes, bytes, bytes], *, lock: bool = False
    ) -> LabelRevision | None:
        if lock:  # SQLite has locked the whole database by then
            connection.execute(sa.select(label_heads.c.newest).where(self._is(label_heads, key)).with_for_update())
        query = self._selected().join(label_heads, label_heads.c.newest == labels.c.id)
        row = connection.execute(query.where(self._is(label_heads, key))).first()
        return None if row is None else _revision(row)

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

    def _content(self, connection: sa.Connection, id: str) -> bytes:
        query = sa.select(dataset_items.c.content).where(
            dataset_items.c.dataset == self._dataset, dataset_items.c.interaction_id == id.encode()
        )
        content = connection.execute(query).scalar()
        if content is None:
            raise DataError(f"there is no interaction {id!r} in the dataset {self.name!r}")
        return bytes(content)

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


def _key(id: str, annotator: str | None, criterion: str | None) -> tuple[bytes, bytes, bytes]:
    return id.encode(), (annotator or "").encode(), (criterion or "").encode()


def _columns(key: tuple[bytes, bytes, bytes]) -> dict[str, bytes]:
    return dict(zip(("interaction_id", "annotator", "criterion"), key, strict=True))


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
