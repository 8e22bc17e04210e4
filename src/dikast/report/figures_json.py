"""A summary as JSON, with each figure in the shape of the figures contract."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from dikast.agreement.estimate import Estimate, Undefined, as_json
from dikast.analysis.summary import RunSummary
from dikast.records import RunInfo


def summary_json(summary: RunSummary, info: RunInfo | None) -> dict[str, Any]:
    """The summary as JSON values, with the run's description (null when only a results file is known)."""
    values: dict[str, Any] = _plain(summary)
    return {"run": msgspec.to_builtins(info) if info else None, **values}


def _plain(value: Any) -> Any:
    if isinstance(value, (Estimate, Undefined)):
        return as_json(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return msgspec.to_builtins(value)
