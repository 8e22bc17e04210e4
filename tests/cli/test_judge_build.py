import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import in_process
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
    return in_process.dikast("judge", "build", *arguments, input=answers)


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


def test_labels_without_critiques_give_examples_but_no_rules(folder: Path) -> None:
    rows = [{"id": str(n), "input": f"q{n}", "output": "a", "label": {"verdict": "pass"}} for n in range(4)]
    Path("bare.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = build("returns", "--data", "bare.jsonl", "--task", "Decide it.", "--yes", "--fast")
    assert made.returncode == 0, made.stderr
    assert Judge.load("judges/returns").fast
    drafted = build("drafted", "--data", "bare.jsonl", "--model", "fake", "--yes")
    assert drafted.returncode == 2
    assert "none of 4 labels has one" in drafted.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["returns", "--data", "nothing.jsonl", "--task", "t", "--yes"], 2, "nothing.jsonl"),
        (["returns", "--data", "data.jsonl", "--yes"], 2, "no task"),
        (
            ["returns", "--data", "data.jsonl", "--annotator", "eve", "--task", "t", "--yes"],
            2,
            "no label to learn from",
        ),
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


def write_labelled(name: str, label: Callable[[int], dict[str, Any]], **parts: Any) -> None:
    lines = [
        {"id": f"t{n}", "input": f"May I return item {n}?", "output": f"Answer {n}.", "label": label(n), **parts}
        for n in range(8)
    ]
    Path(name).write_text("".join(json.dumps(line) + "\n" for line in lines))


def verdict_of(n: int) -> dict[str, Any]:
    return {"verdict": "pass" if n % 2 else "fail", "critique": f"The rules for item {n} decide it."}


def test_the_judge_and_the_drafting_model_see_what_the_expert_saw(
    folder: Path, model_server: Callable[..., Any]
) -> None:
    server = model_server("openai", answer=drafting)
    write_labelled("all.jsonl", verdict_of, context="Returns: 30 days.", reference="Within 30 days.")
    made = build("returns", "--data", "all.jsonl", "--model", "qwen3:8b", "--base-url", server.url, "--yes")
    assert made.returncode == 0, made.stderr
    judge = Judge.load("judges/returns")
    assert judge.mode == "reference"
    assert "mode: reference" in made.stderr
    assert {(one.context, one.reference) for one in judge.examples} == {("Returns: 30 days.", "Within 30 days.")}
    prompt = next(chat.body["messages"][-1]["content"] for chat in server.chats if "Reason:" in str(chat.body))
    assert "Context: Returns: 30 days." in prompt
    assert "Reference: Within 30 days." in prompt


def test_drafted_rules_are_put_on_the_scale_of_the_labels(folder: Path, model_server: Callable[..., Any]) -> None:
    server = model_server("openai", answer=drafting)

    def scored(n: int) -> dict[str, Any]:
        return {"score": 1 + n % 5, "scale": [1, 5], "critique": f"The rules for item {n} decide it."}

    write_labelled("scored.jsonl", scored)
    made = build("scored", "--data", "scored.jsonl", "--model", "qwen3:8b", "--base-url", server.url, "--yes")
    assert made.returncode == 0, made.stderr
    judge = Judge.load("judges/scored")
    assert judge.scale.text() == "1-5"
    assert judge.criteria[0].levels == {"5": "The rules allow it.", "1": "They don't."}


def test_what_is_shown_fits_the_context(folder: Path, model_server: Callable[..., Any]) -> None:
    server = model_server("llamacpp", answer=drafting, context_length=2400)
    write_labelled("long.jsonl", verdict_of, context="The rules of the shop. " * 40)
    given = ("returns", "--data", "long.jsonl", "--model", "llamacpp/qwen3:8b", "--base-url", server.url, "--yes")
    made = build(*given)
    assert made.returncode == 0, made.stderr
    assert 1 <= len(Judge.load("judges/returns").examples) < 6  # half of what the server says that it takes
    drafts = [chat.body for chat in server.chats if "Reason:" in str(chat.body["messages"][-1]["content"])]
    assert drafts[0]["max_tokens"] == 600
    assert drafts[0]["messages"][-1]["content"].count("Reason:") < 8
    tokenized = [request for request in server.requests if request.path == "/tokenize"]
    assert tokenized  # counted by the model's own tokenizer


def test_examples_are_told_apart_by_an_embedder_too(folder: Path) -> None:
    given = ("--data", "data.jsonl", "--task", "Decide it.", "--yes", "--examples", "4", "--embedder", "words")
    made = build("returns", *given)
    assert made.returncode == 0, made.stderr
    judge = Judge.load("judges/returns")
    assert sorted(str(example.verdict) for example in judge.examples) == ["fail", "fail", "pass", "pass"]
    assert judge.retrieve is None


def test_what_a_split_holds_elsewhere_is_no_example_whatever_file_it_comes_in(folder: Path) -> None:
    """The sealed test is known by its content: in a copy, and under labels of a file, it stays out of the judge."""
    split = [sys.executable, "-m", "dikast", "data", "split", "data.jsonl", "--json"]
    parts = json.loads(subprocess.run(split, check=True, capture_output=True).stdout)["parts"]
    pool = sum(parts["pool"].values())
    lines = [json.loads(line) for line in Path("data.jsonl").read_text().splitlines()]
    Path("copy.jsonl").write_text("".join(json.dumps({**line, "id": f"x{line['id']}"}) + "\n" for line in lines))
    Path("labels.jsonl").write_text("".join(json.dumps({"id": one["id"], **one["label"]}) + "\n" for one in lines))
    for name, data in (("a", ["copy.jsonl"]), ("b", ["data", "--labels", "labels.jsonl"]), ("c", ["data.jsonl"])):
        made = build(name, "--data", *data, "--task", "Decide whether it is right.", "--yes")
        assert made.returncode == 0, made.stderr
        assert f"{12 - pool} labelled interactions were left out: a split has them in another part" in made.stderr
        assert len(Judge.load(made.stdout.strip()).examples) <= pool
    Path("rest.jsonl").write_text(json.dumps({**lines[0], "id": "one"}) + "\n")
    for line in lines:
        Path("rest.jsonl").write_text(json.dumps({**line, "id": "one"}) + "\n")
        alone = build("d", "--data", "rest.jsonl", "--task", "Decide whether it is right.", "--yes")
        if alone.returncode:
            break
    assert alone.returncode == 2
    assert "none of 1 labelled interaction may be used: a split has them in other parts than pool" in alone.stderr


def test_scores_between_whole_ones_make_a_scale_with_decimals(folder: Path) -> None:
    """A mean of several people is such a score."""
    write_labelled("means.jsonl", lambda n: {"score": 1 + n % 4 + 0.4 * (n % 2), "scale": [1, 5]})
    made = build("means", "--data", "means.jsonl", "--task", "Rate how right the reply is.", "--yes")
    assert made.returncode == 0, made.stderr
    assert "(scores from 1 to 4.4)" in made.stderr
    scale = Judge.load(made.stdout.strip()).scale
    assert (scale.low, scale.high, scale.step) == (1, 5, None)
