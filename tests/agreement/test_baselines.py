"""Trivial baselines: they find what is trivially there, find nothing where nothing is, and never see their own item."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dikast.agreement.baselines import class_baselines, pair_baselines, score_baselines
from dikast.agreement.estimate import Estimate
from dikast.agreement.fitting import grouped_folds
from dikast.agreement.proportion import share
from dikast.agreement.spearman import spearman
from dikast.agreement.texts import Texts, ngram_counts, tokens

WORDS = ["the", "cat", "sat", "mat", "rain", "fell", "old", "stones", "quiet", "water", "wind", "blew", "cold", "hills"]
CHINESE = "今天天氣很好我們去公園散步看到許多人在湖邊釣魚孩子們放風箏老人下棋大家都很開心"


def right(odds: object, first: list[bool]) -> float:
    figure = share((np.asarray(odds) > 0) == np.array(first))
    assert isinstance(figure, Estimate)
    return figure.value


def sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(WORDS, words))


def test_length_alone_is_found_by_length() -> None:
    rng = np.random.default_rng(0)
    passed = [bool(i % 2) for i in range(80)]
    texts = [Texts(sentence(rng, 40 if one else 12), input=f"question {i}") for i, one in enumerate(passed)]
    found = class_baselines(texts, passed, list(range(80))).predictions
    assert right(found["length"], passed) > 0.95
    assert right(found["majority"], passed) <= 0.55


@pytest.mark.parametrize("chinese", [False, True])
def test_words_of_the_context_are_found_by_overlap(chinese: bool) -> None:
    rng = np.random.default_rng(1)
    passed = [bool(i % 2) for i in range(80)]
    texts = []
    for one in passed:
        pool = list(CHINESE) if chinese else WORDS
        context = [str(word) for word in rng.choice(pool, 60)]
        start = int(rng.integers(0, 40))
        said = context[start : start + 14] if one else [str(word) for word in rng.choice(pool, 14)]
        gap = "" if chinese else " "
        texts.append(Texts(gap.join(said), context=gap.join(context)))
    found = class_baselines(texts, passed, list(range(80))).predictions
    assert right(found["overlap"], passed) > 0.9
    assert right(found["length"], passed) < 0.7


def test_new_word_pairs_are_found_by_novelty() -> None:
    """Good outputs are pieces of the context; bad ones are the same words in another order."""
    rng = np.random.default_rng(8)
    passed = [bool(i % 2) for i in range(80)]
    texts = []
    for one in passed:
        context = [str(word) for word in rng.choice(WORDS, 40)]
        said = context[5:19] if one else [str(word) for word in rng.permutation(context[5:19])]
        texts.append(Texts(" ".join(said), context=" ".join(context)))
    found = class_baselines(texts, passed, list(range(80))).predictions
    assert right(found["novelty"], passed) > 0.9
    assert right(found["length"], passed) < 0.7


@pytest.mark.parametrize("chinese", [False, True])
def test_a_telling_word_is_found_by_tfidf(chinese: bool) -> None:
    rng = np.random.default_rng(2)
    passed = [bool(i % 2) for i in range(80)]
    telling = {True: "抱歉" if chinese else "sorry", False: "謝謝" if chinese else "thank"}
    texts = []
    for one in passed:
        words = [str(w) for w in (rng.choice(list(CHINESE), 12) if chinese else rng.choice(WORDS, 12))]
        words.insert(int(rng.integers(0, 12)), telling[one])
        texts.append(Texts(("" if chinese else " ").join(words)))
    assert right(class_baselines(texts, passed, list(range(80))).predictions["tfidf"], passed) > 0.9


def test_where_there_is_nothing_they_find_nothing() -> None:
    rng = np.random.default_rng(3)
    passed = (rng.random(300) < 0.5).tolist()
    texts = [Texts(sentence(rng, 15), input=sentence(rng, 6), context=sentence(rng, 30)) for _ in passed]
    for name, odds in class_baselines(texts, passed, list(range(300))).predictions.items():
        assert 0.4 < right(odds, passed) < 0.6, name


def test_groups_are_never_split() -> None:
    """Each group has a telling word of its own, which helps nobody who hasn't seen the group."""
    rng = np.random.default_rng(4)
    groups = [i // 4 for i in range(120)]
    fate = rng.random(30) < 0.5
    passed = [bool(fate[group]) for group in groups]
    texts = [Texts(sentence(rng, 10) + f" zq{group:03d}xx" * 8) for group in groups]
    apart = class_baselines(texts, passed, groups).predictions["tfidf"]
    split = class_baselines(texts, passed, list(range(120))).predictions["tfidf"]
    assert right(split, passed) > 0.9
    assert right(apart, passed) < 0.75


def test_pairs_see_which_output_is_longer() -> None:
    rng = np.random.default_rng(5)
    first_better = (rng.random(60) < 0.5).tolist()
    long, short = [Texts(sentence(rng, 40)) for _ in range(60)], [Texts(sentence(rng, 12)) for _ in range(60)]
    first = [a if one else b for one, a, b in zip(first_better, long, short, strict=True)]
    second = [b if one else a for one, a, b in zip(first_better, long, short, strict=True)]
    found = pair_baselines(first, second, first_better, list(range(60))).predictions
    assert right(found["length"], first_better) == 1.0


def test_scores_follow_length() -> None:
    rng = np.random.default_rng(6)
    scores = rng.integers(1, 6, 80).astype(float).tolist()
    texts = [Texts(sentence(rng, int(8 * score))) for score in scores]
    found = score_baselines(texts, scores, list(range(80))).predictions
    figure = spearman(found["length"].tolist(), scores)
    assert isinstance(figure, Estimate)
    assert figure.value > 0.9
    assert found["majority"] == pytest.approx(np.mean(scores), abs=0.3)


def test_refused_where_nothing_can_be_fitted() -> None:
    texts = [Texts("x")] * 20
    assert "rarer label has 2" in str(class_baselines(texts, [True] * 18 + [False] * 2, list(range(20))).refused)
    assert "share one input" in str(class_baselines(texts, [True, False] * 10, ["g"] * 20).refused)
    assert "10 are needed" in str(score_baselines(texts[:5], [1, 2, 3, 4, 5], list(range(5))).refused)
    assert "nothing to predict" in str(score_baselines(texts, [3.0] * 20, list(range(20))).refused)


def test_the_same_data_give_the_same_predictions() -> None:
    rng = np.random.default_rng(7)
    passed = (rng.random(60) < 0.5).tolist()
    texts = [Texts(sentence(rng, 15)) for _ in passed]
    first, second = (class_baselines(texts, passed, list(range(60))).predictions for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


@settings(max_examples=30)
@given(
    groups=st.lists(st.integers(0, 8), min_size=4, max_size=40),
    target=st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_folds_hold_whole_groups(groups: list[int], target: list[bool]) -> None:
    folds = grouped_folds(groups, np.array(target[: len(groups)], dtype=float))
    of_group: dict[int, set[int]] = {}
    for group, fold in zip(groups, folds.tolist(), strict=True):
        of_group.setdefault(group, set()).add(fold)
    assert all(len(found) == 1 for found in of_group.values())
    assert len(set(folds.tolist())) == min(5, len(set(groups)))


@settings(max_examples=50)
@given(st.text())
def test_any_text_has_features(text: str) -> None:
    assert np.isfinite(Texts(text, input=text).features).all()
    assert ngram_counts([text, "貓", ""]).shape[0] == 3


def test_lone_surrogates_and_emoji_are_texts_too() -> None:
    assert tokens("\ud83d ok 👩🏽‍🚀")
    assert ngram_counts(["\ud83d\ud83d\ud83d"]).nnz > 0


def test_n_grams_are_those_of_the_text() -> None:
    # "貓坐貓坐": pairs 貓坐 twice and 坐貓, two triples, one four: 5 buckets, log(1 + 2) and four times log(1 + 1)
    row = ngram_counts(["貓坐貓坐"])
    assert sorted(row.data) == pytest.approx([np.log(2)] * 4 + [np.log(3)])
