"""Cascades as a whole: runs over real local servers that play a quick model, a slow one and a cloud."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from dikast.agreement.calibrated import ConfidenceMap
from dikast.cli import main
from dikast.errors import JudgeError, PolicyError, SettingError
from dikast.interactions.dataset import open_dataset
from dikast.journey.running import run
from dikast.journey.runs import model_key, open_run
from dikast.judges.definition import Judge
from dikast.judges.escalating import trail_of
from dikast.models import client as client_module
from dikast.models import leaving
from dikast.models import policy as policy_module
from dikast.records import Verdict
from dikast.review.desk import Desk, Setup
from dikast.store import Calibration, Store

NUMBER = 24

# What is asked of item n: the quick model is sure of n % 4 == 0, fails n % 4 == 1, and is unsure of the rest.
SURE = {0: ("pass", 0.95), 1: ("fail", 0.9), 2: ("pass", 0.6), 3: ("fail", 0.55)}


def number_in(body: Any) -> int | None:
    text = body["messages"][-1]["content"]
    return int(text.split("Item ")[1].split(".")[0]) if "Item " in text else None


def tier(n: int) -> str:
    return "vip" if n % 8 == 0 else "plain"


@pytest.fixture
def words(server_words: Any) -> Any:
    return server_words


@pytest.fixture
def quick(model_server: Callable[..., Any], words: Any) -> Any:
    """Answers with one word, and says how sure it is."""

    def answer(body: Any) -> Any:
        n = number_in(body)
        if n is None:
            return words.Answer("pass", first_token={"pass": 0.6, "fail": 0.3, "The": 0.1})
        said, sure = SURE[n % 4]
        other = "fail" if said == "pass" else "pass"
        return words.Answer(said, first_token={said: sure, other: 1 - sure})

    return model_server("vllm", answer=answer, models=("quick",))


def slow_answer(body: Any) -> str:
    n = number_in(body)
    return "ok" if n is None else json.dumps({"critique": f"item {n}", "verdict": "fail" if n % 3 == 0 else "pass"})


@pytest.fixture
def slow(model_server: Callable[..., Any]) -> Any:
    return model_server("vllm", answer=slow_answer, models=("slow",))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dikast.toml").write_text("")
    judges = tmp_path / "judges"
    judges.mkdir()
    (judges / "quick.yaml").write_text("task: Is the item right for the customer?\nfast: true\n")
    (judges / "slow.yaml").write_text("task: Is the item right for the customer?\n")
    items = (
        {"id": f"i{n}", "input": f"Item {n}.", "output": "yes", "metadata": {"tier": tier(n)}} for n in range(NUMBER)
    )
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, *stages: str) -> None:
    text = "kind: cascade\nstages:\n" + "".join(f"  - {stage}\n" for stage in stages)
    (folder / "judges" / "desk.yaml").write_text(text)


def stage(judge: str, server: Any, *more: str) -> str:
    parts = [f"judge: {judge}", f"model: vllm/{judge}", f"base_url: {server.url}", *more]
    return "{" + ", ".join(parts) + "}"


def judged(server: Any) -> list[int]:
    """The items that a server was asked of, probes left out."""
    found = [number_in(request.body) for request in server.chats]
    return [n for n in found if n is not None]


def say(*words: str) -> subprocess.CompletedProcess[str]:
    """A command in this process, with what it printed."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]), pytest.raises(SystemExit) as ended:
        main(list(words))
    gc.enable()
    for stream in streams:
        stream.seek(0)
    printed, complained = (stream.read() for stream in streams)
    return subprocess.CompletedProcess(list(words), int(str(ended.value.code)), printed, complained)


def trails(verdicts: list[Verdict]) -> list[dict[str, Any]]:
    found = [trail_of(verdict) for verdict in verdicts]
    assert all(found)
    return [one for one in found if one]


