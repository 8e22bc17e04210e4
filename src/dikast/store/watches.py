"""Watches: what each has seen, drawn, judged and sent; the anchors' rounds; and the alerts of drift.

An item is entered with its place in the run when it is drawn, before it is judged, in the same transaction as the
round: so a watch that is killed knows what is left to do, and draws nothing twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from dikast.errors import InputError
from dikast.interactions.sampling import SamplingDesign
from dikast.records import Interaction, Json, RunInfo, content_hash
from dikast.store.database import mapped_errors
from dikast.store.datasets import in_batches
from dikast.store.runs import RunLog, begin_run, find_run, run_key
from dikast.store.schema import anchor_rounds, drift_alerts, interactions, watch_items, watch_rounds, watches

_LOOKUP_LIMIT = 500
_KEEP_INTERACTION = sa.text("INSERT INTO interactions (hash, body) VALUES (:hash, :body) ON CONFLICT DO NOTHING")
_to_json = msgspec.json.Encoder()
_interaction_from_json = msgspec.json.Decoder(Interaction)


class WatchInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is watched by which judge. run: the one run that grows."""

    name: str
    sources: tuple[str, ...]
    judge: str
    run: str
    begun_at: str


class WatchRound(msgspec.Struct, frozen=True, kw_only=True):
    """One round: what was new, what was drawn of it and how, and which model answered.

    first: the place in the run of the first that was drawn. fingerprint: of the model; judge: its version.
    """

    number: int
    at: str
    new: int
    drawn: int
    first: int
    changed: int = 0
    design: SamplingDesign | None = None
    judge: str | None = None
    model: str | None = None
    fingerprint: dict[str, Json] = {}
    judged: bool = False
    pushed: int | None = None


class DriftAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One change that was told. begin, end: its span. sent: whether a webhook took it."""

    id: int
    series: str
    cause: str
    begin: datetime
    end: datetime
    text: str
    details: tuple[str, ...] = ()
    at: str
    sent: bool = False
    acknowledged_at: str | None = None
    acknowledged_why: str | None = None


_watch_from_json = msgspec.json.Decoder(WatchInfo)
_round_from_json = msgspec.json.Decoder(WatchRound)
_alert_from_json = msgspec.json.Decoder(DriftAlert)


class KeptWatch:
    """One watch's pages. Iterating `rounds()` gives them in order."""

    def __init__(self, engine: sa.Engine, row: int, info: WatchInfo) -> None:
        self.row = row
        self.info = info
        self._engine = engine
        self._where = engine.url.render_as_string(hide_password=True)
        self._reading = engine.execution_options(reading=True)

    def rounds(self) -> list[WatchRound]:
        """Every round, oldest first."""
        query = sa.select(watch_rounds.c.body).where(watch_rounds.c.watch == self.row).order_by(watch_rounds.c.number)
        with mapped_errors(self._where), self._reading.connect() as connection:
            return [_round_from_json.decode(bytes(body)) for body in connection.execute(query).scalars()]

    def seen(self, items: Sequence[Interaction]) -> dict[str, bool]:
        """Of these, those whose id was seen before: whether with the same content."""
        found: dict[str, bool] = {}
        keys = {_key(item.id): item for item in items}
        columns = sa.select(watch_items.c.item, watch_items.c.content).where(watch_items.c.watch == self.row)
        with mapped_errors(self._where), self._reading.connect() as connection:
            for some in in_batches(keys, _LOOKUP_LIMIT):
                for row in connection.execute(columns.where(watch_items.c.item.in_(some))):
                    item = keys[bytes(row.item)]
                    found[item.id] = bytes(row.content) == bytes.fromhex(content_hash(item))
        return found

    def begin_round(
        self, *, at: str, passed_over: Iterable[tuple[str, str]], drawn: Iterable[Interaction],
        design: SamplingDesign | None, changed: int,
    ) -> WatchRound:  # fmt: skip
        """Enter a round: what was drawn, each with its place in the run, and what else was new, all or nothing.

        passed_over: id and content hash (hex) of what was new and not drawn. Both are read once, a few at a time.
        """
        places = sa.func.coalesce(sa.func.max(watch_items.c.position) + 1, 0)
        number = sa.func.coalesce(sa.func.max(watch_rounds.c.number) + 1, 1)
        with mapped_errors(self._where), self._engine.begin() as connection:
            first = connection.execute(sa.select(places).where(watch_items.c.watch == self.row)).scalar_one()
            next_number = connection.execute(sa.select(number).where(watch_rounds.c.watch == self.row)).scalar_one()
            left = self._enter_passed_over(connection, passed_over, next_number)
            count = 0
            for some in in_batches(enumerate(drawn, first), _LOOKUP_LIMIT):
                count += len(some)
                bodies = [(position, item, _to_json.encode(item)) for position, item in some]
                hashed = [{"hash": hashlib.sha256(body).digest(), "body": body} for *_, body in bodies]
                connection.execute(_KEEP_INTERACTION, hashed)
                rows = [
                    self._item(item.id, content_hash(item), next_number)
                    | {"position": position, "interaction": one["hash"]}
                    for (position, item, _), one in zip(bodies, hashed, strict=True)
                ]
                connection.execute(watch_items.insert(), rows)
            entered = WatchRound(
                number=next_number, at=at, new=left + count, drawn=count, first=first, changed=changed, design=design,
            )  # fmt: skip
            connection.execute(
                watch_rounds.insert().values(watch=self.row, number=next_number, body=_to_json.encode(entered))
            )
        return entered

    def save_round(self, entered: WatchRound) -> None:
        """Write a round again, with what has become of it."""
        with mapped_errors(self._where), self._engine.begin() as connection:
            connection.execute(
                watch_rounds.update()
                .where(watch_rounds.c.watch == self.row, watch_rounds.c.number == entered.number)
                .values(body=_to_json.encode(entered))
            )

    def drawn(self, entered: WatchRound) -> Iterator[tuple[int, Interaction]]:
        """What a round drew, by its place in the run; read a few at a time."""
        query = (
            sa.select(watch_items.c.position, interactions.c.body)
            .join(interactions, interactions.c.hash == watch_items.c.interaction)
            .where(watch_items.c.watch == self.row)
            .order_by(watch_items.c.position)
        )
        end = entered.first + entered.drawn
        for start in range(entered.first, end, _LOOKUP_LIMIT):
            upto = min(start + _LOOKUP_LIMIT, end)
            these = query.where(watch_items.c.position >= start, watch_items.c.position < upto)
            with mapped_errors(self._where), self._reading.connect() as connection:
                rows = connection.execute(these).all()
            for row in rows:
                yield row.position, _interaction_from_json.decode(bytes(row.body))

    def _enter_passed_over(self, connection: sa.Connection, passed_over: Iterable[tuple[str, str]], number: int) -> int:
        count = 0
        for some in in_batches(passed_over, _LOOKUP_LIMIT):
            rows = [self._item(id, content, number) | {"position": None, "interaction": None} for id, content in some]
            connection.execute(watch_items.insert(), rows)
            count += len(rows)
        return count

    def _item(self, id: str, content: str, number: int) -> dict[str, Any]:
        return {"watch": self.row, "item": _key(id), "content": bytes.fromhex(content), "round": number}


