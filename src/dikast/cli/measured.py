"""The options that say on what a judge is measured, and how that is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from dikast.errors import DataError
from dikast.interactions import read_labels
from dikast.interactions.rows import Tally
from dikast.journey.measuring import (
    PORTIONS,
    Admission,
    Ground,
    Lookup,
    Opened,
    Portion,
    admitted,
    check_portion,
    judges_of,
    learned_by,
    open_sealed,
    saved_labels,
)
from dikast.journey.runs import Run
from dikast.judges.definition import Judge
from dikast.records import Label, Whose
from dikast.report.figures import count
from dikast.store import Store
from dikast.workspace import Workspace

Command = TypeVar("Command", bound=Callable[..., Any])

_PART = click.option(
    "--part",
    type=click.Choice(PORTIONS),
    help="Which part of a split dataset. [default: unsealed, all but the sealed test]",
)
_OPEN = click.option(
    "--open-test",
    "why",
    metavar="WHY",
    help="Measure on the sealed test; the opening and this reason are written down.",
)

_OF_USERS = " (what the system's users said, no expert's labels)"


def measured_options(command: Command) -> Command:
    """Add the options that say which part of a split dataset is measured on."""
    return _PART(_OPEN(command))


@contextmanager
def existing_store(workspace: Workspace, store: str | None) -> Iterator[Store | None]:
    """The store, open; None where there is none yet."""
    location = workspace.settings(store=store).store
    if "://" not in location and not Path(location).is_file():
        yield None
        return
    with Store.open(location) as opened:
        yield opened


def ground_of(
    run: Run,
    store: Store | None,
    workspace: Workspace,
    lookup: Lookup,
    *,
    labels_file: str | None,
    part: Portion | None,
    why: str | None,
    judge: Judge | None = None,
    whose: Whose = "expert",
) -> Ground:
    """The labels that the run's judge may be measured on. Raises DataError when there are none.

    whose: experts' labels, or what the system's users said, which is kept with the data. They are those of the file,
    else those that are saved with the run's dataset, else those that its data carries.
    """
    portion = check_portion(part, why)
    saved = saved_labels(run, store, lookup) if labels_file is None and whose == "expert" else None
    labels, source, held = saved or (*given_labels(run, labels_file, whose), {})
    learned = learned_by(run, workspace.judges_dir, judge)
    ids = (label.id for label in labels)
    admission = Admission(run, store, ids, lookup, portion=portion, learned=learned)
    ground = admitted(run, admission, labels, source, held, learned=learned)
    if saved is not None and ground.portion is None:
        note = "nothing of this dataset is sealed: `dikast data split` keeps a test apart, before the judge is improved"
        ground = replace(ground, notes=(*ground.notes, note))
    return ground


def given_labels(run: Run, file: str | None, whose: Whose = "expert") -> tuple[list[Label], str]:
    """People's labels of a file, or else those that the run's data carries, and where they are from."""
    if file is not None:
        return labels_in(file, whose), f"{Path(file).name}{_OF_USERS if whose == 'user' else ''}"
    labels = list(run.labels(whose))
    if not labels and whose == "user":
        raise DataError(
            f"nothing that users said is known for {run.name!r}",
            hint="`dikast import` makes labels of users' feedback, where the mapping says what counts as what.",
        )
    if not labels:
        users = len(list(run.labels("user")))
        apart = f" What users said ({users:,}) is compared with --labels-of user." if users else ""
        raise DataError(
            f"no labels are known for {run.name!r}: its interactions carry none, or are not known here",
            hint=f"Give a file with people's labels (--labels FILE), or label with `dikast review DATA`.{apart}",
        )
    return labels, f"the run's data{_OF_USERS if whose == 'user' else ''}"


def labels_in(file: str, whose: Whose = "expert") -> list[Label]:
    """The labels of a file that are experts' (or users'), with a word on rows that can't be used.

    Raises DataError when there are none.
    """
    tally = Tally()
    labels = [label for label in read_labels(file, tally=tally) if label.whose == whose]
    if tally.rejected:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in tally.reasons.items())
        rows = count(tally.rejected, f"row of {file} was", f"rows of {file} were")
        click.echo(f"{rows} not used ({reasons})", err=True)
    if not labels:
        raise DataError(
            f"{file!r} holds no label that can be used", hint='A line looks like {"id": "7", "verdict": "pass"}.'
        )
    return labels


def opened_for(
    store: Store | None, ground: Ground, runs: Sequence[Run], n: int, why: str | None, rate: float | None = None
) -> Opened | None:
    """Log the opening where the sealed test is measured on; None where it isn't. Call it before anything is shown."""
    if not ground.is_sealed or store is None or ground.dataset is None or why is None:
        return None
    judges = {(ref.name, ref.version): ref for run in runs for ref in judges_of(run)}
    return open_sealed(store, ground.dataset, judges.values(), n=n, why=why, rate=rate)


def measured_lines(ground: Ground, opened: Opened | None) -> list[str]:
    """What was measured on, in plain lines; none where there is no split to speak of."""
    lines = [f"Labels: {ground.source}."]
    if opened is not None:
        lines.append(f"Part: the sealed test of {ground.dataset!r}. {opened.cost}")
    elif ground.portion is not None:
        what = {"unsealed": "all but the sealed test", "dev": "dev", "pool": "the example pool"}
        lines.append(f"Part: {what.get(ground.portion, ground.portion)} of {ground.dataset!r}.")
    return [*lines, *(f"Note: {note}." for note in ground.notes)]


def measured_json(ground: Ground, opened: Opened | None) -> dict[str, Any]:
    """What was measured on, as JSON values."""
    found = {
        "labels": ground.source,
        "part": ground.portion,
        "dataset": ground.dataset,
        "sealed": ground.is_sealed,
        "held_back": ground.held_back,
        "notes": list(ground.notes),
    }
    return found | (opened.as_json() if opened is not None else {})
