"""A cascade replayed: what every setting of its thresholds would have said, and taken, on items that all stages judged.

Given each stage's verdict on each labelled item, a setting needs no model: an item goes on from a stage when the stage
was less sure than the threshold, or when it must. So the trade of agreement against time, money, what leaves the
machine and what a person must do is reckoned before anything is set. A person is taken to say what the label says.

Whoever picks the best of many settings on some labels finds it better there than it is. So the choice is made again on
four fifths of the items and measured on the fifth that it did not see, five times (cross-fitting: Stone 1974,
doi:10.1111/j.2517-6161.1974.tb00994.x); what that comes to is what to expect of the setting that is chosen.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dikast.agreement.balanced_accuracy import balanced_accuracy
from dikast.agreement.clusters import Floats, Ints
from dikast.agreement.estimate import Figure
from dikast.agreement.fitting import grouped_folds
from dikast.agreement.proportion import share
from dikast.errors import InputError

Bools = NDArray[np.bool_]
Cost = Literal["minutes", "usd", "leaving", "person"]
COSTS: tuple[Cost, ...] = ("minutes", "usd", "leaving", "person")

_MOST_SETTINGS = 2_000
_FEWEST_SETTINGS = 64
_MOST_CELLS = 4_000_000  # settings times items, each of which is kept
_MOST_A_STAGE = 41
_TIE = 1e-12


@dataclass(frozen=True, eq=False)
class StageOnItems:
    """What one stage said of each item, shape (n_items,).

    right: says what the label says. scored: gave a verdict. sure: its confidence, NaN where it has none. must: goes on
    whatever the threshold. seconds, usd: what asking it took; usd is None where its price isn't known. leaves: whether
    asking it leaves the machine.
    """

    name: str
    right: Bools
    scored: Bools
    sure: Floats
    must: Bools
    seconds: Floats
    usd: Floats | None
    leaves: bool


@dataclass(frozen=True)
class Budget:
    """The most that a setting may take: for `items` interactions, or as a share of them. None is no limit."""

    minutes: float | None = None
    usd: float | None = None
    leaving: float | None = None
    person: float | None = None
    items: int = 1000

    @property
    def is_set(self) -> bool:
        """Whether anything is limited."""
        return any(getattr(self, cost) is not None for cost in COSTS)


@dataclass(frozen=True)
class Setting:
    """One setting. thresholds: by stage, 0 where being unsure never sends an item on. reached: shares of the items.

    worth: agreement on the labelled items; figure: the same with its interval, where it was worked out. minutes, usd:
    for the budget's number of items, one call at a time.
    """

    thresholds: tuple[float, ...]
    worth: float
    reached: tuple[float, ...]
    minutes: float
    usd: float | None
    leaving: float
    person: float
    figure: Figure | None = None

    def takes(self, cost: Cost) -> float | None:
        """What it costs of one kind."""
        value: float | None = getattr(self, cost)
        return value


@dataclass(frozen=True)
class Expected:
    """What to expect of a setting chosen in this way, measured on items that had no say in it; over the five choices.

    thresholds: the lowest and highest that was chosen for each stage. The costs are means.
    """

    figure: Figure
    minutes: float
    usd: float | None
    leaving: float
    person: float
    thresholds: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Replay:
    """All settings, the best by each cost, each stage alone, the one that is chosen, and what to expect of it.

    front: by cost, the settings that no cheaper one beats. measure: what agreement is here. chosen_why: in words.
    """

    measure: str
    n: int
    settings: tuple[Setting, ...]
    front: dict[Cost, tuple[Setting, ...]]
    alone: tuple[tuple[str, Setting], ...]
    chosen: Setting
    expected: Expected
    budget: Budget


class Player:
    """Plays settings over items. truth: 0 or 1 for the label's class where both count alike, else None.

    person: whether what goes on from the last stage goes to a person. groups: items of one group are dependent.
    """

    def __init__(
        self,
        stages: Sequence[StageOnItems],
        *,
        person: bool,
        truth: Ints | None,
        groups: Sequence[Hashable] | None = None,
        items: int = 1000,
    ) -> None:
        self.stages, self.person, self.truth = list(stages), person, truth
        self.n = int(stages[0].right.size)
        self.groups = list(range(self.n)) if groups is None else list(groups)
        self.items = items
        self.sending = self.stages if person else self.stages[:-1]
        self.thresholds = _grid(self.sending)
        self.right = np.zeros((len(self.thresholds), self.n), dtype=bool)
        self.costs = {cost: np.zeros((len(self.thresholds), self.n), dtype=np.float32) for cost in COSTS}
        self.reached = np.zeros((len(self.thresholds), len(self.stages)))
        for row, thresholds in enumerate(self.thresholds):
            self._play(row, thresholds)
        self.has_price = all(stage.usd is not None for stage in self.stages)

    def _play(self, row: int, thresholds: Sequence[float]) -> None:
        here = np.ones(self.n, dtype=bool)
        right = np.zeros(self.n, dtype=bool)
        for number, stage in enumerate(self.stages):
            self.reached[row, number] = here.mean()
            right = np.where(here & stage.scored, stage.right, right)
            self.costs["minutes"][row] += here * stage.seconds * (self.items / 60)
            self.costs["usd"][row] += here * (0.0 if stage.usd is None else stage.usd) * self.items
            self.costs["leaving"][row] = np.maximum(self.costs["leaving"][row], here * stage.leaves)
            if number < len(thresholds):
                here = here & goes_on(stage, thresholds[number])
            else:
                here = np.zeros(self.n, dtype=bool)
        self.costs["person"][row] = here
        self.right[row] = right | here

    def worths(self, items: Bools) -> Floats:
        """Each setting's agreement on some items."""
        return _agreement(self.right, self.truth, items)

    def figure(self, right: Bools) -> Figure:
        """Agreement with its interval."""
        groups = self.groups if len(set(self.groups)) < self.n else None
        if self.truth is None:
            return share(right, groups=groups)
        labels = ["pass" if one else "fail" for one in self.truth]
        said = ["pass" if one == hit else "fail" for one, hit in zip(self.truth == 1, right, strict=True)]
        return balanced_accuracy(said, labels, groups=groups)

    def setting(self, row: int, worth: float, *, full: bool = False) -> Setting:
        """One row as a setting; full: with its interval."""
        means = {cost: float(self.costs[cost][row].mean(dtype=np.float64)) for cost in COSTS}
        return Setting(
            thresholds=self.thresholds[row],
            worth=worth,
            reached=tuple(float(one) for one in self.reached[row]),
            minutes=means["minutes"],
            usd=means["usd"] if self.has_price else None,
            leaving=means["leaving"],
            person=means["person"],
            figure=self.figure(self.right[row]) if full else None,
        )


