"""What a judge is built of: rules drafted from critiques, and examples chosen so that they fit the judging model.

Sizes are counted by the model's own tokenizer where it tells, and bounded from above where nobody does. What is shown
to the model that drafts, and what stands in the judge, must both leave room for what else the context has to hold.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import msgspec
import numpy as np
from numpy.typing import NDArray

from dikast.errors import DataError, EndpointGarbled
from dikast.harness.progress import Progress
from dikast.journey.bench import Bench, Embedders, Tell, open_bench
from dikast.judges.drafting import Draft, NoDraft, draft_request, read_draft
from dikast.judges.evidence import Evidence, Gathered, choosable, choose_examples
from dikast.judges.wording import Language
from dikast.models.endpoint import Message, Reply
from dikast.models.lengths import most_tokens
from dikast.settings import Settings
from dikast.workspace import Workspace

USUAL_CONTEXT = 8192  # tokens, where neither the model nor the user says
SEEN_BY_DRAFTING = 24  # critiques that the drafting model is shown

_SHARE_FOR_EXAMPLES = 0.5  # of the context; the rest is for rules, the interaction and the answer
_DRAFT_TOKENS = 2048
_MOST_COUNTED = 400  # evidence that is counted by the model's tokenizer, a call each; the rest is bounded

_Messages = tuple[Message, ...]
_Count = Callable[[_Messages], Awaitable[int | None]]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to build.

    examples: fixed ones at most. retrieve: how many are found for each interaction; 0 for none. embedder: by which
    likeness is measured; None for words alone. context: tokens that the judging model takes, None for what it says.
    """

    examples: int
    retrieve: int = 0
    embedder: str | None = None
    context: int | None = None
    language: Language = "en"


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge is built of. seen: what the drafting model was shown; fingerprint: of the embedder."""

    draft: Draft | None
    seen: tuple[Evidence, ...]
    examples: tuple[Evidence, ...]
    pool: tuple[Evidence, ...]
    fingerprint: str | None
    context: int

    @property
    def learned(self) -> set[str]:
        """Ids of the interactions that went into the judge, and so can't measure it."""
        shown = (*self.seen, *self.examples, *self.pool)
        return {one.interaction.id for one in shown}


async def gather_material(
    gathered: Gathered, wanted: Wanted, settings: Settings, workspace: Workspace, *, tell: Tell
) -> Material:
    """Draft with the model that the settings name, if any, and choose examples.

    Raises EndpointError, EndpointGarbled for a model that drafts nothing, SettingError, PolicyError.
    """
    async with AsyncExitStack() as closing:
        bench = None
        if settings.model:
            bench = await closing.enter_async_context(open_bench(settings.model, settings, workspace, tell=tell))
        embedders = bench.embedders if bench else Embedders(settings, workspace, tell=tell)
        closing.push_async_callback(embedders.close)
        says = bench.facts[0].capabilities.context_length if bench else None
        context = wanted.context or says or USUAL_CONTEXT
        count = bench.endpoints[0].count_tokens if bench else None
        draft: Draft | None = None
        seen: tuple[Evidence, ...] = ()
        if bench:
            draft, seen = await _drafted(bench, gathered, wanted.language, context, tell)
        choosing = await _Choosing.begin(gathered.evidence, wanted, embedders, count)
        return Material(
            draft=draft,
            seen=seen,
            examples=choosing.examples(wanted.examples, int(context * _SHARE_FOR_EXAMPLES)),
            pool=choosable(gathered.evidence) if wanted.retrieve else (),
            fingerprint=choosing.fingerprint,
            context=context,
        )


