"""Traces of a conversation that is kept as a tree: the branch that is shown, with the answers given in place of its
own; and one for each branch that a user left by asking again, and for each answer that was rated and then given again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from dikast.interactions.rows import Tally
from dikast.traces.chat_messages import Message
from dikast.traces.chat_tree import Branches, Tree
from dikast.traces.trace import Span, Trace


def branch_traces(
    whole: Trace, tree: Tree, current: str | None, said: Mapping[str, list[Message]], tally: Tally
) -> Iterator[Trace]:
    """The traces of one conversation.

    whole: everything but the messages, with all feedback. said: the messages of each place in the tree. Feedback goes
    with the branch that holds its target; what has no branch of its own stays with the one that is shown.
    """
    found = tree.branches(current)
    tally.note("messages on branches that can't be reached, left out", found.lost)
    kept = set(found.kept)
    apart: set[str] = set()
    branches: list[Trace] = []
    for branch, again in _beside(found, tree, {one.target for one in whole.feedback}, tally):
        made = _branch(whole, branch, again, kept, said)
        if made is None:
            tally.note("questions without an answer, asked again: left out")
            continue
        branches.append(made)
        apart.update(id for id in (*branch, *_ids(again)) if id not in kept)
    messages = _messages(found.kept, said)
    if messages:
        yield msgspec.structs.replace(
            whole,
            messages=tuple(messages),
            alternatives=_alternatives(found.kept, found.again, said),
            spans=_spans(whole, (kept | _ids(found.again)) - apart),
            feedback=tuple(one for one in whole.feedback if one.target not in apart),
        )
    elif not branches:
        tally.note("conversations in which nothing was said, left out")
    yield from branches


def _beside(
    found: Branches, tree: Tree, targets: set[str | None], tally: Tally
) -> list[tuple[list[str], dict[str, list[list[str]]]]]:
    """The branches that become traces of their own, each with the answers given in place of its own."""
    kept = frozenset(found.kept)
    left = [(branch, tree.again(branch, without=kept)) for branch in found.asked_again]
    rated = _rated(found.kept, found.again, targets)
    for branch, again in left:
        rated += _rated(branch, again, targets)
    tally.note("branches that a user left by asking again, read as traces of their own", len(left))
    tally.note("answers that were rated and then given again, read as traces of their own", len(rated))
    return [*left, *((branch, {}) for branch in rated)]


def _rated(branch: list[str], again: Mapping[str, list[list[str]]], targets: set[str | None]) -> list[list[str]]:
    """The branches that end with an answer that was not kept, for those of which somebody said something."""
    return [
        [*branch[: branch.index(first)], *answer]
        for first, answers in again.items()
        for answer in answers
        if not targets.isdisjoint(answer)
    ]


def _branch(
    whole: Trace,
    branch: list[str],
    again: Mapping[str, list[list[str]]],
    kept: set[str],
    said: Mapping[str, list[Message]],
) -> Trace | None:
    """A branch as a trace, new from where it leaves the kept one; None where nothing was answered on it."""
    new = [id for id in branch if id not in kept]
    told = _messages(new, said)
    if not any(message["role"] == "assistant" for message in told):
        return None
    held = {*new, *_ids(again)}
    return msgspec.structs.replace(
        whole,
        id=f"{whole.id}/{branch[-1]}",
        messages=tuple(_messages(branch, said)),
        alternatives=_alternatives(branch, again, said),
        since=next((str(message["id"]) for message in told if "id" in message), None),
        spans=_spans(whole, {*branch, *held}),
        feedback=tuple(one for one in whole.feedback if one.target in held),
        conversation=whole.conversation or whole.id,
    )


def _spans(whole: Trace, held: set[str]) -> tuple[Span, ...]:
    """The spans of these places of the tree; each says under "message" where it belongs."""
    return tuple(span for span in whole.spans if span.attributes.get("message") in held)


def _messages(branch: list[str], said: Mapping[str, list[Message]]) -> list[Message]:
    return [message for id in branch for message in said.get(id, ())]


def _alternatives(
    branch: list[str], again: Mapping[str, list[list[str]]], said: Mapping[str, list[Message]]
) -> dict[str, tuple[tuple[Message, ...], ...]]:
    """By the id of the first message of an answer: places of the tree that say nothing are passed over."""
    found: dict[str, tuple[tuple[Message, ...], ...]] = {}
    for first, answers in again.items():
        after = branch[branch.index(first) :]
        key = next((str(message["id"]) for id in after for message in said.get(id, ()) if "id" in message), first)
        others = tuple(tuple(messages) for messages in (_messages(answer, said) for answer in answers) if messages)
        if others:
            found[key] = found.get(key, ()) + others
    return found


def _ids(again: Mapping[str, list[list[str]]]) -> set[str]:
    return {id for answers in again.values() for answer in answers for id in answer}
