"""Dikast's commands without a process of their own, where a test is about what they do: a start takes half a second."""

from __future__ import annotations

from subprocess import CompletedProcess

from click.testing import CliRunner

from dikast.cli import main


def dikast(*arguments: str, input: str | None = None) -> CompletedProcess[str]:
    """A command's exit code and what it printed, as the shell has it; in the folder and environment that there are."""
    with CliRunner().isolation(input=input) as (out, err, _):
        try:
            main(list(arguments))
            code: object = 0
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return CompletedProcess(arguments, code, out.getvalue().decode(), err.getvalue().decode())
