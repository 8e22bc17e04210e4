"""Files to read, and what came out of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dikast.interactions import Dataset, open_dataset
from dikast.records import Interaction

Read = Callable[..., tuple[list[Interaction], Dataset]]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file: bytes, a text, or objects as JSON Lines."""

    def made(name: str, content: bytes | str | list[Any]) -> Path:
        path = tmp_path / name
        if isinstance(content, list):
            content = "".join(json.dumps(one) + "\n" for one in content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return made


@pytest.fixture
def read(write: Write) -> Read:
    """Write a file and read it: the interactions, and the dataset with its tally."""

    def made(name: str, content: bytes | str | list[Any], **options: Any) -> tuple[list[Interaction], Dataset]:
        dataset = open_dataset(write(name, content), **options)
        return list(dataset), dataset

    return made
