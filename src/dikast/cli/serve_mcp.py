"""`dikast serve-mcp`: the workspace as tools for coding agents (Model Context Protocol)."""

from __future__ import annotations

import click

from dikast.cli.options import model_options, settings_from
from dikast.errors import MissingExtra
from dikast.journey.running import blocking
from dikast.settings import Settings
from dikast.workspace import Workspace

EXAMPLES = """
\b
Examples:
  dikast serve-mcp --model ollama/qwen3:8b
  dikast serve-mcp --model embedded --http 8378
"""


@click.command("serve-mcp", epilog=EXAMPLES)
@model_options
@click.option(
    "--http",
    "port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Serve http://127.0.0.1:PORT/mcp. [default: standard input and output]",
)
@click.option(
    "--request-timeout", type=click.FloatRange(0.01), default=300.0, show_default=True, help="Seconds for a verdict."
)
def command(port: int | None, request_timeout: float, **model: object) -> int:
    """Tools for coding agents (MCP): judge, read failures, see how far to trust a judge.

    An agent starts this itself, in the workspace. It can name judges, data and labels in the workspace only; what
    leaves this machine is decided by --allow-cloud here, not by the agent; sealed tests stay unseen.
    """
    workspace = Workspace.find()
    blocking(_serve(workspace, settings_from(workspace, model), port, request_timeout))
    return 0


async def _serve(workspace: Workspace, settings: Settings, port: int | None, request_s: float) -> None:
    try:
        from dikast.serving.mcp_server import mcp_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "pydantic"):
            raise
        raise MissingExtra("an MCP server", "mcp") from None
    from dikast.serving.tools import open_tools

    async with open_tools(workspace, settings, request_s=request_s) as tools:
        server = mcp_server(tools)
        if port is None:
            await server.run_stdio_async()
        else:
            click.echo(f"Listening on http://127.0.0.1:{port}/mcp")
            click.echo("Ctrl+C stops it.")
            await server.run_streamable_http_async(host="127.0.0.1", port=port)
