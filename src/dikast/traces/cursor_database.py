"""The database of Cursor, of which only chats are ever asked for.

It also holds tokens of the user's account. So it is read by key: nothing but the ranges of keys of chats and of their
messages is selected, and the table in which settings and accounts lie is never named. Cursor may have it open, so a
copy is read, which lies in a folder that only the user can enter, and is gone afterwards.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from dikast.errors import DataError, OutputError

Value = bytes | str | int | float | None

_CHATS = ("composerData:", "composerData;")  # the range of keys that begin so: ";" is the character behind ":"
_MESSAGES = ("bubbleId:", "bubbleId;")
_RANGE = "SELECT key, value FROM cursorDiskKV WHERE key >= ? AND key < ? ORDER BY key"
_COUNT = "SELECT count(*) FROM cursorDiskKV WHERE key >= ? AND key < ?"
_BESIDE = ("-wal", "-shm")
_COPY_AGAIN = "Close Cursor, copy the file again with its -wal and -shm, and give that."


class ChatRows:
    """The rows of chats in an open copy."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def chats(self) -> Iterator[tuple[str, Value]]:
        """Every chat by its id."""
        for key, value in self._rows(*_CHATS):
            yield key.partition(":")[2], value

    def messages(self, chat: str) -> Iterator[tuple[str, Value]]:
        """The messages of a chat by their id, in no order that means anything."""
        for key, value in self._rows(f"bubbleId:{chat}:", f"bubbleId:{chat};"):
            yield key.rpartition(":")[2], value

    def message_count(self) -> int:
        """How many messages there are, also of chats that are gone."""
        with _explained(self._name):
            return int(self._connection.execute(_COUNT, _MESSAGES).fetchone()[0])

    def _rows(self, low: str, high: str) -> Iterator[tuple[str, Value]]:
        with _explained(self._name):
            for key, value in self._connection.execute(_RANGE, (low, high)):
                if isinstance(key, str):
                    yield key, value


@contextmanager
def chat_rows(path: Path) -> Iterator[ChatRows]:
    """The chats of a database. Raises DataError for what is none, or holds no chats."""
    with tempfile.TemporaryDirectory(prefix="dikast-") as folder:
        copy = Path(folder) / "state.vscdb"
        try:
            shutil.copyfile(path, copy)
            for suffix in _BESIDE:
                if (beside := path.with_name(path.name + suffix)).is_file():
                    shutil.copyfile(beside, copy.with_name(copy.name + suffix))
        except OSError as error:
            hint = f"Reading needs room for a copy of it in {tempfile.gettempdir()!r} (TMPDIR moves that)."
            raise OutputError(f"{str(path)!r} can't be copied: {error.strerror or error}", hint=hint) from error
        _check_whole(copy, str(path))
        with _explained(str(path)):
            connection = sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True)
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        with closing(connection):
            with _explained(str(path)):
                found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'cursorDiskKV'").fetchone()
            if found is None:
                hint = "Give the state.vscdb in Cursor's User/globalStorage; those of workspaces hold no messages."
                raise DataError(f"{str(path)!r} holds no chats of Cursor", hint=hint)
            yield ChatRows(connection, str(path))


def _check_whole(copy: Path, name: str) -> None:
    """Raise DataError for a file that was cut: SQLite takes the rest of its last page for empty, and finds no rows."""
    with copy.open("rb") as file:
        page = int.from_bytes(file.read(18)[16:], "big")  # https://www.sqlite.org/fileformat.html#page_size
    if page and copy.stat().st_size % (65536 if page == 1 else page):
        raise DataError(f"{name!r} is cut off: it ends within a page", hint=_COPY_AGAIN)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DataError(f"{name!r} can't be read as a database: {error}", hint=_COPY_AGAIN) from error
