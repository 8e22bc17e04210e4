"""What judges said in a test session, summed up: pass rates with intervals, corrected where labels allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache

import msgspec

from dikast.agreement.confusion import Confusion, cells
from dikast.agreement.corrected import rogan_gladen
from dikast.agreement.estimate import Estimate
from dikast.agreement.families import words
from dikast.agreement.figures import group_of
from dikast.agreement.matching import match
from dikast.agreement.proportion import share
from dikast.agreement.sampling import sampling_of
from dikast.errors import DikastError
from dikast.journey.measuring import Admission, admitted, learned_by, saved_labels
from dikast.journey.runs import Run, open_run
from dikast.records import Interaction, Verdict, content_hash
from dikast.report.figures import count, decimal, interval, percent
from dikast.report.text import one_line
from dikast.store import Store
from dikast.workspace import Workspace

_RUNS = 10  # the newest of a judge that are looked at for labels


class Said(msgspec.Struct, frozen=True):
    """One verdict of a session, as much of it as the summary takes. said: pass, fail, or why there is no such word."""

    name: str
    version: str
    model: str
    content: str
    group: str
    said: str
    overall: float | None = None


def said_of(interaction: Interaction, verdict: Verdict) -> Said:
    """What the summary keeps of a verdict."""
    said = verdict.verdict or ("score" if verdict.status == "scored" else verdict.status)
    judge = verdict.judge
    content, group = content_hash(interaction), group_of(interaction)
    return Said(judge.name, judge.version, verdict.model or "", content, group, said, verdict.overall)


def tally_lines(said: Iterable[Said], workspace: Workspace, store: str | None) -> Iterator[str]:
    """The summary, a line or two for each judge. One content counts once, however many tests asked of it.

    store: where runs with labels are looked for; None where nothing is kept.
    """
    judges: dict[tuple[str, str, str], dict[str, Said]] = {}
    for one in said:
        judges.setdefault((one.name, one.version, one.model), {})[one.content] = one
    for (name, version, model), found in sorted(judges.items()):
        ruled = [one for one in found.values() if one.said in ("pass", "fail")]
        title = f"{one_line(name, 60)}@{version[:8]}" + (f" on {one_line(model, 60)}" if model else "")
        yield f"{title}: {_summed(ruled, list(found.values()))}"
        if ruled and store is not None:
            yield f"  {_corrected(ruled, version, model, workspace, store)}"


def _summed(ruled: list[Said], every: list[Said]) -> str:
    parts = []
    if ruled:
        passed = [one.said == "pass" for one in ruled]
        rate = share(passed, groups=[one.group for one in ruled])
        assert isinstance(rate, Estimate)
        parts.append(
            f"{sum(passed):,} of {len(ruled):,} pass, {percent(rate.value)} ({interval(rate, as_percent=True)})"
        )
    scores = [one.overall for one in every if one.said == "score" and one.overall is not None]
    if scores:
        parts.append(f"{count(len(scores), 'score')}, {decimal(sum(scores) / len(scores))} in the mean")
    others = Counter(one.said for one in every if one.said not in ("pass", "fail", "score"))
    return "; ".join([*parts, *(f"{n:,} {said}" for said, n in sorted(others.items()))])


def _corrected(ruled: list[Said], version: str, model: str, workspace: Workspace, store: str) -> str:
    """The pass rate corrected by the errors that the judge made on labelled items, or why it isn't."""
    try:
        found = _errors(version, model, workspace, store, {one.content for one in ruled})
    except DikastError as error:
        return f"not corrected: {error}"
    if found is None:
        return (
            "not corrected: no run of this judge and model has labels drawn at random (`dikast run`, `dikast review`)"
        )
    confusion, run = found
    rate = rogan_gladen(sum(one.said == "pass" for one in ruled), len(ruled), confusion)
    if not isinstance(rate, Estimate):
        return f"not corrected by the {confusion.n:,} labels of {run}: {rate.why}"
    return (
        f"corrected by the {confusion.n:,} labels of {run}: {percent(rate.value)} ({interval(rate, as_percent=True)}), "
        "if it errs here as it did there"
    )


def _errors(
    version: str, model: str, workspace: Workspace, location: str, contents: set[str]
) -> tuple[Confusion, str] | None:
    """The judge's confusion on labelled items that are none of these contents, and the newest run that has some.

    Sealed labels and what the judge learned from are left out, as everywhere.
    """
    with Store.open(location) as store:
        names = [one.name for one in store.runs() if one.judge.version == version and one.finished_at]
        for name in names[:_RUNS]:
            run = open_run(name, workspace=workspace, store=location)
            if run.info is None or model not in (run.info.model, *_models(run)):
                continue
            table = _confusion(run, store, workspace, contents)
            if table is not None and table.n:
                return table, name
    return None


def _models(run: Run) -> set[str]:
    first = next(run.verdicts(), None)
    return {first.model} if first is not None and first.model else set()


def _confusion(run: Run, store: Store, workspace: Workspace, contents: set[str]) -> Confusion | None:
    lookup = cache(run.interaction)
    labels, source, held = saved_labels(run, store, lookup) or (list(run.labels()), "", {})
    if not labels:
        return None
    learned = learned_by(run, workspace.judges_dir)
    admission = Admission(run, store, (label.id for label in labels), lookup, portion=None, learned=learned)
    ground = admitted(run, admission, labels, source, held, learned=learned)
    verdicts = [one for one in run.verdicts() if (item := lookup(one.id)) is None or content_hash(item) not in contents]
    matched = match(verdicts, ground.labels, principal=workspace.settings().review_principal)
    if matched.family != "pass_fail" or sampling_of(matched.drawn).kind != "random":
        return None
    return cells(*words(matched)).confusion
