"""The ledger: a line for every request that left the private network, in a file that anybody can read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from dikast.models.policy import LedgerEntry

FILE_NAME = "ledger.jsonl"


def ledger_in(make_folder: Callable[[], Path]) -> Callable[[LedgerEntry], None]:
    """What a Policy calls for each such request. The folder is only made when there is something to write."""

    def write(entry: LedgerEntry) -> None:
        with (make_folder() / FILE_NAME).open("ab") as file:
            file.write(msgspec.json.encode(entry) + b"\n")

    return write
