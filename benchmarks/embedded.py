"""What the embedded engine gains by order and by reading one token, and whether that token is read exactly.

    python benchmarks/embedded.py --reference-python VENV/bin/python

VENV holds torch, transformers, accelerate and gguf. Baseline and variant take turns, each on an engine of its own so
that neither spoils the other's prefix, and medians are compared: a shared machine's noise then falls on both alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import platform
import statistics
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from verdict_prompts import ENGLISH, ENGLISH_PAIRS, verdict_prompts

from dikast.models.embedded import EmbeddedEndpoint
from dikast.models.endpoint import Message, Reply, Request
from dikast.models.engine import Engine, Load, open_engine
from dikast.models.weights import default_model

RESULTS = Path(__file__).parent / "results" / "embedded.json"
CONTEXT = 2048
WORDS = ("pass", "fail")
LONG_WORDS = ("通過", "不通過")
SCHEMA = {
    "type": "object",
    "properties": {
        "critique": {"type": "string", "minLength": 60, "maxLength": 160},
        "verdict": {"enum": ["pass", "fail"]},
        "score": {"type": "integer", "minimum": 1, "maximum": 5},
    },
    "required": ["critique", "verdict", "score"],
}


def interaction(number: int) -> str:
    question, answer = ENGLISH_PAIRS[number % len(ENGLISH_PAIRS)]
    return f"Interaction {number}.\nQuestion: {question}\nAnswer: {answer}\n"


def rubric_first(number: int) -> str:
    return f"{ENGLISH}\n{interaction(number)}\nReply with the verdict."


def item_first(number: int) -> str:
    return f"{interaction(number)}\n{ENGLISH}\nReply with the verdict."


def written(text: str) -> Request:
    return Request(messages=(Message("user", text),), schema=SCHEMA, max_tokens=200)


def one_token(text: str) -> Request:
    return Request(messages=(Message("user", text),), choices=WORDS)


def plain_token(text: str) -> Request:
    return Request(messages=(Message("user", text),), max_tokens=1)


async def taking_turns(
    path: Path, baseline: list[Request], variant: list[Request]
) -> tuple[list[Reply], list[Reply], dict[str, Any]]:
    """Every pair of requests, one after the other, the first pair to warm up; and the seconds each took."""
    endpoints = EmbeddedEndpoint(path, context_length=CONTEXT), EmbeddedEndpoint(path, context_length=CONTEXT)
    replies: tuple[list[Reply], list[Reply]] = ([], [])
    for number, pair in enumerate(zip(baseline, variant, strict=True)):
        for side in (0, 1) if number % 2 else (1, 0):
            replies[side].append(await endpoints[side].answer(pair[side]))
    for endpoint in endpoints:
        await endpoint.close()
    first, second = ([reply.latency_s for reply in side[1:]] for side in replies)
    ratios = [one / other for one, other in zip(first, second, strict=True)]
    figures = {
        "n": len(first),
        "baseline": of_times(first),
        "variant": of_times(second),
        "ratio_of_medians": statistics.median(first) / statistics.median(second),
        "ratio_per_pair": {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)},
    }
    return replies[0], replies[1], figures


def of_times(seconds: list[float]) -> dict[str, float]:
    median = statistics.median(seconds)
    spread = statistics.quantiles(seconds, n=4)
    return {
        "items_per_minute": 60 / median,
        "median_s": median,
        "quartile_low_s": spread[0],
        "quartile_high_s": spread[2],
    }


async def order(path: Path, items: int) -> dict[str, Any]:
    """Full answers: interaction first against rubric first."""
    numbers = range(items + 1)
    first, second, figures = await taking_turns(
        path, [written(item_first(n)) for n in numbers], [written(rubric_first(n)) for n in numbers]
    )
    for name, replies in (("baseline", first), ("variant", second)):
        figures[name]["prompt_tokens"] = statistics.median(reply.usage.prompt_tokens for reply in replies[1:])
        figures[name]["cached_tokens"] = statistics.median(reply.usage.cached_tokens for reply in replies[1:])
        figures[name]["completion_tokens"] = statistics.median(reply.usage.completion_tokens for reply in replies[1:])
        figures[name]["complete"] = sum(reply.finish == "stop" for reply in replies[1:])
    return figures


async def length(path: Path, items: int) -> dict[str, Any]:
    """Rubric first: full answers against the verdict token."""
    texts = [rubric_first(n) for n in range(items + 1)]
    _, _, figures = await taking_turns(path, [written(text) for text in texts], [one_token(text) for text in texts])
    return figures


async def exactness(path: Path, reference: str) -> dict[str, Any]:
    """The words' probabilities against transformers', and the time against a plain call for one token."""
    prompts = verdict_prompts()
    endpoint = EmbeddedEndpoint(path, context_length=CONTEXT)
    single = [await endpoint.answer(one_token(text)) for text in prompts]
    several = [
        await endpoint.answer(Request(messages=(Message("user", text),), choices=LONG_WORDS)) for text in prompts
    ]
    await endpoint.close()
    engine = open_engine(path, Load(context_length=CONTEXT))
    asked = [as_tokens(engine, text) for text in prompts]
    engine.close()
    found = subprocess.run(
        [reference, str(Path(__file__).with_name("verdict_token_reference.py")), str(path)],
        input=json.dumps({"prompts": asked}),
        capture_output=True,
        text=True,
    )
    if found.returncode:
        raise SystemExit(f"the reference failed:\n{found.stderr[-2000:]}")
    told = json.loads(found.stdout[found.stdout.index('{"torch"') :])
    truth = [answer["logprobs"] for answer in told["answers"]]
    _, _, times = await taking_turns(
        path,
        [plain_token(text) for text in [prompts[0], *prompts]],
        [one_token(text) for text in [prompts[0], *prompts]],
    )
    return {
        "prompts": len(prompts),
        "prompt_tokens": [len(prompt["tokens"]) for prompt in asked],
        "same_tokens_by_the_reference_tokenizer": sum(answer["same_tokens"] for answer in told["answers"]),
        "torch": told["torch"],
        "one_token_words": agreement(single, truth, WORDS),
        "several_token_words": agreement(several, truth, LONG_WORDS),
        "time_against_plain_token": {
            "plain": times["baseline"],
            "verdict_token": times["variant"],
            "ratio_of_medians": 1 / times["ratio_of_medians"],
            "median_ratio_per_pair": 1 / times["ratio_per_pair"]["median"],
        },
    }


def as_tokens(engine: Engine, text: str) -> dict[str, Any]:
    """A prompt as the model sees it, tokenised whole, and its words' tokens."""

    def tokens(whole: str) -> list[int]:
        body = {"content": whole, "add_special": True, "parse_special": True}
        return list(engine.post("/tokenize", body)["tokens"])

    whole = str(engine.post("/apply-template", {"messages": [{"role": "user", "content": text}]})["prompt"])
    prompt = tokens(whole)
    words = {word: tokens(whole + word)[len(prompt) :] for word in (*WORDS, *LONG_WORDS)}
    return {"text": whole, "tokens": prompt, "words": words}


