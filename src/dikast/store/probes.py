"""What was found out about endpoints, as the mapping that the models room remembers in."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

import sqlalchemy as sa

from dikast.store.database import mapped_errors
from dikast.store.schema import probes


class ProbeMemory(MutableMapping[str, bytes]):
    """A mapping of names to bytes that lives in the store."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._where = engine.url.render_as_string(hide_password=True)

    def __getitem__(self, name: str) -> bytes:
        with mapped_errors(self._where), self._engine.execution_options(reading=True).connect() as connection:
            body = connection.execute(sa.select(probes.c.body).where(probes.c.name == name[:512])).scalar()
        if body is None:
            raise KeyError(name)
        return bytes(body)

    def __setitem__(self, name: str, body: bytes) -> None:
        with mapped_errors(self._where), self._engine.begin() as connection:
            connection.execute(probes.delete().where(probes.c.name == name[:512]))
            connection.execute(probes.insert().values(name=name[:512], body=body))

    def __delitem__(self, name: str) -> None:
        with mapped_errors(self._where), self._engine.begin() as connection:
            if not connection.execute(probes.delete().where(probes.c.name == name[:512])).rowcount:
                raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        with mapped_errors(self._where), self._engine.execution_options(reading=True).connect() as connection:
            return iter(connection.execute(sa.select(probes.c.name)).scalars().all())

    def __len__(self) -> int:
        return sum(1 for _ in self)
