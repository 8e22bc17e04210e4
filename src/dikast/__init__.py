"""Dikast judges the answers of an AI system with a model on your own machine, and says how far to trust the judge.

    import dikast

    judge = dikast.Judge.load("judge.yaml")
    run = dikast.run(judge, "interactions.jsonl", model="ollama/qwen3:8b")
    for verdict in run:
        print(verdict.id, verdict.verdict, verdict.critique)

These names are the whole public face. Each is loaded when it is first used, so that `import dikast` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dikast.errors import DikastError, InputError, WorldError
    from dikast.interactions.dataset import Dataset, open_dataset
    from dikast.journey.running import arun, run
    from dikast.journey.runs import Run, open_run
    from dikast.judges.definition import Judge
    from dikast.records import Interaction, Label, Usage, Verdict

    __version__: str

__all__ = [
    "Dataset",
    "DikastError",
    "InputError",
    "Interaction",
    "Judge",
    "Label",
    "Run",
    "Usage",
    "Verdict",
    "WorldError",
    "__version__",
    "arun",
    "open_dataset",
    "open_run",
    "run",
]

_HOMES = {
    "Dataset": "dikast.interactions.dataset",
    "DikastError": "dikast.errors",
    "InputError": "dikast.errors",
    "Interaction": "dikast.records",
    "Judge": "dikast.judges.definition",
    "Label": "dikast.records",
    "Run": "dikast.journey.runs",
    "Usage": "dikast.records",
    "Verdict": "dikast.records",
    "WorldError": "dikast.errors",
    "arun": "dikast.journey.running",
    "open_dataset": "dikast.interactions.dataset",
    "open_run": "dikast.journey.runs",
    "run": "dikast.journey.running",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its room when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("dikast")
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'dikast' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
