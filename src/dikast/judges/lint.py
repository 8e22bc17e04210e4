"""What the field knows to be mistakes in a judge, found before they cost anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from dikast.judges.criteria import Example
from dikast.judges.definition import Judge
from dikast.judges.findings import Finding, finding
from dikast.judges.rendering import lacking, render
from dikast.judges.template import OF_INTERACTION
from dikast.judges.vague import is_vague, length_in_words
from dikast.models.endpoint import Message
from dikast.records import Interaction, text_of

CountTokens = Callable[[tuple[Message, ...]], int]

MANY_CRITERIA = 5
TOO_MANY_CRITERIA = 7
TERSE_WORDS = 8
LEAST_A_PLACE = 3  # examples of a pool for each that is shown; with fewer there is little to find
SHORT_TASK_WORDS = 5
LOOKED_AT = 1000  # interactions of a dataset
_LONGEST = 20
_LEVEL_LINE = re.compile(
    r"^[\s\-*•>#|]*\**(?:score|分數|分数)?\s*(\d{1,2}|pass|fail)\**\s*分?\s*[:：=–—-]\s*(\S.*)$", re.M | re.I
)
_NOTHING = re.compile(
    r"length|longer|verbos|wordy|polite|apolog|pleasantr|formatting|markdown|flatter|confident tone"
    r"|長度|长度|篇幅|字數|字数|冗長|冗长|客套|禮貌|礼貌|道歉|排版|格式是否|語氣|语气",
    re.IGNORECASE,
)
_TWO_THINGS = re.compile(
    r"\b(?:is|are|be|being|was)\s+(?:(?:it|this|they|(?:the|each|every|an?)\s+\w+)\s+)?(?:both\s+)?"
    r"[a-z\-]+(?:\s*,\s*[a-z\-]+)*,?\s+(?:and|or)\s+[a-z\-]+\s*(?:[?.,;]|$)"
    r"|(?:既|又)\S{1,8}又|是否\S{1,8}(?:且|並且|并且|而且)\S{1,8}",
    re.IGNORECASE,
)
_TWO_NAMES = re.compile(r"[\s_](?:and|&|or)[\s_]|[&/+]|.[與和及且].", re.IGNORECASE)


def lint(
    judge: Judge,
    context_length: int | None = None,
    count_tokens: CountTokens | None = None,
    interactions: Iterable[Interaction] = (),
) -> list[Finding]:
    """What is likely to be wrong with a judge, errors first.

    context_length: tokens that the model can take; without count_tokens they are estimated. interactions: some of
    those that the judge is for; the first 1,000 are looked at.
    """
    items = list(islice(interactions, LOOKED_AT))
    own_prompt = judge.template is not None
    checks: list[Iterator[Finding]] = [_examples(judge), _settings(judge), _data(judge, items)]
    checks += [_prompt(judge)] if own_prompt else [_task(judge), _levels(judge), _nothing(judge)]
    checks += [_criteria(judge), _weights(judge), _scale(judge)]
    if context_length is not None:
        checks.append(_size(judge, context_length, count_tokens, items))
    rank = {"error": 0, "warning": 1, "info": 2}
    return sorted((found for check in checks for found in check), key=lambda found: rank[found.severity])


def _task(judge: Judge) -> Iterator[Finding]:
    if length_in_words(judge.task) < SHORT_TASK_WORDS:
        yield finding("short-task", "task", f"the task says little: {judge.task.strip()!r}")


def _levels(judge: Judge) -> Iterator[Finding]:
    """Levels without a meaning, or with one that says nothing."""
    parts = [(f"criteria[{n}].levels", criterion.name, criterion.levels) for n, criterion in enumerate(judge.criteria)]
    if not parts or judge.scale.levels:
        parts.append(("scale.levels", "the overall", judge.scale.levels))
    for where, name, levels in parts:
        yield from (_vague_level(where, level, meaning) for level, meaning in levels.items() if is_vague(meaning))
        if missing := _unexplained(judge, levels):
            yield finding("missing-levels", where, f"{name}: no meaning is given for {', '.join(missing)}")


def _unexplained(judge: Judge, levels: dict[str, str]) -> list[str]:
    scale = judge.scale
    if scale.kind == "preference":
        return []
    expected = scale.level_words
    if scale.kind == "ordinal" and (not expected or len(expected) > 6):
        # nobody describes ten levels; the ends and one between them hold such a scale in place
        text = scale.text().rpartition("-")
        ends = [text[0], text[2]]
        between = [] if len(levels) >= 3 else ["at least one level between the ends"]
        return [level for level in ends if level not in levels] + between
    return [level for level in expected if not levels.get(level, "").strip()]


def _vague_level(where: str, level: str, meaning: str) -> Finding:
    return finding("vague-level", f"{where}.{level}", f"{level} means {meaning.strip()!r}")


def _nothing(judge: Judge) -> Iterator[Finding]:
    if not judge.earns_nothing:
        yield _no_nothing("earns_nothing")


def _no_nothing(where: str) -> Finding:
    return finding(
        "no-nothing-list",
        where,
        "nothing is said of what earns nothing, such as length, apologies, pleasantries and markdown",
    )


def _examples(judge: Judge) -> Iterator[Finding]:
    if judge.template is not None and "examples" not in judge.template.names:
        return
    if judge.retrieve is not None:
        yield from _pool(judge)
    if not judge.examples:
        if judge.retrieve is None:
            yield finding("no-examples", "examples", "there are no examples")
        return
    for index, example in enumerate(judge.examples):
        if (words := length_in_words(example.critique)) < TERSE_WORDS:
            said = f"is {example.critique!r}" if words else "is missing"
            yield finding("terse-critique", f"examples[{index}].critique", f"the critique {said}")
        if judge.overall == "own" and (missing := [c.name for c in judge.criteria if c.name not in example.scores]):
            yield finding(
                "incomplete-example", f"examples[{index}].scores", f"there is no score for {', '.join(missing)}"
            )
    yield from _balance(judge, judge.examples, "examples")


def _pool(judge: Judge) -> Iterator[Finding]:
    """The pool that examples are found in: whether it has enough of both sides, with reasons."""
    terse = [one.id for one in judge.pool if length_in_words(one.critique) < TERSE_WORDS]
    if terse:
        message = f"{len(terse)} of {len(judge.pool)} have a terse critique or none, such as {terse[0]!r}"
        yield finding("terse-critique", "pool", message)
    if judge.retrieve is not None and len(judge.pool) < LEAST_A_PLACE * judge.retrieve.k:
        message = f"{len(judge.pool)} examples to find {judge.retrieve.k} in for each interaction"
        yield finding("small-pool", "pool", message, severity="info")
    yield from _balance(judge, judge.pool, "pool")


def _balance(judge: Judge, examples: Sequence[Example], where: str) -> Iterator[Finding]:
    """Whether the examples stand on one side."""
    scale = judge.scale
    middle = 0.5 if scale.low is None or scale.high is None else (scale.low + scale.high) / 2
    given = [
        example.verdict if example.verdict is not None else min(example.scores.values(), key=str, default=None)
        for example in examples
    ]
    numbers = [scale.number(scale.read(value)) for value in given if value is not None]
    upper = sum(number > middle for number in numbers)
    lower = sum(number < middle for number in numbers)
    if not numbers or (min(upper, lower) > 0 and max(upper, lower) <= 3 * min(upper, lower)):
        return
    sides = {"pass_fail": ("pass", "fail"), "preference": ("A is better", "B is better")}.get(
        scale.kind, (f"above {middle:g}", f"below {middle:g}")
    )
    yield finding("unbalanced-examples", where, f"{upper} of {len(numbers)} say {sides[0]!r}, {lower} say {sides[1]!r}")


def _criteria(judge: Judge) -> Iterator[Finding]:
    count = len(judge.criteria)
    if count > MANY_CRITERIA:
        yield finding(
            "many-criteria",
            "criteria",
            f"there are {count} criteria in one prompt",
            severity="warning" if count > TOO_MANY_CRITERIA else "info",
        )
    for index, criterion in enumerate(judge.criteria):
        two = _TWO_NAMES.search(criterion.name) or _TWO_THINGS.search(criterion.description)
        if two:
            yield finding(
                "double-barrelled",
                f"criteria[{index}]",
                f"{criterion.name!r} seems to ask for two things ({two[0].strip()!r})",
            )
        if not criterion.description.strip() and not criterion.levels:
            yield finding(
                "bare-criterion", f"criteria[{index}]", f"{criterion.name!r} has neither a description nor levels"
            )


def _weights(judge: Judge) -> Iterator[Finding]:
    weights = [criterion.weight for criterion in judge.criteria]
    if judge.overall == "weighted":
        total = sum(weights)
        if set(weights) != {1.0} and not any(abs(total - whole) < 1e-6 for whole in (1, 10, 100)):
            yield finding("weights-sum", "criteria", f"the weights add up to {total:g}", severity="info")
    elif set(weights) - {1.0}:
        yield finding("unused-weights", "criteria", f"there are weights, and the overall is {judge.overall!r}")


def _scale(judge: Judge) -> Iterator[Finding]:
    if judge.scale.kind == "ordinal":
        yield finding("ordinal-scale", "scale", f"the scale is {judge.scale.text()}", severity="info")


def _settings(judge: Judge) -> Iterator[Finding]:
    if judge.votes > 1 and judge.settings.temperature == 0:
        yield finding("same-votes", "settings.temperature", f"{judge.votes} votes are asked for at temperature 0")
    if judge.votes > 1 and judge.votes % 2 == 0:
        yield finding("even-votes", "votes", f"there are {judge.votes} votes", severity="info")
    if not judge.fast and judge.settings.max_tokens < 150:
        yield finding("few-tokens", "settings.max_tokens", f"an answer may have {judge.settings.max_tokens} tokens")


def _prompt(judge: Judge) -> Iterator[Finding]:
    """A prompt of the user's own: what its text says, and where its variables stand."""
    template, prompt = judge.template, judge.prompt or ""
    if template is None:
        return
    own_form = "answer_form" in template.names
    form = judge.form()
    if form.is_open:
        yield finding(
            "no-json",
            "prompt",
            f"no JSON answer is described; the verdict ({judge.scale.text()}) is read from the last line",
        )
    elif not own_form and not any(field.role in ("verdict", "overall") for field in form.fields):
        yield finding("no-overall", "prompt", "the JSON that the prompt describes has no overall score and no verdict")
    if "earns_nothing" not in template.names and not _NOTHING.search(prompt):
        yield _no_nothing("prompt")
    yield from _prompt_levels(judge, prompt)
    yield from _prompt_order(judge)
    if re.search(r"\{\{|\}\}", re.sub(r"\}\s*\}", "", prompt) if form.fields else prompt) and "{{" in prompt:
        yield finding("doubled-braces", "prompt", "there are doubled braces, as Python's format wants them")
    parts = (
        ("task", judge.task),
        ("criteria", judge.criteria),
        ("earns_nothing", judge.earns_nothing),
        ("examples", judge.examples),
    )
    for name, value in parts:
        if value and name not in template.names:
            yield finding("unused-part", name, f"prompt has no {{{name}}}, so the model never sees it")


