"""The label budget: by brute force, by the published allocation, and as its users ask for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dikast.agreement.allocation import allocate
from dikast.agreement.budget import (
    Claim,
    budget,
    labels_for_claim,
    labels_for_kappa,
    labels_for_width,
    read_claim,
)
from dikast.agreement.confusion import Confusion
from dikast.agreement.corrected import Refused, corrected_pass_rate
from dikast.agreement.wilson import wilson
from dikast.cli import main
from dikast.errors import InputError


@pytest.mark.parametrize(
    ("total", "passed", "tnr", "tpr", "pilot", "fails", "passes"),
    [
        (200, 0.4, 0.7, 0.9, 10, 136, 64),
        (200, 0.4, 0.9, 0.9, 0, 120, 80),
        (100, 0.5, 0.8, 0.8, 5, 50, 50),
        (1000, 0.1, 0.95, 0.6, 50, 786, 214),
        (1000, 0.9, 0.6, 0.99, 50, 294, 706),
        (500, 0.0, 0.9, 0.9, 20, 20, 480),
        (50, 1.0, 0.7, 0.8, 5, 5, 45),
        (300, 0.62, 0.85, 0.93, 0, 142, 158),
        (20, 0.02, 0.5, 0.99, 8, 12, 8),
        (7, 0.5, 0.6, 0.6, 1, 3, 4),
    ],
)
def test_the_allocation_is_the_published_one(
    total: int, passed: float, tnr: float, tpr: float, pilot: int, fails: int, passes: int
) -> None:
    """What the reference implementation of Lee et al. (arXiv:2511.21140) gives."""
    found = allocate(total, passed, tnr, tpr, pilot=pilot)
    assert (found.fails, found.passes) == (fails, passes)


def test_the_allocation_checks_what_it_is_given() -> None:
    with pytest.raises(InputError, match="a share from 0 to 1"):
        allocate(100, 1.2, 0.9, 0.9)
    with pytest.raises(InputError, match="give 40 or more"):
        allocate(30, 0.5, 0.9, 0.9, pilot=20)


@pytest.mark.parametrize(("p", "half_width"), [(0.5, 0.1), (0.9, 0.05), (0.98, 0.1)])
def test_labels_for_a_width_are_the_fewest(p: float, half_width: float) -> None:
    n = labels_for_width(p, half_width)
    assert n is not None

    def reach(n: int) -> float:
        figure = wilson(p * n, n)
        return (figure.high - figure.low) / 2

    assert reach(n) <= half_width < reach(n - 1)


def test_more_labels_than_anybody_has_are_no_number() -> None:
    assert labels_for_width(0.5, 0.001) is None
    needs = budget(Confusion(tp=20, fn=5, fp=5, tn=20), 60, 100, half_width=0.001).needs
    assert [(need.needed, need.why) for need in needs[:3]] == [(None, "more than 20,000 labels")] * 3


@pytest.mark.parametrize(("truth", "above"), [(0.95, 0.9), (0.9, 0.8), (0.99, 0.9)])
def test_labels_for_a_claim_show_it_eight_times_in_ten(truth: float, above: float) -> None:
    n = labels_for_claim(truth, above)
    assert n is not None
    drawn = np.random.default_rng(0).binomial(n, truth, 4000)
    reached = {x: wilson(x, n).low >= above for x in set(drawn.tolist())}
    share = float(np.mean([reached[x] for x in drawn.tolist()]))
    assert 0.78 <= share <= 0.93  # counts are coarse at 53 labels


def test_claims_that_can_not_be_shown() -> None:
    assert labels_for_claim(0.9, 0.9) is None
    assert labels_for_claim(0.9001, 0.9) is None


def test_kappa_gets_as_narrow_as_was_foreseen() -> None:
    from dikast.agreement.cohen_kappa import _kappa
    from dikast.agreement.jeffreys import jeffreys_intervals

    shares = (0.55, 0.05, 0.1, 0.3)
    n = labels_for_kappa(shares, 0.1)
    assert n is not None
    tables = np.random.default_rng(0).multinomial(n, shares, 200).astype(np.float64)
    low, high = jeffreys_intervals(tables, lambda s: _kappa(s, 2), draws=500)
    assert float(np.median((high - low) / 2)) == pytest.approx(0.1, rel=0.06)


@pytest.mark.parametrize("half_width", [0.05, 0.08])
def test_the_corrected_rate_gets_as_narrow_as_was_foreseen(half_width: float) -> None:
    now = Confusion(tp=40, fn=5, fp=4, tn=16)
    found = budget(now, passed=1290, n=1935, half_width=half_width)
    (need,) = [need for need in found.needs if need.aim.startswith("corrected")]
    assert need.of == "any"
    assert need.needed is not None
    # of 2,000 verdicts 1,334 are passes; of 46 passed 41 and of 23 failed 6 are taken as good
    p, a, b = 1334 / 2000, 41 / 46, 6 / 23
    tp, fn = round(need.needed * p * a), round(need.needed * (1 - p) * b)
    fp, tn = round(need.needed * p) - tp, round(need.needed * (1 - p)) - fn
    figure = corrected_pass_rate(Confusion(tp, fn, fp, tn), round((2000 - need.needed) * p), 2000 - need.needed)
    assert not isinstance(figure, Refused)
    assert (figure.high - figure.low) / 2 == pytest.approx(half_width, rel=0.06)


def test_the_class_that_is_furthest_behind_is_drawn_next() -> None:
    found = budget(Confusion(tp=60, fn=2, fp=1, tn=5), passed=300, n=400, half_width=0.12, claims=(Claim("tnr", 0.8),))
    assert found.draw_next == "fail"
    assert "people would fail" in found.how
    done = budget(Confusion(tp=900, fn=30, fp=20, tn=800), passed=300, n=400, half_width=0.1)
    assert done.draw_next is None


def test_one_class_alone_is_said() -> None:
    found = budget(Confusion(tp=50, fn=1, fp=0, tn=0), passed=300, n=400)
    reasons = {need.aim: need.why for need in found.needs if need.needed is None}
    assert "labels of one class alone" in reasons["Cohen's kappa to ± 0.1"]
    assert "no item is labelled fail" in reasons["corrected pass rate to ± 0.1"]
    with pytest.raises(InputError, match="starts from labels"):
        budget(Confusion(0, 0, 0, 0), 10, 20)


def test_claims_are_read_and_refused() -> None:
    assert read_claim("TPR >= .85") == Claim("tpr", 0.85)
    for wrong in ("kappa>0.5", "tnr 0.9", "tnr>0.9@0.8", "tnr>100 %"):
        with pytest.raises(InputError):
            read_claim(wrong)


def test_the_option_of_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    results, labels = [], []
    for i in range(150):
        word = "pass" if rng.random() < 0.7 else "fail"
        said = word if rng.random() < 0.85 else {"pass": "fail", "fail": "pass"}[word]
        results.append({"id": str(i), "status": "scored", "verdict": said, "judge": {"name": "j", "version": "1"}})
        labels.append({"id": str(i), "verdict": word})
    Path("results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in results))
    Path("labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labels[:60]))
    base = ["agree", "results.jsonl", "--labels", "labels.jsonl"]
    with pytest.raises(SystemExit):
        main([*base, "--target-width", "0.1", "--claim", "tnr>0.7@0.9"])
    out = capsys.readouterr().out
    assert "TNR above 0.7, if it is 0.9" in out
    assert "Label budget" in out
    with pytest.raises(SystemExit):
        main([*base, "--budget", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert {"aim", "of", "have", "needed", "more", "reckoned_with", "why"} == set(found["budget"]["needs"][0])
    assert found["prediction_powered"]["worth"] > 1
    with pytest.raises(SystemExit) as stopped:
        main([*base, "--claim", "nonsense"])
    assert stopped.value.code == 2
    assert "tnr>0.9" in capsys.readouterr().err
