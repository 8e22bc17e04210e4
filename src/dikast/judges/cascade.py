"""A cascade: a quick judge first, and a better one, a cloud or a person where the quick one is not sure enough.

    kind: cascade
    stages:
      - judge: support-fast            a judge's name in the workspace, or a path
        model: ollama/qwen3:8b
        below: 0.85                    goes on when it is less sure than this
        when: metadata.tier == "vip"   goes on then, however sure it is
      - judge: support
        model: ollama/qwq:32b
        below: 0.7
      - judge: support
        model: openai/NAME
        price: [2.5, 10]               dollars for a million tokens of prompt and of answer
        below: 0.6
      - person                         what comes here waits in the review queue "escalated"

An interaction always goes on from a stage that gave no verdict. What a stage says is its own judge's; who said it, and
why it went on, stands in the verdict's details.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from dikast.errors import JudgeError
from dikast.judges import loading
from dikast.judges.conditions import Condition, read_condition
from dikast.judges.definition import VERSION_DIGITS, Judge, find_judge, locate_judge
from dikast.models.leaving import leaves_by_name
from dikast.records import Json, JudgeRef, Verdict, canonical_json

KIND = "cascade"
PERSON = "person"
_KEYS = {"": ("kind", "name", "stages"), "stages": ("name", "judge", "model", "base_url", "below", "when", "price")}


class Price(msgspec.Struct, frozen=True):
    """US dollars for a million tokens."""

    prompt: float
    completion: float


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage. judge: None for a person. below, when: what makes an interaction go on from here; a `below` of 0
    never does.
    """

    name: str
    judge: Judge | None
    model: str | None = None
    base_urls: tuple[str, ...] = ()
    below: float | None = None
    when: Condition | None = None
    price: Price | None = None

    @property
    def is_person(self) -> bool:
        """Whether a person decides."""
        return self.judge is None

    @property
    def leaves(self) -> bool:
        """Whether asking it leaves this machine and its private network, as far as its name and address tell."""
        return self.model is not None and leaves_by_name(self.model, self.base_urls)

    def why_on(self, verdict: Verdict) -> str | None:
        """Why an interaction goes on from here, given this stage's verdict; None when it ends here."""
        if verdict.status != "scored":
            return f"{verdict.status}: {verdict.reason}"
        if self.when is not None and self.when.holds(verdict):
            return f"when {self.when.text}"
        if not self.below:
            return None
        if verdict.confidence is None:
            return "it doesn't say how sure it is"
        if verdict.confidence < self.below:
            return f"confidence {verdict.confidence:.3g} is below {self.below:g}"
        return None

    def cost_usd(self, prompt_tokens: float, completion_tokens: float) -> float | None:
        """What these tokens cost here; 0 where nothing leaves and no price is given, None where none is known."""
        if self.price is None:
            return None if self.leaves else 0.0
        return (prompt_tokens * self.price.prompt + completion_tokens * self.price.completion) / 1e6

    def to_dict(self) -> dict[str, Json]:
        """All of it as JSON."""
        if self.judge is None:
            return {"name": self.name, "person": True}
        return {
            "name": self.name,
            "judge": self.judge.to_dict(),
            "version": self.judge.version,
            "model": self.model,
            "base_url": list(self.base_urls),
            "below": self.below,
            "when": self.when.text if self.when else None,
            "price": [self.price.prompt, self.price.completion] if self.price else None,
        }


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """Stages in the order in which they are asked. The last may be a person; every other has a judge and a model."""

    name: str
    stages: tuple[Stage, ...]
    source: Path | None = None

    @classmethod
    def load(cls, path: str | Path, judges_dir: Path | None = None) -> Cascade:
        """The cascade in a YAML file (or a folder's judge.yaml). Raises JudgeError.

        judges_dir: where judges are known by name; those beside the file are found too.
        """
        place = Path(path)
        raw, document = loading.read_definition(place)
        try:
            cascade = _read(raw, place, judges_dir)
        except JudgeError as error:
            raise document.located(error) from None
        return replace(cascade, source=place)

    @property
    def asked(self) -> tuple[Stage, ...]:
        """The stages that ask a model."""
        return tuple(stage for stage in self.stages if not stage.is_person)

    @property
    def has_person(self) -> bool:
        """Whether the last stage is a person."""
        return self.stages[-1].is_person

    @property
    def model(self) -> str:
        """Its models in order, as one name."""
        return " > ".join(str(stage.model) for stage in self.asked)

    @cached_property
    def version(self) -> str:
        """A hash of all that changes an answer: each stage's judge and model, and what makes it go on."""
        content: list[Json] = [KIND]
        for stage in self.stages:
            judge = None if stage.judge is None else stage.judge.version
            content.append([judge, stage.model, stage.below, stage.when.text if stage.when else None])
        return hashlib.sha256(canonical_json(content)).hexdigest()[:VERSION_DIGITS]

    @property
    def ref(self) -> JudgeRef:
        """Name and version, as they stand on every verdict."""
        return JudgeRef(self.name, self.version)

    def to_dict(self) -> dict[str, Json]:
        """All of it as JSON, with the scale that its stages share, and every example that one of them has seen."""
        first = self.asked[0].judge
        assert first is not None
        definition = first.to_dict()
        shown = [example for stage in self.asked if stage.judge for example in _examples(stage.judge)]
        return {
            "kind": KIND,
            "name": self.name,
            "mode": definition["mode"],
            "scale": definition["scale"],
            "examples": shown,
            "stages": [stage.to_dict() for stage in self.stages],
        }

    def without_cloud(self) -> Cascade:
        """The same without the stages that leave this machine and its network; a person at the end stays.

        Raises JudgeError when nothing is left that asks a model.
        """
        kept = tuple(stage for stage in self.stages if not stage.leaves)
        if not any(not stage.is_person for stage in kept):
            raise JudgeError(f"every stage of {self.name!r} leaves this machine, so nothing is left without a cloud")
        return replace(self, stages=kept)

    def with_models(self, default: str | None, base_urls: Sequence[str]) -> Cascade:
        """The same with a model in every stage: its own, its judge's, or this default. Raises JudgeError without one.

        base_urls: for the stages that name a model without its server and no address of their own.
        """
        return replace(self, stages=tuple(_with_model(stage, default, tuple(base_urls)) for stage in self.stages))