class WatchBook:
    """All watches of a store, the rounds of anchors, and the alerts."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._where = engine.url.render_as_string(hide_password=True)

    def keep(self, info: WatchInfo) -> KeptWatch:
        """The watch of that name, entered where there is none. Raises InputError where it watches something else."""
        found = self.find(info.name)
        if found is None:
            with mapped_errors(self._where), self._engine.begin() as connection:
                connection.execute(watches.insert().values(name=info.name.encode(), body=_to_json.encode(info)))
            found = self.find(info.name)
            assert found is not None
        if found.info.sources != info.sources or found.info.judge != info.judge:
            raise InputError(
                f"the watch {info.name!r} has {found.info.judge!r} judge {' '.join(found.info.sources)}",
                hint="Give this one another --name.",
            )
        return found

    def find(self, name: str) -> KeptWatch | None:
        """The watch of that name, or None."""
        return next((one for one in self.all() if one.info.name == name), None)

    def all(self) -> list[KeptWatch]:
        """Every watch, newest first."""
        rows = self._rows(sa.select(watches.c.id, watches.c.body).order_by(watches.c.id.desc()))
        return [KeptWatch(self._engine, row.id, _watch_from_json.decode(bytes(row.body))) for row in rows]

    def add_anchor_round(self, series: str, round: bytes) -> None:
        """Add a round of a series' anchors, as JSON."""
        with mapped_errors(self._where), self._engine.begin() as connection:
            connection.execute(anchor_rounds.insert().values(series=series.encode(), body=round))

    def anchor_rounds(self, series: str) -> list[bytes]:
        """The rounds of a series' anchors, as JSON, oldest first."""
        query = sa.select(anchor_rounds.c.body).where(anchor_rounds.c.series == series.encode())
        return [bytes(row.body) for row in self._rows(query.order_by(anchor_rounds.c.id))]

    def alerts(self, series: str | None = None) -> list[DriftAlert]:
        """The alerts of a series, or of all, oldest first."""
        query = sa.select(drift_alerts.c.id, drift_alerts.c.body).order_by(drift_alerts.c.id)
        if series is not None:
            query = query.where(drift_alerts.c.series == series.encode())
        return [
            msgspec.structs.replace(_alert_from_json.decode(bytes(row.body)), id=row.id) for row in self._rows(query)
        ]

    def keep_alert(self, alert: DriftAlert) -> DriftAlert:
        """Enter an alert, or write one again; with its number."""
        values: dict[str, Any] = {"series": alert.series.encode(), "body": _to_json.encode(alert)}
        with mapped_errors(self._where), self._engine.begin() as connection:
            if alert.id:
                connection.execute(drift_alerts.update().where(drift_alerts.c.id == alert.id).values(**values))
                return alert
            result = connection.execute(drift_alerts.insert().values(**values))
        assert result.inserted_primary_key is not None
        return msgspec.structs.replace(alert, id=result.inserted_primary_key[0])

    def growing_run(self, info: RunInfo) -> RunLog:
        """The run of that name, to add verdicts to; entered where there is none. It is never finished."""
        found = find_run(self._engine, info.name)
        if found is not None:
            return found
        return begin_run(self._engine, info, key=run_key("watch", info.name), owner="", out=None, name=info.name)

    def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with mapped_errors(self._where), self._engine.execution_options(reading=True).connect() as connection:
            return connection.execute(query).all()


def _key(id: str) -> bytes:
    return hashlib.sha256(id.encode("utf-8", "surrogatepass")).digest()
