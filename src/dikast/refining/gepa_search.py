"""GEPA as the one that proposes: it rewrites a judge's texts on one part of the interactions, over many small steps.

Steps that are each too small to lead by more than noise may add up to one that does. What it comes to is one change
more, tested like every other, on the interactions that it has not seen. Every call goes through the asker that all
other calls go through: the same policy, ledger, limits and kept answers; GEPA itself only decides what to ask.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from importlib.util import find_spec
from typing import Any, TypeVar

import msgspec

from dikast.agreement.clusters import Floats
from dikast.errors import JudgeError, SettingError
from dikast.judges.definition import Judge
from dikast.judges.evidence import Evidence, cut
from dikast.judges.thinking import strip_thinking
from dikast.judges.variants import Variant
from dikast.models.endpoint import Message, Request
from dikast.records import Verdict, text_of

Texts = dict[str, str]
T = TypeVar("T")

CALLS_AN_ITEM = 8  # of those that it may see: what it spends before it has to show what it found
_MINIBATCH = 8
_LONGEST = 1200


class Means(msgspec.Struct, frozen=True):
    """What it works with: verdicts of a judge on interactions, how near they are, and a prompt's answer."""

    verdicts: Callable[[Judge, Sequence[Evidence]], Awaitable[list[Verdict]]]
    worth: Callable[[Evidence, Verdict], float]
    answer: Callable[[Request], Awaitable[str]]


def check_installed() -> None:
    """Raises SettingError where the package is not there."""
    if find_spec("gepa") is None:
        raise SettingError("--optimizer gepa needs the package gepa", hint="pip install 'dikast[gepa]'")


async def search(judge: Judge, seen: Sequence[Evidence], means: Means, *, seed: int) -> Variant | None:
    """The judge with the texts that did best on these interactions; None when its own did. Raises EndpointError."""
    from gepa.api import optimize

    optimized: Any = optimize  # generic over three types that are all ours
    adapter = _Adapter(judge, means, asyncio.get_running_loop())
    try:
        result = await asyncio.to_thread(
            optimized,
            seed_candidate=texts_of(judge),
            trainset=list(seen),
            valset=list(seen),
            adapter=adapter,
            reflection_lm=adapter.reflect,
            reflection_minibatch_size=_MINIBATCH,
            max_metric_calls=CALLS_AN_ITEM * len(seen),
            logger=_Silent(),
            seed=seed,
            stop_callbacks=adapter.is_stopped,
            raise_on_exception=True,
        )
    except Exception as error:
        raise adapter.error or error from None
    finally:
        adapter.stop()
    if adapter.error is not None:  # GEPA goes on where a new text can't be had
        raise adapter.error
    best = result.best_candidate
    if not isinstance(best, dict) or (changed := _with(judge, best)) is None or changed.version == judge.version:
        return None
    places = ", ".join(place for place, text in best.items() if text.strip() != texts_of(judge)[place])
    shown = frozenset(one.interaction.id for one in seen)
    return Variant(f"GEPA's words for {places}", changed, "wording", shown, explored=True)


def texts_of(judge: Judge) -> Texts:
    """The texts that may be rewritten, by place: the task, each criterion's question, and what its levels mean."""
    found = {"task": judge.task}
    for criterion in judge.criteria:
        found[f"{criterion.name}.question"] = criterion.description
        found |= {f"{criterion.name}.{level}": text for level, text in criterion.levels.items()}
    return {place: text for place, text in found.items() if text.strip()}


def _with(judge: Judge, texts: Mapping[str, str]) -> Judge | None:
    """The judge with these texts; None where they make none."""
    criteria = tuple(
        msgspec.structs.replace(
            one,
            description=texts.get(f"{one.name}.question", one.description).strip(),
            levels={level: texts.get(f"{one.name}.{level}", text).strip() for level, text in one.levels.items()},
        )
        for one in judge.criteria
    )
    try:
        return msgspec.structs.replace(judge, task=texts["task"].strip(), criteria=criteria)
    except JudgeError:
        return None


class _Silent:
    def log(self, message: str) -> None:
        """GEPA's own account of its steps is not shown."""


