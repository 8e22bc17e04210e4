"""From a judge and an interaction to the messages that a model gets.

What is shared by all interactions of a judge comes first and is made once, so that every server can keep its computed
prefix; the interaction comes last, each of its texts in a fence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from dikast.errors import JudgeError
from dikast.judges.asked import either, example_answer
from dikast.judges.criteria import Example
from dikast.judges.fence import fence_code, fenced, harmless
from dikast.judges.template import OF_INTERACTION, Template
from dikast.judges.wording import Names, Wording, wording
from dikast.models.endpoint import Message
from dikast.records import Interaction, Json, text_of
from dikast.redaction.kinds import PSEUDONYM

if TYPE_CHECKING:
    from dikast.judges.definition import Judge

_PROBE = "probe {output} text"


class Prepared(msgspec.Struct, frozen=True):
    """What is the same for all interactions of a judge, for a written answer or for one word.

    system: the shared message; None for a template of the user's own, which is then in `template`. opening stands
    before the fence's code, closing after the interaction.
    """

    system: Message | None
    opening: tuple[str, str]
    closing: str
    names: Names
    template: Template | None


def render(
    judge: Judge,
    interaction: Interaction,
    *,
    swapped: bool = False,
    fast: bool = False,
    examples: Sequence[Example] = (),
) -> tuple[Message, ...]:
    """The messages that ask a judge about one interaction.

    swapped: B is shown as A, and A as B. fast: one word is asked for, right after the assistant's header. examples:
    those found for this interaction; they come after all that is shared. Raises JudgeError where `lacking` gives a
    reason.
    """
    if reason := lacking(judge, interaction):
        raise JudgeError(f"judge {judge.name!r} can't judge interaction {interaction.id!r}: {reason}")
    prepared = judge.prepared_fast if fast else judge.prepared
    if prepared.template is not None:
        values = _values(prepared.template, interaction, swapped)
        if "examples" in prepared.template.names:
            values["examples"] = _examples(judge, [*judge.examples, *examples], fast=fast)
        return (Message("user", prepared.template.filled(values)),)
    body = _fenced_item(_parts(judge.mode, interaction), prepared, swapped)
    # A judge that isn't told takes a pseudonym for a blank that the system forgot to fill. The words are our own: one
    # from the item would stand outside of its fence.
    note = f"{wording(judge.language).replaced}\n\n" if PSEUDONYM.search(body) else ""
    user = Message("user", f"{body}\n\n{note}{prepared.closing}")
    if prepared.system is None:
        return (user,)
    if not examples:
        return (prepared.system, user)
    found = _examples(judge, examples, fast=fast, first=len(judge.examples) + 1)
    heading = wording(judge.language).headings["similar"]
    return (Message("system", f"{prepared.system.content}\n\n# {heading}\n{found}"), user)


def lacking(judge: Judge, interaction: Interaction) -> str | None:
    """Why this judge can't judge this interaction, opening with a short kind and a colon; None when it can."""
    if judge.mode == "pairwise":
        for name in ("output_a", "output_b"):
            if getattr(interaction, name) is None:
                return f"not a pair: there is no {name}, and this judge compares two outputs"
    elif interaction.output is None:
        if interaction.is_pair:
            return "a pair: there are two outputs, and this judge looks at one"
        return "no output: there is nothing to judge"
    template = judge.template
    needs_reference = judge.mode == "reference" if template is None else "reference" in template.names
    if needs_reference and interaction.reference is None:
        return "no reference: this judge compares with a reference answer"
    if template is not None:
        for name in template.names:
            if name.startswith("metadata.") and not _has(interaction.metadata, name):
                return f"no {name}: the judge's prompt asks for it"
    return None


