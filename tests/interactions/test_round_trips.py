"""What is written in a format is read back the same."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import interactions, json_values, rough_texts, texts

from dikast.interactions import open_dataset
from dikast.interactions.rows import Tally
from dikast.interactions.values import without_surrogates
from dikast.records import Interaction

distinct = st.lists(interactions(), min_size=1, max_size=4, unique_by=lambda one: one.id)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round")


def mended(value: Any, tally: Tally) -> Any:
    """The value with each lone surrogate replaced."""
    if isinstance(value, str):
        return without_surrogates(value, tally)
    if isinstance(value, list):
        return [mended(part, tally) for part in value]
    return (
        {mended(key, tally): mended(part, tally) for key, part in value.items()} if isinstance(value, dict) else value
    )


def same(read: Interaction, given: Interaction) -> bool:
    """Equal in everything; booleans and numbers are told apart."""
    return repr(msgspec.structs.asdict(read)) == repr(msgspec.structs.asdict(given))


def written(one: Interaction) -> dict[str, Any]:
    return {key: value for key, value in msgspec.structs.asdict(one).items() if value is not None and key != "labels"}


@given(distinct, st.booleans())
def test_json_lines(folder: Path, given_rows: list[Interaction], ascii_only: bool) -> None:
    path = folder / "a.jsonl"
    path.write_text(
        "".join(json.dumps(written(one), ensure_ascii=ascii_only) + "\n" for one in given_rows), encoding="utf-8"
    )
    dataset = open_dataset(path)
    assert all(same(*both) for both in zip(dataset, given_rows, strict=True))
    assert dataset.tally.replaced_surrogates == 0


@given(distinct, st.sampled_from([None, 1]), st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_json_arrays(
    folder: Path, given_rows: list[Interaction], indent: int | None, wrap: bool, encoding: str
) -> None:
    rows: Any = [written(one) for one in given_rows]
    path = folder / "a.json"
    path.write_text(json.dumps({"data": rows} if wrap else rows, indent=indent, ensure_ascii=False), encoding=encoding)
    assert all(same(*both) for both in zip(open_dataset(path), given_rows, strict=True))


@given(distinct)
def test_objects_in_memory(given_rows: list[Interaction]) -> None:
    assert all(same(*both) for both in zip(open_dataset(given_rows), given_rows, strict=True))
    assert all(same(*both) for both in zip(open_dataset([written(one) for one in given_rows]), given_rows, strict=True))


@given(st.lists(rough_texts, min_size=1, max_size=5))
def test_any_text_with_surrogates_through_json_lines(folder: Path, given_texts: list[str]) -> None:
    path = folder / "rough.jsonl"
    path.write_text("".join(json.dumps({"input": text, "output": {text: [text]}}) + "\n" for text in given_texts))
    dataset = open_dataset(path)
    tally = Tally()
    # JSON's own decoder joins the halves that stand side by side, and so do we.
    expected = [mended({"input": text, "output": {text: [text]}}, tally) for text in given_texts]
    assert [{"input": one.input, "output": one.output} for one in dataset] == expected
    assert dataset.tally.replaced_surrogates == tally.replaced_surrogates
    assert sum(str(one).count("\ufffd") for one in expected) >= tally.replaced_surrogates


@given(json_values, json_values)
def test_any_json_through_json_lines(folder: Path, input: Any, output: Any) -> None:
    path = folder / "any.jsonl"
    path.write_text(json.dumps({"input": input, "output": output}) + "\n")
    rows = list(open_dataset(path))
    if input is None or output is None:
        assert rows == []
    else:
        assert repr((rows[0].input, rows[0].output)) == repr((input, output))


def spells_json(text: str) -> bool:
    return text.lstrip()[:1] in ("[", "{")


plain_texts = texts.filter(lambda text: not spells_json(text))


@given(st.lists(st.tuples(plain_texts, plain_texts, json_values), min_size=1, max_size=4), st.sampled_from(",;\t|"))
def test_csv(folder: Path, rows: list[tuple[str, str, Any]], delimiter: str) -> None:
    path = folder / "a.csv"
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["id", "input", "output", "context"])
    for number, (input, output, context) in enumerate(rows):
        writer.writerow(
            [f"{number:04}", input, output, json.dumps(context) if isinstance(context, (list, dict)) else ""]
        )
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    read = list(open_dataset(path))
    assert [(one.id, one.input, one.output) for one in read] == [
        (f"{number:04}", input, output) for number, (input, output, _) in enumerate(rows)
    ]
    for one, (_, _, context) in zip(read, rows, strict=True):
        assert repr(one.context) == repr(context if isinstance(context, (list, dict)) else None)


@given(st.lists(st.tuples(texts, texts, st.none() | texts), min_size=1, max_size=4))
def test_parquet(folder: Path, rows: list[tuple[str, str, str | None]]) -> None:
    path = folder / "a.parquet"
    columns = {name: [row[place] for row in rows] for place, name in enumerate(("input", "output", "context"))}
    pq.write_table(pa.table({**columns, "id": [str(number) for number in range(len(rows))]}), path)
    assert [(one.input, one.output, one.context) for one in open_dataset(path)] == rows


# A workbook is XML: no control characters, and its line ends are normalised.
sheet_texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="_"), max_size=30).filter(
    lambda text: not spells_json(text)
)


@settings(max_examples=40)
@given(st.lists(st.tuples(sheet_texts, st.integers(-(2**53) + 1, 2**53 - 1) | sheet_texts), min_size=1, max_size=4))
def test_xlsx(folder: Path, rows: list[tuple[str, Any]]) -> None:
    path = folder / "a.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["id", "input", "output"])
    for number, (input, output) in enumerate(rows, 1):
        sheet.write_string(number, 0, f"{number:04}")
        sheet.write_string(number, 1, input)
        (sheet.write_number if isinstance(output, int) else sheet.write_string)(number, 2, output)
    book.close()
    read = [(one.id, one.input, one.output) for one in open_dataset(path)]
    assert repr(read) == repr([(f"{number:04}", input, output) for number, (input, output) in enumerate(rows, 1)])
