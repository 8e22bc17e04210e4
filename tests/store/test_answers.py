import asyncio
import hashlib
import os
import queue
import subprocess
import sys
from pathlib import Path

import pytest

from dikast.errors import StoreError
from dikast.store import AnswerJournal, Store, answers

KEY = hashlib.sha256(b"one").hexdigest()
OTHER = hashlib.sha256(b"two").hexdigest()


async def test_an_answer_is_given_back_under_its_key(store: Store) -> None:
    async with store.journal() as journal:
        assert await journal.claim(KEY) is None
        await journal.record(KEY, b'{"text":"\\u0000 \xe8\xa7\xa3"}', usable=True)
        assert await journal.claim(KEY) == b'{"text":"\\u0000 \xe8\xa7\xa3"}'
    async with store.journal() as later:
        assert await later.claim(KEY) == b'{"text":"\\u0000 \xe8\xa7\xa3"}'
        assert await later.claim(OTHER) is None


async def test_an_unusable_answer_is_kept_and_never_given_back(store: Store) -> None:
    async with store.journal() as journal:
        assert await journal.claim(KEY) is None
        await journal.record(KEY, b"not a verdict", usable=False)
        assert await journal.claim(KEY) is None
        await journal.record(KEY, b"a verdict", usable=True)
        assert await journal.claim(KEY) == b"a verdict"
    assert store.verify().checked["answers"] == 2


async def test_the_same_question_at_once_is_asked_once(store: Store) -> None:
    async with store.journal() as journal:
        claims = [asyncio.create_task(journal.claim(KEY)) for _ in range(5)]
        first, _ = await asyncio.wait(claims, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in first] == [None]
        await journal.record(KEY, b"said", usable=True)
        assert [await task for task in claims].count(b"said") == 4


async def test_when_the_asker_gives_up_the_next_in_line_asks(store: Store) -> None:
    async with store.journal() as journal:
        assert await journal.claim(KEY) is None
        waiting = [asyncio.create_task(journal.claim(KEY)) for _ in range(2)]
        await asyncio.wait(waiting, timeout=0.05)
        await journal.release(KEY)
        done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in done] == [None]
        await journal.record(KEY, b"said", usable=True)
        assert [await task for task in pending] == [b"said"]


async def test_another_process_waits_for_the_answer_instead_of_asking(store: Store, location: str) -> None:
    with Store.open(location) as second_store:
        async with store.journal() as first, second_store.journal() as second:
            assert await first.claim(KEY) is None
            waiting = asyncio.create_task(second.claim(KEY))
            await asyncio.wait([waiting], timeout=0.3)
            assert not waiting.done()
            await first.record(KEY, b"said", usable=True)
            assert await asyncio.wait_for(waiting, 5) == b"said"


async def test_a_claim_that_another_process_gives_back_is_taken_over(store: Store, location: str) -> None:
    with Store.open(location) as second_store:
        async with store.journal() as first, second_store.journal() as second:
            assert await first.claim(KEY) is None
            waiting = asyncio.create_task(second.claim(KEY))
            await asyncio.wait([waiting], timeout=0.05)
            await first.release(KEY)
            assert await asyncio.wait_for(waiting, 5) is None


_CLAIM_AND_DIE = """
import asyncio, os, sys
from dikast.store import AnswerJournal, Store, answers
async def main():
    journal = Store.open(sys.argv[1]).journal()
    await journal.claim(sys.argv[2])
    await journal.claim(sys.argv[3])
    await journal.record(sys.argv[2], b"said before the kill", usable=True)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""


async def test_a_killed_process_leaves_its_answers_and_its_claims_are_void(location: str, store: Store) -> None:
    killed = subprocess.run([sys.executable, "-c", _CLAIM_AND_DIE, location, KEY, OTHER], check=False)
    assert killed.returncode == -9
    async with store.journal() as journal:
        assert await journal.claim(KEY) == b"said before the kill"
        assert await asyncio.wait_for(journal.claim(OTHER), 5) is None


async def test_many_answers_in_one_turn_are_one_transaction(store: Store) -> None:
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(1200)]
    async with store.journal() as journal:
        assert await asyncio.gather(*map(journal.claim, keys)) == [None] * 1200
        await asyncio.gather(*(journal.record(key, key.encode(), usable=True) for key in keys))
        assert await asyncio.gather(*map(journal.claim, keys)) == [key.encode() for key in keys]


async def test_answers_reach_the_disk_itself_soon_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: queue.Queue[Path] = queue.Queue()
    real = answers._flush_file
    monkeypatch.setattr(answers, "_flush_file", lambda path: (real(path), flushed.put(path)))
    with Store.open(tmp_path / "store.db") as store:
        async with store.journal() as journal:
            await journal.claim(KEY)
            await journal.record(KEY, b"said", usable=True)
            assert await asyncio.to_thread(flushed.get, timeout=5) == tmp_path / "store.db-wal"


async def fill_the_disk(journal: AnswerJournal, answered: list[str]) -> None:
    for number in range(10_000):
        key = hashlib.sha256(str(number).encode()).hexdigest()
        assert await journal.claim(key) is None
        answered.append(key)
        await journal.record(key, b"x" * 20_000, usable=True)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a small disk")
async def test_a_full_disk_is_a_clear_error_and_loses_no_answer(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this sandbox can't mount a small disk")
    try:
        answered: list[str] = []
        with Store.open(disk / "store.db") as store:
            async with store.journal() as journal:
                with pytest.raises(StoreError, match="full") as caught:
                    await fill_the_disk(journal, answered)
                assert "make room" in str(caught.value.hint)
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        with Store.open(disk / "store.db") as store:
            async with store.journal() as journal:
                assert [key for key in answered if await journal.claim(key) is None] == []
            assert store.verify().problems == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
