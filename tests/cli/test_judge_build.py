import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dikast.judges.definition import Judge


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lines = [
        {
            "id": f"t{n}",
            "input": f"May I return item {n}?",
            "output": "Yes." if n % 2 else "No, never.",
            "label": {"verdict": "pass" if n % 2 else "fail", "critique": f"The rules for item {n} allow a return."},
        }
        for n in range(12)
    ]
    Path("data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def build(*arguments: str, answers: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dikast", "judge", "build", *arguments]
    return subprocess.run(command, input=answers, capture_output=True, text=True, check=False)


def drafting(body: Any) -> str:
    rule = {"name": "allowed", "question": "Is it allowed?", "pass": "The rules allow it.", "fail": "They don't."}
    guess = {**rule, "name": "polite", "from": []}
    return json.dumps({"task": "Decide it.", "criteria": [{**rule, "from": ["I1"]}, guess], "earns_nothing": []})


def test_a_judge_is_drafted_from_critiques_and_balanced_examples(
    folder: Path, model_server: Callable[..., Any]
) -> None:
    server = model_server("openai", answer=drafting)
    made = build("returns", "--data", "data.jsonl", "--model", "qwen3:8b", "--base-url", server.url, "--yes")
    assert made.returncode == 0, made.stderr
    assert "dropped 'polite': no critique supports it" in made.stderr
    judge = Judge.load(made.stdout.strip())
    assert judge.task == "Decide it."
    assert [criterion.name for criterion in judge.criteria] == ["allowed"]
    assert sorted(str(example.verdict) for example in judge.examples) == ["fail"] * 3 + ["pass"] * 3
    learned = Path("judges/returns/learned_from.txt").read_text().split()
    assert set(learned) == {f"t{n}" for n in range(12)}  # the drafting model saw them all
    prompt = next(chat.body["messages"][-1]["content"] for chat in server.chats if "Reason:" in str(chat.body))
    assert "The rules for item 3 allow a return." in prompt


def test_the_expert_confirms_each_rule(folder: Path, model_server: Callable[..., Any]) -> None:
    server = model_server("openai", answer=drafting)
    given = ("returns", "--data", "data.jsonl", "--model", "qwen3:8b", "--base-url", server.url)
    made = build(*given, answers="n\ny\ny\n")
    assert made.returncode == 0, made.stderr
    judge = Judge.load("judges/returns")
    assert [criterion.name for criterion in judge.criteria] == ["polite"]


def test_without_a_model_the_examples_alone_make_the_judge(folder: Path) -> None:
    made = build("returns", "--data", "data.jsonl", "--task", "Decide it.", "--yes", "--examples", "4")
    assert made.returncode == 0, made.stderr
    assert len(Judge.load("judges/returns").examples) == 4
    assert len(Path("judges/returns/learned_from.txt").read_text().split()) == 4
    run = [sys.executable, "-m", "dikast", "run", "returns", "data.jsonl", "--model", "fake"]
    assert subprocess.run(run, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["returns", "--data", "nothing.jsonl", "--task", "t", "--yes"], 2, "nothing.jsonl"),
        (["returns", "--data", "data.jsonl", "--yes"], 2, "no task"),
        (["returns", "--data", "data.jsonl", "--annotator", "eve", "--task", "t", "--yes"], 2, "critique"),
        (["data", "--data", "data.jsonl", "--dir", ".", "--task", "t", "--yes"], 2, "already"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, arguments: list[str], code: int, says: str) -> None:
    made = build(*arguments)
    assert made.returncode == code, made.stderr
    assert says in made.stderr
    assert not Path("judges/returns").exists()


def test_a_model_that_drafts_nothing_is_a_clear_error(folder: Path, model_server: Callable[..., Any]) -> None:
    server = model_server("openai", answer="I would rather not.")
    made = build("returns", "--data", "data.jsonl", "--model", "qwen3:8b", "--base-url", server.url, "--yes")
    assert made.returncode == 1
    assert "drafted nothing that can be used" in made.stderr
    assert not Path("judges/returns").exists()


def test_scores_keep_the_scale_that_they_were_given_on(folder: Path) -> None:
    critique = "It names the rule and the exception."
    for scale, code in (([0, 10], 0), (None, 2)):
        lines = [
            {
                "id": f"t{n}",
                "input": "a",
                "output": f"b{n}",
                "label": {"score": n, "scale": scale, "critique": critique},
            }
            for n in range(2, 8)
        ]
        for line in lines:
            if scale is None:
                del line["label"]["scale"]  # type: ignore[attr-defined]
        Path("scored.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        made = build(f"scored{code}", "--data", "scored.jsonl", "--task", "Decide it.", "--yes")
        assert made.returncode == code, made.stderr
    assert (Judge.load("judges/scored0").scale.low, Judge.load("judges/scored0").scale.high) == (0, 10)
    assert "their scale is not clear" in made.stderr
