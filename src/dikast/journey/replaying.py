"""A cascade's stages brought together with labels, item by item, so that its thresholds can be replayed offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dikast.agreement.escalation import Player, StageOnItems
from dikast.agreement.figures import group_of
from dikast.agreement.matching import match
from dikast.errors import DataError, InputError
from dikast.journey.runs import Run
from dikast.judges.cascade import Cascade, Stage
from dikast.records import Label, RunInfo, Verdict


@dataclass(frozen=True)
class Together:
    """What can be replayed. runs: their names. left_out: reason to count. notes: what a reader must know."""

    player: Player
    runs: tuple[str, ...]
    left_out: dict[str, int]
    notes: tuple[str, ...]


def newest_runs(cascade: Cascade, runs: Iterable[RunInfo]) -> list[str]:
    """The newest finished run of each stage's judge on its model. Raises DataError for a stage that has none."""
    known = [info for info in runs if info.finished_at is not None]
    found = []
    for stage in cascade.asked:
        assert stage.judge is not None
        version = stage.judge.version
        name = next(
            (one.name for one in known if one.judge.version == version and stage.model in (None, one.model)), None
        )
        if name is None:
            raise DataError(
                f"no run of stage {stage.name!r} is here: judge {stage.judge.name!r}, version {version}, "
                f"on {stage.model or 'any model'}",
                hint="Run each stage's judge on the labelled items, or name the runs: --runs QUICK-1,SLOW-1",
            )
        found.append(name)
    return found


def together(
    cascade: Cascade,
    runs: Sequence[Run],
    labels: Sequence[Label],
    *,
    principal: str | None = None,
    items: int = 1000,
) -> Together:
    """The stages' verdicts on the labelled items that all of them were asked of. Raises DataError, InputError.

    labels: those that may be used. items: how many interactions the costs are reckoned for.
    """
    stages = cascade.asked
    if len(runs) != len(stages):
        raise InputError(
            f"{cascade.name!r} has {len(stages)} stages that ask a model, and {len(runs)} runs were given",
            hint="Give one run for each, in the order of the stages: --runs QUICK-1,SLOW-1",
        )
    said = [{verdict.id: verdict for verdict in run.verdicts()} for run in runs]
    truths, left_out = _truths(said, labels, principal)
    ids = _played(said, truths, left_out)
    binary = {truths[id] for id in ids} <= {"pass", "fail"}
    if binary and len({truths[id] for id in ids}) == 1:
        raise DataError(
            f"all {len(ids)} labelled items are labelled {truths[ids[0]]}: what a setting lets through can't be told",
            hint="Label some of the other kind.",
        )
    player = Player(
        [_on_items(stage, of, ids, truths) for stage, of in zip(stages, said, strict=True)],
        person=cascade.has_person,
        truth=np.array([truths[id] == "pass" for id in ids], dtype=np.int64) if binary else None,
        groups=_groups(runs, ids),
        items=items,
    )
    counted = {reason: count for reason, count in left_out.most_common() if count > 0}
    return Together(player, tuple(run.name for run in runs), counted, tuple(_notes(cascade, runs, player, said)))


def _played(said: Sequence[Mapping[str, Verdict]], truths: Mapping[str, str], left_out: Counter[str]) -> list[str]:
    """The labelled items that every stage was asked of and one gave a verdict on; the others go to left_out."""
    asked = [id for id in said[0] if id in truths and all(id in of for of in said)]
    ids = [id for id in asked if any(of[id].status == "scored" for of in said)]
    left_out["not judged by every stage"] += len(truths) - len(asked)
    left_out["no stage gave a verdict"] += len(asked) - len(ids)
    if len(ids) < 2:
        raise DataError(
            f"{len(ids)} labelled items were judged by every stage, and a replay needs more "
            f"({'; '.join(f'{n}: {why}' for why, n in left_out.items() if n)})",
            hint="Run every stage's judge on the same labelled items.",
        )
    return ids