class _Adapter:
    """Between GEPA, which runs in a thread and waits for each answer, and the event loop that everything else is in."""

    propose_new_texts = None  # GEPA's own way of asking for new texts

    def __init__(self, judge: Judge, means: Means, loop: asyncio.AbstractEventLoop) -> None:
        self._judge = judge
        self._means = means
        self._loop = loop
        self._waiting: Future[Any] | None = None
        self._stopped = False
        self.error: Exception | None = None
        self._asked: Counter[str] = Counter()

    def stop(self) -> None:
        """Let the thread end at its next step, and not wait for an answer that nobody will give."""
        self._stopped = True
        if self._waiting is not None:
            self._waiting.cancel()

    def is_stopped(self, state: Any) -> bool:
        """Asked by GEPA before each step."""
        return self._stopped

    def evaluate(self, batch: list[Evidence], candidate: Texts, capture_traces: bool = False) -> Any:
        """How near the judge with these texts comes on each interaction."""
        from gepa.core.adapter import EvaluationBatch

        judge = _with(self._judge, candidate)
        if judge is None:
            return EvaluationBatch(outputs=[None] * len(batch), scores=[0.0] * len(batch), trajectories=[])
        verdicts = self._await(lambda: self._means.verdicts(judge, batch))
        worths = [self._means.worth(one, verdict) for one, verdict in zip(batch, verdicts, strict=True)]
        scores = [0.0 if math.isnan(worth) else worth for worth in worths]
        traces = list(zip(batch, verdicts, scores, strict=True)) if capture_traces else None
        return EvaluationBatch(outputs=verdicts, scores=scores, trajectories=traces)

    def make_reflective_dataset(
        self, candidate: Texts, eval_batch: Any, components_to_update: list[str]
    ) -> dict[str, list[dict[str, str]]]:
        """What a model reads before it rewrites a text: what was judged, what the judge said, what the expert said."""
        found = [_reflected(one, verdict, score) for one, verdict, score in eval_batch.trajectories or []]
        return dict.fromkeys(components_to_update, found)

    def reflect(self, prompt: str | list[dict[str, Any]]) -> str:
        """A model's answer to a prompt of GEPA's. The same prompt is another sample each time."""
        text = prompt if isinstance(prompt, str) else "\n\n".join(str(part.get("content", "")) for part in prompt)
        number = self._asked[text]
        self._asked[text] += 1
        request = Request(
            messages=(Message("user", text),), max_tokens=2048, temperature=0.7, seed=number, sample=number
        )
        return strip_thinking(self._await(lambda: self._means.answer(request))).answer

    def _await(self, begin: Callable[[], Awaitable[T]]) -> T:
        """What the event loop makes of it; the thread waits."""
        if self._stopped:
            raise RuntimeError("the search was stopped")
        self._waiting = asyncio.run_coroutine_threadsafe(_begun(begin), self._loop)
        try:
            answer: T = self._waiting.result()
        except Exception as error:
            self.error = self.error or error
            self._stopped = True
            raise
        return answer


async def _begun(begin: Callable[[], Awaitable[T]]) -> T:
    return await begin()


def _reflected(one: Evidence, verdict: Verdict, score: float) -> dict[str, str]:
    said = verdict.verdict if verdict.verdict is not None else verdict.overall
    feedback = "Right." if score == 1.0 else f"Wrong: the expert says {one.verdict}."
    return {
        "Inputs": f"{cut(text_of(one.interaction.input), _LONGEST)}\n\n{cut(one.output_text, _LONGEST)}",
        "Generated Outputs": f"{said}: {cut(verdict.critique or '-', _LONGEST)}",
        "Feedback": f"{feedback} {cut(one.critique, _LONGEST)}".strip(),
    }


def unexplored(worths: Floats, evidence: Sequence[Evidence], explored: frozenset[str]) -> Floats:
    """The worths with those that a search has seen made unknown."""
    hidden = worths.copy()
    hidden[[at for at, one in enumerate(evidence) if one.interaction.id in explored]] = math.nan
    return hidden
