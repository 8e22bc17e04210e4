"""The command line: each command is one file that parses, calls the library and prints.

Commands are imported only when they run, so that `dikast --help` is quick; their one-line helps stand here for the
same reason.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys

import click

from dikast.errors import DikastError, InputError

# name -> (module in this folder, what it does in one line); the order is that of the journey
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "The whole journey on a bundled sample and the embedded model."),
    "init": ("init", "Make a workspace: a folder that remembers."),
    "models": ("models", "What can answer here, and what each server really honours."),
    "import": ("import_traces", "Traces and files from anywhere into a dataset."),
    "unredact": ("unredact", "What pseudonyms stand for, looked up with the local key."),
    "judge": ("judge", "Write, check, show and compare judges."),
    "plan": ("plan", "Minutes, memory, tokens and money before anything runs."),
    "run": ("run", "Judge every interaction of a dataset."),
    "cascade": ("cascade", "Cascades: a quick judge first, and better ones where it is not sure."),
    "show": ("show", "A run's summary, distribution and outliers."),
    "report": ("report", "A run as one self-contained HTML file."),
    "review": ("review", "The page on which an expert labels: pass or fail, and why."),
    "data": ("data", "Datasets: what is kept, their parts, and samples of them."),
    "labels": ("labels", "Labels out as spreadsheets, and in again."),
    "agree": ("agree", "How far a run agrees with people's labels."),
    "compare": ("compare", "Two judges on the same items, or two systems under one judge."),
    "gate": ("gate", "Put a run to a bar: pass, fail, or can't tell."),
    "push": ("push", "A run's verdicts back to where the traces came from."),
    "watch": ("watch", "Judge what is new at a source, again and again, and tell when it drifts."),
    "drift": ("drift", "What changed since, and who: the system, the traffic or the judge."),
    "refine": ("refine", "Propose changes to a judge, test them on labels, and keep only what is better."),
    "serve": ("serve", "Judges behind an HTTP API, for guardrails and other languages."),
    "serve-mcp": ("serve_mcp", "Tools for coding agents (MCP): judge, read failures, see how far to trust a judge."),
    "ledger": ("ledger", "What left this machine and its private network, when and to whom."),
    "verify": ("verify", "Prove that the store is whole."),
}

INTERRUPTED = 130


class _Commands(click.Group):
    """A group that imports a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"dikast.cli.{COMMANDS[name][0]}")
        if not gc.isenabled():  # see main
            gc.freeze()
            gc.enable()
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="dikast", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def app(debug: bool) -> None:
    """Dikast judges your AI system's answers with a model on your own machine, and says how far to trust it."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit.

    0 done, 1 a check said no or the world failed, 2 wrong input, 3 some interactions have no verdict, 130 interrupted.
    """
    arguments = sys.argv[1:] if argv is None else argv
    gc.disable()  # importing makes many objects and no garbage; looking for some would take a tenth of the time
    try:
        code = app.main(args=arguments, prog_name="dikast", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        code = INTERRUPTED
    except DikastError as error:
        if "--debug" in arguments:
            raise
        click.echo(f"dikast: {error}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        code = 2 if isinstance(error, InputError) else 1
    except BrokenPipeError:  # `dikast ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
