"""The pytest plugin, run by pytest itself in a folder of its own, against real local servers and the fake model."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import scipy.special
import yaml

import dikast.cli.run
import dikast.models.opening
import dikast.pytest_plugin
import dikast.testing.ruling
import dikast.testing.tally
from dikast.cli import main
from dikast.records import Label
from dikast.store import Store

# pytester forgets what is first imported within one of its runs; modules with a compiled part can't be loaded twice
LOADED = (
    aiohttp,
    yaml,
    scipy.special,
    dikast.cli.run,
    dikast.models.opening,
    dikast.testing.ruling,
    dikast.testing.tally,
)

pytest_plugins = ["pytester"]

JUDGE = "name: refunds\ntask: Does the answer say what the policy says?\n"
TESTS = """
    import pytest

    @pytest.mark.parametrize("n", range(6))
    def test_refund(dikast_judge, n):
        verdict = dikast_judge("refunds").judge(input=f"Can I return it? {n}", output="Yes, within 30 days.")
        assert verdict.status == "scored"
        assert verdict.judge.name == "refunds"
"""


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A workspace with one judge, in which pytest is run."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makefile(".toml", dikast="")
    place = pytester.path / "judges" / "refunds"
    place.mkdir(parents=True)
    (place / "judge.yaml").write_text(JUDGE, encoding="utf-8")
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    return pytester


def verdict_server(model_server: Callable[..., Any], server_words: Any, said: str = "fail") -> Any:
    text = json.dumps({"reasoning": "The policy says 14 days.", "verdict": said})
    return model_server("ollama", models=("m",), answer=lambda body: server_words.Answer(text))


def calls(server: Any) -> int:
    return sum(request.path == "/api/chat" for request in server.requests)


class TestVerdicts:
    def test_they_are_kept_and_never_asked_for_twice(
        self, folder: pytest.Pytester, model_server: Callable[..., Any], server_words: Any
    ) -> None:
        server = verdict_server(model_server, server_words)
        folder.makepyfile(TESTS)
        options = ("--dikast-model", "ollama/m", "--dikast-base-url", server.url)
        folder.runpytest(*options).assert_outcomes(passed=6)
        asked = calls(server)
        assert asked >= 6
        result = folder.runpytest(*options)
        result.assert_outcomes(passed=6)
        assert calls(server) == asked
        result.stdout.fnmatch_lines(["*= dikast =*", "refunds@* on *m*: 0 of 6 pass, 0 % (95 % interval *"])
        server.close()
        folder.runpytest(*options, "--dikast-offline").assert_outcomes(passed=6)
        folder.runpytest(*options[:2], "--dikast-offline").assert_outcomes(passed=6)  # nobody is asked, so no address

    def test_a_failing_assertion_shows_who_said_what(
        self, folder: pytest.Pytester, model_server: Callable[..., Any], server_words: Any
    ) -> None:
        server = verdict_server(model_server, server_words)
        folder.makepyfile(
            """
            def test_refund(dikast_judge):
                assert dikast_judge("refunds").passes(input="Can I?", output="Yes, in 30 days.", id="ticket-7")
            """
        )
        result = folder.runpytest(
            "--dikast-model", "ollama/m", "--dikast-base-url", server.url, "--junit-xml=junit.xml"
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [
                "*assert <fail by refunds@* on *m*: The policy says 14 days.>*",
                "*- dikast -*",
                "fail by refunds@*(version *)",
                "*item: ticket-7",
                "*critique: The policy says 14 days.",
            ]
        )
        case = ET.fromstring((folder.path / "junit.xml").read_bytes()).find(".//testcase")
        assert case is not None
        named = {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")}
        assert named["dikast.refunds"].startswith("fail by refunds@")
        assert len(named["dikast.refunds.version"]) == 16

    def test_what_cannot_be_read_is_neither_pass_nor_fail(
        self, folder: pytest.Pytester, model_server: Callable[..., Any], server_words: Any
    ) -> None:
        server = model_server("ollama", models=("m",), answer=lambda body: server_words.Answer("Well, well."))
        folder.makepyfile(
            """
            def test_it(dikast_judge):
                assert not dikast_judge("refunds").passes(input="a", output="b")
            """
        )
        result = folder.runpytest("--dikast-model", "ollama/m", "--dikast-base-url", server.url)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["E*Undecided: refunds@*has no verdict: unparsed*", "refunds@*: 1 unparsed"])

    def test_async_and_many_at_once_share_one_model(
        self, folder: pytest.Pytester, model_server: Callable[..., Any], server_words: Any
    ) -> None:
        server = verdict_server(model_server, server_words, "pass")
        folder.makepyfile(
            """
            import asyncio

            async def test_async(dikast_judge):
                judge = dikast_judge("refunds")
                rulings = await asyncio.gather(*(judge.apasses(input=f"a{n}", output="b") for n in range(10)))
                assert all(rulings)

            def test_many(dikast_judge):
                verdicts = dikast_judge("refunds").judge_all([{"input": f"i{n}", "output": "o"} for n in range(10)])
                assert [verdict.verdict for verdict in verdicts] == ["pass"] * 10
            """
        )
        options = ("--dikast-model", "ollama/m", "--dikast-base-url", server.url)
        result = folder.runpytest(*options)
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(["refunds@*: 20 of 20 pass, 100 %*"])
        before = len(server.requests)
        folder.runpytest(*options, "--dikast-store", "other.db").assert_outcomes(passed=2)
        asked = [request.path for request in server.requests[before:]]
        assert asked.count("/api/version") <= 2  # asked who it is once, not for each test


class TestOffline:
    @pytest.mark.parametrize(("missing", "outcome"), [("fail", "failed"), ("skip", "skipped")])
    def test_what_is_not_kept(self, folder: pytest.Pytester, missing: str, outcome: str) -> None:
        folder.makepyfile(TESTS)
        options = ("--dikast-model", "fake", "--dikast-missing", missing)
        result = folder.runpytest(*options, "--dikast-offline")  # nothing at all is kept
        result.assert_outcomes(**{outcome: 6})
        folder.runpytest(*options, "-k", "2 or 3").assert_outcomes(passed=2, deselected=4)
        result = folder.runpytest(*options, "--dikast-offline")
        result.assert_outcomes(**{outcome: 4, "passed": 2})
        if missing == "fail":
            result.stdout.fnmatch_lines(["E*NotKept: no answer of 'fake' to this prompt is kept", "Run once*"])
            result.stdout.no_fnmatch_line("*asker.py*")  # the traceback ends at the test

    def test_a_run_of_the_command_line_keeps_them_too(
        self, folder: pytest.Pytester, capsys: pytest.CaptureFixture[str]
    ) -> None:
        item = {"id": "1", "input": "Can I return it? 0", "output": "Yes, within 30 days."}
        (folder.path / "data.jsonl").write_text(json.dumps(item) + "\n")
        with pytest.raises(SystemExit):
            main(["run", "refunds", "data.jsonl", "--model", "fake"])
        folder.makepyfile(TESTS)
        folder.runpytest("--dikast-model", "fake", "--dikast-offline", "-k", "0").assert_outcomes(
            passed=1, deselected=5
        )


class TestAround:
    def test_it_works_without_a_workspace_and_leaves_nothing(self, folder: pytest.Pytester) -> None:
        (folder.path / "dikast.toml").unlink()
        folder.makepyfile(TESTS.replace('"refunds").', '"judges/refunds").'))
        result = folder.runpytest("--dikast-model", "fake")
        result.assert_outcomes(passed=6)
        result.stdout.fnmatch_lines(["refunds@* on fake: * of 6 pass*"])
        assert not (folder.path / ".dikast").exists()
        folder.runpytest("--dikast-model", "fake", "--dikast-store", "kept.db").assert_outcomes(passed=6)
        assert (folder.path / "kept.db").exists()

    def test_without_a_judge_in_any_test_nothing_is_said_or_loaded(self, folder: pytest.Pytester) -> None:
        folder.makepyfile(
            """
            import sys

            def test_plain():
                assert "dikast.journey.bench" not in sys.modules and "aiohttp" not in sys.modules
            """
        )
        result = folder.runpytest_subprocess()
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*dikast*=*")

    @pytest.mark.parametrize(
        ("options", "judge", "said"),
        [
            ((), "refunds", "*no model is named for the judge 'refunds'*"),
            (("--dikast-model", "fake"), "refund", "*there is no judge 'refund'*did you mean 'refunds'*"),
            (("--dikast-model", "ollama/m", "--dikast-base-url", "http://127.0.0.1:9"), "refunds", "*EndpointDown*"),
        ],
    )
    def test_what_is_wrong_is_said_at_the_tests_line(
        self, folder: pytest.Pytester, options: tuple[str, ...], judge: str, said: str
    ) -> None:
        folder.makepyfile(f"def test_it(dikast_judge):\n    dikast_judge({judge!r}).judge(input='a', output='b')\n")
        result = folder.runpytest(*options)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines([said])

    def test_several_workers_share_the_store_and_sum_up_together(self, folder: pytest.Pytester) -> None:
        pytest.importorskip("xdist")
        folder.makepyfile(TESTS)
        alone = folder.runpytest("--dikast-model", "fake")
        (line,) = [line for line in alone.outlines if line.startswith("refunds@")]
        result = folder.runpytest("--dikast-model", "fake", "-n", "2", "--dikast-offline")
        result.assert_outcomes(passed=6)
        assert line in result.outlines

    def test_scores_and_pairs(self, folder: pytest.Pytester) -> None:
        place = folder.path / "judges" / "quality"
        place.mkdir()
        (place / "judge.yaml").write_text("name: quality\ntask: How good is it?\nscale: 1-5\n", encoding="utf-8")
        folder.makepyfile(
            """
            import pytest
            from dikast import InputError

            def test_scores(dikast_judge):
                judge = dikast_judge("quality")
                assert judge.passes(input="a", output="b", at_least=1)
                assert not judge.passes(input="a", output="b", at_least=6)
                with pytest.raises(InputError, match="neither passes nor fails"):
                    judge.passes(input="a", output="b")
                with pytest.raises(InputError, match="gives none"):
                    dikast_judge("refunds").passes(input="a", output="b", at_least=3)
            """
        )
        result = folder.runpytest("--dikast-model", "fake")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["quality@* on fake: 1 score, * in the mean", "refunds@*: * of 1 pass*"])


class TestCorrection:
    def test_labels_of_a_run_correct_the_session(
        self, folder: pytest.Pytester, capsys: pytest.CaptureFixture[str]
    ) -> None:
        data = [{"id": f"i{n}", "input": f"Can I return it? {n}", "output": "Yes, within 30 days."} for n in range(80)]
        (folder.path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data))
        with pytest.raises(SystemExit):
            main(["run", "refunds", "data.jsonl", "--model", "fake"])
        with Store.open(folder.path / ".dikast" / "store.db") as store:
            log = store.run("refunds-1")
            assert log is not None
            store.keep_dataset("data", log.interactions())
            said = [  # the judge errs on every tenth item
                Label(id=one.id, verdict=("pass" if (one.verdict == "pass") != (n % 10 == 0) else "fail"))
                for n, one in enumerate(log.verdicts())
            ]
            store.labels("data").save_all([(label, "saved", 0) for label in said])
        folder.makepyfile(TESTS)
        result = folder.runpytest("--dikast-model", "fake")
        result.assert_outcomes(passed=6)
        # the six items of the tests are among those that were labelled, and are no part of what is known of its errors
        result.stdout.fnmatch_lines(["  corrected by the 74 labels of refunds-1: *% (95 % interval *"])


def test_it_is_installed_as_a_plugin() -> None:
    from importlib.metadata import entry_points

    (found,) = [one for one in entry_points(group="pytest11") if one.name == "dikast"]
    assert found.load() is sys.modules["dikast.pytest_plugin"]
    assert Path(found.load().__file__).name == "pytest_plugin.py"
