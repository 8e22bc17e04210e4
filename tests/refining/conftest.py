"""A bench over a model that answers by a rule, in this process; and labelled interactions for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dikast.harness.journal import MemoryJournal
from dikast.journey.bench import Bench, Embedders
from dikast.judges.evidence import Evidence
from dikast.models.endpoint import Capabilities, Facts, Fingerprint, Message, Reply, Request
from dikast.records import Interaction, Usage
from dikast.workspace import Workspace

Rule = Callable[[str, str, Request], object]


class RuleEndpoint:
    """Answers what a rule makes of the rules, the item, and the request; JSON where it gives no text."""

    model = "rule"

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.requests: list[Request] = []

    async def facts(self) -> Facts:
        print_ = Fingerprint(server="test", model="rule", digest="1")
        return Facts(fingerprint=print_, capabilities=Capabilities(schema=True, seed=True, thinks=False, slots=4))

    async def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        said = self.rule(request.messages[0].content, request.messages[-1].content, request)
        text = said if isinstance(said, str) else json.dumps(said)
        size = sum(len(message.content) for message in request.messages)
        return Reply(text=text, usage=Usage(prompt_tokens=size // 4, completion_tokens=len(text) // 4), latency_s=1.0)

    async def count_tokens(self, messages: tuple[Message, ...]) -> int | None:
        return None

    async def close(self) -> None:
        pass


@pytest.fixture
def bench(tmp_path: Path) -> Callable[[Rule], Any]:
    """A function from a rule to a coroutine that gives a Bench."""

    async def made(rule: Rule) -> Bench:
        endpoint = RuleEndpoint(rule)
        workspace = Workspace.find(tmp_path)
        return Bench(
            endpoints=[endpoint],
            facts=[await endpoint.facts()],
            journal=MemoryJournal(),
            store=None,
            owner="",
            settings=workspace.settings(),
            embedders=Embedders(workspace.settings(), workspace),
        )

    return made


def _evidence(n: int, verdicts: Any = ("fail", "pass"), outputs: Any = ("Monday", "Tuesday")) -> list[Evidence]:
    return [
        Evidence(
            Interaction(id=f"t{at}", input=f"When {at}?", output=f"On {outputs[at % len(outputs)]}."),
            verdicts[at % len(verdicts)],
            "The parcel comes on a Tuesday, as the rules say.",
        )
        for at in range(n)
    ]


@pytest.fixture
def evidence() -> Callable[..., list[Evidence]]:
    return _evidence