def find_cascade(ref: str, judges_dir: Path) -> Cascade:
    """The cascade of this name or path. Raises JudgeError, also for a judge that is none."""
    found = find_judge_or_cascade(ref, judges_dir)
    if isinstance(found, Judge):
        raise JudgeError(
            f"{ref!r} is a judge, and a cascade of several is expected", hint="A cascade's file says `kind: cascade`."
        )
    return found


def find_judge_or_cascade(ref: str, judges_dir: Path) -> Judge | Cascade:
    """The judge or cascade that a name or a path means. Raises JudgeError."""
    place = locate_judge(ref, judges_dir)
    return Cascade.load(place, judges_dir) if loading.is_cascade(place) else Judge.load(place)


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    """A stage as it is written."""

    judge: str
    name: str | None = None
    model: str | None = None
    base_url: str | list[str] | None = None
    below: float | None = None
    when: str | None = None
    price: tuple[float, float] | None = None


def _read(raw: dict[str, Json], place: Path, judges_dir: Path | None) -> Cascade:
    loading.check_keys(raw, _KEYS)
    stages = raw.get("stages")
    if not isinstance(stages, list) or len(stages) < 2:
        raise JudgeError("stages: a list of at least two stages is expected, such as a quick judge and a better one")
    read = [_stage(stage, number, place, judges_dir) for number, stage in enumerate(stages)]
    for number, stage in enumerate(read[:-1]):
        if stage.is_person:
            raise JudgeError(f"stages[{number}]: a person is the last stage, and {len(stages) - number - 1} come after")
    _check_alike(read)
    names: dict[str, int] = {}
    for number, stage in enumerate(read):
        if stage.name in names:
            read[number] = replace(stage, name=f"{stage.name}-{number + 1}")
        names[stage.name] = number
    return Cascade(name=str(raw["name"]), stages=tuple(read))


