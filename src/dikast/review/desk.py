"""What lies before one expert: the queue, what they have said of it, and how fast it goes."""

from __future__ import annotations

import copy
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from statistics import median

from dikast.agreement.sampling import stratum_of
from dikast.errors import InputError
from dikast.interactions.likeness import most_alike
from dikast.interactions.sampling import drawn_within
from dikast.judges.escalating import waits_for_person
from dikast.judges.learned import Learned
from dikast.judges.scale import Scale
from dikast.records import SECOND_LOOK, Label, RunInfo, Verdict
from dikast.review import queues
from dikast.review.asked import NO_CODING, Coding, differ, is_failure, judged_as, label_of, said_of
from dikast.store import DatasetInfo, KeptDataset, LabelBook, LabelRevision, LabelState, RunLog, TestOpening

_BREAK_S = 600.0
_PACE_OVER = 30
_MOST_TAGS = 200


@dataclass(frozen=True)
class Setup:
    """What is labelled by whom, in which order, and what is at hand besides.

    verdicts: the run's, by interaction id; empty without a run. links: name to address, with {id} and {metadata.KEY}.
    sealed: positions of the split's sealed test, where the judge is never shown. principal: whose word binds where
    people differ. open_run, openings: the store's runs by name, and the log of this dataset's sealed test. learned:
    what a run's judge has seen, and so can't be measured on.
    """

    dataset: KeptDataset
    book: LabelBook
    annotator: str
    scale: Scale = field(default_factory=Scale)
    queue: str = "random"
    seed: int = 0
    run: str = ""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    runs: Callable[[], list[RunInfo]] = list
    datasets: Callable[[], list[DatasetInfo]] = list
    sealed: frozenset[int] = frozenset()
    principal: str | None = None
    open_run: Callable[[str], RunLog | None] = lambda name: None
    openings: Callable[[], list[TestOpening]] = list
    learned: Callable[[RunInfo], Learned] = lambda info: Learned()


@dataclass(frozen=True, slots=True)
class Standing:
    """One interaction's labels by this annotator: the newest revision, the newest that is no draft, and all before."""

    newest: LabelRevision | None
    standing: LabelRevision | None
    earlier: tuple[LabelRevision, ...]

    @property
    def is_saved(self) -> bool:
        """Whether a label counts."""
        return self.standing is not None and self.standing.state == "saved"

    @property
    def revision(self) -> int:
        """The newest revision's number; 0 for none."""
        return self.newest.revision if self.newest else 0

    @property
    def state(self) -> LabelState | None:
        """The newest revision's state."""
        return self.newest.state if self.newest else None


