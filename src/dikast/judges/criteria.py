"""What a judge looks at: its criteria, and examples of right verdicts."""

from __future__ import annotations

import msgspec

from dikast.records import Json

RESERVED = ("overall", "reasoning", "verdict")  # keys of every answer


class Criterion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to look at, on the judge's scale.

    name: a key in `scores`, such as "grounded". description: the question that the judge answers.
    levels: what each level of the scale means here, by its word ("pass", "fail", "1" ...).
    """

    name: str
    description: str = ""
    levels: dict[str, str] = {}
    weight: float = 1.0


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An interaction with the answer that a good judge gives.

    verdict: pass, fail, a, b, tie, or a score; scores: the same for each criterion. Which of them are needed depends
    on how the judge comes to its overall. critique: why, in words that a new colleague would understand.
    """

    input: Json
    output: Json = None
    output_a: Json = None
    output_b: Json = None
    context: Json = None
    reference: Json = None
    verdict: str | float | None = None
    scores: dict[str, str | float] = {}
    critique: str = ""
