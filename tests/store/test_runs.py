from collections.abc import Iterator

import msgspec
import pytest

from dikast.records import Interaction, JudgeRef, RunInfo, Verdict
from dikast.store import AnswerJournal, RunLog, Store, run_key

JUDGE = JudgeRef("refunds", "abc")
INFO = RunInfo(
    name="",
    judge=JUDGE,
    judge_definition={},
    dataset="data.jsonl",
    model="fake",
    fingerprint={},
    started_at="2026-01-01T00:00:00Z",
)


@pytest.fixture
async def owner(store: Store) -> Iterator[str]:
    async with store.journal() as journal:
        yield journal.owner


def begin(store: Store, owner: str, key: str = "k", name: str | None = None, out: str | None = None) -> RunLog:
    return store.begin_run(INFO, key=run_key(key), owner=owner, out=out, name=name)


def fill(log: RunLog, number: int, status: str = "scored") -> None:
    for position in reversed(range(number)):
        interaction = Interaction(id=f"i{position}\0", input="嗨 \0", output=str(position))
        log.write(position, interaction, Verdict(id=interaction.id, status=status, judge=JUDGE))


def finish(log: RunLog, number: int) -> None:
    log.save_info(msgspec.structs.replace(log.info(), counts={"scored": number}), finished=True)


async def test_verdicts_come_out_in_the_datasets_order(store: Store, owner: str) -> None:
    log = begin(store, owner)
    fill(log, 600)
    finish(log, 600)
    assert [verdict.id for verdict in log.verdicts()] == [f"i{n}\0" for n in range(600)]
    assert [item.output for item in log.interactions()] == [str(n) for n in range(600)]
    found = log.interaction("i7\0")
    assert found is not None
    assert (found.input, found.output) == ("嗨 \0", "7")
    assert log.interaction("unknown") is None


async def test_runs_are_named_after_their_judge_and_counted(store: Store, owner: str) -> None:
    names = []
    for _ in range(3):
        log = begin(store, owner)
        finish(log, 0)
        names.append(log.name)
    assert names == ["refunds-1", "refunds-2", "refunds-3"]
    assert [info.name for info in store.runs()] == ["refunds-3", "refunds-2", "refunds-1"]


async def test_a_name_that_is_taken_gets_a_number(store: Store, owner: str) -> None:
    finish(begin(store, owner, name="friday"), 0)
    assert begin(store, owner, name="friday").name == "friday-1"


async def test_an_unfinished_run_is_continued_when_its_process_is_gone(store: Store) -> None:
    async with store.journal() as journal:
        log = begin(store, journal.owner)
        fill(log, 300)
        log.flush()
    async with store.journal() as journal:
        again = begin(store, journal.owner)
        assert again.name == log.name
        assert list(again.verdicts()) == []
        fill(again, 5)
        finish(again, 5)
    async with store.journal() as journal:
        assert begin(store, journal.owner).name != log.name  # a finished run is never continued


async def test_a_run_that_is_under_way_elsewhere_is_not_touched(store: Store, owner: str) -> None:
    async with store.journal() as other:
        assert isinstance(other, AnswerJournal)
        assert begin(store, owner).name == "refunds-1"
        assert begin(store, other.owner).name == "refunds-2"


async def test_runs_are_found_by_name_and_by_results_file(store: Store, owner: str) -> None:
    finish(begin(store, owner, out="/somewhere/results.jsonl"), 0)
    finish(begin(store, owner, out="/somewhere/results.jsonl"), 0)
    by_name = store.run("refunds-1")
    assert by_name is not None
    assert by_name.name == "refunds-1"
    assert store.run("refunds-9") is None


async def test_the_same_interactions_are_kept_once(store: Store, owner: str) -> None:
    for key in ("a", "b"):
        log = begin(store, owner, key)
        fill(log, 10)
        finish(log, 10)
    assert store.verify().checked["interactions"] == 10
    assert store.verify().checked["verdicts"] == 20
