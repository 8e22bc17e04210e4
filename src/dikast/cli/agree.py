"""`dikast agree`: how far a run agrees with people's labels, and what a judge without a model would reach on them."""

from __future__ import annotations

import click
import msgspec

from dikast.agreement.budget import Budget, budget, read_claim
from dikast.agreement.corrected import Refused
from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.figures import Agreement, Comparison, agreement
from dikast.errors import DataError, DikastError, InputError
from dikast.interactions import open_dataset, read_labels
from dikast.interactions.rows import Tally
from dikast.judges.scale import Scale
from dikast.records import Interaction, Label, RunInfo
from dikast.report.figures import bounds, interval, value_of
from dikast.report.text import one_line
from dikast.runs import Run, open_run
from dikast.workspace import Workspace

EXAMPLES = """
\b
Examples:
  dikast agree refunds-3 --labels labels.jsonl
  dikast agree results.jsonl --labels labelled.xlsx --by feature
  dikast agree results.jsonl --labels labels.jsonl --data interactions.jsonl --json
  dikast agree refunds-3 --labels labels.jsonl --target-width 0.08
"""

TITLES = {
    "balanced_accuracy": "balanced accuracy",
    "tpr": "TPR (good items passed)",
    "tnr": "TNR (bad items failed)",
    "precision": "precision",
    "f1": "F1",
    "accuracy": "accuracy",
    "cohen_kappa": "Cohen's kappa",
    "gwet_ac1": "Gwet's AC1",
    "mcc": "MCC",
    "accuracy_without_ties": "accuracy, ties apart",
    "accuracy_with_ties": "accuracy, ties included",
    "order_consistency": "same in both orders",
    "spearman": "Spearman",
    "kendall_tau_b": "Kendall's tau-b",
    "quadratic_weighted_kappa": "weighted kappa",
    "mae": "mean absolute error",
    "exact": "exact",
    "within_one": "within one",
    "agr_2_2": "Agr(2, 2)",
    "auc": "AUC",
    "ece": "calibration error",
    "brier": "Brier score",
    "pairs_agree": "pairs that agree",
    "krippendorff_alpha": "Krippendorff's alpha",
    "fleiss_kappa": "Fleiss' kappa",
    "one_vs_rest_spearman": "one against the rest",
}
SHARES = {
    "balanced_accuracy",
    "tpr",
    "tnr",
    "precision",
    "recall",
    "f1",
    "accuracy",
    "exact",
    "within_one",
    "pairs_agree",
}
SHARES |= {"accuracy_without_ties", "accuracy_with_ties", "order_consistency"}
_HIDDEN = frozenset({"recall"})  # the same as TPR
_WIDTH = 25
_MOST_SLICES = 20


@click.command("agree", epilog=EXAMPLES)
@click.argument("run")
@click.option(
    "--labels", "labels_file", metavar="FILE", help="People's labels. [default: those that the run's data carries]"
)
@click.option("--data", metavar="DATA", help="The interactions, for the baselines, when the run doesn't know them.")
@click.option("--by", metavar="KEY", help="Figures for each value of this metadata key, too.")
@click.option("--criterion", metavar="NAME", help="Compare on this criterion (its name or how it begins).")
@click.option(
    "--bar", type=click.FloatRange(0, 1), help="What the low end must reach. [default: by the kind of verdict]"
)
@click.option(
    "--budget", "with_budget", is_flag=True, help="How many labels are needed, of which class, and which next."
)
@click.option(
    "--target-width",
    type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    metavar="HALF",
    help="The half-width that the budget aims at; implies --budget. [default: 0.1, so ± 10 points]",
)
@click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="CLAIM",
    help="A claim the budget is to show, such as 'tnr>0.9', or 'tnr>0.9@0.95' if it is taken to be 0.95; "
    "implies --budget; may be repeated.",
)
@click.option("--store", metavar="FILE|URL", help="Where the run is kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def command(
    run: str,
    labels_file: str | None,
    data: str | None,
    by: str | None,
    criterion: str | None,
    bar: float | None,
    with_budget: bool,
    target_width: float | None,
    claims: tuple[str, ...],
    store: str | None,
    as_json: bool,
) -> int:
    """How far a run agrees with people's labels.

    Every figure with its 95 % interval, beside what trivial baselines reach. RUN is a run's name or a results file. The
    last line says whether to trust the judge, from the intervals' ends.
    """
    aims = tuple(read_claim(claim) for claim in claims)
    workspace = Workspace.find()
    opened = open_run(run, workspace=workspace, store=store)
    labels = labels_of(opened, labels_file)
    known = interactions_of(opened, workspace.find_dataset(data) if data else None, labels_file)
    asked = Comparison(by=by, criterion=criterion, judge_scale=judge_scale(opened.info), bar=bar)
    found = agreement(opened.verdicts(), labels, known.get if known else opened.interaction, asked)
    planned = None
    if with_budget or target_width is not None or aims:
        if found.confusion is None:
            raise InputError("a label budget is reckoned for pass/fail verdicts and labels; these are of another kind")
        planned = budget(found.confusion, *found.unlabelled, half_width=target_width or 0.1, claims=aims)
    if as_json:
        values = found.as_json() | ({"budget": planned.as_json()} if planned else {})
        click.echo(msgspec.json.format(msgspec.json.encode(values), indent=2))
    else:
        click.echo("\n".join(lines_of(found, planned)))
    return 0