class _Choosing:
    """Evidence with what choosing among it takes: sizes, and vectors where there is an embedder."""

    def __init__(self, evidence: Sequence[Evidence], sizes: _Sizes) -> None:
        self._evidence, self._sizes = evidence, sizes
        self._vectors: NDArray[np.float32] | None = None
        self.fingerprint: str | None = None

    @classmethod
    async def begin(
        cls, evidence: Sequence[Evidence], wanted: Wanted, embedders: Embedders, count: _Count | None
    ) -> _Choosing:
        made = cls(evidence, await _Sizes.of(evidence if wanted.examples else (), _as_shown, count))
        if wanted.embedder is not None:
            embedder = await embedders.open(wanted.embedder)
            made.fingerprint = embedder.fingerprint
            if wanted.examples:
                made._vectors = await embedder.embed([one.likeness_text for one in evidence])
        return made

    def examples(self, most: int, room: int) -> tuple[Evidence, ...]:
        """At most so many examples, within a room of tokens."""
        size = self._sizes.size
        return choose_examples(self._evidence, most, room=room, size=size, vectors=self._vectors) if most else ()


async def _drafted(
    bench: Bench, gathered: Gathered, language: Language, context: int, tell: Tell
) -> tuple[Draft, tuple[Evidence, ...]]:
    """Task and criteria from critiques, and those that the model was shown; asked twice if the first holds no draft."""
    if not gathered.explained:
        raise DataError(
            f"a model drafts rules from critiques, and none of {len(gathered.evidence)} labels has one",
            hint="Say for some interactions why they pass or fail; or leave --model out and give --task.",
        )
    answer = min(_DRAFT_TOKENS, context // 4)

    def asking(some: Sequence[Evidence]) -> tuple[Message, ...]:
        return draft_request(some, language).messages

    sizes = await _Sizes.of(gathered.explained, asking, bench.endpoints[0].count_tokens)
    room = context - answer - sizes.bare
    seen = choose_examples(gathered.explained, SEEN_BY_DRAFTING, room=room, size=sizes.size)
    if not seen:
        raise EndpointGarbled(
            f"no critique with its interaction fits the {context} tokens that the model takes",
            hint="Take a model with more context, or leave --model out and give --task.",
        )
    request = draft_request(seen, language, max_tokens=answer)

    def usable(reply: Reply) -> bool:
        try:
            return bool(read_draft(reply, seen))
        except NoDraft:
            return False

    progress = Progress()
    asker = bench.asker(bench.lanes(progress), progress)
    tell(f"{bench.settings.model} drafts rules from {len(seen)} critiques ...")
    reply, _ = await asker.ask(request, usable)
    if not usable(reply):
        reply, _ = await asker.ask(msgspec.structs.replace(request, sample=1, seed=1, temperature=0.7), usable)
    try:
        return read_draft(reply, seen), seen
    except NoDraft as error:
        raise EndpointGarbled(
            f"the model drafted nothing that can be used: {error}",
            hint="Try a larger model, or leave --model out and give --task.",
        ) from None


class _Sizes(msgspec.Struct, frozen=True):
    """How many tokens each piece of evidence takes where it is shown, and what is around them all (`bare`)."""

    bare: int
    by_id: dict[str, int]

    def size(self, one: Evidence) -> int:
        """Of one."""
        return self.by_id[one.interaction.id]

    @classmethod
    async def of(
        cls, evidence: Sequence[Evidence], shown: Callable[[Sequence[Evidence]], _Messages], count: _Count | None
    ) -> _Sizes:
        """Counted by the model's tokenizer, or bounded from above where it does not tell."""
        bound = most_tokens(shown([]))
        counted = await count(shown([])) if count else None
        sizes: dict[str, int] = {}
        for number, one in enumerate(evidence):
            prompt = shown([one])
            whole = await count(prompt) if count and counted is not None and number < _MOST_COUNTED else None
            around = bound if whole is None or counted is None else counted
            sizes[one.interaction.id] = max((most_tokens(prompt) if whole is None else whole) - around, 1)
        return cls(bound if counted is None else counted, sizes)


def _as_shown(some: Sequence[Evidence]) -> _Messages:
    return (Message("user", "".join(msgspec.json.encode(one.as_example()).decode() for one in some)),)
