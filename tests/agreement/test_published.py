"""The figures that papers and reference implementations publish, digit by digit."""

from __future__ import annotations

import pytest

from dikast.agreement.allocation import Allocation, allocate
from dikast.agreement.confusion import Confusion
from dikast.agreement.corrected import rogan_gladen
from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.fleiss_kappa import fleiss_kappa
from dikast.agreement.krippendorff_alpha import Measurement, krippendorff_alpha
from dikast.agreement.score_errors import agr
from dikast.agreement.wilson import wilson


def value(figure: Figure) -> float:
    assert isinstance(figure, Estimate), figure
    return figure.value


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_of_newcombe(successes: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    found = wilson(successes, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("passed", "n", "confusion", "value", "low", "high"),
    [
        # what the authors' own code gives; the first is the example they show: p = 0.4, q0 = 0.7, q1 = 0.9
        (400, 1000, Confusion(tp=180, fn=20, fp=60, tn=140), 0.1666666667, 0.0563507248, 0.2627330258),
        (600, 1000, Confusion(tp=90, fn=10, fp=20, tn=80), 0.5714285714, 0.4898186900, 0.6554541857),
        (760, 1000, Confusion(tp=450, fn=50, fp=150, tn=350), 0.7666666667, 0.7091339743, 0.8249766388),
        (3 * 10**8, 10**9, Confusion(tp=45, fn=5, fp=15, tn=35), 0.0, 0.0, 0.1749197200),
        (20, 200, Confusion(tp=27, fn=3, fp=2, tn=18), 0.0, 0.0, 0.1270799248),
    ],
)
def test_corrected_rates_of_lee_and_others(
    passed: int, n: int, confusion: Confusion, value: float, low: float, high: float
) -> None:
    """Lee et al., arXiv:2511.21140, equations 4 to 6."""
    found = rogan_gladen(passed, n, confusion)
    assert isinstance(found, Estimate)
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), abs=1e-9)


def test_the_allocation_that_lee_and_others_show() -> None:
    assert allocate(200, 0.4, 0.7, 0.9, pilot=10) == Allocation(passes=64, fails=136)


@pytest.mark.parametrize(("measurement", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorffs_own_example(measurement: Measurement, alpha: float) -> None:
    """Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example D: four observers, twelve units."""
    said = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    units = [[row[i] for row in said if row[i] is not None] for i in range(12)]
    assert round(value(krippendorff_alpha(units, measurement)), 3) == alpha


def test_fleiss_kappa_of_fourteen_raters() -> None:
    """The worked example that is printed with the statistic: ten subjects, five categories, κ = 0.210."""
    table = ["0000E", "02642", "00356", "03920", "22811", "77000", "32630", "25322", "65210", "02237"]
    counts = [[int(count, 15) for count in row] for row in table]
    ratings = [[category for category, count in enumerate(row) for _ in range(count)] for row in counts]
    assert round(value(fleiss_kappa(ratings)), 3) == 0.210


def test_agr_by_its_definition() -> None:
    """Hu et al., arXiv:2502.02988: Agr(1, q) is accuracy; Agr(2, 2) is 1 when exact, 0.25 one off."""
    judge, people = [5, 4, 3, 1, 2], [5, 3, 1, 1, 3]
    assert value(agr(judge, people, p=1, q=7)) == pytest.approx(2 / 5)
    assert value(agr(judge, people)) == pytest.approx((1 + 0.25 + 0 + 1 + 0.25) / 5)
