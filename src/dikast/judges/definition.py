"""A judge: everything that decides what is asked and how the answer is read, and the hash of it that is its version."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import msgspec

from dikast.errors import JudgeError
from dikast.judges import loading, single
from dikast.judges.asked import asked_form
from dikast.judges.checking import check
from dikast.judges.criteria import Criterion, Example, PoolExample, Retrieval
from dikast.judges.form import AnswerForm, Overall
from dikast.judges.plain import described, described_form
from dikast.judges.rendering import Prepared, prepare, probe_prompts
from dikast.judges.scale import Scale, ScaleKind
from dikast.judges.template import Template
from dikast.judges.wording import Language
from dikast.models.embedding import known_fingerprint
from dikast.models.endpoint import Thinking
from dikast.records import Json, JudgeRef, Verdict, canonical_json

Mode = Literal["single", "reference", "pairwise"]
Order = Literal["critique_first", "verdict_first"]

VERSION_DIGITS = 16


_CHOICES: dict[str, tuple[str, ...]] = {
    "mode": get_args(Mode),
    "order": get_args(Order),
    "overall": get_args(Overall),
    "language": get_args(Language),
    "kind": get_args(ScaleKind),
    "thinking": get_args(Thinking),
}


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the model is asked. model: the one this judge was made for; a run may name another."""

    model: str | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 1024
    thinking: Thinking = "default"
    seed: int | None = None

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("temperature", self.temperature, 0, 2),
            ("top_p", self.top_p, 0, 1),
            ("max_tokens", self.max_tokens, 1, 1_000_000),
        ):
            if not low <= value <= high:
                raise JudgeError(f"settings.{name} is {value!r}; expected {low} to {high}")


