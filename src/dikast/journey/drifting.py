"""Drift of what was judged: gathered from a watch or from runs, with the anchors beside it, and told once.

Anchors are labelled interactions that stay the same. Judged again, without the answers that are kept, they show whether
the judge is still the same; and how it errs, by which the rates are corrected.
"""

from __future__ import annotations

import dataclasses
import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from dikast.agreement.confusion import Confusion, cells
from dikast.agreement.settling import settle
from dikast.analysis.anchors import AnchorCheck, AnchorRound, checks
from dikast.analysis.drift import Change, Drift, find_drift
from dikast.analysis.drift_words import explained, headline
from dikast.analysis.observed import JudgeState, Observed, observe
from dikast.analysis.periods import Every, as_time, end_of
from dikast.errors import DataError, EndpointGarbled, InputError
from dikast.harness.progress import Progress
from dikast.harness.workers import OnVerdict
from dikast.journey.bench import Tell
from dikast.journey.measuring import held_back, learned_by_judge
from dikast.journey.running import RunPlan, judge_more
from dikast.journey.runs import Run
from dikast.judges.cascade import Cascade
from dikast.judges.definition import Judge
from dikast.models.client import BaseUrl, Client
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy
from dikast.records import Interaction, JudgeRef, Label, RunInfo, Verdict, canonical_json
from dikast.store import DriftAlert, KeptWatch, RunLog, Store, WatchRound

_WEBHOOK_TIMEOUT_S = 20.0
_FINGERPRINT = ("digest", "quantization", "parameters", "chat_template", "context_length", "sampler", "stages")
_anchor_from_json = msgspec.json.Decoder(AnchorRound)


@dataclass(frozen=True)
class Series:
    """What drift is looked for in: a watch and its run, or runs. name: what anchors and alerts are kept under."""

    name: str
    runs: tuple[Run, ...] = ()
    watch: KeptWatch | None = None
    log: RunLog | None = None

    @property
    def sampled(self) -> str | None:
        """What a watch's samples in strata can't tell, in words; None where it drew none."""
        rounds = self.watch.rounds() if self.watch is not None else []
        keys = sorted({one.design.key for one in rounds if one.design is not None and one.design.key is not None})
        if not keys:
            return None
        named = " and ".join(map(repr, keys))
        return (
            f"Samples were drawn in strata over {named}: the rates stand for the samples, not for the traffic, "
            f"and other traffic in {named} does not show. The rate of each value is that of the traffic."
        )