def _prompt_levels(judge: Judge, prompt: str) -> Iterator[Finding]:
    lines = _LEVEL_LINE.findall(prompt)
    yield from (_vague_level("prompt", level, meaning) for level, meaning in lines if is_vague(meaning))
    if (
        not lines
        and judge.scale.kind == "ordinal"
        and "criteria" not in (judge.template.names if judge.template else ())
    ):
        yield finding(
            "missing-levels",
            "prompt",
            f"no level of the scale ({judge.scale.text()}) is explained on a line of its own",
        )


def _prompt_order(judge: Judge) -> Iterator[Finding]:
    template = judge.template
    if template is None:
        return
    first = next((n for n, name in enumerate(template.names) if name in OF_INTERACTION or "." in name), 0)
    before = sum(map(len, template.texts[: first + 1]))
    after = sum(map(len, template.texts[first + 1 :]))
    if after > 400 and after > before:
        yield finding(
            "interaction-first",
            "prompt",
            f"{after} of {before + after} characters that never change stand after the interaction",
        )
    yield finding(
        "no-fence", "prompt", "the judged text stands in the prompt without a fence of its own", severity="info"
    )


def _data(judge: Judge, items: Sequence[Interaction]) -> Iterator[Finding]:
    """The judge beside some of what it is to judge."""
    if not items:
        return
    reasons = [reason for item in items if (reason := lacking(judge, item))]
    for reason in dict.fromkeys(reasons):
        count = reasons.count(reason)
        yield finding(
            "unfit-data",
            "mode",
            f"{count} of {len(items)} interactions can't be judged: {reason}",
            severity="error" if count == len(items) else "warning",
        )
    with_context = sum(item.context is not None for item in items)
    shows_context = judge.template is None or "context" in judge.template.names
    if with_context and not shows_context:
        yield finding(
            "hidden-context",
            "prompt",
            f"{with_context} of {len(items)} interactions have a context, and the prompt has no {{context}}",
        )
    if with_context > len(items) / 2 and any(example.context is None for example in judge.examples):
        yield finding("example-context", "examples", "examples lack the context that most interactions have")
    shown = {(text_of(example.input), text_of(example.output)) for example in judge.examples}
    leaked = [item for item in items if (text_of(item.input), text_of(item.output)) in shown]
    if leaked:
        yield finding(
            "leaked-example",
            "examples",
            f"{len(leaked)} of the interactions are examples of this judge, such as {leaked[0].id!r}",
        )


