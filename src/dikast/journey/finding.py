"""What a DATA on the command line, or in Python, names: files, standard input, or a dataset kept in the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dikast.errors import DataError
from dikast.interactions.dataset import Dataset, open_dataset
from dikast.records import Interaction
from dikast.workspace import Workspace


def find_data(
    given: str | Sequence[str],
    workspace: Workspace,
    store: str,
    *,
    strict: bool = False,
    rejects: Path | None = None,
) -> Dataset:
    """The dataset that is named: a file of the workspace or a path first, else one that is kept under this name.

    Several names are files. store: where kept datasets are; it is opened only when no file has the name. Raises
    DataError when there is neither.
    """
    names = [given] if isinstance(given, str) else list(given)
    try:
        files = [workspace.find_dataset(name) for name in names]
    except DataError:
        kept = _kept(names[0], store) if len(names) == 1 else None
        if kept is None:
            raise
        return kept
    return open_dataset(files, strict=strict, rejects=rejects)


class _Kept:
    """The interactions of a kept dataset; the store is open while they are read, and no longer."""

    def __init__(self, store: str, name: str, n: int) -> None:
        self._store = store
        self._name = name
        self._n = n

    def __iter__(self) -> Iterator[Interaction]:
        from dikast.store import Store  # a database library is only loaded where there is a store to open

        with Store.open(self._store) as opened:
            yield from opened.dataset(self._name)

    def __len__(self) -> int:
        return self._n


def _kept(name: str, store: str) -> Dataset | None:
    from dikast.store import Store

    if "://" not in store and not Path(store).is_file():
        return None
    with Store.open(store) as opened:
        found = opened.find_dataset(name)
        if found is None:
            return None
        return Dataset(name, None, _Kept(store, name, len(found)), sources=(f"{name} (kept)",))
