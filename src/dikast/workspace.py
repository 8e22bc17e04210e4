"""A project folder: where judges, datasets, runs and the store are. Its settings are in settings.py."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dikast.errors import DataError, OutputError, SettingError
from dikast.settings import Settings, resolve_settings, settings_file

FILE_NAME = "dikast.toml"


@dataclass(frozen=True)
class Workspace:
    """A folder with dikast.toml in it, or, without one, any folder. Making one of these reads and writes nothing.

    explicit: whether there is a dikast.toml.
    """

    root: Path
    explicit: bool

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The nearest folder, from `start` (the current one) upwards, that has a dikast.toml; else `start` itself."""
        here = (start or Path.cwd()).absolute()
        for folder in (here, *here.parents):
            if os.path.exists(folder / FILE_NAME):  # False, not an error, where a parent can't be read
                return cls(folder, explicit=True)
        return cls(here, explicit=False)

    @classmethod
    def init(cls, folder: Path) -> Workspace:
        """A new workspace in `folder`: dikast.toml with every setting explained, and judges/. Never overwrites one."""
        root = folder.absolute()
        try:
            root.mkdir(parents=True, exist_ok=True)
            with (root / FILE_NAME).open("x", encoding="utf-8") as file:
                file.write(settings_file())
            (root / "judges").mkdir(exist_ok=True)
        except FileExistsError as error:
            existing = Path(error.filename)
            if existing.name == FILE_NAME:
                raise SettingError(
                    f"{existing} is there already: this folder is a workspace", hint="Edit that file."
                ) from None
            raise SettingError(f"{existing} is a file, and a folder is needed there") from None
        except OSError as error:
            raise OutputError(f"can't make a workspace in {root}: {error.strerror}") from error
        return cls(root, explicit=True)

    @property
    def file(self) -> Path:
        """Where dikast.toml is, or would be."""
        return self.root / FILE_NAME

    @property
    def judges_dir(self) -> Path:
        """Judges known by name."""
        return self.root / "judges"

    @property
    def datasets_dir(self) -> Path:
        """Datasets known by name."""
        return self.root / "datasets"

    @property
    def runs_dir(self) -> Path:
        """Results and reports of runs."""
        return self.root / "runs"

    @property
    def state_dir(self) -> Path:
        """What Dikast keeps for itself: the store and its locks. May not exist yet; see make_state_dir."""
        return self.root / ".dikast"

    def make_state_dir(self) -> Path:
        """The state folder, made if need be: readable by its owner only, and ignored by git."""
        try:
            self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            ignore = self.state_dir / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"can't write to {self.state_dir}: {error.strerror}",
                hint="Name another place for the store with --store or DIKAST_STORE.",
            ) from error
        return self.state_dir

    def settings(self, *, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Every setting, resolved once: what is `given` (and not None), the environment, dikast.toml, the default."""
        file = self.file if self.explicit else None
        return resolve_settings(self.root, file, os.environ if environ is None else environ, given)

    def find_dataset(self, given: str) -> str:
        """The dataset's file, glob, or "-": a bare name is looked up in datasets/ first, else `given` is a path."""
        if given == "-" or any(character in given for character in "*?["):
            return given
        found = _named(self.datasets_dir, given, (".jsonl", ".json", ".csv", ".parquet", ".xlsx"))
        if found or os.path.exists(given):
            return str(found or given)
        raise DataError(
            f"there is no dataset {given!r}: neither a file nor a name in {self.datasets_dir}",
            hint=_names_hint(self.datasets_dir, given)
            or "Give a JSONL, JSON, CSV, Parquet or XLSX file, or - for standard input.",
        )


def _named(folder: Path, given: str, suffixes: tuple[str, ...]) -> Path | None:
    """What a bare name stands for in a folder of the workspace; None when `given` is no bare name or nothing has it."""
    if not given or given.startswith(".") or Path(given).name != given:
        return None
    candidates = (folder / f"{given}{suffix}" for suffix in ("", *suffixes))
    return next((path for path in candidates if os.path.exists(path)), None)


def _names_hint(folder: Path, given: str) -> str | None:
    try:
        names = sorted({path.stem for path in folder.iterdir() if not path.name.startswith(".")})
    except OSError:
        return None
    near = difflib.get_close_matches(Path(given).stem, names, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"There are: {', '.join(names[:20])}." if names else None
