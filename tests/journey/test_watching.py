"""Watching a source: it grows, is sampled, judged once, sent once; through restarts, kills and failures."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dikast.errors import DataError, EndpointDown, InputError, WorldError
from dikast.interactions.dataset import open_dataset
from dikast.interactions.sampling import SampleRequest
from dikast.journey.drifting import AnchorSet, Look, Series, acknowledge, anchor_rounds, anchors_in, look, tell_once
from dikast.journey.importing import ImportRequest
from dikast.journey.running import RunPlan
from dikast.journey.watching import Anchors, Watch, WatchPlan, only_watch
from dikast.judges.definition import Judge
from dikast.records import Interaction, Label, Verdict
from dikast.store import Store
from dikast.workspace import Workspace

PROMPT = 'Judge.\n\nQuestion: {input}\nAnswer: {output}\n\nReply with {"verdict": "pass" or "fail"}\n'
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


@dataclass
class Files:
    """A source that is files."""

    paths: tuple[str, ...]
    format: str | None = None
    is_empty: bool = False

    def done(self, *, kept: bool) -> None:
        """Files stay."""


class Clock:
    """A clock that is moved by hand."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "judge.txt").write_text(PROMPT)
    monkeypatch.chdir(tmp_path)
    Workspace.init(tmp_path)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    Workspace.find().make_state_dir()
    with Store.open(folder / ".dikast" / "store.db") as opened:
        yield opened


def grow(numbers: Iterable[int], **more: Any) -> None:
    with Path("data.jsonl").open("a") as file:
        for n in numbers:
            item = {"id": f"i{n}", "input": f"Is {n} even?", "output": "yes", **more}
            file.write(json.dumps(item) + "\n")


def watch(store: Store, clock: Callable[[], datetime] = lambda: NOW, model: str = "fake", **more: Any) -> Watch:
    workspace = Workspace.find()
    source = str(Path("data.jsonl").absolute())

    @contextmanager
    def pull() -> Iterator[Files]:
        yield Files((source,))

    run = RunPlan(
        judge=Judge.load(Path("judge.txt")),
        dataset=open_dataset([]),
        workspace=workspace,
        settings=workspace.settings(model=model, store=str(store.location), patience_s=0.2),
        name="w",
    )
    plan = WatchPlan(name="w", run=run, pull=pull, request=ImportRequest(sources=(source,), name="w"))
    return Watch(replace(plan, **more), store, clock)


