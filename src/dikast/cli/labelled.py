"""What building and refining a judge learn from: labels of a file, or those kept with a dataset, by its parts."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dikast.cli.progress import tell
from dikast.errors import DataError
from dikast.interactions.dataset import Dataset, open_dataset
from dikast.interactions.labels import read_labels
from dikast.interactions.splits import Part
from dikast.interactions.units import unit_of
from dikast.judges.evidence import Evidence, Gathered, gather
from dikast.report.figures import count
from dikast.settings import Settings
from dikast.store import KeptDataset, Store
from dikast.workspace import Workspace


def labelled(
    workspace: Workspace, settings: Settings, data: str, labels: str | None, annotator: str | None, *, part: Part
) -> Gathered:
    """The labelled interactions of DATA, as `_found` has them; what was left out for its criterion is told."""
    found = _found(workspace, settings, data, labels, annotator, part=part)
    if found.other_criteria:
        named = ", ".join(repr(name) for name in found.other_criteria)
        tell(f"only labels on {found.criterion!r} are used; the others are on {named}")
    return found


def _found(
    workspace: Workspace, settings: Settings, data: str, labels: str | None, annotator: str | None, *, part: Part
) -> Gathered:
    """The labelled interactions of DATA. Raises DataError when there is nothing to learn from.

    A dataset that is kept, with labels in the store, gives only those of its `part`: examples come from the pool, and
    changes are tried on dev, so that the sealed test stays unseen. A file with labels is taken as it is, but for what
    some split has in another part: that is known by its content, whatever file it comes in.
    """
    principal = settings.review_principal
    if "://" not in settings.store and not Path(settings.store).is_file():
        given = read_labels(labels) if labels else ()
        return gather(open_dataset(workspace.find_dataset(data)), given, annotator=annotator, principal=principal)
    with Store.open(settings.store) as opened:
        kept = opened.find_dataset(data)
        dataset = _file(workspace, data, kept)
        kept = kept or opened.find_dataset(dataset.name)
        if labels is None and kept is not None and opened.labels(kept.name).counts().labelled:
            return _of_part(opened, kept, part, annotator, principal)
        given = read_labels(labels) if labels else ()
        found = gather(dataset, given, annotator=annotator, principal=principal)
        return _free(opened, found, part)


def _file(workspace: Workspace, data: str, kept: KeptDataset | None) -> Dataset | KeptDataset:
    """The file that DATA names, else what is kept under the name. Raises DataError where there is neither."""
    try:
        return open_dataset(workspace.find_dataset(data))
    except DataError:
        if kept is None:
            raise
        return kept


def _of_part(store: Store, kept: KeptDataset, part: Part, annotator: str | None, principal: str | None) -> Gathered:
    split = store.split(kept.name, principal=principal)
    split.fill()
    book = store.labels(kept.name)
    given = [revision.label for revision in book.current(annotator=annotator, part=part)]
    tell(f"{count(len(given), 'label')} of {kept.name!r}, from its {part} part")
    if not given:
        raise DataError(
            f"{kept.name!r} has no label in its {part} part" + (f" by {annotator!r}" if annotator else ""),
            hint=f"`dikast data split {kept.name}` shows where its labels lie.",
        )
    return gather(split.items(part), given, annotator=annotator, principal=principal)


def _free(store: Store, found: Gathered, part: Part) -> Gathered:
    """Without those that a split has in another part; what is sealed in any is sealed."""
    parts = store.parts(unit_of(one.interaction) for one in found.evidence)

    def is_free(one: Evidence) -> bool:
        own = set(parts.get(unit_of(one.interaction), {}).values())
        return not own or (part in own and "test" not in own)

    free = tuple(one for one in found.evidence if is_free(one))
    apart = len(found.evidence) - len(free)
    if not free:
        raise DataError(
            f"none of {count(apart, 'labelled interaction')} may be used: a split has them in other parts than {part}",
            hint="Examples come from the pool, and changes are tried on dev: give more data, or split it otherwise.",
        )
    if apart:
        left = count(apart, "labelled interaction was", "labelled interactions were")
        tell(f"{left} left out: a split has them in another part than {part}")
    return msgspec.structs.replace(found, evidence=free)
