"""Refining against a server that follows the rules it is given."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import in_process
import pytest
from click.testing import CliRunner

from dikast.cli import app
from dikast.judges.definition import Judge

JUDGE = """\
name: dates
task: Decide whether the reply gives the right day.
scale: pass_fail
criteria:
  - name: day
    description: Is the day right?
    levels: {pass: It names a day., fail: It names none.}
overall: only
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("judges/dates").mkdir(parents=True)
    Path("judges/dates/judge.yaml").write_text(JUDGE)
    Path("dikast.toml").write_text("")
    with Path("data.jsonl").open("w") as file:
        for n in range(40):
            day, verdict = ("Tuesday", "pass") if n % 2 else ("Monday", "fail")
            label = {"verdict": verdict, "critique": "The parcel comes on a Tuesday, as the rules say."}
            file.write(
                json.dumps({"id": f"t{n}", "input": f"When {n}?", "output": f"On {day}.", "label": label}) + "\n"
            )
    return tmp_path


def follows_rules(body: Any) -> str:
    """Passes everything, unless the rules mention Tuesday; proposes that rule when it is asked for changes."""
    rules, item = body["messages"][0]["content"], body["messages"][-1]["content"]
    if "The expert said" in item:
        changes = [
            {"place": "day.fail", "text": "It names another day than Tuesday.", "from": ["D1"]},
            {"place": "task", "text": "Decide whether the reply is friendly.", "from": ["D2"]},
        ]
        return json.dumps({"changes": changes})
    verdict = "fail" if "Tuesday" in rules and "On Monday" in item else "pass"
    return json.dumps({"reasoning": "By the rules.", "verdict": verdict})


def refine(url: str, *more: str) -> subprocess.CompletedProcess[str]:
    given = ["--data", "data.jsonl", "--model", "qwen3:8b", "--base-url", url]
    return in_process.dikast("refine", "dates", *given, *more)


def test_the_sentence_that_helps_is_found_kept_and_written(folder: Path, model_server: Callable[..., Any]) -> None:
    server = model_server("openai", answer=follows_rules)
    run = refine(server.url, "--json")
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said["first"]["agreement"] == 0.5
    assert said["last"]["agreement"] == 1.0
    assert said["rounds"][0]["kept"] == "day.fail: It names another day than Tuesday."
    assert [flip["id"] for flip in said["rounds"][0]["fixed"]] == [f"t{n}" for n in range(0, 40, 2)]
    assert said["rounds"][0]["broken"] == []
    assert said["end"] == "agreed"
    better = Judge.load(said["folder"])
    assert better.name == Path(said["folder"]).name == said["judge"]["name"] == "dates-2"
    assert better.version == said["judge"]["version"] == said["versions"][-1]["judge"]["version"]
    assert better.criteria[0].levels["fail"] == "It names another day than Tuesday."
    assert Path("judges/dates/judge.yaml").read_text() == JUDGE  # the old one is left alone
    assert len(Path(said["folder"], "refined_on.txt").read_text().split()) == 40
    (session,) = json.loads(Path(said["folder"], "history.json").read_text())["sessions"]
    assert [version["agreement"] for version in session["versions"]] == [0.5, 1.0]
    assert [path.name for path in Path("judges").iterdir() if path.name.startswith(".")] == []


def test_what_does_not_help_is_not_kept(folder: Path, model_server: Callable[..., Any]) -> None:
    server = model_server("openai", answer=lambda body: json.dumps({"reasoning": "Yes.", "verdict": "pass"}))
    run = refine(server.url)
    assert run.returncode == 0, run.stderr
    assert "nothing was better by more than chance" in run.stdout
    assert "stays as it is" in run.stdout
    assert not Path("judges/dates-2").exists()


def test_what_the_judge_learned_from_is_left_out(folder: Path, model_server: Callable[..., Any]) -> None:
    Path("judges/dates/learned_from.txt").write_text("".join(f"t{n}\n" for n in range(28)))
    run = refine(model_server("openai", answer=follows_rules).url, "--no-propose", "--json")
    assert run.returncode == 0, run.stderr
    assert "28 interactions were left out" in run.stderr
    assert json.loads(run.stdout)["items"] == 12
    Path("judges/dates/learned_from.txt").write_text("".join(f"t{n}\n" for n in range(35)))
    few = refine("http://127.0.0.1:1")
    assert few.returncode == 2
    assert "5 labelled interactions are left" in few.stderr


def test_of_a_kept_dataset_building_sees_the_pool_and_refining_dev(
    folder: Path, model_server: Callable[..., Any]
) -> None:
    labels = [json.loads(line) for line in Path("data.jsonl").read_text().splitlines()]
    Path("labels.jsonl").write_text("".join(json.dumps({"id": one["id"], **one["label"]}) + "\n" for one in labels))
    dikast = [sys.executable, "-m", "dikast"]
    imported = [*dikast, "labels", "import", "labels.jsonl", "--dataset", "data.jsonl"]
    subprocess.run(imported, check=True, capture_output=True)
    shown = subprocess.run([*dikast, "data", "split", "data", "--json"], check=True, capture_output=True)
    split = json.loads(shown.stdout)
    built = [*dikast, "judge", "build", "days", "--data", "data", "--task", "Decide it.", "--yes", "--examples", "40"]
    subprocess.run(built, check=True, capture_output=True)
    learned = Path("judges/days/learned_from.txt").read_text().split()
    run = refine(model_server("openai", answer=follows_rules).url, "--data", "data", "--no-propose", "--json")
    assert run.returncode == 0, run.stderr
    sizes = {part: sum(classes.values()) for part, classes in split["parts"].items()}
    assert len(learned) == sizes["pool"]
    assert json.loads(run.stdout)["items"] == sizes["dev"]
    assert sizes["test"] > 0