def test_an_item_goes_as_far_as_it_must_and_its_verdict_says_why(folder: Path, quick: Any, slow: Any) -> None:
    write(folder, stage("quick", quick, "below: 0.7", "when: 'metadata.tier == \"vip\"'"), stage("slow", slow))
    done = run("desk", "data.jsonl", out="out.jsonl")
    verdicts = list(done)
    assert [one.id for one in verdicts] == [f"i{n}" for n in range(NUMBER)]
    went = {n for n in range(NUMBER) if n % 4 >= 2 or n % 8 == 0}
    assert set(judged(slow)) == went
    assert sorted(judged(quick)) == list(range(NUMBER))
    for n, (verdict, trail) in enumerate(zip(verdicts, trails(verdicts), strict=True)):
        expected = ("fail" if n % 3 == 0 else "pass") if n in went else SURE[n % 4][0]
        assert verdict.verdict == expected
        assert verdict.judge.name == "desk"
        assert trail["ended"] == ("slow" if n in went else "quick")
        first, *later = trail["stages"]
        assert first["confidence"] == pytest.approx(SURE[n % 4][1])
        if n % 8 == 0:
            assert first["went_on"] == 'when metadata.tier == "vip"'
        elif n in went:
            assert first["went_on"].endswith("is below 0.7")
        else:
            assert (first["went_on"], later) == (None, [])
        assert verdict.usage is not None
        assert verdict.usage.calls == len(trail["stages"])
        assert verdict.usage.prompt_tokens == sum(one["prompt_tokens"] for one in trail["stages"])
        assert verdict.latency_s == pytest.approx(sum(one["latency_s"] for one in trail["stages"]))
    assert done.info is not None
    assert done.info.calls == NUMBER + len(went)
    assert [one["model"] for one in done.info.fingerprint["stages"]] == ["quick", "slow"]
    again = run("desk", "data.jsonl", out="out.jsonl")
    assert again.info is not None
    assert (again.info.calls, again.info.cache_hits) == (0, NUMBER + len(went))


def test_killed_in_the_middle_the_same_command_continues(folder: Path, quick: Any, slow: Any) -> None:
    write(folder, stage("quick", quick, "below: 0.7"), stage("slow", slow))
    words = [sys.executable, "-m", "dikast", "run", "desk", "data.jsonl", "--concurrency", "2", "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def kill_at_the_sixth(body: Any) -> str:
        if len(judged(slow)) == 6:
            os.kill(process.pid, signal.SIGKILL)
        return slow_answer(body)

    slow.answer = kill_at_the_sixth
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    slow.answer = slow_answer
    again = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout)
    assert summary["run"] == "desk-1"
    assert summary["counts"] == {"scored": NUMBER}
    assert len(judged(quick)) <= NUMBER + 4
    assert len(judged(slow)) <= NUMBER // 2 + 4
    assert "Ended: 12 at quick, 12 at slow" in again.stderr
    shown = say("show", "desk-1")
    assert "Stages of the cascade" in shown.stdout
    assert "12 of 24 ended here (50.0 %)" in shown.stdout
    assert say("report", "desk-1", "--out", "page.html").returncode == 0
    assert "Stages of the cascade" in Path("page.html").read_text()


def test_a_later_stage_that_dies_leaves_the_verdict_before_it_and_says_so(folder: Path, quick: Any, slow: Any) -> None:
    write(folder, stage("quick", quick, "below: 0.7"), stage("slow", slow))
    slow.faults = lambda number: "drop" if number >= 40 else None
    run("slow", "data.jsonl", model="vllm/slow", base_url=slow.url, limit=1)  # so that it is known, and then goes
    slow.faults, slow._script = (lambda number: "drop"), None
    shown = say("run", "desk", "data.jsonl", "--patience", "0.1", "--out", "out.jsonl")
    assert shown.returncode == 3, shown.stderr
    assert "12 should have been judged by a later stage that gave no verdict" in shown.stderr
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert {line["status"] for line in lines} == {"scored"}
    short = [line for line in lines if line["details"]["cascade"]["unanswered"]]
    assert [line["id"] for line in short] == [f"i{n}" for n in range(NUMBER) if n % 4 >= 2]
    for line in short:
        trail = line["details"]["cascade"]
        assert (trail["ended"], trail["unanswered"]) == ("quick", ["slow"])
        assert trail["stages"][1]["status"] == "failed"
        assert "that of stage 'quick' stands" in trail["note"]
    slow.faults = lambda number: None
    again = say("run", "desk", "data.jsonl", "--out", "out.jsonl")
    assert again.returncode == 0, again.stderr
    assert set(judged(slow)) == {0} | {n for n in range(NUMBER) if n % 4 >= 2}


