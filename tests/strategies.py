"""Hypothesis strategies for the shared nouns: interactions, labels, verdicts, and the JSON they are made of."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from dikast.records import Interaction, JudgeRef, Label, Usage, Verdict

# Any text that UTF-8 can hold: every script, emoji, control characters and NUL, but no lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
some_text = texts.filter(lambda text: text.strip() != "")

# What Python strings can hold and UTF-8 can't.
rough_texts = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=30)

scalars = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
metadata = st.dictionaries(texts, json_values, max_size=3)

chats = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant", "tool"]), "content": texts}),
    min_size=1,
    max_size=4,
)
contents = texts | chats | json_values.filter(lambda value: value is not None)

ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
outcomes = st.sampled_from(["pass", "fail", "a", "b", "tie"])


def labels(ids: st.SearchStrategy[str] = ids) -> st.SearchStrategy[Label]:
    """Labels with a verdict, a score on a scale, or both."""
    return st.builds(
        _label, ids, outcomes | st.none(), st.integers(1, 5) | st.none(), st.none() | some_text, st.booleans()
    )


def _label(id: str, verdict: Any, score: int | None, text: str | None, scaled: bool) -> Label:
    if verdict is None and score is None:
        verdict = "fail"
    scale = (1.0, 5.0) if scaled and score is not None else None
    return Label(
        id=id, verdict=verdict, score=score, scale=scale, critique=text, annotator=None if text is None else "ana"
    )


def interactions(
    ids: st.SearchStrategy[str] = ids, contents: st.SearchStrategy[Any] = contents
) -> st.SearchStrategy[Interaction]:
    """Interactions with one output or two."""
    common: dict[str, Any] = {
        "id": ids,
        "input": contents,
        "context": st.none() | contents,
        "reference": st.none() | contents,
        "metadata": metadata,
    }
    return st.builds(Interaction, **common, output=contents) | st.builds(
        Interaction, **common, output_a=contents, output_b=contents
    )


def verdicts(ids: st.SearchStrategy[str] = ids) -> st.SearchStrategy[Verdict]:
    """Verdicts of every status; only the scored ones carry a verdict."""
    judge = st.builds(JudgeRef, name=some_text, version=st.text("0123456789abcdef", min_size=12, max_size=12))
    usage = st.builds(Usage, prompt_tokens=st.integers(0, 10_000), completion_tokens=st.integers(0, 2_000))
    common: dict[str, Any] = {"id": ids, "judge": judge, "model": st.none() | some_text, "usage": st.none() | usage}
    scored = st.builds(
        Verdict,
        **common,
        status=st.just("scored"),
        verdict=outcomes,
        scores=st.fixed_dictionaries({"overall": st.floats(0, 1), "reasoning": texts}),
        critique=st.none() | texts,
        confidence=st.none() | st.floats(0, 1),
    )
    unscored = st.builds(
        Verdict,
        **common,
        status=st.sampled_from(["unparsed", "refused", "failed"]),
        reason=some_text.map(lambda text: f"cut off: {text}"),
        raw_judge_output=st.none() | texts,
    )
    return scored | unscored