def _size(
    judge: Judge, context_length: int, count_tokens: CountTokens | None, items: Sequence[Interaction]
) -> Iterator[Finding]:
    """Whether the prompts fit the model's context, the longest of the data included."""
    fitting = sorted((item for item in items if not lacking(judge, item)), key=_length)[-_LONGEST:]
    empty = Interaction(id="", input="", output="", reference="", output_a=None)
    pair = Interaction(id="", input="", output_a="", output_b="", reference="")
    shortest = pair if judge.mode == "pairwise" else empty
    prompts = [render(judge, item) for item in fitting or ([] if lacking(judge, shortest) else [shortest])]
    if not prompts:
        return
    counted = [_estimated(prompt) if count_tokens is None else count_tokens(prompt) for prompt in prompts]
    longest, answer = max(counted), judge.settings.max_tokens
    about = "about " if count_tokens is None else ""
    if longest + answer > context_length:
        too_long = sum(count + answer > context_length for count in counted)
        which = (
            f"of {len(items)} interactions at least {too_long} are too long" if fitting else "without any interaction"
        )
        yield finding(
            "too-long",
            "prompt" if judge.template else "examples",
            f"the prompt has {about}{longest} tokens ({which}), the answer up to {answer}; "
            f"the model takes {context_length}",
            severity="error",
        )


def _length(item: Interaction) -> int:
    return sum(
        len(text_of(value))
        for value in (item.input, item.output, item.output_a, item.output_b, item.context, item.reference)
    )


def _estimated(messages: tuple[Message, ...]) -> int:
    """Tokens by rule of thumb: four characters of English, about one and a half of Chinese."""
    text = "".join(message.content for message in messages)
    wide = sum(ord(character) > 0x2E7F for character in text)
    return round((len(text) - wide) / 4 + wide / 1.5) + 10
