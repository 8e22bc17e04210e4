"""`dikast compare`: two judges on the same items, or two systems under one judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click
import msgspec

from dikast.agreement.comparison import Difference
from dikast.agreement.corrected import Refused
from dikast.agreement.estimate import Estimate
from dikast.agreement.families import Span
from dikast.agreement.matching import match
from dikast.agreement.pairing import Pairing, Side, outputs_of, pair_runs
from dikast.agreement.settling import bound
from dikast.agreement.two_runs import UNLABELLED, TwoRuns, compare_runs, labels_by_first, points
from dikast.cli.agree import SHARES, TITLES
from dikast.cli.measured import existing_store, labels_in, measured_json, measured_lines, measured_options, opened_for
from dikast.errors import DikastError, InputError
from dikast.interactions import open_dataset
from dikast.journey.measuring import (
    Admission,
    Ground,
    Opened,
    Portion,
    check_portion,
    learned_by,
    nothing_left,
    saved_labels,
)
from dikast.journey.runs import Run, open_run
from dikast.judges.scale import recorded_ends
from dikast.records import Interaction, Label, Verdict
from dikast.report.figures import bounds, interval, number, value_of
from dikast.report.text import one_line
from dikast.store import Store
from dikast.workspace import Workspace

EXAMPLES = """
\b
Examples:
  dikast compare refunds-3 refunds-4 --labels labels.jsonl
  dikast compare old.jsonl new.jsonl --by feature
  dikast compare refunds-3 refunds-4 --open-test 'which one to release'
  dikast compare refunds-3 refunds-4 --json