def test_a_first_stage_that_dies_ends_the_run(folder: Path, quick: Any, slow: Any) -> None:
    write(folder, stage("quick", quick, "below: 0.7"), stage("slow", slow))
    quick.close()
    shown = say("run", "desk", "data.jsonl", "--patience", "0.1")
    assert shown.returncode == 1
    assert "nothing answers at" in shown.stderr
    assert judged(slow) == []


def test_what_comes_to_a_person_waits_in_the_queue(folder: Path, quick: Any, slow: Any) -> None:
    write(folder, stage("quick", quick, "below: 0.7"), stage("slow", slow, "when: verdict == 'fail'"), "person")
    shown = say("run", "desk", "data.jsonl")
    assert shown.returncode == 0, shown.stderr
    waiting = [f"i{n}" for n in range(NUMBER) if n % 4 >= 2 and n % 3 == 0]
    assert f"{len(waiting)} wait for a person" in shown.stderr
    lines = [json.loads(line) for line in Path("runs/desk-data.results.jsonl").read_text().splitlines()]
    persons = [line for line in lines if line["details"]["cascade"]["person"]]
    assert [line["id"] for line in persons] == waiting
    assert all(line["status"] == "scored" and line["verdict"] == "fail" for line in persons)
    assert persons[0]["details"]["cascade"]["note"] == "a person is to decide: when verdict == 'fail'"


