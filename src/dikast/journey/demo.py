"""The whole journey on a bundled sample: a workspace, a run here, a report, and how far to trust the judge."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from dikast.agreement.figures import Agreement, Comparison, agreement
from dikast.analysis.summary import RunSummary, recorded_scale, summarise
from dikast.errors import OutputError
from dikast.harness.progress import Progress
from dikast.interactions.dataset import open_dataset
from dikast.journey.running import OnStart, RunPlan, blocking, carry_out
from dikast.journey.runs import Run
from dikast.judges.definition import find_judge
from dikast.models.advice import GIB, Machine, advise, parameters_in
from dikast.models.discovery import FoundServer
from dikast.models.naming import SERVERS
from dikast.models.served import Installed
from dikast.report.agreement_block import AgreementBlock, AgreementFigure
from dikast.report.figures import interval, value_of
from dikast.report.html import render_html
from dikast.report.writing import write_text
from dikast.settings import Settings
from dikast.workspace import Workspace

SAMPLES = Path(__file__).parent.parent / "samples"
JUDGE, DATASET = "factual", "demo"
SIZE = 64
LABELS = "FacTool's authors, who checked each answer claim by claim"
SHOWN = (
    ("accuracy", "same verdict as people", "in all"),
    ("tpr", "good ones passed", "of what people passed"),
    ("tnr", "bad ones failed", "of what people failed"),
    ("balanced_accuracy", "balanced accuracy", "mean of the two before; 0.5 is chance"),
    ("cohen_kappa", "Cohen's κ", "agreement beyond chance; 0 is chance, 1 is perfect"),
)
PERCENTS = ("accuracy", "tpr", "tnr")


@dataclass(frozen=True, kw_only=True)
class DemoPlan:
    """What a demo is told: the workspace it lies in, the settings, which way verdicts are read, and how many items."""

    workspace: Workspace
    settings: Settings
    fast: bool
    limit: int | None = None

    @property
    def model(self) -> str:
        """The model that judges; the embedded one unless another is named."""
        return self.settings.model or "embedded"

    @property
    def results(self) -> Path:
        """The results file."""
        return self.workspace.root / "results.jsonl"

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.workspace.root / "report.html"


@dataclass(frozen=True, kw_only=True)
class Demonstrated:
    """What a demo found."""

    run: Run
    summary: RunSummary
    agreement: Agreement


def lay_out(folder: Path) -> Workspace:
    """A workspace with the bundled judge and data in it; what is there already is left as it is. Raises OutputError."""
    workspace = Workspace(folder.absolute(), explicit=True)
    if not workspace.file.exists():
        workspace = Workspace.init(folder)
    copies = {
        SAMPLES / "demo.jsonl": workspace.datasets_dir / f"{DATASET}.jsonl",
        SAMPLES / "README.md": workspace.datasets_dir / "README.md",
        **{SAMPLES / "demo-judge" / name: workspace.judges_dir / JUDGE / name for name in ("judge.yaml", "prompt.md")},
    }
    try:
        for source, target in copies.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copyfile(source, target)
    except OSError as error:
        raise OutputError(
            f"can't lay out the demo in {folder}: {error.strerror}", hint="Choose another place with --dir."
        ) from error
    return workspace


def judge_sample(plan: DemoPlan, progress: Progress, *, on_start: OnStart, tell: Callable[[str], None]) -> Run:
    """Judge the sample and write the results.

    tell is given a line for each thing that takes time before the run. Raises InputError and WorldError.
    """
    judge = find_judge(JUDGE, plan.workspace.judges_dir)
    whole = RunPlan(
        judge=msgspec.structs.replace(judge, fast=plan.fast),
        dataset=open_dataset(plan.workspace.find_dataset(DATASET), strict=True),
        workspace=plan.workspace,
        settings=replace(plan.settings, model=plan.model),
        out=plan.results,
        limit=plan.limit,
    )
    return blocking(carry_out(whole, progress, on_start=on_start, tell=tell))


def compare(plan: DemoPlan, run: Run) -> Demonstrated:
    """Compare a run of the sample with what people said, and write the report. Raises OutputError."""
    definition = run.info.judge_definition if run.info else {}
    summary = summarise(run, outliers=5, scale=recorded_scale(definition))
    found = agreement(run, run.labels(), run.interaction, Comparison(by="kind"))
    page = render_html(summary, run.info, run.interaction, agreement=agreement_block(found))
    write_text(plan.report, page)
    return Demonstrated(run=run, summary=summary, agreement=found)


def agreement_block(found: Agreement) -> AgreementBlock:
    """The agreement as a report shows it."""
    beside = found.earning.beside if found.earning else ()
    return AgreementBlock(
        labels=LABELS,
        n=found.n,
        figures=tuple(
            AgreementFigure(title, found.figures[name], name in PERCENTS, meaning) for name, title, meaning in SHOWN
        ),
        baselines=tuple(AgreementFigure(one.name, one.figure, meaning=one.meaning) for one in beside),
        trust=found.trust.level,
        sentence=found.trust.sentence,
        needs="; ".join(found.trust.needs) or None,
        left_out=found.left_out,
        reliability=tuple(found.reliability),
        calibration=found.calibration,
    )


def last_line(found: Agreement, model: str, servers: Sequence[FoundServer], machine: Machine) -> str:
    """How far the judge agrees with people, with the interval, whether to trust it, and what to use instead if not."""
    same, kappa = found.figures["accuracy"], found.figures["cohen_kappa"]
    said = f"{model} and people gave the same verdict on {value_of(same, as_percent=True)} of {found.n} answers"
    said += f" ({interval(same, as_percent=True)}); Cohen's κ {value_of(kappa, as_percent=False)}"
    said += f" ({interval(kappa, as_percent=False)}). {found.trust.sentence}"
    return said if found.trust.level == "trusted" else f"{said} {instead(model, servers, machine)}"


def instead(model: str, servers: Sequence[FoundServer], machine: Machine) -> str:
    """What to judge with in place of a model that can't be trusted: what is installed here first."""
    best = suggestion(model, servers, machine)
    if best is not None:
        return f"Try a larger model that is here: dikast demo --model {best}"
    if model not in ("embedded", "fake"):
        return "Try a larger model (`dikast models` says what this machine carries), or a better prompt."
    has_gpu = machine.gpu_bytes >= 7 * GIB or (machine.unified and machine.memory_bytes >= 23 * GIB)
    size = "8b" if has_gpu else "4b"
    up = " and ".join(SERVERS[server.server] for server in servers)
    here = f"{up} is up, without a model that could judge better. " if up else ""
    return f"{here}Try a larger model, such as: ollama pull qwen3:{size}, then dikast demo --model ollama/qwen3:{size}"


