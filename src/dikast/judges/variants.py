"""Other ways to put the same judgement: what plain search tries when a judge is to agree better with its expert.

Which of these helps depends on the model: writing the critique first raises some models' agreement and lowers others',
votes help small models most, examples can mislead. So they are tried, not believed.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dikast.judges.definition import Judge

_NO_THINKING = "without thinking"
VOTES = 3  # most of what averaging brings is there by three samples


class Variant(msgspec.Struct, frozen=True):
    """A judge that differs in one thing from another, and what that is."""

    what: str
    judge: Judge


def variants(judge: Judge, *, thinks: bool | None = None) -> list[Variant]:
    """The judges that differ from this one in one setting, or by one example less. thinks: whether the model does."""
    found = (Variant(what, msgspec.structs.replace(judge, **changed)) for what, changed in _changes(judge))
    return [variant for variant in found if thinks is not False or variant.what != _NO_THINKING]


def _changes(judge: Judge) -> Iterator[tuple[str, dict[str, object]]]:
    own_prompt = judge.template is None  # a prompt of the user's own says by itself what comes first
    if own_prompt and not judge.fast:
        other = "verdict_first" if judge.order == "critique_first" else "critique_first"
        yield f"{other.replace('_', ' ')}", {"order": other}
    if judge.fast:
        yield "a written critique before the verdict", {"fast": False}
    elif judge.can_be_fast:
        yield "the verdict alone, from its token", {"fast": True, "votes": 1}
    if judge.votes == 1 and not judge.fast:
        yield f"{VOTES} votes", {"votes": VOTES}
    elif judge.votes > 1:
        yield "one answer instead of votes", {"votes": 1}
    if judge.settings.thinking != "off":
        yield _NO_THINKING, {"settings": msgspec.structs.replace(judge.settings, thinking="off")}
    for number in range(len(judge.examples)):
        rest = judge.examples[:number] + judge.examples[number + 1 :]
        yield f"without example {number + 1}", {"examples": rest}
