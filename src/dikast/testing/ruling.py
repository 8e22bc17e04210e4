"""A judge as tests use it, and what it ruled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dikast.errors import DikastError, InputError
from dikast.interactions.dataset import open_dataset
from dikast.judges.definition import Judge
from dikast.judges.single import interaction_of
from dikast.models.remembered import NotKept
from dikast.records import Interaction, Json, Verdict
from dikast.report.text import one_line
from dikast.testing.sitting import Sitting

_LONGEST = 160


class Undecided(DikastError):
    """The judge gave no verdict that could pass or fail, so an assertion about it is neither true nor false."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether an output passes; true when it does. `verdict` is all that the judge said."""

    passed: bool
    verdict: Verdict

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        said = "pass" if self.passed else "fail"
        critique = f": {one_line(self.verdict.critique, _LONGEST)}" if self.verdict.critique else ""
        return f"<{said} by {signature(self.verdict)}{critique}>"


def signature(verdict: Verdict) -> str:
    """Who said it, and how sure: "refunds@1a2b3c4d on fake, confidence 0.93"."""
    parts = [f"{verdict.judge.name}@{verdict.judge.version[:8]}"]
    parts[0] += f" on {verdict.model}" if verdict.model else ""
    if verdict.confidence is not None:
        parts.append(f"confidence {verdict.confidence:.2f}")
    return ", ".join(parts)


def told(verdict: Verdict) -> str:
    """A verdict in full, for a failing test's report."""
    said = verdict.verdict or ("" if verdict.overall is None else f"{verdict.overall:g}") or verdict.status
    lines = [
        f"{said} by {signature(verdict)} (version {verdict.judge.version})",
        f"  item: {one_line(verdict.id, 100)}",
    ]
    if verdict.critique:
        lines.append(f"  critique: {one_line(verdict.critique, 2000)}")
    if verdict.reason:
        lines.append(f"  reason: {one_line(verdict.reason, 1000)}")
    return "\n".join(lines)


OnVerdict = Callable[[Interaction, Verdict], None]
OnMissing = Callable[[NotKept], None]


class TriedJudge:
    """A judge in one test. `judge` is its definition.

    on_verdict: told of each verdict. on_missing: told before NotKept is raised, and may raise another thing.
    """

    def __init__(self, judge: Judge, sitting: Sitting, on_verdict: OnVerdict, on_missing: OnMissing) -> None:
        self.definition = judge
        self._sitting, self._on_verdict, self._on_missing = sitting, on_verdict, on_missing

    def __repr__(self) -> str:
        return f"<judge {self.definition.name}@{self.definition.version[:8]} on {self._sitting.model}>"

    def judge(self, *, input: Json, output: Json = None, **more: Any) -> Verdict:
        """The verdict on one interaction; more: output_a, output_b, context, reference, metadata, id."""
        interaction = interaction_of(input=input, output=output, **more)
        return self._told(interaction, lambda: self._sitting.verdict(self.definition, interaction))

    async def ajudge(self, *, input: Json, output: Json = None, **more: Any) -> Verdict:
        """The same in an async test; many may be awaited at once."""
        interaction = interaction_of(input=input, output=output, **more)
        try:
            verdict = await self._sitting.averdict(self.definition, interaction)
        except NotKept as error:
            self._on_missing(error)
            raise
        self._on_verdict(interaction, verdict)
        return verdict

    def judge_all(self, items: Iterable[Interaction] | Iterable[Mapping[str, Any]]) -> list[Verdict]:
        """The verdicts on many interactions, in their order, asked at the same time."""
        interactions = list(open_dataset(items, strict=True))
        waiting = [self._sitting.begin(self.definition, interaction) for interaction in interactions]
        try:
            pairs = zip(interactions, waiting, strict=True)
            return [self._told(interaction, future.result) for interaction, future in pairs]
        finally:
            for future in waiting:
                future.cancel()

    def passes(self, *, input: Json, output: Json = None, at_least: float | None = None, **more: Any) -> Ruling:
        """Whether the judge passes it; for a judge with scores, whether the overall score is at_least so much.

        Raises Undecided where the judge gave no verdict (unparsed, refused, failed): that is neither pass nor fail.
        """
        return ruled(self.judge(input=input, output=output, **more), at_least)

    async def apasses(self, *, input: Json, output: Json = None, at_least: float | None = None, **more: Any) -> Ruling:
        """The same in an async test."""
        return ruled(await self.ajudge(input=input, output=output, **more), at_least)

    def _told(self, interaction: Interaction, verdict: Callable[[], Verdict]) -> Verdict:
        try:
            found = verdict()
        except NotKept as error:
            self._on_missing(error)
            raise
        self._on_verdict(interaction, found)
        return found


def ruled(verdict: Verdict, at_least: float | None) -> Ruling:
    """A verdict as pass or fail. Raises Undecided for one that is neither, InputError for one of another kind."""
    if verdict.status != "scored":
        raise Undecided(
            f"{signature(verdict)} has no verdict: {verdict.status}, {one_line(verdict.reason or 'no reason', 400)}",
            hint="That is neither pass nor fail. `dikast judge lint`, or another model, may help.",
        )
    if at_least is not None:
        if verdict.overall is None or verdict.verdict is not None:
            raise InputError(f"at_least={at_least:g} is for a judge with scores, and {signature(verdict)} gives none")
        return Ruling(verdict.overall >= at_least, verdict)
    if verdict.verdict not in ("pass", "fail"):
        given = verdict.verdict or f"overall {verdict.overall:g}"
        raise InputError(
            f"{signature(verdict)} says {given!r}, which neither passes nor fails",
            hint="Give at_least= for scores, or look at .judge(...) for pairs.",
        )
    return Ruling(verdict.verdict == "pass", verdict)
