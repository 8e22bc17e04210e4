"""How far people agree with each other on the same items: the ceiling for a judge."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from dikast.agreement.estimate import Figure
from dikast.agreement.fleiss_kappa import fleiss_kappa
from dikast.agreement.krippendorff_alpha import krippendorff_alpha
from dikast.agreement.matching import Family
from dikast.agreement.proportion import share
from dikast.agreement.settling import Settled
from dikast.agreement.spearman import spearman


def human_ceiling(labels: Sequence[Settled], family: Family, level: float = 0.95) -> dict[str, Figure]:
    """Agreement among the people who labelled; empty when no item was labelled by two.

    For verdicts: the share of pairs of people that say the same (intervals by item), Krippendorff's alpha, Fleiss'
    kappa. For scores: alpha on the interval scale, and Spearman's correlation of each person with the mean of the
    others, which is what a judge compared with one person could reach.
    """
    if family == "ordinal":
        scored = [[one.score for one in label.raters if one.score is not None] for label in labels]
        return _scores([scores for scores in scored if len(scores) > 1], level)
    said = [[str(one.verdict) for one in label.raters if one.verdict is not None] for label in labels]
    return _verdicts([verdicts for verdicts in said if len(verdicts) > 1], level)


def _verdicts(said: list[list[str]], level: float) -> dict[str, Figure]:
    if not said:
        return {}
    pairs = [(first == second, i) for i, verdicts in enumerate(said) for first, second in combinations(verdicts, 2)]
    return {
        "pairs_agree": share([same for same, _ in pairs], groups=[item for _, item in pairs], level=level),
        "krippendorff_alpha": krippendorff_alpha(said, "nominal", level=level),
        "fleiss_kappa": fleiss_kappa(said, level=level),
    }


def _scores(scored: list[list[float]], level: float) -> dict[str, Figure]:
    if not scored:
        return {}
    against = [
        (one, (sum(scores) - one) / (len(scores) - 1), item) for item, scores in enumerate(scored) for one in scores
    ]
    return {
        "krippendorff_alpha": krippendorff_alpha(scored, "interval", level=level),
        "one_vs_rest_spearman": spearman(
            [one for one, _, _ in against],
            [rest for _, rest, _ in against],
            groups=[item for _, _, item in against],
            level=level,
        ),
    }
