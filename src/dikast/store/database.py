"""Opening a database: SQLite by default, PostgreSQL by URL; and its errors, mapped once to StoreError."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from dikast.errors import MissingExtra, StoreError
from dikast.store.migrations import migrate

_BUSY_TIMEOUT_S = 30  # how long one process waits for another's transaction; each takes about a millisecond


def open_database(location: Path | str) -> sa.Engine:
    """An engine on an up-to-date store. It keeps no idle connections, so a run that was opened need not be closed.

    location: a file (made when missing, its folder too) or a URL such as postgresql://user@host/name.
    Raises StoreError when it can't be opened, written, or is not a store.
    """
    url = _url(location)
    shown = url.render_as_string(hide_password=True) if url.host else url.database
    with mapped_errors(str(shown)):
        if url.get_backend_name() == "sqlite":
            engine = _sqlite(url)
        else:
            try:
                engine = sa.create_engine(url, poolclass=sa.NullPool)
            except ModuleNotFoundError as missing:
                raise MissingExtra("a PostgreSQL store", "postgres") from missing
        migrate(engine)
    return engine


def _url(location: Path | str) -> sa.URL:
    if isinstance(location, str) and "://" in location:
        try:
            url = sa.make_url(location)
        except sa.exc.ArgumentError:
            raise StoreError(
                f"{location!r} is not a database URL", hint="such as postgresql://user@host/name"
            ) from None
        backend = url.get_backend_name()
        if backend in ("postgres", "postgresql"):
            return url.set(drivername="postgresql+psycopg")
        if backend == "sqlite":
            return url
        raise StoreError(f"a store can't live in {backend!r}", hint="use a file, or postgresql://user@host/name")
    return sa.URL.create("sqlite", database=str(location))


def _sqlite(url: sa.URL) -> sa.Engine:
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError as error:
        raise StoreError(
            f"no store can be made at {path}: {error.strerror or error}",
            hint="give a writable place with --store FILE or DIKAST_STORE",
        ) from error
    arguments = {"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=arguments)

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A writer that begins as a reader can fail with "busy" at its first write, whatever the timeout.
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


@contextlib.contextmanager
def mapped_errors(where: str) -> Iterator[None]:
    """Turn the database libraries' errors into StoreError, with what to do."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        message = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        raise StoreError(f"the store {where}: {message}", hint=_hint(message)) from error
    except sqlite3.Error as error:
        raise StoreError(f"the store {where}: {error}", hint=_hint(str(error))) from error
    except UnicodeError as error:
        raise StoreError(f"the store {where} holds a value that is not text: {error}") from error


def _hint(message: str) -> str:
    text = message.lower()
    if "full" in text or "no space" in text:
        return "make room on the disk; what was answered is kept, and the same command continues"
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return "it is broken or not a store: move it away to begin anew; `dikast verify` says what is wrong with it"
    if "readonly" in text or "read-only" in text or "unable to open" in text or "permission" in text:
        return "give a writable place with --store FILE or DIKAST_STORE"
    if "locked" in text:
        return "another program holds the database; close it and run the same command again"
    return "`dikast verify` checks the store; the same command continues what was begun"


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk has no room."""
    return "full" in str(error).lower() or "no space" in str(error).lower()