@dataclass(frozen=True)
class Told:
    """What a look found: the drift, its alerts, and those of them that are new."""

    drift: Drift
    alerts: tuple[DriftAlert, ...]
    new: tuple[DriftAlert, ...] = ()
    labels: str = ""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is asked of a series. labels: in place of the anchors', by which the judge's errors are known."""

    every: Every = "week"
    by: tuple[str, ...] = ()
    labels: Sequence[Label] = ()
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


def state_of(judge: JudgeRef, model: str, told: Mapping[str, Any]) -> JudgeState:
    """Which judge spoke: its version, its model, a fingerprint of all that is known of the weights, and the server."""
    known = {key: told[key] for key in _FINGERPRINT if told.get(key) not in (None, {}, "")}
    server = " ".join(str(told[key]) for key in ("server", "server_version") if told.get(key))
    digest = hashlib.sha256(canonical_json(known)).hexdigest()[:12] if known else ""
    return JudgeState(judge=f"{judge.name}@{judge.version}", model=model, fingerprint=digest, server=server)


def look(series: Series, store: Store | None, asked: Look) -> Told:
    """The drift of a series, and what was told of it before. Raises InputError where nothing can be charted."""
    rounds = anchor_rounds(store, series.name)
    observed = Observed(asked.every)
    pairs: dict[JudgeState, list[tuple[str, str]]] = {}
    labels = _settled(asked.labels)
    for verdict, item, judge, at in _judged(series):
        one = observe(verdict, item, judge, at)
        if one is None:
            continue
        observed.add(one)
        said = labels.get(verdict.id)
        if said is not None and verdict.verdict is not None:
            pairs.setdefault(judge, []).append((verdict.verdict, said))
    if not observed.n:
        raise DataError(
            f"{series.name!r} has no verdict that says pass or fail", hint="Drift is charted for pass/fail judges."
        )
    unknown = [key for key in asked.by if key not in observed.keys]
    if unknown:
        raise InputError(
            f"no interaction has the metadata key {unknown[0]!r}",
            hint=f"The keys here are: {', '.join(sorted(observed.keys)[:20]) or 'none'}.",
        )
    corrections = _corrections(pairs, rounds)
    drift = find_drift(observed, now=asked.now, corrections=corrections, anchors=rounds, by=asked.by)
    alerts = tuple(store.watches().alerts(series.name)) if store is not None else ()
    if pairs:
        source = f"{sum(map(len, pairs.values())):,} labelled items"
    else:
        source = f"{len(rounds[-1].labels):,} anchors" if corrections else ""
    return Told(drift, alerts, labels=source)


def tell_once(told: Told, series: Series, store: Store, every: Every, now: datetime) -> Told:
    """The same with an alert kept for each change that was not told yet; one that was told is told no more."""
    book, alerts, new = store.watches(), list(told.alerts), list[DriftAlert]()
    for change in told.drift.changes:
        if any(_same(alert, change, every) for alert in alerts):
            continue
        alert = book.keep_alert(
            DriftAlert(
                id=0,
                series=series.name,
                cause=change.cause,
                begin=change.begin,
                end=change.end,
                text=headline(change),
                details=tuple(explained(change)),
                at=now.isoformat(timespec="seconds"),
            )
        )
        alerts.append(alert)
        new.append(alert)
    return dataclasses.replace(told, alerts=tuple(alerts), new=tuple(new))


def acknowledge(store: Store, number: int, why: str | None, now: datetime) -> DriftAlert:
    """Mark an alert as seen. Raises InputError where there is none of that number."""
    alerts = {one.id: one for one in store.watches().alerts()}
    if number not in alerts:
        known = ", ".join(str(one.id) for one in alerts.values() if one.acknowledged_at is None) or "none"
        raise InputError(f"there is no alert {number}", hint=f"Open alerts: {known}.")
    seen = msgspec.structs.replace(
        alerts[number], acknowledged_at=now.isoformat(timespec="seconds"), acknowledged_why=why
    )
    return store.watches().keep_alert(seen)


async def send(url: str, told: Told, policy: Policy, keep: Callable[[DriftAlert], object]) -> int:
    """Post each open alert that no webhook took yet; how many it took. Raises PolicyError, EndpointError.

    keep: called with each alert that was taken, at once. The body is {"text", "cause", "series", "since", "until",
    "details", "id"}; `text` is what chat tools show.
    """
    options = EndpointOptions(timeout_s=_WEBHOOK_TIMEOUT_S)
    client = Client(BaseUrl(url, url), policy=policy, options=options, model="webhook")
    sent = 0
    try:
        for alert in told.alerts:
            if alert.sent or alert.acknowledged_at is not None:
                continue
            try:
                await client.post(url, _body(alert), msgspec.Raw)
            except EndpointGarbled as error:  # "ok" is no JSON, and most webhooks say just that
                if error.status is None or error.status >= 300:
                    raise
            keep(msgspec.structs.replace(alert, sent=True))
            sent += 1
    finally:
        await client.close()
    return sent


def anchor_rounds(store: Store | None, series: str) -> list[AnchorRound]:
    """The anchors of a series, each time that they were judged, oldest first."""
    return [] if store is None else [_anchor_from_json.decode(one) for one in store.watches().anchor_rounds(series)]


@dataclass(frozen=True)
class AnchorSet:
    """Labelled interactions that stay the same. labels: what experts said, by id.

    held: of what was given, those that may not be judged again and again, and why, by id.
    """

    items: Sequence[Interaction]
    labels: Mapping[str, str]
    held: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What was left out, in one sentence; "" where nothing was."""
        counted = Counter(self.held.values())
        told = "; ".join(f"{count:,}: {why}" for why, count in counted.most_common())
        return (
            f"{len(self.held):,} of {len(self.held) + len(self.items):,} anchors are left out ({told})" if told else ""
        )


def anchors_in(
    items: Iterable[Interaction], labels: Iterable[Label], judge: Judge | Cascade, store: Store | None
) -> AnchorSet:
    """The interactions that an expert labelled pass or fail, and that this judge may be measured on again and again.

    Those of a sealed test are left out, and those that the judge has seen. Raises DataError where none is left.
    """
    kept = list(items)
    said = _settled([*labels, *(label for item in kept for label in item.labels)])
    labelled = [item for item in kept if item.id in said]
    if not labelled:
        raise DataError(
            "no interaction here is labelled pass or fail by an expert",
            hint="Anchors are labelled interactions: label some with `dikast review`, or give --labels FILE.",
        )
    held = held_back(labelled, learned_by_judge(judge), store)
    anchors = [item for item in labelled if item.id not in held]
    found = AnchorSet(anchors, {item.id: said[item.id] for item in anchors}, held)
    if not anchors:
        raise DataError(f"no anchor is left: {found.words}", hint="Label items that the judge has not seen.")
    return found


