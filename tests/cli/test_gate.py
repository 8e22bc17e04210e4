"""`dikast gate` through the real command line: answers, exit codes, files, and what GitHub shows."""

from __future__ import annotations

import json
import random
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dikast.agreement.figures import Comparison, agreement
from dikast.cli import main
from dikast.errors import InputError
from dikast.gating.bars import Asked, read_bar
from dikast.gating.deciding import gate
from dikast.interactions import open_dataset
from dikast.judges.definition import Judge
from dikast.records import Interaction, JudgeRef, Label, RunInfo, Verdict
from dikast.report.github import SUMMARY_BYTES
from dikast.store import Store

HOSTILE = "<img src=x onerror=1> **bold** | @ada\n::error::\x1b[31m\x00 https://evil.example"
TIERS = ("vip", "free", "::warn")


def rows(n: int = 900, *, unparsed: int = 0, good: float = 0.93) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Results, and labels of every fourth item: the judge has TPR .95 and TNR .85."""
    rng = random.Random(3)
    results, labels = [], []
    for i in range(n):
        is_good = rng.random() < good
        passes = rng.random() < (0.95 if is_good else 0.15)
        row: dict[str, Any] = {
            "id": f"t{i}",
            "status": "scored",
            "verdict": "pass" if passes else "fail",
            "critique": HOSTILE,
            "judge": {"name": "refunds", "version": "ab12"},
            "metadata": {"tier": TIERS[i % 3]},
        }
        if i >= n - unparsed:
            row |= {"status": "unparsed", "verdict": None, "reason": "cut off: x"}
        results.append(row)
        if i % 4 == 0:
            labels.append({"id": f"t{i}", "verdict": "pass" if is_good else "fail"})
    return results, labels


def write(name: str, lines: list[dict[str, Any]]) -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with results, labels, and results of which a fifth has no verdict."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    results, labels = rows()
    write("results.jsonl", results)
    write("labels.jsonl", labels)
    write("holes.jsonl", rows(unparsed=180)[0])
    return tmp_path


def dikast(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    assert stopped.value.code == code, shown.out + shown.err
    return shown.out, shown.err


def gated(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dikast(capsys, "gate", *arguments, "--json", code=code)[0])
    return found


class TestTheThreeAnswers:
    def test_the_low_end_decides(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        labelled = ("results.jsonl", "--labels", "labels.jsonl")
        passed = gated(capsys, *labelled, "--min-pass", "0.8")
        (check,) = passed["checks"]
        assert (passed["answer"], check["answer"], passed["labelled"]) == ("pass", "pass", 225)
        assert check["low"] > 0.8
        between = f"{check['figure']['value']:.3f}"
        unsure = gated(capsys, *labelled, "--min-pass", between, code=4)
        assert unsure["answer"] == "cant_tell"
        assert unsure["checks"][0]["needs"]
        failed = gated(capsys, *labelled, "--min-pass", "99%", code=1)
        assert failed["checks"][0]["high"] < 0.99
        shown, _ = dikast(capsys, "gate", *labelled, "--min-pass", between, "--unsure", "pass", "--markdown", "gate.md")
        assert shown.endswith("CAN'T TELL; it counts as a pass here (--unsure pass).\n")
        assert "it counts as a pass here" in Path("gate.md").read_text(encoding="utf-8")
        dikast(capsys, "gate", *labelled, "--min-pass", between, "--unsure", "fail", code=1)
        dikast(capsys, "gate", *labelled, "--min-pass", "99%", "--unsure", "pass", code=1)

    def test_it_is_the_figure_of_agree(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (check,) = gated(capsys, "results.jsonl", "--labels", "labels.jsonl", "--min-pass", "0.5")["checks"]
        dikast(capsys, "agree", "results.jsonl", "--labels", "labels.jsonl")
        shown, _ = dikast(capsys, "agree", "results.jsonl", "--labels", "labels.jsonl", "--json")
        corrected = json.loads(shown)["corrected_pass_rate"]
        assert check["figure"] == corrected
        assert (check["low"], check["high"]) == (corrected["low"], corrected["high"])

    def test_items_without_a_verdict_count_as_the_worst_and_as_the_best(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = gated(capsys, "holes.jsonl", "--labels", "labels.jsonl", "--min-pass", ".8", code=4)
        (check,) = found["checks"]
        figure = check["figure"]
        assert (check["n"], check["unjudged"], found["unjudged"]) == (720, 180, {"unparsed": 180})
        assert check["low"] == pytest.approx(0.8 * figure["low"])
        assert check["high"] == pytest.approx(0.8 * figure["high"] + 0.2)
        assert "180 items have no verdict" in found["notes"][0]
        assert gated(capsys, "holes.jsonl", "--min-scored", ".75")["checks"][0]["figure"]["value"] == 0.8
        gated(capsys, "holes.jsonl", "--min-scored", "81%", code=1)

    def test_without_labels_it_cannot_be_told(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        shown, _ = dikast(capsys, "gate", "results.jsonl", "--min-pass", "0.8", code=4)
        assert "no labels are known" in shown
        assert "--labels FILE" in shown
        shown, _ = dikast(capsys, "gate", "results.jsonl", "--min-pass", "0.8", "--uncorrected")
        assert "the judge's own" in shown
        assert "PASS" in shown

    def test_a_judge_no_better_than_chance_cannot_be_told(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write("guess.jsonl", [{"id": f"t{i}", "verdict": "pass" if i % 3 else "fail"} for i in range(0, 900, 4)])
        shown, _ = dikast(capsys, "gate", "results.jsonl", "--min-pass", "0.8", "--labels", "guess.jsonl", code=4)
        assert "no better than chance" in shown
        learning = [{"id": f"t{i}", "verdict": "pass", "drawn": "most uncertain"} for i in range(40)]
        write("queue.jsonl", learning)
        shown, _ = dikast(capsys, "gate", "results.jsonl", "--min-pass", "0.8", "--labels", "queue.jsonl", code=4)
        assert "drawn for learning" in shown

    @pytest.mark.parametrize(
        ("said", "bar", "why"),
        [
            ({"verdict": "pass"}, "--min-mean", "gives no scores"),
            ({"verdict": None, "scores": {"overall": 4, "reasoning": None}}, "--min-pass", "gives scores"),
            ({"verdict": "a"}, "--min-tpr", "which of two is better"),
        ],
    )
    def test_a_bar_that_is_not_for_such_a_judge_is_a_wrong_usage(
        self, folder: Path, capsys: pytest.CaptureFixture[str], said: dict[str, Any], bar: str, why: str
    ) -> None:
        """Else --unsure pass would let everything through."""
        judge = {"name": "j", "version": "1"}
        write("kind.jsonl", [{"id": f"t{i}", "status": "scored", "judge": judge} | said for i in range(9)])
        _, complaint = dikast(capsys, "gate", "kind.jsonl", bar, "0.5", "--unsure", "pass", code=2)
        assert why in complaint

    def test_parts_hold_all_at_once(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        found = gated(
            capsys, "results.jsonl", "--labels", "labels.jsonl", "--min-pass", ".3", "--min-pass", "tier=vip:0.99",
            "--by", "tier", code=1,
        )  # fmt: skip
        of = {(check["slice"] or {}).get("tier"): check for check in found["checks"]}
        assert set(of) == {None, *TIERS}
        assert of[None]["level"] == 0.95
        assert of["free"]["level"] == pytest.approx(1 - 0.05 / 3)
        assert (of["vip"]["bar"], of["free"]["bar"]) == (0.99, 0.3)
        assert any("Bonferroni" in note for note in found["notes"])

    def test_the_judges_rates(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        found = gated(
            capsys, "results.jsonl", "--labels", "labels.jsonl", "--min-tpr", ".85", "--min-tnr", ".1"
        )  # fmt: skip
        assert [check["answer"] for check in found["checks"]] == ["pass", "pass"]
        gated(capsys, "results.jsonl", "--min-tpr", ".85", code=4)


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ((), "nothing is asked"),
            (("--min-pass", "85"), "a share above 0 and up to 1"),
            (("--min-pass", "high"), "can't be read"),
            (("--min-pass", ".8", "--by", "no"), "the keys here are: tier"),
            (("--min-tpr", ".8", "--by", "tier"), "none is given"),
            (("--min-pass", "tier=x:.8"), "its values here are: '::warn', 'free', 'vip'"),
            (("--min-pass", ".8", "--labels", "none.jsonl"), "none.jsonl"),
            (("--min-pass", ".8", "--labels", "other.jsonl"), "no label belongs to an item"),
        ],
    )
    def test_what_is_wrong_is_said(
        self, folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
    ) -> None:
        write("other.jsonl", [{"id": "zz", "verdict": "pass"}])
        labels = () if "--labels" in arguments else ("--labels", "labels.jsonl")
        assert said in dikast(capsys, "gate", "results.jsonl", *labels, *arguments, code=2)[1]

    def test_bars_as_they_are_written(self) -> None:
        assert read_bar("pass_rate", " 85 % ").at_least == 0.85
        assert read_bar("mean", "3.5").at_least == 3.5
        bar = read_bar("pass_rate", "topic=a:b=c:.9")
        assert (bar.key, bar.value, bar.at_least) == ("topic", "a:b=c", 0.9)

    def test_an_unfinished_run_cannot_be_told(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        judge = Judge.from_dict({"name": "refunds", "task": "Is it right?"})
        info = RunInfo(
            name="", judge=judge.ref, judge_definition=judge.to_dict(), dataset="d", model="m", fingerprint={},
            started_at="2026-01-01T00:00:00Z", rejected=2,
        )  # fmt: skip
        with Store.open(Path(".dikast") / "store.db") as store:
            log = store.begin_run(info, key=b"k" * 32, owner="", out=None, name="half")
            for i in range(100):
                item = Interaction(id=f"t{i}", input=f"q{i}", output="a", labels=(Label(id=f"t{i}", verdict="pass"),))
                log.write(i, item, Verdict(id=item.id, status="scored", verdict="pass", judge=judge.ref))
            log.save_info(msgspec.structs.replace(info, name="half"), finished=False)
        shown, _ = dikast(capsys, "gate", "half", "--min-pass", ".5", "--uncorrected", code=4)
        assert "was not finished" in shown
        assert "2 lines of the data could not be read" in shown


class TestFiles:
    def test_junit_counts_and_holds_no_forbidden_character(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        results, _ = rows()
        write("results.jsonl", [row | {"metadata": {"tier": "a\x01\x1b<&\"'"}} for row in results])
        arguments = ("gate", "results.jsonl", "--labels", "labels.jsonl", "--junit", "gate.xml", "--by", "tier")
        bars = ("--min-pass", ".92", "--min-scored", ".5", "--min-tpr", ".999")
        dikast(capsys, *arguments, *bars, code=1)
        suite = ET.fromstring(Path("gate.xml").read_bytes())[0]
        cases = suite.findall("testcase")
        outcomes = [child.tag for case in cases for child in case if child.tag != "properties"]
        assert sorted(outcomes) == ["error", "error", "failure"]
        assert suite.attrib["tests"] == "4" == str(len(cases))
        assert (suite.attrib["failures"], suite.attrib["errors"], suite.attrib["skipped"]) == ("1", "2", "0")
        first = {one.attrib["name"]: one.attrib["value"] for one in cases[0].iter("property")}
        assert float(first["low"]) < float(first["value"]) < float(first["high"])
        assert "95 % interval" in first["interval"]
        dikast(capsys, *arguments, "--min-pass", ".92", "--unsure", "pass")
        assert ET.fromstring(Path("gate.xml").read_bytes()).attrib["skipped"] == "2"
        dikast(capsys, *arguments[:6], "--min-pass", "50%", "--min-pass", "99.5%", code=1)
        names = [case.attrib["name"] for case in ET.fromstring(Path("gate.xml").read_bytes()).iter("testcase")]
        assert names == ["pass rate, bar 50 %", "pass rate, bar 99.5 %"]

    def test_texts_of_models_stay_texts_in_markdown(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        from markdown_it import MarkdownIt

        dikast(
            capsys, "gate", "results.jsonl", "--labels", "labels.jsonl", "--min-pass", ".5", "--by", "tier",
            "--markdown", "gate.md",
        )  # fmt: skip
        text = Path("gate.md").read_text(encoding="utf-8")
        page = MarkdownIt("commonmark").enable("table").render(text)
        assert "<img" not in page
        assert "<strong>bold" not in page
        assert "&lt;img src=x onerror=1&gt; **bold** | @" in page
        assert "https\\://" in text
        assert "\x1b" not in text
        assert page.count("<table>") == 2
        assert "and " in page

    def test_github_gets_a_summary_and_annotations(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        results, labels = rows(1200)
        write("results.jsonl", [row | {"metadata": {"n": f"{i % 12}, %\n::"}} for i, row in enumerate(results)])
        write("labels.jsonl", labels)
        arguments = ("results.jsonl", "--labels", "labels.jsonl", "--min-pass", ".99", "--by", "n")
        shown, said = dikast(capsys, "gate", *arguments, "--json", code=1)
        assert json.loads(shown)["answer"] == "fail"  # standard output stays JSON
        errors = [line for line in said.splitlines() if line.startswith("::error title=dikast gate results::")]
        warnings = [line for line in said.splitlines() if line.startswith("::warning ")]
        assert len(said.splitlines()) == len(errors) + len(warnings)
        assert len(errors) <= 10
        assert len(warnings) <= 10
        assert all("%0A" in line or "n =" not in line for line in errors)
        assert (folder / "summary.md").read_text(encoding="utf-8").startswith("## ❌ dikast gate: results")
        (folder / "summary.md").write_bytes(b"x" * (SUMMARY_BYTES - 400))
        dikast(capsys, "gate", *arguments, code=1)
        size = (folder / "summary.md").stat().st_size
        assert SUMMARY_BYTES - 400 < size <= SUMMARY_BYTES
        assert "cut" in (folder / "summary.md").read_text(encoding="utf-8")[-80:]
        dikast(capsys, "gate", *arguments, code=1)
        assert (folder / "summary.md").stat().st_size <= SUMMARY_BYTES
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "no" / "summary.md"))
        assert "can't write the step's summary" in dikast(capsys, "gate", *arguments, code=1)[1]

    def test_a_file_that_cannot_be_written_is_an_error(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        arguments = ("results.jsonl", "--labels", "labels.jsonl", "--min-pass", ".5", "--junit", "no/x.xml")
        assert "no/x.xml" in dikast(capsys, "gate", *arguments, code=1)[1]


class TestKeptLabels:
    def test_saved_labels_and_the_seal_bind(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        results, _ = rows(400)
        write(
            "support.jsonl", [{"id": r["id"], "input": f"{r['id']} how?", "output": f"so {r['id']}"} for r in results]
        )
        judge = Judge.from_dict({"name": "refunds", "task": "Is it right?"})
        data = list(open_dataset("support.jsonl"))
        info = RunInfo(
            name="", judge=judge.ref, judge_definition=judge.to_dict(), dataset="support.jsonl", model="m",
            fingerprint={}, started_at="2026-01-01T00:00:00Z", finished_at="2026-01-01T00:01:00Z",
        )  # fmt: skip
        with Store.open(Path(".dikast") / "store.db") as store:
            store.keep_dataset("support", data)
            store.split("support").settle()
            said = [Label(id=r["id"], verdict="pass" if i % 9 else "fail") for i, r in enumerate(results)]
            store.labels("support").save_all([(label, "saved", 0) for label in said])
            log = store.begin_run(info, key=b"k" * 32, owner="", out=None, name="r")
            for i, item in enumerate(data):
                log.write(i, item, Verdict(id=item.id, status="scored", verdict=said[i].verdict, judge=judge.ref))
            log.save_info(msgspec.structs.replace(info, name="r"), finished=True)
        open_part = gated(capsys, "r", "--min-pass", ".5")
        assert open_part["left_out"].keys() == {"in the sealed test"}
        assert open_part["measured_on"]["part"] == "unsealed"
        sealed = gated(capsys, "r", "--min-pass", ".5", "--open-test", "release 2")
        assert sealed["labelled"] == open_part["left_out"]["in the sealed test"]
        with Store.open(Path(".dikast") / "store.db") as store:
            assert [one.why for one in store.openings("support")] == ["release 2"]
        assert (
            "opened by an explicit word" in dikast(capsys, "gate", "r", "--min-pass", ".5", "--part", "test", code=2)[1]
        )


class TestScores:
    def test_a_mean_score_has_its_bar(self) -> None:
        rng = random.Random(5)
        judge = JudgeRef("quality", "1")
        verdicts, labels = [], []
        for i in range(400):
            true = rng.choice([3, 4, 5])
            score = min(5, max(1, true + rng.choice([-1, 0, 0, 1])))
            verdicts.append(Verdict(id=str(i), status="scored", scores={"overall": score}, judge=judge))
            if i % 2:
                labels.append(Label(id=str(i), score=true, scale=(1, 5)))
        asked = Asked((read_bar("mean", "3.7"),), judge_scale=(1, 5))
        (check,) = gate(verdicts, labels, lambda _: None, asked).checks
        assert check.answer == "pass"
        broken = [Verdict(id=f"x{i}", status="failed", reason="down: x", judge=judge) for i in range(400)]
        (check,) = gate([*verdicts, *broken], labels, lambda _: None, asked).checks
        assert (check.answer, check.unjudged) == ("cant_tell", 400)
        assert check.low is not None
        assert check.low < 2.6
        (check,) = gate([*verdicts, *broken], labels, lambda _: None, Asked((read_bar("mean", "3.7"),))).checks
        assert "the ends of the scale" in check.why
        with pytest.raises(InputError, match="gives scores"):
            gate(verdicts, labels, lambda _: None, Asked((read_bar("pass_rate", "0.7"),)))

    def test_one_criterion(self) -> None:
        judge = JudgeRef("quality", "1")
        said = ("pass", "fail")
        verdicts = [
            Verdict(
                id=str(i), status="scored", verdict="fail", judge=judge,
                scores={"tone": said[i % 9 == 0]} if i < 190 else {"facts": "pass"},
            )
            for i in range(200)
        ]  # fmt: skip
        labels = [Label(id=str(i), verdict=said[i % 9 == 0], criterion="tone") for i in range(0, 190, 2)]  # type: ignore[arg-type]
        bars = (read_bar("pass_rate", "0.5"),)
        found = gate(verdicts, labels, lambda _: None, Asked(bars, criterion="tone"))
        assert found.answer == "pass"
        assert found.unjudged == {"unparsed": 10}
        plain = agreement(verdicts, labels, None, Comparison())
        assert plain.corrected is not None
