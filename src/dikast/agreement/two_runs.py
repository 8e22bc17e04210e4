"""All that can be said of two runs together: what differs, by how much, on which items, and which is better if any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal

from msgspec import structs

from dikast.agreement.cohen_kappa import cohen_kappa
from dikast.agreement.comparison import (
    Difference,
    corrected_difference,
    directions,
    judges,
    judges_by_choice,
    judges_by_order,
    shared_inputs,
    systems_by_score,
    systems_by_word,
)
from dikast.agreement.confusion import Confusion, cells
from dikast.agreement.corrected import Refused
from dikast.agreement.estimate import Estimate, Figure, Undefined, as_json
from dikast.agreement.families import Span, common_scale, words
from dikast.agreement.figures import group_of
from dikast.agreement.matching import Family, Matched, match
from dikast.agreement.pairing import Pair, Pairing
from dikast.agreement.proportion import share
from dikast.agreement.sampling import sampling_of
from dikast.agreement.spearman import spearman
from dikast.errors import DataError, InputError
from dikast.records import Interaction, Json, Label, canonical_json

Verdicts = Literal["pass_fail", "pairwise", "score"]

_WORDS: dict[Verdicts, tuple[str, ...]] = {"pass_fail": ("pass", "fail"), "pairwise": ("a", "b", "tie"), "score": ()}
UNLABELLED = "not labelled, or the label is of another kind"
_FAR_OFF = 20_000
_FEWEST_OF_A_CLASS = 5


@dataclass(frozen=True, slots=True)
class Discordant:
    """An item on which the two runs differ: its id in each, what each says, and the label if there is one."""

    id: str
    second_id: str
    first: str | float
    second: str | float
    label: str | float | None = None


@dataclass(frozen=True, slots=True)
class TwoRuns:
    """The comparison of two runs; a difference is always first minus second.

    differences: the headline first. accord: agreement between the two, where both judged the same outputs. directions:
    how often each pair of verdicts was said. corrected: the difference of pass rates corrected for the judge's errors,
    for two systems. better: the name of the better one, None when that can't be said.
    """

    pairing: Pairing
    n: int
    n_labelled: int
    left_out: dict[str, int]
    differences: tuple[Difference, ...]
    accord: dict[str, Figure]
    directions: dict[tuple[str, str], int]
    corrected: Estimate | Refused | None
    slices: dict[str, Difference]
    by: str | None
    discordant: tuple[Discordant, ...]
    better: str | None
    sentence: str
    notes: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """As JSON values; each figure in the shape of the figures contract."""
        corrected: Any = None
        if self.corrected is not None:
            corrected = (
                {"refused": self.corrected.why} if isinstance(self.corrected, Refused) else as_json(self.corrected)
            )
        return {
            "kind": self.pairing.kind,
            "why": self.pairing.why,
            "matched_by": self.pairing.by,
            "first": self.pairing.first.name,
            "second": self.pairing.second.name,
            "n": self.n,
            "n_labelled": self.n_labelled,
            "left_out": self.left_out,
            "differences": {one.name: _difference_json(one) for one in self.differences},
            "between_them": {name: as_json(figure) for name, figure in self.accord.items()},
            "directions": [{"first": a, "second": b, "n": n} for (a, b), n in self.directions.items()],
            "corrected_difference": corrected,
            "slices": {self.by: {name: _difference_json(one) for name, one in self.slices.items()}} if self.by else {},
            "discordant": [
                {"id": d.id, "second_id": d.second_id, "first": d.first, "second": d.second, "label": d.label}
                for d in self.discordant
            ],
            "better": self.better,
            "sentence": self.sentence,
            "notes": list(self.notes),
        }


def compare_runs(
    pairing: Pairing,
    labels: tuple[Sequence[Label], Sequence[Label]] = ((), ()),
    *,
    by: str | None = None,
    judge_scale: Span | None = None,
    unusable: str | None = None,
    criterion: str | None = None,
    level: float = 0.95,
) -> TwoRuns:
    """Compare two paired runs. labels: of the first run's items, and of the second's, each by that run's ids.

    For two judges the second's count where the first's item has none. by: also for each value of this metadata key.
    unusable: why labels that were given can't be used. criterion: that of the pairing, for the labels. Raises DataError
    when the runs say different kinds of things, InputError for a key that nobody has.
    """
    kind = _verdicts_of(pairing)
    if pairing.kind == "judges" and any(labels):
        return _labelled_judges(pairing, labels, by, judge_scale, criterion, level)
    pairs = tuple(pair for pair in pairing.pairs if _said(pair, kind) is not None)
    left_out = dict(pairing.left_out)
    if len(pairs) < len(pairing.pairs):
        left_out["no verdict of this kind"] = len(pairing.pairs) - len(pairs)
    found = _difference(pairs, kind, judge_scale, level)
    notes = _groups_note(pairs)
    corrected = None
    if pairing.kind == "systems" and kind == "pass_fail":
        corrected, more = _corrected(pairing, pairs, labels, unusable, criterion, level)
        notes += more
    elif unusable is not None:
        notes += (f"the labels are not used: {unusable}",)
    if pairing.kind == "systems" and not pairing.same_judge:
        notes += ("the judges of the two runs differ, so the difference mixes systems and judges; judge both with one",)
    accord = _accord(pairs, kind, level) if pairing.kind == "judges" else {}
    better, sentence = _words(pairing, found, accord, corrected)
    return TwoRuns(
        pairing=pairing,
        n=len(pairs),
        n_labelled=0 if pairing.kind == "judges" else _labelled_count(pairs, labels),
        left_out=left_out,
        differences=(found,),
        accord=accord,
        directions={} if kind == "score" else directions(*_columns(pairs, kind)),
        corrected=corrected,
        slices={name: _difference(part, kind, judge_scale, level) for name, part in _places(pairs, by).items()},
        by=by,
        discordant=_discordant(pairs, kind, {}),
        better=better,
        sentence=sentence,
        notes=notes,
    )


def _labelled_judges(
    pairing: Pairing,
    labels: tuple[Sequence[Label], Sequence[Label]],
    by: str | None,
    judge_scale: Span | None,
    criterion: str | None,
    level: float,
) -> TwoRuns:
    seconds = [structs.replace(pair.second, id=pair.first.id) for pair in pairing.pairs]
    both = labels_by_first(pairing, labels)
    sides = (
        match([pair.first for pair in pairing.pairs], both, criterion=criterion),
        match(seconds, both, criterion=criterion),
    )
    if sides[0].family != sides[1].family:
        raise DataError(
            f"{pairing.first.name!r} and {pairing.second.name!r} can't be compared on these labels: one gives "
            f"{sides[0].family.replace('_', '/')} verdicts, the other {sides[1].family.replace('_', '/')}"
        )
    places = [{verdict.id: i for i, verdict in enumerate(side.verdicts)} for side in sides]
    kept = [id for id in places[0] if id in places[1]]
    if not kept:
        raise DataError("no labelled item has a verdict in both runs that can be compared with its label")
    pick = _picked(sides[0], [places[0][id] for id in kept]), _picked(sides[1], [places[1][id] for id in kept])
    by_id = {pair.first.id: pair for pair in pairing.pairs}
    pairs = tuple(by_id[id] for id in kept)
    differences = _against_labels(pick, pairs, judge_scale, level)
    slices = {}
    for name, part in _places(pairs, by).items():
        members = {pair.first.id for pair in part}
        where = [i for i, id in enumerate(kept) if id in members]
        slices[name] = _against_labels((_picked(pick[0], where), _picked(pick[1], where)), part, judge_scale, level)[0]
    kind = _verdicts_of(pairing)
    left_out = dict(pairing.left_out)
    left_out[UNLABELLED] = len(pairing.pairs) - len(kept)
    said = {
        verdict.id: label.verdict if label.verdict is not None else label.score
        for verdict, label in zip(pick[0].verdicts, pick[0].labels, strict=True)
    }
    accord = _accord(pairs, kind, level)
    better, sentence = _words(pairing, differences[0], accord, None, labelled=True)
    unfit = sampling_of(pick[0].drawn).unfit
    learning = (f"{unfit} labels were drawn for learning: the figures don't stand for the whole run",) if unfit else ()
    return TwoRuns(
        pairing=pairing,
        n=len(pairing.pairs),
        n_labelled=len(kept),
        left_out={reason: count for reason, count in left_out.items() if count},
        differences=tuple(differences),
        accord=accord,
        directions={} if kind == "score" else directions(*_columns(pairs, kind)),
        corrected=None,
        slices=slices,
        by=by,
        discordant=_discordant(pairs, kind, said),
        better=better,
        sentence=sentence,
        notes=(*_groups_note(pairs), *learning),
    )


def labels_by_first(pairing: Pairing, labels: tuple[Sequence[Label], Sequence[Label]]) -> list[Label]:
    """The labels of both runs' items by the first run's ids; the second's only where the first's item has none."""
    there = {label.id for label in labels[0]}
    own = {pair.second.id: pair.first.id for pair in pairing.pairs}
    more = [structs.replace(label, id=own[label.id]) for label in labels[1] if label.id in own]
    return [*labels[0], *(label for label in more if label.id not in there)]


def _against_labels(
    sides: tuple[Matched, Matched], pairs: Sequence[Pair], judge_scale: Span | None, level: float
) -> list[Difference]:
    family: Family = sides[0].family
    groups = _groups(pairs)
    if family in ("pass_fail", "pairwise"):
        (first, labels), (second, _) = words(sides[0]), words(sides[1])
        against = judges if family == "pass_fail" else judges_by_choice
        return against(first, second, labels, groups=groups, level=level)
    scores = [common_scale(side, judge_scale) if family == "ordinal" else None for side in sides]
    judged = [[verdict.overall or 0.0 for verdict in side.verdicts] for side in sides]
    if scores[0] is not None:
        return judges_by_order(judged[0], judged[1], scores[0].labels.tolist(), groups=groups, level=level)
    passed = [label == "pass" for label in words(sides[0])[1]]
    return judges_by_order(judged[0], judged[1], passed, groups=groups, level=level)


def _picked(side: Matched, where: Sequence[int]) -> Matched:
    return Matched(
        family=side.family,
        verdicts=tuple(side.verdicts[i] for i in where),
        labels=tuple(side.labels[i] for i in where),
        left_out=side.left_out,
        criterion=side.criterion,
        drawn=side.drawn,
    )


def _verdicts_of(pairing: Pairing) -> Verdicts:
    """What both runs say. Raises DataError when that is not the same kind of thing."""
    counts: dict[Verdicts, int] = {}
    for kind in ("pass_fail", "pairwise", "score"):
        counts[kind] = sum(_said(pair, kind) is not None for pair in pairing.pairs)
    best = max(counts, key=lambda kind: counts[kind])
    if not counts[best]:
        raise DataError(
            f"{pairing.first.name!r} and {pairing.second.name!r} don't say the same kind of thing: "
            "no item has pass or fail, a preference, or a score in both"
        )
    return best


def _said(pair: Pair, kind: Verdicts) -> tuple[Any, Any] | None:
    if kind == "score":
        if pair.first.verdict is not None or pair.second.verdict is not None:
            return None
        scores = (pair.first.overall, pair.second.overall)
        return None if None in scores else scores
    said = (pair.first.verdict, pair.second.verdict)
    return said if said[0] in _WORDS[kind] and said[1] in _WORDS[kind] else None


def _columns(pairs: Sequence[Pair], kind: Verdicts) -> tuple[list[Any], list[Any]]:
    said = [both for pair in pairs if (both := _said(pair, kind)) is not None]
    return [a for a, _ in said], [b for _, b in said]


def _groups(pairs: Sequence[Pair]) -> list[str] | None:
    return _groups_of([pair.first_item for pair in pairs])


def _groups_of(items: Sequence[Interaction | None]) -> list[str] | None:
    known = [item for item in items if item is not None]
    return [group_of(item) for item in known] if len(known) == len(items) else None


def _groups_note(pairs: Sequence[Pair]) -> tuple[str, ...]:
    return (
        () if _groups(pairs) is not None else ("the texts are not known, so items with one input count as independent",)
    )


def _difference(pairs: Sequence[Pair], kind: Verdicts, judge_scale: Span | None, level: float) -> Difference:
    first, second = _columns(pairs, kind)
    groups = _groups(pairs)
    if kind == "score":
        return systems_by_score(first, second, span=judge_scale, groups=groups, level=level)
    if kind == "pass_fail":
        return systems_by_word(first, second, groups=groups, level=level)
    turned = [["pass" if word == "a" else "fail" for word in column] for column in (first, second)]
    found = systems_by_word(turned[0], turned[1], groups=groups, level=level)
    return Difference("a_rate", found.first, found.second, found.difference, found.mcnemar_p)


def _accord(pairs: Sequence[Pair], kind: Verdicts, level: float) -> dict[str, Figure]:
    """How far two judges agree with each other."""
    first, second = _columns(pairs, kind)
    groups = _groups(pairs)
    if kind == "score":
        same = [abs(a - b) < 1e-9 for a, b in zip(first, second, strict=True)]
        return {
            "spearman": spearman(first, second, groups=groups, level=level),
            "exact": share(same, groups=groups, level=level),
        }
    same = [a == b for a, b in zip(first, second, strict=True)]
    return {
        "same_verdict": share(same, groups=groups, level=level),
        "cohen_kappa": cohen_kappa(first, second, groups=groups, level=level),
    }


def _corrected(
    pairing: Pairing,
    pairs: Sequence[Pair],
    labels: tuple[Sequence[Label], Sequence[Label]],
    unusable: str | None,
    criterion: str | None,
    level: float,
) -> tuple[Estimate | Refused | None, tuple[str, ...]]:
    if unusable is not None:
        return Refused(unusable), ()
    tables: list[Confusion] = []
    why = ""
    drawn: dict[str, int] = {}
    said: list[tuple[str, str]] = []
    items: list[Interaction | None] = []
    for run, of_side in ((pairing.first, labels[0]), (pairing.second, labels[1])):
        if not of_side:
            continue
        try:
            side = match(run.verdicts, of_side, criterion=criterion)
        except InputError as error:
            why = str(error)
            continue
        if side.family == "pass_fail":
            tables.append(cells(*words(side)).confusion)
            said += zip(*words(side), strict=True)
            items += [run.lookup(verdict.id) for verdict in side.verdicts]
            drawn |= {how: drawn.get(how, 0) + count for how, count in side.drawn.items()}
    if not tables:
        return Refused(why) if why else None, ()
    if not pairing.same_judge:
        return Refused("the two runs were judged by different judges, whose errors differ"), ()
    sampling = sampling_of(drawn)
    if sampling.kind != "random":
        return Refused(
            sampling.why or "the labels were drawn in strata, so the judge's error rates are not the run's"
        ), ()
    whole = Confusion(*(sum(getattr(table, cell) for table in tables) for cell in ("tp", "fn", "fp", "tn")))
    first, second = _columns(pairs, "pass_fail")
    counts = directions(first, second)
    both = [counts.get(two, 0) for two in (("pass", "pass"), ("pass", "fail"), ("fail", "pass"), ("fail", "fail"))]
    shared = shared_inputs(first, second, _groups(pairs), said, _groups_of(items))
    found = corrected_difference(both[0], both[1], both[2], both[3], whole, level, shared)
    notes = ("the corrected difference takes the judge's error rates to be the same on both systems",)
    return found, (*notes, *_uneven(tables)) if isinstance(found, Estimate) else ()


def _uneven(tables: Sequence[Confusion]) -> tuple[str, ...]:
    """A warning where the judge errs differently on the two systems by more than chance (Fisher's exact test)."""
    if len(tables) < 2:
        return ()
    from scipy.stats import fisher_exact

    found = []
    for name, hit, miss in (("TPR", "tp", "fn"), ("TNR", "tn", "fp")):
        rows = [[getattr(table, hit), getattr(table, miss)] for table in tables]
        if min(map(sum, rows)) >= _FEWEST_OF_A_CLASS and float(fisher_exact(rows)[1]) < 0.05:
            found.append(
                f"the judge's {name} differs between the two systems by more than chance: the correction is off"
            )
    return tuple(found)


def _labelled_count(pairs: Sequence[Pair], labels: tuple[Sequence[Label], Sequence[Label]]) -> int:
    ours, theirs = ({label.id for label in side} for side in labels)
    return sum(pair.first.id in ours or pair.second.id in theirs for pair in pairs)


def _places(pairs: Sequence[Pair], key: str | None) -> dict[str, list[Pair]]:
    """The pairs of each metadata value, the commonest first. Raises InputError for a key nobody has."""
    if key is None:
        return {}
    places: dict[str, list[Pair]] = {}
    keys: set[str] = set()
    for pair in pairs:
        item = pair.first_item
        metadata: Mapping[str, Json] = pair.first.metadata or (item.metadata if item else {})
        keys |= metadata.keys()
        if key in metadata:
            value = metadata[key]
            places.setdefault(value if isinstance(value, str) else canonical_json(value).decode(), []).append(pair)
    if not places:
        raise InputError(
            f"no item has the metadata key {key!r}; the keys here are: {', '.join(sorted(keys)) or 'none'}"
        )
    return dict(sorted(places.items(), key=lambda place: (-len(place[1]), place[0])))


def _discordant(
    pairs: Sequence[Pair], kind: Verdicts, labels: Mapping[str, str | float | None]
) -> tuple[Discordant, ...]:
    """The items that differ: in order for words, the furthest apart first for scores."""
    found = []
    for pair in pairs:
        said = _said(pair, kind)
        if said is not None and said[0] != said[1]:
            found.append(Discordant(pair.first.id, pair.second.id, *said, labels.get(pair.first.id)))
    if kind == "score":
        found.sort(key=lambda one: -abs(float(one.first) - float(one.second)))
    return tuple(found)


_HIGHER = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy_without_ties": "agreement with people's preferences",
    "spearman": "Spearman's correlation with people",
    "auc": "AUC against people's labels",
    "pass_rate": "pass rate",
    "mean_score": "mean score",
    "a_rate": "share of pairs in which A is better",
}
_NOT_SHARES = frozenset({"spearman", "auc", "mean_score", "cohen_kappa"})