def command(url: str, *more: str) -> list[str]:
    given = ["refine", "dates", "--data", "data.jsonl", "--model", "qwen3:8b", "--base-url", url, "--concurrency", "2"]
    return [sys.executable, "-m", "dikast", *given, *more]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle_the_same_command_continues(
    folder: Path, model_server: Callable[..., Any], how: signal.Signals
) -> None:
    """What was answered is not asked again, and no half-made judge is left behind."""
    quiet = model_server("openai", answer=follows_rules)
    whole = json.loads(subprocess.run(command(quiet.url, "--json"), capture_output=True, check=True).stdout)
    shutil.rmtree("judges/dates-2")
    shutil.rmtree(".dikast")
    server = model_server("openai", answer=follows_rules, faults=lambda number: None if number < 60 else "slow")
    first = subprocess.Popen(command(server.url), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert first.stderr is not None
    for line in first.stderr:
        if line.startswith("the model proposes"):  # the judge itself was measured, and the race begins, but can't end
            break
    first.send_signal(how)
    assert first.wait(30) == (130 if how == signal.SIGINT else -signal.SIGKILL)
    first.stderr.close()
    before = len(server.chats)
    assert before >= 41
    server.faults, server._script = (), []
    assert sorted(path.name for path in Path("judges").iterdir()) == ["dates"]
    again = subprocess.run(command(server.url, "--json"), capture_output=True, check=True)
    said = json.loads(again.stdout)
    assert [said[key] for key in ("judge", "folder", "end")] == [whole[key] for key in ("judge", "folder", "end")]
    asked = [json.dumps(chat.body, sort_keys=True) for chat in server.chats]
    assert len(asked) - len(set(asked)) <= 2  # only what was under way when it was stopped
    assert len(asked) - before < len(quiet.chats) - 30


def test_a_server_that_goes_down_ends_it_and_the_same_command_continues(
    folder: Path, model_server: Callable[..., Any]
) -> None:
    server = model_server("openai", answer=follows_rules, faults=lambda number: None if number < 60 else "drop")
    stopped = subprocess.run(command(server.url, "--patience", "0.2"), capture_output=True, text=True, check=False)
    assert stopped.returncode == 1
    assert "Traceback" not in stopped.stderr
    assert not Path("judges/dates-2").exists()
    server.faults = ()
    server._script = []
    continued = subprocess.run(command(server.url), capture_output=True, text=True, check=False)
    assert continued.returncode == 0, continued.stderr
    assert Path("judges/dates-2/history.html").is_file()


def test_the_history_grows_over_sessions_and_is_shown_again(folder: Path, model_server: Callable[..., Any]) -> None:
    server = model_server("openai", answer=follows_rules)
    run = refine(server.url)
    assert run.returncode == 0, run.stderr
    assert "fixed: t0, t2" in run.stdout
    assert "expert  fail: The parcel comes on a Tuesday" in run.stdout
    assert "before  pass: By the rules." in run.stdout
    assert "Done: it agrees on 100%" in run.stdout
    assert "sealed test" in run.stdout
    shown = CliRunner().invoke(app, ["judge", "history", "dates-2"])
    assert "50.0 %" in shown.stdout
    assert "history.html" in shown.stdout
    more = [sys.executable, "-m", "dikast", "refine", "dates-2", *command(server.url)[5:]]
    second = subprocess.run(more, capture_output=True, text=True, check=True)
    assert "stays as it is" in second.stdout
    sessions = json.loads(CliRunner().invoke(app, ["judge", "history", "dates-2", "--json"]).stdout)["sessions"]
    assert [len(one["versions"]) for one in sessions] == [2, 1]
    assert [one["chosen_on_before"] for one in sessions] == [0, 40]
    none = CliRunner().invoke(app, ["judge", "history", "dates"])
    assert "was never refined" in str(none.exception)


def test_examples_of_a_pool_never_come_from_the_sealed_test(folder: Path, model_server: Callable[..., Any]) -> None:
    """A pool file that holds all of a kept dataset gives its pool part alone."""
    labels = [json.loads(line) for line in Path("data.jsonl").read_text().splitlines()]
    Path("labels.jsonl").write_text("".join(json.dumps({"id": one["id"], **one["label"]}) + "\n" for one in labels))
    shutil.copy("data.jsonl", "all.jsonl")
    dikast = [sys.executable, "-m", "dikast"]
    imported = [*dikast, "labels", "import", "labels.jsonl", "--dataset", "data.jsonl"]
    subprocess.run(imported, check=True, capture_output=True)
    server = model_server("openai", answer=follows_rules)
    run = refine(server.url, "--data", "data", "--pool", "all.jsonl", "--no-propose", "--json")
    assert run.returncode == 0, run.stderr
    shown = subprocess.run([*dikast, "data", "split", "data", "--json"], check=True, capture_output=True)
    sizes = {part: sum(classes.values()) for part, classes in json.loads(shown.stdout)["parts"].items()}
    assert f"{40 - sizes['pool']} labelled interactions were left out" in run.stderr


def test_labels_of_another_scale_are_refused(folder: Path, model_server: Callable[..., Any]) -> None:
    Path("judges/scores").mkdir()
    Path("judges/scores/judge.yaml").write_text("name: scores\ntask: Rate it.\nscale: 1-5\n")
    run = subprocess.run(
        [sys.executable, "-m", "dikast", "refine", "scores", *command("http://127.0.0.1:1")[5:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "the judge's scale is 1-5, and the labels say pass/fail" in run.stderr
