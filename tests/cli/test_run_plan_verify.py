"""The commands around a run, through the real command line, on the model that is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dikast.cli import plan
from dikast.models.advice import GIB, Machine
from dikast.models.endpoint import Capabilities, Facts, Fingerprint

JUDGE = 'Q: {input}\nA: {output}\nReply with {"reasoning": "...", "overall": 1-5}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("judge.txt").write_text(JUDGE)
    Path("data.jsonl").write_text("".join(json.dumps({"input": f"{n}?", "output": "yes"}) + "\n" for n in range(30)))
    return tmp_path


def dikast(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dikast", *arguments], input=stdin, capture_output=True, text=True, check=False
    )


def test_without_out_the_results_lie_in_this_folder_and_the_summary_says_where(folder: Path) -> None:
    run = dikast("run", "judge.txt", "data.jsonl", "--model", "fake")
    assert run.returncode == 0, run.stderr
    assert "judge-1: 30 of 30 scored" in run.stdout
    assert "judge-data.results.jsonl" in run.stdout
    assert len(Path("judge-data.results.jsonl").read_text().splitlines()) == 30
    assert "30 of 30" in run.stderr


def test_why_interactions_have_no_verdict_is_said_with_the_commonest_reason_first(folder: Path) -> None:
    rows = [*({"id": str(n), "input": "a" * 600_000, "output": "b"} for n in range(3))]
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"input": "a", "output": "b"}]))
    run = dikast("run", "judge.txt", "data.jsonl", "--model", "fake")
    assert run.returncode == 3
    assert "judge-1: 1 of 4 scored" in run.stdout
    (why,) = [line for line in run.stdout.splitlines() if line.startswith("Why: ")]
    assert why.startswith("Why: 3 x ")
    assert "tokens" in why


def test_results_to_standard_output_are_all_that_is_there(folder: Path) -> None:
    run = dikast("run", "judge.txt", "-", "--model", "fake", "--out", "-", stdin='{"input": "a", "output": "b"}\n')
    assert run.returncode == 0
    assert [json.loads(line)["status"] for line in run.stdout.splitlines()] == ["scored"]


def test_bad_lines_are_kept_also_where_results_go_to_standard_output(folder: Path) -> None:
    lines = '{"input": "a", "output": "b"}\nnot json\n{"input": "a", "output": "b"}\n'
    run = dikast("run", "judge.txt", "-", "--model", "fake", "--out", "-", stdin=lines)
    assert (run.returncode, len(run.stdout.splitlines())) == (0, 2)
    assert "1 row was not used (1 x not JSON): see" in run.stderr
    assert "1 interaction has the same content as an earlier one" in run.stderr
    assert json.loads(Path("judge-stdin.rejects.jsonl").read_text())["line"] == 2


def test_data_without_a_usable_row_is_wrong_input(folder: Path) -> None:
    run = dikast("run", "judge.txt", "-", "--model", "fake", stdin='{"id": "a"}\n[]\n')
    assert run.returncode == 2
    assert "has no row that can be judged" in run.stderr


def test_several_files_are_one_dataset(folder: Path) -> None:
    Path("more.jsonl").write_text('{"id": "last", "input": "a", "output": "b"}\n')
    run = dikast("run", "judge.txt", "data.jsonl", "more.jsonl", "--model", "fake", "--out", "r.jsonl")
    assert run.returncode == 0, run.stderr
    lines = Path("r.jsonl").read_text().splitlines()
    assert len(lines) == 31
    assert json.loads(lines[-1])["id"] == "last"


def test_in_a_workspace_results_go_to_its_runs(folder: Path) -> None:
    assert dikast("init").returncode == 0
    run = dikast("run", "judge.txt", "data.jsonl", "--model", "fake", "--json")
    assert json.loads(run.stdout)["out"] == str(folder / "runs" / "judge-data.results.jsonl")


def test_bad_lines_are_counted_and_kept_beside_the_results(folder: Path) -> None:
    with Path("data.jsonl").open("a") as file:
        file.write("not json\n")
    run = dikast("run", "judge.txt", "data.jsonl", "--model", "fake", "--out", "r.jsonl")
    assert run.returncode == 0
    assert "1 row was not used" in run.stderr
    reject = json.loads(Path("r.rejects.jsonl").read_text())
    assert (reject["line"], reject["raw"]) == (31, "not json")
    strict = dikast("run", "judge.txt", "data.jsonl", "--model", "fake", "--strict")
    assert strict.returncode == 2
    assert "line 31" in strict.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["judge.txt", "nothing.jsonl", "--model", "fake"], 2, "nothing.jsonl"),
        (["nothing.txt", "data.jsonl", "--model", "fake"], 2, "nothing.txt"),
        (["judge.txt", "data.jsonl"], 2, "no model is named"),
        (["judge.txt", "data.jsonl", "--model", "olama/x"], 2, "olama"),
        (["judge.txt", "data.jsonl", "--model", "m", "--base-url", "http://127.0.0.1:1"], 1, "127.0.0.1:1"),
        (["judge.txt", "data.jsonl", "--model", "fake", "--out", "no/such/r.jsonl"], 1, "no folder"),
        (["judge.txt", "data.jsonl", "--model", "fake", "--limit", "none"], 2, "--limit"),
        (["judge.txt", "data.jsonl", "--model", "openai/gpt", "--base-url", "http://8.8.8.8"], 2, "--allow-cloud"),
    ],
)
def test_what_is_wrong_is_one_clear_line_and_the_right_code(
    folder: Path, arguments: list[str], code: int, says: str
) -> None:
    run = dikast("run", *arguments)
    assert run.returncode == code, run.stderr
    assert says in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""


def test_a_plan_tells_time_tokens_memory_and_money(folder: Path) -> None:
    plan = dikast("plan", "judge.txt", "data.jsonl", "--model", "fake", "--price", "2,10")
    assert plan.returncode == 0, plan.stderr
    for word in ("time", "tokens", "memory", "money"):
        assert any(line.startswith(word) for line in plan.stdout.splitlines())
    assert "30 interactions" in plan.stdout
    as_json = json.loads(dikast("plan", "judge.txt", "data.jsonl", "--model", "fake", "--json", "--sample", "2").stdout)
    assert as_json["interactions"] == 30
    assert as_json["measured"] == 2


def test_a_plan_says_of_the_model_only_whether_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = Facts(capabilities=Capabilities(), fingerprint=Fingerprint(server="s", model="qwq:32b"))
    for unified, said in ((16, "it would swap"), (64, "it fits")):
        machine = Machine(memory_bytes=unified * GIB, cores=8, unified=True)
        monkeypatch.setattr(plan, "this_machine", lambda machine=machine: machine)
        line = plan._memory(facts)
        assert said in line
        assert " h" not in line.replace(" here", "")


def test_a_price_that_is_none_is_refused(folder: Path) -> None:
    plan = dikast("plan", "judge.txt", "data.jsonl", "--model", "fake", "--price", "cheap")
    assert plan.returncode == 2
    assert "2.5,10" in plan.stderr


def test_verify_says_whole_or_what_is_wrong(folder: Path) -> None:
    assert dikast("verify").returncode == 2
    assert not Path(".dikast").exists()
    dikast("run", "judge.txt", "data.jsonl", "--model", "fake")
    whole = dikast("verify")
    assert whole.returncode == 0
    assert "The store is whole." in whole.stdout
    store = Path(".dikast/store.db")
    body = store.read_bytes()
    store.write_bytes(body.replace(b'"status":"scored"', b'"status":"failed"', 1))
    broken = dikast("verify", "--json")
    assert broken.returncode == 1
    assert json.loads(broken.stdout)["problems"]