class TestRounds:
    def test_each_takes_what_is_new_and_one_run_grows(self, store: Store) -> None:
        grow(range(10))
        assert (watch(store).round().new, watch(store).round().new) == (10, 0)
        grow(range(10, 15))
        health = watch(store).round()
        assert (health.new, health.judged, health.failed) == (5, 5, [])
        log = store.run("w")
        assert log is not None
        assert [verdict.id for verdict in log.verdicts()] == [f"i{n}" for n in range(15)]
        assert sum(log.info().counts.values()) == 15
        assert [one.name for one in store.runs()] == ["w"]

    def test_a_sample_is_drawn_and_its_design_kept(self, store: Store) -> None:
        grow(range(50))
        health = watch(store, sample=SampleRequest(n=20)).round()
        assert (health.new, health.drawn, health.judged) == (50, 20, 20)
        design = watch(store).kept.rounds()[0].design
        assert design is not None
        assert (design.n, design.population, design.method) == (20, 50, "random")
        assert watch(store, sample=SampleRequest(n=20)).round().judged == 0  # passed over is passed over

    def test_in_strata_a_round_whose_items_lack_the_key_is_drawn_all_the_same(self, store: Store) -> None:
        grow(range(10))
        asked = SampleRequest(n=4, key="feature")
        refused = watch(store, sample=asked).round()
        assert "no interaction has the metadata key 'feature'" in str(refused.failed[0])  # a slip of the pen
        grow(range(10, 20), metadata={"feature": "a"})
        assert watch(store, sample=asked).round().drawn == 4
        grow(range(20, 30))
        health = watch(store, sample=asked).round()
        assert (health.failed, health.new, health.drawn) == ([], 10, 4)

    def test_a_source_that_is_larger_than_a_batch_is_taken_whole_and_in_order(self, store: Store) -> None:
        grow(range(2300))
        health = watch(store).round()
        assert (health.new, health.drawn, health.judged) == (2300, 2300, 2300)
        log = store.run("w")
        assert log is not None
        assert [verdict.id for verdict in log.verdicts()] == [f"i{n}" for n in range(2300)]

    def test_what_changed_is_said_and_not_judged_again(self, store: Store) -> None:
        grow(range(3))
        watch(store).round()
        Path("data.jsonl").write_text("")
        grow([0, 1])
        grow([2], context="more")
        health = watch(store).round()
        assert (health.new, health.changed, health.judged) == (0, 1, 0)

    def test_a_line_that_is_half_written_is_taken_when_it_is_whole(self, store: Store) -> None:
        grow(range(2))
        with Path("data.jsonl").open("a") as file:
            file.write('{"id": "i2", "input": "Is 2 ev')
        first = watch(store).round()
        assert (first.new, first.dropped) == (2, 1)
        with Path("data.jsonl").open("a") as file:
            file.write('en?", "output": "yes"}\n')
        assert watch(store).round().new == 1

    def test_another_source_under_its_name_is_refused(self, store: Store) -> None:
        grow(range(2))
        watch(store).round()
        with pytest.raises(InputError, match="the watch 'w' has 'judge' judge"):
            watch(store, request=ImportRequest(sources=("/elsewhere",), name="w"))

    def test_verify_finds_what_is_missing_of_a_watch(self, store: Store) -> None:
        grow(range(3))
        watch(store).round()
        assert store.verify().problems == []
        with sqlite3.connect(store.location) as database:
            database.execute("UPDATE watch_items SET interaction = x'00' WHERE position = 1")
            database.execute("UPDATE watch_rounds SET body = x'7b'")
        database.close()
        problems = store.verify().problems
        assert any("what it drew at 1 is not there" in problem for problem in problems)
        assert any(problem.startswith("watch_rounds: ") for problem in problems)


class TestFailures:
    def test_a_source_that_is_empty_holds_nothing_new(self, store: Store, folder: Path) -> None:
        Path("data.jsonl").touch()
        assert watch(store).round().failed == []
        grow(range(3))
        assert watch(store).round().new == 3
        Path("data.jsonl").write_text("")  # begun anew
        assert watch(store).round().failed == []
        grow([3])
        assert watch(store).round().new == 1

    @pytest.mark.parametrize(("source", "fails"), [("traces", False), ("traces/*.jsonl", True), ("nowhere", True)])
    def test_an_empty_folder_waits_and_a_slip_of_the_pen_is_told(
        self, store: Store, folder: Path, source: str, fails: bool
    ) -> None:
        Path("traces").mkdir()

        @contextmanager
        def pull() -> Iterator[Files]:
            yield Files((str(folder / source),))

        mine = watch(store, pull=pull)
        assert bool(mine.round().failed) is fails
        if source == "nowhere":
            return
        Path("traces/a.jsonl").write_text('{"id": "1", "input": "a", "output": "b"}\n')
        assert mine.round().new == 1
        Path("traces/a.jsonl").unlink()
        assert mine.round().failed == []

    def test_a_missing_source_is_told_and_waited_for(self, store: Store) -> None:
        mine = watch(store)
        health = mine.round()
        assert [type(error).__name__ for error in health.failed] == ["DataError"]
        hour = timedelta(hours=1)
        assert mine.wait_s(hour, lambda: 0) == 60
        mine.round()
        assert mine.wait_s(hour, lambda: 0) == 120
        grow(range(2))
        assert mine.round().judged == 2
        assert mine.wait_s(hour) == 3600

    def test_a_model_that_is_down_leaves_the_round_open(self, store: Store) -> None:
        grow(range(4))
        dead = watch(store, model="x", run=replace(watch(store).plan.run, settings=Workspace.find().settings(
            model="x", base_url=("http://127.0.0.1:9",), store=str(store.location), patience_s=0.1)))  # fmt: skip
        health = dead.round()
        assert isinstance(health.failed[0], EndpointDown)
        assert health.judged == 0
        again = watch(store).round()
        assert (again.new, again.judged) == (0, 4)

    def test_what_could_not_be_sent_is_sent_later(self, store: Store) -> None:
        grow(range(3))
        sent: list[list[str]] = []

        def push(run: str, verdicts: Iterable[Verdict]) -> int:
            sent.append([one.id for one in verdicts])
            if len(sent) == 1:
                raise WorldError("the platform is down")
            return len(sent[-1])

        assert watch(store, push=push).round().failed
        assert watch(store, push=push).round().pushed == 3
        assert watch(store, push=push).round().pushed is None
        assert sent == [["i0", "i1", "i2"]] * 2


