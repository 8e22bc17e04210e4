"""The edge to any cloud: what a prompt goes through before it leaves the private network.

Personal data and secrets are replaced by pseudonyms in whatever is sent, right where the request is made; that a
request is sent as it is must be said explicitly (`redact = false`), and is then said on standard error and in the
ledger.
"""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from dikast.redaction.redactor import Redactor

KEY_FILE = "redaction.key"

# What a server reads by its exact words: never texts of a judge or a dataset.
_MACHINE_KEYS = frozenset(
    [
        "model",
        "role",
        "type",
        "format",
        "encoding_format",
        "keep_alive",
        "think",
        "stop",
        "required",
        "enum",
        "const",
        "$ref",
        "reasoning_effort",
    ]
)
_ID_KEY = re.compile(r"(^|[a-z]_?)(id|Id|ids|Ids|hash|at|At|time|timestamp)$")


class Edge:
    """Replaces what is personal or secret in a request that leaves.

    redact: False lets requests leave as they are. key_file: makes the same value the same pseudonym in every run; None
    takes a new key that ends with the process. tell: given a line when the first request leaves. redactor: in place of
    the one that is made of the key file.
    """

    def __init__(
        self,
        *,
        redact: bool = True,
        key_file: Path | None = None,
        tell: Callable[[str], None] | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self.redact = redact
        self._key_file = key_file
        self._tell = tell
        self._redactor = redactor
        self._told = False

    def cleaned(self, body: Any) -> tuple[Any, dict[str, int]]:
        """A request's body as it may leave, and how many of which kinds were replaced in it.

        Raises MissingExtra where the recognisers are not installed: nothing leaves unseen.
        """
        if not self.redact:
            self._say("redaction is off (redact = false): what leaves for a cloud leaves as it is", always=True)
            return body, {}
        redactor = self._open()
        left_out = "".join(f"; not looked for: {kind} ({why})" for kind, why in redactor.finder.not_at_work.items())
        self._say(f"personal data and secrets are replaced in what leaves for a cloud{left_out}")
        counts: dict[str, int] = {}

        def heard(kind: str, path: str) -> None:
            counts[kind] = counts.get(kind, 0) + 1

        def walk(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: one if _is_for_machines(key, one) else walk(one) for key, one in value.items()}
            if isinstance(value, list):
                return [walk(one) for one in value]
            return redactor.value(value, heard) if isinstance(value, str) else value

        return walk(msgspec.json.decode(msgspec.json.encode(body))), counts  # as it is sent: no tuples, no structs

    @property
    def name(self) -> str | None:
        """What tells the answers to redacted prompts from others; None where prompts leave as they are."""
        return f"redacted:{self._open().name}" if self.redact else None

    def _open(self) -> Redactor:
        if self._redactor is None:
            from dikast.redaction.finding import Finder
            from dikast.redaction.pseudonyms import Pseudonyms, key_in
            from dikast.redaction.redactor import Redactor

            finder, file = Finder(), self._key_file
            if file is None:
                key = secrets.token_bytes(32)
            else:
                key = key_in(file, make=lambda: file.parent.mkdir(mode=0o700, parents=True, exist_ok=True))
            self._redactor = Redactor(finder, Pseudonyms(key))
        return self._redactor

    def _say(self, line: str, *, always: bool = False) -> None:
        if self._told:
            return
        self._told = True
        if always:
            print(f"dikast: {line}", file=sys.stderr)
        elif self._tell is not None:
            self._tell(line)


def _is_for_machines(key: str, value: Any) -> bool:
    """Whether a server takes a value by its exact words: a model's name, a role, an id, a time."""
    if key in _MACHINE_KEYS:
        return not isinstance(value, dict) or key == "enum"
    return isinstance(value, str) and len(value) <= 128 and " " not in value and _ID_KEY.search(key) is not None
