"""Words that say nothing that two people would understand alike."""

from __future__ import annotations

import re

_VAGUE = frozenset(
    """good bad poor ok okay fine great excellent average acceptable unacceptable decent adequate inadequate mediocre
    outstanding exceptional somewhat fairly quite very pretty rather moderate moderately high low medium quality better
    worse best worst perfect terrible awful satisfactory unsatisfactory weak strong partially mostly highly extremely
    slightly reasonable reasonably appropriate inappropriate helpful unhelpful nice solid lacking below above meets
    exceeds expectations correct incorrect pass fail passes fails yes no
    """.split()  # noqa: SIM905 - a list of 70 words, one a line, hides the next function
)
_SMALL = frozenset("a an the is are it its this that of in to and or but not at all output answer response".split())  # noqa: SIM905
_VAGUE_ZH = re.compile(
    "非常|十分|比較|比较|相當|相当|有點|有点|稍微|略|很|極|极|最|較|较|還|还|尚|可以|不錯|不错|優秀|优秀|良好|普通|一般|中等"
    "|不佳|欠佳|佳|好|差|優|优|良|劣|糟糕|糟|完美|滿意|满意|不滿|不满|品質|品质|質量|质量|水準|水平|高|低|強|强|弱|合適|合适"
    "|適當|适当|正確|正确|錯誤|错误|通過|通过|不|的|了|是|輸出|输出|回答"
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_FEW_WORDS = 1
_FEW_HAN = 3


def is_vague(meaning: str) -> bool:
    """Whether a level's meaning consists of words such as "good" and "somewhat", and of little else.

    >>> is_vague("Quite good"), is_vague("Names the source of every figure")
    (True, False)
    """
    if _HAN.search(meaning):
        return len(_HAN.findall(_VAGUE_ZH.sub("", meaning))) <= _FEW_HAN
    words = [word for word in re.findall(r"[a-z']+", meaning.lower()) if word not in _SMALL]
    return len([word for word in words if word not in _VAGUE]) <= _FEW_WORDS and any(word in _VAGUE for word in words)


def length_in_words(text: str) -> int:
    """How long a text is in words; two Chinese characters count as one."""
    return len(_HAN.findall(text)) // 2 + len(re.findall(r"[^\W\u3400-\u9fff]+", text))
