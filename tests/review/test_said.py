"""What is said of a judge is said in every language of the page, from the same codes."""

from __future__ import annotations

import string

import pytest

from dikast.agreement.baselines import MEANINGS
from dikast.agreement.confusion import Confusion
from dikast.agreement.estimate import Estimate, Undefined
from dikast.agreement.said import ENGLISH, Said
from dikast.agreement.trust import trust
from dikast.agreement.wilson import wilson
from dikast.review.wording import LANGUAGES, in_words, needs_in_words, said_in, translated, trust_in_words

OTHERS = [language for language in LANGUAGES if language != "en"]


def holes(text: str) -> set[str]:
    return {hole for _, hole, _, _ in string.Formatter().parse(text) if hole}


@pytest.mark.parametrize("language", OTHERS)
def test_every_code_is_said_with_the_same_values(language: str) -> None:
    sentences = said_in(language)["sentences"]
    assert sentences.keys() == ENGLISH.keys()
    for code, english in ENGLISH.items():
        assert holes(sentences[code]) == holes(english) - {"does"}, code  # "passes", "fails", "picks": one verb there


@pytest.mark.parametrize("language", OTHERS)
def test_every_word_of_a_baseline_is_known(language: str) -> None:
    for name, meaning in MEANINGS.items():
        assert translated(name, language) in said_in(language)["words"].values()
        assert translated(meaning, language) != meaning


def test_a_judge_that_is_not_settled_yet_in_both_languages() -> None:
    figures = {
        "tpr": wilson(18, 20),
        "tnr": Undefined("no item was labelled fail", 0),
        "balanced_accuracy": wilson(18, 20),
    }
    found = trust("pass_fail", figures, None, confusion=Confusion(18, 2, 0, 0))
    english, chinese = (trust_in_words(found, language) for language in LANGUAGES)
    assert english == found.sentence
    assert english.startswith("Not yet: it passes 90 % (95 % interval 70 to 97, n = 20) of the good items, and 80 %")
    assert chinese.startswith(
        "還不能下結論：應通過的項目中它判對了 90 %（95 % 區間 70 到 97，n = 20），而區間下限須達 80 %"
    )
    assert "還沒有任何「不通過」的標註" in chinese
    assert needs_in_words(found, "en") == found.needs
    assert needs_in_words(found, "zh-Hant")[0] == "若這個比率不變，再標註 42 筆「通過」，可證明達到 80 %"


@pytest.mark.parametrize("figure", [Estimate(0.85, 0.74, 0.92, 60, "x"), Estimate(0.3, 0.1, 0.5, 90, "x")])
def test_no_english_is_left_in_the_chinese(figure: Estimate) -> None:
    for family, name in (("ordinal", "spearman"), ("ranking", "auc")):
        said = trust_in_words(trust(family, {name: figure}, None), "zh-Hant")  # type: ignore[arg-type]
        assert not {"the", "asked", "from", "is"} & set(said.split())


def test_a_reason_that_is_not_known_stays_as_it_is() -> None:
    assert (
        translated("2 items in 1 group(s): an interval needs 3 at least", "zh-Hant")
        == "只有 2 筆（1 組）：至少要 3 組才有區間"
    )
    assert translated("the moon is full", "zh-Hant") == "the moon is full"
    assert in_words(Said("undefined", {"reason": "the moon is full"}), "zh-Hant") == "the moon is full"