def judge_scale(info: RunInfo | None) -> tuple[float, float] | None:
    """The ends of the judge's scale, where its definition states them."""
    scale = info.judge_definition.get("scale") if info else None
    try:
        if isinstance(scale, str):
            scale = msgspec.to_builtins(Scale.of(scale))
    except DikastError:
        return None
    low, high = (scale.get("low"), scale.get("high")) if isinstance(scale, dict) else (None, None)
    ends = isinstance(low, (int, float)) and isinstance(high, (int, float)) and low < high
    return (float(low), float(high)) if ends else None  # type: ignore[arg-type]


def labels_of(run: Run, file: str | None) -> list[Label]:
    """People's labels, of a file or else those that the run's data carries. Raises DataError when there are none."""
    if file is None:
        labels = list(run.labels())
        if not labels:
            raise DataError(
                f"no labels are known for {run.name!r}: its interactions carry none, or are not known here",
                hint="Give a file with people's labels: --labels FILE.",
            )
        return labels
    tally = Tally()
    labels = read_labels(file, tally=tally)
    if tally.rejected:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in tally.reasons.items())
        click.echo(f"{tally.rejected} rows of {file} were not used ({reasons})", err=True)
    if not labels:
        hint = 'A line looks like {"id": "7", "verdict": "pass"}.'
        raise DataError(f"{file!r} holds no label that can be used", hint=hint)
    return labels


def interactions_of(run: Run, data: str | None, labels_file: str | None) -> dict[str, Interaction]:
    """The interactions by id, of --data or else of the labels' file; empty where the run knows its own, or none are."""
    if data is not None:
        return {item.id: item for item in open_dataset(data)}
    if labels_file is None or labels_file == "-" or next(iter(run.interactions()), None) is not None:
        return {}
    try:
        return {item.id: item for item in open_dataset(labels_file)}
    except DikastError:  # a file of labels alone is no dataset, and need not be one
        return {}


def lines_of(found: Agreement, planned: Budget | None = None) -> list[str]:
    """The figures as plain, aligned lines; the last one says whether to trust the judge."""
    lines = [f"{found.n:,} items with a verdict and a label" + (f" ({found.criterion})" if found.criterion else "")]
    lines += [f"  left out: {count:,} {reason}" for reason, count in found.left_out.items()]
    lines += ["", *_table(found), *_figures(found.figures), *_baselines(found), *_ceiling(found), *_corrected(found)]
    lines += [*_confidence(found), *_slices(found), *(_budget(planned) if planned else [])]
    lines += [f"Note: {one_line(note, 400)}." for note in found.notes]
    lines += [f"Needed: {need}." for need in found.trust.needs]
    return [*lines, found.trust.sentence]


def _table(found: Agreement) -> list[str]:
    if not found.table:
        return []
    verdicts = list(next(iter(found.table.values())))
    lines = [" " * _WIDTH + "".join(f"{'judge: ' + verdict:>14}" for verdict in verdicts)]
    for label, row in found.table.items():
        lines.append(f"{'people: ' + label:<{_WIDTH}}" + "".join(f"{row[verdict]:>14,}" for verdict in verdicts))
    return [*lines, ""]


