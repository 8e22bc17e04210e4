"""What was found where: kinds, counts, fields and the first places by id. Never what was found."""

from __future__ import annotations

import msgspec

_PLACES = 5
_FIELDS = 200  # of a kind; metadata may have any number of keys
_OTHERS = "(other fields)"


class Place(msgspec.Struct):
    """How often a kind stood in a field, and the ids of the first interactions where it did."""

    count: int = 0
    first: list[str] = []


class RedactionReport(msgspec.Struct, kw_only=True):
    """What a redaction found, by kind and by field.

    ids: interactions whose id itself holds something personal; ids are never changed. dropped: values left out by a
    rule, by field. kinds_left_out: what could not be looked for, and why.
    """

    interactions: int = 0
    found: dict[str, dict[str, Place]] = {}
    ids: int = 0
    dropped: dict[str, int] = {}
    kinds_looked_for: tuple[str, ...] = ()
    kinds_left_out: dict[str, str] = {}

    def add(self, kind: str, field: str, id: str) -> None:
        """Count one finding."""
        fields = self.found.setdefault(kind, {})
        place = fields.setdefault(field if field in fields or len(fields) < _FIELDS else _OTHERS, Place())
        place.count += 1
        if len(place.first) < _PLACES and id not in place.first:
            place.first.append(id)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return {kind: sum(place.count for place in fields.values()) for kind, fields in self.found.items()}

    def lines(self) -> list[str]:
        """The report as lines of text."""
        counts = self.counts
        lines = [f"Replaced:      {told(counts) or 'nothing was found'}"]
        for kind, fields in self.found.items():
            shown = sorted(fields.items(), key=lambda each: -each[1].count)
            for field, place in shown[:_PLACES]:
                lines.append(f"               {kind} in {field}: {place.count:,} (first: {', '.join(place.first[:3])})")
            if len(shown) > _PLACES:
                lines.append(f"               {kind} in {len(shown) - _PLACES:,} more fields")
        for field, count in self.dropped.items():
            lines.append(f"               {field}: {count:,} dropped by rule")
        if self.ids:
            lines.append(f"               {self.ids:,} ids hold something personal and were not changed")
        for kind, why in self.kinds_left_out.items():
            lines.append(f"Not looked for: {kind}: {why}")
        return lines


def told(counts: dict[str, int]) -> str:
    """Counts by kind in words.

    >>> told({"EMAIL": 2, "PHONE": 1})
    '2 EMAIL, 1 PHONE'
    """
    return ", ".join(
        f"{count:,} {kind}" for kind, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    )