async def judge_anchors(
    plan: RunPlan, anchors: AnchorSet, *, series: str, store: Store, now: datetime, tell: Tell | None = None
) -> tuple[AnchorRound, AnchorCheck | None]:
    """Judge the anchors again, and keep the round; with how it compares to the judge as it was.

    No kept answer is used: one would only show that the store has not changed. Raises InputError where the anchors are
    not those of the rounds before, and WorldError.
    """
    before = anchor_rounds(store, series)
    known = {id for one in before for id in one.labels}
    others = (known ^ anchors.labels.keys()) - anchors.held.keys()  # what is held back since may be missing
    if before and others:
        raise InputError(
            f"the anchors of {series!r} are {len(known):,}, and these differ from them by {len(others):,}: a set of "
            "anchors stays as it was",
            hint="Give the same data, or watch under another --name.",
        )
    said: dict[str, str] = {}
    found: list[JudgeState] = []

    def on_start(info: RunInfo) -> OnVerdict:
        found.append(state_of(info.judge, info.model, info.fingerprint))
        return take

    def take(_position: int, item: Interaction, verdict: Verdict) -> None:
        if verdict.status == "scored" and verdict.verdict in ("pass", "fail"):
            said[item.id] = verdict.verdict

    progress = Progress(total=len(anchors.items))
    await judge_more(dataclasses.replace(plan, keep=False), anchors.items, on_start, progress, tell=tell)
    if not said:
        raise DataError("no anchor got a verdict of pass or fail", hint="Anchors are for pass/fail judges.")
    round = AnchorRound(at=now, judge=found[0], verdicts=said, labels=dict(anchors.labels))
    store.watches().add_anchor_round(series, msgspec.json.encode(round))
    every = checks([*before, round])
    return round, every[-1] if before and every else None


def anchors_due(rounds: Sequence[AnchorRound], judge: JudgeState | None, now: datetime, every: timedelta) -> bool:
    """Whether the anchors are to be judged again: never yet, long ago, or by another judge."""
    if not rounds:
        return True
    return now - rounds[-1].at >= every or (judge is not None and judge != rounds[-1].judge)


def confusion_for(rounds: Sequence[AnchorRound], judge: JudgeState) -> Confusion | None:
    """How this very judge errs, on its newest round of anchors; None where it never judged them."""
    return next((one.confusion for one in reversed(rounds) if one.judge == judge), None)


def _judged(series: Series) -> Iterator[tuple[Verdict, Interaction | None, JudgeState, datetime]]:
    """Every verdict of a series, with the judge as it was and the time when it was judged."""
    for run in sorted(series.runs, key=lambda run: run.info.started_at if run.info is not None else ""):
        info, items = run.info, run.interactions()
        begun = (as_time(info.started_at) if info is not None else None) or datetime.now(UTC)
        known = state_of(info.judge, info.model, info.fingerprint) if info is not None else None
        for verdict in run.verdicts():
            spoke = JudgeState(judge=f"{verdict.judge.name}@{verdict.judge.version}", model=verdict.model or "")
            yield verdict, next(items, None), known or spoke, begun
    if series.watch is not None and series.log is not None:
        rounds = [one for one in series.watch.rounds() if one.drawn]
        firsts = [one.first for one in rounds]
        states = [_state_of_round(one) for one in rounds]
        together = zip(sorted(series.log.positions()), series.log.verdicts(), series.log.interactions(), strict=False)
        for position, verdict, item in together:
            at = bisect_right(firsts, position) - 1
            yield verdict, item, states[at], as_time(rounds[at].at) or datetime.now(UTC)


def _state_of_round(one: WatchRound) -> JudgeState:
    name, _, version = (one.judge or "").rpartition("@")
    return state_of(JudgeRef(name, version), one.model or "", one.fingerprint)


def _settled(labels: Iterable[Label]) -> dict[str, str]:
    """What experts say of each item, pass or fail, as far as it is settled."""
    given: dict[str, list[Label]] = {}
    for label in labels:
        if label.whose == "expert" and label.criterion is None:
            given.setdefault(label.id, []).append(label)
    settled = {id: settle(several).verdict for id, several in given.items()}
    return {id: said for id, said in settled.items() if said in ("pass", "fail")}


def _corrections(
    pairs: Mapping[JudgeState, Sequence[tuple[str, str]]], rounds: Sequence[AnchorRound]
) -> dict[JudgeState, Confusion]:
    """How each judge errs: on the labels of what it judged, where there are any, else on the anchors."""
    if pairs:
        return {
            judge: cells([verdict for verdict, _ in said], [label for _, label in said]).confusion
            for judge, said in pairs.items()
        }
    return {one.judge: one.confusion for one in rounds}


def _same(alert: DriftAlert, change: Change, every: Every) -> bool:
    """Whether an alert told of this change: the same whose, or not yet settled whose, and spans that meet.

    A period's grace, since what comes in late may move the estimate of when it was.
    """
    if (alert.cause == "judge") != (change.cause == "judge") and alert.cause != "unsettled":
        return False
    grace = end_of(change.begin, every) - change.begin if change.charts else timedelta(0)
    return alert.begin <= change.end + grace and change.begin <= alert.end + grace


def _body(alert: DriftAlert) -> dict[str, Any]:
    return {
        "text": alert.text,
        "cause": alert.cause,
        "series": alert.series,
        "since": alert.begin.isoformat(),
        "until": alert.end.isoformat(),
        "details": list(alert.details),
        "id": alert.id,
    }
