"""The documentation is true: its commands run, its Python runs, its reference is up to date, its links lead somewhere.

How a page is written so that it can be run, from top to bottom, in a folder of its own:

    ```jsonl file=interactions.jsonl      the block is written to that file
    ```console                            lines after "$ " are run; the others must be in what they print, in order;
                                          "..." stands for anything within a line, and alone for more lines
    ```console exit=2                     the last command exits with this; a "$ cd FOLDER" alone holds from there on
    ```python                             is run as a program; # prints: TEXT at a line's end says what it prints
    ```sh                                 is not run, because it installs or starts something outside of Dikast

Models that a test machine doesn't have are stood in for: Ollama by a real local server that speaks its API, the
embedded model by the fake one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "README.zh-TW.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("git", "pip", "pipx", "make", "ollama", "lms", "llama-server", "vllm", "cd")


BEHIND: list[subprocess.Popen[str]] = []
"""The servers that a page left running."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    kind: str
    options: dict[str, str]
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        indent, kind, options, body = match.groups()
        words = (word.partition("=") for word in options.split())
        lines = (line.removeprefix(indent) for line in body.splitlines(keepends=True))
        yield Block(
            kind, {name: value for name, _, value in words}, "".join(lines), text[: match.start()].count("\n") + 1
        )


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines it is said to print."""
    shown = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not shown[0].strip(), f"a console block opens with a command, not with {shown[0]!r}"
    for part in shown[1:]:
        lines = part.splitlines()
        last = next(number for number, line in enumerate(lines) if not line.endswith("\\"))
        yield "\n".join(lines[: last + 1]), [line.rstrip() for line in lines[last + 1 :] if line.strip()]


def missing_line(expected: list[str], printed: str) -> str | None:
    """The first expected line that does not come, in order, among the printed ones."""
    rest = iter(line.strip() for line in printed.splitlines())
    for line in expected:
        if line.strip() == "...":
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in line.strip().split("...")))
        if not any(pattern.fullmatch(candidate) for candidate in rest):
            return line
    return None


@pytest.fixture
def phoenix() -> Iterator[Any]:
    """A stand-in for Phoenix with a day of traces, two of which people disliked, and one that a person judged."""
    place = ROOT / "tests" / "platforms" / "servers.py"
    spec = importlib.util.spec_from_file_location("dikast_docs_platforms", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    server = module.Phoenix(start=datetime.now(UTC) - timedelta(minutes=30))
    for number in range(12):
        server.add(tags=["loans"] if number % 3 else ["other"])
    for number, score in ((2, 0), (5, 0), (7, 1)):
        server.say(f"{number + 1:016x}", "thumbs", "", score=score)
    server.say(f"{1:016x}", "friendly", "pass")
    yield server
    server.close()


@pytest.fixture
def stage(
    tmp_path: Path, model_server: Callable[..., Any], server_words: Any, phoenix: Any
) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder to run a page in, and an environment in which Ollama and Phoenix are up."""

    def answer(body: Any) -> Any:
        schema = body.get("format")
        text = json.dumps(server_words.instance_of(schema)) if isinstance(schema, dict) else "Yes"
        return server_words.Answer(text, first_token={"Yes": 0.6, "No": 0.3, "The": 0.1})

    ollama = model_server("ollama", models=("qwen3:8b",), answer=answer)
    environment = {
        **os.environ,
        "OLLAMA_HOST": ollama.url,
        "PHOENIX_COLLECTOR_ENDPOINT": phoenix.url,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "120",
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / ".cache"),
    }
    folder = tmp_path / "page"
    folder.mkdir()
    yield folder, environment
    while BEHIND:
        served = BEHIND.pop()
        served.send_signal(signal.SIGINT)
        served.communicate(timeout=30)


def stand_in(command: str) -> str:
    """The command with the fake model in place of the embedded one."""
    command = re.sub(r"dikast demo(?! --model)", "dikast demo --model fake", command)
    return command.replace("--model embedded", "--model fake")