class Judge(msgspec.Struct, frozen=True, kw_only=True, dict=True, forbid_unknown_fields=True):
    """A definition of a judge.

    mode: "single", "reference" (graded against a reference answer) or "pairwise" (which of two is better).
    overall: "own" (the judge gives an overall itself), "weighted" (weighted mean of the criteria), "all" (the weakest
    criterion, so that it passes when every one passes), or "only" (its one criterion is the overall).
    prompt: a template of the user's own; then `task` and criteria are only shown where it has {task} and {criteria}.
    fast: read the verdict from its token's probabilities alone. votes: how many samples decide by majority.
    retrieve: find examples in `pool` for each interaction, beside the fixed ones; see retrieval.py.
    """

    name: str
    task: str = ""
    mode: Mode = "single"
    scale: Scale = Scale()
    criteria: tuple[Criterion, ...] = ()
    overall: Overall = "own"
    earns_nothing: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    order: Order = "critique_first"
    language: Language = "en"
    votes: int = 1
    fast: bool = False
    settings: ModelSettings = ModelSettings()
    retrieve: Retrieval | None = None
    pool: tuple[PoolExample, ...] = ()
    prompt: str | None = None
    source: Path | None = None

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def load(cls, path: str | Path) -> Judge:
        """The judge in a folder with judge.yaml (prompt.md, pool.jsonl), in one YAML file, or in a plain prompt."""
        place = Path(path)
        raw, document = loading.read_definition(place)
        if raw.get("kind") == "cascade":
            raise JudgeError(
                f"{place} is a cascade of several judges, and one judge is expected here",
                hint="`dikast run`, `dikast plan`, `dikast watch`, `dikast serve` and `dikast cascade` take cascades.",
            )
        try:
            judge = cls.from_dict(raw)
        except JudgeError as error:
            raise document.located(error) from None
        return msgspec.structs.replace(judge, source=place)

    @classmethod
    def from_dict(cls, definition: dict[str, Json]) -> Judge:
        """The judge that a mapping describes, such as `to_dict` gives or a YAML file holds. Raises JudgeError."""
        completed = _completed(definition)
        loading.check_keys(completed, _KEYS)
        try:
            return msgspec.convert(completed, cls)
        except msgspec.ValidationError as error:
            raise loading.explained(error, completed, _CHOICES) from None

    def to_dict(self) -> dict[str, Json]:
        """All of the definition as JSON, defaults included; `from_dict` reads it back."""
        result: dict[str, Json] = _listed(msgspec.to_builtins(self, enc_hook=str))
        del result["source"]
        if self.retrieve is None:  # so that a judge without retrieval is the one that it was before there was any
            del result["retrieve"], result["pool"]
        return result

    @property
    def definition(self) -> dict[str, Json]:
        """All of the definition as JSON."""
        return self.to_dict()

    def to_yaml_dict(self) -> dict[str, Json]:
        """The definition as a person would write it in judge.yaml: no defaults; prompt and pool have own files."""
        wire = self.to_dict()
        del wire["prompt"]
        wire.pop("pool", None)
        return _without_defaults(wire)

    @cached_property
    def version(self) -> str:
        """A hash of all that changes an answer: the definition without its name, and the prompts that come out of it.

        The prompts are rendered for fixed interactions, so that a change of the shipped words or of the layout is a new
        version too.
        """
        definition = self.to_dict()
        del definition["name"]
        content = (definition, probe_prompts(self), msgspec.to_builtins(self.form()))
        return hashlib.sha256(canonical_json(content)).hexdigest()[:VERSION_DIGITS]

    @property
    def ref(self) -> JudgeRef:
        """Name and version, as they stand on every verdict."""
        return JudgeRef(self.name, self.version)

    def form(self) -> AnswerForm:
        """What an answer to this judge looks like."""
        return self._form

    @property
    def can_be_fast(self) -> bool:
        """Whether the verdict can be asked for as one word: there are such words, and the prompt is Dikast's own."""
        own = self.template is None or "answer_form" in self.template.names
        return own and bool(self.form().choices)

    @cached_property
    def template(self) -> Template | None:
        """The prompt of the user's own, taken apart; None for prompts that Dikast writes."""
        return None if self.prompt is None else Template.of(self.prompt)

    @cached_property
    def prepared(self) -> Prepared:
        """What rendering does once a judge."""
        return prepare(self, fast=False)

    @cached_property
    def prepared_fast(self) -> Prepared:
        """The same for prompts that ask for one word."""
        return prepare(self, fast=True)

    def judge(
        self,
        *,
        input: Json,
        output: Json = None,
        output_a: Json = None,
        output_b: Json = None,
        context: Json = None,
        reference: Json = None,
        metadata: dict[str, Json] | None = None,
        id: str | None = None,
        model: str | None = None,
        base_url: str | Sequence[str] | None = None,
        allow_cloud: bool | None = None,
    ) -> Verdict:
        """The verdict on one interaction: judge(input=..., output=...), or output_a and output_b for a pair.

        The model is the one given, else that of the environment, the workspace, or this judge. It works where an event
        loop is running, as in a notebook; endpoints stay open for the next call. Raises EndpointError if none can be
        opened; what fails later is in the verdict.
        """
        interaction = single.interaction_of(
            input=input,
            output=output,
            output_a=output_a,
            output_b=output_b,
            context=context,
            reference=reference,
            metadata=metadata,
            id=id,
        )
        which = single.which_endpoints(self, model, base_url, allow_cloud)
        return single.judge_once(self, interaction, which)

    async def ajudge(
        self,
        *,
        input: Json,
        output: Json = None,
        output_a: Json = None,
        output_b: Json = None,
        context: Json = None,
        reference: Json = None,
        metadata: dict[str, Json] | None = None,
        id: str | None = None,
        model: str | None = None,
        base_url: str | Sequence[str] | None = None,
        allow_cloud: bool | None = None,
    ) -> Verdict:
        """The same as `judge`, for code with an event loop of its own; many may be awaited at once."""
        interaction = single.interaction_of(
            input=input,
            output=output,
            output_a=output_a,
            output_b=output_b,
            context=context,
            reference=reference,
            metadata=metadata,
            id=id,
        )
        which = single.which_endpoints(self, model, base_url, allow_cloud)
        return await single.ajudge_once(self, interaction, which)

    def save(self, folder: str | Path) -> Path:
        """Write judge.yaml (prompt.md, pool.jsonl) into a folder that has none yet; the folder is the result."""
        place = Path(folder)
        loading.write_new(place, {"judge.yaml": loading.as_yaml(self.to_yaml_dict()), **self.files()})
        return place

    def files(self) -> dict[str, str]:
        """What stands in files of its own, beside judge.yaml."""
        prompt = {} if self.prompt is None else {loading.PROMPT: self.prompt}
        return prompt | ({loading.POOL: loading.as_lines(self.to_dict()["pool"])} if self.pool else {})

    @cached_property
    def _form(self) -> AnswerForm:
        template = self.template
        if template is None or "answer_form" in template.names:
            return asked_form(self)
        return described_form(self)


_KEYS: dict[str, tuple[str, ...]] = {
    "": tuple(name for name in Judge.__struct_fields__ if name != "source"),
    "scale": Scale.__struct_fields__,
    "criteria": Criterion.__struct_fields__,
    "examples": Example.__struct_fields__,
    "pool": PoolExample.__struct_fields__,
    "retrieve": Retrieval.__struct_fields__,
    "settings": ModelSettings.__struct_fields__,
}


