"""Everything together: the figures contract, from verdicts, labels and interactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import pytest

from dikast.agreement.estimate import Estimate
from dikast.agreement.figures import Agreement, Comparison, agreement
from dikast.agreement.prediction_powered import PredictionPowered
from dikast.errors import InputError
from dikast.records import Interaction, JudgeRef, Label, Verdict

MakeVerdict = Callable[..., Verdict]
MakeLabel = Callable[..., Label]
JUDGE = JudgeRef("judge", "v1")


def run_of(n: int, accuracy: float, *, seed: int = 0) -> tuple[list[Verdict], list[Label], dict[str, Interaction]]:
    """A judge that is right with this chance, on texts that tell nothing; two topics, some confidences."""
    rng = np.random.default_rng(seed)
    verdicts, labels, items = [], [], {}
    for i in range(n):
        word = "pass" if rng.random() < 0.6 else "fail"
        said = word if rng.random() < accuracy else {"pass": "fail", "fail": "pass"}[word]
        texts = [" ".join(rng.choice(["oak", "elm", "ash", "fir", "yew"], 9)) for _ in range(3)]
        metadata = {"topic": "trees" if i % 3 else "woods", "page": i % 2}
        items[str(i)] = Interaction(id=str(i), input=texts[0], output=texts[1], context=texts[2], metadata=metadata)
        labels.append(Label(id=str(i), verdict=word))  # type: ignore[arg-type]
        more = {"confidence": float(rng.choice([0.6, 0.9]))}
        verdicts.append(Verdict(id=str(i), status="scored", verdict=said, judge=JUDGE, metadata=metadata, **more))  # type: ignore[arg-type]
    return verdicts, labels, items


def intervals(value: object) -> Iterator[dict[str, float]]:
    """Every figure in a JSON value."""
    if isinstance(value, dict):
        if "low" in value and "value" in value:
            yield value
        for part in value.values():
            yield from intervals(part)
    elif isinstance(value, list):
        for part in value:
            yield from intervals(part)


def through_json(found: Agreement) -> dict[str, object]:
    decoded: dict[str, object] = msgspec.json.decode(msgspec.json.encode(found.as_json()))
    return decoded


def test_the_contract() -> None:
    verdicts, labels, items = run_of(150, 0.95)
    verdicts[0] = Verdict(id="0", status="unparsed", reason="no JSON: none", judge=JUDGE)
    figures = through_json(agreement(verdicts, labels, items.get, Comparison(by="topic")))
    assert figures["n"] == 149
    assert figures["left_out"] == {"unparsed": 1}
    assert figures["trust"] in ("trusted", "not_yet", "no")
    metrics = figures["metrics"]
    assert isinstance(metrics, dict)
    assert set(metrics) == {
        *("balanced_accuracy", "tpr", "tnr", "precision", "recall", "f1", "accuracy"),
        *("cohen_kappa", "gwet_ac1", "mcc", "ece", "brier"),
    }
    assert set(metrics["cohen_kappa"]) == {"value", "low", "high", "n", "method"}
    confusion = figures["confusion"]
    assert isinstance(confusion, dict)
    assert sum(confusion.values()) == 149
    assert set(figures["slices"]["topic"]) == {"trees", "woods"}  # type: ignore[index]
    assert set(figures["baselines"]) == {"majority", "length", "overlap", "novelty", "tfidf"}  # type: ignore[call-overload]
    assert figures["corrected_pass_rate"]["value"] == pytest.approx(  # type: ignore[index]
        (confusion["tp"] + confusion["fn"]) / 149
    )
    found = list(intervals(figures))
    assert len(found) > 40
    assert all(f["low"] <= f["value"] <= f["high"] for f in found if f["value"] is not None)


def test_a_good_judge_and_one_that_guesses() -> None:
    good = agreement(*run_of(300, 0.95)[:2], run_of(300, 0.95)[2].get)
    assert good.trust.level == "trusted"
    verdicts, labels, items = run_of(300, 0.5)
    guess = agreement(verdicts, labels, items.get)
    assert guess.trust.level == "no"
    assert "can't be told from chance" in guess.trust.sentence
    assert "adds nothing that shows" in guess.trust.sentence or "does better" in guess.trust.sentence


def test_without_texts_there_are_figures_and_a_note() -> None:
    verdicts, labels, _ = run_of(60, 0.9)
    found = agreement(verdicts, labels)
    assert found.earning is None
    assert "tpr" in found.figures
    assert any("no baselines" in note for note in found.notes)
    assert through_json(found)["baselines"] == {"refused": "the texts are not known"}


def test_items_of_one_input_are_dependent() -> None:
    verdicts, labels, items = run_of(120, 0.8)
    doubled = [msgspec.structs.replace(v, id=f"{v.id}{side}") for v in verdicts for side in "xy"]
    twice = [msgspec.structs.replace(one, id=f"{one.id}{side}") for one in labels for side in "xy"]

    def lookup(id: str) -> Interaction | None:
        return items.get(id[:-1])

    once = agreement(verdicts, labels, items.get).figures["accuracy"]
    both = agreement(doubled, twice, lookup).figures["accuracy"]
    assert isinstance(once, Estimate)
    assert isinstance(both, Estimate)
    assert both.high - both.low == pytest.approx(once.high - once.low, rel=0.05)  # a copy tells nothing new


def test_corrected_rate_where_a_part_is_labelled() -> None:
    verdicts, labels, items = run_of(400, 0.9)
    found = agreement(verdicts, labels[:150], items.get)
    assert isinstance(found.corrected, Estimate)
    assert found.corrected.n == 400
    truth = sum(label.verdict == "pass" for label in labels) / 400
    assert found.corrected.low <= truth <= found.corrected.high
    assert found.left_out == {"no label": 250}
    drawn = [msgspec.structs.replace(label, drawn="disagreement") for label in labels[:150]]
    refused = through_json(agreement(verdicts, drawn, items.get))
    assert "150 by 'disagreement'" in refused["corrected_pass_rate"]["refused"]  # type: ignore[index]
    assert any("drawn for learning" in note for note in refused["notes"])  # type: ignore[attr-defined]


def test_slices_by_a_key_that_is_not_there() -> None:
    verdicts, labels, _ = run_of(20, 0.9)
    with pytest.raises(InputError, match="'model'; the keys here are: page, topic"):
        agreement(verdicts, labels, None, Comparison(by="model"))
    assert list(agreement(verdicts, labels, None, Comparison(by="page")).slices) == ["0", "1"]


def test_scores_of_several_people(verdict: MakeVerdict, label: MakeLabel) -> None:
    rng = np.random.default_rng(1)
    verdicts, labels = [], []
    for i in range(60):
        quality = float(rng.uniform(1, 5))
        people = [float(np.clip(round(quality + rng.normal(0, 0.7)), 1, 5)) for _ in range(3)]
        labels.append(label(str(i), sum(people) / 3, scale=(1.0, 5.0)))
        labels += [label(str(i), one, scale=(1.0, 5.0), annotator=f"slot{j}") for j, one in enumerate(people)]
        verdicts.append(verdict(str(i), float(np.clip(quality + rng.normal(0, 0.5), 1, 5))))
    found = agreement(verdicts, labels)
    assert found.family == "ordinal"
    assert set(found.ceiling) == {"krippendorff_alpha", "one_vs_rest_spearman"}
    assert list(found.figures) == [
        *("spearman", "kendall_tau_b", "quadratic_weighted_kappa", "mae", "exact", "within_one", "agr_2_2")
    ]
    assert all(isinstance(figure, Estimate) for figure in found.figures.values())


def test_scales_that_differ_are_carried_over_or_refused(verdict: MakeVerdict, label: MakeLabel) -> None:
    scores = [1, 2, 3, 4, 5, 1, 2, 3, 4, 4]
    labels = [label(str(i), float(score), scale=(1.0, 5.0)) for i, score in enumerate(scores)]
    verdicts = [verdict(str(i), 2.25 * score - 1.25) for i, score in enumerate(scores)]  # the same on 1 to 10
    known = agreement(verdicts, labels, None, Comparison(judge_scale=(1, 10))).figures["mae"]
    assert isinstance(known, Estimate)
    assert known.value == pytest.approx(0)
    unknown = through_json(agreement(verdicts, labels))["metrics"]
    assert unknown["mae"]["value"] is None  # type: ignore[index]
    assert "from 1 to 10, the scale from 1 to 5" in unknown["mae"]["undefined"]  # type: ignore[index]
    assert unknown["spearman"]["value"] == pytest.approx(1)  # type: ignore[index]


def test_pairs(verdict: MakeVerdict, label: MakeLabel) -> None:
    rng = np.random.default_rng(2)
    verdicts, labels, items = [], [], {}
    for i in range(80):
        word = str(rng.choice(["a", "b", "tie"], p=[0.45, 0.45, 0.1]))
        said = word if word != "tie" and rng.random() < 0.9 else "a"
        other = said if i % 4 else "b"
        verdicts.append(verdict(str(i), said, details={"order": {"a_first": said, "b_first": other}}))
        labels.append(label(str(i), word))
        texts = [" ".join(rng.choice(["oak", "elm", "ash"], 8)) for _ in range(3)]
        items[str(i)] = Interaction(id=str(i), input=texts[0], output_a=texts[1], output_b=texts[2])
    found = agreement(verdicts, labels, items.get)
    assert found.family == "pairwise"
    assert list(found.figures) == [*("accuracy_without_ties", "accuracy_with_ties", "cohen_kappa", "order_consistency")]
    assert found.table["tie"]["tie"] == 0
    assert found.earning is not None
    assert {one.name for one in found.earning.beside} == {"majority", "length", "overlap", "novelty", "tfidf"}
    assert found.corrected is None


def test_scores_against_pass_and_fail(verdict: MakeVerdict, label: MakeLabel) -> None:
    _, labels, items = run_of(80, 0.9)
    rng = np.random.default_rng(3)
    verdicts = [verdict(one.id, float(rng.normal() + 2 * (one.verdict == "pass"))) for one in labels]
    found = agreement(verdicts, labels, items.get)
    assert (found.family, list(found.figures)) == ("ranking", ["auc"])
    assert found.earning is not None
    assert found.earning.best is not None
    assert isinstance(found.earning.best.lead, Estimate)


def test_where_people_disagree_it_is_said_before_the_judge_is_blamed(verdict: MakeVerdict, label: MakeLabel) -> None:
    rng = np.random.default_rng(5)
    verdicts, labels = [], []
    for i in range(100):
        words = [str(word) for word in rng.choice(["pass", "fail"], 3)]
        labels += [label(str(i), word, annotator=name) for name, word in zip("xyz", words, strict=True)]
        verdicts.append(verdict(str(i), str(rng.choice(["pass", "fail"]))))
    found = agreement(verdicts, labels)
    assert set(found.ceiling) == {"pairs_agree", "krippendorff_alpha", "fleiss_kappa"}
    assert any("mend the criterion first" in note for note in found.notes)


def test_where_two_people_are_split_they_are_not_said_to_agree(verdict: MakeVerdict, label: MakeLabel) -> None:
    """Two people's disagreements are draws, which no judge can be compared on; they still disagreed."""
    said = {str(i): ("pass", "fail" if i < 10 else "pass") for i in range(40)}
    labels = [
        label(id, word, annotator=name) for id, both in said.items() for name, word in zip("xy", both, strict=True)
    ]
    found = agreement([verdict(id, "pass") for id in said], labels)
    assert (found.n, found.left_out) == (30, {"the annotators are evenly split": 10})
    figure = found.ceiling["pairs_agree"]
    assert isinstance(figure, Estimate)
    assert (figure.n, figure.value) == (40, 0.75)


def test_the_prediction_powered_mean_sees_shared_inputs() -> None:
    verdicts, labels, items = run_of(120, 0.9)
    twice = {
        id: msgspec.structs.replace(item, input=f"question {int(id) // 6}", context=None) for id, item in items.items()
    }
    alone, shared = (agreement(verdicts, labels[:60], known.get).powered for known in (items, twice))
    assert isinstance(alone, PredictionPowered)
    assert isinstance(shared, PredictionPowered)
    assert "design effect" not in alone.figure.method
    assert "design effect" in shared.figure.method
    assert shared.figure.low < alone.figure.low <= alone.figure.high < shared.figure.high
