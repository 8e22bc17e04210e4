"""What must stay true of the house as a whole: its face, its weight, its walls, its words."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import dikast
from dikast.cli import COMMANDS, app

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "dikast"
MODULES = sorted(SOURCE.rglob("*.py"))


def loaded_by(code: str) -> set[str]:
    """The packages outside the standard library that some code loads in a fresh Python."""
    report = "; import sys, json; print(json.dumps([n.partition('.')[0] for n in sys.modules]))"
    result = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True, cwd=ROOT)
    names = json.loads(result.stdout.splitlines()[-1])
    bare = subprocess.run([sys.executable, "-c", "pass" + report], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(names) - set(json.loads(bare.stdout)) - set(sys.stdlib_module_names)


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, those of groups included."""
    for name in COMMANDS:
        context = click.Context(app)
        command = app.get_command(context, name)  # type: ignore[attr-defined]
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            for child in command.list_commands(context):
                below = command.get_command(context, child)
                assert below is not None
                yield f"{name} {child}", below


def examples(command: click.Command) -> list[str]:
    """The lines of a command's help that show it in use."""
    text = f"{command.help or ''}\n{command.epilog or ''}".replace("\\\n", " ")
    return re.findall(r"^(?:.*(?:[|]|Example:) +|\s*(?:[$] )?)(dikast [^\n|<>]*)", text, re.MULTILINE)


class TestTheFace:
    def test_its_names_are_sorted_and_all_there(self) -> None:
        assert dikast.__all__ == sorted(dikast.__all__)
        assert len(dikast.__all__) < 20
        for name in dikast.__all__:
            assert getattr(dikast, name) is not None
        assert set(dikast.__all__) <= set(dir(dikast))

    def test_what_type_checkers_see_is_what_is_loaded(self) -> None:
        tree = ast.parse((SOURCE / "__init__.py").read_text())
        block = next(node for node in tree.body if isinstance(node, ast.If))
        imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
        typed = {alias.name: node.module for node in imports for alias in node.names}
        assert typed == dikast._HOMES  # type: ignore[attr-defined]
        assert {*typed, "__version__"} == set(dikast.__all__)

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'judgment'"):
            dikast.judgment  # type: ignore[attr-defined] # noqa: B018

    def test_it_has_one_version(self) -> None:
        package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        changes = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
        assert dikast.__version__ == package == changes[0]


class TestTheWeight:
    def test_import_loads_nothing_but_itself(self) -> None:
        assert loaded_by("import dikast") == {"dikast"}

    def test_help_loads_only_the_command_line(self) -> None:
        code = "import click.testing as t; from dikast.cli import app; t.CliRunner().invoke(app, ['--help'])"
        assert loaded_by(code) <= {"dikast", "click", "colorama"}

    @pytest.mark.parametrize("room", ["records", "judges.definition", "interactions.dataset", "agreement.cohen_kappa"])
    def test_rooms_below_load_neither_web_nor_database(self, room: str) -> None:
        loaded = loaded_by(f"import dikast.{room}")
        assert not loaded & {"aiohttp", "sqlalchemy", "xllamacpp", "torch", "jinja2", "pandas", "polars"}

    def test_a_run_loads_no_numerics_and_no_tables(self) -> None:
        loaded = loaded_by("import dikast.cli.run")
        assert not loaded & {"numpy", "scipy", "pyarrow", "python_calamine", "xlsxwriter", "jinja2", "rich", "pandas"}


class TestTheCommands:
    def test_all_have_a_module_and_one_help_line(self) -> None:
        for name, command in all_commands():
            first = (command.help or "").strip().splitlines()[0]
            assert first.endswith("."), f"the help of `dikast {name}` opens with {first!r}: expected one sentence"
            if name in COMMANDS:
                assert first == COMMANDS[name][1], f"`dikast {name} --help` and `dikast --help` differ"

    def test_all_show_an_example_that_parses(self) -> None:
        for name, command in all_commands():
            if isinstance(command, click.Group):
                continue
            shown = [shlex.split(line) for line in examples(command)]
            mine = [words for words in shown if words[1 : 1 + len(name.split())] == name.split()]
            assert mine, f"`dikast {name} --help` shows no example"
            for words in mine:
                command.make_context(name, words[1 + len(name.split()) :])  # raises on a usage that is wrong

    def test_all_explain_their_options(self) -> None:
        for name, command in all_commands():
            for option in (p for p in command.params if isinstance(p, click.Option)):
                assert option.help, f"`dikast {name} {option.opts[0]}` has no help"


class TestTheWalls:
    def test_rooms_import_downwards_only(self) -> None:
        command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
        result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        assert result.returncode == 0, result.stdout + result.stderr

    def test_files_and_functions_are_small(self) -> None:
        for path in MODULES:
            text = path.read_text(encoding="utf-8")
            assert text.count("\n") <= 600, f"{path.relative_to(ROOT)} is longer than 600 lines"
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    length = (node.end_lineno or node.lineno) - node.lineno + 1
                    assert length <= 100, f"{path.relative_to(ROOT)}: {node.name} has {length} lines"

    def test_no_folder_is_a_drawer(self) -> None:
        drawers = [p for p in MODULES if re.search(r"(^|_)(utils?|helpers?|core|common|misc|managers?)$", p.stem)]
        assert drawers == []


class TestTheWords:
    # in pieces, since this file is searched as well
    FORBIDDEN = (
        "pypi" + ".org",
        "python" + "hosted",
        "npm" + "js",
        "huggingface" + ".co",
        "/wo" + "rk/",
        "/ro" + "ot/",
    )

    def tracked(self) -> list[Path]:
        listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT)
        names = [name for name in listed.stdout.split("\0") if name]
        folders = ("src", "tests", "docs", "scripts", "benchmarks")
        paths = [ROOT / name for name in names] or [p for folder in folders for p in (ROOT / folder).rglob("*")]
        return [path for path in paths if path.is_file() and "__pycache__" not in path.parts]

    def test_no_machine_and_no_registry_is_named(self) -> None:
        found = []
        for path in self.tracked():
            text = path.read_bytes().decode("utf-8", errors="ignore")
            found += [f"{path.relative_to(ROOT)}: {word}" for word in self.FORBIDDEN if word in text]
        assert found == []

    def test_nothing_is_left_to_do(self) -> None:
        marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")
        found = [str(p.relative_to(ROOT)) for p in MODULES if marks.search(p.read_text(encoding="utf-8"))]
        assert found == []
