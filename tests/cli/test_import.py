"""`dikast import`, as it is used: previewed, kept, imported again, edited, refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import in_process
import pytest

from dikast.store import Store

ROWS = [
    {"id": f"t{number}", "timestamp": f"2026-08-03T09:0{number}:00.000Z", "name": "desk", "userId": f"u{number % 2}",
     "sessionId": "s", "release": None, "version": None, "environment": "live" if number else "test", "tags": [],
     "bookmarked": False, "public": False, "input": asked, "output": came, "metadata": {"floor": number},
     "comments": [], "user_feedback": None if liked is None else [liked]}
    for number, (asked, came, liked) in enumerate(
        [("Open?", "Till eight.", 1), ("Maps?", "Third floor.", 0), ("Lift?", "", None), ("Piano?", None, 1)]
    )
]  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "export.jsonl", ROWS)
    return tmp_path


def write(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def dikast(*arguments: str, code: int = 0) -> str:
    done = in_process.dikast(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def kept(name: str = "export") -> dict[str, Any]:
    with Store.open(Path(".dikast/store.db")) as store:
        return {item.id: item for item in store.dataset(name)}


def test_a_preview_says_all_and_writes_nothing(folder: Path) -> None:
    said = dikast("import", "export.jsonl", "--preview")
    for line in (
        "Format:        Langfuse (1 file)",
        "Traces:        4",
        "proposed from what was found: one interaction is one trace",
        "Interactions:  3 (1 with an empty output)",
        "user_feedback: 3 times: 1 (2), 0 (1); not said by whom -> labels of users",
        "of users: 1 fail, 1 pass",
        "1 x no output: nothing under output",
        "  input: Open?",
        '"trace_id":"t0"',
    ):
        assert line in said
    assert sorted(path.name for path in folder.iterdir()) == ["export.jsonl"]


def test_importing_again_adds_what_is_new_and_nothing_twice(folder: Path) -> None:
    assert "Kept as 'export': 3 new; 3 in all" in dikast("import", "export.jsonl")
    assert "0 new, 3 known already; 3 in all" in dikast("import", "export.jsonl")
    later = {**ROWS[0], "id": "t9", "input": "Chess?"}
    write(folder / "export.jsonl", [later, {**ROWS[1], "output": "Second floor."}])
    assert "1 new, 1 changed; 4 in all" in dikast("import", "export.jsonl")
    found = kept()
    assert list(found) == ["t0", "t1", "t2", "t9"]
    assert found["t1"].output == "Second floor."
    assert [(one.verdict, one.origin, one.annotator) for one in found["t0"].labels] == [("pass", "user", "u0")]
    assert not (folder / "export.rejects.jsonl").exists()  # what an earlier pass rejected is not in the source now


def test_what_was_dropped_stands_in_the_rejects_file(folder: Path) -> None:
    with (folder / "export.jsonl").open("a") as file:
        file.write("{broken\n")
    assert "2 x" not in dikast("import", "export.jsonl", "--as", "desk")
    rows = [json.loads(line) for line in (folder / "desk.rejects.jsonl").read_text().splitlines()]
    assert [(row["line"], row["reason"].partition(":")[0]) for row in rows] == [(5, "not JSON"), (0, "no output")]
    assert rows[1]["file"] == "t3"
    assert "line 5" in dikast("import", "export.jsonl", "--strict", code=2)


def test_the_mapping_is_kept_and_its_changes_count(folder: Path) -> None:
    dikast("import", "export.jsonl")
    file = folder / "mappings" / "export.toml"
    text = file.read_text()
    assert "# 3 times: 1 (2), 0 (1); not said by whom" in text
    assert "# Found were: floor (4), environment (4)" in text
    text = text.replace('labels = "user"', 'labels = "none"').replace("drop = []", 'drop = ["user"]')
    file.write_text(text.replace("[dimensions]", '[dimensions]\nstorey = "metadata.floor"'))
    said = dikast("import", "export.jsonl")
    assert "from mappings/export.toml" in said
    assert "0 new, 3 changed" in said
    item = kept()["t0"]
    assert item.labels == ()
    assert item.metadata["feedback"] == {"user_feedback": 1.0}
    assert item.metadata["storey"] == 0
    assert "user" not in item.metadata
    assert file.read_text().count("storey") == 1
    file.write_text(text.replace('unit = "trace"', 'unit = "traces"'))
    assert "unit" in dikast("import", "export.jsonl", code=2)


def test_to_a_file_with_conditions(folder: Path) -> None:
    dikast("import", "export.jsonl", "--out", "out.jsonl", "--where", "environment=live", "--limit", "1")
    (line,) = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert (line["id"], line["labels"][0]["origin"]) == ("t1", "user")
    said = dikast("import", "export.jsonl", "--negative", "--preview")
    assert dikast("import", "export.jsonl", "--feedback", "negative", "--preview") == said
    assert "Interactions:  1 (" in said
    assert "2 not wanted and passed over" in said
    assert not (folder / ".dikast").exists()
    assert not (folder / "mappings").exists()


def test_a_sample_keeps_how_it_was_drawn(folder: Path) -> None:
    said = dikast("import", "export.jsonl", "--sample", "2", "--stratified", "environment")
    assert "2 drawn in 2 strata over 'environment' from 3" in said
    assert len(kept("export-sample")) == 2
    assert "2 known already" in dikast("import", "export.jsonl", "--sample", "2", "--stratified", "environment")
    assert "not this sample" in dikast(
        "import", "export.jsonl", "--as", "export-sample", "--sample", "1", code=2
    )  # fmt: skip
    assert "needs --sample" in dikast("import", "export.jsonl", "--stratified", "environment", code=2)
    negative = json.loads(dikast("import", "export.jsonl", "--sample", "5", "--negative", "--preview", "--json"))
    assert (negative["interactions"], negative["first"]["id"]) == (1, "t1")


def test_plain_files_pass_through(folder: Path) -> None:
    (folder / "table.csv").write_text("id,question,answer\n1,Open?,Till eight.\n2,,x\n")
    said = dikast("import", "table.csv")
    assert "interactions, as they are" in said
    assert "'question' is read as 'input'" in said
    assert kept("table")["1"].output == "Till eight."


def test_what_is_no_format_says_what_was_tried(folder: Path) -> None:
    (folder / "odd.jsonl").write_text('{"colour": "red"}\n')
    said = dikast("import", "odd.jsonl", code=2)
    assert "no known format fits" in said
    assert "no input" in said
    assert "Tried were also: langfuse" in said
    assert "there is no file or folder 'gone.jsonl'" in dikast("import", "gone.jsonl", code=2)
    (folder / "empty").mkdir()
    assert "there is no file in" in dikast("import", "empty", code=2)


def test_as_json(folder: Path) -> None:
    command = [sys.executable, "-m", "dikast", "import", "export.jsonl", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    said = json.loads(done.stdout)
    assert said["kept"] == {"name": "export", "new": 3, "changed": 0, "same": 0, "n": 3}
    assert said["census"]["heard"]["user_feedback"]["values"] == {"1": 2, "0": 1}
    assert said["mapping"]["feedback"]["user_feedback"]["labels"] == "user"
    assert said["dropped"] == {"no output": 1}


def test_what_users_said_is_shown_apart_from_labels(folder: Path) -> None:
    dikast("import", "export.jsonl")
    shown = dikast("data", "show", "export")
    assert "Labels    none" in shown
    assert "Users     " in shown


def test_answers_of_one_chat_count_as_one_conversation(folder: Path) -> None:
    chats = [
        {"id": f"c{chat}", "conversations": [{"from": who, "value": f"{who} {chat} {turn}"}
                                             for turn in range(4) for who in ("human", "gpt")]}
        for chat in range(3)
    ]  # fmt: skip
    write(folder / "chats.jsonl", chats)
    said = dikast("import", "chats.jsonl", "--as", "few", "--sample", "6", "--per-conversation", "1")
    assert "3 drawn at random from 12" in said
    assert sorted(item.metadata["conversation"] for item in kept("few").values()) == ["c0", "c1", "c2"]
