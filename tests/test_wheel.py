"""The wheel, in an environment that has what the wheel asks for and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent


def needed(name: str, seen: set[str] | None = None) -> Iterator[metadata.Distribution]:
    """The installed packages that a package needs to run, extras left out, and what those need in turn."""
    seen = set() if seen is None else seen
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if requirement.name.lower() not in seen:
            seen.add(requirement.name.lower())
            yield metadata.distribution(requirement.name)
            yield from needed(requirement.name, seen)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `dikast` of a fresh environment: the wheel unpacked, and links to what it needs. No network, no pip."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    asked = subprocess.run(
        [python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True
    )
    packages = Path(asked.stdout.strip())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    for distribution in needed("dikast"):
        tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            source = Path(str(distribution.locate_file(top)))
            if not (packages / top).exists():
                (packages / top).symlink_to(source)
    script = folder / "bin" / "dikast"
    script.write_text(f"#!{python}\nfrom dikast.cli import main\nmain()\n")
    script.chmod(0o755)
    return script


def run(command: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DIKAST_"))}
    return subprocess.run([command, *arguments], capture_output=True, text=True, cwd=cwd, env=environment, timeout=60)


def test_it_carries_its_data_and_its_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "dikast/py.typed",
        "dikast/samples/demo.jsonl",
        "dikast/samples/README.md",
        "dikast/samples/demo-judge/judge.yaml",
        "dikast/judges/prompts/en.yaml",
    ):
        assert wanted in names
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "docs"))]


def test_it_starts_without_the_developers_packages(bare: Path, tmp_path: Path) -> None:
    started = run(bare, "--help", cwd=tmp_path)
    assert (started.returncode, started.stderr) == (0, "")
    assert "dikast [OPTIONS] COMMAND" in started.stdout
    assert run(bare, "--version", cwd=tmp_path).stdout.strip() == f"dikast {metadata.version('dikast')}"
    with_pytest = subprocess.run([bare.with_name("python"), "-c", "import pytest"], capture_output=True, cwd=tmp_path)
    assert with_pytest.returncode == 1


def test_it_judges(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "judge.txt").write_text('Is it right? {input} {output} Reply {"verdict": "pass" or "fail"}.')
    lines = [{"id": "a", "input": "2 + 2?", "output": "4"}, {"id": "b", "input": "3 + 3?", "output": "7"}]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = ("run", "judge.txt", "data.jsonl", "--model", "fake", "--out", "out.jsonl")
    judged = run(bare, *command, cwd=tmp_path)
    assert judged.returncode == 0, judged.stderr
    results = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(result["id"], result["status"]) for result in results] == [("a", "scored"), ("b", "scored")]


def test_what_needs_an_extra_says_so(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "judge.txt").write_text("Is it right? {input} {output} Reply pass or fail.")
    (tmp_path / "data.jsonl").write_text('{"input": "2 + 2?", "output": "4"}\n')
    judged = run(bare, "run", "judge.txt", "data.jsonl", "--model", "embedded", cwd=tmp_path)
    assert judged.returncode == 1
    assert "pip install 'dikast[embedded]'" in judged.stderr
    assert "Traceback" not in judged.stderr
