"""What a judge may be measured on: labels that were kept, by the parts of the split, and never what it learned from.

The sealed test stays shut unless it is opened by an explicit word, and opening it is written down before anything is
shown. What is sealed is known by its content (by its id, where the content isn't known), so that a file of labels, a
copy or a sample is no way around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from dikast.agreement.openings import cost_in_words
from dikast.errors import DataError, DikastError, InputError
from dikast.interactions.sampling import SamplingDesign, drawn_within
from dikast.interactions.splits import Part
from dikast.interactions.units import unit_of
from dikast.journey.runs import Run
from dikast.judges.cascade import Cascade
from dikast.judges.definition import Judge
from dikast.judges.learned import Learned, learned_of, united
from dikast.records import Interaction, JudgeRef, Label, RunInfo, content_hash
from dikast.report.figures import count
from dikast.store import KeptDataset, Store, TestOpening

Portion = Literal["unsealed", "dev", "pool", "test"]
Lookup = Callable[[str], Interaction | None]

PORTIONS: tuple[Portion, ...] = get_args(Portion)

_HELD: dict[Part | None, str] = {
    "test": "in the sealed test",
    "dev": "of the dev part",
    "pool": "of the example pool",
    "aside": "set aside: near to items of two parts",
    None: "of no part of the split",
}
_LEARNED = "the judge learned from it"
_HALF = 0.5
_BOILERPLATE = (10, 0.05)  # an input that more items than this and this share of them have


@dataclass(frozen=True, slots=True)
class Ground:
    """Labels that may be used, and how they came about.

    source: where the labels are from, in words. portion: None where no split stands behind the items. dataset: the kept
    dataset whose split binds. held_back: of the run's labelled items, those left out, by reason. notes: remarks.
    shares: of the strata in the source, where what was judged is a sample in strata.
    """

    labels: list[Label]
    source: str
    portion: Portion | None = None
    dataset: str | None = None
    held_back: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    shares: dict[str, float] | None = None

    @property
    def is_sealed(self) -> bool:
        """Whether the items are those of the sealed test."""
        return self.portion == "test"

    def left_out(self, counted: Mapping[str, int]) -> dict[str, int]:
        """What a comparison left out, with what was held back before it in place of "no label"."""
        found = Counter(counted)
        found["no label"] -= sum(self.held_back.values())
        found.update(self.held_back)
        return {reason: count for reason, count in found.most_common() if count > 0}


@dataclass(frozen=True, slots=True)
class Opened:
    """That the sealed test was opened: every opening so far, this one included, and what they cost, in words."""

    openings: tuple[TestOpening, ...]
    cost: str

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"openings": msgspec.to_builtins(list(self.openings)), "cost": self.cost}


def check_portion(portion: Portion | None, why: str | None) -> Portion | None:
    """The portion that is asked for. Raises InputError where the sealed test is asked for without the word, or the
    word is given for something else.
    """
    if why is None:
        if portion == "test":
            raise InputError(
                "the sealed test is opened by an explicit word, with a reason that is kept",
                hint="Add --open-test and why it is time to measure: --open-test 'before release 2'.",
            )
        return portion
    if not why.strip():
        raise InputError("the sealed test is opened without a reason", hint="Say why it is time to measure.")
    if portion not in (None, "test"):
        raise InputError(f"--open-test opens the sealed test, and --part {portion} asks for another part")
    return "test"


def own_dataset(run: Run, store: Store | None) -> KeptDataset | None:
    """The kept dataset that a run was made on, or None."""
    return None if store is None or run.info is None else dataset_of(run.info, store)


def dataset_of(info: RunInfo, store: Store) -> KeptDataset | None:
    """The kept dataset that a run was made on: the one with its hash, else the one of its name."""
    same = next((one.name for one in store.datasets() if info.dataset_hash and one.hash == info.dataset_hash), None)
    stem = info.dataset.removesuffix(" (kept)")
    names = [same, stem, stem.rpartition(".")[0]] if "," not in stem else [same]
    return next((kept for name in names if name and (kept := store.find_dataset(name)) is not None), None)


def saved_labels(
    run: Run, store: Store | None, lookup: Lookup | None = None
) -> tuple[list[Label], str, dict[str, int]] | None:
    """The labels that are saved with the run's dataset, and those that its data carries for other items; where they are
    from, in words; and of the run's items, those whose label is of another text, by reason. None where none are saved.
    """
    kept = own_dataset(run, store)
    if kept is None or store is None:
        return None
    held: dict[str, str] = {}
    found: list[Label] = []
    revisions = list(store.labels(kept.name).current())
    places = kept.positions(list({revision.label.id for revision in revisions}))
    theirs = dict(zip(places, kept.items(list(places.values())), strict=True))
    judged = {id: (lookup or run.interaction)(id) for id in places}
    for revision in revisions:
        label, item = revision.label, judged.get(revision.label.id)
        if item is None or label.whose == "user":
            continue
        if revision.outdated:
            held[label.id] = "its text was changed after it was labelled"
        elif content_hash(theirs[label.id]) != content_hash(item):
            held[label.id] = "another text was labelled"
        else:
            found.append(msgspec.structs.replace(label, drawn=drawn_within(kept.info.design, label.drawn)))
    if not found and not held:
        return None
    saved = {label.id for label in found} | held.keys()
    carried = [label for label in run.labels() if label.id not in saved]
    source = f"{count(len(found), 'label')} saved with {kept.name!r}"
    source += f", and {len(carried):,} that its data carries" if carried else ""
    return found + carried, source, dict(Counter(held.values()))


class Admission:
    """Which of a run's items may be measured on. learned: ids of what the judge has seen.

    portion: what is asked for; None is everything that is not sealed, and everything where there is no split. Raises
    InputError when a part is asked for and there is no split.
    """

    def __init__(
        self,
        run: Run,
        store: Store | None,
        ids: Iterable[str],
        lookup: Lookup,
        *,
        portion: Portion | None,
        learned: Learned,
    ) -> None:
        wanted = list(dict.fromkeys(ids))
        known = {id: item for id in wanted if (item := lookup(id)) is not None}
        self._units = {id: unit_of(item) for id, item in known.items()}
        self._parts: dict[str, Part] = {}
        self.dataset: str | None = None
        self.design: SamplingDesign | None = None
        if store is not None:
            self._find_parts(run, store, [id for id in wanted if id not in known])
        if portion is not None and not self._parts:
            raise InputError(
                f"--part {portion} was asked for, and there is no split of what {run.name!r} judged",
                hint="`dikast data split DATA` makes one, of a dataset that is kept.",
            )
        self.portion: Portion | None = portion or ("unsealed" if self._parts else None)
        self.learned = learned.ids | seen_among(known, learned)

    def why_not(self, id: str) -> str | None:
        """Why an item may not be measured on; None when it may."""
        if id in self.learned:
            return _LEARNED
        return None if self.is_of(id, self.portion) else _HELD[self._parts.get(id)]

    def is_of(self, id: str, portion: Portion | None) -> bool:
        """Whether an item belongs to a portion; None is all there is."""
        part = self._parts.get(id)
        return portion is None or part == portion or (portion == "unsealed" and part not in _SHUT)

    def _find_parts(self, run: Run, store: Store, unknown: Sequence[str]) -> None:
        """The part of each item: by content, and by id in the datasets that hold most ids where contents are unknown.

        What is sealed in any dataset is sealed; else the run's own dataset counts before the others.
        """
        own = own_dataset(run, store)
        if own is not None:
            self.design = own.info.design
            split = store.split(own.name)
            if split.is_behind():
                split.settle()
        found = store.parts(self._units.values())
        covered = Counter(name for parts in found.values() for name in parts)
        names = [own.name] if own is not None else []
        names += [name for name, _ in covered.most_common() if name not in names]
        self.dataset = next((name for name in names if covered[name]), None)
        for id, unit in self._units.items():
            parts = found.get(unit, {})
            if parts:
                sealed = "test" in parts.values()
                self._parts[id] = "test" if sealed else next(parts[name] for name in names if name in parts)
        for info in store.datasets() if unknown else ():
            split = store.split(info.name)
            if len(split.dataset.positions(unknown)) >= _HALF * len(unknown):
                parts_by_id = split.parts(unknown)
                self._parts |= {id: part for id, part in parts_by_id.items() if self._parts.get(id) != "test"}
                self.dataset = self.dataset or (info.name if parts_by_id else None)


def seen_among(known: Mapping[str, Interaction], learned: Learned) -> set[str]:
    """The ids of items that the judge has seen, or that say the same: the same content, or the same input and context,
    unless so many share those that they are boilerplate ("Summarise this").
    """
    if not (learned.ids or learned.units or learned.contents):
        return set()
    units = {id: unit_of(item) for id, item in known.items()}
    shared = Counter(units.values())
    most = max(_BOILERPLATE[0], _BOILERPLATE[1] * len(units))
    seen = learned.units | {units[id] for id in learned.ids if id in units}
    found = {id for id in known if id in learned.ids}
    found |= {id for id, unit in units.items() if unit in seen and shared[unit] <= most}
    return found | {id for id, item in known.items() if learned.contents and content_hash(item) in learned.contents}


def held_back(items: Iterable[Interaction], learned: Learned, store: Store | None) -> dict[str, str]:
    """Of items that no run judged yet, those that a judge may not be measured on again and again, and why.

    That is what lies in a sealed test, in any dataset, and what the judge has seen or was chosen on.
    """
    known = {item.id: item for item in items}
    seen = seen_among(known, learned) | (learned.refined_on & known.keys())
    units = {id: unit_of(item) for id, item in known.items()}
    parts = store.parts(units.values()) if store is not None else {}
    sealed = {id for id, unit in units.items() if "test" in parts.get(unit, {}).values()}
    return {id: _HELD["test"] for id in sealed} | {id: _LEARNED for id in seen - sealed}


_SHUT: frozenset[Part] = frozenset({"test", "aside"})


def admitted(
    run: Run,
    admission: Admission,
    labels: Sequence[Label],
    source: str,
    held_back: Mapping[str, int] | None = None,
    *,
    learned: Learned | None = None,
) -> Ground:
    """The labels of what may be measured on. held_back: what was held back before. Raises DataError if none is left."""
    judged = {verdict.id for verdict in run.verdicts()}
    reasons = {id: why for id in {label.id for label in labels} & judged if (why := admission.why_not(id)) is not None}
    kept = [label for label in labels if label.id not in reasons]
    counted = Counter(reasons.values()) + Counter(held_back or {})
    if counted and not any(label.id in judged for label in kept):
        raise nothing_left(counted)
    return Ground(
        labels=kept,
        source=source,
        portion=admission.portion,
        dataset=admission.dataset,
        held_back=dict(counted.most_common()),
        notes=_notes(admission, judged & {label.id for label in kept}, learned),
        shares=admission.design.shares if admission.design is not None else None,
    )


def _notes(admission: Admission, ids: set[str], learned: Learned | None) -> tuple[str, ...]:
    notes = []
    chosen_on = len(ids & learned.refined_on) if learned is not None else 0
    if chosen_on:
        notes.append(
            f"{chosen_on:,} of these items are those that the judge was refined on, so the figures are too good; "
            "the sealed test tells"
        )
    design = admission.design
    if design is not None and (design.where or design.negative or design.key or design.per_conversation):
        said = "the figures stand for the sample, not for its source"
        if design.shares is not None:
            said = "the figures stand for the sample; only the corrected mean is weighed back to the source's shares"
        notes.append(f"what was judged is a sample: {design.words}; {said}")
    return tuple(notes)


def nothing_left(held_back: Mapping[str, int]) -> DataError:
    """The error that every label was held back."""
    listed = "; ".join(f"{count:,}: {reason}" for reason, count in held_back.items())
    hint = "Label items that the judge has not seen."
    if _HELD["test"] in held_back:
        hint = "Label more, or open the sealed test, once: --open-test 'why it is time'."
    return DataError(f"no labelled item is left to measure on ({listed})", hint=hint)


def open_sealed(
    store: Store, dataset: str, judges: Iterable[JudgeRef], *, n: int, why: str, rate: float | None = None
) -> Opened:
    """Write down that these judges are measured on n sealed items; call it before anything is shown.

    rate: the accuracy that the cost is reckoned at; 0.9 where there is none.
    """
    for judge in judges:
        store.open_test(dataset, judge, n=n, why=why)
    openings = tuple(store.openings(dataset))
    versions = [f"{one.judge.name}@{one.judge.version}" for one in openings]
    return Opened(openings, cost_in_words(versions, n, rate=0.9 if rate is None else rate))


def judges_of(run: Run) -> list[JudgeRef]:
    """The judges that spoke in a run, in a fixed order."""
    if run.info is not None:
        return [run.info.judge]
    spoke = {(one.judge.name, one.judge.version) for one in run.verdicts()}
    return [JudgeRef(name, version) for name, version in sorted(spoke)]


def learned_by(run: Run, judges_dir: Path, judge: Judge | None = None) -> Learned:
    """What the run's judge has seen: the examples in its definition, and the lists in its folder.

    The folder is that of `judge`, of the judge that the run names, or of one in the workspace, if it is of the version
    that spoke.
    """
    return _learned({ref.version for ref in judges_of(run)}, run.info, judges_dir, judge)


def learned_by_judge_of(info: RunInfo, judges_dir: Path) -> Learned:
    """The same, of a run that is described and not opened."""
    return _learned({info.judge.version}, info, judges_dir, None)


def learned_by_judge(judge: Judge | Cascade) -> Learned:
    """The same, of a judge that is there; what a cascade's judges have seen is taken together."""
    each = [judge] if isinstance(judge, Judge) else [one.judge for one in judge.asked if one.judge is not None]
    return united(learned_of(_shown_by(one.to_dict()), one.source) for one in each)


