"""What building and refining a judge learn from: labels of a file, or those kept with a dataset, by its parts."""

from __future__ import annotations

from pathlib import Path

from dikast.cli.progress import tell
from dikast.interactions.dataset import open_dataset
from dikast.interactions.labels import read_labels
from dikast.interactions.splits import Part
from dikast.judges.evidence import Gathered, gather
from dikast.settings import Settings
from dikast.store import Store
from dikast.workspace import Workspace


def labelled(
    workspace: Workspace, settings: Settings, data: str, labels: str | None, annotator: str | None, *, part: Part
) -> Gathered:
    """The labelled interactions of DATA. Raises DataError when there is nothing to learn from.

    A dataset that is kept, with labels in the store, gives only those of its `part`: examples come from the pool, and
    changes are tried on dev, so that the sealed test stays unseen. A file with labels is taken as it is.
    """
    if labels is None and ("://" in settings.store or Path(settings.store).is_file()):
        with Store.open(settings.store) as opened:
            kept = opened.find_dataset(data) or opened.find_dataset(open_dataset(workspace.find_dataset(data)).name)
            if kept is not None and opened.labels(kept.name).counts().labelled:
                split = opened.split(kept.name)
                split.settle()
                book = opened.labels(kept.name)
                given = [revision.label for revision in book.current(annotator=annotator, part=part)]
                tell(f"{len(given)} labels of {kept.name!r}, from its {part} part")
                return gather(split.items(part), given, annotator=annotator, principal=settings.review_principal)
    dataset = open_dataset(workspace.find_dataset(data))
    return gather(
        dataset, read_labels(labels) if labels else (), annotator=annotator, principal=settings.review_principal
    )
