"""Sample runs, deterministic and realistic, with everything that a hostile output may hold."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from dikast.records import Interaction, JudgeRef, RunInfo, Usage, Verdict

JUDGE = JudgeRef("support-answers", "3f9a1c77d2e84b10")

FAILS = (
    "The answer names a refund period of {n} days, and the policy in the context says 14.",
    "The answer states a refund period of {n} days although the policy in the context says 14.",
    "It doesn't say which document the claim rests on, so the customer can't check it.",
    "The reply doesn't say which document its claim rests on; the customer can't check it.",
    "The customer asked two questions and only the first is answered.",
    "Only the first of the customer's two questions is answered.",
    "回答沒有引用任何來源，無法確認第 {n} 條的說法是否正確。",
    "回答未引用任何來源，無法確認第 {n} 條的說法。",
    "The tone is fine, but the steps are for the web page and the customer writes from the phone app (version {n}).",
)
PASSES = (
    "Every claim is in the context, and the customer knows what to do next.",
    "Right period, right form, and the link leads there. It could be shorter by about {n} words.",
    "The answer refuses politely, names whom to ask, and doesn't promise anything.",
    "回答正確，步驟清楚，並說明了例外情況。",
    "Both questions are answered in order {n}, each with its source.",
)
QUESTIONS = (
    "Can I still return headphones that I bought {n} days ago? I have opened the box.",
    "Why was I charged twice for order {n}, and when do I get it back?",
    "請問會員資格到期之後，點數還能保留幾天？訂單編號 {n}。",
    "كيف يمكنني تغيير عنوان التسليم للطلب رقم {n}؟",
    "My app shows error {n} when I log in with the fingerprint. What now? 😕",
)
ANSWERS = (
    "You can return them within {n} days of delivery, opened or not. Print the form from your orders page.",
    "The second charge is a reservation that your bank releases after {n} working days. Nothing else is needed.",
    "會員資格到期後，點數會保留 {n} 天。您可以在「我的帳戶」裡查看到期日。",
    "يمكنك تغيير العنوان من صفحة الطلبات قبل الشحن خلال {n} ساعات.",
    "Remove the fingerprint under Settings > Security, log in with your password, and add it again. Or get build {n}.",
)
HOSTILE = (
    "</pre></details><script>document.title='owned'</script><img src=x onerror=alert(1)>",
    "</style><style>body{display:none}</style>{{ 7*7 }} {% raw %} <!-- ",
    "\u202egnihton si siht\u202d overridden, \u2067isolated and never closed",
    "NUL \x00, bell \x07, escape \x1b[31mred\x1b]0;title\x07, delete \x7f, C1 \x9b31m, CR \r alone",
    'attribute" onmouseover="alert(1)" x="',
    "invisible \U000e0049\U000e0067\U000e006e\U000e006f\U000e0072\U000e0065 tags",
    'javascript:alert(1) =HYPERLINK("http://evil.example/","click")',
    "lone \ud83d surrogate",
    "W" * 400,
)


@dataclass(frozen=True)
class SampleRun:
    """Verdicts, the interactions they judge, and how the run came about."""

    verdicts: list[Verdict]
    interactions: dict[str, Interaction]
    info: RunInfo | None = None
    lookup: Callable[[str], Interaction | None] = field(default=lambda id: None)

    def iterate(self) -> Iterator[Verdict]:
        return iter(self.verdicts)


def sample_run(n: int = 400, kind: str = "pass_fail", *, hostile: bool = True, seed: int = 7) -> SampleRun:
    """A run over support answers; kind is pass_fail, ordinal, pairwise, or failed (not one has a verdict)."""
    rng = random.Random(seed)
    interactions: dict[str, Interaction] = {}
    verdicts = []
    for at in range(n):
        interaction = _interaction(
            rng, at, kind, HOSTILE[at // 11 % len(HOSTILE)] if hostile and at % 11 == 3 else None
        )
        interactions[interaction.id] = interaction
        verdicts.append(_verdict(rng, interaction, at, kind))
    return SampleRun(verdicts, interactions, _info(kind, n), interactions.get)


def _interaction(rng: random.Random, at: int, kind: str, hostile: str | None) -> Interaction:
    number = rng.randrange(2, 400)
    feature = rng.choice(("returns", "billing", "login", "membership"))
    question, answer = rng.choice(QUESTIONS).format(n=number), rng.choice(ANSWERS).format(n=number)
    metadata: dict[str, Any] = {
        "feature": feature,
        "language": rng.choice(("en", "zh-TW", "ar")),
        "channel": rng.choice(("app", "web", "web", "phone")),
        "user": f"u-{rng.randrange(10**6)}",
    }
    if hostile:
        answer += "\n\n" + hostile
        metadata["note"] = hostile
    if at == 14:
        answer += "A" * 5_000_000 + " the very end"
    name = f"ticket-{at:05d}" if not (hostile and at % 2) else f"ticket-{at:05d}-{hostile[:60]}"
    if kind == "pairwise":
        return Interaction(
            id=name, input=question, output_a=answer, output_b=rng.choice(ANSWERS).format(n=3), metadata=metadata
        )
    chat = [{"role": "user", "content": question}] if at % 3 else question
    context = "Returns: 14 days from delivery. Refunds: 5 working days. 會員點數：到期後 30 天。"
    return Interaction(id=name, input=chat, output=answer, context=context, metadata=metadata)


def _verdict(rng: random.Random, interaction: Interaction, at: int, kind: str) -> Verdict:
    base: dict[str, Any] = {
        "id": interaction.id,
        "judge": JUDGE,
        "model": "ollama/qwen3:14b",
        "latency_s": rng.lognormvariate(1.1, 0.5),
        "usage": Usage(
            prompt_tokens=rng.randrange(600, 1400), completion_tokens=rng.randrange(40, 300), cached_tokens=520
        ),
        "metadata": interaction.metadata,
    }
    if kind == "failed" or at % 23 == 5:
        return _without_verdict(rng, at, kind, base)
    if kind == "ordinal":
        return _ordinal(rng, base)
    if kind == "pairwise":
        outcome = rng.choices(("a", "b", "tie"), (5, 4, 1))[0]
        turned = outcome == "tie" or rng.random() < 0.15
        order = {"consistent": not turned, "a_first": "a", "b_first": "b" if turned else "a"}
        return Verdict(
            **base,
            status="scored",
            verdict=outcome,
            confidence=rng.uniform(0.5, 1),
            confidence_source="verdict_token",
            critique=rng.choice(PASSES).format(n=at),
            method="json_schema",
            details={"order": order},
        )
    weak = interaction.metadata["feature"] == "membership" or interaction.metadata["language"] == "ar"
    passed = rng.random() < (0.6 if weak else 0.92)
    words = ("pass", "pass", "pass" if passed else "fail")
    critique = rng.choice(PASSES if passed else FAILS).format(n=rng.randrange(20, 90))
    if interaction.metadata.get("note") and not passed:
        critique += " It quotes: " + interaction.metadata["note"]
    return Verdict(
        **base,
        status="scored",
        verdict="pass" if passed else "fail",
        critique=critique,
        scores={"grounded": rng.choice(words), "complete": rng.choice((*words, "pass")), "reasoning": critique},
        confidence=0.5 + rng.betavariate(3, 1.2) / 2,
        confidence_source="verdict_token",
        method=rng.choices(("json_schema", "extracted", "repaired"), (90, 8, 2))[0],
        raw_judge_output='{"verdict": ...}',
    )


def _ordinal(rng: random.Random, base: dict[str, Any]) -> Verdict:
    overall = rng.choices((1, 2, 3, 4, 5), (4, 6, 15, 40, 35))[0]
    critique = rng.choice(PASSES if overall > 3 else FAILS).format(n=rng.randrange(20, 90))
    scores = {"grounded": rng.choices((1, 5), (45, 55))[0] if rng.random() < 0.8 else 3, "clear": rng.randrange(1, 6)}
    return Verdict(
        **base,
        status="scored",
        critique=critique,
        method="json_schema",
        scores={**scores, "warmth": round(rng.uniform(1, 5), 3), "overall": overall, "reasoning": critique},
    )


def _without_verdict(rng: random.Random, at: int, kind: str, base: dict[str, Any]) -> Verdict:
    status, reason = rng.choice(
        (
            ("unparsed", "cut off: the answer stopped at 512 tokens"),
            ("unparsed", "no JSON: there is no object in the answer"),
            ("refused", "refusal: the model said that it can't help with this"),
            ("failed", "endpoint down: the connection was refused"),
        )
    )
    return Verdict(
        **base, status=status, reason=reason, raw_judge_output="The answer is \x1b[1m fine <b>but" if at % 2 else None
    )


def _info(kind: str, n: int) -> RunInfo:
    return RunInfo(
        name=f"support-answers-{kind}-12",
        judge=JUDGE,
        judge_definition={
            "name": "support-answers",
            "task": "Is the answer right, and can the customer act on it?",
            "scale": {"kind": "ordinal", "low": 1, "high": 5, "step": 1}
            if kind == "ordinal"
            else {"kind": "pass_fail"},
        },
        dataset="tickets-2026-10.jsonl",
        model="ollama/qwen3:14b",
        fingerprint={
            "server": "ollama",
            "server_version": "0.14.2",
            "base_url": "http://me:secret@127.0.0.1:11434",
            "model": "qwen3:14b",
            "digest": "sha256:bdbd181c33f2ed1b31c972991882db3cf4d192569092138a7d29e973cd9debe8",
            "quantization": "Q4_K_M",
            "parameters": "14.8B",
            "context_length": 8192,
            "sampler": {"temperature": 0.0, "seed": 1},
            "api_key": "sk-should-never-show",
        },
        settings={"concurrency": 4, "limit": None, "out": "results.jsonl", "base_url": [], "allow_cloud": False},
        started_at="2026-11-20T08:14:03.120Z",
        finished_at="2026-11-20T08:52:40.871Z",
        wall_s=2317.751,
        counts={"scored": n},
        calls=n + 9,
        cache_hits=12,
        rejected=2,
        duplicates=1,
    )


@pytest.fixture
def sample() -> Callable[..., SampleRun]:
    return sample_run
