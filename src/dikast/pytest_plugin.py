"""Dikast's judges in pytest, through the fixture `dikast_judge`.

    def test_refund(dikast_judge):
        assert dikast_judge("refunds").passes(input="Can I return it?", output="Yes, within 30 days.")

Everything of Dikast is imported when a test first asks for a judge, since this file is loaded in every session.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from dikast.judges.definition import Judge
    from dikast.models.remembered import NotKept
    from dikast.records import Interaction, Verdict
    from dikast.testing.ruling import TriedJudge
    from dikast.testing.sitting import Sitting
    from dikast.workspace import Workspace

GetJudge = Callable[..., "TriedJudge"]

_FROM_WORKERS = "dikast_said"
_HERE = Path(__file__).parent
_MOST_SHOWN = 5  # verdicts in the report of one failing test


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options --dikast-*."""
    group = parser.getgroup("dikast", "judges in tests")
    group.addoption("--dikast-model", metavar="MODEL", help="The model that judges. [default: the workspace's]")
    group.addoption("--dikast-base-url", action="append", metavar="URL", help="Where the model is served.")
    group.addoption("--dikast-store", metavar="FILE|URL", help="Where answers are kept. [default: the workspace's]")
    group.addoption(
        "--dikast-offline", action="store_true", help="Ask no model: only use what is kept. See --dikast-missing."
    )
    group.addoption(
        "--dikast-missing",
        choices=("fail", "skip"),
        default="fail",
        help="What a test does offline whose verdict isn't kept. [default: fail]",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Get the session ready; nothing is loaded or opened yet."""
    config.stash[_SESSION] = _Session(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close what was opened."""
    if (session := config.stash.get(_SESSION, None)) is not None:
        session.close()


@pytest.fixture
def dikast_judge(request: pytest.FixtureRequest) -> GetJudge:
    """A judge by its name in the workspace, its path, or the name of a sample; model= names another model.

    dikast_judge("refunds").passes(input=..., output=...) is true when the judge passes it; .judge(...) gives the
    Verdict; .apasses and .ajudge are for async tests, and .judge_all judges many at the same time.
    """
    session: _Session = request.config.stash[_SESSION]
    item = cast(pytest.Item, request.node)

    def get(judge: str | Path | Judge, *, model: str | None = None) -> TriedJudge:
        return session.judge(judge, model, item)

    return get


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failing test shows what the judges said in it; an error of Dikast's ends at the test's own line."""
    error = _end_at_the_test(call.excinfo) if call.excinfo is not None else None
    report = yield
    if hint := getattr(error, "hint", None):
        report.sections.append(("dikast", hint))
    if report.when == "call" and report.failed and (said := item.stash.get(_TOLD, None)):
        report.sections.append(("dikast", _shown(said)))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands what was said to the main process."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_FROM_WORKERS] = json.dumps(session.config.stash[_SESSION].said)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """What a worker handed over; a worker that died hands nothing over."""
    handed = (getattr(node, "workeroutput", None) or {}).get(_FROM_WORKERS)
    if handed:
        node.config.stash[_SESSION].said += json.loads(handed)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """A line or two for each judge: pass rate and interval, corrected where labels allow."""
    session = config.stash[_SESSION]
    if session.said:
        terminalreporter.write_sep("=", "dikast")
        for line in session.lines():
            terminalreporter.write_line(line)


def _end_at_the_test(excinfo: pytest.ExceptionInfo[BaseException]) -> BaseException | None:
    """Cut what lies within Dikast from the traceback of an error that Dikast raised on purpose, and give the error."""
    errors = sys.modules.get("dikast.errors")
    if errors is None or not isinstance(excinfo.value, errors.DikastError):
        return None
    last = excinfo.tb
    while last.tb_next is not None and not _is_ours(last.tb_next):
        last = last.tb_next
    last.tb_next = None
    error: BaseException = excinfo.value
    return error


def _is_ours(step: TracebackType) -> bool:
    return (
        Path(step.tb_frame.f_code.co_filename).is_relative_to(_HERE) and step.tb_frame.f_code.co_name[:7] != "pytest_"
    )


def _shown(said: list[tuple[bool, str]]) -> str:
    """What judges said in one test: first what doesn't pass, the passes in full only where there are few."""
    others, passes = ([text for passed, text in said if passed is kind] for kind in (False, True))
    shown = (others + passes)[:_MOST_SHOWN]
    hidden = len(said) - len(shown)
    return "\n\n".join([*shown, *([f"and {hidden:,} more verdicts"] if hidden else [])])


class _Session:
    """The judges, models and verdicts of a session. One model is opened once, however many tests ask."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._workspace: Workspace | None = None
        self._judges: dict[str, Judge] = {}
        self._sittings: dict[str, Sitting] = {}
        self.said: list[dict[str, Any]] = []

    def judge(self, given: str | Path | Judge, model: str | None, item: pytest.Item) -> TriedJudge:
        """A judge for one test."""
        from dikast.judges.definition import Judge, find_judge
        from dikast.testing.ruling import TriedJudge

        if isinstance(given, Judge):
            judge = given
        else:
            name = str(given)
            if name not in self._judges:
                self._judges[name] = find_judge(name, self.workspace.judges_dir)
            judge = self._judges[name]
        return TriedJudge(
            judge,
            self._sitting(judge, model),
            on_verdict=lambda interaction, verdict: self._heard(item, interaction, verdict),
            on_missing=self._missing,
        )

    @property
    def workspace(self) -> Workspace:
        """The nearest workspace of where pytest was started, or of the tests' root."""
        from dikast.workspace import Workspace

        if self._workspace is None:
            here = Workspace.find(self._config.invocation_params.dir)
            self._workspace = here if here.explicit else Workspace.find(self._config.rootpath)
        return self._workspace

    def lines(self) -> list[str]:
        """The summary."""
        import msgspec

        from dikast.errors import DikastError
        from dikast.testing.tally import Said, tally_lines

        said = msgspec.convert(self.said, list[Said])
        try:
            settings = self.workspace.settings(store=self._option("store"))
            kept = (
                settings.store if self._keeps and ("://" in settings.store or Path(settings.store).is_file()) else None
            )
            return list(tally_lines(said, self.workspace, kept))
        except DikastError as error:
            return [f"no summary: {error}"]

    def close(self) -> None:
        """Close the models."""
        while self._sittings:
            self._sittings.popitem()[1].close()

    def _sitting(self, judge: Judge, model: str | None) -> Sitting:
        from dikast.errors import SettingError
        from dikast.testing.sitting import Sitting

        settings = self.workspace.settings(
            model=model or self._option("model"),
            base_url=tuple(self._option("base_url") or ()) or None,
            store=self._option("store"),
        )
        name = settings.model or judge.settings.model
        if name is None:
            raise SettingError(
                f"no model is named for the judge {judge.name!r}",
                hint="Add --dikast-model, or `model` to dikast.toml or the judge; `dikast models` shows what is here.",
            )
        if name not in self._sittings:
            offline = bool(self._option("offline"))
            self._sittings[name] = Sitting(name, settings, self.workspace, keep=self._keeps, offline=offline)
        return self._sittings[name]

    @property
    def _keeps(self) -> bool:
        """Whether there is a store: in a workspace, or where one is named."""
        named = self.workspace.settings(store=self._option("store")).origin["store"] != "default"
        return self.workspace.explicit or named

    def _heard(self, item: pytest.Item, interaction: Interaction, verdict: Verdict) -> None:
        """Keep a verdict for the test's report, its properties in JUnit, and the summary."""
        import msgspec

        from dikast.testing.ruling import signature, told
        from dikast.testing.tally import said_of

        self.said.append(msgspec.to_builtins(said_of(interaction, verdict)))
        item.stash.setdefault(_TOLD, []).append((verdict.verdict == "pass", told(verdict)))
        said = verdict.verdict or verdict.overall or verdict.status
        item.user_properties.append((f"dikast.{verdict.judge.name}", f"{said} by {signature(verdict)}"))
        item.user_properties.append((f"dikast.{verdict.judge.name}.version", verdict.judge.version))

    def _missing(self, error: NotKept) -> None:
        if self._option("missing") == "skip":
            pytest.skip(f"dikast: {error}")

    def _option(self, name: str) -> Any:
        return self._config.getoption(f"--dikast-{name.replace('_', '-')}")


_SESSION = pytest.StashKey[_Session]()
_TOLD = pytest.StashKey[list[tuple[bool, str]]]()