def points(figure: Estimate, name: str) -> str:
    """A difference in words: points of percent for shares, else a number; with its interval.

    >>> points(Estimate(0.05, 0.01, 0.09, 80, "x"), "tpr")
    '5.0 points (1.0 to 9.0)'
    """
    if name in _NOT_SHARES:
        return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"
    return f"{100 * figure.value:.1f} points ({100 * figure.low:.1f} to {100 * figure.high:.1f})"


def _turned(figure: Estimate) -> Estimate:
    return Estimate(-figure.value, -figure.high, -figure.low, figure.n, figure.method, figure.level)


def _words(
    pairing: Pairing,
    found: Difference,
    accord: Mapping[str, Figure],
    corrected: Estimate | Refused | None,
    *,
    labelled: bool = False,
) -> tuple[str | None, str]:
    """Which is better, if that can be said, and the sentence that says so."""
    if pairing.kind == "judges" and not labelled:
        return None, _without_labels(pairing, found, accord)
    if isinstance(found.difference, Undefined):
        return None, f"They can't be compared: {found.difference.reason}."
    decisive, name = found.difference, _HIGHER[found.name]
    if isinstance(corrected, Estimate):
        decisive, name = corrected, "pass rate, corrected for the judge's errors,"
    if pairing.kind == "systems" and not pairing.same_judge:
        return None, "Which system is better can't be said: each was judged by another judge."
    tells = 1 if decisive.low > 0 else -1 if decisive.high < 0 else 0
    names = (pairing.first.name, pairing.second.name)
    if tells and found.name != "a_rate":
        ahead, behind = names if tells > 0 else names[::-1]
        shown = points(decisive if tells > 0 else _turned(decisive), found.name)
        eyes = ", as this judge sees it" if pairing.kind == "systems" and not isinstance(corrected, Estimate) else ""
        return ahead, f"{ahead} is better than {behind}{eyes}: its {name} is higher by {shown}."
    if tells:
        return None, f"The two differ: the {name} differs by {points(decisive, found.name)}."
    return None, f"{_cant_tell(names, decisive, name, found.name)}"


