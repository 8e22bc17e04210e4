"""How far a run's judge agrees with people's labels, for those who ask a server: never on the sealed test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dikast.agreement.calibrated import as_stated
from dikast.errors import DataError, DikastError
from dikast.interactions.labels import read_labels
from dikast.journey.runs import Run, open_run
from dikast.judges.scale import recorded_ends
from dikast.store import Store
from dikast.workspace import Workspace

if TYPE_CHECKING:
    from dikast.agreement.figures import Agreement
    from dikast.journey.measuring import Ground

_MOST_TRIED = 20  # runs of a judge, newest first, that are looked at for labels


@dataclass(frozen=True, slots=True)
class Measured:
    """A comparison with people's labels, and what it was made on."""

    run: Run
    found: Agreement
    ground: Ground

    def as_json(self) -> dict[str, Any]:
        """The figures contract, with what was measured on."""
        ground = self.ground
        return self.found.as_json() | {
            "run": self.run.name,
            "sentence": self.found.trust.sentence,
            "measured_on": {
                "labels": ground.source,
                "part": ground.portion,
                "dataset": ground.dataset,
                "sealed": ground.is_sealed,
                "held_back": ground.held_back,
                "notes": list(ground.notes),
            },
        }


def measured(name: str, workspace: Workspace, store: Store, labels_file: Path | None = None) -> Measured:
    """The agreement of a run with experts' labels: of the file, else those saved, else those the data carries.

    What is sealed, and what the judge learned from, is left out. Raises DataError where no label is left.
    """
    from dikast.agreement.figures import Comparison, agreement  # with numerics, which a server needs for this alone
    from dikast.journey.measuring import Admission, admitted, learned_by, saved_labels

    run = open_run(name, workspace=workspace, store=str(store.location))
    lookup = cache(run.interaction)
    if labels_file is not None:
        labels = [label for label in read_labels(str(labels_file)) if label.whose == "expert"]
        source, held = labels_file.name, dict[str, int]()
    else:
        saved = saved_labels(run, store, lookup)
        labels, source, held = saved or (list(run.labels()), "the run's data", {})
    if not labels and not held:
        raise DataError(
            f"no labels are known for {name!r}", hint="Label with `dikast review`, or name a file of labels."
        )
    learned = learned_by(run, workspace.judges_dir)
    admission = Admission(run, store, (label.id for label in labels), lookup, portion=None, learned=learned)
    ground = admitted(run, admission, labels, source, held, learned=learned)
    scale = recorded_ends(run.info.judge_definition.get("scale")) if run.info else None
    principal = workspace.settings(store=str(store.location)).review_principal
    asked = Comparison(judge_scale=scale, principal=principal, shares=ground.shares)
    found = agreement(map(as_stated, run.verdicts()), ground.labels, lookup, asked)
    return Measured(run, found, ground)


def newest_trust(version: str, workspace: Workspace, store: Store) -> Mapping[str, Any] | None:
    """What the newest run of a judge's version that has labels says of trust; None where none has any."""
    mine = [info.name for info in store.runs() if info.judge.version == version and info.finished_at is not None]
    for name in mine[:_MOST_TRIED]:
        try:
            known = measured(name, workspace, store)
        except DikastError:  # no labels, or none that fit: another run may have some
            continue
        return {
            "trust": known.found.trust.level,
            "sentence": known.found.trust.sentence,
            "run": name,
            "n": known.found.n,
        }
    return None
