"""Runs of this dataset held against the standing labels, on what is not sealed; and people held against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dikast.agreement.ceiling import human_ceiling
from dikast.agreement.estimate import Figure, Undefined
from dikast.agreement.families import family_figures
from dikast.agreement.figures import Agreement, Comparison, agreement, group_of
from dikast.agreement.matching import Matched, match
from dikast.agreement.second_look import self_agreement
from dikast.agreement.settling import Settled, settle
from dikast.errors import DataError
from dikast.journey.measuring import seen_among
from dikast.judges.scale import recorded_ends
from dikast.records import SECOND_LOOK, Interaction, Label, RunInfo, Verdict, content_hash
from dikast.review.beside import Beside, Known
from dikast.review.desk import Desk

SHOWN = {
    "pass_fail": ("balanced_accuracy", "tpr", "tnr"),
    "pairwise": ("accuracy_without_ties",),
    "ordinal": ("spearman",),
    "ranking": ("auc",),
}
"""Of each family, the figures that are followed over runs; the first is the one to look at."""
_MOST_RUNS = 40


@dataclass(frozen=True, slots=True)
class Judged:
    """A run's verdicts on labelled interactions that are as they were judged, and that are not sealed.

    sealed: how many labelled interactions were left out for that. learned: how many, as the judge has seen them.
    """

    verdicts: tuple[Verdict, ...]
    items: dict[str, Interaction]
    labels: tuple[Label, ...]
    sealed: int
    learned: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One run against the standing labels: figures by name, or why there are none."""

    info: RunInfo
    matched: Matched | None
    figures: dict[str, Figure]
    sealed: int
    learned: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """How far people agree: with each other, on the n items that several labelled, and each with themselves."""

    n: int
    among: dict[str, Figure]
    own: dict[str, dict[str, Figure]]


class Measures:
    """What is worked out of runs and labels, beside; each kept until a label or the run changes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._beside = Beside()
        self._runs: dict[str, tuple[object, Measured | None]] = {}

    def people(self) -> Known:
        """People."""
        return self._beside.get("people", self._desk.book.stamp(), lambda: people(self._desk))

    def iterations(self) -> Known:
        """A tuple of Measured: every run of this dataset, the oldest first."""
        infos = self._desk.setup.runs()[:_MOST_RUNS][::-1]
        stamp = (self._desk.book.stamp(), *(_state(info) for info in infos))
        return self._beside.get("iterations", stamp, lambda: self._all(infos))

    def agreement(self, name: str) -> Known:
        """The whole Agreement of one run, with its trivial baselines."""
        return self._beside.get(f"agreement {name}", self._stamp(name), lambda: whole(self._desk, name))

    def run(self, name: str) -> Known:
        """One run's Measured; its value is None for a run that has judged nothing of this dataset."""
        return self._beside.get(f"run {name}", self._stamp(name), lambda: self._measured(name))

    def card(self, name: str, write: Callable[[], str]) -> Known:
        """The document that `write` makes of one run."""
        stamp = (*self._stamp(name), len(self._desk.setup.openings()))
        return self._beside.get(f"card {name}", stamp, write)

    def _stamp(self, name: str) -> tuple[object, ...]:
        info = run_info(self._desk, name)
        return (self._desk.book.stamp(), *(() if info is None else _state(info)))

    def _measured(self, name: str) -> Measured | None:
        info, stamp = run_info(self._desk, name), self._stamp(name)
        if info is None:
            return None
        known = self._runs.get(name)
        if known is None or known[0] != stamp:
            known = self._runs[name] = (stamp, measure(self._desk, info))
        return known[1]

    def _all(self, infos: Iterable[RunInfo]) -> tuple[Measured, ...]:
        return tuple(one for info in infos if (one := self._measured(info.name)) is not None)


def run_info(desk: Desk, name: str) -> RunInfo | None:
    """The description of a run of the store, or what is known of the results file that was given."""
    kept = next((info for info in desk.setup.runs() if info.name == name), None)
    first = next(iter(desk.setup.verdicts.values()), None)
    if kept is not None or name != desk.setup.run or first is None:
        return kept
    counts = Counter(verdict.status for verdict in desk.setup.verdicts.values())
    return RunInfo(
        name=name,
        judge=first.judge,
        judge_definition={},
        dataset="",
        model=first.model or "",
        fingerprint={},
        started_at="",
        counts=dict(counts),
    )


