"""What an answer to a judge looks like: its JSON schema, the words for its verdict's token, and how it is read."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dikast.judges import keys
from dikast.judges.scale import Misread, Scale
from dikast.records import Json, Outcome, text_of

Overall = Literal["own", "weighted", "all", "only"]
Role = Literal["verdict", "overall", "criterion", "critique", "other"]

CRITIQUE_CHARS = 800  # three sentences, with room; a bound keeps a small model from rambling until it is cut off
_SHOWN_CHARS = 80
_SIDES = {"a": "b", "b": "a", "A": "B", "B": "A"}


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one answer says.

    scores: each criterion by name, `overall` and `reasoning`; pass is 1 and fail 0, a preference is 1 for A, 0 for B
    and 0.5 for a tie. confidence and probabilities (by verdict: "pass", "4", "a") are there when a distribution was
    read. notes: what was odd but did not matter for the verdict, such as a score that is missing.
    """

    verdict: Outcome | None
    scores: dict[str, Json]
    critique: str | None = None
    confidence: float | None = None
    probabilities: dict[str, float] | None = None
    notes: tuple[str, ...] = ()


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One value in the answer's JSON: what it is called in `scores`, where it stands, and what it can say."""

    name: str
    path: tuple[str, ...]
    role: Role
    scale: Scale | None = None
    required: bool = True


