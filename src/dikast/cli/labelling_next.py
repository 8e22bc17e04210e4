"""Which items to label next, by id, and the commands that show them: at random to measure, otherwise to learn."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dikast.agreement.budget import Budget
from dikast.interactions.sampling import next_of, value_of
from dikast.journey.measuring import Admission, Ground, Lookup, learned_by, own_dataset
from dikast.journey.runs import Run
from dikast.report.text import one_line
from dikast.store import Store
from dikast.workspace import Workspace

_MOST = 200
_SHOWN = 8
_SPARE = 3


@dataclass(frozen=True, slots=True)
class Next:
    """The next items of a random draw, by id; how to see them; and which values of a key have the fewest labels.

    wanted: how many more labels the budget asks for. measuring, learning: commands, None where the data isn't known.
    """

    ids: tuple[str, ...]
    wanted: int
    measuring: str | None
    learning: tuple[str, ...]
    by: str | None = None
    fewest: dict[str, tuple[int, int]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        strata = {value: {"labelled": labelled, "of": of} for value, (labelled, of) in self.fewest.items()}
        return {
            "ids": list(self.ids),
            "measuring": self.measuring,
            "learning": list(self.learning),
            "fewest_labels": {self.by: strata} if self.by else {},
        }


def next_to_label(
    run: Run,
    store: Store | None,
    workspace: Workspace,
    lookup: Lookup,
    ground: Ground,
    planned: Budget,
    by: str | None,
) -> Next | None:
    """What to label next for these figures; None where nothing is missing."""
    if planned.draw_next is None:
        return None
    wanted = min(_MOST, max((need.more or 0 for need in planned.needs), default=0))
    labelled = {label.id for label in ground.labels}
    open_ids = [one.id for one in run.verdicts() if one.status == "scored" and one.id not in labelled]
    coming = next_of(open_ids, _SPARE * wanted)
    learned = learned_by(run, workspace.judges_dir)
    admission = Admission(run, store, coming, lookup, portion=None, learned=learned)
    ids = [id for id in coming if id not in admission.learned and admission.is_of(id, ground.portion)][:wanted]
    measuring, learning = _commands(run, store)
    return Next(tuple(ids), wanted, measuring, learning, by, _fewest(run, lookup, labelled, by) if by else {})


def next_lines(coming: Next) -> list[str]:
    """The same as plain lines."""
    if not coming.ids:
        return ["No item of this run is left to label for these figures: judge more interactions.", ""]
    shown = ", ".join(one_line(id, 40) for id in coming.ids[:_SHOWN])
    more = f", and {len(coming.ids) - _SHOWN:,} more (--json lists them)" if len(coming.ids) > _SHOWN else ""
    lines = [f"Next, drawn at random: {shown}{more}."]
    if coming.fewest:
        few = [f"{one_line(value, 30)} ({n:,} of {of:,})" for value, (n, of) in list(coming.fewest.items())[:3]]
        lines.append(f"Fewest labels by {coming.by}: {', '.join(few)}.")
    if coming.measuring:
        lines.append(f"To measure:  {coming.measuring}")
    lines += [f"To learn:    {command}" for command in coming.learning]
    if coming.learning:
        lines.append(
            "What is labelled to learn from is drawn for what is known of it, and spoils the corrected pass rate."
        )
    return [*lines, ""]


def _commands(run: Run, store: Store | None) -> tuple[str | None, tuple[str, ...]]:
    kept = own_dataset(run, store)
    sources = [str(one) for one in run.info.settings.get("data") or ()] if run.info else []
    data = kept.name if kept is not None else sources[0] if len(sources) == 1 and Path(sources[0]).is_file() else None
    if data is None:
        return None, ()
    quoted = shlex.quote(_near(data))
    name = f" --run {shlex.quote(run.name)}" if run.info else ""
    learning = tuple(f"dikast review {quoted}{name} --queue {queue}" for queue in ("uncertain", "disagree"))
    return f"dikast review {quoted} --queue random", learning if name else ()


def _near(place: str) -> str:
    """A path as it is typed here."""
    try:
        return str(Path(place).relative_to(Path.cwd()))
    except ValueError:
        return place


def _fewest(run: Run, lookup: Lookup, labelled: set[str], key: str) -> dict[str, tuple[int, int]]:
    """Labels and items by value, those with the smallest share of labels first."""
    of: Counter[str] = Counter()
    have: Counter[str] = Counter()
    for verdict in run.verdicts():
        item = None if key in verdict.metadata else lookup(verdict.id)
        value = _text(verdict.metadata, key) if item is None else value_of(item, key)
        of[value] += 1
        have[value] += verdict.id in labelled
    order: Sequence[str] = sorted(of, key=lambda value: (have[value] / of[value], -of[value], value))
    return {value: (have[value], of[value]) for value in order}


def _text(metadata: dict[str, Any], key: str) -> str:
    value = metadata.get(key)
    return "" if value is None else str(value)
