"""Texts, JSON and interactions with what is personal or secret in them replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from dikast.records import Interaction, Json, Label, canonical_json, text_of
from dikast.redaction.finding import Finder
from dikast.redaction.kinds import PSEUDONYM, Found
from dikast.redaction.pseudonyms import Pseudonyms
from dikast.redaction.report import RedactionReport
from dikast.redaction.rules import FIELDS, Rules

_LEAST_NUMBER = 10**8  # smaller ones are counts, sums and times
_LONGEST_SECRET = 512
_NUMBER_KINDS = ("CARD", "CN_ID", "PHONE")
_MAY_TELL = re.compile(r"[@\d]")  # names of fields have neither, as a rule
_HIDDEN_ROW = "(left out: rules of redaction hide whole fields)"
_IDS = ("trace_id", "span_id", "message_id")
_SECRET_KEY = re.compile(
    r"passw(or)?d|passphrase|passcode|^pwd$|密碼|密码|口令|(api|access|private|client|secret)[_-]?(key|token|secret)|^(token|secret)$",
    re.IGNORECASE,
)

Heard = Callable[[str, str], None]  # called with a finding's kind and the path of the field it stood in


class Redactor:
    """Replaces what a finder finds by pseudonyms. The same text always becomes the same text."""

    def __init__(self, finder: Finder, pseudonyms: Pseudonyms) -> None:
        self.finder = finder
        self._pseudonyms = pseudonyms

    @property
    def name(self) -> str:
        """What tells texts that this has redacted from those of another: what is found, and under which key."""
        return f"{self.finder.name}:{self._pseudonyms.name}"

    def text(self, text: str, heard: Callable[[str], None] | None = None, *, key: str = "") -> str:
        """A text with everything replaced that was found in it. heard: called with the kind of each finding.

        key: the name under which the text stands, which may say what it is ("password").
        """
        lead = f"{key}: " if key else ""
        parts: list[str] = []
        at = len(lead)
        whole = lead + text
        for found in self._found(whole, lead, key):
            parts += [whole[at : found.start], self._pseudonyms.of(found.kind, whole[found.start : found.end])]
            at = found.end
            if heard is not None:
                heard(found.kind)
        return "".join([*parts, whole[at:]]) if parts else text

    def whole(self, kind: str, value: Json) -> str:
        """The pseudonym of a whole value."""
        return self._pseudonyms.of(kind, value if isinstance(value, str) else canonical_json(value).decode())

    def value(self, value: Json, heard: Heard | None = None, *, path: str = "", key: str = "") -> Json:
        """JSON with every text in it redacted, to any depth; and in keys of objects, what is told by signs and digits.

        A text that is JSON itself, as a tool's arguments are, is redacted within.
        """
        if isinstance(value, str):
            inner = _json_in(value)
            if inner is not None:
                redacted = self.value(inner, heard, path=path, key=key)
                return value if redacted == inner else msgspec.json.encode(redacted).decode()
            return self.text(value, (lambda kind: heard(kind, path)) if heard else None, key=key)
        if isinstance(value, dict):
            changed: dict[str, Json] = {}
            for name, one in value.items():
                shown = _apart(self.name_of_field(name, heard, path=path), changed)
                changed[shown] = self.value(one, heard, path=f"{path}.{shown}" if path else shown, key=str(name))
            return changed
        if isinstance(value, (list, tuple)):
            return [self.value(one, heard, path=path, key=key) for one in value]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LEAST_NUMBER:
            return self._number(value, heard, path, key)
        return value

    def name_of_field(self, name: str, heard: Heard | None = None, *, path: str = "") -> str:
        """The key of an object, with what is personal in it replaced: an address under which something stands."""
        if not _MAY_TELL.search(str(name)):
            return str(name)
        return self.text(str(name), (lambda kind: heard(kind, path)) if heard else None)

    def _number(self, value: int, heard: Heard | None, path: str, key: str) -> Json:
        lead = f"{key}: " if key else ""
        for found in self.finder.find(f"{lead}{value}"):
            if found.kind in _NUMBER_KINDS and found.start <= len(lead) and found.end == len(lead) + len(str(value)):
                if heard:
                    heard(found.kind, path)
                return self._pseudonyms.of(found.kind, str(value))
        return value

    def _found(self, whole: str, lead: str, key: str) -> list[Found]:
        """What was found behind the lead. What stands under a secret's name is one, whatever it looks like."""
        start = len(lead)
        found = [Found(one.kind, max(one.start, start), one.end) for one in self.finder.find(whole) if one.end > start]
        named = key and 0 < len(whole) - start <= _LONGEST_SECRET and _SECRET_KEY.search(key)
        if not found and named and whole[start:].strip() and not PSEUDONYM.fullmatch(whole[start:].strip()):
            return [Found("SECRET", start, len(whole))]
        return found


