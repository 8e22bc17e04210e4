"""On whose behalf a request is made, for the ledger: set where something is judged, read where sockets are made."""

from __future__ import annotations

from contextvars import ContextVar

import msgspec


class Behind(msgspec.Struct, frozen=True):
    """The run's name, and the interaction's id; None where a request isn't made for one."""

    run: str | None = None
    interaction: str | None = None


_NOBODY = Behind()
behind: ContextVar[Behind] = ContextVar("behind", default=_NOBODY)
"""What the requests of this task are made for."""
