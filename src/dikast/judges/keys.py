"""What the keys of a judge's answer mean, where a prompt of the user's own chose their names.

The lists are in order: of several candidates for the overall score or the verdict, the one that stands first here is
taken.
"""

from __future__ import annotations

import re
import unicodedata

OVERALL = (
    "overall", "overall_score", "overall_rating", "overallscore", "total_score", "total", "final_score",
    "final_rating", "aggregate_score", "總分", "总分", "總評分", "总评分", "總體評分", "总体评分", "總得分",
    "总得分", "綜合評分", "综合评分", "綜合得分", "综合得分", "整體評分", "整体评分", "整體", "整体", "總體",
    "总体", "総合評価", "総合スコア", "総合点", "総合得点", "総合", "合計", "총점", "종합_점수", "종합",
    "gesamtbewertung", "gesamtpunktzahl", "gesamtnote", "gesamt", "puntuación_total", "puntuacion_total",
    "puntuación_general", "note_globale", "score_global", "nota_geral", "pontuação_total", "общая_оценка",
    "итоговая_оценка", "التقييم_العام", "الدرجة_الكلية", "الإجمالي", "score", "rating", "grade", "points", "分數",
    "分数", "評分", "评分", "得分", "打分", "点数", "得点", "スコア", "점수", "평점", "punktzahl", "puntuación",
    "puntuacion", "pontuação", "оценка", "الدرجة",
)  # fmt: skip

VERDICT = (
    "verdict", "final_verdict", "overall_verdict", "pass", "passed", "pass_fail", "is_pass", "passes", "winner",
    "preference", "preferred", "better", "better_answer", "better_response", "judgement", "judgment", "decision",
    "outcome", "result", "label", "choice", "answer", "判定", "裁定", "裁決", "裁决", "結論", "结论", "是否通過",
    "是否通过", "通過", "通过", "是否合格", "合格", "勝者", "胜者", "勝出", "胜出", "較佳", "较好", "更好",
    "結果", "结果", "合否", "勝ち", "판정", "결론", "urteil", "veredicto", "verdetto", "вердикт", "الحكم",
)  # fmt: skip

CRITIQUE = (
    "reasoning", "critique", "reason", "reasons", "rationale", "explanation", "justification", "analysis",
    "feedback", "comment", "comments", "evaluation", "thoughts", "thinking", "evidence", "why", "notes",
    "summary", "理由", "原因", "評語", "评语", "解釋", "解释", "說明", "说明", "分析", "評論", "评论", "推理",
    "依據", "依据", "評析", "评析", "意見", "意见", "反饋", "反馈", "回饋", "總結", "总结", "根拠", "説明",
    "コメント", "講評", "이유", "근거", "설명", "begründung", "erklärung", "razonamiento", "justificación",
    "justificacion", "explicación", "raisonnement", "justificativa", "explication", "обоснование", "объяснение",
    "причина", "السبب", "التعليل", "الشرح",
)  # fmt: skip

# A key that says only "here is the number": the key above it names the criterion.
GENERIC = frozenset({
    "score", "rating", "value", "points", "grade", "verdict", "分數", "分数", "評分", "评分", "得分",
})  # fmt: skip
# A key that only holds others: {"scores": {"accuracy": 3}}.
WRAPPERS = frozenset({
    "scores", "ratings", "criteria", "dimensions", "evaluation", "evaluations", "result", "results", "judgement",
    "judgment", "output", "response", "評分", "评分", "分數", "分数", "各項評分", "各项评分", "維度", "维度",
    "評估", "评估", "結果", "结果",
})  # fmt: skip

_RANKS = {name: rank for names in (OVERALL, VERDICT, CRITIQUE) for rank, name in enumerate(names)}
UNKNOWN = 1000  # the rank of a key in no list
_SEPARATORS = re.compile(r"[\s\-]+")


def plain_key(key: str) -> str:
    """A key without case, full-width forms, spaces and hyphens: "Overall Score" is "overall_score"."""
    return _SEPARATORS.sub("_", unicodedata.normalize("NFKC", key).strip().lower())


def rank(key: str) -> int:
    """How early a key stands in its list; lists don't share keys, and unknown keys come last."""
    return _RANKS.get(plain_key(key), UNKNOWN)


def name_of(path: tuple[str, ...]) -> str:
    """What the value at a path is called: the last key, or the one above where the last only says "score"."""
    if len(path) > 1 and plain_key(path[-1]) in GENERIC and plain_key(path[-2]) not in WRAPPERS:
        return path[-2]
    return path[-1]