class TestTheLock:
    def test_two_watches_at_once_are_refused(self, store: Store) -> None:
        with only_watch(store):  # noqa: SIM117
            with pytest.raises(WorldError, match="another watch"), only_watch(store):
                pass
        with only_watch(store):
            pass

    def test_a_dead_owners_lock_is_taken_over(self, store: Store) -> None:
        code = (
            "import os, sys; from dikast.store import Store; from dikast.journey.watching import only_watch\n"
            "with Store.open(sys.argv[1]) as store, only_watch(store): os.kill(os.getpid(), 9)"
        )
        killed = subprocess.run([sys.executable, "-c", code, str(store.location)], check=False)
        assert killed.returncode == -signal.SIGKILL
        with only_watch(store):
            pass

    def test_a_dead_owner_that_nobody_collects_is_dead(self, store: Store) -> None:
        code = (
            "import os, sys; from dikast.store import Store; from dikast.journey.watching import only_watch\n"
            "with Store.open(sys.argv[1]) as store, only_watch(store): os.kill(os.getpid(), 9)"
        )
        killed = subprocess.Popen([sys.executable, "-c", code, str(store.location)])
        os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
        with only_watch(store):
            pass
        assert killed.wait() == -signal.SIGKILL


class TestAnchors:
    def anchors(self, n: int = 40) -> Anchors:
        items = [Interaction(id=f"a{i}", input=f"anchor {i}", output="yes") for i in range(n)]
        return Anchors(AnchorSet(items, {item.id: "pass" if i % 2 else "fail" for i, item in enumerate(items)}))

    def test_they_are_judged_at_first_on_schedule_and_when_the_model_is_another(self, store: Store) -> None:
        grow(range(3))
        clock = Clock()
        assert watch(store, clock, anchors=self.anchors()).round().anchors == "40 anchors judged"
        assert watch(store, clock, anchors=self.anchors()).round().anchors is None
        clock.now += timedelta(days=7)
        assert watch(store, clock, anchors=self.anchors()).round().anchors == "40 anchors judged, 0 changed"
        grow(range(3, 6))
        clock.now += timedelta(hours=1)
        changed = watch(store, clock, model="fake/other", anchors=self.anchors()).round()
        assert changed.anchors is not None
        assert "changed" in changed.anchors
        assert changed.corrected or changed.rate is not None
        assert len(anchor_rounds(store, "w")) == 3

    def test_the_judges_change_is_told_once_and_closed_by_hand(self, store: Store) -> None:
        grow(range(30))
        watch(store).round()
        grow(range(30, 60))
        last = watch(store, model="fake/other")
        last.round()
        series = Series("w", watch=last.kept, log=last.log)
        asked = Look(every="week", now=NOW + timedelta(days=1))

        def told() -> Any:
            return tell_once(look(series, store, asked), series, store, "week", asked.now)

        first = told()
        assert [alert.cause for alert in first.new] == ["judge"]
        assert "its model from fake to fake/other" in first.new[0].text
        assert told().new == ()
        acknowledge(store, first.new[0].id, "a new model", asked.now)
        assert told().alerts[0].acknowledged_why == "a new model"
        with pytest.raises(InputError, match="no alert 9"):
            acknowledge(store, 9, None, asked.now)

    def test_another_set_of_anchors_is_refused(self, store: Store) -> None:
        grow(range(3))
        watch(store, anchors=self.anchors()).round()
        clock = Clock()
        clock.now += timedelta(days=8)
        health = watch(store, clock, anchors=self.anchors(30)).round()
        assert "a set of anchors stays as it was" in str(health.failed[0])

    def labelled(self, n: int) -> list[Interaction]:
        said = (Label(id=f"a{i}", verdict="pass" if i % 2 else "fail") for i in range(n))
        return [Interaction(id=one.id, input=f"anchor {one.id}", output="yes", labels=(one,)) for one in said]

    def test_what_is_sealed_or_was_learned_from_is_left_out(self, store: Store, folder: Path) -> None:
        items = self.labelled(60)
        store.keep_dataset("anchors", items[:40])
        split = store.split("anchors")
        split.settle()
        sealed = {store.dataset("anchors").item(at).id for at in split.positions("test")}
        (folder / "shown.yaml").write_text(
            "task: Is it right?\nexamples:\n  - {input: anchor a50, output: 'yes', verdict: fail, critique: No.}\n"
        )
        found = anchors_in(items, [], Judge.load(folder / "shown.yaml"), store)
        assert found.held == {id: "in the sealed test" for id in sealed} | {"a50": "the judge learned from it"}
        assert len(sealed) > 0
        assert (
            {item.id for item in found.items} == found.labels.keys() == {f"a{i}" for i in range(60)} - found.held.keys()
        )
        assert found.words == (
            f"{len(sealed) + 1} of 60 anchors are left out "
            f"({len(sealed)}: in the sealed test; 1: the judge learned from it)"
        )
        only = next(item for item in items if item.id in sealed)
        with pytest.raises(
            DataError, match=r"no anchor is left: 1 of 1 anchors are left out \(1: in the sealed test\)"
        ):
            anchors_in([only], [], Judge.load(folder / "shown.yaml"), store)

    def test_what_is_held_back_later_goes_and_the_rest_stays_the_same_set(self, store: Store) -> None:
        grow(range(3))
        clock = Clock()
        whole = self.anchors()
        watch(store, clock, anchors=whole).round()
        clock.now += timedelta(days=8)
        kept = whole.chosen.items[5:]
        labels = {item.id: whole.chosen.labels[item.id] for item in kept}
        fewer = AnchorSet(kept, labels, {f"a{i}": "the judge learned from it" for i in range(5)})
        assert watch(store, clock, anchors=Anchors(fewer)).round().anchors == "35 anchors judged, 0 changed"


