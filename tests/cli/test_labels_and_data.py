"""`dikast data split` and `dikast labels`, as they are used."""

from __future__ import annotations

import json
from pathlib import Path

import in_process
import pytest

from dikast.records import JudgeRef
from dikast.store import Store

LINES = [
    {"id": "0012", "input": "Where is my parcel?", "output": "它還在路上"},
    {"id": "b", "input": "Can I get a refund for a kettle?", "output": "Yes."},
    {"id": "c", "input": "Do you ship to Norway?", "output": "No."},
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES)
    (tmp_path / "support.jsonl").write_text(text, encoding="utf-8")
    return tmp_path


def dikast(*arguments: str, code: int = 0) -> str:
    done = in_process.dikast(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_only_what_binds_goes_out(folder: Path) -> None:
    said = {
        "0012": {"ana": "pass", "ben": "fail", "cy": "fail"},
        "b": {"ana": "pass", "ben": "fail"},
        "c": {"ben": "pass"},
    }
    rows = [
        {"id": id, "verdict": verdict, "critique": f"{who}: because", "annotator": who}
        for id, people in said.items()
        for who, verdict in people.items()
    ]
    (folder / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    dikast("labels", "export", "support.jsonl", "--out", "sheet.csv")
    dikast("labels", "import", "all.jsonl", "--dataset", "support")
    export = ("labels", "export", "support", "--settled", "--out")

    def settled(*more: str) -> dict[str, tuple[str, str | None]]:
        dikast(*export, "settled.jsonl", *more)
        lines = (folder / "settled.jsonl").read_text(encoding="utf-8").splitlines()
        return {row["id"]: (row["verdict"], row.get("annotator")) for row in map(json.loads, lines)}

    assert settled() == {"0012": ("fail", None), "c": ("pass", "ben")}
    assert "1 interaction was left out: people are evenly split" in dikast(*export, "settled.jsonl")
    by_ana = {"0012": ("pass", "ana"), "b": ("pass", "ana"), "c": ("pass", "ben")}
    assert settled("--principal", "ana") == by_ana
    (folder / "dikast.toml").write_text('[review]\nprincipal = "ana"\n')
    assert settled() == by_ana
    assert "what binds is written as .jsonl" in dikast(*export, "settled.csv", code=2)


def test_a_sheet_goes_out_and_comes_back(folder: Path) -> None:
    assert "3 rows" in dikast("labels", "export", "support.jsonl", "--out", "s.csv")
    sheet = (folder / "s.csv").read_text(encoding="utf-8-sig").splitlines()
    assert sheet[0] == "id,input,output,verdict,critique,tags,note,annotator,revision"
    sheet[1] = sheet[1].replace(",,,,,,0", ",fail,太慢,slow,,,0")
    (folder / "s.csv").write_text("\n".join(sheet), encoding="utf-8")
    imported = ("labels", "import", "s.csv", "--dataset", "support", "--annotator", "ana")
    assert "1 new, 2 not labelled\nNothing was imported: this was a dry run." in dikast(*imported, "--dry-run")
    assert "1 label was saved" in dikast(*imported)
    assert "1 unchanged, 2 not labelled" in dikast(*imported)
    dikast("labels", "export", "support", "--out", "l.jsonl")
    label = json.loads((folder / "l.jsonl").read_text(encoding="utf-8"))
    assert (label["id"], label["verdict"], label["critique"], label["tags"]) == ("0012", "fail", "太慢", ["slow"])
    (folder / "s.csv").write_text("id,verdict,annotator\n0012,pass,ana\n", encoding="utf-8")
    said = dikast(*imported, code=1)
    assert "row 2: 0012 by ana: the store has fail '太慢' tags slow (saved 20" in said
    assert "; the sheet has pass" in said
    assert "--theirs takes the sheet's" in said
    assert "0 labels were saved" in dikast(*imported, "--ours")
    assert "1 label was saved" in dikast(*imported, "--theirs")
    assert "The store is whole" in dikast("verify")


def test_mistakes_of_a_sheet_are_all_named_and_nothing_is_saved(folder: Path) -> None:
    (folder / "s.csv").write_text("id,verdict\nb,pass\nz,fail\nc,perhaps\n", encoding="utf-8")
    said = dikast("labels", "import", "s.csv", "--dataset", "support.jsonl", code=2)
    assert "row 3, column id: no interaction 'z'" in said
    assert "row 4 ('c'), column verdict: unknown verdict" in said
    assert "Nothing was imported: 2 rows can't be used." in said
    report = json.loads(dikast("labels", "import", "s.csv", "--dataset", "support", "--json", code=2))
    assert report["written"] == 0
    assert [problem["row"] for problem in report["problems"]] == [3, 4]


def test_wrong_usage_is_said_in_words(folder: Path) -> None:
    assert "there is no dataset 'suport'" in dikast("labels", "export", "suport", "--out", "s.csv", code=2)
    assert "labels are written as" in dikast("labels", "export", "support.jsonl", "--out", "s.txt", code=2)
    bad = ("labels", "import", "support.jsonl", "--dataset", "support.jsonl", "--column", "verdikt=x")
    assert "expected FIELD=NAME" in dikast(*bad, code=2)
    assert "expected three percentages" in dikast("data", "split", "support.jsonl", "--shares", "1/2", code=2)


def test_a_split_is_shown_by_part_and_class(folder: Path) -> None:
    lines = [{"input": f"{n * 7919} of {n * 104729}", "output": "o", "label": "fail" if n < 20 else None}
             for n in range(60)]  # fmt: skip
    (folder / "many.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shown = dikast("data", "split", "many.jsonl").splitlines()
    assert shown[0].split() == ["pool", "dev", "sealed", "test"]
    assert shown[1].split()[0] == "fail"
    assert sum(map(int, shown[1].split()[1:])) == 20
    assert shown[2].split()[:1] == ["unlabelled"]
    assert sum(map(int, shown[3].split()[2:])) == 60
    assert shown[-1] == "The sealed test has not been opened."
    with Store.open(folder / ".dikast" / "store.db") as store:
        for version in ("v1", "v2"):
            store.open_test("many", JudgeRef("j", version), n=25, why="to see")
    report = json.loads(dikast("data", "split", "many", "--json"))
    assert sum(report["parts"]["pool"].values()) == int(shown[3].split()[2])
    assert [opening["judge"]["version"] for opening in report["openings"]] == ["v1", "v2"]
    assert "opened 2 times, for 2 versions" in report["cost"]