def goes_on(stage: StageOnItems, threshold: float) -> Bools:
    """Which items would go on from a stage at a threshold; 0 sends none for being unsure."""
    if not threshold:
        return stage.must
    return np.asarray(stage.must | np.isnan(stage.sure) | (stage.sure < threshold))


def replay(player: Player, budget: Budget) -> Replay:
    """Every setting, and the best one within a budget. Raises InputError when no setting keeps to it.

    The best agrees most on all items; of those that agree alike, the one that takes least minutes, money, leaving, and
    people's time, in this order.
    """
    if budget.usd is not None and not player.has_price:
        unknown = ", ".join(repr(stage.name) for stage in player.stages if stage.usd is None)
        raise InputError(
            f"what stage {unknown} costs isn't known, so no budget in dollars can be kept",
            hint="Add its price for a million tokens of prompt and of answer to the stage: price: [2.5, 10]",
        )
    everything = np.ones(player.n, dtype=bool)
    worths = player.worths(everything)
    means = _means(player, everything)
    best = choose(worths, means, budget)
    settings = tuple(player.setting(row, float(worth)) for row, worth in enumerate(worths))
    kinds = [cost for cost in COSTS if (cost != "usd" or player.has_price) and float(np.ptp(means[cost])) > _TIE]
    front: dict[Cost, tuple[Setting, ...]] = {}
    for cost in kinds:
        rows = _front(means[cost], worths)
        front[cost] = tuple(player.setting(row, float(worths[row]), full=True) for row in rows)
    return Replay(
        measure="accuracy" if player.truth is None else "balanced accuracy",
        n=player.n,
        settings=settings,
        front=front,
        alone=_alone(player),
        chosen=player.setting(best, float(worths[best]), full=True),
        expected=_expected(player, budget),
        budget=budget,
    )


def choose(worths: Floats, means: dict[Cost, Floats], budget: Budget) -> int:
    """The row of the best setting within a budget. Raises InputError when there is none."""
    fits = np.ones(worths.size, dtype=bool)
    for cost in COSTS:
        most = getattr(budget, cost)
        if most is not None:
            kept = means[cost] <= most + _TIE
            if not (fits & kept).any():
                least = float(means[cost][fits].min())
                raise InputError(
                    f"no setting keeps to the budget: {_said(cost, most)}; the least is {_said(cost, least)}"
                )
            fits &= kept
    keys = [means[cost] for cost in reversed(COSTS)]
    order = np.lexsort([*keys, -np.round(worths, 12), ~fits])
    return int(order[0])