"""

_TITLES = {
    **TITLES,
    "pass_rate": "pass rate",
    "mean_score": "mean score",
    "a_rate": "A is better",
    "same_verdict": "same verdict",
    "exact": "same score",
}
_SHARES = SHARES | {"pass_rate", "a_rate", "same_verdict"}
_WIDTH = 24
_LISTED = 10
_MOST_SLICES = 20


@click.command("compare", epilog=EXAMPLES)
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@click.option(
    "--labels", "labels_file", metavar="FILE", help="People's labels. [default: those saved, or that the data carries]"
)
@measured_options
@click.option("--by", metavar="KEY", help="The difference for each value of this metadata key, too.")
@click.option("--criterion", metavar="NAME", help="Compare on this criterion alone.")
@click.option("--store", metavar="FILE|URL", help="Where the runs are kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON, every item that differs included.")
def command(
    first: str,
    second: str,
    labels_file: str | None,
    part: Portion | None,
    why: str | None,
    by: str | None,
    criterion: str | None,
    store: str | None,
    as_json: bool,
) -> int:
    """Two judges on the same items, or two systems under one judge.

    Which of the two it is, the outputs tell, and it is said. Items are matched by id, or by input where ids don't meet.
    One is called better only when the 95 % interval of the difference leaves out 0.
    """
    workspace = Workspace.find()
    runs = [open_run(ref, workspace=workspace, store=store) for ref in (first, second)]
    portion = check_portion(part, why)
    sides, scale, carried_over = _on_one_scale(_sides(runs, (first, second)), runs)
    pairing = pair_runs(*sides, criterion=criterion)
    principal = workspace.settings(store=store).review_principal
    with existing_store(workspace, store) as kept:
        labels, unusable, source = _labels(runs, pairing, labels_file, kept)
        labels, ground = _measurable(runs, pairing, labels, kept, workspace.judges_dir, portion, source)
        labels = bound(labels[0], principal), bound(labels[1], principal)
        if labels_file is None and unusable is None:
            labels, unusable = _carried(pairing, labels, criterion)
        found = compare_runs(pairing, labels, by=by, judge_scale=scale, unusable=unusable, criterion=criterion)
        opened = opened_for(kept, ground, runs, found.n_labelled, why) if found.n_labelled else None
    found = replace(found, left_out=_not_held(found, ground), notes=(*carried_over, *found.notes))
    if as_json:
        values = found.as_json() | {"measured_on": measured_json(ground, opened)}
        click.echo(msgspec.json.format(msgspec.json.encode(values), indent=2))
    else:
        click.echo("\n".join(lines_of(found, _measured(ground, opened, found) if source else [])))
    return 0


def _measured(ground: Ground, opened: Opened | None, found: TwoRuns) -> list[str]:
    """Which labels were used, and how many were held back, why."""
    held = [f"  labels held back: {count:,} {reason}" for reason, count in ground.held_back.items()]
    return [*held, *(measured_lines(ground, opened) if found.n_labelled else [])]


def _not_held(found: TwoRuns, ground: Ground) -> dict[str, int]:
    """What was left out, but for what was held back: those are labelled, and are listed with their own reasons."""
    left_out = dict(found.left_out)
    left_out[UNLABELLED] = left_out.get(UNLABELLED, 0) - sum(ground.held_back.values())
    return {reason: count for reason, count in left_out.items() if count > 0}


def _sides(runs: Sequence[Run], given: tuple[str, str]) -> tuple[Side, Side]:
    names = [run.name for run in runs]
    if names[0] == names[1]:  # two files of one name in two folders
        names = list(given) if given[0] != given[1] else [f"{names[0]} (first)", f"{names[1]} (second)"]
    sides = [Side(name, tuple(run.verdicts()), run.interaction) for name, run in zip(names, runs, strict=True)]
    return sides[0], sides[1]


def _on_one_scale(
    sides: tuple[Side, Side], runs: Sequence[Run]
) -> tuple[tuple[Side, Side], Span | None, tuple[str, ...]]:
    """Both sides on the first judge's scale, that scale, and a remark where the second's scores were carried over."""
    ends = [recorded_ends(run.info.judge_definition.get("scale")) if run.info else None for run in runs]
    onto, scale = ends
    if onto is None or scale is None or onto == scale:
        return sides, onto or scale, ()
    second = sides[1]
    carried = tuple(_carried_over(verdict, scale, onto) for verdict in second.verdicts)
    remark = (
        f"{second.name!r} scores on {scale[0]:g} to {scale[1]:g}, and {sides[0].name!r} on {onto[0]:g} to {onto[1]:g}: "
        "the second's scores were carried over linearly, so equal scores are rarer than they look"
    )
    return (sides[0], Side(second.name, carried, second.lookup)), onto, (remark,)


def _carried_over(verdict: Verdict, scale: Span, onto: Span) -> Verdict:
    """The verdict with every score that is a number carried from one scale to the other."""
    if verdict.scores is None:
        return verdict
    stretch = (onto[1] - onto[0]) / (scale[1] - scale[0])
    scores = {
        name: onto[0] + (value - scale[0]) * stretch
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else value
        for name, value in verdict.scores.items()
    }
    return msgspec.structs.replace(verdict, scores=scores)


_Labels = tuple[Sequence[Label], Sequence[Label]]


def _labels(
    runs: Sequence[Run], pairing: Pairing, file: str | None, store: Store | None
) -> tuple[_Labels, str | None, str]:
    """Labels of the first run's items and of the second's; or why those given can't be told apart; and where they are
    from, in words. Without a file: those saved with each run's dataset, else those that its data carries.
    """
    if file is None:
        saved = [saved_labels(run, store) for run in runs]
        own = [one[0] if one else list(run.labels()) for one, run in zip(saved, runs, strict=True)]
        sources = dict.fromkeys(
            one[1] if one else "the runs' data" for one, labels in zip(saved, own, strict=True) if labels
        )
        return (own[0], own[1]), None, "; ".join(sources)
    labels, source = labels_in(file), Path(file).name
    if pairing.kind == "judges" and pairing.by == "id":
        return (labels, ()), None, source
    ours, theirs = ({verdict.id for verdict in side.verdicts} for side in (pairing.first, pairing.second))
    if not any(label.id in ours and label.id in theirs for label in labels):
        apart = [label for label in labels if label.id in ours], [label for label in labels if label.id in theirs]
        return apart, None, source
    return (*_by_output(file, labels, pairing), source)


def _measurable(
    runs: Sequence[Run],
    pairing: Pairing,
    labels: _Labels,
    store: Store | None,
    judges_dir: Path,
    portion: Portion | None,
    source: str,
) -> tuple[_Labels, Ground]:
    """The labels that both judges may be measured on: of a pair, neither item is held back."""
    across = {pair.first.id: pair.second.id for pair in pairing.pairs}
    back = {second: first for first, second in across.items()}
    ids = [{label.id for label in own} for own in labels]
    wanted = [
        ids[0] | {back[id] for id in ids[1] & back.keys()},
        ids[1] | {across[id] for id in ids[0] & across.keys()},
    ]
    admissions = [
        Admission(run, store, some, run.interaction, portion=portion, learned=learned_by(run, judges_dir))
        for run, some in zip(runs, wanted, strict=True)
    ]
    held: dict[tuple[int, str], str] = {}
    for side, (others, other) in enumerate(((across, 1), (back, 0))):
        for id in ids[side]:
            twin = others.get(id)
            reason = admissions[side].why_not(id) or (admissions[other].why_not(twin) if twin is not None else None)
            if reason is not None and twin is not None:
                held[side, id] = reason
    left = [[label for label in own if (side, label.id) not in held] for side, own in enumerate(labels)]
    pairs = {id if side == 0 else back[id]: reason for (side, id), reason in held.items()}
    counted = dict(Counter(pairs.values()).most_common())
    if portion is not None and not any(left):
        raise nothing_left(counted)
    main = admissions[0] if admissions[0].dataset is not None else admissions[1]
    return (left[0], left[1]), Ground([*left[0], *left[1]], source, main.portion, main.dataset, counted)


def _carried(
    pairing: Pairing, labels: tuple[Sequence[Label], Sequence[Label]], criterion: str | None
) -> tuple[tuple[Sequence[Label], Sequence[Label]], str | None]:
    """The labels that the data carries; none, and why, where two judges can't be compared on them: nobody gave them."""
    if pairing.kind == "systems" or not any(labels):
        return labels, None
    both = labels_by_first(pairing, labels)
    try:
        match([pair.first for pair in pairing.pairs], both, criterion=criterion)
    except InputError as error:
        return ((), ()), str(error)
    return labels, None


