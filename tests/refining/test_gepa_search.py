"""GEPA as the proposer: over our own asker, tested on what it has not seen, and stopped where the rest is."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import Any

import pytest

from dikast.errors import EndpointRefused, SettingError
from dikast.judges.criteria import Criterion
from dikast.judges.definition import Judge
from dikast.models.endpoint import Request
from dikast.refining import Plan, Refining
from dikast.refining.gepa_search import check_installed, texts_of

CRITERION = Criterion(name="day", description="Is the day right?", levels={"pass": "It is.", "fail": ""})
JUDGE = Judge(name="dates", task="Decide it.", criteria=(CRITERION,), overall="only")
TOPICS = ("receipt", "period", "refund", "parcel")


def rule(rules: str, item: str, request: Request) -> object:
    """Fails what a rule names; asked for new texts, it adds a rule for one wrong interaction that it was shown."""
    if "Wrong: the expert says" in rules:
        text = re.findall(r"```\n(.*?)\n```", rules, re.DOTALL)[0]
        wrong = re.findall(r"about (\w+).{0,400}?Wrong: the expert", rules, re.DOTALL)
        return f"<think>Hm.</think>```\n{text} No {wrong[0]}.\n```"
    topic = item.partition("about ")[2].partition(".")[0]
    verdict = "fail" if f"No {topic}." in rules and "bad" in item else "pass"
    return {"reasoning": "By the rules.", "verdict": verdict}


async def run(bench: Any, evidence: Any, rule: Any, n: int = 96) -> tuple[Any, list[Request], list[str]]:
    outputs = [f"{kind} about {topic}" for topic in TOPICS for kind in ("bad", "good")]
    made = await bench(rule)
    lines: list[str] = []
    refining = Refining(made, "rule", evidence(n, outputs=outputs), Plan(optimizer="gepa", rounds=2), tell=lines.append)
    return await refining.refine(JUDGE), made.endpoints[0].requests, lines


async def test_small_steps_add_up_to_a_change_that_leads(bench: Any, evidence: Any) -> None:
    found, requests, lines = await run(bench, evidence, rule)
    session = found.session
    assert "GEPA searches on 48 of 96 interactions ..." in lines
    assert session.last.agreement > 0.9
    assert session.rounds[0].kept is not None
    assert session.rounds[0].kept.startswith("GEPA's words for ")
    kept = next(each for each in session.rounds[0].tried if each.what == session.rounds[0].kept)
    assert kept.n == 48  # tested on what it has not seen
    assert len({topic for topic in TOPICS if f"No {topic}." in str(found.judge.to_dict())}) >= 3
    assert len(requests) < 48 * 20
    again, _, _ = await run(bench, evidence, rule)
    assert again.judge == found.judge  # the same from the same answers, so that it continues where it stopped


async def test_where_nothing_helps_nothing_is_kept(bench: Any, evidence: Any) -> None:
    def useless(rules: str, item: str, request: Request) -> object:
        if "Wrong: the expert says" in rules:
            return "```\nDecide it with great care.\n```"
        return {"reasoning": "So.", "verdict": "pass"}

    found, _, lines = await run(bench, evidence, useless, n=40)
    assert found.judge == JUDGE
    assert found.session.end == "converged"
    assert "GEPA finds nothing better" in lines


async def test_an_error_of_the_server_ends_it(bench: Any, evidence: Any) -> None:
    def refuses(rules: str, item: str, request: Request) -> object:
        if "Wrong: the expert says" in rules:
            raise EndpointRefused("no such thing")
        return {"reasoning": "So.", "verdict": "pass"}

    with pytest.raises(EndpointRefused, match="no such thing"):
        await run(bench, evidence, refuses, n=40)


async def test_cancelled_it_lets_its_thread_go(bench: Any, evidence: Any) -> None:
    searching = asyncio.Event()

    def waits(rules: str, item: str, request: Request) -> object:
        if "Wrong: the expert says" in rules:
            searching.set()
        return {"reasoning": "So.", "verdict": "pass"}

    task = asyncio.create_task(run(bench, evidence, waits, n=40))
    await searching.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.get_running_loop().shutdown_default_executor()  # would wait for ever for a thread that waits


def test_what_may_be_rewritten() -> None:
    assert texts_of(JUDGE) == {"task": "Decide it.", "day.question": "Is the day right?", "day.pass": "It is."}


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gepa", None)
    with pytest.raises(SettingError, match="needs the package gepa") as raised:
        check_installed()
    assert raised.value.hint == "pip install 'dikast[gepa]'"
