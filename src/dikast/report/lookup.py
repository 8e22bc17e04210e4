"""Finding the interactions behind verdicts when only a dataset is at hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from dikast.records import Interaction


def interactions_by_id(interactions: Iterable[Interaction], ids: Collection[str]) -> dict[str, Interaction]:
    """Those with the ids, from one pass that ends when all are found."""
    found: dict[str, Interaction] = {}
    for interaction in interactions:
        if interaction.id in ids:
            found.setdefault(interaction.id, interaction)
            if len(found) == len(ids):
                break
    return found


def in_step(interactions: Iterable[Interaction]) -> Callable[[str], Interaction | None]:
    """A lookup for ids that are asked for in about the order of the interactions, as results are.

    It reads on only as far as needed and keeps what was passed over, so that the memory it takes is that of the
    interactions out of order, or without a verdict. Each is given once; an unknown id reads to the end.
    """
    coming = iter(interactions)
    passed: dict[str, Interaction] = {}

    def find(id: str) -> Interaction | None:
        if id in passed:
            return passed.pop(id)
        for interaction in coming:
            if interaction.id == id:
                return interaction
            passed.setdefault(interaction.id, interaction)
        return None

    return find