def _by_output(
    file: str, labels: Sequence[Label], pairing: Pairing
) -> tuple[tuple[Sequence[Label], Sequence[Label]], str | None]:
    """Labels of ids that both runs have, told apart by the inputs and outputs that the labels' file carries."""
    labelled: dict[str, Interaction] = {}
    with suppress(DikastError):  # a file of labels alone is no dataset
        labelled = {item.id: item for item in open_dataset(file)}
    sides: list[list[Label]] = []
    for side in (pairing.first, pairing.second):
        own = []
        for label in labels:
            item, judged = labelled.get(label.id), side.lookup(label.id)
            if item is None or judged is None or item.input != judged.input:
                continue
            if outputs_of(item) == outputs_of(judged):
                own.append(label)
        sides.append(own)
    if any(sides):
        return (sides[0], sides[1]), None
    return ([], []), (
        "both runs have these ids, for different items or answers, so the labels don't say which was labelled; "
        "give labels that stand in the interactions themselves, with their outputs"
    )


def lines_of(found: TwoRuns, measured: Sequence[str] = ()) -> list[str]:
    """The comparison as plain, aligned lines; the last one is what it comes to. measured: on which labels."""
    pairing = found.pairing
    what = "Two judges" if pairing.kind == "judges" else "Two systems under one judge"
    if pairing.kind == "judges" and pairing.same_judge:
        what = "One judge, run twice"
    if pairing.kind == "systems" and not pairing.same_judge:
        what = "Two systems under two judges"
    lines = [f"{what}: {pairing.why}."]
    labelled = f", {found.n_labelled:,} of them labelled" if found.n_labelled else ""
    lines.append(f"{found.n:,} items with a verdict in both, matched by {pairing.by}{labelled}")
    lines += [f"  left out: {count:,} {one_line(reason, 100)}" for reason, count in found.left_out.items()]
    lines += [*measured, "", *_names(pairing), "", *_differences(found.differences)]
    lines += [*_accord(found), *_directions(found), *_corrected(found), *_slices(found), *_discordant(found)]
    lines += [f"Note: {note}." for note in found.notes]
    return [*lines, found.sentence]


