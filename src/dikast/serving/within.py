"""What a coding agent may name: things inside the workspace, and no way out of it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dikast.errors import DataError, PolicyError
from dikast.interactions.dataset import Dataset
from dikast.journey.finding import find_data
from dikast.judges import loading
from dikast.judges.definition import Judge, locate_judge
from dikast.workspace import Workspace


class Within:
    """Finds judges, data and files, as on the command line, and refuses what lies outside of the workspace."""

    def __init__(self, workspace: Workspace, store: str) -> None:
        self._workspace, self._store = workspace, store
        self._root = workspace.root.resolve()

    def judge(self, ref: str) -> Judge:
        """A judge in the workspace, or a shipped one. Raises JudgeError, PolicyError."""
        place = locate_judge(ref, self._workspace.judges_dir)
        if not place.resolve().is_relative_to(loading.SAMPLES.resolve()):
            self._check(place, ref)
        return Judge.load(place)

    def data(self, given: str) -> Dataset:
        """A kept dataset, or a file of the workspace. Raises DataError, PolicyError."""
        if given == "-" or any(character in given for character in "*?["):
            raise PolicyError(f"{given!r} is no single file", hint="Name a dataset, or one file in the workspace.")
        with suppress(DataError):  # no file: then it is the name of a kept dataset, or of none
            self._check(Path(self._workspace.find_dataset(given)), given)  # before a byte of it is read
        return find_data(given, self._workspace, self._store)

    def run(self, given: str) -> str:
        """A run's name, or a results file of the workspace. Raises PolicyError."""
        if Path(given).exists():
            self._check(Path(given), given)
        return given

    def file(self, given: str) -> Path:
        """A file of the workspace. Raises PolicyError; whether it is there, its reader tells."""
        path = Path(given)
        self._check(path, given)
        return path

    def _check(self, path: Path, given: str) -> None:
        if not path.resolve().is_relative_to(self._root):  # links are followed first
            raise PolicyError(f"{given!r} lies outside of the workspace {self._root}", hint="Copy it there.")
