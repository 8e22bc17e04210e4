"""On what a judge is measured: labels that are kept, by the parts of the split, through the real command line."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dikast.cli import main
from dikast.interactions import open_dataset
from dikast.journey.runs import open_run
from dikast.judges.definition import Judge
from dikast.judges.scaffold import write_judge
from dikast.records import Interaction, JudgeRef, Label, RunInfo, Verdict
from dikast.store import Store

N = 200
DEFINITION: dict[str, Any] = {"name": "refunds", "task": "Is the answer right?"}


def items(n: int = N) -> list[dict[str, Any]]:
    words = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(n)]
    return [
        {"id": f"i{i}", "input": f"{word[:30]}?", "output": word[30:], "metadata": {"topic": ["tea", "coffee"][i % 2]}}
        for i, word in enumerate(words)
    ]


def truth(i: int) -> str:
    return "pass" if i % 3 else "fail"


def write(name: str, rows: list[dict[str, Any]]) -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def judged(
    store: Store,
    judge: Judge,
    data: list[Interaction],
    *,
    model: str = "m",
    seed: int = 1,
    digest: str = "x",
    scores: list[int] | None = None,
) -> str:
    """A run in the store: the judge says that it is 99 % or 70 % sure, and is right in 72 % or 55 %."""
    rng = random.Random(seed)
    info = RunInfo(
        name="",
        judge=judge.ref,
        judge_definition=judge.to_dict(),
        dataset="support.jsonl",
        model=model,
        fingerprint={"server": "s", "model": model, "digest": digest},
        started_at="2026-01-01T00:00:00Z",
    )
    log = store.begin_run(
        info, key=hashlib.sha256(f"{model}{seed}{judge.version}".encode()).digest(), owner="", out=None
    )
    digested = hashlib.sha256()
    for position, item in enumerate(data):
        digested.update(msgspec.json.encode(item))
        sure = 0.99 if rng.random() < 0.7 else 0.7
        right = rng.random() < (0.72 if sure > 0.9 else 0.55)
        said = truth(int(item.id[1:]))
        verdict = said if right else {"pass": "fail", "fail": "pass"}[said]
        log.write(
            position,
            item,
            Verdict(
                id=item.id,
                status="scored",
                verdict=verdict if scores is None else None,  # type: ignore[arg-type]
                scores=None if scores is None else {"overall": scores[position]},
                confidence=sure,
                confidence_source="votes:5",
                judge=judge.ref,
                model=model,
                metadata=item.metadata,
            ),
        )
    counts = {"scored": len(data)}
    done = msgspec.structs.replace(info, name=log.name, counts=counts, dataset_hash=digested.hexdigest())
    log.save_info(done, finished=True)
    return log.name


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kept and split dataset with labels of ana's, and a run of a judge on it."""
    place = tmp_path_factory.mktemp("measured")
    (place / "support.jsonl").write_text("".join(json.dumps(row) + "\n" for row in items()))
    with Store.open(place / ".dikast" / "store.db") as store:
        data = list(open_dataset(str(place / "support.jsonl")))
        store.keep_dataset("support", data)
        store.split("support").settle()
        book = store.labels("support")
        given = [Label(id=item.id, verdict=truth(int(item.id[1:])), annotator="ana") for item in data]  # type: ignore[arg-type]
        book.save_all([(label, "saved", 0) for label in given])
        judged(store, Judge.from_dict(DEFINITION), data)
    return place


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that, to work in."""
    shutil.copytree(made, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def dikast(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    assert stopped.value.code == code, shown.out + shown.err
    return shown.out + shown.err if code else shown.out


def agree(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dikast(capsys, "agree", *arguments, "--json"))
    return found


def parts() -> dict[str, str]:
    with Store.open(".dikast/store.db") as store:
        return dict(store.split("support").parts([f"i{n}" for n in range(N)]))


class TestAgree:
    def test_saved_labels_are_used_and_the_sealed_test_is_left_out(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sizes = Counter(parts().values())
        found = agree(capsys, "refunds-1")
        assert found["n"] == sizes["pool"] + sizes["dev"]
        assert found["left_out"] == {"in the sealed test": sizes["test"]}
        on = found["measured_on"]
        assert (on["part"], on["dataset"], on["sealed"]) == ("unsealed", "support", False)
        assert on["labels"] == f"{N:,} labels saved with 'support'"
        assert agree(capsys, "refunds-1", "--part", "dev")["n"] == sizes["dev"]
        assert agree(capsys, "refunds-1", "--part", "pool")["n"] == sizes["pool"]
        said = dikast(capsys, "agree", "refunds-1")
        assert f"  left out: {sizes['test']} in the sealed test" in said
        assert "Part: all but the sealed test of 'support'." in said
        with Store.open(".dikast/store.db") as store:
            assert store.openings("support") == []

    def test_the_sealed_test_opens_by_a_word_and_is_logged(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert "--open-test" in dikast(capsys, "agree", "refunds-1", "--part", "test", code=2)
        assert "without a reason" in dikast(capsys, "agree", "refunds-1", "--open-test", " ", code=2)
        assert "asks for another part" in dikast(
            capsys, "agree", "refunds-1", "--open-test", "x", "--part", "dev", code=2
        )
        with Store.open(".dikast/store.db") as store:
            assert store.openings("support") == []
        n = Counter(parts().values())["test"]
        found = agree(capsys, "refunds-1", "--open-test", "before release 2")
        assert (found["n"], found["measured_on"]["sealed"]) == (n, True)
        assert found["calibration_map"] is None  # nothing is fitted on sealed labels
        with Store.open(".dikast/store.db") as store:
            (opening,) = store.openings("support")
        assert (opening.judge.name, opening.n, opening.why) == ("refunds", n, "before release 2")
        assert [one["why"] for one in found["measured_on"]["openings"]] == ["before release 2"]
        said = dikast(capsys, "agree", "refunds-1", "--part", "test", "--open-test", "again")
        assert "opened 2 times, for one version of a judge" in said
        with Store.open(".dikast/store.db") as store:
            data = list(store.dataset("support"))
            judged(store, Judge.from_dict(DEFINITION | {"task": "Is it right, and polite?"}), data, seed=2)
        said = dikast(capsys, "agree", "refunds-2", "--open-test", "the new one")
        assert "for 2 versions: the best of them may look up to" in said

    def test_a_file_of_labels_is_no_way_around_the_seal(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        sealed = Counter(parts().values())["test"]
        write("labels.jsonl", [{"id": f"i{i}", "verdict": truth(i)} for i in range(N)])
        assert agree(capsys, "refunds-1", "--labels", "labels.jsonl")["left_out"] == {"in the sealed test": sealed}
        run = open_run("refunds-1")
        write("copied.jsonl", [msgspec.to_builtins(verdict) for verdict in run])
        assert agree(capsys, "copied.jsonl", "--labels", "labels.jsonl")["left_out"] == {"in the sealed test": sealed}
        # other ids, the same contents
        renamed = [row | {"id": f"x{i}", "label": {"verdict": truth(i)}} for i, row in enumerate(items())]
        write("renamed.jsonl", renamed)
        write("verdicts.jsonl", [msgspec.to_builtins(v) | {"id": f"x{v.id[1:]}"} for v in run])
        found = agree(capsys, "verdicts.jsonl", "--labels", "renamed.jsonl")
        assert found["left_out"] == {"in the sealed test": sealed}
        found = agree(capsys, "verdicts.jsonl", "--labels", "renamed.jsonl", "--open-test", "by another name")
        assert found["n"] == sealed
        with Store.open(".dikast/store.db") as store:
            assert [one.why for one in store.openings("support")] == ["by another name"]

    def test_files_of_their_own_are_measured_as_they_are(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        rows = [
            {"id": f"z{i}", "status": "scored", "verdict": "pass", "judge": {"name": "j", "version": "1"}}
            for i in range(9)
        ]
        write("own.jsonl", rows)
        write("labels.jsonl", [{"id": f"z{i}", "verdict": truth(i)} for i in range(9)])
        found = agree(capsys, "own.jsonl", "--labels", "labels.jsonl")
        assert (found["n"], found["left_out"], found["measured_on"]["part"]) == (9, {}, None)
        said = dikast(capsys, "agree", "own.jsonl", "--labels", "labels.jsonl", "--part", "dev", code=2)
        assert "there is no split" in said

    def test_items_and_labels_that_come_later_have_a_part(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Store.open(".dikast/store.db") as store:
            write("support.jsonl", items(N + 40))
            data = list(open_dataset("support.jsonl"))
            store.keep_dataset("support", data)
            later = [Label(id=f"i{n}", verdict="pass") for n in range(N, N + 40)]
            store.labels("support").save_all([(label, "saved", 0) for label in later])
            judged(store, Judge.from_dict(DEFINITION), data, seed=9)
        found = agree(capsys, "refunds-2")
        assert found["left_out"].keys() == {"in the sealed test"}
        assert found["n"] + found["left_out"]["in the sealed test"] == N + 40
        with Store.open(".dikast/store.db") as store:
            assert len(store.split("support").parts([one.id for one in data])) == N + 40

    def test_what_the_judge_learned_from_is_never_measured_on(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pool = [id for id, part in parts().items() if part == "pool"]
        rows = {row["id"]: row for row in items()}
        shown = [
            {"input": rows[id]["input"], "output": rows[id]["output"], "verdict": "pass", "critique": "Right."}
            for id in pool[:2]
        ]
        judge = Judge.from_dict(DEFINITION | {"examples": [*shown, {**shown[0], "output": "another answer to that"}]})
        write_judge(judge, Path("judges/refunds"))
        Path("judges/refunds/learned_from.txt").write_text(f"{pool[0]}\n{pool[5]}\n")
        dev = [id for id, part in parts().items() if part == "dev"]
        Path("judges/refunds/refined_on.txt").write_text("".join(f"{id}\n" for id in dev[:30]))
        with Store.open(".dikast/store.db") as store:
            judged(store, judge, list(store.dataset("support")), seed=4)
        found = agree(capsys, "refunds-2")
        assert found["left_out"]["the judge learned from it"] == 3  # both examples, and one that it was drafted from
        assert "30 of these items are those that the judge was refined on" in " ".join(found["measured_on"]["notes"])

    def test_a_label_of_another_text_is_left_out(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        dev = next(id for id, part in parts().items() if part == "dev")
        with Store.open(".dikast/store.db") as store:
            data = [
                msgspec.structs.replace(one, output="rewritten") if one.id == dev else one
                for one in store.dataset("support")
            ]
            store.keep_dataset("support", data)
        found = agree(capsys, "refunds-1", "--part", "dev")
        assert found["left_out"]["its text was changed after it was labelled"] == 1

    def test_nothing_left_is_said_with_what_to_do(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        sealed = [id for id, part in parts().items() if part == "test"]
        write("sealed.jsonl", [{"id": id, "verdict": "pass"} for id in sealed])
        said = dikast(capsys, "agree", "refunds-1", "--labels", "sealed.jsonl", code=2)
        assert f"no labelled item is left to measure on ({len(sealed)}: in the sealed test)" in said
        assert "--open-test" in said

    def test_a_budget_names_what_to_label_next(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        every = parts()
        write("few.jsonl", [{"id": id, "verdict": truth(int(id[1:]))} for id in list(every)[:40]])
        found = agree(
            capsys, "refunds-1", "--labels", "few.jsonl", "--budget", "--by", "topic", "--target-width", "0.12"
        )
        coming = found["budget"]["next"]
        assert len(coming["ids"]) > 20
        assert not set(coming["ids"]) & set(list(every)[:40])
        assert {every[id] for id in coming["ids"]} == {"dev", "pool"}  # what is sealed does not count here
        assert coming["measuring"] == "dikast review support --queue random"
        assert coming["learning"] == [
            f"dikast review support --run refunds-1 --queue {queue}" for queue in ("uncertain", "disagree")
        ]
        assert coming["fewest_labels"]["topic"]["tea"]["of"] == N / 2
        said = dikast(capsys, "agree", "refunds-1", "--labels", "few.jsonl", "--budget", "--target-width", "0.12")
        assert f"Next, drawn at random: {coming['ids'][0]}, " in said
        assert "To measure:  dikast review support --queue random" in said
        assert "spoils the corrected pass rate" in said


class TestCompareAndCard:
    def test_two_judges_are_logged_both(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with Store.open(".dikast/store.db") as store:
            judge = Judge.from_dict(DEFINITION | {"name": "strict", "task": "Be strict."})
            judged(store, judge, list(store.dataset("support")), seed=5)
        sizes = Counter(parts().values())
        found = json.loads(dikast(capsys, "compare", "refunds-1", "strict-1", "--json"))
        assert found["n_labelled"] == sizes["dev"] + sizes["pool"]
        assert found["measured_on"]["held_back"] == {"in the sealed test": sizes["test"]}
        assert not any("not labelled" in reason for reason in found["left_out"])  # what is sealed is labelled
        said = dikast(capsys, "compare", "refunds-1", "strict-1", "--open-test", "which one")
        assert f"labels held back: {sizes['dev']} of the dev part" in said
        assert f"{sizes['test']} of them labelled" in said
        assert "Part: the sealed test of 'support'. The sealed test was opened 2 times, for 2 versions" in said
        with Store.open(".dikast/store.db") as store:
            assert {(one.judge.name, one.n) for one in store.openings("support")} == {
                ("refunds", sizes["test"]), ("strict", sizes["test"]),
            }  # fmt: skip

    def test_labels_come_from_standard_input_and_stay_sealed(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import io
        import sys

        with Store.open(".dikast/store.db") as store:
            judged(store, Judge.from_dict(DEFINITION | {"name": "b"}), list(store.dataset("support")), seed=6)
        lines = "".join(json.dumps({"id": f"i{i}", "verdict": truth(i)}) + "\n" for i in range(N))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
        found = json.loads(dikast(capsys, "compare", "refunds-1", "b-1", "--labels", "-", "--json"))
        assert found["n_labelled"] == N - Counter(parts().values())["test"]

    def test_judges_with_differing_scales_are_compared_on_one(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Store.open(".dikast/store.db") as store:
            data = list(store.dataset("support"))[:40]
            for high in (5, 9):  # 1, 3, 5 of 5 are 1, 5, 9 of 9
                scale = {"kind": "ordinal", "low": 1, "high": high}
                judge = Judge.from_dict(DEFINITION | {"name": f"to{high}", "scale": scale})
                judged(store, judge, data, scores=[1 + (n % 3) * (high - 1) // 2 for n in range(40)])
        found = json.loads(dikast(capsys, "compare", "to5-1", "to9-1", "--json"))
        assert found["between_them"]["exact"]["value"] == 1.0
        assert found["discordant"] == []
        assert "'to9-1' scores on 1 to 9, and 'to5-1' on 1 to 5" in found["notes"][0]

    def test_a_card_says_whether_its_figures_are_from_sealed_data(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_judge(Judge.from_dict(DEFINITION), Path("judges/refunds"))
        sizes = Counter(parts().values())
        made = json.loads(dikast(capsys, "judge", "card", "refunds", "--run", "refunds-1", "--json"))
        assert made["notes"][0].startswith(
            "The figures are not from sealed data: they are from all but the sealed test"
        )
        assert (made["agreement"]["n"], made["sealed_test_openings"]) == (sizes["dev"] + sizes["pool"], [])
        assert made["where_it_fails"]["examples"]
        word = ("--open-test", "for the card")
        made = json.loads(dikast(capsys, "judge", "card", "refunds", "--run", "refunds-1", *word, "--json"))
        assert made["notes"][0].startswith(
            "The figures are from the sealed test of 'support'. The sealed test was opened"
        )
        assert made["agreement"]["n"] == sizes["test"] == made["sealed_test_openings"][0]["n"]
        assert made["where_it_fails"]["examples"] == []  # nobody learns from sealed items
        assert made["measured_on"]["sealed"] is True


class TestCalibration:
    def test_a_map_is_kept_on_dev_tried_on_sealed_labels_and_read_by_all(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        said = dikast(capsys, "agree", "refunds-1", "--open-test", "first")
        assert "No map of confidence is kept for this judge" in said
        assert "The map of confidence is kept: on labels it was not fitted on" in dikast(
            capsys, "agree", "refunds-1", "--part", "dev", "--keep-calibration"
        )
        with Store.open(".dikast/store.db") as store:
            (kept,) = store.calibrations()
            stated = [v.confidence for v in store.run("refunds-1").verdicts()]  # type: ignore[union-attr]
        assert (kept.dataset, kept.run, kept.judge.name) == ("support", "refunds-1", "refunds")
        assert set(stated) == {0.99, 0.7}  # the store holds what was judged
        run = open_run("refunds-1")
        assert {v.confidence_source for v in run} == {"calibrated: votes:5"}
        assert {v.details["confidence_as_stated"] for v in run if v.details} == {0.99, 0.7}
        assert max(v.confidence or 0 for v in run) < 0.95
        tried = agree(capsys, "refunds-1", "--open-test", "second")["calibration_kept"]
        for name in ("ece", "brier"):
            assert tried["after"][name]["value"] < tried["before"][name]["value"]
        assert "Through the map of 20" in dikast(capsys, "agree", "refunds-1", "--open-test", "third")
        shown = json.loads(dikast(capsys, "show", "refunds-1", "--id", "i3", "--json"))["verdict"]
        assert shown["confidence_source"] == "calibrated: votes:5"
        summary = json.loads(dikast(capsys, "show", "refunds-1", "--json"))
        assert "calibrated: votes:5" in json.dumps(summary)
        # the same figures as before: agreement is measured on what the judge stated
        again = agree(capsys, "refunds-1", "--part", "dev")
        assert again["calibration_map"]["holds"] is True

    def test_another_version_or_model_does_not_get_it(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        dikast(capsys, "agree", "refunds-1", "--part", "dev", "--keep-calibration")
        changed = Judge.from_dict(DEFINITION | {"task": "Is the answer right and kind?"})
        with Store.open(".dikast/store.db") as store:
            data = list(store.dataset("support"))
            names = [
                judged(store, changed, data, seed=2),
                judged(store, Judge.from_dict(DEFINITION), data, seed=3, digest="other weights"),
                judged(store, Judge.from_dict(DEFINITION), data, seed=4),
            ]
        sources = [{v.confidence_source for v in open_run(name)} for name in names]
        assert sources == [{"votes:5"}, {"votes:5"}, {"calibrated: votes:5"}]
        said = [agree(capsys, name, "--open-test", "x") for name in names]
        assert "of version " in said[0]["calibration_remark"]
        assert "on another model" in said[1]["calibration_remark"]
        assert "calibration_kept" in said[2]

    def test_a_map_that_does_not_hold_is_not_kept_and_one_that_no_longer_holds_is_taken_back(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        few = [id for id, part in parts().items() if part == "dev"][:20]
        write("few.jsonl", [{"id": id, "verdict": truth(int(id[1:]))} for id in few])
        keep = ("agree", "refunds-1", "--part", "dev", "--keep-calibration")
        assert "No map is kept: 20 labels with a confidence are too few" in dikast(
            capsys, *keep, "--labels", "few.jsonl"
        )
        with Store.open(".dikast/store.db") as store:
            assert store.calibrations() == []
        dikast(capsys, *keep)
        assert "stays" in dikast(capsys, *keep, "--labels", "few.jsonl")
        assert {v.confidence_source for v in open_run("refunds-1")} == {"calibrated: votes:5"}
        # labels by which the judge is as often right as it says: nothing to map any more
        with Store.open(".dikast/store.db") as store:
            stated = list(store.run("refunds-1").verdicts())  # type: ignore[union-attr]
        other = {"pass": "fail", "fail": "pass"}
        rows = [
            {"id": v.id, "verdict": other[str(v.verdict)] if v.confidence == 0.7 and n % 10 < 3 else v.verdict}
            for n, v in enumerate(stated)
        ]
        write("as_stated.jsonl", rows)
        assert "is no longer applied" in dikast(capsys, *keep, "--labels", "as_stated.jsonl")
        assert {v.confidence_source for v in open_run("refunds-1")} == {"votes:5"}
        said = agree(capsys, "refunds-1", "--open-test", "x")["calibration_remark"]
        assert said.startswith("no map of confidence is applied: ")
        said = dikast(capsys, "agree", "refunds-1", "--open-test", "x", "--keep-calibration", code=2)
        assert "no map of confidence is fitted on the sealed test" in said


class TestSamples:
    def test_a_sample_is_kept_with_its_design_and_told(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        rows = [row | {"metadata": {"topic": "rare" if i < 12 else "common"}} for i, row in enumerate(items(300))]
        write("traces.jsonl", rows)
        said = dikast(capsys, "data", "sample", "traces.jsonl", "--n", "60", "--stratified", "topic")
        assert "60 drawn in 2 strata over 'topic' from 300 of 'traces'; seed 1." in said
        assert said.splitlines()[-1] == "traces-sample"
        shown = json.loads(dikast(capsys, "data", "show", "traces-sample", "--json"))
        assert shown["design"]["strata"] == {"common": {"size": 288, "drawn": 48}, "rare": {"size": 12, "drawn": 12}}
        assert "sample: 60 drawn in 2 strata" in dikast(capsys, "data", "list")
        assert {row["name"]: row["labelled"] for row in json.loads(dikast(capsys, "data", "list", "--json"))} == {
            "support": N, "traces-sample": 0,
        }  # fmt: skip
        # the same again is the same; another one gets another name; a name that is taken is not overwritten
        again = ("data", "sample", "traces.jsonl", "--n", "60", "--stratified", "topic")
        assert dikast(capsys, *again).splitlines()[-1] == "traces-sample"
        assert dikast(capsys, *again, "--seed", "2").splitlines()[-1] == "traces-sample-2"
        assert "is not this sample" in dikast(capsys, *again, "--seed", "3", "--name", "support", code=2)
        assert "expected KEY=VALUE" in dikast(capsys, *again, "--where", "topic", code=2)
        dikast(capsys, *again, "--out", "sample.jsonl")
        written = [json.loads(line) for line in Path("sample.jsonl").read_text().splitlines()]
        assert len(written) == 60
        assert written[0].keys() == {"id", "input", "output", "metadata"}

    def test_labels_of_a_sample_in_strata_are_weighed_back_to_the_source(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # 40 rare items, all bad, among 200: half of the sample, a fifth of the source
        rows = [row | {"metadata": {"topic": "rare" if i < 40 else "common"}} for i, row in enumerate(items())]
        write("traces.jsonl", rows)
        dikast(capsys, "data", "sample", "traces.jsonl", "--n", "80", "--stratified", "topic", "--name", "s")
        with Store.open(".dikast/store.db") as store:
            data = list(store.dataset("s"))
            rare = [one for one in data if one.metadata["topic"] == "rare"]
            assert len(rare) == 40
            given = [
                Label(id=one.id, verdict="fail" if one.metadata["topic"] == "rare" else "pass", drawn="random")
                for one in [*rare[:30], *[one for one in data if one not in rare][:30]]
            ]
            store.labels("s").save_all([(label, "saved", 0) for label in given])
            store.split("support").dataset  # noqa: B018 - the other dataset seals some of the same contents
            name = judged(store, Judge.from_dict(DEFINITION), data, seed=8)
        found = agree(capsys, name)
        assert found["left_out"]["in the sealed test"] > 0  # sealed in `support`, and so here
        assert "only the corrected mean is weighed back" in " ".join(found["measured_on"]["notes"])
        assert found["prediction_powered"]["strata"] == 2
        assert found["prediction_powered"]["value"] == pytest.approx(0.8, abs=0.08)

    def test_a_kept_dataset_is_shown_with_labels_parts_and_runs(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        said = dikast(capsys, "data", "show", "support")
        sizes = Counter(parts().values())
        for line in (
            "Labels    67 fail, 133 pass",
            "By        ana (200)",
            f"Parts     pool {sizes['pool']}, dev {sizes['dev']}, sealed test {sizes['test']}",
            "Openings  The sealed test has not been opened.",
            "Run       refunds-1 (refunds on m)",
        ):
            assert line in said
        assert "no dataset is kept as 'nope'" in dikast(capsys, "data", "show", "nope", code=2)


def test_what_a_run_writes_carries_the_map(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`dikast run` with a judge and model whose map is kept: the results file has mapped confidences."""
    from dikast.agreement.calibrated import ConfidenceMap
    from dikast.journey.runs import calibration_key
    from dikast.store import Calibration

    Path("judge.txt").write_text(
        'Q: {input}\nA: {output}\nReply with {"reasoning": "...", "verdict": "pass" or "fail"}\n'
    )
    dikast(capsys, "run", "judge.txt", "support.jsonl", "--model", "fake", "--limit", "5", "--out", "r.jsonl")
    first = [json.loads(line) for line in Path("r.jsonl").read_text().splitlines()]
    run = open_run("judge-1")
    assert run.info is not None
    version, model = calibration_key(run.info)
    shape = ConfidenceMap(kind="platt", source=first[0]["confidence_source"], parameters=(0.5, 0.0))
    with Store.open(".dikast/store.db") as store:
        store.keep_calibration(
            Calibration(
                judge=JudgeRef("judge", version), model=model, map=shape, run="judge-1", dataset="d", n=80, why=""
            )
        )
    dikast(capsys, "run", "judge.txt", "support.jsonl", "--model", "fake", "--limit", "6", "--out", "r2.jsonl")
    second = [json.loads(line) for line in Path("r2.jsonl").read_text().splitlines()]
    assert len(second) == 6
    assert second[0]["confidence"] < first[0]["confidence"]
    assert second[0]["details"]["confidence_as_stated"] == first[0]["confidence"]
    assert second[0]["confidence_source"] == f"calibrated: {first[0]['confidence_source']}"
