"""Figures that take a while are worked out beside: no page waits for them, and none is worked out twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from dikast.errors import DikastError

_A_MOMENT_S = 0.3  # what is done within this is in the page at once


@dataclass(frozen=True, slots=True)
class Known:
    """What is known as of now. ready: something is known at all; fresh: it is of what there is now."""

    value: Any = None
    refused: str = ""
    ready: bool = False
    fresh: bool = False


class Beside:
    """Values by name, each kept with the stamp of what it was worked out from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Hashable, Known]] = {}
        self._working: dict[str, threading.Event] = {}

    def get(self, name: str, stamp: Hashable, work: Callable[[], Any], wait_s: float = _A_MOMENT_S) -> Known:
        """The value of that name: of this stamp where it is known or quickly worked out, else the last one there is."""
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None and kept[0] == stamp:
                return kept[1]
            done = self._working.get(name)
            if done is None:
                done = self._working[name] = threading.Event()
                threading.Thread(target=self._work, args=(name, stamp, work, done), daemon=True).start()
        done.wait(wait_s)
        with self._lock:
            kept = self._kept.get(name)
        if kept is None:
            return Known()
        return kept[1] if kept[0] == stamp else Known(kept[1].value, kept[1].refused, ready=True)

    def _work(self, name: str, stamp: Hashable, work: Callable[[], Any], done: threading.Event) -> None:
        try:
            try:
                known = Known(work(), ready=True, fresh=True)
            except DikastError as error:
                known = Known(refused=str(error), ready=True, fresh=True)
            with self._lock:
                self._kept[name] = (stamp, known)
        finally:
            with self._lock:
                del self._working[name]
            done.set()
