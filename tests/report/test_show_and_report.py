"""`dikast show` and `dikast report` as their user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from dikast.cli import app, main


@pytest.fixture
def folder(sample: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with results.jsonl and data.jsonl in it, and nothing else."""
    monkeypatch.chdir(tmp_path)
    run = sample(80, hostile=False)
    for name, records in (("results.jsonl", run.verdicts), ("data.jsonl", run.interactions.values())):
        (tmp_path / name).write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    return tmp_path


def dikast(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def failing(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as exit:
        main(list(arguments))
    return int(str(exit.value.code)), capsys.readouterr().err


def test_show_prints_the_summary(folder: Path) -> None:
    result = dikast("show", "results.jsonl", "--outliers", "3")
    assert result.exit_code == 0
    assert "Pass rate:" in result.stdout
    assert "3 of " in result.stdout


def test_show_json_has_figures_in_the_contracts_shape(folder: Path) -> None:
    figures = json.loads(dikast("show", "results.jsonl", "--json").stdout)
    assert figures["n"] == 80
    assert set(figures["headline"]) == {"value", "low", "high", "n", "method"}
    assert sum(figures["counts"].values()) == 80
    assert figures["run"] is None
    assert sum(left["count"] for left in figures["left_out"]) == 80 - figures["counts"]["scored"]


def test_show_lists_one_status(folder: Path) -> None:
    lines = dikast("show", "results.jsonl", "--status", "unparsed", "--json").stdout.splitlines()
    assert lines
    assert {json.loads(line)["status"] for line in lines} == {"unparsed"}
    plain = dikast("show", "results.jsonl", "--status", "unparsed")
    assert f"{len(lines)} unparsed." in plain.stderr
    assert json.loads(lines[0])["id"] in plain.stdout


def test_show_one_verdict_in_full(folder: Path) -> None:
    result = dikast("show", "results.jsonl", "--id", "ticket-00001")
    assert result.stdout.startswith("ticket-00001 scored")
    assert "raw_judge_output" in result.stdout
    assert json.loads(dikast("show", "results.jsonl", "--id", "ticket-00001", "--json").stdout)["verdict"]["id"]


def test_report_writes_one_page_and_says_where(folder: Path) -> None:
    result = dikast("report", "results.jsonl", "--data", "data.jsonl")
    assert result.stdout == "results.report.html\n"
    document = (folder / "results.report.html").read_text(encoding="utf-8")
    assert "give the dataset with --data" not in document
    assert "<summary>Input" in document


def test_report_without_a_dataset_says_how_to_see_texts(folder: Path) -> None:
    dikast("report", "results.jsonl", "--out", "page.html")
    assert "give the dataset with --data" in (folder / "page.html").read_text(encoding="utf-8")


def test_report_writes_spreadsheets_with_the_texts(folder: Path) -> None:
    result = dikast("report", "results.jsonl", "--xlsx", "r.xlsx", "--csv", "r.csv", "--data", "data.jsonl", "--json")
    told = json.loads(result.stdout)
    assert told["files"] == {"html": "results.report.html", "xlsx": "r.xlsx", "csv": "r.csv"}
    assert told["headline"]["method"] == "Wilson"
    assert "r.csv: 80 rows" in result.stderr
    assert "Returns: 14 days from delivery." in (folder / "r.csv").read_text(encoding="utf-8-sig")


def test_another_dataset_is_noticed(folder: Path) -> None:
    (folder / "other.jsonl").write_text('{"id": "1", "input": "a", "output": "b"}\n')
    result = dikast("report", "results.jsonl", "--data", "other.jsonl")
    assert "is it the dataset of this run?" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "nowhere"], 2, "'nowhere'"),
        (["show", "results.jsonl", "--id", "nope"], 2, "'nope'"),
        (["show", "data.jsonl"], 2, "data.jsonl, line 1"),
        (["report", "broken.jsonl"], 2, "broken.jsonl, line 2"),
        (["show", "results.jsonl", "--id", "x", "--status", "failed"], 2, "exclude each other"),
        (["report", "results.jsonl", "--csv", "results.jsonl"], 2, "the results file itself"),
        (["report", "results.jsonl", "--csv", "x", "--xlsx", "./x"], 2, "asked for twice"),
        (["report", "results.jsonl", "--out", "no/where.html"], 1, "there is no folder"),
        (["report", "results.jsonl", "--data", "missing.jsonl"], 2, "missing.jsonl"),
    ],
)
def test_what_is_wrong_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    first = (folder / "results.jsonl").read_bytes().splitlines()[0]
    (folder / "broken.jsonl").write_bytes(first + b'\n{"id": "x", "status": "fine"}\n')
    given, told = failing(capsys, *arguments)
    assert given == code
    assert said in told
    assert "Traceback" not in told
    assert not list(folder.glob("*.html"))


@pytest.mark.parametrize("command", ["show", "report"])
def test_the_help_shows_examples(command: str) -> None:
    assert f"dikast {command} results.jsonl" in dikast(command, "--help").stdout
