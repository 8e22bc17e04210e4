"""What a judge has seen, and so can't be measured on: its examples, and what it was built or refined from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from dikast.interactions.units import unit_of
from dikast.records import Interaction, content_hash

LEARNED, REFINED = "learned_from.txt", "refined_on.txt"
"""Files in a judge's folder: the ids that it was built from, and those that it was chosen on."""

_SHOWN = ("input", "output", "output_a", "output_b", "context", "reference")


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """ids, contents, units: of what the judge learned from, by content hash and by input and context (see
    `interactions.units`). refined_on: ids that its wording was chosen on, which makes figures on them too good.
    """

    ids: frozenset[str] = frozenset()
    contents: frozenset[str] = frozenset()
    units: frozenset[bytes] = frozenset()
    refined_on: frozenset[str] = frozenset()


def learned_of(examples: Iterable[Mapping[str, Any]], folder: Path | None) -> Learned:
    """What a judge with these examples (as in its definition) has seen; folder: its own, where it is known."""
    shown = [_shown(example) for example in examples]
    return Learned(
        ids=listed(folder, LEARNED),
        contents=frozenset(content_hash(one) for one in shown),
        units=frozenset(unit_of(one) for one in shown),
        refined_on=listed(folder, REFINED),
    )


def united(several: Iterable[Learned]) -> Learned:
    """What several judges together have seen."""
    each = list(several)
    return Learned(
        ids=frozenset[str]().union(*(one.ids for one in each)),
        contents=frozenset[str]().union(*(one.contents for one in each)),
        units=frozenset[bytes]().union(*(one.units for one in each)),
        refined_on=frozenset[str]().union(*(one.refined_on for one in each)),
    )


def listed(folder: Path | None, name: str) -> frozenset[str]:
    """The ids in one of the lists that lie in a judge's folder; none where there is no such list."""
    path = folder / name if folder is not None and folder.is_dir() else None
    if path is None or not path.is_file():
        return frozenset()
    return frozenset(line for line in path.read_text(encoding="utf-8").splitlines() if line)


def write_listed(folder: Path, name: str, ids: Iterable[str]) -> None:
    """Write one of the lists into a judge's folder, in order. Raises OSError."""
    (folder / name).write_text("".join(f"{id}\n" for id in sorted(set(ids))), encoding="utf-8")


def _shown(example: Mapping[str, Any]) -> Interaction:
    return Interaction(id="", **{"input": None, **{name: example[name] for name in _SHOWN if name in example}})