def _learned(versions: set[str], info: RunInfo | None, judges_dir: Path, judge: Judge | None) -> Learned:
    if info is not None and (of_stages := _stage_versions(info)):
        candidates = (one for one in _candidates(info, judges_dir, judge) if one.version in of_stages)
        each = [learned_of(_shown_by(one.to_dict()), one.source) for one in candidates]
        return united([*each, learned_of(_shown_by(info.judge_definition), None)])
    found = next((one for one in _candidates(info, judges_dir, judge) if one.version in versions), None)
    if found is not None:
        return learned_of(_shown_by(found.to_dict()), found.source)
    return learned_of(_shown_by(info.judge_definition) if info else (), None)


def _stage_versions(info: RunInfo) -> set[str]:
    """The versions of a cascade's judges; empty for a single judge."""
    stages = info.judge_definition.get("stages")
    return {str(one["version"]) for one in stages or () if isinstance(one, dict) and "version" in one}


def _shown_by(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The examples of a definition: those that are always shown, and those that are found for each interaction."""
    return [*(definition.get("examples") or ()), *(definition.get("pool") or ())]


def _candidates(info: RunInfo | None, judges_dir: Path, judge: Judge | None) -> Iterable[Judge]:
    if judge is not None:
        yield judge
    named = info.settings.get("judge") if info else None
    places = [Path(named)] if isinstance(named, str) else []
    places += sorted(judges_dir.iterdir()) if judges_dir.is_dir() else []
    for place in places:
        try:
            yield Judge.load(place)
        except (DikastError, OSError):  # no judge, or one that can't be read: it did not judge this run
            continue
