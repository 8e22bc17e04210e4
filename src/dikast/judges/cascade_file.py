"""Thresholds written into a cascade's file, with everything else in it left as its writer had it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dikast.errors import JudgeError

_KEY = "below"


def with_thresholds(text: str, thresholds: Mapping[int, float]) -> str:
    """The YAML of a cascade with these `below`, by the stage's place from 0. Raises JudgeError where it has no such.

    >>> with_thresholds("stages:\\n  - judge: quick\\n    below: 0.5  # a guess\\n  - person\\n", {0: 0.85})
    'stages:\\n  - judge: quick\\n    below: 0.85  # a guess\\n  - person\\n'
    """
    for number in sorted(thresholds, reverse=True):  # from the end, so that places before stay right
        text = _with_one(text, number, f"{thresholds[number]:g}")
    return text


def definition_file(place: Path) -> Path:
    """The file of a cascade that is named by its folder or its file."""
    return place / "judge.yaml" if place.is_dir() else place


def _with_one(text: str, number: int, value: str) -> str:
    stage = _stage(text, number)
    for key, node in stage.value:
        if key.value == _KEY:
            return text[: node.start_mark.index] + value + text[node.end_mark.index :]
    first, last = stage.value[0][0], stage.value[-1][1]
    end = last.end_mark.index
    if stage.flow_style:
        return f"{text[:end]}, {_KEY}: {value}{text[end:]}"
    end = len(text[:end].rstrip())  # a block's end is where the next thing begins
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    return f"{text[:line_end]}\n{' ' * first.start_mark.column}{_KEY}: {value}{text[line_end:]}"


def _stage(text: str, number: int) -> Any:
    """The mapping of one stage, with its places in the text."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    entries = {key.value: value for key, value in root.value} if isinstance(root, yaml.MappingNode) else {}
    stages = entries.get("stages")
    found = stages.value if isinstance(stages, yaml.SequenceNode) else []
    if number >= len(found) or not isinstance(found[number], yaml.MappingNode):
        raise JudgeError(f"stage {number + 1} is no stage that a threshold can be written to")
    return found[number]