def _cant_tell(names: tuple[str, str], figure: Estimate, name: str, statistic: str) -> str:
    said = f"Neither {names[0]} nor {names[1]} is better by more than chance: the difference in {name.rstrip(',')} is "
    said += points(figure, statistic)
    if abs(figure.value) < 1e-9:
        return f"{said}."
    needed = ceil(figure.n * ((figure.high - figure.low) / 2 / abs(figure.value)) ** 2)
    more = f"about {max(1, needed - figure.n):,} more" if needed < _FAR_OFF else f"more than {_FAR_OFF:,} more"
    return f"{said}; it would take {more} items to tell, if the difference stays as it is."


def _without_labels(pairing: Pairing, found: Difference, accord: Mapping[str, Figure]) -> str:
    names = (pairing.first.name, pairing.second.name)
    same = accord.get("same_verdict", accord.get("exact"))
    said = ""
    if isinstance(same, Estimate):
        what = "verdict" if "same_verdict" in accord else "score"
        said = f"{names[0]} and {names[1]} give the same {what} on {100 * same.value:.1f} % of {same.n:,} items "
        said += f"({100 * same.low:.1f} to {100 * same.high:.1f}). "
    if isinstance(found.difference, Estimate) and found.tells and found.name != "a_rate":
        figure = found.difference if found.tells > 0 else _turned(found.difference)
        does = "passes more" if found.name == "pass_rate" else "scores higher"
        said += f"{names[0] if found.tells > 0 else names[1]} {does}, by {points(figure, found.name)}. "
    return f"{said}Which is right can't be said without people's labels."


def _difference_json(one: Difference) -> dict[str, Any]:
    found = {"first": as_json(one.first), "second": as_json(one.second), "difference": as_json(one.difference)}
    return found if one.mcnemar_p is None else found | {"mcnemar_p": one.mcnemar_p}