class Desk:
    """The work of one annotator on one dataset. Methods may be called from several threads."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.dataset, self.book, self.scale = setup.dataset, setup.book, setup.scale
        queues.check_queue(setup.queue, has_run=bool(setup.run))
        again = setup.queue == "repeat"
        self.annotator = setup.annotator + SECOND_LOOK if again else setup.annotator
        self._lock = threading.Lock()
        self._ids = setup.dataset.ids()
        self._places = {id: position for position, id in enumerate(self._ids)}
        self._mine: dict[int, LabelRevision] = self._standing_labels(self.annotator)
        self._saved_at: list[float] = []
        self._tags = Counter(tag for revision in self.book.current() for tag in revision.label.tags)
        first_look = self._standing_labels(setup.annotator) if again else self._mine
        self._draw(first_look)

    def _draw(self, first_look: Mapping[int, LabelRevision]) -> None:
        self.queue = queues.draw(self.setup.queue, self._known(first_look), self.setup.seed)
        self._index = {position: at for at, position in enumerate(self.queue.positions)}
        looks_back = self.setup.queue == "disagree"  # all of it is labelled; it is open until it is saved once more
        self._before = {p: self._mine[p].revision for p in self.queue.positions} if looks_back else {}

    def like(self, position: int) -> Desk:
        """The same desk with another queue before it: what is most alike to this interaction and not labelled yet."""
        beside = copy.copy(self)  # labels and pace stay shared
        beside.setup = replace(self.setup, queue=f"like:{self.id_at(position)}")
        beside._draw(self._mine)
        return beside

    @property
    def is_second_look(self) -> bool:
        """Whether what is before it was labelled by the same person before."""
        return self.annotator != self.setup.annotator

    # The queue.

    def has(self, position: int) -> bool:
        """Whether there is an interaction at this position of the dataset."""
        return 0 <= position < len(self._ids)

    def id_at(self, position: int) -> str:
        """The id of the interaction there."""
        return self._ids[position]

    def position_of(self, id: str) -> int | None:
        """Where an interaction is."""
        return self._places.get(id)

    def index_of(self, position: int) -> int | None:
        """The place in the queue, from 0; None for an interaction that is not in it."""
        return self._index.get(position)

    def beside(self, position: int, step: int) -> int | None:
        """The next (1) or the one before (-1) in the queue, whatever its state; None at the ends."""
        order = self.queue.positions
        at = self._index.get(position)
        if at is None:
            return order[0] if order and step > 0 else None
        return order[at + step] if 0 <= at + step < len(order) else None

    def open_after(self, position: int | None) -> int | None:
        """The next in the queue that is neither labelled nor put off, from the start again after the end, or None."""
        order = self.queue.positions
        start = 0 if position is None else self._index.get(position, -1) + 1
        return next((p for p in (*order[start:], *order[:start]) if p != position and self._is_open(p)), None)

    def still_open(self) -> int:
        """How many of the queue are neither labelled nor put off."""
        return sum(map(self._is_open, self.queue.positions))

    def is_sealed(self, position: int) -> bool:
        """Whether it is in the sealed test, where the judge is never shown: that would tune the expert's eye to it."""
        return position in self.setup.sealed

    # Labels.

    def standing(self, position: int) -> Standing:
        """What this annotator has said of an interaction."""
        history = self.book.history(self.id_at(position), annotator=self.annotator)
        settled = [revision for revision in history if revision.state != "draft"]
        return Standing(history[-1] if history else None, settled[-1] if settled else None, tuple(settled[:-1]))

    def others(self, position: int) -> list[LabelRevision]:
        """What other people have said of it; their word stands, whatever this annotator says."""
        found = self.book.current(id=self.id_at(position))
        return [revision for revision in found if revision.label.annotator != self.annotator]

    def has_saved(self, position: int) -> bool:
        """Whether this annotator's label of it counts."""
        mine = self._mine.get(position)
        return mine is not None and mine.state == "saved"

    def has_failed(self, position: int) -> bool:
        """Whether this annotator's label says that it went wrong, and more like it can be looked for."""
        mine = self._mine.get(position)
        if self.is_second_look or mine is None or mine.state != "saved":
            return False
        return is_failure(mine.label, self.scale)

    def keep(
        self,
        position: int,
        said: str,
        critique: str,
        state: LabelState,
        expected: int,
        coding: Coding = NO_CODING,
    ) -> LabelRevision:
        """Write what a form says. Raises LabelConflict, InputError, StoreError."""
        with self._lock:
            before = self.standing(position)
            drawn, seed = self._drawn(position, before)
            label = label_of(
                said,
                critique,
                self.scale,
                replace(coding, tags=self._as_known(coding.tags)),
                id=self.id_at(position),
                annotator=self.annotator,
                drawn=drawn,
                seed=seed,
                blind=self._is_blind(position, before, said, critique),
            )
            revision = self.book.save(label, state=state, expected_revision=expected)
            if state != "draft":
                self._mine[position] = revision
                self._tags.update(set(label.tags) - set(before.standing.label.tags if before.standing else ()))
                if state == "saved" and not before.is_saved:
                    self._saved_at.append(time.monotonic())
            return revision

    def known_tags(self) -> list[str]:
        """The tags that anybody gave in this dataset, the most frequent first."""
        return [tag for tag, _ in self._tags.most_common(_MOST_TAGS)]

    def settle(self, position: int, label: Label, state: LabelState, expected: int) -> LabelRevision:
        """Write the label that binds where people differ. Raises LabelConflict, InputError, StoreError."""
        with self._lock:
            revision = self.book.save(label, state=state, expected_revision=expected)
            if label.annotator == self.annotator:
                self._mine[position] = revision
            return revision

    def undo(self) -> int | None:
        """Take back the last thing saved, put off or withdrawn; where that was, or None when there is nothing."""
        with self._lock:
            revision = self.book.undo(self.annotator)
            position = None if revision is None else self._places.get(revision.label.id)
            if revision is not None and position is not None:
                self._mine[position] = revision
            return position

    # Figures.

    def verdict(self, position: int) -> Verdict | None:
        """The judge's verdict on an interaction."""
        return self.setup.verdicts.get(self.id_at(position))

    def my_labels(self) -> list[Label]:
        """The saved labels, of the queue and beyond."""
        return [revision.label for revision in list(self._mine.values()) if revision.state == "saved"]

    def both_looks(self) -> list[Label]:
        """The saved labels of this annotator, first and second looks."""
        names = (self.setup.annotator, self.setup.annotator + SECOND_LOOK)
        return [revision.label for name in names for revision in self.book.current(annotator=name)]

    def done(self) -> tuple[int, int]:
        """How many of the queue are saved, and put off."""
        states = Counter(revision.state for p, revision in list(self._mine.items()) if p in self._index)
        return states["saved"], states["deferred"]

    def tally(self) -> Counter[str]:
        """How often each verdict or score was given."""
        return Counter(said_of(label) for label in self.my_labels())

    def pace_s(self) -> float | None:
        """Seconds for one label, breaks left out; None before three."""
        gaps = [b - a for a, b in zip(self._saved_at, self._saved_at[1:], strict=False) if b - a < _BREAK_S]
        return median(gaps[-_PACE_OVER:]) if len(gaps) >= 2 else None

    def drift(self, annotator: str) -> int:
        """How often this person gave another verdict after the judge's was shown."""
        return sum(after.label.blind is False for _, after in self.book.amended(annotator=annotator))

    def _drawn(self, position: int, before: Standing) -> tuple[str | None, int | None]:
        """How the item came here, and the queue's seed: what an earlier revision says, else this queue."""
        for revision in (before.standing, before.newest):
            if revision is not None and revision.label.drawn is not None:
                return revision.label.drawn, revision.label.seed
        if position not in self._index:
            return None, None
        return drawn_within(self.dataset.info.design, self.queue.drawn), self.queue.seed

    def _as_known(self, tags: tuple[str, ...]) -> tuple[str, ...]:
        """Tags in the spelling that was used before, so that "Tone" and "tone" stay one."""
        known = {tag.casefold(): tag for tag in reversed(self.known_tags())}
        return tuple(dict.fromkeys(known.get(tag.casefold(), tag) for tag in tags))

    def _is_blind(self, position: int, before: Standing, said: str, critique: str) -> bool:
        """Whether the judge was hidden when this was said; what is only tagged later was said before."""
        last = before.standing
        if last is not None and last.state == "saved" and last.label.blind is not None:
            is_same = (said, critique) == (said_of(last.label), last.label.critique or "")
            if is_same:
                return last.label.blind
        return not (self.setup.run and self._was_shown(position, before))

    def _is_open(self, position: int) -> bool:
        mine = self._mine.get(position)
        if mine is None or mine.state == "withdrawn":
            return True
        if mine.state == "saved":
            return self._before.get(position) == mine.revision
        return mine.state == "deferred" and self.setup.queue == "deferred"

    def _standing_labels(self, annotator: str) -> dict[int, LabelRevision]:
        found: dict[int, LabelRevision] = {}
        states: tuple[LabelState, ...] = ("saved", "deferred", "withdrawn")
        for state in states:
            for revision in self.book.current(annotator=annotator, state=state):
                found[self._places[revision.label.id]] = revision
        return found

    def _strata(self, key: str, places: Mapping[int, Verdict]) -> list[str | None]:
        """The stratum of each position; None for what is not to be drawn: without a verdict where that says it, and
        then sealed, since the order would tell what the judge says.
        """
        shut = self.is_sealed if queues.goes_by_verdict(key) else lambda position: False
        return [
            None if shut(position) else stratum_of(key, item.metadata, places.get(position))
            for position, item in enumerate(self.dataset)
        ]

    def _known(self, first_look: Mapping[int, LabelRevision]) -> queues.Known:
        verdicts = self.setup.verdicts
        kind, _, key = self.setup.queue.partition(":")
        saved = {p: r.label for p, r in sorted(first_look.items()) if r.state == "saved"}
        places = {self._places[id]: verdict for id, verdict in verdicts.items() if id in self._places}
        return queues.Known(
            size=len(self._ids),
            strata=self._strata(key, places) if kind == "stratified" else (),
            confidence={p: queues.confidence_of(verdict) for p, verdict in places.items() if not self.is_sealed(p)},
            disagreeing=[
                p
                for p, label in saved.items()
                if not self.is_sealed(p) and differ(said_of(label), judged_as(places.get(p)))
            ],
            deferred=[p for p, revision in sorted(first_look.items()) if revision.state == "deferred"],
            labelled=list(saved),
            alike=self._alike(key, saved) if kind == "like" else (),
            escalated=[p for p, one in sorted(places.items()) if waits_for_person(one) and not self.is_sealed(p)],
        )

    def _alike(self, id: str, saved: Mapping[int, Label]) -> list[int]:
        """What is most alike to an interaction and to what was said of it, but for what is labelled otherwise."""
        position = self._places.get(id)
        if position is None:
            raise InputError(f"{id[:80]!r} is not in {self.dataset.name!r}", hint="like:ID takes an interaction's id.")
        said = [revision.label for revision in self.book.current(id=id)]
        remarks = [text for label in said for text in (label.critique, label.note, *label.tags) if text]
        queue = f"like:{id}"
        among = (
            (p, item)
            for p, item in enumerate(self.dataset)
            if p != position and not self.is_sealed(p) and (p not in saved or saved[p].drawn == queue)
        )
        return most_alike(self.dataset.item(position), remarks, among, queues.MOST_ALIKE)

    def _was_shown(self, position: int, standing: Standing) -> bool:
        """Whether the judge's verdict has been seen: it is shown as soon as a label is saved."""
        revisions = (*standing.earlier, standing.standing)
        if self.is_sealed(position):
            return any(revision is not None and revision.label.blind is False for revision in revisions)
        if any(revision is not None and revision.state == "saved" for revision in revisions):
            return True
        return self.annotator.endswith(SECOND_LOOK) and any(
            revision.state == "saved" and revision.label.blind is False
            for revision in self.book.history(self.id_at(position), annotator=self.setup.annotator)
        )
