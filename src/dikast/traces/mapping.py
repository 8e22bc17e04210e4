"""How traces become interactions: what one is, where its parts come from, what its feedback counts as. A TOML file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping as Dictionary
from pathlib import Path
from typing import Literal, get_args

import msgspec

from dikast.errors import InputError, OutputError
from dikast.traces.opinions import Heard, Rule, Whose, told
from dikast.traces.paths import steps_of

Unit = Literal["trace", "turn", "conversation", "llm call", "pair"]
Judged = Literal["last", "each"]

_CHOICES = "; ".join(
    f"{name} is one of {', '.join(map(repr, get_args(choice)))}"
    for name, choice in (("unit", Unit), ("judged", Judged), ("labels", Whose))
)
_PATHS = ("input", "output", "context", "reference")


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way from traces to interactions. The file that holds it explains each part; see `write`.

    drop: metadata keys that are left out. dimensions: metadata keys that are added, by path. redacted: every import
    redacts, asked for or not. redact: what happens to a field then, by its path; see redaction/rules.py.
    """

    format: str | None = None
    unit: Unit = "trace"
    judged: Judged = "last"
    input: tuple[str, ...] = ("input", "spans[kind=llm][-1].input")
    output: tuple[str, ...] = ("output", "spans[kind=llm][-1].output")
    context: tuple[str, ...] = (
        "spans[kind=retrieval].output[*].content",
        "spans[kind=retrieval].output",
        "metadata.context",
    )
    reference: tuple[str, ...] = ("reference",)
    drop: tuple[str, ...] = ()
    dimensions: dict[str, str] = {}
    redacted: bool = False
    redact: dict[str, str] = {}
    feedback: dict[str, Rule] = {}

    def check(self) -> None:
        """Raise InputError for a path that is none, and for a rule that contradicts itself."""
        for path in (*self.input, *self.output, *self.context, *self.reference, *self.dimensions.values()):
            steps_of(path)
        for name, rule in self.feedback.items():
            rule.check(name)


def read_mapping(path: Path) -> Mapping:
    """The mapping in a file. Raises InputError for a file that is missing or holds none."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        found = msgspec.convert(raw, Mapping)
    except FileNotFoundError:
        raise InputError(f"there is no mapping {str(path)!r}", hint="An import without --mapping makes one.") from None
    except OSError as error:
        raise InputError(f"the mapping {str(path)!r} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the mapping {str(path)!r} is no TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise InputError(
            f"the mapping {str(path)!r}: {error}",
            hint=f"Delete the line to get its default, or the file to get a new one. {_CHOICES}",
        ) from None
    try:
        found.check()
    except InputError as error:
        raise InputError(f"the mapping {str(path)!r}: {error}", hint=error.hint) from None
    return found


def write(mapping: Mapping, path: Path, *, heard: Dictionary[str, Heard], metadata: Dictionary[str, int]) -> None:
    """Write a mapping as a file that explains itself. heard, metadata: what was found, told in remarks."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_toml(mapping, heard=heard, metadata=metadata), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"the mapping {str(path)!r} can't be written: {error.strerror}") from error


def remember_redaction(path: Path) -> None:
    """Write into a mapping's file that every import redacts; all else in it stays. One of its own is made.

    What is no trace has no mapping else: then this is all that the file says. Raises OutputError.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{_PLAIN}{_REDACTED}\nredacted = true\n{_REDACT}\n", encoding="utf-8")
            return
        if read_mapping(path).redacted:
            return
        text = path.read_text(encoding="utf-8")
        changed = re.sub(r"(?m)^redacted *= *false", "redacted = true", text, count=1)
        # A file without the line gets it on top, before any table.
        path.write_text(changed if changed != text else f"redacted = true\n{text}", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"the mapping {str(path)!r} can't be written: {error.strerror}") from error


def as_toml(mapping: Mapping, *, heard: Dictionary[str, Heard], metadata: Dictionary[str, int]) -> str:
    """The text of a mapping's file."""
    lines = [_HEAD.rstrip("\n")]
    if mapping.format:
        lines.append(f"format = {_quoted(mapping.format)}")
    lines += [_UNIT, f"unit = {_quoted(mapping.unit)}", f"judged = {_quoted(mapping.judged)}", _PATHS_REMARK]
    lines += [f"{name} = {_listed(getattr(mapping, name))}" for name in _PATHS]
    found = ", ".join(f"{name} ({count:,})" for name, count in metadata.items()) or "none"
    lines += [_METADATA, f"# Found were: {_remark(found)}", f"drop = {_listed(mapping.drop)}"]
    lines += [_REDACTED, f"redacted = {str(mapping.redacted).lower()}", _DIMENSIONS]
    lines += [f"{_key(name)} = {_quoted(path)}" for name, path in mapping.dimensions.items()]
    lines.append(_REDACT)
    lines += [f"{_key(name)} = {_quoted(action)}" for name, action in mapping.redact.items()]
    lines.append(_FEEDBACK)
    for name, rule in mapping.feedback.items():
        if name in heard:
            lines.append(f"\n# {_remark(told(heard[name]))}")
        lines += [f"[feedback.{_key(name)}]", f"labels = {_quoted(rule.labels)}"]
        lines += [f"positive = {_listed(rule.positive)}", f"negative = {_listed(rule.negative)}"]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _listed(values: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_quoted, values))}]"


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else _quoted(name)


def _remark(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)[:2000]


_HEAD = """\
# How traces become interactions. Made by `dikast import` from what it found; edit it, and import again.
# What stands here is what an import does: `dikast import ... --preview` shows what comes of it.
"""

_PLAIN = """\
# How a dataset is imported that is interactions already. Made by `dikast import --redact`; edit it, and import again.
"""

_UNIT = """
# What one interaction is:
#   "trace"         one request to the system: its input, its final output
#   "turn"          each answer in a conversation, with the messages before it as input
#   "conversation"  traces of one conversation put together; judged is its "last" answer, or "each"
#   "llm call"      each call of a model
#   "pair"          an answer against the one that was given in its place (regenerated answers)"""

_PATHS_REMARK = """
# Where each part comes from: the first path that leads to something is taken.
#   input.question                    names, one below the other
#   messages[-1].content              an element by number; -1 is the last
#   spans[kind=retrieval].output[*]   those that have this value; all elements
# A trace has: input, output, reference, messages, spans, metadata, tags, user, model, conversation, name, started.
# A span has: name, kind (llm, tool, retrieval, agent, chain, ...), input, output, model, started, attributes."""

_METADATA = """
# The source's own metadata is kept under its names; those listed in drop are left out."""

_REDACTED = """
# Whether every import replaces personal data and secrets, as with --redact."""

_REDACT = """
# What happens to a field when it does: "redact" (what is found in it), "pseudonym" (all of it), "keep", "drop".
# "metadata.user_email" = "drop"
[redact]"""

_DIMENSIONS = """
# Metadata besides, by path. What has few different values is a dimension, along which `dikast show` looks for trouble.
# tenant = "spans[kind=llm][-1].attributes.tenant"
[dimensions]"""

_FEEDBACK = """
# What people and programs said, by the names that were found.
#   labels = "user"     labels of the system's users: kept apart from the experts', never mixed
#   labels = "expert"   labels like those given in `dikast review`
#   labels = "none"     kept in the metadata only
# positive and negative hold values ("1", "true", "thumbs_up") or comparisons (">= 4")."""
