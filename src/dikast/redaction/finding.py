"""Finding personal data and secrets in a text, with what is installed for it, and saying which recognisers are at work.

The recognisers need the extra `redact`, and are loaded when the first text is looked at.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dikast.errors import MissingExtra
from dikast.redaction.kinds import KINDS, PRIORITY, Found
from dikast.redaction.views import View, view_of

if TYPE_CHECKING:
    from dikast.redaction.recognisers import Recogniser

VERSION = "2"
"""Of what is found and how it is replaced: texts that were redacted by another one are others."""

_CHINESE = re.compile("[\u4e00-\u9fff]")


class Finder:
    """Finds what is personal or secret. Safe to share; made once for many texts.

    language_models: names of spaCy models, or loaded ones; None takes what is installed for English and Chinese.
    Raises MissingExtra where the packages for it are not installed.
    """

    def __init__(self, language_models: Sequence[Any] | None = None) -> None:
        require_packages()
        self._named = list(installed_models() if language_models is None else language_models)
        self._recognisers: list[Recogniser] | None = None
        self._models: dict[str, Any] | None = None

    @property
    def at_work(self) -> list[str]:
        """The kinds that are looked for."""
        named = [] if self._named else ["PERSON"]
        return [kind for kind in KINDS if kind not in (*named, "VALUE")]

    @property
    def not_at_work(self) -> dict[str, str]:
        """The kinds that can't be looked for here, and why."""
        if self._named:
            return {}
        return {"PERSON": "no language model of spaCy is installed (such as en_core_web_sm or zh_core_web_sm)"}

    @property
    def name(self) -> str:
        """What tells this way to find things from another: the version, and the language models."""
        models = sorted(one if isinstance(one, str) else one.meta["name"] for one in self._named)
        return "+".join([VERSION, *models])

    def find(self, text: str) -> list[Found]:
        """What is personal or secret in a text, in order; no two overlap."""
        if not text or text.isspace():
            return []
        if self._recognisers is None:
            from dikast.redaction.recognisers import all_recognisers

            self._recognisers = all_recognisers()
        view = view_of(text)
        found = [one for recogniser in self._recognisers for one in recogniser.find(view)]
        if self._named:
            found += self._persons(view)
        return [view.back(one) for one in _apart(found)]

    def _persons(self, view: View) -> Iterable[Found]:
        """The names that a language model sees; of the one for the text's language, where there is one."""
        if self._models is None:
            self._models = {model.lang: model for model in map(_loaded, self._named)}
        wanted = "zh" if _CHINESE.search(view.whole) else "en"
        for model in [self._models[wanted]] if wanted in self._models else self._models.values():
            for entity in model(view.whole[: model.max_length]).ents:
                if entity.label_ in ("PERSON", "PER"):
                    yield Found("PERSON", entity.start_char, entity.end_char)


def require_packages() -> None:
    """Raise MissingExtra where the packages that find personal data are not installed."""
    if importlib.util.find_spec("presidio_analyzer") is None:
        raise MissingExtra("replacing personal data", "redact")


def installed_models() -> list[str]:
    """The names of spaCy's language models for English and Chinese that are installed here; the largest of each."""
    from importlib.metadata import distributions

    names = {str(each.metadata["Name"] or "").replace("-", "_") for each in distributions()}
    chosen = []
    for language in ("en_core_web", "zh_core_web"):
        sizes = [f"{language}_{size}" for size in ("trf", "lg", "md", "sm")]
        chosen += [name for name in sizes if name in names and importlib.util.find_spec(name)][:1]
    return chosen


def _loaded(model: Any) -> Any:
    if not isinstance(model, str):
        return model
    load: Callable[..., Any] = importlib.import_module("spacy").load
    return load(model, exclude=["parser", "lemmatizer", "attribute_ruler"])


def _apart(found: Iterable[Found]) -> list[Found]:
    """Findings that overlap, put together: as what holds the other, else as the kind that is most certain."""
    apart: list[Found] = []
    for one in sorted(found, key=lambda each: (each.start, -each.end)):
        if apart and one.start < apart[-1].end:
            last = apart[-1]
            inside = one.end <= last.end and (one.start, one.end) != (last.start, last.end)
            kind = last.kind if inside else min(last.kind, one.kind, key=PRIORITY.__getitem__)
            apart[-1] = Found(kind, last.start, max(last.end, one.end))
        else:
            apart.append(one)
    return apart