def suggestion(model: str, servers: Sequence[FoundServer], machine: Machine) -> str | None:
    """The largest model that is installed here, fits this machine, and is larger than the one that judged."""
    sizes = {
        name: parameters_in(installed) or 0.0
        for server in servers
        for name, installed in zip(server.names(), server.models, strict=True)
        if name == model or (can_judge(installed) and advise(installed, machine).fit in ("fits", "tight", "unknown"))
    }
    larger = [name for name, size in sizes.items() if size > sizes.get(model, -1.0)]
    return max(larger, key=lambda name: sizes[name], default=None)


def can_judge(model: Installed) -> bool:
    """Whether a model writes text here; those that embed, rank or run elsewhere don't."""
    return model.remote_host is None and not any(word in model.name.lower() for word in ("embed", "rerank", "bge-"))


def as_json(plan: DemoPlan, found: Demonstrated, servers: Sequence[FoundServer], last: str) -> dict[str, Any]:
    """All that the demo found, for --json."""
    info = found.run.info
    assert info is not None
    return {
        "run": found.run.name,
        "model": info.model,
        "mode": "fast" if plan.fast else "written",
        "workspace": str(plan.workspace.root),
        "results": str(plan.results),
        "report": str(plan.report),
        "counts": info.counts,
        "wall_s": info.wall_s,
        "calls": info.calls,
        "servers": [msgspec.to_builtins(server) for server in servers],
        "agreement": found.agreement.as_json(),
        "sentence": last,
    }
