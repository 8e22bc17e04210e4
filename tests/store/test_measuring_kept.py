"""What measuring keeps: sampling designs, maps of confidence, and parts that follow the content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from dikast.agreement.calibrated import ConfidenceMap
from dikast.interactions.sampling import SampleRequest, draw_sample
from dikast.interactions.units import unit_of
from dikast.journey.measuring import Admission, Portion, admitted, open_sealed, saved_labels
from dikast.journey.runs import Run
from dikast.judges.learned import Learned
from dikast.records import Interaction, JudgeRef, Label, RunInfo, Verdict
from dikast.store import Calibration, Store
from dikast.store.database import open_database


def item(n: int, id: str | None = None) -> Interaction:
    words = hashlib.sha256(str(n).encode()).hexdigest()
    return Interaction(id=id or f"i{n}", input=words, output="o", metadata={"k": str(n % 3)})


def calibration(version: str = "v1", model: str = "m", **fields: object) -> Calibration:
    shape = ConfidenceMap(kind="platt", source="votes:5", parameters=(0.5, -0.25))
    given: dict[str, object] = {
        "judge": JudgeRef("j", version), "model": model, "map": shape, "run": "j-1", "dataset": "d",
        "n": 80, "why": "w",
    }  # fmt: skip
    return Calibration(**(given | fields))  # type: ignore[arg-type]


def test_a_design_stays_with_its_sample(store: Store) -> None:
    drawn, design = draw_sample(map(item, range(90)), SampleRequest(n=12, key="k", seed=3), source="traces")
    kept = store.keep_dataset("s", drawn, design=design)
    assert kept.info.design == design
    assert [info.design for info in store.datasets()] == [design]
    assert store.keep_dataset("plain", [item(1)]).info.design is None
    other, second = draw_sample(map(item, range(90)), SampleRequest(n=5, seed=4), source="traces")
    assert store.keep_dataset("s", other, design=second).info.design == second
    assert store.verify().problems == []


def test_the_newest_map_of_a_version_on_a_model_counts(store: Store) -> None:
    assert store.calibration("v1", "m") is None
    store.keep_calibration(calibration())
    store.keep_calibration(calibration(model="other"))
    found = store.calibration("v1", "m")
    assert found is not None
    assert (found.map, found.n) == (calibration().map, 80)
    assert found.at.endswith("Z")
    assert store.calibration("v2", "m") is None
    store.keep_calibration(calibration(map=None, why="no longer"))
    withdrawn = store.calibration("v1", "m")
    assert withdrawn is not None
    assert withdrawn.map is None
    assert [one.model for one in store.calibrations()] == ["m", "other", "m"]
    assert store.verify().problems == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE calibrations SET body = model", "can't be read"),
        ("UPDATE calibrations SET model = judge_version", "differs from its index"),
    ],
)
def test_a_damaged_map_is_found(store: Store, location: str, damage: str, problem: str) -> None:
    store.keep_calibration(calibration())
    with open_database(location).begin() as connection:
        connection.execute(sa.text(damage))
    assert problem in "\n".join(store.verify().problems)


def test_what_is_sealed_stays_sealed_in_a_copy(store: Store) -> None:
    store.keep_dataset("d", map(item, range(100)))
    first = store.split("d")
    first.settle()
    before = first.parts([f"i{n}" for n in range(100)])
    store.keep_dataset("copy", [item(n, id=f"c{n}") for n in range(150)])
    second = store.split("copy")
    second.settle()
    parts = second.parts([f"c{n}" for n in range(150)])
    assert {f"i{n}": parts[f"c{n}"] for n in range(100)} == before
    assert len(parts) == 150
    assert second.settle().added == {}
    assert first.parts(list(before)) == before


def test_what_two_datasets_part_differently_is_set_aside(store: Store) -> None:
    for name, shares in (("a", {"pool": 1.0, "dev": 0.0, "test": 0.0}), ("b", {"pool": 0.0, "dev": 0.0, "test": 1.0})):
        store.keep_dataset(name, [item(n, id=f"{name}{n}") for n in (range(10) if name == "a" else range(10, 20))])
        store.split(name).settle(shares=shares)  # type: ignore[arg-type]
    with open_database(str(store.location)).begin() as connection:  # one unit in both
        connection.execute(
            sa.text(
                "INSERT INTO splits (dataset, unit, part) SELECT d.id, s.unit, 'test' FROM splits s, datasets d"
                " WHERE d.name = 'b' AND s.unit = :unit"
            ),
            {"unit": unit_of(item(0))},
        )
    store.keep_dataset("c", [item(0, id="x"), item(1, id="y"), item(10, id="z")])
    split = store.split("c")
    split.settle()
    assert split.parts(["x", "y", "z"]) == {"x": "aside", "y": "pool", "z": "test"}
    found = store.parts([unit_of(item(0)), unit_of(item(99))])
    assert found == {unit_of(item(0)): {"a": "pool", "b": "test", "c": "aside"}}


def test_a_store_from_before_is_brought_up_to_date(tmp_path: Path) -> None:
    from dikast.store.migrations import STEPS

    path = tmp_path / "old.db"
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE migrations (name VARCHAR(64) PRIMARY KEY, applied_at VARCHAR(32))")
        for name in ("m001_initial", "m002_labels"):
            STEPS[name](connection)
            connection.exec_driver_sql(f"INSERT INTO migrations VALUES ('{name}', '2026-01-01')")
        connection.exec_driver_sql(
            "INSERT INTO datasets (name, hash, n, sources, kept_at)"
            " VALUES ('old', x'00', 0, CAST('[]' AS BLOB), '2026')"
        )
    os.chmod(path, 0o600)
    with Store.open(path) as opened:
        assert [(info.name, info.design) for info in opened.datasets()] == [("old", None)]
        opened.keep_calibration(calibration())
        assert opened.calibration("v1", "m") is not None


def test_labels_parts_and_openings_on_each_store(store: Store) -> None:
    """What `agree` goes by, on SQLite and on PostgreSQL: saved labels, what is sealed, and the log of its openings."""
    store.keep_dataset("d", map(item, range(60)))
    store.split("d").settle()
    book = store.labels("d")
    book.save_all([(Label(id=f"i{n}", verdict="pass", annotator="ana"), "saved", 0) for n in range(0, 60, 2)])
    store.keep_dataset("d", map(item, range(70)))  # ten more, without a part yet
    info = RunInfo(
        name="", judge=JudgeRef("j", "v1"), judge_definition={}, dataset="d.jsonl", model="m", fingerprint={},
        dataset_hash=store.dataset("d").info.hash, started_at="2026-01-01T00:00:00Z", counts={"scored": 70},
    )  # fmt: skip
    log = store.begin_run(info, key=b"k" * 32, owner="", out=None)
    for n in range(70):
        log.write(n, item(n), Verdict(id=f"i{n}", status="scored", verdict="pass", judge=info.judge))
    log.save_info(msgspec.structs.replace(info, name=log.name), finished=True)
    run = Run(log, name=log.name, info=log.info())
    saved = saved_labels(run, store)
    assert saved is not None
    assert (len(saved[0]), saved[1], saved[2]) == (30, "30 labels saved with 'd'", {})
    ids = [label.id for label in saved[0]]
    grounds = {}
    for portion in (None, "dev", "pool", "test"):
        asked: Portion | None = portion  # type: ignore[assignment]
        admission = Admission(run, store, ids, run.interaction, portion=asked, learned=Learned(ids=frozenset({"i0"})))
        grounds[portion] = admitted(run, admission, saved[0], saved[1])
        assert sum(grounds[portion].held_back.values()) + len(grounds[portion].labels) == 30
        assert grounds[portion].held_back["the judge learned from it"] == 1
    assert len(store.split("d").parts([f"i{n}" for n in range(70)])) == 70
    assert grounds[None].portion == "unsealed"
    assert len(grounds[None].labels) == len(grounds["dev"].labels) + len(grounds["pool"].labels)
    n = len(grounds["test"].labels)
    opened = open_sealed(store, "d", [info.judge, JudgeRef("j", "v2")], n=n, why="which one")
    assert [(one.judge.version, one.n) for one in store.openings("d")] == [("v1", n), ("v2", n)]
    assert "for 2 versions" in opened.cost
