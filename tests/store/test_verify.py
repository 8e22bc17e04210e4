import hashlib

import msgspec
import pytest
import sqlalchemy as sa

from dikast.errors import StoreError
from dikast.records import Interaction, JudgeRef, RunInfo, Verdict
from dikast.store import Store, run_key
from dikast.store.database import open_database
from dikast.store.schema import metadata

JUDGE = JudgeRef("j", "v")
KEY = hashlib.sha256(b"k").hexdigest()


@pytest.fixture
async def filled(store: Store, location: str) -> sa.Engine:
    info = RunInfo(
        name="",
        judge=JUDGE,
        judge_definition={},
        dataset="d",
        model="fake",
        fingerprint={},
        started_at="2026-01-01T00:00:00Z",
    )
    async with store.journal() as journal:
        await journal.claim(KEY)
        await journal.record(KEY, b"{}", usable=True)
        log = store.begin_run(info, key=run_key("k"), owner=journal.owner, out=None)
        for position in range(3):
            log.write(
                position,
                Interaction(id=str(position), input="i", output="o"),
                Verdict(id=str(position), status="scored", judge=JUDGE),
            )
        log.save_info(msgspec.structs.replace(log.info(), counts={"scored": 3}), finished=True)
    return open_database(location)


def test_a_sound_store_has_no_problems(store: Store, filled: sa.Engine) -> None:
    found = store.verify()
    assert found.problems == []
    assert found.checked["answers"] == 1
    assert found.checked["verdicts"] == 3
    assert found.checked["interactions"] == 3


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE answers SET usable = NOT usable, body = key", "answers: row 1 does not match its checksum"),
        ("UPDATE interactions SET body = hash", "does not match its hash"),
        (
            "DELETE FROM verdicts WHERE position = 1",
            "run j-1: it counted {'scored': 3} verdicts and {'scored': 2} are here",
        ),
        ("UPDATE verdicts SET status = 'failed' WHERE position = 2", "position 2 differs from its index"),
        ("UPDATE verdicts SET body = interaction WHERE position = 0", "position 0 can't be read"),
        ("DELETE FROM interactions", "position 0 has lost its interaction"),
        ("DROP TABLE probes", "the table probes is missing"),
        ("ALTER TABLE owners DROP COLUMN seen_at", "owners lacks seen_at"),
    ],
)
def test_damage_is_found_and_named(store: Store, filled: sa.Engine, damage: str, problem: str) -> None:
    with filled.begin() as connection:
        connection.exec_driver_sql(damage)
    assert problem in "\n".join(store.verify().problems)


def test_the_migrations_end_in_the_schema(store: Store, location: str) -> None:
    found = sa.inspect(open_database(location))
    for table in metadata.sorted_tables:
        assert {column["name"] for column in found.get_columns(table.name)} == set(table.columns.keys())
        assert {index["name"] for index in found.get_indexes(table.name) if not index.get("duplicates_constraint")} == {
            index.name for index in table.indexes
        }


def test_a_store_from_the_future_is_refused(location: str) -> None:
    with Store.open(location):
        pass
    with open_database(location).begin() as connection:
        connection.exec_driver_sql("INSERT INTO migrations VALUES ('m999_later', '2030-01-01')")
    with pytest.raises(StoreError, match="newer Dikast") as caught:
        Store.open(location)
    assert "m999_later" in str(caught.value)
