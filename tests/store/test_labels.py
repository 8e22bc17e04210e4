"""Labels kept: revisions, conflicts, undo, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from dikast.errors import DataError, InputError, LabelConflict
from dikast.records import Interaction, Label
from dikast.store import LabelBook, Store
from dikast.store.database import open_database

ITEMS = [Interaction(id=f"i{n}", input=f"嗨 {n} \0", output="o") for n in range(5)]


@pytest.fixture
def book(store: Store) -> LabelBook:
    store.keep_dataset("d", ITEMS)
    return store.labels("d")


def label(id: str = "i0", verdict: str | None = "pass", **fields: object) -> Label:
    return Label(id=id, verdict=verdict, annotator="安娜", **fields)  # type: ignore[arg-type]


def test_a_label_comes_back_as_it_was_saved(book: LabelBook) -> None:
    given = label(
        critique="缺照片 \0", score=2.0, scale=(1.0, 5.0), drawn="random", blind=True, tags=("a", "b"), note="n",
        at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    saved = book.save(given, state="saved", expected_revision=0)
    assert saved.revision == 1
    assert [revision.label for revision in book.current()] == [given]
    assert book.newest("i0", annotator="安娜") == saved
    assert book.newest("i0", annotator="ben") is None


def test_the_time_is_set_where_there_is_none(book: LabelBook) -> None:
    saved = book.save(label(), state="saved", expected_revision=None)
    assert saved.label.at == saved.at
    assert saved.at.endswith("Z")


def test_the_second_writer_is_told_what_the_first_one_saved(book: LabelBook) -> None:
    book.save(label(critique="mine"), state="saved", expected_revision=0)
    with pytest.raises(LabelConflict, match="saved in another place") as caught:
        book.save(label(verdict="fail"), state="saved", expected_revision=0)
    assert caught.value.theirs.label.critique == "mine"
    assert caught.value.theirs.revision == 1
    assert [revision.label.verdict for revision in book.history("i0")] == ["pass"]
    book.save(label(verdict="fail"), state="saved", expected_revision=1)
    assert [revision.label.verdict for revision in book.history("i0")] == ["pass", "fail"]


def test_of_many_writers_at_once_one_wins_each_revision(book: LabelBook) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(6)

    def write(number: int) -> None:
        start.wait()
        try:
            book.save(label(critique=str(number)), state="saved", expected_revision=0)
            outcomes.append("saved")
        except LabelConflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 5 + ["saved"]
    assert len(book.history("i0")) == 1


def test_annotators_and_criteria_have_labels_of_their_own(book: LabelBook) -> None:
    book.save(label(), state="saved", expected_revision=0)
    book.save(Label(id="i0", verdict="fail", annotator="ben"), state="saved", expected_revision=0)
    book.save(label(verdict="fail", criterion="tone"), state="saved", expected_revision=0)
    assert len(list(book.current())) == 3
    assert [one.label.verdict for one in book.current(annotator="ben")] == ["fail"]
    assert [one.label.criterion for one in book.current(criterion="tone")] == ["tone"]
    assert book.annotators() == {"ben": 1, "安娜": 2}


def test_a_draft_takes_the_place_of_a_draft_and_counts_for_nothing(book: LabelBook) -> None:
    for number, text in enumerate(("f", "fa", "fai")):
        book.save(label(verdict=None, critique=text), state="draft", expected_revision=number)
    assert [one.revision for one in book.history("i0")] == [3]
    assert list(book.current()) == []
    assert [one.label.critique for one in book.current(state="draft")] == ["fai"]
    book.save(label(critique="fail"), state="saved", expected_revision=3)
    assert list(book.current(state="draft")) == []
    book.save(label(critique="failed"), state="draft", expected_revision=4)
    newest = book.newest("i0", annotator="安娜")
    assert newest is not None
    assert newest.label.critique == "failed"
    assert [one.label.critique for one in book.current()] == ["fail"]
    assert book.counts().drafts == 1


def test_counts_are_of_what_stands(book: LabelBook) -> None:
    book.save(label("i0"), state="saved", expected_revision=0)
    book.save(label("i0", "fail"), state="saved", expected_revision=1)
    book.save(label("i1"), state="saved", expected_revision=0)
    book.save(label("i2", None), state="deferred", expected_revision=0)
    book.save(Label(id="i1", verdict="fail", annotator="ben"), state="saved", expected_revision=0)
    counts = book.counts()
    assert (counts.states, counts.verdicts, counts.labelled) == ({"saved": 3, "deferred": 1}, {"pass": 1, "fail": 2}, 2)
    assert book.counts(annotator="ben").verdicts == {"fail": 1}


def test_undo_goes_back_step_by_step_and_is_kept_in_history(book: LabelBook) -> None:
    book.save(label("i0"), state="saved", expected_revision=0)
    book.save(label("i0", "fail"), state="saved", expected_revision=1)
    book.save(label("i1", None), state="deferred", expected_revision=0)
    undone = [book.undo("安娜") for _ in range(4)]
    assert [(one.label.id, one.state, one.label.verdict) for one in undone if one] == [
        ("i1", "withdrawn", None),
        ("i0", "saved", "pass"),
        ("i0", "withdrawn", "pass"),
    ]
    assert undone[3] is None
    assert [one.revision for one in book.history("i0")] == [1, 2, 3, 4]
    assert book.undo("ben") is None
    book.save(label("i0", "fail"), state="saved", expected_revision=4)
    again = book.undo("安娜")
    assert again is not None
    assert again.state == "withdrawn"


def test_changes_of_mind_are_found_but_not_what_was_undone(book: LabelBook) -> None:
    book.save(label("i0"), state="saved", expected_revision=0)
    book.save(label("i0", critique="why"), state="saved", expected_revision=1)
    book.save(label("i0", "fail"), state="saved", expected_revision=2)
    book.save(label("i1"), state="saved", expected_revision=0)
    book.save(label("i1", "fail"), state="saved", expected_revision=1)
    book.undo("安娜")
    assert [(a.label.verdict, b.label.verdict, b.revision) for a, b in book.amended()] == [("pass", "fail", 3)]


def test_a_label_given_to_another_text_is_told(store: Store, book: LabelBook) -> None:
    book.save(label("i0"), state="saved", expected_revision=0)
    book.save(label("i1"), state="saved", expected_revision=0)
    book.save(label("i4"), state="saved", expected_revision=0)
    store.keep_dataset("d", [Interaction(id="i1", input="嗨 1 \0", output="o", metadata={"k": 1}),
                             Interaction(id="i0", input="嗨 0 \0", output="new")])  # fmt: skip
    assert [(one.label.id, one.outdated) for one in book.current()] == [("i1", False), ("i0", True)]
    assert book.counts().labelled == 2


def test_several_are_saved_together_or_not_at_all(book: LabelBook) -> None:
    book.save(label("i1"), state="saved", expected_revision=0)
    with pytest.raises(LabelConflict):
        book.save_all([(label("i0"), "saved", 0), (label("i1"), "saved", 0)])
    assert book.newest("i0", annotator="安娜") is None


def test_what_says_nothing_or_is_about_nothing_is_refused(book: LabelBook) -> None:
    with pytest.raises(InputError, match="says nothing"):
        book.save(label(verdict=None), state="saved", expected_revision=0)
    with pytest.raises(DataError, match="no interaction 'nowhere'"):
        book.save(label("nowhere"), state="saved", expected_revision=0)
    with pytest.raises(InputError, match="no state"):
        book.save(label(), state="sealed", expected_revision=0)  # type: ignore[arg-type]


_LABEL_AND_DIE = """
import os, signal, sys
from dikast.records import Label
from dikast.store import Store
book = Store.open(sys.argv[1]).labels("d")
for n in range(5):
    book.save(Label(id=f"i{n}", verdict="fail", critique="because"), state="saved", expected_revision=0)
    print(n, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_saved_label_survives_kill_9(store: Store, book: LabelBook, location: str) -> None:
    done = subprocess.run([sys.executable, "-c", _LABEL_AND_DIE, location], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [one.label.id for one in book.current()] == [f"i{n}" for n in range(len(done.stdout.split()))]
    assert store.verify().problems == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE labels SET body = annotator WHERE id = 1", "labels: row 1 does not match its checksum"),
        ("UPDATE labels SET state = 'draft' WHERE id = 2", "labels: row 2 does not match its checksum"),
        ("UPDATE label_heads SET newest = 1", "the newest label of 'i0' is not the one marked"),
        ("DELETE FROM label_heads", "1 labels have no mark"),
        (
            "DELETE FROM interactions WHERE hash = (SELECT interaction FROM dataset_items WHERE position = 2)",
            "has lost its interaction",
        ),
        ("DELETE FROM dataset_items WHERE position = 4", "does not match its hash"),
        ("UPDATE splits SET part = 'nowhere'", "in no known part, 'nowhere'"),
    ],
)
def test_damage_is_found(store: Store, book: LabelBook, location: str, damage: str, problem: str) -> None:
    for verdict in ("pass", "fail"):
        book.save(label(verdict=verdict), state="saved", expected_revision=None)
    store.split("d").settle()
    assert store.verify().problems == []
    with open_database(location).begin() as connection:
        connection.execute(sa.text(damage))
    assert problem in "\n".join(store.verify().problems)


def test_a_store_from_before_labels_is_brought_up_to_date(tmp_path: Path) -> None:
    from dikast.store.migrations import STEPS

    path = tmp_path / "old.db"
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE migrations (name VARCHAR(64) PRIMARY KEY, applied_at VARCHAR(32))")
        STEPS["m001_initial"](connection)
        connection.exec_driver_sql("INSERT INTO migrations VALUES ('m001_initial', '2026-01-01')")
    os.chmod(path, 0o600)
    with Store.open(path) as opened:
        assert opened.verify().problems == []
        assert len(opened.keep_dataset("d", ITEMS)) == 5
