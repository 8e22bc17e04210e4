"""What is likely to be wrong with a cascade: with its stages together, and with each stage's judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from dikast.judges.cascade import Cascade, Stage
from dikast.judges.findings import Finding, finding
from dikast.judges.lint import lint
from dikast.records import Interaction


def lint_cascade(
    cascade: Cascade, context_length: int | None = None, interactions: Iterable[Interaction] = ()
) -> list[Finding]:
    """The findings of the stages together, and of each one's judge, errors first; see `lint`."""
    items = list(interactions)
    found = list(_together(cascade))
    for number, stage in enumerate(cascade.asked):
        if stage.judge is not None and stage.judge not in [earlier.judge for earlier in cascade.asked[:number]]:
            for one in lint(stage.judge, context_length, interactions=items):
                found.append(msgspec.structs.replace(one, where=f"stages[{number}].judge.{one.where}"))
    rank = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda one: rank[one.severity])


def _together(cascade: Cascade) -> Iterator[Finding]:
    last = len(cascade.stages) - 1
    for number, stage in enumerate(cascade.asked):
        at = f"stages[{number}]"
        if number < last:
            yield from _going_on(stage, at)
        elif stage.below or stage.when:
            yield finding("no-later-stage", at, f"{stage.name!r} is the last stage, and says when to go on", "info")
        if stage.leaves and number == 0:
            yield finding("cloud-first", at, f"the first stage asks a cloud ({stage.model})")
        if stage.leaves and stage.price is None:
            yield finding("unknown-price", f"{at}.price", f"what {stage.model} costs is not said", "info")
        for earlier in cascade.asked[:number]:
            same = (
                stage.judge is not None and earlier.judge is not None and stage.judge.version == earlier.judge.version
            )
            if same and (earlier.model, earlier.base_urls) == (stage.model, stage.base_urls):
                yield finding("same-stage", at, f"{stage.name!r} is the judge and model of {earlier.name!r} again")


def _going_on(stage: Stage, at: str) -> Iterator[Finding]:
    if not stage.below and stage.when is None:
        yield finding("stays-put", at, f"{stage.name!r} says neither `below` nor `when`")
    judge = stage.judge
    if stage.below and judge is not None and not judge.fast and judge.votes == 1:
        yield finding("unknown-confidence", f"{at}.below", f"{judge.name!r} writes its answers", "info")