def prepare(judge: Judge, *, fast: bool) -> Prepared:
    """All that rendering does only once a judge."""
    words = wording(judge.language)
    before, _, after = words.opening.partition("{code}")
    choices = either(judge.form().choices, words) if fast else ""
    closing = words.closing_word.format(words=choices) if fast else words.closing
    template = judge.template
    if template is not None:
        made: dict[str, Callable[[], str]] = {
            "task": lambda: judge.task,
            "criteria": lambda: _criteria(judge, words),
            "earns_nothing": lambda: _listed(judge.earns_nothing),
            "examples": lambda: _examples(judge, judge.examples, fast=fast),
            "answer_form": lambda: _answer(judge, words, fast=fast),
        }
        if judge.retrieve is not None:
            del made["examples"]  # they differ with the interaction
        fixed = {name: make() for name, make in made.items() if name in template.names}
        return Prepared(None, (before, after), closing, words.names, template.partly(fixed))
    system = Message("system", _shared(judge, words, fast=fast))
    return Prepared(system, (before, after), closing, words.names, None)


def probe_prompts(judge: Judge) -> list[str]:
    """The judge's prompts for a fixed interaction: what the version is a hash of, beside the definition."""
    fields: dict[str, Any] = {name: f"{_PROBE} {name}" for name in ("input", "context", "reference")}
    template = judge.template
    metadata = {} if template is None else {n.partition(".")[2]: _PROBE for n in template.names if "." in n}
    if judge.mode == "pairwise":
        probe = Interaction(id="", output_a=f"{_PROBE} a", output_b=f"{_PROBE} b", metadata=metadata, **fields)
    else:
        probe = Interaction(id="", output=_PROBE, metadata=metadata, **fields)
    ways = [(False, False)] + ([(False, True)] if judge.can_be_fast else [])
    ways += [(True, fast) for _, fast in ways] if judge.mode == "pairwise" else []
    return [
        f"{message.role}\n{message.content}"
        for swapped, fast in ways
        for message in render(judge, probe, swapped=swapped, fast=fast, examples=judge.pool[:2])
    ]


def _parts(mode: str, item: Interaction | Example) -> list[tuple[str, str]]:
    """What of an interaction this mode shows, in the order in which it is shown."""
    parts = [("input", _text(item.input))]
    if item.context is not None:
        parts.append(("context", _text(item.context)))
    if mode == "reference":
        parts.append(("reference", _text(item.reference)))
    if mode == "pairwise":
        parts += [("output_a", _text(item.output_a)), ("output_b", _text(item.output_b))]
    else:
        parts.append(("output", _text(item.output)))
    return parts


def _fenced_item(parts: list[tuple[str, str]], prepared: Prepared, swapped: bool = False) -> str:
    # The code comes of the texts in one order, so that both orders of a pair share all that stands before the outputs.
    code = fence_code([text for _, text in parts])
    if swapped:
        (name_a, a), (name_b, b) = parts[-2:]
        parts = [*parts[:-2], (name_a, b), (name_b, a)]
    blocks = [fenced(getattr(prepared.names, name), code, text) for name, text in parts]
    return "\n\n".join([f"{prepared.opening[0]}{code}{prepared.opening[1]}", *blocks])


def _text(value: Json) -> str:
    return harmless(value if isinstance(value, str) else text_of(value))


def _values(template: Template, interaction: Interaction, swapped: bool) -> dict[str, str]:
    values: dict[str, str] = {}
    other = {"output_a": "output_b", "output_b": "output_a"} if swapped else {}
    for name in template.names:
        if name.startswith("metadata."):
            values[name] = _text(_within(interaction.metadata, name))
        elif name in OF_INTERACTION:
            values[name] = _text(getattr(interaction, other.get(name, name)))
    return values


def _has(metadata: dict[str, Json], name: str) -> bool:
    return _within(metadata, name) is not None


