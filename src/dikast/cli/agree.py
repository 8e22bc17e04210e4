"""`dikast agree`: how far a run agrees with people's labels, and what a judge without a model would reach on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import click
import msgspec

from dikast.agreement.budget import Budget, Claim, budget, read_claim
from dikast.agreement.calibrated import as_stated
from dikast.agreement.corrected import Refused
from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.figures import Agreement, Comparison, agreement
from dikast.cli.labelling_next import Next, next_lines, next_to_label
from dikast.cli.measured import existing_store, ground_of, measured_json, measured_lines, measured_options, opened_for
from dikast.errors import DikastError, InputError
from dikast.interactions import open_dataset
from dikast.journey.calibrating import Tried, keep_map, try_map, why_no_map
from dikast.journey.measuring import Ground, Lookup, Opened, Portion
from dikast.journey.runs import Run, open_run
from dikast.judges.scale import recorded_ends
from dikast.records import Interaction, Whose
from dikast.report.figures import bounds, count, interval, value_of
from dikast.report.text import one_line
from dikast.store import Store
from dikast.workspace import Workspace

EXAMPLES = """
\b
Examples:
  dikast agree refunds-3
  dikast agree refunds-3 --labels labels.jsonl
  dikast agree results.jsonl --labels labelled.xlsx --by feature
  dikast agree results.jsonl --labels labels.jsonl --data interactions.jsonl --json
  dikast agree refunds-3 --labels labels.jsonl --target-width 0.08
  dikast agree refunds-3 --part dev --keep-calibration
  dikast agree refunds-3 --open-test 'before release 2'
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
    "self_agree": "same at a second look",
    "self_kappa": "kappa of both looks",
    "self_spearman": "Spearman of both looks",
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
    "self_agree",
}
SHARES |= {"accuracy_without_ties", "accuracy_with_ties", "order_consistency"}
_HIDDEN = frozenset({"recall"})  # the same as TPR
_WIDTH = 25
_MOST_SLICES = 20


@click.command("agree", epilog=EXAMPLES)
@click.argument("run")
@click.option(
    "--labels", "labels_file", metavar="FILE", help="People's labels. [default: those saved, or that the data carries]"
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
@measured_options
@click.option(
    "--labels-of",
    "whose",
    type=click.Choice(["expert", "user"]),
    default="expert",
    show_default=True,
    help="Compare with experts' labels, or with what the system's users said.",
)
@click.option("--keep-calibration", is_flag=True, help="Keep the map of confidence, for this version on this model.")
@click.option("--principal", metavar="NAME", help="Whose word binds where people differ. [default: the workspace's]")
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
    part: Portion | None,
    why: str | None,
    whose: Whose,
    keep_calibration: bool,
    principal: str | None,
    store: str | None,
    as_json: bool,
) -> int:
    """How far a run agrees with people's labels.

    Every figure with its 95 % interval, beside what trivial baselines reach. RUN is a run's name or a results file. The
    last line says whether to trust the judge, from the intervals' ends.

    Of a dataset that was split, the sealed test is left out unless it is opened by name; so is what the judge learned
    from, always. What the system's users said is kept apart: --labels-of user compares with that alone.
    """
    aims = tuple(read_claim(claim) for claim in claims)
    workspace = Workspace.find()
    opened = open_run(run, workspace=workspace, store=store)
    lookup = lookup_of(opened, workspace.find_dataset(data) if data else None, labels_file)
    asked = Comparison(
        by=by,
        criterion=criterion,
        judge_scale=recorded_ends(opened.info.judge_definition.get("scale")) if opened.info else None,
        bar=bar,
        principal=workspace.settings(review_principal=principal).review_principal,
        whose=whose,
    )
    with existing_store(workspace, store) as kept:
        ground = ground_of(opened, kept, workspace, lookup, labels_file=labels_file, part=part, why=why, whose=whose)
        _check_keeping(keep_calibration, ground, kept, whose)
        asked = replace(asked, shares=ground.shares)
        found = agreement(map(as_stated, opened.verdicts()), ground.labels, lookup, asked)
        shown = _Shown(found=_as_measured(found, ground), ground=ground)
        if with_budget or target_width is not None or aims:
            shown.planned = _planned(found, target_width, aims)
            shown.next = next_to_label(opened, kept, workspace, lookup, ground, shown.planned, by)
        rate = found.figures.get("accuracy")
        at = rate.value if isinstance(rate, Estimate) else None
        shown.opened = opened_for(kept, ground, [opened], found.n, why, at)
        if kept is not None:
            _map_confidence(shown, found, opened, kept, asked, keep=keep_calibration)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(shown.as_json()), indent=2))
    else:
        click.echo("\n".join(shown.lines()))
    return 0


