"""Ids: given ones kept unique, missing ones derived from the content, in little memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import msgspec

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Interaction, content_hash

_SAME_CONTENT_NOTE = "same content again without an id: kept, with -2, -3, ... behind the derived id"


class _Seen:
    """Which ids were seen and where, in about 30 bytes each: a million take 30 MB where a dict of tuples takes 250.

    An open-addressed table of row numbers over plain arrays. Ids are compared by their 64-bit hash: among a million,
    two different ids share one with a probability of 3e-8. Contents are compared by 32 bits, for a message only.
    """

    def __init__(self) -> None:
        self._slots = array("I", bytes(4 * 1024))  # row number + 1; 0 is free
        self._keys = array("q")
        self._files = array("I")
        self._lines = array("Q")
        self._contents = array("I")

    def add(self, id: str, file: int, line: int, content: int) -> int | None:
        """Remember an id; when it was seen before, the number of its row, and nothing is changed."""
        key = hash(id)
        slots, keys = self._slots, self._keys
        mask = len(slots) - 1
        slot = key & mask
        while row := slots[slot]:
            if keys[row - 1] == key:
                return row - 1
            slot = (slot + 1) & mask
        keys.append(key)
        self._files.append(file)
        self._lines.append(line)
        self._contents.append(content)
        slots[slot] = len(keys)
        if len(keys) * 3 > len(slots) * 2:
            self._grow()
        return None

    def at(self, row: int) -> tuple[int, int, int]:
        """File number, line and content of a row."""
        return self._files[row], self._lines[row], self._contents[row]

    def _grow(self) -> None:
        size = len(self._slots) * 2
        mask = size - 1
        slots = array("I", bytes(4 * size))
        for number, key in enumerate(self._keys, 1):
            slot = key & mask
            while slots[slot]:
                slot = (slot + 1) & mask
            slots[slot] = number
        self._slots = slots


class Ids:
    """Gives every interaction of one pass an id of its own."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._seen = _Seen()
        self._names: list[str] = []
        self._repeats: dict[str, int] = {}

    def new_file(self, name: str) -> None:
        """What follows comes from this file."""
        self._names.append(name)

    def settle(self, interaction: Interaction, line: int) -> Interaction:
        """The interaction under an id that no earlier one has. Raises Unusable when its own id was seen before."""
        digest = content_hash(interaction)
        content = int(digest[:8], 16)
        file = len(self._names) - 1
        if not interaction.id:
            return self._derived(interaction, digest, file, line, content)
        first = self._seen.add(interaction.id, file, line, content)
        if first is not None:
            self._tally.duplicates += 1
            raise Unusable(self._duplicate(interaction.id, first, content))
        return interaction

    def _derived(self, interaction: Interaction, digest: str, file: int, line: int, content: int) -> Interaction:
        stem = derived_id(digest)
        if self._seen.add(stem, file, line, content) is None:
            return with_id(interaction, stem)
        self._tally.duplicates += 1
        self._tally.note(_SAME_CONTENT_NOTE)
        for number in self._numbers(stem):
            if self._seen.add(f"{stem}-{number}", file, line, content) is None:
                return with_id(interaction, f"{stem}-{number}")
        raise AssertionError("numbers never end")

    def _numbers(self, stem: str) -> Iterator[int]:
        while True:
            self._repeats[stem] = self._repeats.get(stem, 1) + 1
            yield self._repeats[stem]

    def _duplicate(self, id: str, first: int, content: int) -> str:
        file, line, first_content = self._seen.at(first)
        where = f"line {line}" if file == len(self._names) - 1 else f"{self._names[file]}, line {line}"
        same = "the same content" if content == first_content else "other content"
        return f"duplicate id: {id[:200]!r} was first seen in {where}, with {same}"


def derived_id(digest: str) -> str:
    """The id of an interaction that has none: "i-" and 16 digits of its content's hash."""
    return f"i-{digest[:16]}"


def with_id(interaction: Interaction, id: str) -> Interaction:
    """The same interaction under another id, its labels too."""
    labels = tuple(msgspec.structs.replace(label, id=id) for label in interaction.labels)
    return msgspec.structs.replace(interaction, id=id, labels=labels)
