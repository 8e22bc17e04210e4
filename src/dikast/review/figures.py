"""How far it is: done, pace, and what is still needed before the judge, or a judge at all, can be believed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from dikast.agreement import second_look
from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.figures import Agreement, Comparison, agreement
from dikast.agreement.trust import Trust
from dikast.errors import DikastError
from dikast.records import Label
from dikast.review.asked import levels, said_of
from dikast.review.desk import Desk
from dikast.review.page import Progress, Row
from dikast.review.wording import duration, language_of, needs_in_words

A_START = 30  # labels of each class that a judge can be built and first measured with


@dataclass(frozen=True, slots=True)
class Compared:
    """The run against the labels: figures, or why there are none."""

    figures: Agreement | None
    refused: str = ""


class Needs:
    """What is still needed. An agreement takes a while to work out: that is done beside, and no page waits for it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._stamp = 0
        self._trust: Trust | None = None
        self._working = threading.Lock()

    def sentences(self, t: Mapping[str, str]) -> tuple[str, ...]:
        """With a run, what would settle whether to trust the judge, as of a moment ago; without, what a start takes."""
        if self._desk.is_second_look:
            return ()
        if self._desk.setup.run and self._working.acquire(blocking=False):
            threading.Thread(target=self._work_out, daemon=True).start()
        trust = self._trust
        return (needs_in_words(trust, language_of(t)) if trust else ()) or missing_for_a_start(self._desk, t)

    def _work_out(self) -> None:
        try:
            labels = self._desk.my_labels()
            stamp = hash(tuple((label.id, said_of(label)) for label in labels))
            if stamp != self._stamp:
                found = compare(self._desk, labels)
                self._trust = found.figures.trust if found.figures else None
                self._stamp = stamp
        finally:
            self._working.release()


def missing_for_a_start(desk: Desk, t: Mapping[str, str]) -> tuple[str, ...]:
    """Of which class how many are missing for 30 of each; nothing for scores."""
    if desk.scale.kind != "pass_fail":
        return ()
    tally = desk.tally()
    missing = [t[f"need_{word}"].format(n=A_START - tally[word]) for word in ("fail", "pass") if tally[word] < A_START]
    return (t["need_start"].format(missing=t["comma"].join(missing)),) if missing else ()


def compare(desk: Desk, labels: list[Label]) -> Compared:
    """The run's verdicts on these labels' interactions, sealed ones aside; trivial baselines are left to `agree`."""
    labels = [label for label in labels if (at := desk.position_of(label.id)) is None or not desk.is_sealed(at)]
    verdicts = [desk.setup.verdicts[label.id] for label in labels if label.id in desk.setup.verdicts]
    unique = list({verdict.id: verdict for verdict in verdicts}.values())
    ends = (desk.scale.low, desk.scale.high) if desk.scale.low is not None and desk.scale.high is not None else None
    try:
        return Compared(agreement(unique, labels, None, Comparison(judge_scale=ends)))
    except DikastError as error:
        return Compared(None, str(error))


def self_agreement(desk: Desk) -> dict[str, Figure]:
    """The annotator's agreement with themselves, on what they labelled twice; empty when nothing was.

    "self_agree" is the share of the same, "self_kappa" or "self_spearman" stands beside.
    """
    return second_look.self_agreement(desk.both_looks())


def self_agreement_words(desk: Desk, t: Mapping[str, str]) -> tuple[str, ...]:
    """The same in sentences."""
    figures = self_agreement(desk)
    same, kappa = figures.get("self_agree"), figures.get("self_kappa")
    if not isinstance(same, Estimate):
        return ()
    low, high = (f"{end * 100:.0f} %" for end in (same.low, same.high))
    said = [t["self_agreement"].format(n=f"{same.n:,}", value=f"{same.value * 100:.0f} %", low=low, high=high)]
    if isinstance(kappa, Estimate):
        ends = {"low": f"{kappa.low:.2f}", "high": f"{kappa.high:.2f}"}
        said.append(t["self_agreement_kappa"].format(value=f"{kappa.value:.2f}", **ends))
    return tuple(said)


def end_words(desk: Desk, still_open: int, t: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """What the end of the queue says, under its title: what is left, what was put off, or that all is done."""
    if not desk.queue.positions:
        return t["item_none"], (t["item_none_help"],)
    if still_open:
        left = t["end_kept" if desk.setup.queue == "disagree" else "end_open"]
        return t["end_title"], (left.format(n=f"{still_open:,}", total=f"{len(desk.queue.positions):,}"),)
    _, deferred = desk.done()
    if deferred and desk.setup.queue != "deferred":
        return t["item_done_title"], (t["end_deferred"].format(n=f"{deferred:,}"),)
    return t["item_done_title"], (t["item_done"],)


def progress(desk: Desk, needs: Needs, t: Mapping[str, str]) -> Progress:
    """The bar and the words beside it."""
    done, deferred = desk.done()
    total = len(desk.queue.positions)
    words = t["done_of"].format(done=f"{done:,}", total=f"{total:,}")
    if deferred:
        words += t["comma"] + t["deferred_n"].format(n=f"{deferred:,}")
    pace = desk.pace_s()
    left = "" if pace is None else duration(pace * max(0, total - done - deferred), t)
    tally = desk.tally()
    return Progress(
        done=done,
        total=total,
        words=words,
        pace="" if pace is None else t["pace"].format(each=duration(pace, t), left=left),
        tallies=tally_rows(tally, desk, t),
        needs=needs.sentences(t),
    )


def tally_rows(tally: Mapping[str, int], desk: Desk, t: Mapping[str, str]) -> tuple[Row, ...]:
    """How often each verdict was given, in the scale's order; others, of another scale, after."""
    order = [*levels(desk.scale), *sorted(set(tally) - set(levels(desk.scale)))]
    return tuple(Row(t.get(value, value), f"{tally[value]:,}") for value in order if tally.get(value))