def test_killed_in_the_middle_it_continues_and_judges_nothing_twice(
    folder: Path, model_server: Callable[..., Any]
) -> None:
    number, prompts, killed = 60, Counter[str](), []

    def answer(body: Any) -> str:
        text = body["messages"][-1]["content"]
        if "Question: Is " in text:
            prompts[text] += 1
            if sum(prompts.values()) == 25:
                os.kill(killed[0].pid, signal.SIGKILL)
        return '{"verdict": "pass"}'

    server = model_server("openai", answer=answer, latency_s=0.01)
    grow(range(number), metadata={"source": "otlp", "trace_id": "t"})
    command = [sys.executable, "-m", "dikast", "watch", "data.jsonl", "--judge", "judge.txt", "--model", "qwen3:8b",
               "--base-url", server.url, "--concurrency", "4", "--push-to", "scores.jsonl", "--once"]  # fmt: skip
    killed.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
    killed[0].communicate(timeout=60)
    assert killed[0].returncode == -signal.SIGKILL
    again = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert again.returncode == 0, again.stderr
    assert "60 judged (60 pass)" in again.stderr
    assert len(prompts) == number
    assert sum(prompts.values()) <= number + 4  # only what was open when it died
    scores = [json.loads(line) for line in Path("scores.jsonl").read_text().splitlines()]
    assert len(scores) >= 1
    third = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert "nothing new, nothing judged" in third.stderr
    assert len(Path("scores.jsonl").read_text().splitlines()) == len(scores)
    assert sum(prompts.values()) <= number + 4
