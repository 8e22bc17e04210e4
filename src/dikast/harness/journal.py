"""What the harness needs of a memory: answers by key, and who is asking what.

The key of an answer is a hash of all that changes it: the model's identity and the whole request. A reply that no
verdict could be read from is recorded too (raw answers survive), but never given back.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import msgspec

from dikast.models.endpoint import Request

_encoder = msgspec.json.Encoder(order="deterministic")


def answer_key(identity: str, request: Request) -> str:
    """SHA-256 (hex) over the model's identity and the whole request."""
    digest = hashlib.sha256(identity.encode())
    digest.update(b"\0")
    digest.update(_encoder.encode(request))
    return digest.hexdigest()


class Journal(Protocol):
    """A durable memory of answers, shared by the processes of a workspace."""

    async def claim(self, key: str) -> bytes | None:
        """The usable answer kept under `key`, or None: then it is this process's to ask, and to record or release.

        While another living process is asking for the same key, this waits for its answer.
        """

    async def record(self, key: str, body: bytes, *, usable: bool) -> None:
        """Keep an answer; returns when it is durable against a kill of the process."""

    async def release(self, key: str) -> None:
        """Give a claim back without an answer, so that others may ask."""


class MemoryJournal:
    """A journal in a dictionary: no durability, for one process and one event loop."""

    def __init__(self) -> None:
        self._answers: dict[str, bytes] = {}

    async def claim(self, key: str) -> bytes | None:
        """See Journal."""
        return self._answers.get(key)

    async def record(self, key: str, body: bytes, *, usable: bool) -> None:
        """See Journal."""
        if usable:
            self._answers[key] = body

    async def release(self, key: str) -> None:
        """See Journal."""
