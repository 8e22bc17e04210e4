"""`dikast judge` as its user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dikast.cli.judge import command
from dikast.errors import InputError, JudgeError
from dikast.judges.definition import Judge
from dikast.judges.scale import Scale

NEW = [
    "new", "refunds", "--yes", "--task", "Decide whether the reply states our refund rules correctly.",
    "--criterion", "correct: Does every rule in the reply stand in the context?",
    "--level", "correct.pass=Each deadline and amount is that of the context.",
    "--level", "correct.fail=One of them differs, or is not in the context.",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, keys: str | None = None) -> Result:
    result = CliRunner().invoke(command, arguments, input=keys, standalone_mode=False)
    if isinstance(result.exception, JudgeError):
        raise result.exception
    return result


def test_new_from_options(folder: Path) -> None:
    result = run(*NEW)
    assert result.stdout.strip() == str(folder / "judges" / "refunds" / "judge.yaml")
    judge = Judge.load(folder / "judges" / "refunds")
    assert judge.criteria[0].levels["pass"] == "Each deadline and amount is that of the context."
    assert len(judge.earns_nothing) == 5
    assert "no examples" in result.stderr


def test_new_never_overwrites(folder: Path) -> None:
    run(*NEW)
    with pytest.raises(JudgeError, match="is there already"):
        run(*NEW)
    (folder / "taken").write_text("x")
    with pytest.raises(JudgeError, match="is there already"):
        run(*NEW, "--dir", "taken")


def test_new_by_asking(folder: Path) -> None:
    keys = [
        "support", "Decide whether the reply solves the problem of the customer.", "single", "7-3", "1-3",
        "solves", "How far is the problem solved?", "", "It is not addressed.", "A part is left to do.",
        "It is solved.",
        "y", "Emoji", "", "y", "It does not start.", "", "Press the red button for ten seconds.", "5", "3/3",
        "The red button is what the manual says, and the duration is right.", "n",
    ]  # fmt: skip
    result = run("new", keys="\n".join(keys) + "\n")
    assert result.exception is None, result.output
    judge = Judge.load(folder / "judges" / "support")
    assert judge.scale.text() == "1-3"
    assert judge.criteria[0].levels == {"1": "It is not addressed.", "2": "A part is left to do.", "3": "It is solved."}
    assert judge.earns_nothing[-1] == "Emoji"
    assert (judge.examples[0].verdict, judge.examples[0].context) == (3, None)
    assert "low below high" in result.stderr


def test_new_pair_by_asking_in_chinese(folder: Path) -> None:
    keys = [
        "哪一則回覆比較能解決客戶的問題？",
        "n",
        "正確",
        "哪一則與規定相符？",
        "可行",
        "哪一則說得出下一步？",
        "",
        "own",
        "n",
        "長度",
        "",
        "n",
    ]
    result = run("new", "pair", "--mode", "pairwise", "--language", "zh-Hant", keys="\n".join(keys) + "\n")
    assert result.exception is None, result.output
    judge = Judge.load(folder / "judges" / "pair")
    assert (judge.scale.tie, judge.earns_nothing, judge.language) == (False, ("長度",), "zh-Hant")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new", "--yes"], "NAME has to be given"),
        (["new", "x", "--yes"], "--task has to be given"),
        ([*NEW, "--level", "clear.pass=x"], "no criterion 'clear'"),
        ([*NEW, "--level", "pass"], "expected LEVEL=MEANING"),
        (["new", "x", "--yes", "--task", "t", "--scale", "stars"], "'stars'"),
        (["show", "groundedness", "--swapped"], "does not compare two outputs"),
    ],
)
def test_wrong_usage(folder: Path, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert message in str(result.exception)
    assert not (folder / "judges").exists()


def test_lint_says_why_and_exits_with_one_on_errors(folder: Path) -> None:
    run(*NEW)
    assert run("lint", "refunds").return_value == 0
    assert "Nothing found." in run("lint", "groundedness").stdout
    result = run("lint", "refunds", "--context-length", "500")
    assert result.return_value == 1
    assert "error: examples: the prompt has about" in result.stdout
    assert "1 error, 1 warning" in result.stdout


def test_lint_of_a_prompt_that_can_not_be_used(folder: Path) -> None:
    (folder / "p.txt").write_text("Judge {answer}")
    result = run("lint", "p.txt", "--json")
    assert result.return_value == 1
    (finding,) = json.loads(result.stdout)
    assert (finding["code"], finding["severity"]) == ("unusable", "error")
    assert "{answer}" in finding["message"]


def test_lint_with_data(folder: Path) -> None:
    (folder / "d.jsonl").write_text('{"input": "q", "output": "a"}\n')
    result = run("lint", "better-reply-zh", "--data", "d.jsonl", "--json")
    assert result.return_value == 1
    assert [finding["code"] for finding in json.loads(result.stdout)] == ["unfit-data"]


def test_show_a_definition_and_its_version(folder: Path) -> None:
    run(*NEW)
    judge = Judge.load(folder / "judges" / "refunds")
    text = run("show", "refunds").stdout
    assert f"# refunds, version {judge.version}" in text
    assert "task: Decide whether" in text
    shown = json.loads(run("show", "refunds", "--json").stdout)
    assert (shown["version"], shown["definition"]) == (judge.version, judge.definition)
    assert shown["form"]["choices"] == ["pass", "fail"]


def test_show_the_exact_prompt_of_an_interaction(folder: Path) -> None:
    (folder / "d.jsonl").write_text(
        '{"id": "1", "input": "q1", "output": "a1"}\n{"id": "2", "input": "q2", "output": "a2"}\n'
    )
    (folder / "p.txt").write_text('Judge {output} to {input}. {"overall": <1-5>}')
    assert (
        run("show", "p.txt", "--data", "d.jsonl", "--id", "2").stdout
        == '[user]\nJudge a2 to q2. {"overall": <1-5>}\n\n'
    )
    messages = json.loads(run("show", "groundedness", "--data", "d.jsonl", "--fast", "--json").stdout)["messages"]
    assert [message["role"] for message in messages] == ["system", "user"]
    assert "q1" in messages[1]["content"]
    missing = CliRunner().invoke(command, ["show", "p.txt", "--data", "d.jsonl", "--id", "9"], standalone_mode=False)
    assert "none of its 2 interactions has the id '9'" in str(missing.exception)


def test_show_says_how_a_plain_prompt_is_read(folder: Path) -> None:
    (folder / "p.txt").write_text('Judge {output}. {"score": 1-5, "overall": 1-5, "why": "..."}')
    text = run("show", "p.txt").stdout
    assert "# read from the answer's JSON: score <- score, overall <- overall, reasoning <- why" in text
    assert "# note: overall: 'overall' is taken, of 'score', 'overall'" in text


def test_diff(folder: Path) -> None:
    run(*NEW)
    run(*[word.replace("refunds", "other") for word in NEW], "--votes", "3")
    text = run("diff", "refunds", "other").stdout
    assert "votes: 1  ->  3" in text
    assert "task" not in text
    found = json.loads(run("diff", "refunds", "other", "--json").stdout)
    assert found["before"]["version"] != found["after"]["version"]
    assert {change["key"] for change in found["changes"]} == {"name", "votes"}


def test_a_changed_name_is_the_same_version(folder: Path) -> None:
    run(*NEW)
    run(*[word.replace("refunds", "other") for word in NEW])
    assert "The same version" in run("diff", "refunds", "other").stdout


def test_a_judge_that_there_is_not(folder: Path) -> None:
    with pytest.raises(JudgeError, match="did you mean 'groundedness'"):
        run("show", "groundednes")


@pytest.mark.parametrize("name", ["new", "lint", "show", "diff"])
def test_every_help_has_an_example(name: str) -> None:
    text = CliRunner().invoke(command, [name, "--help"]).stdout
    assert "Example" in text
    assert f"dikast judge {name}" in text


def test_new_takes_defaults_where_standard_input_ends(folder: Path) -> None:
    run("new", keys="refunds\nDecide whether the reply states our refund rules correctly.\n")
    judge = Judge.load(folder / "judges" / "refunds")
    assert (judge.mode, judge.scale, judge.order) == ("single", Scale(), "critique_first")
    assert judge.earns_nothing
    result = run("new", keys="other\n")
    assert isinstance(result.exception, InputError)
    assert "standard input ended before 'What does it decide?" in str(result.exception)
    assert not (folder / "judges" / "other").exists()