class _Said(msgspec.Struct):
    """What the fields of one answer say. scored: the criteria with a score. own: the judge's verdict and overall."""

    scored: list[str] = []
    scores: dict[str, Json] = {}
    own: dict[Role, Outcome | float] = {}
    critiques: list[str] = []
    notes: list[str] = []

    def take(self, field: Field, obj: dict[str, Json]) -> None:
        """Read one field of the answer. Raises Misread where it is required and can't be read."""
        found, raw = _find(obj, field.path)
        if not found:
            if field.role != "critique" or field.required:
                self._lack(field, f"missing: no {_path(field.path)} in the answer")
        elif field.role == "critique":
            text = text_of(raw).strip()
            self.critiques.extend([_labelled(field.path, text)] if text else [])
        elif field.scale is None:
            self.scores.update({field.name: raw} if isinstance(raw, (str, int, float, bool)) else {})
        else:
            try:
                value = field.scale.read(_held(raw))
            except Misread as misread:
                self._lack(field, _at(field.path, misread))
                return
            if field.role == "criterion":
                self.scored.append(field.name)
                self.scores[field.name] = field.scale.number(value)
            else:
                self.own[field.role] = value

    def _lack(self, field: Field, reason: str) -> None:
        if field.required:
            raise Misread(reason)
        self.notes.append(reason.removeprefix("missing: "))
        self.scores.update({field.name: None} if field.role == "criterion" else {})


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer to a judge looks like.

    scale: the overall's. fields: the values in the answer's JSON; empty where the prompt describes none (is_open):
    then an object in the answer is read by its keys' names, and a text by its last line. shape: the form as the
    prompt shows it. example: an answer that `read` accepts. choices: the words between which the verdict's token
    decides, and verdict_key the key whose value they are; empty and None where the overall is computed. notes: how a
    prompt's own JSON was understood.
    """

    scale: Scale
    fields: tuple[Field, ...] = ()
    overall: Overall = "own"
    weights: dict[str, float] = {}
    schema: dict[str, Any] | None = None
    choices: tuple[str, ...] = ()
    verdict_key: str | None = None
    shape: str = ""
    example: dict[str, Json] = {}
    notes: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether the prompt describes no JSON."""
        return not self.fields

    def read(self, obj: Json) -> Reading:
        """The verdict, scores and critique in an answer's JSON object. Raises Misread."""
        if not isinstance(obj, dict):
            raise Misread(f"not an object: {_shown(obj)}, expected a JSON object")
        said = _Said()
        for field in self.fields or _fields_by_name(obj, self.scale):
            said.take(field, obj)
        if not said.critiques:
            said.critiques += _by_another_name(obj)
        return self._combined(said)

    def _combined(self, said: _Said) -> Reading:
        """The overall and the verdict, from the judge's own or from its criteria."""
        scores = said.scores
        overall: float | None
        verdict: Outcome | None
        if self.overall in ("weighted", "all"):
            computed = self._computed({name: float(scores[name]) for name in said.scored})
            overall, verdict = computed, self.scale.outcome(computed)
        else:
            overall, verdict = self._own(said)
            if self.overall == "only" and overall is not None:
                scores = {name: overall for name in self.weights} | scores
        if verdict == "tie" and not self.scale.tie:
            raise Misread("undecided: the criteria balance out, and this judge has to decide for A or B")
        critique = "\n\n".join(said.critiques) or None
        scores = {**scores, "overall": overall, "reasoning": critique}
        return Reading(verdict=verdict, scores=scores, critique=critique, notes=tuple(said.notes))

    def _own(self, said: _Said) -> tuple[float | None, Outcome | None]:
        """The overall and the verdict that the judge wrote; one of them tells the other where it stands alone."""
        written, number = said.own.get("verdict"), said.own.get("overall")
        overall = self._preferred(said.scores) if written is None and number is None else None
        if number is not None:
            overall = self.scale.number(number)
        elif isinstance(written, str):
            overall = Scale().number(written)
        if overall is None and all(value is None for value in said.scores.values()):
            raise Misread("no verdict: the answer has neither a verdict nor a score")
        if isinstance(written, str):
            return overall, written
        # A number whose range nobody stated says neither pass nor fail: 3 may be of 5 or of 100.
        unstated = self.is_open and self.scale.kind == "pass_fail" and overall not in (0.0, 1.0)
        return overall, None if overall is None or unstated else self.scale.outcome(overall)

    def _computed(self, numbers: dict[str, float]) -> float:
        if self.overall == "all":
            return _tidy(min(numbers.values()))
        total = sum(self.weights[name] for name in numbers)
        return _tidy(sum(self.weights[name] * number for name, number in numbers.items()) / total)

    def _preferred(self, scores: dict[str, Json]) -> float | None:
        """How far A is preferred, where a prompt asks for a score of each answer and for no winner."""
        if self.scale.kind != "preference":
            return None
        for name, first in scores.items():
            second = scores.get(_other_side(name) or "")
            if name[-1] in "aA" and isinstance(first, (int, float)) and isinstance(second, (int, float)):
                return 0.5 if first == second else float(first > second)
        return None

    def read_choice(self, word_probs: dict[str, float]) -> Reading:
        """The verdict in its token's distribution: the likelier word; on an ordinal scale the mean. Raises Misread.

        confidence is the probability on the verdict's side; on an ordinal scale without pass_from, of the likeliest
        level.
        """
        if not self.choices:
            raise Misread("not one token: this judge's verdict can't be read from one token")
        total = sum(max(word_probs.get(word, 0.0), 0.0) for word in self.choices)
        if not total > 0:
            raise Misread(f"no verdict: none of {', '.join(self.choices)} has any probability")
        probs = {word: max(word_probs.get(word, 0.0), 0.0) / total for word in self.choices}
        if self.scale.kind == "ordinal":
            return self._mean_reading(probs)
        ranked = sorted(probs.items(), key=lambda item: -item[1])
        if ranked[0][1] == ranked[1][1]:
            raise Misread(f"undecided: {ranked[0][0]!r} and {ranked[1][0]!r} are equally likely")
        by_value = {str(self.scale.value_of(word)): prob for word, prob in probs.items()}
        verdict = self.scale.value_of(ranked[0][0])
        overall = self.scale.number(verdict)
        if self.scale.kind == "preference":
            overall = by_value["a"] + by_value.get("tie", 0.0) / 2
        return self._choice_reading(verdict if isinstance(verdict, str) else None, overall, ranked[0][1], by_value)

    def _mean_reading(self, probs: dict[str, float]) -> Reading:
        mean = _tidy(sum(float(word) * prob for word, prob in probs.items()))
        verdict = self.scale.outcome(mean)
        if verdict is None:
            confidence = max(probs.values())
        else:
            confidence = sum(prob for word, prob in probs.items() if self.scale.outcome(float(word)) == verdict)
        return self._choice_reading(verdict, mean, confidence, probs)

    def _choice_reading(
        self, verdict: Outcome | None, overall: float, confidence: float, probabilities: dict[str, float]
    ) -> Reading:
        named = {name: overall for name in self.weights} if self.overall == "only" else {}
        scores: dict[str, Json] = {**named, "overall": overall, "reasoning": None}
        return Reading(verdict=verdict, scores=scores, confidence=confidence, probabilities=probabilities)

    def read_text(self, text: str) -> Reading:
        """The verdict in an answer without JSON: what the last line says, alone or after a colon. Raises Misread.

        "Verdict: PASS", "4/5", "結論：不通過", "[[A]]". What stands above it is the critique.
        """
        lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
        if not lines:
            raise Misread("empty: the answer is empty")
        last = lines[-1]
        value: Outcome | float | None = None
        for part in dict.fromkeys((last, last.replace("：", ":").rpartition(":")[2])):
            try:
                value = self.scale.read(part)
                break
            except Misread:
                continue
        if value is None:
            raise Misread(f"no verdict: the last line is {_shown(last)}, expected {self.scale.text()}")
        critique = text.strip()[: text.strip().rindex(last)].strip()
        role: Role = "verdict" if isinstance(value, str) else "overall"
        return self._combined(_Said(own={role: value}, critiques=[critique] if critique else []))

    def unswap(self, reading: Reading) -> Reading:
        """A reading of a pair that was shown as B and A, turned back: what was said of A is said of B."""
        flipped: dict[str, Json] = {}
        preferences = {field.name for field in self.fields if field.scale and field.scale.kind == "preference"}
        for name, value in reading.scores.items():
            is_preference = name == "overall" or name in preferences or name in self.weights
            if is_preference and isinstance(value, (int, float)) and self.scale.kind == "preference":
                flipped[name] = _tidy(1 - value)
            else:
                flipped[_other_side(name) or name] = value
        sides: dict[str | None, Any] = {"a": "b", "b": "a"}
        probabilities = reading.probabilities and {
            sides.get(word, word): prob for word, prob in reading.probabilities.items()
        }
        return msgspec.structs.replace(
            reading,
            verdict=sides.get(reading.verdict, reading.verdict),
            scores={name: flipped[name] for name in (*(n for n in flipped if n != "reasoning"), "reasoning")},
            probabilities=probabilities,
        )


