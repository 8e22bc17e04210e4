"""The pass rate of a run of which a random part is labelled, as shares of each verdict that people would pass."""

from __future__ import annotations

from math import sqrt

from dikast.agreement.confusion import Confusion
from dikast.agreement.estimate import Estimate
from dikast.agreement.proportion import modified_wilson
from dikast.errors import InputError


def double_sampling(
    confusion: Confusion, passed: int, n: int, level: float = 0.95, *, shared: float = 1.0
) -> Estimate | None:
    """The true pass rate θ = p·a + (1 − p)·b: p of all items passed, a and b of passed and failed ones that are good.

    confusion: of the labelled items, drawn at random from the run. passed, n: the verdicts on its other items, n ≥ 0.
    Given that draw, p, a = tp/(tp + fp) and b = fn/(fn + tn) are shares of their own, estimated apart, so the
    interval joins their (modified) Wilson intervals by MOVER: for a ≥ b the low end is
    θ̂ − √(p²(a − aₗ)² + (1 − p)²(b − bₗ)² + (a − b)²(p − pₗ)²). It divides by nothing that may be near 0, so it holds
    for weak judges and few labels, too. It holds for the run that the labels are drawn from, and for no other; for
    items elsewhere that the judge errs on alike, see `rogan_gladen`.

    A verdict that nobody's labels cover may be anything: its share is taken as one half, from 0 to 1. shared: the
    design effect that counts are divided by. None without labels. Raises InputError unless 0 ≤ passed ≤ n.
    Tenenbein 1970, doi:10.1080/01621459.1970.10481170; MOVER: Zou & Donner 2008, doi:10.1002/sim.3095

    >>> found = double_sampling(Confusion(tp=45, fn=5, fp=10, tn=40), 500, 900)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.504, 0.427, 0.578)
    """
    if not 0 <= passed <= n:
        raise InputError(f"{passed!r} of {n!r} verdicts passed: passed must be from 0 to n")
    if confusion.n == 0:
        return None
    total = n + confusion.n
    p = modified_wilson((passed + confusion.tp + confusion.fp) / shared, total / shared, level)
    a = _share(confusion.tp / shared, (confusion.tp + confusion.fp) / shared, level)
    b = _share(confusion.fn / shared, (confusion.fn + confusion.tn) / shared, level)
    apart = a.value - b.value
    value = p.value * apart + b.value
    below, above = (p.value - p.low, p.high - p.value) if apart >= 0 else (p.high - p.value, p.value - p.low)
    rest = 1 - p.value
    low = sqrt((p.value * (a.value - a.low)) ** 2 + (rest * (b.value - b.low)) ** 2 + (apart * below) ** 2)
    high = sqrt((p.value * (a.high - a.value)) ** 2 + (rest * (b.high - b.value)) ** 2 + (apart * above) ** 2)
    method = "double sampling, MOVER interval" + ("" if shared == 1.0 else f", design effect {shared:.2f}")
    return Estimate(value, max(0.0, value - low), min(1.0, value + high), total, method, level)


def _share(hits: float, n: float, level: float) -> Estimate:
    if n <= 0:
        return Estimate(0.5, 0.0, 1.0, 0, "not known", level)
    return modified_wilson(hits, n, level)
