"""What people said: labels from label files, spreadsheets, and interactions that carry them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from dikast.errors import DataError
from dikast.interactions.columns import INTERACTION_FIELDS, LABEL_FIELDS, FieldNames
from dikast.interactions.dataset import IN_MEMORY, object_rows
from dikast.interactions.fields import id_of, interaction_of
from dikast.interactions.formats import rows_of
from dikast.interactions.ids import Ids
from dikast.interactions.label_fields import NUMBER_REASON, absent, label_of, labels_of
from dikast.interactions.opening import opened
from dikast.interactions.rejects import Rejects
from dikast.interactions.rows import Raw, Row, Tally, Unusable
from dikast.interactions.sources import Source, files_of, objects_of
from dikast.records import Json, Label

_UNLABELLED_NOTE = "rows without a label yet"
_FLAT = ("verdict", "preference", "score")
_GRADE_REASON = f"{NUMBER_REASON}: other rows hold numbers beyond 0 and 1, so these are grades; they go under 'score'"


def read_labels(
    source: Source,
    *,
    strict: bool = False,
    rejects: str | os.PathLike[str] | None = None,
    tally: Tally | None = None,
) -> list[Label]:
    """The labels of a source, in its order; `source` and `rejects` as for `open_dataset`.

    A row is a label in the contract's fields (or their synonyms), or an interaction with `label` or `labels`. Of an
    interaction with both, the settled label comes first, without an annotator, and then each person's. Rows that carry
    no label yet are skipped and noted. `tally`, when given, is filled with what became of the rows.
    """
    tally = Tally() if tally is None else tally
    path = None if rejects is None else Path(rejects)
    labels: list[Label] = []
    ids = Ids(tally)
    with Rejects(path, tally, strict=strict) as sink:
        for file, rows in _files(source, path, tally):
            ids.new_file(file)
            labels += _FileLabels(file, tally, ids, sink).read(rows)
        if not tally.read:
            raise DataError(
                f"{source!r:.80} holds no labels: it is empty", hint="Give one label a line, or a table with a header."
            )
        sink.finish()
    return labels


class _FileLabels:
    """The labels of one file.

    Numbers other than 0 and 1 among the verdicts show that they are grades: then 1 is no pass, and every row whose
    verdict is a number is rejected, not only the others.
    """

    def __init__(self, file: str, tally: Tally, ids: Ids, rejects: Rejects) -> None:
        self._file = file
        self._tally = tally
        self._ids = ids
        self._rejects = rejects
        self._content = FieldNames(file, INTERACTION_FIELDS, tally)

    def read(self, rows: Iterator[Row]) -> list[Label]:
        """All labels of the file, in its order."""
        kept: list[tuple[int, list[Label]]] = []
        numbers: dict[int, Raw] = {}
        grades = False
        for line, row, raw in rows:
            self._tally.read += 1
            try:
                if isinstance(row, Unusable):
                    raise row
                kept.append((line, self._labels(row, line)))
                if _is_number(row):
                    numbers[line] = raw
            except Unusable as unusable:
                grades = grades or unusable.reason.startswith(NUMBER_REASON)
                self._rejects.add(self._file, line, unusable.reason, raw)
        if not grades:
            numbers = {}
        for line, raw in numbers.items():
            self._rejects.add(self._file, line, _GRADE_REASON, raw)
        return [label for line, labels in kept if line not in numbers for label in labels]

    def _labels(self, row: dict[str, Json], line: int) -> list[Label]:
        if "judge" in row and "status" in row:
            raise DataError(
                f"{self._file}, line {line}: these are results, what a judge said, and not people's labels",
                hint="Give the file with the labels here, and the results as the run.",
            )
        nested = [row.get(key) for key in ("label", "labels")]
        flat = [key for key in _FLAT if not absent(row.get(key))]
        plain_label = not absent(nested[0]) and not isinstance(nested[0], Mapping)
        if plain_label and flat:
            raise Unusable(f"two verdicts: {flat[0]!r} and 'label' are both given; rename one")
        if flat or (plain_label and absent(nested[1])):
            fields = {key: row[key] for key in LABEL_FIELDS.synonyms if key in row and key not in ("label", "labels")}
            fields |= {} if flat else {"verdict": nested[0]}
            return [label_of(fields, self._id(row, line), self._tally)]
        if all(absent(one) for one in nested):
            if not absent(row.get("critique")):
                raise Unusable("no verdict: there is a critique without a verdict or a score")
            self._tally.note(_UNLABELLED_NOTE)
            return []
        return list(labels_of(nested[0], nested[1], self._id(row, line), self._tally))

    def _id(self, row: dict[str, Json], line: int) -> str:
        """The interaction's id, derived from its content as a dataset does it when there is none."""
        id = id_of(row.get("id"))
        if id:
            return id
        content = {key: value for key, value in row.items() if key not in ("label", "labels")}
        try:
            return self._ids.settle(interaction_of(self._content.rename(content), self._tally), line).id
        except Unusable as unusable:
            raise Unusable(f"no id: and none can be derived from the content ({unusable.reason})") from None


def _is_number(row: dict[str, Json]) -> bool:
    value = row.get("label") if absent(row.get("verdict")) else row["verdict"]
    if isinstance(value, str):
        return value.strip() in ("0", "1", "0.0", "1.0")
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _files(source: Source, rejects: Path | None, tally: Tally) -> Iterator[tuple[str, Iterator[Row]]]:
    files = files_of(source, rejects)
    if files is None:
        yield IN_MEMORY, object_rows(objects_of(source), FieldNames(IN_MEMORY, LABEL_FIELDS, tally), tally)
        return
    for one in files:
        with opened(one.name, one.path) as file:
            if file.head.strip():
                yield one.name, rows_of(file, FieldNames(one.name, LABEL_FIELDS, tally), tally)
