"""Whether a model declined to judge.

Only an answer that opens by declining counts, in the first person and about the task itself. An answer that quotes a
refusal, or that speaks of one, as judges of assistants do all day, does not open that way. The list is short on
purpose: a refusal that is not recognised is still reported, as an answer without a verdict.
"""

from __future__ import annotations

import re

_LONGEST = 1500  # a refusal is short; a long text without a verdict is something else

_TASK = (
    r"(?:assist|help|comply|fulfil+|provide|judge|evaluate|assess|grade|rate|score|review|continue|engage|discuss|"
    r"answer|respond|participate|process|complete|support|do th(?:at|is)|grant|accommodate|proceed)"
)
_CANNOT = (
    r"i (?:can'?t|cannot|can not|won'?t|will not|am unable to|am not able to|'m unable to|'m not able to|must decline)"
)
_SORRY = (
    r"(?:(?:i'?m|i am|we'?re) (?:very |so |really )?sorry|sorry|(?:my|i) apolog(?:ies|i[sz]e)|unfortunately|"
    r"as an? (?:ai|language)[^.,]{0,40})"
)
_OPENINGS = (
    # English
    rf"{_SORRY}[^.!?\n]{{0,60}}?\b{_CANNOT}\b[^.!?\n]{{0,30}}?\b{_TASK}",
    rf"{_CANNOT}(?: to)? {_TASK}",
    rf"i'?m (?:unable|not able|not willing|not comfortable)[^.!?\n]{{0,20}}?\b{_TASK}",
    r"i (?:must|have to|need to) (?:respectfully )?(?:decline|refuse)\b",
    # Chinese, both scripts
    r"(?:(?:很|非常|十分)?(?:抱歉|對不起|对不起|不好意思|遺憾|遗憾)[，,。：:\s]*)?"
    r"(?:作(?:為|为)(?:一(?:個|个|名))?(?:AI|人工智[能慧]|語言模型|语言模型)[^，,。]{0,12}[，,]?\s*)?"
    r"(?:我|本人)?(?:無法|无法|不能|不可以|不便|拒絕|拒绝)"
    r"(?:對此|对此|對這|对这|為您|为您|為你|为你|就此)?[^，,。\n]{0,12}"
    r"(?:回答|協助|协助|幫助|帮助|提供|評[判價估分]|评[判价估分]|滿足|满足|處理|处理|討論|讨论|繼續|继续|完成)",
    # Japanese, Korean
    r"(?:申し訳(?:ありません|ございません)|すみません|恐れ入りますが)[^。\n]{0,60}"
    r"(?:できません|できかねます|お手伝いできません|お答えできません)",
    r"(?:죄송합니다|죄송하지만|미안하지만)[^\n]{0,60}(?:수 없습니다|어렵습니다|드릴 수 없)",
    # Spanish, Portuguese, French, German, Italian, Russian
    r"(?:lo siento|lo lamento|disculpa|perdón)[^.!?\n]{0,40}\bno (?:puedo|podré)\b",
    r"(?:desculpe|sinto muito|lamento)[^.!?\n]{0,40}\bnão (?:posso|consigo)\b",
    r"(?:(?:je suis )?désolée?|je regrette)[^.!?\n]{0,40}\bje ne (?:peux|puis)\b",
    r"(?:es tut mir leid|tut mir leid|entschuldigung)[^.!?\n]{0,40}\b(?:kann|darf|werde) ich\b[^.!?\n]{0,60}\bnicht\b",
    r"(?:mi dispiace|spiacente)[^.!?\n]{0,40}\bnon posso\b",
    r"(?:извините|простите|к сожалению)[^.!?\n]{0,40}\bя не могу\b",
)
_OPENING = re.compile(r"[\s*_#>\"“'-]*(?:" + "|".join(f"(?:{one})" for one in _OPENINGS) + ")", re.IGNORECASE)


def is_refusal(answer: str) -> bool:
    """Whether an answer without a verdict declines the task, rather than just failing at it."""
    text = answer.strip()
    return bool(text) and len(text) <= _LONGEST and _OPENING.match(text.replace("’", "'")) is not None
