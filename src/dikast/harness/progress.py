"""Where a run stands, as plain numbers; whoever shows them reads them when it likes."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from dikast.records import Verdict


@dataclass
class Progress:
    """Counts of a run so far.

    total: interactions to judge, when known. waiting_for: a line that says why nothing moves ("http://... is down"),
    or None. calls are requests that models answered; cache_hits are answers that were known already; retries are
    calls asked again.
    """

    total: int | None = None
    started: float = field(default_factory=time.monotonic)
    done: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    by_verdict: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    cache_hits: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    waiting_for: str | None = None
    _from_cache_done: int = 0

    def count(self, verdict: Verdict, *, asked: bool) -> None:
        """Add a verdict; `asked` when at least one model call was made for it now."""
        self.done += 1
        self.by_status[verdict.status] += 1
        if verdict.verdict:
            self.by_verdict[verdict.verdict] += 1
        if not asked:
            self._from_cache_done += 1

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started

    @property
    def rate_per_min(self) -> float:
        """Interactions judged a minute, those whose answers were known already left out."""
        return 60 * (self.done - self._from_cache_done) / max(self.elapsed_s, 1e-9)

    @property
    def eta_s(self) -> float | None:
        """Seconds that the rest will take at this rate, or None when that can't be told."""
        rate = self.rate_per_min
        return (self.total - self.done) / rate * 60 if self.total is not None and rate > 0 else None