class TestTheCloud:
    @pytest.fixture
    def cloud(self, model_server: Callable[..., Any], words: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        """A server on another loopback address, which counts as far away here."""
        server = model_server("openai", answer=slow_answer, models=("big",), host="127.0.0.2")
        real = policy_module.is_private

        def is_private(address: str) -> bool:
            return address != "127.0.0.2" and real(address)

        for module in (policy_module, client_module):
            monkeypatch.setattr(module, "is_private", is_private)
        assert leaving.leaves_by_name("openai/big", [server.url])
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-1234567890")
        return server

    def test_without_leave_nothing_is_asked(self, folder: Path, quick: Any, cloud: Any) -> None:
        big = f"{{judge: slow, model: openai/big, base_url: {cloud.url}}}"
        write(folder, stage("quick", quick, "below: 0.7"), big)
        with pytest.raises(PolicyError, match=r"stage 'slow' \(openai/big\) of 'desk' leaves") as refused:
            run("desk", "data.jsonl")
        assert "--without-cloud" in str(refused.value.hint)
        assert quick.requests == []
        assert cloud.requests == []

    def test_without_cloud_it_stops_at_the_last_local_stage(self, folder: Path, quick: Any) -> None:
        write(folder, stage("quick", quick, "below: 0.7"), "{judge: slow, model: openai/big}")
        refused = say("run", "desk", "data.jsonl")
        assert refused.returncode == 2
        assert "--allow-cloud" in refused.stderr
        done = say("run", "desk", "data.jsonl", "--without-cloud", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["model"] == "vllm/quick"

    def test_what_left_is_in_the_ledger_by_interaction_and_run(
        self, folder: Path, quick: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        big = f"{{judge: slow, model: openai/big, base_url: {cloud.url}, price: [2, 8]}}"
        write(folder, stage("quick", quick, "below: 0.7"), big)
        done = run("desk", "data.jsonl", allow_cloud=True)
        went = [n for n in range(NUMBER) if n % 4 >= 2]
        assert sorted(judged(cloud)) == went
        entries = [json.loads(line) for line in Path(".dikast/ledger.jsonl").read_text().splitlines()]
        of_run = [entry for entry in entries if entry.get("interaction")]
        assert sorted(entry["interaction"] for entry in of_run) == sorted(f"i{n}" for n in went)
        assert {entry["run"] for entry in of_run} == {"desk-1"}
        assert {entry["host"] for entry in of_run} == {"127.0.0.2"}
        shown = say("ledger", "--run", "desk-1").stdout
        assert {"127.0.0.2", "openai/big", "desk-1"} <= set(shown.splitlines()[1].split())
        assert f"{len(went)} requests for {len(went)} interactions" in shown.splitlines()[-1]
        one = [json.loads(line) for line in say("ledger", "--interaction", "i6", "--json").stdout.splitlines()]
        assert [(entry["interaction"], entry["run"]) for entry in one] == [("i6", "desk-1")]
        assert say("ledger", "--run", "nosuch").stdout == "No such entry.\n"
        with Path(".dikast/ledger.jsonl").open("a") as file:
            file.write("{cut\n")
        assert "ledger.jsonl, line" in say("ledger").stderr
        last = [one["stages"][-1] for one in trails(list(done)) if one["ended"] == "slow"]
        assert all(one["leaves"] for one in last)
        costs = [one["cost_usd"] for one in last]
        assert costs == [pytest.approx((one["prompt_tokens"] * 2 + one["completion_tokens"] * 8) / 1e6) for one in last]

    def test_what_leaves_is_redacted(self, folder: Path, quick: Any, cloud: Any) -> None:
        pytest.importorskip("presidio_analyzer")
        items = [{"id": "i2", "input": "Item 2. Write to ada.lovelace@example.org.", "output": "yes"}]
        Path("data.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
        write(folder, stage("quick", quick, "below: 0.7"), f"{{judge: slow, model: openai/big, base_url: {cloud.url}}}")
        run("desk", "data.jsonl", allow_cloud=True)
        assert "ada.lovelace@example.org" in json.dumps([one.body for one in quick.chats])
        assert judged(cloud) == [2]
        assert "ada.lovelace" not in json.dumps([one.body for one in cloud.chats])


def test_a_model_for_all_stages_is_refused_where_they_name_their_own(folder: Path, quick: Any, slow: Any) -> None:
    write(folder, stage("quick", quick), stage("slow", slow))
    with pytest.raises(SettingError, match="names its own model"):
        run("desk", "data.jsonl", model="fake")


def test_a_cascade_is_no_single_judge(folder: Path, quick: Any, slow: Any) -> None:
    write(folder, stage("quick", quick), stage("slow", slow))
    with pytest.raises(JudgeError, match="is a cascade of several judges"):
        Judge.load("judges/desk.yaml")


def label(folder: Path) -> None:
    """The truth: what the slow judge says, but for item 2."""
    truth = {n: "fail" if n % 3 == 0 else "pass" for n in range(NUMBER)} | {2: "fail"}
    (folder / "labels.jsonl").write_text(
        "".join(json.dumps({"id": f"i{n}", "verdict": said, "annotator": "ada"}) + "\n" for n, said in truth.items())
    )


class TestReplaying:
    @pytest.fixture
    def judged_folder(self, folder: Path, quick: Any, slow: Any) -> Path:
        write(folder, stage("quick", quick, "below: 0.5"), stage("slow", slow))
        run("quick", "data.jsonl", model="vllm/quick", base_url=quick.url)
        run("slow", "data.jsonl", model="vllm/slow", base_url=slow.url)
        label(folder)
        return folder

    def test_the_figures_are_those_of_the_runs(self, judged_folder: Path, quick: Any, slow: Any) -> None:
        asked = len(quick.requests) + len(slow.requests)
        shown = say("cascade", "replay", "desk", "--runs", "quick-1,slow-1", "--labels", "labels.jsonl", "--json")
        assert shown.returncode == 0, shown.stderr
        found = json.loads(shown.stdout)
        assert found["n"] == NUMBER
        assert found["measure"] == "balanced accuracy"
        # The slow one is wrong on item 2 alone: 15 of 15 good, 8 of 9 bad ones right.
        assert found["alone"]["slow"]["agreement"]["value"] == pytest.approx((1 + 8 / 9) / 2)
        # The quick one says fail of odd items; good ones that are even, and bad ones that are odd, are right.
        good = [n for n in range(NUMBER) if n % 3 and n != 2]
        bad = [n for n in range(NUMBER) if n not in good]
        expected = (sum(n % 2 == 0 for n in good) / len(good) + sum(n % 2 for n in bad) / len(bad)) / 2
        assert found["alone"]["quick"]["agreement"]["value"] == pytest.approx(expected)
        # Below 0.75 go items n % 4 in (2, 3): half of them.
        half = next(one for one in found["settings"] if one["thresholds"] == [pytest.approx(0.75)])
        assert half["reached"] == [1.0, 0.5]
        said = {n: slow_answer_of(n) if n % 4 >= 2 else SURE[n % 4][0] for n in range(NUMBER)}
        worth = (sum(said[n] == "pass" for n in good) / len(good) + sum(said[n] == "fail" for n in bad) / len(bad)) / 2
        assert half["agreement"] == pytest.approx(worth)
        assert found["expected"]["agreement"]["n"] == NUMBER
        assert len(quick.requests) + len(slow.requests) == asked  # no model was asked

    def test_the_newest_runs_are_found_and_the_choice_is_written(self, judged_folder: Path) -> None:
        path = judged_folder / "judges" / "desk.yaml"
        path.write_text(path.read_text() + "# kept\n")
        words = ("--labels", "labels.jsonl", "--out", "trade.html", "--write")
        shown = say("cascade", "replay", "desk", *words)
        assert shown.returncode == 0, shown.stderr
        assert "judged in quick-1, slow-1" in shown.stdout
        assert "Expect " in shown.stdout
        assert "as stated, not calibrated" in shown.stderr
        assert "below: 0.975" in path.read_text()
        assert path.read_text().endswith("# kept\n")
        page = Path("trade.html").read_text()
        assert "Agreement against minutes of model time" in page
        assert "<script" not in page
        assert "://" not in page

    def test_the_runs_are_made_where_data_is_given(self, judged_folder: Path, quick: Any, slow: Any) -> None:
        asked = len(judged(quick)) + len(judged(slow))
        shown = say("cascade", "replay", "desk", "--data", "data.jsonl", "--labels", "labels.jsonl")
        assert shown.returncode == 0, shown.stderr
        assert "judged in quick-2, slow-2" in shown.stdout
        assert len(judged(quick)) + len(judged(slow)) == asked

    def test_what_is_wrong_is_said(self, judged_folder: Path) -> None:
        for words, expected in (
            (("--runs", "quick-1"), "has 2 stages that ask a model, and 1 runs were given"),
            (("--runs", "quick-1,nosuch"), "there is no run and no results file 'nosuch'"),
            (("--budget-minutes", "0"), "no setting keeps to the budget"),
            (("--max-leaving", "lots"), "a share such as 5% or 0.05 is expected"),
        ):
            shown = say("cascade", "replay", "desk", "--labels", "labels.jsonl", *words)
            assert shown.returncode == 2
            assert expected in shown.stderr
        Path("one.jsonl").write_text("".join(f'{{"id": "i{n}", "verdict": "pass"}}\n' for n in range(9)))
        shown = say("cascade", "replay", "desk", "--labels", "one.jsonl")
        assert shown.returncode == 2
        assert "all 9 labelled items are labelled pass" in shown.stderr
        assert "is a judge, and a cascade of several is expected" in say("cascade", "replay", "quick").stderr


def slow_answer_of(n: int) -> str:
    return "fail" if n % 3 == 0 else "pass"


def test_a_plan_foretells_each_stage(folder: Path, quick: Any, slow: Any) -> None:
    write(folder, stage("quick", quick, "below: 0.7"), stage("slow", slow, "below: 0.5"), "person")
    shown = say("plan", "desk", "data.jsonl", "--sample", "8", "--json")
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    first, second = found["stages"]
    drawn = {n for n in judged(quick)}
    assert len(drawn) == 8
    assert first["share"]["value"] == 1.0
    assert second["share"]["value"] == sum(n % 4 >= 2 for n in drawn) / 8
    assert found["person"]["n"] == 8
    words = say("plan", "desk", "data.jsonl", "--sample", "8")
    assert "comes to it  all of 24 interactions" in words.stdout
    assert "from 8 tried" in words.stdout


def test_lint_looks_at_the_stages_and_their_judges(folder: Path, quick: Any, slow: Any) -> None:
    write(folder, stage("quick", quick), stage("slow", slow, "below: 0.5"))
    shown = say("judge", "lint", "desk", "--json")
    found = {(one["code"], one["where"]) for one in json.loads(shown.stdout)}
    assert ("stays-put", "stages[0]") in found
    assert ("no-later-stage", "stages[1]") in found
    assert ("no-examples", "stages[0].judge.examples") in found
    write(folder, stage("quick", quick), "{judge: nosuch}")
    broken = say("judge", "lint", "desk")
    assert broken.returncode == 1
    assert "stages[1].judge: there is no judge 'nosuch'" in broken.stdout


def test_the_queue_of_a_person_and_the_ledger_read_as_they_should(folder: Path, quick: Any, slow: Any) -> None:
    write(folder, stage("quick", quick, "below: 0.7"), stage("slow", slow, "when: verdict == 'fail'"), "person")
    run("desk", "data.jsonl")
    with Store.open(".dikast/store.db") as store:
        kept = store.keep_dataset("data", open_dataset("data.jsonl"))
        verdicts = {one.id: one for one in open_run("desk-1").verdicts()}
        setup = Setup(
            dataset=kept,
            book=store.labels("data"),
            annotator="ada",
            queue="escalated",
            run="desk-1",
            verdicts=verdicts,
            sealed=frozenset({3}),
        )
        desk = Desk(setup)
        ids = [desk.id_at(position) for position in desk.queue.positions]
    assert ids == [f"i{n}" for n in range(NUMBER) if n % 4 >= 2 and n % 3 == 0 and n != 3]
    assert not desk.queue.measuring
    assert say("ledger").stdout == "Nothing left this machine and its private network.\n"


def test_what_a_stage_learned_from_is_held_back_from_the_cascade(folder: Path, quick: Any, slow: Any) -> None:
    (folder / "judges" / "slow.yaml").rename(folder / "slow.yaml")
    (folder / "judges" / "slow").mkdir()
    (folder / "slow.yaml").rename(folder / "judges" / "slow" / "judge.yaml")
    (folder / "judges" / "slow" / "learned_from.txt").write_text("i0\ni1\n")
    write(folder, stage("quick", quick, "below: 0.7"), stage("slow", slow))
    label(folder)
    run("desk", "data.jsonl")
    shown = say("agree", "desk-1", "--labels", "labels.jsonl", "--json")
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert found["n"] == NUMBER - 2
    assert found["left_out"]["the judge learned from it"] == 2


def test_confidence_is_read_through_the_map_that_is_kept(folder: Path, quick: Any, slow: Any) -> None:
    write(folder, stage("quick", quick, "below: 0.7"), stage("slow", slow))
    first = run("desk", "data.jsonl")
    told = trails(list(first))[0]["stages"][0]
    assert first.info is not None
    key = model_key("vllm/quick", first.info.fingerprint["stages"][0])
    # Slope 0 and shift 0: whatever it says, it is right half of the time.
    useless = ConfidenceMap(kind="platt", source=told["confidence_source"], parameters=(0.0, 0.0))
    ref = Judge.load("judges/quick.yaml").ref
    kept = Calibration(judge=ref, model=key, map=useless, run="x", dataset="x", n=60, why="for this test")
    with Store.open(".dikast/store.db") as store:
        store.keep_calibration(kept)
    again = run("desk", "data.jsonl")
    for trail in trails(list(again)):
        assert trail["ended"] == "slow"
        assert trail["stages"][0]["confidence"] == 0.5
        assert trail["stages"][0]["confidence_source"] == f"calibrated: {told['confidence_source']}"
    assert again.info is not None
    assert again.info.fingerprint["stages"][0]["calibration"]["kind"] == "platt"
