"""The tools behind the Model Context Protocol, with its official SDK (the extra `mcp`)."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

import dikast
from dikast.errors import DikastError
from dikast.harness.progress import Progress
from dikast.serving.tools import HOSTILE, Tools

INSTRUCTIONS = f"""\
Dikast judges an AI system's answers with a model on the user's own machine. JUDGE is a name in the workspace or a path
in it; DATA is a kept dataset or a file in the workspace; RUN is a run's name. A usual way: list_judges, judge_data,
failures (read the critiques, page by page), judge_card (how far the judge can be trusted, with intervals). A pass rate
without judge_card or agree says little. {HOSTILE}"""

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
JUDGES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

Offset = Annotated[int, Field(ge=0, description="How many to leave out first.")]
Limit = Annotated[int, Field(ge=1, le=50, description="How many at most.")]
Longest = Annotated[int, Field(ge=50, le=4000, description="Characters of each text; longer ones are cut.")]
JudgeName = Annotated[str, Field(description="A judge's name in the workspace, or its path there.")]
RunName = Annotated[str, Field(description="A run's name, as list_runs gives it.")]

P = ParamSpec("P")
T = TypeVar("T")


def mcp_server(tools: Tools) -> MCPServer[Any]:
    """A server with these tools."""
    server: MCPServer[Any] = MCPServer(
        "dikast", title="Dikast", instructions=INSTRUCTIONS, version=dikast.__version__, log_level="WARNING"
    )
    _add_judging(server, tools)
    _add_reading(server, tools)
    _add_measuring(server, tools)
    return server


def _add_judging(server: MCPServer[Any], tools: Tools) -> None:
    @server.tool(annotations=JUDGES)
    @_said_plainly
    async def judge_one(
        judge: JudgeName,
        input: Annotated[Any, Field(description="What the system was asked: a text, or chat messages.")],
        output: Annotated[Any, Field(description="What it answered; for a pair, give output_a and output_b.")] = None,
        output_a: Any = None,
        output_b: Any = None,
        context: Any = None,
        reference: Any = None,
    ) -> dict[str, Any]:
        """Judge one interaction: verdict, scores and critique. The answer is kept, and never asked for twice."""
        given = {"input": input, "output": output, "output_a": output_a, "output_b": output_b}
        given |= {"context": context, "reference": reference}
        return await tools.judge_one(judge, {key: value for key, value in given.items() if value is not None})

    @server.tool(annotations=JUDGES)
    @_said_plainly
    async def judge_data(
        judge: JudgeName,
        data: Annotated[str, Field(description="A kept dataset's name, or one file in the workspace.")],
        ctx: Context[Any, Any],
        limit: Annotated[int | None, Field(ge=1, description="Only the first so many interactions.")] = None,
        wait_s: Annotated[float, Field(ge=0, le=3600, description="How long to wait for the end.")] = 45.0,
    ) -> dict[str, Any]:
        """Judge every interaction of a dataset: a run. It goes on after the wait; run_progress tells how it stands."""

        async def report(progress: Progress) -> None:
            await ctx.report_progress(progress.done, progress.total, progress.waiting_for)

        return await tools.judge_data(judge, data, limit=limit, wait_s=wait_s, report=report)


def _add_reading(server: MCPServer[Any], tools: Tools) -> None:
    @server.tool(annotations=READS)
    @_said_plainly
    async def list_judges() -> dict[str, Any]:
        """The judges of the workspace: task, scale, criteria, version."""
        return await tools.judges()

    @server.tool(annotations=READS)
    @_said_plainly
    async def list_runs(offset: Offset = 0, limit: Limit = 20) -> dict[str, Any]:
        """The runs that are kept, newest first, with their counts."""
        return await tools.runs(offset, limit)

    @server.tool(annotations=READS)
    @_said_plainly
    async def run_progress(run: RunName) -> dict[str, Any]:
        """How a run stands: how many are judged, and what they say."""
        return await tools.run_progress(run)

    @server.tool(annotations=READS)
    @_said_plainly
    async def failures(
        run: RunName,
        which: Annotated[
            Literal["failed", "no_verdict"],
            Field(description="What the judge failed (or scored low), or what has no verdict, with the reason."),
        ] = "failed",
        offset: Offset = 0,
        limit: Limit = 10,
        longest: Longest = 600,
    ) -> dict[str, Any]:
        """What a run failed, with critiques and texts, page by page. Items of a sealed test are withheld."""
        return await tools.failures(run, which=which, offset=offset, limit=limit, longest=longest)


def _add_measuring(server: MCPServer[Any], tools: Tools) -> None:
    @server.tool(annotations=READS)
    @_said_plainly
    async def judge_card(judge: JudgeName, run: RunName | None = None, longest: Longest = 600) -> dict[str, Any]:
        """How far a judge can be trusted: agreement with people, intervals, where it fails, cost. Never sealed data."""
        return await tools.card(judge, run, longest)

    @server.tool(annotations=READS)
    @_said_plainly
    async def agree(
        run: RunName,
        labels: Annotated[str | None, Field(description="A file of labels in the workspace.")] = None,
    ) -> dict[str, Any]:
        """A run against people's labels: each figure with its interval, and what would settle the rest."""
        return await tools.agree(run, labels)


def _said_plainly(tool: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Our own errors as the agent reads them: what is wrong, and what to do."""

    @functools.wraps(tool)
    async def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await tool(*args, **kwargs)
        except DikastError as error:
            raise ToolError(f"{error}. {error.hint}" if error.hint else str(error)) from error

    return told
