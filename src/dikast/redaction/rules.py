"""What is to happen to each field: `{"metadata.user_email": "drop", "input": "redact"}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from dikast.errors import InputError

Action = Literal["redact", "pseudonym", "keep", "drop"]
FIELDS = ("input", "output", "output_a", "output_b", "context", "reference", "metadata", "labels")


class Rules:
    """Which action a field has: that of the longest path of a rule that leads to it or above it, else `redact`.

    A path is a field and keys below it, with dots: "metadata", "metadata.user.email", "output". Raises InputError for
    a rule that says nothing known, and for one that would drop what an interaction can't be without.
    """

    def __init__(self, rules: Mapping[str, str] | None = None) -> None:
        self._rules: dict[str, Action] = {}
        for path, action in (rules or {}).items():
            if action not in get_args(Action):
                raise InputError(
                    f"the rule for {path!r} is {action!r}", hint=f"Expected is one of: {', '.join(get_args(Action))}."
                )
            if path.partition(".")[0] not in FIELDS:
                raise InputError(
                    f"there is no field {path!r} for a rule",
                    hint=f"Expected is one of {', '.join(FIELDS)}, or metadata.KEY.",
                )
            if action == "drop" and path in ("input", "output", "output_a", "output_b"):
                raise InputError(
                    f"the {path} can't be dropped: it is what is judged", hint='"pseudonym" hides all of it.'
                )
            self._rules[path] = action  # type: ignore[assignment]

    def action(self, path: str) -> Action:
        """What happens to the field at a path."""
        while path:
            if path in self._rules:
                return self._rules[path]
            path = path.rpartition(".")[0]
        return "redact"

    @property
    def hides(self) -> bool:
        """Whether a rule hides all of a field, whatever stands in it."""
        return bool({"drop", "pseudonym"} & set(self._rules.values()))

    def __bool__(self) -> bool:
        return bool(self._rules)
