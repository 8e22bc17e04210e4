"""`dikast run`: judge every interaction of a dataset."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import click
import msgspec

from dikast.agreement.estimate import Estimate
from dikast.agreement.wilson import wilson
from dikast.cli.options import model_options, settings_from
from dikast.cli.progress import shown, tell
from dikast.errors import DataError
from dikast.harness.progress import Progress
from dikast.interactions.dataset import Dataset
from dikast.journey.finding import find_data
from dikast.journey.running import RunPlan, blocking, carry_out
from dikast.journey.runs import Run
from dikast.judges.cascade import Cascade, find_judge_or_cascade
from dikast.judges.definition import Judge
from dikast.records import RunInfo
from dikast.report.figures import count
from dikast.report.text import one_line
from dikast.workspace import Workspace

SOME_WITHOUT_VERDICT = 3
_REASONS_SHOWN = 3

EXAMPLES = """
\b
Examples:
  dikast run judge.txt interactions.jsonl --model ollama/qwen3:8b --out results.jsonl
  dikast run refunds data.csv --model embedded --limit 50
  cat data.jsonl | dikast run judge.yaml - --model judge-model --base-url http://127.0.0.1:8080
"""


@click.command("run", epilog=EXAMPLES)
@click.argument("judge")
@click.argument("data", nargs=-1, required=True)
@model_options
@click.option("--out", metavar="FILE", help="Where the results go (JSON Lines); - is standard output.")
@click.option("--name", help="The run's name. [default: the judge's, with a number]")
@click.option("--limit", type=click.IntRange(min=1), help="Judge only the first N interactions.")
@click.option("--without-cloud", is_flag=True, help="Leave out the stages of a cascade that leave this machine.")
@click.option("--strict", is_flag=True, help="Stop at the first line that can't be read.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    judge: str,
    data: tuple[str, ...],
    out: str | None,
    name: str | None,
    limit: int | None,
    without_cloud: bool,
    strict: bool,
    as_json: bool,
    **given: object,
) -> int:
    """Judge every interaction of a dataset.

    JUDGE is a name in the workspace, a judge's folder or file, a cascade of several, or a plain text prompt with
    {input} and {output} in it. DATA is a dataset's name, files (JSONL, JSON, CSV, Parquet, XLSX), a glob, or - for
    standard input.

    Interrupted or killed, the same command continues where it stopped; what was answered is never asked for again.
    """
    workspace = Workspace.find()
    settings = settings_from(workspace, given)
    loaded = find_judge_or_cascade(judge, workspace.judges_dir)
    if isinstance(loaded, Cascade) and without_cloud:
        loaded = loaded.without_cloud()
    usual = str(_default_out(workspace, loaded, data[0], name))
    results = out or usual
    rejects = _rejects_beside(usual if results == "-" else results)
    dataset = find_data(data, workspace, settings.store, strict=strict, rejects=rejects)
    plan = RunPlan(
        judge=loaded,
        dataset=dataset,
        workspace=workspace,
        settings=settings,
        out=results,
        name=name,
        limit=limit,
    )
    progress = Progress(total=_expected(dataset, limit))
    try:
        with shown(progress) as on_start:
            run = blocking(carry_out(plan, progress, on_start=on_start, tell=tell))
    except KeyboardInterrupt:
        done = f"{progress.done} of {progress.total}" if progress.total else str(progress.done)
        click.echo(f"Interrupted after {done} interactions; the same command continues from there.", err=True)
        return 130
    _report_rejects(dataset, rejects)
    assert run.info is not None
    if not run.info.counts and dataset.tally.rejected:
        raise DataError(
            f"{dataset.name!r} has no row that can be judged", hint=f"Each row's reason stands in {str(rejects)!r}."
        )
    if as_json and results != "-":
        click.echo(msgspec.json.encode(_summary(run, run.info)))
    elif results != "-":
        _print_summary(run, run.info)
    left_out = sum(number for status, number in run.info.counts.items() if status != "scored")
    short = _report_stages(run) if isinstance(loaded, Cascade) else 0
    return SOME_WITHOUT_VERDICT if left_out or short else 0


def _report_stages(run: Run) -> int:
    """Say how far a cascade's interactions went; how many a later stage should have judged and could not."""
    from dikast.analysis.stages import StageTally

    tally = StageTally()
    for verdict in run.verdicts():
        tally.add(verdict)
    found = tally.stages()
    if found is None:
        return 0
    ended = ", ".join(f"{one.ended:,} at {one.name}" for one in found.stages)
    click.echo(f"Ended: {ended}" + (f", {found.person:,} wait for a person" if found.person else ""), err=True)
    if found.short:
        click.echo(
            f"{found.short:,} should have been judged by a later stage that gave no verdict; that of the stage before "
            "stands. The same command asks again, and only what is missing.",
            err=True,
        )
    return found.short


