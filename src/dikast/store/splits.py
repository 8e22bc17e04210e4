"""Splits kept, and the log of who opened the sealed test.

How the parts are found is in `interactions/splits.py`; here they are remembered, so that none ever changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

from dikast.errors import InputError
from dikast.interactions.splits import SHARES, UNLABELLED, Part, Split, class_of, make_split
from dikast.records import Interaction, JudgeRef, Label
from dikast.store.database import mapped_errors
from dikast.store.datasets import KeptDataset, in_batches
from dikast.store.labels import LabelBook
from dikast.store.schema import dataset_items, datasets, splits, test_openings

_LOOKUP_LIMIT = 500
_STREAMED = 1000
_to_json = msgspec.json.Encoder()
_shares_from_json = msgspec.json.Decoder(dict[Part, float])


class TestOpening(msgspec.Struct, frozen=True, kw_only=True):
    """One opening of the sealed test: when (RFC 3339), for which judge, on how many items, and why."""

    __test__ = False  # this is no test of pytest's

    at: str
    judge: JudgeRef
    n: int
    why: str


class KeptSplit:
    """The parts of one kept dataset. principal: whose word says of what class an item is, where people differ."""

    def __init__(self, engine: sa.Engine, dataset: KeptDataset, principal: str | None = None) -> None:
        self.dataset = dataset
        self._principal = principal
        self._engine = engine
        self._where = engine.url.render_as_string(hide_password=True)
        self._reading = engine.execution_options(reading=True)

    def settle(self, *, shares: Mapping[Part, float] | None = None) -> Split:
        """Give every interaction that has no part yet its part; the others keep theirs.

        What is in a split of another dataset keeps that part here, and is set aside where two datasets differ on it: so
        what is sealed stays sealed in a sample or a copy.

        shares: of pool, dev and test, for the first time; later ones fill up to the same. Raises InputError for shares
        that don't add up to 1, or that differ from those the split was made with.
        """
        given = _checked(shares) if shares is not None else None
        while True:
            own, made_with = self._kept()
            if given and made_with and given != made_with:
                raise InputError(
                    f"the split of {self.dataset.name!r} was made with other shares: {_shown(made_with)}",
                    hint="A split is made once; leave the shares away.",
                )
            chosen = given or made_with or SHARES
            elsewhere = {unit: part for unit, part in self._elsewhere().items() if unit not in own}
            split = make_split(self.dataset, kept={**elsewhere, **own}, classes=self.classes(), shares=chosen)
            split = msgspec.structs.replace(split, added={**elsewhere, **split.added})
            if self._write(split, len(own), chosen):
                return split

    def fill(self) -> None:
        """Give every interaction its part, and look at none where each has one."""
        if self._is_begun_and_whole() != (True, True):
            self.settle()

    def is_behind(self) -> bool:
        """Whether there is a split, and interactions that came after it and have no part yet."""
        return self._is_begun_and_whole() == (True, False)

    def _is_begun_and_whole(self) -> tuple[bool, bool]:
        here = sa.select(splits.c.unit).where(splits.c.dataset == self.dataset.row)
        without = sa.select(dataset_items.c.position).where(
            dataset_items.c.dataset == self.dataset.row, dataset_items.c.unit.not_in(here)
        )
        with mapped_errors(self._where), self._reading.connect() as connection:
            is_begun = bool(connection.execute(sa.select(here.exists())).scalar())
            return is_begun, not bool(connection.execute(sa.select(without.exists())).scalar())

    def parts(self, ids: Sequence[str]) -> dict[str, Part]:
        """The part of each of these ids; those that have none yet are left out."""
        found: dict[str, Part] = {}
        columns = sa.select(dataset_items.c.interaction_id, splits.c.part).join(splits, _SAME_UNIT)
        with mapped_errors(self._where), self._reading.connect() as connection:
            for some in in_batches(ids, _LOOKUP_LIMIT):
                query = columns.where(
                    dataset_items.c.dataset == self.dataset.row,
                    dataset_items.c.interaction_id.in_([id.encode() for id in some]),
                )
                found |= {bytes(row.interaction_id).decode(): row.part for row in connection.execute(query)}
        return found

    def part_of(self, id: str) -> Part | None:
        """The part of one id, or None."""
        return self.parts([id]).get(id)

    def positions(self, part: Part) -> list[int]:
        """Where the interactions of a part are, in order."""
        query = (
            sa.select(dataset_items.c.position)
            .join(splits, _SAME_UNIT)
            .where(dataset_items.c.dataset == self.dataset.row, splits.c.part == part)
            .order_by(dataset_items.c.position)
        )
        with mapped_errors(self._where), self._reading.connect() as connection:
            return list(connection.execute(query).scalars())

    def items(self, part: Part) -> list[Interaction]:
        """The interactions of a part, in order."""
        return self.dataset.items(self.positions(part))

    def classes(self) -> dict[str, str]:
        """What the labels of each id settle on: those in the store, else those that came with the interaction."""
        found: dict[str, str] = {}
        for item in self.dataset:
            said = class_of(item.labels, self._principal) if item.labels else None
            if said is not None:
                found[item.id] = said
        given: dict[str, list[Label]] = {}
        for revision in LabelBook(self._engine, self.dataset.row, self.dataset.name).current():
            given.setdefault(revision.label.id, []).append(revision.label)
        for id, labels in given.items():
            said = class_of(labels, self._principal)
            if said is not None:
                found[id] = said
        return found

    def sizes(self) -> dict[Part, dict[str, int]]:
        """Interactions by part and class ("" where unlabelled); parts without any are left out."""
        classes = self.classes()
        query = (
            sa.select(dataset_items.c.interaction_id, splits.c.part)
            .join(splits, _SAME_UNIT)
            .where(dataset_items.c.dataset == self.dataset.row)
        )
        counted: dict[Part, Counter[str]] = {}
        with mapped_errors(self._where), self._reading.connect() as connection:
            for row in connection.execution_options(yield_per=_STREAMED).execute(query):
                said = classes.get(bytes(row.interaction_id).decode(), UNLABELLED)
                counted.setdefault(row.part, Counter())[said] += 1
        order: tuple[Part, ...] = ("pool", "dev", "test", "aside")
        return {part: dict(sorted(counted[part].items())) for part in order if part in counted}

    def _kept(self) -> tuple[dict[bytes, Part], dict[Part, float] | None]:
        query = sa.select(splits.c.unit, splits.c.part).where(splits.c.dataset == self.dataset.row)
        made_with = sa.select(datasets.c.shares).where(datasets.c.id == self.dataset.row)
        with mapped_errors(self._where), self._reading.connect() as connection:
            kept: dict[bytes, Part] = {bytes(row.unit): row.part for row in connection.execute(query)}
            shares = connection.execute(made_with).scalar()
        return kept, None if shares is None else _shares_from_json.decode(bytes(shares))

    def _elsewhere(self) -> dict[bytes, Part]:
        """The parts that units of this dataset have in other datasets."""
        mine = sa.select(dataset_items.c.unit).where(dataset_items.c.dataset == self.dataset.row)
        query = sa.select(splits.c.unit, splits.c.part).where(
            splits.c.dataset != self.dataset.row, splits.c.unit.in_(mine)
        )
        found: dict[bytes, Part] = {}
        with mapped_errors(self._where), self._reading.connect() as connection:
            for row in connection.execute(query):
                unit, part = bytes(row.unit), row.part
                found[unit] = part if found.get(unit, part) == part else "aside"
        return found

    def _write(self, split: Split, before: int, shares: Mapping[Part, float]) -> bool:
        """Whether it was written; False when another process gave out parts meanwhile."""
        here = splits.c.dataset == self.dataset.row
        rows = [{"dataset": self.dataset.row, "unit": unit, "part": part} for unit, part in split.added.items()]
        page = datasets.update().where(datasets.c.id == self.dataset.row)
        with mapped_errors(self._where), self._engine.begin() as connection:
            connection.execute(page.values(shares=_to_json.encode(dict(shares))))  # on PostgreSQL, this locks the page
            if connection.execute(sa.select(sa.func.count()).where(here).select_from(splits)).scalar_one() != before:
                connection.rollback()
                return False
            if rows:
                connection.execute(splits.insert(), rows)
        return True


_SAME_UNIT = sa.and_(splits.c.dataset == dataset_items.c.dataset, splits.c.unit == dataset_items.c.unit)


def parts_of(engine: sa.Engine, units: Iterable[bytes]) -> dict[bytes, dict[str, Part]]:
    """The parts that units have, by dataset; units without any are left out."""
    asked = set(units)
    found: dict[bytes, dict[str, Part]] = {}
    query = sa.select(splits.c.unit, splits.c.part, datasets.c.name).join(datasets, datasets.c.id == splits.c.dataset)
    where = engine.url.render_as_string(hide_password=True)
    with mapped_errors(where), engine.execution_options(reading=True).connect() as connection:
        for row in connection.execution_options(yield_per=_STREAMED).execute(query):
            unit = bytes(row.unit)
            if unit in asked:
                found.setdefault(unit, {})[row.name] = row.part
    return found


def open_test(engine: sa.Engine, dataset: KeptDataset, judge: JudgeRef, *, n: int, why: str) -> TestOpening:
    """Write down that a judge is about to be measured on n sealed items. Raises InputError without a reason."""
    if not why.strip():
        raise InputError("the sealed test is opened without a reason", hint="Say why it is time to measure.")
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    with mapped_errors(engine.url.render_as_string(hide_password=True)), engine.begin() as connection:
        connection.execute(
            test_openings.insert().values(
                dataset=dataset.row,
                at=at,
                judge_name=judge.name.encode(),
                judge_version=judge.version.encode(),
                n=n,
                why=why.encode(),
            )
        )
    return TestOpening(at=at, judge=judge, n=n, why=why)


def openings(engine: sa.Engine, dataset: KeptDataset) -> list[TestOpening]:
    """Every opening of a dataset's sealed test, oldest first."""
    query = sa.select(test_openings).where(test_openings.c.dataset == dataset.row).order_by(test_openings.c.id)
    where = engine.url.render_as_string(hide_password=True)
    with mapped_errors(where), engine.execution_options(reading=True).connect() as connection:
        return [
            TestOpening(
                at=row.at,
                judge=JudgeRef(bytes(row.judge_name).decode(), bytes(row.judge_version).decode()),
                n=row.n,
                why=bytes(row.why).decode(),
            )
            for row in connection.execute(query)
        ]


def _checked(shares: Mapping[Part, float]) -> dict[Part, float]:
    if set(shares) != set(SHARES) or min(shares.values()) < 0 or abs(sum(shares.values()) - 1) > 1e-9:
        raise InputError(
            f"the shares {_shown(shares)} can't be used", hint="Give pool, dev and test; they must add up to 100 %."
        )
    return {part: float(shares[part]) for part in SHARES}


def _shown(shares: Mapping[Part, float]) -> str:
    return ", ".join(f"{part} {100 * share:g} %" for part, share in shares.items())