class InteractionRedactor:
    """Redacts interactions by rules, and reports what it found where."""

    def __init__(self, redactor: Redactor, rules: Rules | None = None) -> None:
        self._redactor = redactor
        self._rules = rules or Rules()
        self.report = RedactionReport(
            kinds_looked_for=tuple(redactor.finder.at_work), kinds_left_out=dict(redactor.finder.not_at_work)
        )

    def interaction(self, item: Interaction) -> Interaction:
        """The interaction under the same id, with what is personal replaced, and what the rules say left out or kept.

        An id is never changed, nor those by which scores find their way back; what it holds is reported.
        """
        changed: dict[str, Any] = {}
        shown_id = self._redactor.text(item.id)
        self.report.ids += shown_id != item.id
        for field in FIELDS:
            value = getattr(item, field)
            if value in (None, {}, ()):
                continue
            if field == "metadata":
                changed[field] = self._metadata(item.metadata, shown_id)
            elif field == "labels":
                changed[field] = (
                    tuple(self._label(label, shown_id) for label in value)
                    if self._rules.action(field) != "drop"
                    else ()
                )
            else:
                changed[field] = self._at(field, value, shown_id, "")
        self.report.interactions += 1
        return msgspec.structs.replace(item, **changed)

    def text(self, text: str) -> str:
        """A text that belongs to no interaction, such as a row that was rejected."""
        return self._redactor.text(text)

    def name(self, name: str) -> str:
        """The name of a field, with what is personal in it replaced."""
        return self._redactor.name_of_field(name)

    def row(self, raw: str) -> str:
        """A row that became no interaction, as it may be kept: which field is which is not known of it.

        Where a rule hides whole fields, nothing of such a row can be kept.
        """
        return _HIDDEN_ROW if raw and self._rules.hides else str(self._redactor.value(raw))

    def _metadata(self, metadata: dict[str, Json], id: str) -> dict[str, Json]:
        known = _IDS if "source" in metadata else ()
        ids = {key for key in known if key in metadata and self._rules.action(f"metadata.{key}") == "redact"}
        others = {key: value for key, value in metadata.items() if key not in ids}
        redacted = self._at("metadata", others, id, "") if others else None
        return {key: metadata[key] for key in metadata if key in ids} | (redacted or {})

    def _at(self, path: str, value: Json, id: str, key: str) -> Json:
        action = self._rules.action(path)
        shown_path = self._redactor.name_of_field(path)
        if isinstance(value, dict) and self._rules:
            below = {name: self._at(f"{path}.{name}", one, id, str(name)) for name, one in value.items()}
            if path == "metadata" or action in ("redact", "drop", "keep"):
                kept: dict[str, Json] = {}
                for name, one in below.items():
                    said = self._rules.action(f"{path}.{name}")
                    if said != "drop":
                        shown = name if said == "keep" else self._redactor.name_of_field(name)
                        kept[_apart(shown, kept)] = one
                return kept or (None if action == "drop" else {})
        if action == "keep":
            return value
        if action == "drop":
            self.report.dropped[shown_path] = self.report.dropped.get(shown_path, 0) + 1
            return None
        if action == "pseudonym":
            if value in (None, "", [], {}):
                return value
            self.report.add("VALUE", shown_path, id)
            return self._redactor.whole("VALUE", text_of(value))
        return self._redactor.value(
            value, lambda kind, where: self.report.add(kind, where, id), path=shown_path, key=key
        )

    def _label(self, label: Label, id: str) -> Label:
        texts = ("critique", "note", "annotator")
        return msgspec.structs.replace(
            label, **{name: self._at(f"labels.{name}", getattr(label, name), id, "") for name in texts}
        )


def _apart(name: str, others: Collection[str]) -> str:
    """A key that is none of the others: two spellings of one address must not become one entry."""
    tried, number = name, 1
    while tried in others:
        number += 1
        tried = f"{name} ({number})"
    return tried


def _json_in(text: str) -> Json:
    """The object or list that a text is, written as JSON; None where it is none."""
    stripped = text.strip()
    if stripped[:1] + stripped[-1:] not in ("{}", "[]"):
        return None
    try:
        value = msgspec.json.decode(stripped)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) and value else None