def _names(pairing: Pairing) -> list[str]:
    lines = []
    for place, side in (("first", pairing.first), ("second", pairing.second)):
        who = "; ".join(
            f"judge {name} {version[:12]}" + (f" on {model}" if model else "")
            for name, version, model in sorted(side.judges)[:3]
        )
        lines.append(f"{place:<8}{one_line(side.name, 40)}  ({one_line(who, 120)})")
    return lines


def _differences(differences: Sequence[Difference]) -> list[str]:
    lines = [f"{'':<{_WIDTH}}{'first':>9}{'second':>9}{'difference':>12}"]
    for one in differences:
        percent = one.name in _SHARES
        values = [value_of(figure, as_percent=percent) for figure in (one.first, one.second)]
        line = f"{_TITLES.get(one.name, one.name):<{_WIDTH}}{values[0]:>9}{values[1]:>9}"
        if isinstance(one.difference, Estimate):
            shown = 100 * one.difference.value if percent else one.difference.value
            line += f"{shown:>+12.1f}" if percent else f"{shown:>+12.2f}"
            line += f"  {interval(one.difference, as_percent=percent).removesuffix(' %')}  n = {one.difference.n:,}"
            line += f"  McNemar p = {one.mcnemar_p:.3g}" if one.mcnemar_p is not None else ""
        else:
            line += f"{'–':>12}  {one.difference.reason}"
        lines.append(line)
    return [*lines, ""]


def _accord(found: TwoRuns) -> list[str]:
    if not found.accord:
        return []
    lines = ["Between the two, with or without labels:"] if found.n_labelled else ["Between the two:"]
    for name, figure in found.accord.items():
        percent = name in _SHARES
        value, shown = value_of(figure, as_percent=percent), interval(figure, as_percent=percent)
        lines.append(f"{'  ' + _TITLES.get(name, name):<{_WIDTH}}{value:>9}  {shown}")
    return [*lines, ""]


def _directions(found: TwoRuns) -> list[str]:
    if not found.directions:
        return []
    said = [f"{n:,} {a}, then {b}" for (a, b), n in found.directions.items() if a != b]
    return [f"Differ: {'; '.join(said)}" if said else "They never differ.", ""]


def _corrected(found: TwoRuns) -> list[str]:
    if found.corrected is None:
        return []
    if isinstance(found.corrected, Refused):
        return [f"No corrected difference: {found.corrected.why}.", ""]
    return [f"Corrected for the judge's errors, the pass rates differ by {points(found.corrected, 'pass_rate')}", ""]


def _slices(found: TwoRuns) -> list[str]:
    if not found.slices:
        return []
    lines = [f"By {found.by} ({_TITLES[found.differences[0].name]}, first minus second):"]
    for value, one in list(found.slices.items())[:_MOST_SLICES]:
        percent = one.name in _SHARES
        if isinstance(one.difference, Estimate):
            shown = f"{100 * one.difference.value:>+8.1f}" if percent else f"{one.difference.value:>+8.2f}"
            shown += f"  {bounds(one.difference, as_percent=percent).removesuffix(' %'):<16} n = {one.difference.n:,}"
        else:
            shown = f"{'–':>8}  {one.difference.reason}"
        lines.append(f"  {one_line(value, 28):<30}{shown}")
    if len(found.slices) > _MOST_SLICES:
        lines.append(f"  and {len(found.slices) - _MOST_SLICES} more; --json has them all")
    return [*lines, ""]


def _discordant(found: TwoRuns) -> list[str]:
    if not found.discordant:
        return []
    lines = [f"{len(found.discordant):,} items on which they differ:"]
    for one in found.discordant[:_LISTED]:
        ids = one.id if one.id == one.second_id else f"{one.id} / {one.second_id}"
        said = [number(value) if isinstance(value, float) else value for value in (one.first, one.second)]
        label = (
            "" if one.label is None else f"   people: {one.label if isinstance(one.label, str) else number(one.label)}"
        )
        lines.append(f"  {one_line(ids, 40):<42}{said[0]:>6} → {said[1]:<6}{label}".rstrip())
    if len(found.discordant) > _LISTED:
        lines.append(f"  and {len(found.discordant) - _LISTED:,} more; --json has them all")
    return [*lines, ""]
