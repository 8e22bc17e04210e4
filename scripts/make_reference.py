"""Writes docs/settings.md and docs/commands.md out of the settings table and the commands' own help.

python scripts/make_reference.py            write them
python scripts/make_reference.py --check    say which are out of date, and exit with 1 then
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from dikast.cli import COMMANDS, app
from dikast.settings import EXPECTED, SETTINGS, shown

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH = 100

SETTINGS_HEAD = """\
# Settings

<!-- Written by scripts/make_reference.py from the table in src/dikast/settings.py. -->

A setting has the first of these values: the option on the command line (or the argument in Python), the environment
variable, the line in `dikast.toml` of the workspace, the default. `dikast init` writes a `dikast.toml` in which every
setting is explained. Each run keeps the values it ran with.

Keys are not settings. They are read from the environment only (`OPENAI_API_KEY`, `ANTHROPIC_API_KEY`) and are never
written to a file, a log or a report.
"""

COMMANDS_HEAD = """\
# Commands

<!-- Written by scripts/make_reference.py from the commands' own --help. -->

Data goes to standard output, progress and remarks to standard error. Exit codes: 0 done; 1 a check said no, or the
world failed; 2 what was given is wrong; 3 finished, but some interactions have no verdict; 130 interrupted, and the
same command goes on from there.
"""


def settings_page() -> str:
    """The page of all settings."""
    parts = [SETTINGS_HEAD]
    for setting in SETTINGS:
        default = setting.default_help or f"`{shown(setting.default)}`"
        parts.append(
            f"## {setting.name}\n\n{setting.help}\n\n"
            f"- In the environment: `{setting.variable}`\n"
            f"- In dikast.toml: `{setting.name} = {shown(setting.sample)}`\n"
            f"- Expected: {EXPECTED[setting.type]}\n"
            f"- Default: {default}\n"
        )
    return "\n".join(parts)


def every_command() -> Iterator[tuple[str, click.Context]]:
    """Each command with its full name, in the order of the journey; those of a group after the group."""
    top = click.Context(app, info_name="dikast", max_content_width=WIDTH, terminal_width=WIDTH)
    yield "dikast", top
    for name in COMMANDS:
        command = app.get_command(top, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=top)
        yield f"dikast {name}", context
        if isinstance(command, click.Group):
            for child in command.list_commands(context):
                below = command.get_command(context, child)
                assert below is not None
                yield f"dikast {name} {child}", click.Context(below, info_name=child, parent=context)


def commands_page() -> str:
    """The page of all commands."""
    parts = [COMMANDS_HEAD]
    parts += [f"## {name}\n\n```text\n{context.get_help().rstrip()}\n```\n" for name, context in every_command()]
    return "\n".join(parts)


def main() -> None:
    """Write the pages, or check them."""
    pages = {DOCS / "settings.md": settings_page(), DOCS / "commands.md": commands_page()}
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path} is out of date: run scripts/make_reference.py", file=sys.stderr)
        sys.exit(1 if stale else 0)
    for path in stale:
        path.write_text(pages[path], encoding="utf-8")
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
