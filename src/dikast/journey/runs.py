"""Runs that are there: opened by name or from a results file, iterated, and turned into frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from dikast.agreement.calibrated import calibrated
from dikast.errors import DataError
from dikast.records import Interaction, Label, RunInfo, Verdict, Whose
from dikast.workspace import Workspace

if TYPE_CHECKING:
    import pandas
    import polars

    from dikast.store import Calibration

_verdict_from_json = msgspec.json.Decoder(Verdict)


class Source(Protocol):
    """Where a run's verdicts are: the store, memory, or a results file."""

    def verdicts(self) -> Iterator[Verdict]:
        """In the dataset's order; may be asked for again."""

    def interactions(self) -> Iterator[Interaction]:
        """What was judged, in the same order; nothing when that isn't known."""

    def interaction(self, id: str) -> Interaction | None:
        """One that was judged."""


class Run:
    """A judge's verdicts over a dataset. Iterate it for Verdicts, in the dataset's order.

    info: how the run came about; None when only a results file is known. out: the results file, if one was written.
    calibration: the map that its confidences are read through; None where none is kept for this judge and model.
    """

    def __init__(
        self,
        source: Source,
        *,
        name: str,
        info: RunInfo | None = None,
        out: Path | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self._source = source
        self.name = name
        self.info = info
        self.out = out
        self.calibration = calibration

    def __repr__(self) -> str:
        if self.info is None:
            return f"<Run {self.name!r}: from a file>"
        counts = ", ".join(f"{number} {status}" for status, number in self.info.counts.items())
        return f"<Run {self.name!r}: {counts or 'nothing judged'}>"

    def __iter__(self) -> Iterator[Verdict]:
        return self.verdicts()

    def __len__(self) -> int:
        return sum(self.info.counts.values()) if self.info else sum(1 for _ in self)

    def verdicts(self) -> Iterator[Verdict]:
        """The verdicts, in the dataset's order."""
        kept, found = self.calibration, self._source.verdicts()
        if kept is None or kept.map is None:
            return found
        mapped, version = kept.map, kept.judge.version
        return (calibrated(one, mapped) if one.judge.version == version else one for one in found)

    def interactions(self) -> Iterator[Interaction]:
        """The interactions that were judged; none when only a results file is known."""
        return self._source.interactions()

    def interaction(self, id: str) -> Interaction | None:
        """One interaction by its id, if it is known."""
        return self._source.interaction(id)

    def labels(self, whose: Whose = "expert") -> Iterator[Label]:
        """What experts said (or the system's users), as far as the interactions carried it."""
        for interaction in self.interactions():
            yield from (label for label in interaction.labels if label.whose == whose)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The verdicts as flat dictionaries: `score_NAME`, `metadata_KEY`, `judge_NAME`, `usage_NAME`."""
        for verdict in self:
            row = msgspec.to_builtins(verdict)
            for field, prefix in (
                ("scores", "score"),
                ("metadata", "metadata"),
                ("usage", "usage"),
                ("judge", "judge"),
            ):
                row.update({f"{prefix}_{key}": value for key, value in (row.pop(field) or {}).items()})
            yield row

    def to_polars(self) -> polars.DataFrame:
        """A polars frame with one row an interaction; needs polars."""
        import polars

        return polars.DataFrame(list(self.rows()), infer_schema_length=None, strict=False)

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas frame with one row an interaction; needs pandas."""
        import pandas

        return pandas.DataFrame(list(self.rows()))


def calibration_key(info: RunInfo) -> tuple[str, str]:
    """What a map of confidence is kept under: the judge's version, and the model's weights and prompt format.

    By their digest where the server gives one. A quantization is another model; another address is not.
    """
    return info.judge.version, model_key(info.model, info.fingerprint)


def model_key(model: str, told: Mapping[str, Any]) -> str:
    """A model's weights and prompt format as one text; told: its fingerprint."""
    parts = (told.get("digest") or model, told.get("quantization"), told.get("chat_template"))
    return " ".join(str(part) for part in parts if part)


def open_run(ref: str | Path, *, workspace: Workspace | None = None, store: str | None = None) -> Run:
    """A run by its name in the workspace's store, or from a results file. Raises DataError when there is neither.

    A results file that a run of this store wrote brings that run's description and interactions with it.
    """
    workspace = workspace or Workspace.find()
    location = workspace.settings(store=store).store
    path = Path(ref)
    kept = _in_store(str(ref), path if path.is_file() else None, location)
    if kept is not None:  # one of which nothing is counted yet is empty, and there
        return kept
    if path.is_file():
        return Run(ResultsFile(path), name=path.name.removesuffix(".jsonl").removesuffix(".results"), out=path)
    names = _names(location)
    known = (
        f"the runs here are: {', '.join(names[:10])}" if names else "there are no runs here yet: `dikast run` makes one"
    )
    raise DataError(f"there is no run and no results file {str(ref)!r}", hint=known)


class ResultsFile:
    """The verdicts of a results file; the interactions themselves are not in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def verdicts(self) -> Iterator[Verdict]:
        """The verdicts, line by line. Raises DataError, with the line, for one that is not of the results contract."""
        try:
            with self._path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        yield self._verdict(line, number)
        except OSError as error:
            raise DataError(f"can't read {str(self._path)!r}: {error.strerror}") from error

    def _verdict(self, line: bytes, number: int) -> Verdict:
        try:
            return _verdict_from_json.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise DataError(
                f"{self._path}, line {number}: not a line of results: {error}",
                hint="A results file has one JSON object a line, as `dikast run --out` writes them.",
            ) from error

    def interactions(self) -> Iterator[Interaction]:
        """None are known."""
        return iter(())

    def interaction(self, id: str) -> Interaction | None:
        """None is known."""
        return None


def _in_store(name: str, out: Path | None, location: str) -> Run | None:
    from dikast.store import Store  # a database library is only loaded where there is a store to open

    if "://" not in location and not Path(location).is_file():
        return None
    opened = Store.open(location)
    log = opened.run(name) if out is None else opened.run_written_to(out)
    if log is None:
        opened.close()
        return None
    info = log.info()
    return Run(log, name=log.name, info=info, out=out, calibration=opened.calibration(*calibration_key(info)))


def _names(location: str) -> list[str]:
    from dikast.store import Store

    if "://" not in location and not Path(location).is_file():
        return []
    with Store.open(location) as opened:
        return [info.name for info in opened.runs()]
