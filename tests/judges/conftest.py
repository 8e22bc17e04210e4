"""Judges for every kind of answer, and a model that answers by script."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from dikast.judges.definition import Judge
from dikast.models.endpoint import Capabilities, Facts, Fingerprint, Reply, Request
from dikast.records import Interaction

_CRITERIA = [
    {"name": "grounded", "description": "Is it supported by the context?", "weight": 3},
    {"name": "polite", "description": "Is it polite?", "weight": 1},
]
DEFINITIONS: dict[str, dict[str, Any]] = {
    "pass_fail": {"scale": "pass_fail"},
    "pass_fail_zh": {"scale": "pass_fail", "language": "zh-Hant"},
    "ordinal": {"scale": "1-5"},
    "ordinal_zh": {"scale": "1-5", "language": "zh-Hans"},
    "ten": {"scale": "1-10"},
    "pair": {"scale": "preference", "mode": "pairwise"},
    "pair_no_tie": {"scale": "a/b", "mode": "pairwise"},
    "criteria": {"scale": "1-5", "criteria": _CRITERIA, "overall": "own"},
    "weighted": {"scale": "1-5", "criteria": _CRITERIA, "overall": "weighted"},
}


def make_judge(kind: str, **changes: Any) -> Judge:
    return Judge.from_dict({"name": kind, "task": "Is the answer right?", **DEFINITIONS[kind], **changes})


class Script:
    """An asker that gives the scripted replies in order, and keeps what it was asked."""

    def __init__(self, replies: Iterable[Reply | str | Exception]) -> None:
        self.replies = [Reply(text=one) if isinstance(one, str) else one for one in replies]
        self.requests: list[Request] = []
        self.usable: list[bool] = []

    async def __call__(self, request: Request, usable: Callable[[Reply], bool]) -> Reply:
        self.requests.append(request)
        reply = self.replies[len(self.requests) - 1]
        if isinstance(reply, Exception):
            raise reply
        self.usable.append(usable(reply))
        return reply


def make_facts(**capabilities: Any) -> Facts:
    return Facts(fingerprint=Fingerprint(server="test", model="m"), capabilities=Capabilities(**capabilities))


@pytest.fixture(scope="session")
def judge_of() -> Callable[..., Judge]:
    """A judge by its kind in DEFINITIONS, with changes."""
    return make_judge


@pytest.fixture(scope="session")
def script() -> type[Script]:
    return Script


@pytest.fixture(scope="session")
def facts_of() -> Callable[..., Facts]:
    """Facts of an endpoint with these capabilities."""
    return make_facts


@pytest.fixture
def single() -> Interaction:
    return Interaction(id="i1", input="When is the refund?", output="In 30 days.", metadata={"lang": "en"})


@pytest.fixture
def pair() -> Interaction:
    return Interaction(id="p1", input="When is the refund?", output_a="In 30 days.", output_b="In 14 days.")