def agreement(replies: list[Reply], truth: list[dict[str, float]], words: tuple[str, str]) -> dict[str, float]:
    """How the margins of two words (differences of log-probability) and their mass agree with the reference's."""
    first, second = words
    ours = np.array([math.log(r.choice_probs[first] / r.choice_probs[second]) for r in replies if r.choice_probs])
    theirs = np.array([logs[first] - logs[second] for logs in truth])
    masses = np.array([reply.choice_mass for reply in replies])
    expected = np.array([math.exp(logs[first]) + math.exp(logs[second]) for logs in truth])
    probabilities = 1 / (1 + np.exp(-ours)), 1 / (1 + np.exp(-theirs))
    return {
        "r_of_margins": float(np.corrcoef(ours, theirs)[0, 1]),
        "r_of_probabilities": float(np.corrcoef(*probabilities)[0, 1]),
        "largest_margin_difference": float(np.max(np.abs(ours - theirs))),
        "mean_margin_difference": float(np.mean(np.abs(ours - theirs))),
        "margins_from": float(theirs.min()),
        "margins_to": float(theirs.max()),
        "largest_mass_ratio_error": float(np.max(np.abs(masses / expected - 1))),
    }


def machine() -> dict[str, Any]:
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(logical=False),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "load_average_before": [round(value, 2) for value in os.getloadavg()],
    }


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--reference-python", required=True, help="an interpreter with torch, transformers, accelerate and gguf"
    )
    parser.add_argument("--items", type=int, default=16, help="interactions a side")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    path = default_model(print)
    endpoint = EmbeddedEndpoint(path, context_length=CONTEXT)
    facts = (await endpoint.facts()).fingerprint
    await endpoint.close()
    started = time.perf_counter()
    figures: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "model": facts.model,
        "xllamacpp": facts.server_version,
        "note": "medians of calls that took turns; other work ran on the machine at the same time",
        "rubric_first_against_item_first": await order(path, options.items),
        "verdict_token_against_full_answer": await length(path, options.items),
        "verdict_token_against_transformers": await exactness(path, options.reference_python),
    }
    figures["machine"]["load_average_after"] = [round(value, 2) for value in os.getloadavg()]
    figures["wall_s"] = time.perf_counter() - started
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(rounded(figures), indent=2, ensure_ascii=False) + "\n")
    report(figures)


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    return value


def report(figures: dict[str, Any]) -> None:
    for name in ("rubric_first_against_item_first", "verdict_token_against_full_answer"):
        part = figures[name]
        print(
            f"{name}: {part['variant']['items_per_minute']:.1f} against {part['baseline']['items_per_minute']:.1f} "
            f"items/min, {part['ratio_of_medians']:.2f} times "
            f"(n {part['n']}, per pair {part['ratio_per_pair']['low']:.2f} to {part['ratio_per_pair']['high']:.2f})"
        )
    exact = figures["verdict_token_against_transformers"]
    for name in ("one_token_words", "several_token_words"):
        part = exact[name]
        print(
            f"{name}: r {part['r_of_margins']:.5f}, largest margin difference {part['largest_margin_difference']:.4f}"
        )
    print(f"verdict token in {exact['time_against_plain_token']['ratio_of_medians']:.2f} times a plain one-token call")


if __name__ == "__main__":
    asyncio.run(main())