def _held(raw: Json) -> Json:
    """The value in an object that says only "here is the score", which models like to make of a plain score."""
    if not isinstance(raw, dict):
        return raw
    scores = [value for key, value in raw.items() if keys.plain_key(key) in keys.GENERIC]
    return scores[0] if len(scores) == 1 else raw


def _labelled(path: tuple[str, ...], critique: str) -> str:
    """The critique of one criterion with the criterion's name in front."""
    is_of_one = len(path) > 1 and keys.plain_key(path[-2]) not in keys.WRAPPERS
    return f"{path[-2]}: {critique}" if is_of_one else critique


def _other_side(name: str) -> str | None:
    """score_a for score_b, and the other way round."""
    if name[-1:] not in _SIDES or (len(name) > 1 and name[-2] not in "_ -"):
        return None
    return name[:-1] + _SIDES[name[-1]]


def _find(obj: dict[str, Json], path: tuple[str, ...]) -> tuple[bool, Json]:
    """Whether a value stands at a path, and the value; keys are compared without case and spacing."""
    value: Json = obj
    for key in path:
        if not isinstance(value, dict):
            return False, None
        if key not in value:
            plain = keys.plain_key(key)
            same = next((other for other in value if keys.plain_key(other) == plain), None)
            if same is None:
                return False, None
            key = same
        value = value[key]
    return True, value


def _by_another_name(obj: dict[str, Json]) -> list[str]:
    """A critique under a key that was not asked for: servers that keep to no schema let a model say "reason" for it."""
    said = (value for key, value in obj.items() if keys.plain_key(key) in keys.CRITIQUE)
    return next(([value.strip()] for value in said if isinstance(value, str) and value.strip()), [])


def _fields_by_name(obj: dict[str, Json], scale: Scale) -> tuple[Field, ...]:
    """The fields of an object that no prompt described, by their keys' names."""
    found: list[tuple[tuple[str, ...], Json]] = []
    _walk(obj, (), found)
    open_scale = Scale(kind="ordinal")
    verdicts = [path for path, value in found if keys.name_of(path).lower() in keys.VERDICT and _reads(scale, value)]
    numbers = [path for path, value in found if isinstance(value, (int, float)) and not isinstance(value, bool)]
    overalls = [path for path in numbers if keys.plain_key(keys.name_of(path)) in keys.OVERALL] or (
        numbers if len(numbers) == 1 else []
    )
    overall = min(overalls, key=lambda path: (keys.rank(keys.name_of(path)), len(path)), default=None)
    verdict = min(verdicts, key=lambda path: (keys.rank(keys.name_of(path)), len(path)), default=None)
    fields: list[Field] = []
    for path, value in found:
        name = keys.name_of(path)
        if path == overall:
            own = scale if scale.kind == "ordinal" else open_scale
            fields.append(Field(name="overall", path=path, role="overall", scale=own))
        elif path == verdict and scale.kind != "ordinal":
            fields.append(Field(name="verdict", path=path, role="verdict", scale=scale))
        elif keys.plain_key(name) in keys.CRITIQUE:
            fields.append(Field(name="reasoning", path=path, role="critique", required=False))
        elif path in numbers:
            fields.append(Field(name=name, path=path, role="criterion", scale=open_scale))
        elif isinstance(value, bool):
            fields.append(Field(name=name, path=path, role="other"))
    return tuple(fields)


def _walk(obj: dict[str, Json], path: tuple[str, ...], found: list[tuple[tuple[str, ...], Json]]) -> None:
    for key, value in obj.items():
        if isinstance(value, dict) and len(path) < 4:
            _walk(value, (*path, key), found)
        else:
            found.append(((*path, key), value))


def _reads(scale: Scale, value: Json) -> bool:
    try:
        scale.read(value)
    except Misread:
        return False
    return True


def _at(path: tuple[str, ...], misread: Misread) -> str:
    """The reason with the key in it: "off scale: 'overall' is 7, ..."."""
    kind, _, rest = misread.reason.partition(": ")
    return f"{kind}: {_path(path)} is {rest}"


def _path(path: tuple[str, ...]) -> str:
    return repr(".".join(path))


def _tidy(number: float) -> float:
    """Without the dust of addition, and whole numbers as int."""
    rounded = round(number, 9)
    return int(rounded) if float(rounded).is_integer() else rounded


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 3]}..."
