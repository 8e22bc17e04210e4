"""The ledger: a line for every request that left the private network, in a file that anybody can read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from dikast.models.edge import Edge
from dikast.models.policy import LedgerEntry, Policy
from dikast.settings import Settings

FILE_NAME = "ledger.jsonl"


def ledger_in(make_folder: Callable[[], Path]) -> Callable[[LedgerEntry], None]:
    """What a Policy calls for each such request. The folder is only made when there is something to write."""

    def write(entry: LedgerEntry) -> None:
        with (make_folder() / FILE_NAME).open("ab") as file:
            file.write(msgspec.json.encode(entry) + b"\n")

    return write


def policy_of(settings: Settings, make_folder: Callable[[], Path], tell: Callable[[str], None] | None = None) -> Policy:
    """The policy that the settings ask for: what may be reached, what leaving goes through, and where it is noted."""
    edge = Edge(redact=settings.redact, key_file=settings.redact_key, tell=tell)
    return Policy(allow_cloud=settings.allow_cloud, ledger=ledger_in(make_folder), edge=edge)