def _stage(given: Any, number: int, place: Path, judges_dir: Path | None) -> Stage:
    if given == PERSON or (isinstance(given, dict) and given.get("judge") == PERSON):
        return Stage(name=PERSON, judge=None)
    at = f"stages[{number}]"
    try:
        written = msgspec.convert(given, _Written)
    except msgspec.ValidationError as error:
        explained = loading.explained(error, given if isinstance(given, dict) else {}, {})
        raise JudgeError(f"{at}{'.' if _has_key(explained) else ': '}{explained}", hint=explained.hint) from None
    if written.below is not None and not 0 <= written.below <= 1:
        raise JudgeError(f"{at}.below: is {written.below:g}; a confidence is expected, 0 to 1")
    if written.price is not None and min(written.price) < 0:
        raise JudgeError(f"{at}.price: is {list(written.price)}; two prices are expected, none of them below 0")
    try:
        condition = None if written.when is None else read_condition(written.when)
    except JudgeError as error:
        raise JudgeError(f"{at}.when: {error}", hint=error.hint) from None
    judge = _judge(written.judge, at, place, judges_dir)
    urls = (written.base_url,) if isinstance(written.base_url, str) else tuple(written.base_url or ())
    return Stage(
        name=written.name or judge.name,
        judge=judge,
        model=written.model or judge.settings.model,
        base_urls=urls,
        below=written.below,
        when=condition,
        price=None if written.price is None else Price(*written.price),
    )


def _has_key(error: JudgeError) -> bool:
    return str(error).split(":")[0].isidentifier() and ": " in str(error)


def _judge(ref: str, at: str, place: Path, judges_dir: Path | None) -> Judge:
    """A stage's judge: beside the cascade, or wherever a judge of this name is."""
    folder = place.parent if place.is_file() else place
    beside = loading.named(folder, ref) or (folder / ref if (folder / ref).exists() else None)
    try:
        if beside is not None and beside.resolve() != place.resolve():
            return Judge.load(beside)
        return find_judge(ref, judges_dir or folder)
    except JudgeError as error:
        raise JudgeError(f"{at}.judge: {error}", hint=error.hint) from None


def _check_alike(stages: Sequence[Stage]) -> None:
    """Raise JudgeError where the stages' verdicts are not of one kind."""
    judges = [(number, stage.judge) for number, stage in enumerate(stages) if stage.judge is not None]
    if not judges:
        raise JudgeError("stages: at least one asks a model")
    first = judges[0][1]
    for number, judge in judges[1:]:
        if (judge.mode == "pairwise") != (first.mode == "pairwise"):
            kinds = {True: "compares two outputs", False: "judges one output"}
            raise JudgeError(
                f"stages[{number}].judge: {judge.name!r} {kinds[judge.mode == 'pairwise']}, and the first stage "
                f"{kinds[first.mode == 'pairwise']}: a cascade's verdicts are of one kind"
            )
        if judge.scale.kind != first.scale.kind:
            raise JudgeError(
                f"stages[{number}].judge: {judge.name!r} judges on the scale {judge.scale.text()}, and the first stage "
                f"on {first.scale.text()}: a cascade's verdicts are of one kind"
            )


def _with_model(stage: Stage, default: str | None, base_urls: tuple[str, ...]) -> Stage:
    if stage.is_person:
        return stage
    model = stage.model or default
    if model is None:
        raise JudgeError(
            f"stage {stage.name!r} names no model, and neither does its judge",
            hint="Add `model: ollama/NAME` to the stage.",
        )
    bare = "/" not in model and not model.endswith(".gguf") and model not in ("embedded", "fake", "llamacpp")
    urls = stage.base_urls or (base_urls if bare else ())
    return replace(stage, model=model, base_urls=urls)


def _examples(judge: Judge) -> list[Json]:
    definition = judge.to_dict()
    return [*definition["examples"], *definition.get("pool", ())]
