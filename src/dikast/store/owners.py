"""Which processes work on a store, and whether they still live.

An owner on this machine is alive when its process is; one on another machine (over PostgreSQL) when it was seen lately.
"""

from __future__ import annotations

import os
import secrets
import socket
import time

import psutil
import sqlalchemy as sa

from dikast.store.schema import claims, owners, runs

HEARTBEAT_S = 5.0
_SILENCE_S = 30.0


def register(connection: sa.Connection) -> str:
    """Enter this process; its new name."""
    owner = secrets.token_hex(8)
    connection.execute(
        owners.insert().values(
            owner=owner,
            host=socket.gethostname(),
            pid=os.getpid(),
            process_started=psutil.Process().create_time(),
            seen_at=time.time(),
        )
    )
    return owner


def heartbeat(connection: sa.Connection, owner: str) -> None:
    """Say that this process is still there."""
    connection.execute(owners.update().where(owners.c.owner == owner).values(seen_at=time.time()))


def forget_dead(connection: sa.Connection) -> set[str]:
    """Drop the owners that no longer live, with their claims; the names of those that do."""
    living: set[str] = set()
    dead: list[str] = []
    for row in connection.execute(sa.select(owners)):
        (living.add if _lives(row) else dead.append)(row.owner)
    if dead:
        connection.execute(claims.delete().where(claims.c.owner.in_(dead)))
        connection.execute(runs.update().where(runs.c.owner.in_(dead)).values(owner=None))
        connection.execute(owners.delete().where(owners.c.owner.in_(dead)))
    return living


def leave(connection: sa.Connection, owner: str) -> None:
    """Take this process out, with its claims."""
    connection.execute(claims.delete().where(claims.c.owner == owner))
    connection.execute(runs.update().where(runs.c.owner == owner).values(owner=None))
    connection.execute(owners.delete().where(owners.c.owner == owner))


def _lives(row: sa.Row[tuple[str, str, int, float, float]]) -> bool:
    if row.host != socket.gethostname():
        return bool(time.time() - row.seen_at < _SILENCE_S)
    try:
        process = psutil.Process(row.pid)
        if process.status() == psutil.STATUS_ZOMBIE:  # ended, and nobody collects it: as in a container without init
            return False
        # A process id is used again after a while; its start time tells the two apart.
        return bool(abs(process.create_time() - row.process_started) < 1.0)
    except psutil.Error:
        return False
