"""`dikast import --redact` and `dikast unredact`, as they are used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dikast.cli import main
from dikast.interactions.rejects import Rejects
from dikast.store import Store

ROWS = [
    {"id": "a", "input": "我的電話是0912-345-678，信箱ada@example.com", "output": "已寄到 ada@example.com",
     "metadata": {"user_email": "Ada@example.com", "tenant": "Acme", "lang": "zh"}},
    {"id": "b", "input": "call me", "output": "Calling +886 912 345 678.",
     "metadata": {"user_email": "bob@example.com"}},
]  # fmt: skip
TRACES = [
    {"id": f"t{number}", "timestamp": "2026-08-03T09:00:00.000Z", "name": "desk", "userId": "ada@example.com",
     "sessionId": "s", "release": None, "version": None, "environment": "live", "tags": [], "bookmarked": False,
     "public": False, "input": f"Mail bob{number}@example.com", "output": "Done." if number else None,
     "metadata": {"user_email": "ada@example.com"}, "comments": [], "opinion": ["ask eve@example.com"]}
    for number in range(3)
]  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "answers.jsonl", ROWS)
    write(tmp_path / "export.jsonl", TRACES)
    return tmp_path


def write(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def dikast(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The command line, in this process: what it printed."""

    def run(*arguments: str, code: int = 0, **variables: str) -> str:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        assert ended.value.code == code, said
        return said.out + said.err

    return run


def kept(name: str) -> dict[str, Any]:
    with Store.open(Path(".dikast/store.db")) as store:
        return {item.id: item for item in store.dataset(name)}


def test_what_is_kept_is_redacted_reported_and_the_same_when_imported_again(
    folder: Path, dikast: Callable[..., str]
) -> None:
    (folder / "dikast.toml").write_text('redact_fields = { metadata.tenant = "pseudonym", metadata.lang = "keep" }\n')
    said = dikast("import", "answers.jsonl", "--redact")
    items = kept("answers")
    who, phone = items["a"].metadata["user_email"], items["a"].input[5:21]
    assert items["a"].output == f"已寄到 {who}"
    assert items["a"].input == f"我的電話是{phone}，信箱{who}"
    assert items["b"].output == f"Calling {phone}."
    assert items["b"].metadata["user_email"] not in ("bob@example.com", who)
    assert items["a"].metadata["tenant"].startswith("[VALUE-")
    assert items["a"].metadata["lang"] == "zh"
    assert "Replaced:      4 EMAIL, 2 PHONE, 1 VALUE" in said
    assert "EMAIL in metadata.user_email: 2 (first: a, b)" in said
    assert "Not looked for: PERSON" in said
    assert "example.com" not in said
    assert "2 known already" in dikast("import", "answers.jsonl", "--redact")
    assert not (folder / ".dikast" / "pseudonyms.vault").exists()
    stored = b"".join(file.read_bytes() for file in (folder / ".dikast").iterdir())
    assert b"0912" not in stored
    assert b"ada@" not in stored


def test_the_report_as_json_and_rejects_hold_no_values(folder: Path, dikast: Callable[..., str]) -> None:
    with (folder / "answers.jsonl").open("a") as file:
        file.write('{"id": "c", "input": "eve@example.com", "output"\n')
    said = dikast("import", "answers.jsonl", "--redact", "--json", "--out", "clean.jsonl")
    report = json.loads(next(line for line in said.splitlines() if line.startswith("{")))["redaction"]
    assert report["found"]["EMAIL"]["metadata.user_email"] == {"count": 2, "first": ["a", "b"]}
    assert "PERSON" in report["kinds_left_out"]
    rejects = (folder / "clean.rejects.jsonl").read_text()
    assert "[EMAIL-" in rejects
    assert "eve@" not in rejects + said + (folder / "clean.jsonl").read_text()