def _expected(dataset: Dataset, limit: int | None) -> int | None:
    length = dataset.expected_length()
    return length if length is None or limit is None else min(length, limit)


def _default_out(workspace: Workspace, judge: Judge | Cascade, data: str, name: str | None) -> Path:
    """Where results go when nobody said: the same place for the same command, so that it continues."""
    stem = name or f"{judge.name}-{'stdin' if data == '-' else Path(data).name.partition('.')[0].strip('*?') or 'data'}"
    folder = Path.cwd()
    if workspace.explicit:
        folder = workspace.runs_dir
        folder.mkdir(exist_ok=True)
    return folder / f"{stem}.results.jsonl"


def _rejects_beside(results: str) -> Path:
    return Path(results.removesuffix(".jsonl").removesuffix(".results") + ".rejects.jsonl")


def _report_rejects(dataset: Dataset, rejects: Path) -> None:
    tally = dataset.tally
    if tally.rejected:
        kinds = ", ".join(f"{number} x {kind}" for kind, number in tally.reasons.items())
        rows = "1 row was" if tally.rejected == 1 else f"{tally.rejected} rows were"
        click.echo(f"{rows} not used ({kinds}): see {rejects}", err=True)
    if tally.duplicates:
        same = "1 interaction has" if tally.duplicates == 1 else f"{tally.duplicates} interactions have"
        click.echo(f"{same} the same content as an earlier one", err=True)


def _summary(run: Run, info: RunInfo) -> dict[str, object]:
    rate = _pass_rate(info)
    return {
        "run": info.name,
        "out": str(run.out) if run.out else None,
        "judge": info.judge,
        "model": info.model,
        "counts": info.counts,
        "verdicts": info.verdicts,
        "pass_rate": rate
        and {"value": rate.value, "low": rate.low, "high": rate.high, "n": rate.n, "method": rate.method},
        "rejected": info.rejected,
        "duplicates": info.duplicates,
        "calls": info.calls,
        "cache_hits": info.cache_hits,
        "wall_s": info.wall_s,
    }


def _print_summary(run: Run, info: RunInfo) -> None:
    total = sum(info.counts.values())
    said = ", ".join(f"{number} {verdict}" for verdict, number in sorted(info.verdicts.items()))
    rest = ", ".join(f"{number} {status}" for status, number in info.counts.items() if status != "scored")
    scored = f"{info.counts.get('scored', 0)} of {total} scored" + (f" ({said})" if said else "")
    click.echo(f"{info.name}: {scored}" + (f"; {rest}" if rest else ""))
    rate = _pass_rate(info)
    if rate:
        click.echo(
            f"The judge passes {rate.value:.0%} (95 % interval {rate.low:.0%} to {rate.high:.0%}); "
            "`dikast agree` says how far to trust it."
        )
    if rest:
        click.echo(_commonest_reasons(run))
    click.echo(f"Results: {run.out}")
    click.echo(f"Next: dikast show {info.name}, dikast report {info.name}")


def _commonest_reasons(run: Run) -> str:
    """Why interactions have no verdict, the commonest reason first. Numbers in it may differ from one to the next."""
    counted: Counter[str] = Counter()
    said: dict[str, str] = {}
    for verdict in run.verdicts():
        if verdict.status != "scored" and verdict.reason:
            kind = re.sub(r"\d+", "0", verdict.reason)
            said.setdefault(kind, verdict.reason)
            counted[kind] += 1
    most = [f"{number:,} x {one_line(said[kind], 160)}" for kind, number in counted.most_common(_REASONS_SHOWN)]
    others = len(counted) - len(most)
    return f"Why: {'; '.join(most)}" + (f"; and {count(others, 'other reason')}" if others else "")


def _pass_rate(info: RunInfo) -> Estimate | None:
    passed = info.verdicts.get("pass", 0)
    decided = passed + info.verdicts.get("fail", 0)
    return wilson(passed, decided) if decided else None
