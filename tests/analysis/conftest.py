"""Verdicts by the handful."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dikast.records import JudgeRef, Verdict

JUDGE = JudgeRef("tone", "0123456789abcdef")


def make_verdict(id: str = "x", verdict: str | None = None, **fields: Any) -> Verdict:
    fields.setdefault("status", "scored")
    fields.setdefault("judge", JUDGE)
    return Verdict(id=id, verdict=verdict, **fields)


@pytest.fixture
def make() -> Callable[..., Verdict]:
    return make_verdict