def _within(metadata: dict[str, Json], name: str) -> Json:
    """metadata.a.b: the key "a.b", or the key b in the object at a."""
    key = name.partition(".")[2]
    if key in metadata:
        return metadata[key]
    value: Json = metadata
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _shared(judge: Judge, words: Wording, *, fast: bool) -> str:
    """The system message: task, criteria, what earns nothing, what the item looks like, examples, the answer's form."""
    headings = words.headings
    name = words.names.input
    sections = [
        (headings["task"], judge.task.strip()),
        (headings["criteria"], _criteria(judge, words)),
        (headings["nothing"], f"{words.nothing}\n{_listed(judge.earns_nothing)}" if judge.earns_nothing else ""),
        (headings["data"], words.data.format(name=name)),
        (headings["examples"], _examples(judge, judge.examples, fast=fast)),
        (headings["answer"], _answer(judge, words, fast=fast)),
    ]
    parts = [words.role[judge.mode], *(f"# {heading}\n{text}" for heading, text in sections if text)]
    return "\n\n".join(parts)


def _criteria(judge: Judge, words: Wording) -> str:
    """The scale, how the overall comes about, and each criterion with the meaning of its levels."""
    scale = judge.scale
    if scale.kind == "ordinal":
        low, _, high = scale.text().rpartition("-")
        levels = words.comma.join(scale.level_words)
        text = words.scale["levels" if levels else "any_number"].format(levels=levels, low=low, high=high)
    elif scale.kind == "preference":
        text = words.scale["preference_tie" if scale.tie else "preference"]
    else:
        text = words.scale["pass_fail"]
    lines = [text]
    if judge.overall in ("all", "weighted"):
        lines.append(words.overall["all" if judge.overall == "all" else "weighted"])
    elif judge.overall == "own" and judge.criteria:
        lines.append(words.overall["own_preference" if scale.kind == "preference" else "own"])
    lines += [words.pair_order] if judge.mode == "pairwise" else []
    lines += [words.reference_use] if judge.mode == "reference" else []
    lines += _levels(scale.levels, judge, words)
    blocks = ["\n".join(lines)]
    for criterion in judge.criteria:
        block = [words.criterion.format(name=criterion.name)]
        block += [criterion.description.strip()] if criterion.description.strip() else []
        blocks.append("\n".join([*block, *_levels(criterion.levels, judge, words)]))
    return "\n\n".join(blocks)


def _levels(levels: dict[str, str], judge: Judge, words: Wording) -> list[str]:
    shown = {"a": "A", "b": "B", "tie": "C"}
    return [
        words.level.format(level=shown.get(level, level), meaning=meaning.strip()) for level, meaning in levels.items()
    ]


def _listed(entries: tuple[str, ...]) -> str:
    return "\n".join(f"- {entry.strip()}" for entry in entries)


def _examples(judge: Judge, examples: Sequence[Example], *, fast: bool, first: int = 1) -> str:
    """Examples with their right answers, numbered from `first`."""
    words = wording(judge.language)
    before, _, after = words.opening.partition("{code}")
    prepared = Prepared(None, (before, after), "", words.names, None)
    blocks = []
    for number, example in enumerate(examples, first):
        lines = [words.example.format(number=number), _fenced_item(_parts(judge.mode, example), prepared)]
        answer = example_answer(judge, example, f"examples[{number - 1}]")
        if fast:
            lines.append(words.example_answer.format(answer=_word(judge, example)))
            lines += [words.example_why.format(critique=example.critique)] if example.critique else []
        else:
            lines.append(words.example_answer.format(answer=msgspec.json.encode(answer).decode()))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _word(judge: Judge, example: Example) -> str:
    """The verdict of an example in one word; that of the weakest criterion where all have to pass."""
    if judge.overall == "all":
        passed = all(judge.scale.read(value) == "pass" for value in example.scores.values())
        return "pass" if passed else "fail"
    return f"{judge.scale.written(judge.scale.read(example.verdict))}"


def _answer(judge: Judge, words: Wording, *, fast: bool) -> str:
    form = judge.form()
    if fast:
        return words.answer_word.format(words=either(form.choices, words))
    order = words.answer_critique_first if judge.order == "critique_first" else words.answer_verdict_first
    return f"{order}\n{words.answer_json.format(shape=form.shape)}"