def find_judge(ref: str, judges_dir: Path) -> Judge:
    """The judge that a name in a folder of judges, a path, or the name of a shipped sample means. Raises JudgeError."""
    return Judge.load(locate_judge(ref, judges_dir))


def locate_judge(ref: str, judges_dir: Path) -> Path:
    """Where that judge is: a name goes before a path, and a path before a sample. Raises JudgeError with near names."""
    here = loading.named(judges_dir, ref)
    if here is None and ref and (path := Path(ref)).exists():
        here = path
    here = here or loading.named(loading.SAMPLES, ref)
    if here is not None:
        return here
    own, samples = loading.names_in(judges_dir), loading.names_in(loading.SAMPLES)
    close = difflib.get_close_matches(ref, [*own, *samples], n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    raise JudgeError(
        f"there is no judge {ref!r}: it is neither a path nor a name in {judges_dir}{meant}",
        hint=f"There: {', '.join(own) or 'none yet'}. Shipped: {', '.join(samples)}. Write one with: dikast judge new",
    )


def _completed(definition: dict[str, Json]) -> dict[str, Json]:
    """The definition with short spellings written out, and what follows from the rest put in."""
    result = loading.spelled_out(definition)
    if isinstance(retrieve := result.get("retrieve"), dict):
        known = known_fingerprint(str(retrieve.get("by", Retrieval().by)))
        given = {key: value for key, value in retrieve.items() if value is not None}
        result["retrieve"] = {"fingerprint": known} | given
    prompt = result.get("prompt")
    if isinstance(prompt, str):
        names = Template.of(prompt).names
        pair = "output_a" in names or "output_b" in names
        result.setdefault("mode", "pairwise" if pair else "reference" if "reference" in names else "single")
        if "answer_form" not in names:
            result.setdefault("scale", msgspec.to_builtins(described(prompt, is_pair=pair).scale))
            return result
    result.setdefault(
        "scale", msgspec.to_builtins(Scale.of("preference" if result.get("mode") == "pairwise" else "pass_fail"))
    )
    criteria = result.get("criteria")
    result.setdefault("overall", "only" if isinstance(criteria, list) and len(criteria) == 1 else "own")
    return result


def _listed(value: Json) -> Json:
    """The same with lists for tuples, as JSON has it."""
    if isinstance(value, dict):
        return {key: _listed(entry) for key, entry in value.items()}
    return [_listed(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _without_defaults(definition: dict[str, Json]) -> dict[str, Json]:
    """A definition as a person would write it: no defaults, and a scale by its short name where it has one."""
    defaults = {
        field.name: _listed(
            msgspec.to_builtins(field.default if field.default is not msgspec.NODEFAULT else field.default_factory())
        )
        for field in msgspec.structs.fields(Judge)
        if not field.required
    }
    result = {key: value for key, value in definition.items() if key not in defaults or value != defaults[key]}
    result["scale"] = _short_scale(definition["scale"])
    result["overall"] = definition["overall"]
    for part, struct in (("settings", ModelSettings), ("criteria", Criterion), ("examples", Example)):
        if part in result:
            value = result[part]
            result[part] = _changed(value, struct) if isinstance(value, dict) else [_changed(v, struct) for v in value]
    if "retrieve" in result:  # its defaults stand there too: what is missing would be filled in by another version
        result["retrieve"] = {key: value for key, value in result["retrieve"].items() if value is not None}
    order = ("name", "task", "mode", "scale", "overall", "criteria", "earns_nothing", "examples", "retrieve")
    return {key: result[key] for key in (*order, *result) if key in result}


def _changed(value: dict[str, Json], struct: type[msgspec.Struct]) -> dict[str, Json]:
    defaults = {field.name: field for field in msgspec.structs.fields(struct)}
    return {
        key: entry
        for key, entry in value.items()
        if defaults[key].required or (entry != defaults[key].default and entry not in ({}, []))
    }


def _short_scale(scale: dict[str, Json]) -> Json:
    shorthand = {"pass_fail": "pass_fail", "preference": "preference" if scale["tie"] else "a/b"}
    made = msgspec.convert(scale, Scale)
    text = shorthand.get(made.kind) or made.text()
    try:
        if Scale.of(text) == made:
            return text
    except JudgeError:
        pass
    defaults = msgspec.to_builtins(Scale(kind=made.kind))
    keep = ("kind", "step") if made.kind == "ordinal" else ("kind",)
    return {key: value for key, value in scale.items() if key in keep or value != defaults[key]}
