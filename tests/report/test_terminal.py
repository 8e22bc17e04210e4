from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest

from dikast.analysis.summary import summarise
from dikast.records import JudgeRef, Verdict
from dikast.report.terminal import open_console, print_summary, print_verdict, print_verdicts


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def a_known_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def printed(run: Any, file: io.StringIO) -> str:
    print_summary(open_console(file), summarise(run.verdicts), run.info, name="r")
    return file.getvalue()


def test_a_pipe_gets_plain_text(sample: Callable[..., Any]) -> None:
    text = printed(sample(200), io.StringIO())
    assert "\x1b" not in text
    for said in (
        "Pass rate: ",
        "95 % interval",
        "Left out",
        "cut off",
        "Fails that the judge is surest of",
        "By language",
    ):
        assert said in text
    assert text.isprintable() or not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202d\u202e]", text)


def test_a_terminal_gets_colours_unless_no_color_is_set(
    sample: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b[32m" in printed(sample(100, hostile=False), Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search("\x1b\\[[0-9;]*3[0-9]m", printed(sample(100, hostile=False), Terminal()))


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_lines_keep_to_the_width(sample: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = printed(sample(150, "ordinal", hostile=False), io.StringIO()).splitlines()
    assert max(len(line) for line in lines) <= columns


@pytest.mark.parametrize("kind", ["pass_fail", "ordinal", "pairwise", "failed"])
@pytest.mark.parametrize("n", [0, 1, 40])
def test_every_run_can_be_shown(sample: Callable[..., Any], kind: str, n: int) -> None:
    text = printed(sample(n, kind), io.StringIO())
    assert ("There are no results" in text) == (n == 0)
    assert ("Result: no verdict" in text) == (n == 0 or kind == "failed")


def test_what_a_model_wrote_is_neither_markup_nor_escape() -> None:
    verdict = Verdict(
        id="a[bold]",
        status="unparsed",
        judge=JudgeRef("j", "v"),
        reason="no JSON: [red]x[/red] \x1b]0;owned\x07 :smile:",
    )
    file = io.StringIO()
    assert print_verdicts(open_console(file), [verdict]) == 1
    assert "a[bold] unparsed" in file.getvalue()
    assert "[red]x[/red] ␛]0;owned␇ :smile:" in file.getvalue()


def test_one_verdict_in_full_is_not_cut_or_wrapped() -> None:
    file = io.StringIO()
    verdict = Verdict(id="a", status="scored", verdict="pass", judge=JudgeRef("j", "v"))
    print_verdict(open_console(file), verdict, [("raw_judge_output", "y" * 500)])
    assert "y" * 500 in file.getvalue()
