"""A conversation as the tree that chat programs keep: answers given again, and questions asked again, are branches."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple


class Node(NamedTuple):
    """One place in the tree. asks: a user speaks here. order: greater is newer."""

    parent: str | None
    asks: bool
    order: float


class Branches(NamedTuple):
    """What a tree holds. All are ids, from the root on.

    kept: the branch that is shown. again: by the first id of an answer on it, the answers given in its place.
    asked_again: branches that a user left by asking something else at the same place, each whole. lost: how many ids
    are in none of these.
    """

    kept: list[str]
    again: dict[str, list[list[str]]]
    asked_again: list[list[str]]
    lost: int


_MOST_LEFT = 100


class Tree:
    """The tree of one conversation; a parent that is missing makes a root, and a circle is cut open."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._children: dict[str, list[str]] = {}
        for id, node in nodes.items():
            if node.parent in nodes and node.parent != id:
                self._children.setdefault(str(node.parent), []).append(id)
        for children in self._children.values():
            children.sort(key=lambda id: nodes[id].order)

    def branches(self, current: str | None) -> Branches:
        """The branch that ends at `current` (at the newest leaf where there is no such id), and what lies beside it."""
        leaves = [id for id in self._nodes if id not in self._children]
        if current not in self._nodes:
            current = max(leaves or self._nodes, key=lambda id: self._nodes[id].order, default=None)
        if current is None:
            return Branches([], {}, [], len(self._nodes))
        kept = self._down(self._up(current))
        again = self.again(kept)
        left = self._asked_again(leaves, set(kept))
        beside = {
            id for branch in left for answers in self.again(branch).values() for answer in answers for id in answer
        }
        held = {*kept, *beside, *(id for branch in left for id in branch)}
        held.update(id for answers in again.values() for answer in answers for id in answer)
        return Branches(kept, again, left, len(self._nodes.keys() - held))

    def again(self, branch: list[str], *, without: frozenset[str] = frozenset()) -> dict[str, list[list[str]]]:
        """By the first id of each answer on a branch, the answers beside it; not those in place of ids in `without`."""
        found: dict[str, list[list[str]]] = {}
        for before, id in pairwise(branch):
            if self._nodes[id].asks or id in without:
                continue
            beside = [other for other in self._children.get(before, ()) if other != id and not self._nodes[other].asks]
            if beside:
                found[id] = [self._answer(other) for other in beside]
        return found

    def _up(self, leaf: str) -> list[str]:
        branch: list[str] = []
        seen: set[str] = set()
        at: str | None = leaf
        while at is not None and at in self._nodes and at not in seen:
            seen.add(at)
            branch.append(at)
            at = self._nodes[at].parent
        return branch[::-1]

    def _down(self, branch: list[str]) -> list[str]:
        """A branch up to the end of its last answer: what was pointed at may stand in the middle of it."""
        return [*branch[:-1], *self._answer(branch[-1])]

    def _answer(self, first: str) -> list[str]:
        """An answer from its first id up to where a user speaks again."""
        answer = [first]
        seen = {first}
        while True:
            onward = [id for id in self._children.get(answer[-1], ()) if not self._nodes[id].asks and id not in seen]
            if not onward:
                return answer
            answer.append(onward[-1])
            seen.add(onward[-1])

    def _asked_again(self, leaves: list[str], on_kept: set[str]) -> list[list[str]]:
        """Beside the kept branch, one branch for each last question that stands only there."""
        newest: dict[str, str] = {}
        for leaf in sorted(leaves, key=lambda id: self._nodes[id].order, reverse=True):
            question = self._last_question(leaf, on_kept)
            if question is not None:
                newest.setdefault(question, leaf)
            if len(newest) >= _MOST_LEFT:
                break
        found = {question: self._up(leaf) for question, leaf in newest.items()}
        passed = {id for question, branch in found.items() for id in branch if id != question}
        return [branch for question, branch in found.items() if question not in passed]

    def _last_question(self, leaf: str, on_kept: set[str]) -> str | None:
        seen: set[str] = set()
        at: str | None = leaf
        while at is not None and at in self._nodes and at not in on_kept and at not in seen:
            if self._nodes[at].asks:
                return at
            seen.add(at)
            at = self._nodes[at].parent
        return None
