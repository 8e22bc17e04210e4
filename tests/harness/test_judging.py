import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from dikast.errors import EndpointRefused
from dikast.harness.asker import Asker
from dikast.harness.journal import MemoryJournal
from dikast.harness.judging import Judging
from dikast.harness.lanes import Lane, Lanes
from dikast.harness.limiter import Limiter
from dikast.harness.progress import Progress
from dikast.judges.definition import Judge
from dikast.models.endpoint import Capabilities, Facts, Fingerprint, Reply, Request
from dikast.records import Interaction, Verdict

Simulate = Callable[[Coroutine[Any, Any, Any]], Any]
JUDGE = Judge.from_dict({"name": "j", "prompt": 'Is {output} right? Reply with {"verdict": "pass" or "fail"}'})
FACTS = Facts(fingerprint=Fingerprint(server="test", model="m"), capabilities=Capabilities(schema=False))


class Server:
    """Answers as long as `answers` says so for the number of the call, and refuses otherwise."""

    def __init__(self, answers: Callable[[int], bool]) -> None:
        self.answers = answers
        self.calls = 0
        self.drawn_ahead = 0

    async def answer(self, request: Request) -> Reply:
        self.calls += 1
        number = self.calls
        await asyncio.sleep(0.1)
        if not self.answers(number):
            raise EndpointRefused("the key is not known", status=401)
        return Reply(text='{"verdict": "pass"}')


async def judge(server: Server, number: int, at_once: int = 4) -> dict[int, Verdict]:
    progress, verdicts = Progress(), {}
    lanes = Lanes([Lane(server, Limiter(fixed=at_once))], progress=progress, patience_s=10)  # type: ignore[arg-type]
    asker = Asker(lanes, MemoryJournal(), identity="m", progress=progress, patience_s=10)

    def keep(position: int, _interaction: Interaction, verdict: Verdict) -> None:
        server.drawn_ahead = max(server.drawn_ahead, position - len(verdicts))
        verdicts[position] = verdict

    judging = Judging(JUDGE, asker, lanes, model="m", facts=FACTS, progress=progress, on_verdict=keep)
    await judging.run(Interaction(id=str(n), input="?", output=f"answer {n}") for n in range(number))
    return verdicts


def test_every_interaction_ends_in_one_verdict(simulate: Simulate) -> None:
    verdicts = simulate(judge(Server(lambda number: True), 500))
    assert sorted(verdicts) == list(range(500))
    assert {verdict.verdict for verdict in verdicts.values()} == {"pass"}
    assert [verdicts[n].id for n in range(500)] == [str(n) for n in range(500)]


def test_interactions_are_drawn_only_when_there_is_room(simulate: Simulate) -> None:
    server = Server(lambda number: True)
    simulate(judge(server, 500, at_once=4))
    assert server.drawn_ahead <= 2 * 4


def test_a_server_that_refuses_from_the_start_ends_the_run(simulate: Simulate) -> None:
    server = Server(lambda number: False)
    with pytest.raises(EndpointRefused, match="the key is not known"):
        simulate(judge(server, 500))
    assert server.calls <= 10 + 4


def test_single_refusals_are_verdicts_that_failed(simulate: Simulate) -> None:
    verdicts = simulate(judge(Server(lambda number: number < 20), 100))
    failed = [verdict for verdict in verdicts.values() if verdict.status == "failed"]
    assert len(failed) == 81
    assert {verdict.reason_kind for verdict in failed} == {"refused by server"}