def _map_confidence(shown: _Shown, found: Agreement, run: Run, kept: Store, asked: Comparison, *, keep: bool) -> None:
    """Try the map that is kept on sealed labels; keep the one that was found, where that is asked for."""
    ground = shown.ground
    if ground.is_sealed and found.calibration is not None:
        shown.tried = try_map(run, ground.labels, asked)
        shown.remark = why_no_map(run, kept) if shown.tried is None else None
    if keep:
        done, reason = keep_map(run, kept, ground.dataset or (run.info.dataset if run.info else ""), found)
        shown.remark = f"the map of confidence is kept: {reason}" if done else f"no map is kept: {reason}"


@dataclass
class _Shown:
    """What is shown: the figures, what they were measured on, and what was asked for besides."""

    found: Agreement
    ground: Ground
    planned: Budget | None = None
    next: Next | None = None
    opened: Opened | None = None
    tried: Tried | None = None
    remark: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The figures contract, with `measured_on`, and `budget` and `calibration_kept` where there are any."""
        values = self.found.as_json() | {"measured_on": measured_json(self.ground, self.opened)}
        if self.planned is not None:
            values["budget"] = self.planned.as_json() | ({"next": self.next.as_json()} if self.next else {})
        if self.tried is not None:
            values["calibration_kept"] = self.tried.as_json()
        if self.remark is not None:
            values["calibration_remark"] = self.remark
        return values

    def lines(self) -> list[str]:
        """The figures as plain lines; the last one says whether to trust the judge."""
        return lines_of(self.found, self)


def _check_keeping(keep_calibration: bool, ground: Ground, store: Store | None, whose: Whose) -> None:
    if keep_calibration and whose == "user":
        raise InputError("no map of confidence is fitted on what users said", hint="Leave out --labels-of user.")
    if keep_calibration and ground.is_sealed:
        raise InputError("no map of confidence is fitted on the sealed test", hint="Fit it on dev: --part dev.")
    if keep_calibration and store is None:
        raise InputError("there is no store to keep a map of confidence in", hint="`dikast run` makes one.")


def _planned(found: Agreement, target_width: float | None, aims: tuple[Claim, ...]) -> Budget:
    if found.confusion is None:
        raise InputError("a label budget is reckoned for pass/fail verdicts and labels; these are of another kind")
    return budget(found.confusion, *found.unlabelled, half_width=target_width or 0.1, claims=aims)


def _as_measured(found: Agreement, ground: Ground) -> Agreement:
    """With what was held back among what was left out, and no map that was fitted on sealed labels."""
    mapped = None if ground.is_sealed else found.calibration
    return replace(found, left_out=ground.left_out(found.left_out), calibration=mapped)


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


def lookup_of(run: Run, data: str | None, labels_file: str | None) -> Lookup:
    """An item's interaction by its id, from `interactions_of` or else the run; read at once, as most are wanted."""
    known = interactions_of(run, data, labels_file) or {item.id: item for item in run.interactions()}
    return known.get


def lines_of(found: Agreement, shown: _Shown) -> list[str]:
    """The figures as plain, aligned lines; the last one says whether to trust the judge."""
    on = f" ({found.criterion})" if found.criterion else ""
    lines = [f"{count(found.n, 'item')} with a verdict and a label{on}"]
    lines += [f"  left out: {count:,} {reason}" for reason, count in found.left_out.items()]
    lines += measured_lines(shown.ground, shown.opened)
    lines += ["", *_table(found), *_figures(found.figures), *_baselines(found), *_ceiling(found), *_corrected(found)]
    lines += [*_confidence(found), *_tried(shown), *_slices(found)]
    lines += [*(_budget(shown.planned) if shown.planned else []), *(next_lines(shown.next) if shown.next else [])]
    lines += [f"Note: {one_line(note, 400)}." for note in found.notes]
    lines += [f"Needed: {need}." for need in found.trust.needs]
    return [*lines, found.trust.sentence]


def _tried(shown: _Shown) -> list[str]:
    """What the map that is kept makes of confidence on sealed labels; or why there is none."""
    lines = []
    if shown.tried is not None:
        kept = shown.tried.calibration
        lines.append(f"Through the map of {kept.at[:10]}, fitted on {kept.n:,} labels of {kept.dataset!r}:")
        lines += [_line(f"  {TITLES[name]}", name, figure) for name, figure in shown.tried.after.items()]
    if shown.remark is not None:
        lines.append(f"{shown.remark[0].upper()}{shown.remark[1:]}.")
    return [*lines, ""] if lines else []


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
    lines = ["People among themselves, or one at a second look, on the same items and those that split them:"]
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
        shown = bounds(figure, as_percent=share) if isinstance(figure, Estimate) else f"undefined: {figure.reason};"
        name = one_line(value, 28) if value else f"(no {found.by})"
        said = f"  {name:<30}{value_of(figure, as_percent=share):>8}  {shown:<14} n = {part.n:,}"
        lines.append(said + _without(part.left_out))
    if len(found.slices) > _MOST_SLICES:
        lines.append(f"  and {len(found.slices) - _MOST_SLICES} more; --json has them all")
    return [*lines, ""]


def _without(left_out: Mapping[str, int]) -> str:
    """What a slice left out, besides items that nobody labelled."""
    listed = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items() if reason != "no label")
    return f"; left out: {listed}" if listed else ""