def _said(cost: Cost, most: float) -> str:
    if cost in ("leaving", "person"):
        return f"{100 * most:.3g} % {'leaving' if cost == 'leaving' else 'to a person'}"
    return f"{most:.3g} {'minutes' if cost == 'minutes' else 'dollars'}"


def _expected(player: Player, budget: Budget) -> Expected:
    """Choose on all folds but one, measure on that one; together, every item is measured once."""
    target = np.zeros(player.n) if player.truth is None else player.truth.astype(np.float64)
    folds = grouped_folds(player.groups, target)
    right = np.zeros(player.n, dtype=bool)
    taken = {cost: np.zeros(player.n) for cost in COSTS}
    chosen: list[tuple[float, ...]] = []
    for fold in np.unique(folds):
        inside = folds == fold
        row = _chosen_on(player, ~inside, budget)
        chosen.append(player.thresholds[row])
        right[inside] = player.right[row, inside]
        for cost in COSTS:
            taken[cost][inside] = player.costs[cost][row, inside]
    spans = tuple((min(values), max(values)) for values in zip(*chosen, strict=True))
    means = {cost: float(values.mean()) for cost, values in taken.items()}
    return Expected(
        figure=player.figure(right),
        minutes=means["minutes"],
        usd=means["usd"] if player.has_price else None,
        leaving=means["leaving"],
        person=means["person"],
        thresholds=spans,
    )


def _chosen_on(player: Player, items: Bools, budget: Budget) -> int:
    means = _means(player, items)
    try:
        return choose(player.worths(items), means, budget)
    except InputError:  # that keeps to the budget on all items, and by a hair not on these: the cheapest
        return int(np.lexsort([means[cost] for cost in reversed(COSTS)])[0])


def _means(player: Player, items: Bools) -> dict[Cost, Floats]:
    return {cost: np.asarray(values[:, items].mean(axis=1, dtype=np.float64)) for cost, values in player.costs.items()}


def _agreement(right: Bools, truth: Ints | None, items: Bools) -> Floats:
    """The share of right items, or the mean of that over both classes; a class without items counts for nothing."""
    if truth is None:
        return np.asarray(right[:, items].mean(axis=1))
    classes = [items & (truth == one) for one in (0, 1)]
    halves: list[Any] = [right[:, of].mean(axis=1) for of in classes if of.any()]
    return np.asarray(sum(halves) / len(halves))


def _alone(player: Player) -> tuple[tuple[str, Setting], ...]:
    """Each stage as if it were the only one; what it gave no verdict on counts as not agreeing."""
    everything = np.ones(player.n, dtype=bool)
    found = []
    for number, stage in enumerate(player.stages):
        right = stage.right & stage.scored
        made = Setting(
            thresholds=(),
            worth=float(_agreement(right[None, :], player.truth, everything)[0]),
            reached=tuple(float(other == number) for other in range(len(player.stages))),
            minutes=float(stage.seconds.mean()) * player.items / 60,
            usd=None if stage.usd is None else float(stage.usd.mean()) * player.items,
            leaving=float(stage.leaves),
            person=0.0,
            figure=player.figure(right),
        )
        found.append((stage.name, made))
    return tuple(found)


def _front(costs: Floats, worths: Floats) -> list[int]:
    """The rows that no row as cheap or cheaper beats, from the cheapest on."""
    best, found = -np.inf, []
    for row in np.lexsort([-worths, np.round(costs, 9)]):
        if worths[row] > best + _TIE:
            best = float(worths[row])
            found.append(int(row))
    return found


def _grid(stages: Sequence[StageOnItems]) -> list[tuple[float, ...]]:
    """Combinations of thresholds worth trying: none, and between confidences that occur, evenly over the items."""
    n = max(stages[0].right.size, 1) if stages else 1
    most = max(_FEWEST_SETTINGS, min(_MOST_SETTINGS, _MOST_CELLS // n))
    each = min(_MOST_A_STAGE, max(3, int(most ** (1 / max(len(stages), 1)))))
    return list(itertools.product(*(_candidates(stage, each) for stage in stages)))


def _candidates(stage: StageOnItems, most: int) -> list[float]:
    known = np.sort(stage.sure[~np.isnan(stage.sure)])
    if not known.size:
        return [0.0, 1.0] if stage.scored.any() else [0.0]
    values = np.unique(known)
    cuts = [round(float(low + high) / 2, 6) for low, high in itertools.pairwise(values)]
    top = float(values[-1])
    cuts.append(1.0 if top >= 1 else round((top + 1) / 2, 6))
    if len(cuts) > most - 1:
        wanted = np.quantile(known, np.linspace(0, 1, most - 1), method="higher")
        places = np.minimum(np.searchsorted(values, wanted), len(cuts) - 1)
        cuts = [cuts[place] for place in np.unique(places)]
    return [0.0, *cuts]
