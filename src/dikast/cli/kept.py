"""DATA on a command line that works with kept datasets: a file's, kept under its name, or a name that is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from dikast.errors import DataError
from dikast.interactions import open_dataset
from dikast.report.figures import count
from dikast.store import KeptDataset, Store
from dikast.workspace import Workspace


@contextmanager
def open_store(store: str | None) -> Iterator[tuple[Workspace, Store]]:
    """The workspace, and its store or the one that is named, open."""
    workspace = Workspace.find()
    location = workspace.settings(store=store).store
    if store is None and location.startswith(str(workspace.state_dir)):
        workspace.make_state_dir()
    with Store.open(location) as opened:
        yield workspace, opened


def kept_dataset(workspace: Workspace, store: Store, given: str) -> KeptDataset:
    """The dataset that DATA names. A file is kept under its own name, so that it can be labelled; its labels stay with
    it when it changes. Raises DataError when there is neither a file nor a dataset of that name.
    """
    kept = store.find_dataset(given)
    try:
        path = workspace.find_dataset(given)
    except DataError:
        if kept is not None:
            return kept
        names = [info.name for info in store.datasets()]
        if not names:
            raise
        raise DataError(
            f"there is no dataset {given!r}: neither a file nor kept here", hint=f"Kept are: {', '.join(names[:20])}."
        ) from None
    if kept is not None and os.path.isdir(path):
        return kept
    dataset = open_dataset(path)
    found = store.keep_dataset(kept.name if kept else dataset.name, dataset, sources=dataset.sources)
    if dataset.tally.rejected:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in dataset.tally.reasons.items())
        rows = count(dataset.tally.rejected, f"row of {given} was", f"rows of {given} were")
        click.echo(f"{rows} not used ({reasons})", err=True)
    return found