def _figures(figures: dict[str, Figure]) -> list[str]:
    return [
        *(_line(TITLES.get(name, name), name, figure) for name, figure in figures.items() if name not in _HIDDEN),
        "",
    ]


def _line(title: str, name: str, figure: Figure, after: str = "") -> str:
    share = name in SHARES
    value = value_of(figure, as_percent=share)
    if not isinstance(figure, Estimate):
        return f"{title:<{_WIDTH}}{'–':>8}  {figure.reason}"
    return f"{title:<{_WIDTH}}{value:>8}  {interval(figure, as_percent=share):<31}n = {figure.n:,}{after}".rstrip()


def _baselines(found: Agreement) -> list[str]:
    earned = found.earning
    if earned is None:
        return []
    if not earned.beside:
        return [f"No trivial baselines: {earned.refused}.", ""]
    lines = [f"Without any model ({TITLES[found.headline]}, cross-fitted on the same labels):"]
    for one in earned.beside:
        lines.append(_line(f"  {one.name}", found.headline, one.figure))
        if isinstance(one.lead, Estimate):
            lines[-1] += f"; the judge leads by {_points(one.lead, found.headline)}"
    return [*lines, ""]


def _points(lead: Estimate, name: str) -> str:
    if name in SHARES:
        return f"{100 * lead.value:.1f} points ({100 * lead.low:.1f} to {100 * lead.high:.1f})"
    return f"{lead.value:.2f} ({lead.low:.2f} to {lead.high:.2f})"


def _ceiling(found: Agreement) -> list[str]:
    if not found.ceiling:
        return []
    lines = ["People among themselves, on the same items:"]
    return [*lines, *(_line(f"  {TITLES[name]}", name, figure) for name, figure in found.ceiling.items()), ""]


def _corrected(found: Agreement) -> list[str]:
    """The run's pass rate or mean score, as people would have given it."""
    lines = []
    if isinstance(found.corrected, Estimate):
        lines.append(_line("Corrected pass rate", "tpr", found.corrected))
    elif found.corrected is not None:
        lines.append(f"Corrected pass rate: refused. {found.corrected.why}.")
    powered = found.powered
    if isinstance(powered, Refused):
        if found.family == "ordinal":
            lines.append(f"Mean score by prediction-powered inference: refused. {powered.why}.")
    elif powered is not None:
        name, title = (
            ("tpr", "  prediction-powered") if found.family == "pass_fail" else ("mae", "Corrected mean score")
        )
        worth = f"; a label is worth {powered.worth:.2f}" + (f"; {powered.strata} strata" if powered.strata > 1 else "")
        lines.append(_line(title, name, powered.figure, worth))
    return [*lines, ""] if lines else []


def _confidence(found: Agreement) -> list[str]:
    mapped = found.calibration
    if mapped is None:
        return []
    said = f"Confidence is best read through a {mapped.kind} map" if mapped.holds else "Confidence is left as stated"
    return [f"{said}: {mapped.why}.", ""]


def _budget(planned: Budget) -> list[str]:
    lines = [f"{'Label budget':<46}{'class':>7}{'have':>8}{'needed':>9}{'more':>8}"]
    for need in planned.needs:
        needed, more = ("–", "–") if need.needed is None else (f"{need.needed:,}", f"{need.more:,}")
        why = f"  {need.why}" if need.why else ""
        lines.append(f"  {one_line(need.aim, 43):<44}{need.of:>7}{need.have:>8,}{needed:>9}{more:>8}{why}")
    return [*lines, planned.how, ""]


def _slices(found: Agreement) -> list[str]:
    if not found.slices:
        return []
    share = found.headline in SHARES
    lines = [f"By {found.by} ({TITLES[found.headline]}):"]
    for value, part in list(found.slices.items())[:_MOST_SLICES]:
        figure = part.figures[found.headline]
        shown = bounds(figure, as_percent=share) if isinstance(figure, Estimate) else f"undefined: {figure.reason}"
        lines.append(f"  {one_line(value, 28):<30}{value_of(figure, as_percent=share):>8}  {shown:<14} n = {part.n:,}")
    if len(found.slices) > _MOST_SLICES:
        lines.append(f"  and {len(found.slices) - _MOST_SLICES} more; --json has them all")
    return [*lines, ""]