def run_command(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; a page that is served is stopped once it stands, what ends with & with the page."""
    words = ["bash", "-c", stand_in(command.removesuffix(" &"))]
    if not command.startswith(("dikast review", "dikast serve")):
        return subprocess.run(words, capture_output=True, text=True, cwd=folder, env=environment, timeout=60)
    words[-1] = f"exec {words[-1]}"  # so that the signal reaches it
    serving = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, env=environment
    )
    assert serving.stdout is not None
    printed = []
    for line in serving.stdout:
        printed.append(line)
        if line.startswith("Ctrl+C") and command.endswith(" &"):
            BEHIND.append(serving)
            return subprocess.CompletedProcess(words, 0, "".join(printed), "")
        if line.startswith("Ctrl+C"):
            serving.send_signal(signal.SIGINT)
    serving.stdout.close()
    return subprocess.CompletedProcess(words, serving.wait(30), "".join(printed), "")


def run_console(block: Block, folder: Path, environment: dict[str, str], where: str) -> Path:
    """Run what a block shows; the folder that it leaves the reader in."""
    shown = list(commands(block.text))
    for number, (command, expected) in enumerate(shown):
        if moved := re.fullmatch(r"cd ([\w-]+)", command):
            folder = folder / moved[1]
            assert folder.is_dir(), f"{where}: {command}: there is no such folder"
            continue
        if any(f"{tool} " in command and not shutil.which(tool) for tool in ("jq", "curl")):
            continue
        done = run_command(command, folder, environment)
        said = f"{where}: $ {command}\n{done.stdout}{done.stderr}"
        exit_code = int(block.options.get("exit", "0")) if number == len(shown) - 1 else 0
        assert done.returncode == exit_code, f"{said}\nexit code {done.returncode}, expected {exit_code}"
        assert "Traceback" not in done.stderr, said
        line = missing_line(expected, done.stderr + done.stdout)
        assert line is None, f"{said}\nthe page says that it prints, in this order: {line!r}"
    return folder


def run_python(block: Block, folder: Path, environment: dict[str, str], where: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block.text.replace('"embedded"', '"fake"')],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 0, f"{where}\n{done.stderr}"
    line = missing_line(re.findall(r"# prints: (.*)$", block.text, re.MULTILINE), done.stdout)
    assert line is None, f"{where}: the page says that it prints {line!r}; it prints\n{done.stdout}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_runs(page: Path, stage: tuple[Path, dict[str, str]]) -> None:
    folder, environment = stage
    for block in blocks(page):
        where = f"{page.name}, line {block.line}"
        if "file" in block.options:
            target = folder / block.options["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        elif block.kind == "console":
            folder = run_console(block, folder, environment, where)
        elif block.kind == "python":
            run_python(block, folder, environment, where)
        elif block.kind == "sh":
            first = {line.split()[0] for line in block.text.splitlines() if line.strip() and not line.startswith("#")}
            assert first <= set(ELSEWHERE), (
                f"{where}: an sh block is not run; show {first - set(ELSEWHERE)} in a console block"
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(BLOCK, "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name} links to {target}, which is not there"
        if anchor and linked.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{page.name} links to {target}; there are {sorted(anchors)}"


def test_the_reference_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "make_reference.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_make_targets_and_extras_that_are_shown_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"^\s*make (\w+)", text, re.MULTILINE)) <= targets
        for shown in re.findall(r"dikast\[([\w,]+)\]", text):
            assert set(shown.split(",")) <= extras, f"{page.name} shows the extra {shown!r}"


def test_both_readmes_show_the_same_commands() -> None:
    """The English and the Chinese README differ in words only."""
    shown = [[c for b in blocks(page) if b.kind == "console" for c, _ in commands(b.text)] for page in PAGES[:2]]
    assert shown[0] == shown[1]
