"""What a judge looks at: its criteria, examples of right verdicts, and where further ones are found."""

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


class PoolExample(Example, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An example of a pool. id: of the interaction that it is, so that a verdict can say which examples it saw."""

    id: str


class Retrieval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How examples are found in the pool for each interaction.

    k: how many at most, taken from both sides of the scale. by: the embedder, by whose vectors likeness is measured.
    fingerprint: of that embedder's weights; others would find other examples. room: tokens that they may take
    together; None for all that the context leaves.
    """

    k: int = 4
    by: str = "local"
    fingerprint: str | None = None
    room: int | None = None