def _truths(
    said: Sequence[Mapping[str, Verdict]], labels: Sequence[Label], principal: str | None
) -> tuple[dict[str, str], Counter[str]]:
    """What people say of each item, in words; of the items of any stage."""
    found: dict[str, str] = {}
    left_out: Counter[str] = Counter()
    for number, verdicts in enumerate(said):
        matched = match(verdicts.values(), labels, principal=principal)
        if matched.family in ("ordinal", "ranking"):
            raise InputError(
                "these judges give scores, and what is replayed is pass and fail, or which of two is better",
                hint="Give each judge's scale a pass_from: the score from which on it is a pass.",
            )
        found |= {
            verdict.id: str(label.verdict) for verdict, label in zip(matched.verdicts, matched.labels, strict=True)
        }
        if number == 0:
            left_out.update(matched.left_out)
    unscored = sum(id in found for id, one in said[0].items() if one.status != "scored")
    for status in ("unparsed", "refused", "failed"):
        less = min(left_out[status], unscored)
        left_out[status] -= less
        unscored -= less
    return found, left_out


def _on_items(stage: Stage, said: Mapping[str, Verdict], ids: Sequence[str], truths: Mapping[str, str]) -> StageOnItems:
    verdicts = [said[id] for id in ids]
    costs = [_cost(stage, one) for one in verdicts]
    return StageOnItems(
        name=stage.name,
        right=np.array([one.verdict == truths[one.id] for one in verdicts], dtype=bool),
        scored=np.array([one.status == "scored" for one in verdicts], dtype=bool),
        sure=np.array([np.nan if one.confidence is None else one.confidence for one in verdicts], dtype=np.float64),
        must=np.array(
            [one.status != "scored" or (stage.when is not None and stage.when.holds(one)) for one in verdicts],
            dtype=bool,
        ),
        seconds=np.array([one.latency_s or 0.0 for one in verdicts], dtype=np.float64),
        usd=None if None in costs else np.array(costs, dtype=np.float64),
        leaves=stage.leaves,
    )


def _cost(stage: Stage, verdict: Verdict) -> float | None:
    used = verdict.usage
    return stage.cost_usd(used.prompt_tokens if used else 0, used.completion_tokens if used else 0)


def _groups(runs: Sequence[Run], ids: Sequence[str]) -> list[str] | None:
    """What items must share to be dependent, where the texts are known."""
    items = [runs[0].interaction(id) for id in ids]
    known = [item for item in items if item is not None]
    return [group_of(item) for item in known] if len(known) == len(ids) else None


def _notes(
    cascade: Cascade, runs: Sequence[Run], player: Player, said: Sequence[Mapping[str, Verdict]]
) -> Iterable[str]:
    for stage, run, verdicts in zip(cascade.asked, runs, said, strict=True):
        assert stage.judge is not None
        spoke = {one.judge.version for one in verdicts.values()}
        if spoke != {stage.judge.version}:
            yield (
                f"{run.name} was judged by version {', '.join(sorted(spoke))}, and stage {stage.name!r} is version "
                f"{stage.judge.version}: the replay stands for what was judged"
            )
        if run.info is not None and stage.model is not None and run.info.model != stage.model:
            yield f"{run.name} was judged on {run.info.model}, and stage {stage.name!r} names {stage.model}"
        sources = Counter(str(one.confidence_source) for one in verdicts.values() if one.confidence is not None)
        if sources:
            named = ", ".join(source for source, _ in sources.most_common(3))
            is_calibrated = any(source.startswith("calibrated") for source in sources)
            kind = "calibrated" if is_calibrated else "as stated, not calibrated"
            yield f"the confidence of stage {stage.name!r} is {kind} ({named})"
        elif stage in cascade.asked[: len(player.sending)]:
            yield f"stage {stage.name!r} never says how sure it is: with a threshold, all of its items go on"
    yield "minutes are the time that models took, one call at a time; calls side by side take less"
    if cascade.has_person:
        yield "what goes to a person counts as judged as the label says"