def test_a_mapping_holds_the_rules_and_remembers_to_redact(folder: Path, dikast: Callable[..., str]) -> None:
    said = dikast("import", "export.jsonl", "--redact")
    mapping = folder / "mappings" / "export.toml"
    text = mapping.read_text()
    assert "opinion" in said
    assert "example.com" not in said + text  # neither in the preview nor in the mapping's remarks
    assert "redacted = true" in text
    assert kept("export")["t1"].input.startswith("Mail [EMAIL-")
    mapping.write_text(text.replace("\n[redact]\n", '\n[redact]\nmetadata.user_email = "drop"\n'))
    dikast("import", "export.jsonl", code=2)  # a table in the table is no rule
    mapping.write_text(text.replace("\n[redact]\n", '\n[redact]\n"metadata.user_email" = "drop"\n'))
    said = dikast("import", "export.jsonl")  # without --redact
    assert "metadata.user_email: 2 dropped by rule" in said
    assert "user_email" not in kept("export")["t1"].metadata
    assert kept("export")["t1"].input.startswith("Mail [EMAIL-")


def test_plain_files_stay_redacted_too(folder: Path, dikast: Callable[..., str]) -> None:
    dikast("import", "answers.jsonl")
    write(folder / "answers.jsonl", ROWS[1:])
    said = dikast("import", "answers.jsonl", "--redact")
    assert "as every later import will be: mappings/answers.toml" in said
    assert "still lies in the store's file" in said
    items = kept("answers")
    assert "0912" not in items["a"].input  # which is in the source no more
    write(folder / "answers.jsonl", ROWS)
    assert "2 known already" in dikast("import", "answers.jsonl")  # without --redact
    assert kept("answers") == items


def test_a_mapping_that_is_there_learns_to_redact_and_keeps_the_rest(folder: Path, dikast: Callable[..., str]) -> None:
    dikast("import", "export.jsonl")
    mapping = folder / "mappings" / "export.toml"
    before = mapping.read_text()
    dikast("import", "export.jsonl", "--redact")
    assert mapping.read_text() == before.replace("redacted = false", "redacted = true")
    mapping.write_text('drop = ["environment"]\n[redact]\n"metadata.user_email" = "drop"\n')
    dikast("import", "export.jsonl", "--redact")
    assert mapping.read_text().startswith("redacted = true\ndrop = ")
    dikast("import", "export.jsonl")
    assert set(kept("export")["t1"].metadata) & {"environment", "user_email"} == set()
    assert kept("export")["t1"].input.startswith("Mail [EMAIL-")


def test_a_reject_is_redacted_before_it_is_written(
    folder: Path, dikast: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the import never comes to its end."""
    with (folder / "answers.jsonl").open("a") as file:
        file.write('{"id": "c", "input": "eve@example.com", "output"\n')

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Rejects, "finish", killed)
    dikast("import", "answers.jsonl", "--redact", code=130)
    text = (folder / "answers.rejects.jsonl").read_text()
    assert "[EMAIL-" in text
    assert "eve@" not in text


def test_what_is_reversible_is_looked_up_with_the_key_alone(folder: Path, dikast: Callable[..., str]) -> None:
    key = str(folder / "keys" / "redaction.key")
    dikast("import", "answers.jsonl", "--redact", "--reversible", DIKAST_REDACT_KEY=key)
    who = kept("answers")["b"].metadata["user_email"]
    assert dikast("unredact", who, "--key", key) == "bob@example.com\n"
    assert json.loads(dikast("unredact", who[1:-1], "--key", key, "--json")) == {who: "bob@example.com"}
    (folder / "critique.txt").write_text(f"It wrote to {who}.\n")
    assert "It wrote to bob@example.com." in dikast("unredact", "critique.txt", "--key", key)
    assert "no key file" in dikast("unredact", who, "--key", "other.key", code=2)
    assert "not known here" in dikast("unredact", "EMAIL-aaaaaaaa", "--key", key, code=2)
    assert "neither a pseudonym nor a text file" in dikast("unredact", "nothing.txt", "--key", key, code=2)


def test_what_can_not_be_done_is_said(folder: Path, dikast: Callable[..., str]) -> None:
    assert "--reversible needs --redact" in dikast("import", "answers.jsonl", "--reversible", code=2)
    assert "there is no" in dikast("unredact", "EMAIL-aaaaaaaa", code=2)
    (folder / "dikast.toml").write_text('redact_fields = { input = "drop" }\n')
    assert "can't be dropped" in dikast("import", "answers.jsonl", "--redact", code=2)
