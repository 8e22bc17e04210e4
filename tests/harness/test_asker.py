import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from dikast.errors import (
    EndpointBusy,
    EndpointDown,
    EndpointError,
    EndpointGarbled,
    EndpointRefused,
    EndpointTimeout,
)
from dikast.harness.asker import Asker
from dikast.harness.journal import MemoryJournal
from dikast.harness.lanes import Lane, Lanes, ServerGone
from dikast.harness.limiter import Limiter
from dikast.harness.progress import Progress
from dikast.models.endpoint import Message, Reply, Request

Simulate = Callable[[Coroutine[Any, Any, Any]], Any]


def request(text: str = "Pass or fail?") -> Request:
    return Request(messages=(Message("user", text),))


class Scripted:
    """An endpoint that does what the script says, call by call, and its last word from there on."""

    def __init__(self, *script: Reply | EndpointError, takes_s: float = 0.1) -> None:
        self.script = list(script)
        self.takes_s = takes_s
        self.calls: list[float] = []

    async def answer(self, request: Request) -> Reply:
        self.calls.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes_s)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, EndpointError):
            raise said
        return said


class Setting:
    def __init__(self, endpoints: Sequence[Scripted], patience_s: float = 60, fixed: int = 8) -> None:
        self.progress = Progress()
        self.journal = MemoryJournal()
        self.lanes = [Lane(endpoint, Limiter(fixed=fixed)) for endpoint in endpoints]
        lanes = Lanes(self.lanes, progress=self.progress, patience_s=patience_s)
        self.asker = Asker(lanes, self.journal, identity="m", progress=self.progress, patience_s=patience_s)

    async def ask(self, text: str = "Pass or fail?", usable: bool = True) -> str:
        reply, _ = await self.asker.ask(request(text), lambda _: usable)
        return reply.text


YES = Reply(text="yes")


def test_an_answer_is_asked_once_and_then_known(simulate: Simulate) -> None:
    async def scenario() -> None:
        endpoint = Scripted(YES)
        setting = Setting([endpoint])
        assert [await setting.ask(), await setting.ask()] == ["yes", "yes"]
        assert len(endpoint.calls) == 1
        assert (setting.progress.calls, setting.progress.cache_hits) == (1, 1)

    simulate(scenario())


def test_an_answer_that_could_not_be_read_is_asked_again(simulate: Simulate) -> None:
    async def scenario() -> None:
        endpoint = Scripted(YES)
        setting = Setting([endpoint])
        await setting.ask(usable=False)
        await setting.ask(usable=False)
        assert len(endpoint.calls) == 2

    simulate(scenario())


@pytest.mark.parametrize("fault", [EndpointGarbled, EndpointTimeout, EndpointBusy, EndpointDown])
def test_passing_faults_are_retried(simulate: Simulate, fault: type[EndpointError]) -> None:
    async def scenario() -> None:
        endpoint = Scripted(fault("a fault"), fault("a fault"), YES)
        setting = Setting([endpoint])
        assert await setting.ask() == "yes"
        assert len(endpoint.calls) == 3
        assert setting.progress.retries == 2

    simulate(scenario())


def test_a_refusal_is_final(simulate: Simulate) -> None:
    async def scenario() -> None:
        endpoint = Scripted(EndpointRefused("no such model"))
        with pytest.raises(EndpointRefused, match="no such model"):
            await Setting([endpoint]).ask()
        assert len(endpoint.calls) == 1

    simulate(scenario())


def test_a_fault_that_stays_ends_in_its_error_after_six_attempts(simulate: Simulate) -> None:
    async def scenario() -> None:
        endpoint = Scripted(EndpointGarbled("cut"))
        with pytest.raises(EndpointGarbled):
            await Setting([endpoint]).ask()
        assert len(endpoint.calls) == 6

    simulate(scenario())


def test_retry_after_is_honoured(simulate: Simulate) -> None:
    async def scenario() -> None:
        endpoint = Scripted(EndpointBusy("slow down", retry_after_s=7), YES)
        assert await Setting([endpoint]).ask() == "yes"
        assert endpoint.calls == [0, pytest.approx(7.1)]

    simulate(scenario())


def test_a_dead_server_is_waited_for_and_tried_by_one_call_at_a_time(simulate: Simulate) -> None:
    async def scenario() -> None:
        down = [EndpointDown("http://127.0.0.1:1 refused the connection")] * 14
        endpoint = Scripted(*down, YES, takes_s=0.01)
        setting = Setting([endpoint], patience_s=600)
        answers = asyncio.gather(*(setting.ask(str(number)) for number in range(8)))
        await asyncio.sleep(5)
        assert "refused the connection; waiting for it" in str(setting.progress.waiting_for)
        assert await answers == ["yes"] * 8
        assert setting.progress.waiting_for is None
        assert len(endpoint.calls) <= 8 + 8 + 14  # not every caller knocks at every try

    simulate(scenario())


def test_patience_with_a_dead_server_ends_the_run(simulate: Simulate) -> None:
    async def scenario() -> None:
        setting = Setting([Scripted(EndpointDown("refused"))], patience_s=30)
        results = await asyncio.gather(*(setting.ask(str(n)) for n in range(5)), return_exceptions=True)
        assert {type(result) for result in results} == {ServerGone}
        assert 30 <= asyncio.get_running_loop().time() < 31
        assert "continues where it stopped" in str(results[0].hint)  # type: ignore[union-attr]

    simulate(scenario())


def test_while_one_server_is_down_the_other_does_the_work(simulate: Simulate) -> None:
    async def scenario() -> None:
        dead, living = Scripted(EndpointDown("refused")), Scripted(YES)
        setting = Setting([dead, living], patience_s=5)
        for number in range(300):
            assert await setting.ask(str(number)) == "yes"
        assert len(living.calls) == 300
        assert 3 <= len(dead.calls) < 20  # tried now and then

    simulate(scenario())


def test_two_servers_share_the_load(simulate: Simulate) -> None:
    async def scenario() -> None:
        fast, slow = Scripted(YES, takes_s=0.1), Scripted(YES, takes_s=0.3)
        setting = Setting([fast, slow], fixed=4)
        numbers = iter(range(400))

        async def worker() -> None:
            for number in numbers:
                await setting.ask(str(number))

        await asyncio.gather(*(worker() for _ in range(8)))
        assert len(fast.calls) > 2 * len(slow.calls) > 100

    simulate(scenario())


def test_a_cancelled_question_can_be_asked_by_somebody_else(simulate: Simulate) -> None:
    class Recording(MemoryJournal):
        released: list[str]

        async def release(self, key: str) -> None:
            self.released = [key]

    async def scenario() -> None:
        setting = Setting([Scripted(YES, takes_s=100)])
        journal = Recording()
        setting.asker._journal = journal
        task = asyncio.create_task(setting.ask())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(journal.released) == 1
        assert setting.lanes[0].limiter.active == 0

    simulate(scenario())