def judged(desk: Desk, name: str) -> Judged:
    """What a run says of the labelled interactions that are not sealed."""
    labels = [revision.label for revision in desk.book.current() if not revision.outdated]
    places = {label.id: place for label in labels if (place := desk.position_of(label.id)) is not None}
    open_ids = [id for id, place in places.items() if not desk.is_sealed(place)]
    ours = dict(zip(open_ids, desk.dataset.items([places[id] for id in open_ids]), strict=True))
    info = run_info(desk, name)
    seen = seen_among(ours, desk.setup.learned(info)) if info is not None else set()
    log = desk.setup.open_run(name)
    if log is not None:
        said = log.judged(open_ids)
        same = [verdict for verdict, item in said if content_hash(item) == content_hash(ours[verdict.id])]
    else:  # the run that was given as a results file
        known = desk.setup.verdicts if name == desk.setup.run else {}
        same = [known[id] for id in open_ids if id in known]
    fair = tuple(verdict for verdict in same if verdict.id not in seen)
    return Judged(
        fair,
        ours,
        tuple(label for label in labels if label.id in ours and label.id not in seen),
        len(places) - len(open_ids),
        len(same) - len(fair),
    )


def measure(desk: Desk, info: RunInfo) -> Measured | None:
    """One run's figures; None where it judged other texts than this dataset's."""
    of = judged(desk, info.name)
    if not of.verdicts:
        mine = info.dataset_hash == desk.dataset.info.hash
        return Measured(info, None, {}, of.sealed, of.learned) if mine or of.learned else None
    try:
        matched = match(of.verdicts, of.labels, principal=desk.setup.principal)
    except DataError as error:
        return Measured(info, None, {}, of.sealed, of.learned, str(error))
    groups = [group_of(of.items[verdict.id]) for verdict in matched.verdicts]
    figures = family_figures(matched, groups, 0.95, ends_of(info))
    return Measured(info, matched, {name: figures[name] for name in SHOWN[matched.family]}, of.sealed, of.learned)


def whole(desk: Desk, name: str) -> Agreement:
    """All that can be said of one run. Raises DataError when nothing can be compared."""
    of = judged(desk, name)
    info = run_info(desk, name)
    ends = ends_of(info) if info else (desk.scale.low, desk.scale.high)
    span = (ends[0], ends[1]) if ends and ends[0] is not None and ends[1] is not None else None
    asked = Comparison(judge_scale=span, principal=desk.setup.principal)
    return agreement(of.verdicts, of.labels, of.items.get, asked)


def people(desk: Desk) -> People:
    """How far people agree on this dataset, sealed items too: no judge is in it."""
    labels = [revision.label for revision in desk.book.current()]
    settled = [one for one in settled_by_item(labels, None).values() if len(one.raters) > 1]
    family = "ordinal" if desk.scale.kind == "ordinal" else "pass_fail"
    among = human_ceiling(settled, family)  # type: ignore[arg-type]
    if isinstance(among.get("fleiss_kappa"), Undefined):
        del among["fleiss_kappa"]  # it fits only where everything was labelled by as many
    names = {label.annotator: None for label in labels if label.annotator and not label.is_second_look}
    own = {}
    for name in names:
        if found := self_agreement([one for one in labels if one.annotator in (name, name + SECOND_LOOK)]):
            own[name] = found
    return People(len(settled), among, own)


def settled_by_item(labels: Iterable[Label], principal: str | None) -> dict[tuple[str, str | None], Settled]:
    """What was settled, by id and criterion."""
    given: dict[tuple[str, str | None], list[Label]] = {}
    for label in labels:
        given.setdefault((label.id, label.criterion), []).append(label)
    return {key: settle(some, principal) for key, some in given.items()}


def ends_of(info: RunInfo) -> tuple[float, float] | None:
    """The ends of the scale on which a run's judge scores."""
    return recorded_ends(info.judge_definition.get("scale"))


def _state(info: RunInfo) -> tuple[object, ...]:
    return info.name, info.finished_at, *sorted(info.counts.items())
