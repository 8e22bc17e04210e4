"""Every setting, resolved once into one frozen object.

`SETTINGS` is the one table of settings: the command line, the environment, dikast.toml, the documentation and the
tests read it. A value comes from the first of: an explicit argument, the environment (`DIKAST_<NAME>`), dikast.toml,
the default. API keys are not settings: they stay in the environment, under the names their owners gave them.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import platformdirs

from dikast.errors import SettingError

PREFIX = "DIKAST_"

Kind = Literal["text", "list", "flag", "integer", "number", "path", "store", "table"]

EXPECTED: dict[Kind, str] = {
    "text": "a text",
    "list": "a list of texts (in the environment: separated by commas)",
    "flag": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "path": "a path",
    "store": "a path or a database URL",
    "table": "a table of texts (in the environment: as JSON)",
}
SECTIONS = ("review",)
"""Tables of dikast.toml that group settings: `links` in [review] is the setting `review_links`."""


@dataclass(frozen=True)
class Setting:
    """One row of the settings table.

    type: how the value is read. minimum: the least a number may be. default_help: what stands for the default where it
    depends on the machine or the folder. example: what the commented line in a new dikast.toml shows.
    """

    name: str
    default: Any
    type: Kind
    help: str
    minimum: float | None = None
    default_help: str | None = None
    example: Any = None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.name.upper()

    @property
    def sample(self) -> Any:
        """A value that could stand there."""
        return self.default if self.example is None else self.example


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "model",
        None,
        "text",
        "The model that answers: embedded, a GGUF file, SERVER/NAME, or a bare name with base_url.",
        default_help="the one that the judge names",
        example="ollama/qwq:32b",
    ),
    Setting(
        "base_url",
        (),
        "list",
        "Where the model's servers are; several share the load.",
        default_help="the server's usual address on this machine",
        example=["http://127.0.0.1:11434"],
    ),
    Setting(
        "allow_cloud",
        False,
        "flag",
        "Let requests leave this machine and its private network.",
    ),
    Setting(
        "redact",
        True,
        "flag",
        "Replace personal data and secrets in what leaves for a cloud. false is told on stderr and in the ledger.",
    ),
    Setting(
        "redact_key",
        None,
        "path",
        "The key of the pseudonyms: the same value gets the same one as long as the key is the same.",
        default_help="redaction.key in the user's configuration folder",
        example="~/keys/redaction.key",
    ),
    Setting(
        "redact_fields",
        MappingProxyType({}),
        "table",
        "What `dikast import --redact` does with a field: redact, pseudonym (all of it), keep or drop.",
        default_help="redact, for all of them",
        example={"metadata.user_email": "drop"},
    ),
    Setting(
        "concurrency",
        None,
        "integer",
        "Calls under way at once, for each server.",
        minimum=1,
        default_help="found while running: it grows as long as that is faster",
        example=8,
    ),
    Setting(
        "timeout_s",
        600.0,
        "number",
        "Seconds that one call may take.",
        minimum=0.001,
    ),
    Setting(
        "patience_s",
        600.0,
        "number",
        "Seconds to wait for a server that went away before a run gives up; what was answered is kept.",
        minimum=0,
    ),
    Setting(
        "store",
        None,
        "store",
        "Where runs and answers are kept: a SQLite file or a database URL.",
        default_help=".dikast/store.db in the workspace",
        example="postgresql://localhost/dikast",
    ),
    Setting(
        "cache",
        None,
        "path",
        "The folder where the embedded model is kept.",
        default_help="the user's cache folder",
        example="~/.cache/dikast",
    ),
    Setting(
        "review_links",
        MappingProxyType({}),
        "table",
        "Links beside each interaction to be labelled; {id} and {metadata.KEY} stand for the interaction's own.",
        default_help="none",
        example={"crm": "https://crm.local/{metadata.user_id}"},
    ),
    Setting(
        "review_principal",
        None,
        "text",
        "The principal expert, as in the labels' annotator: their word binds where people differ.",
        default_help="nobody: a settled label binds, else what most say",
        example="ada",
    ),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Settings:
    """Every setting's value, and in `origin` where it came from.

    origin: name -> "argument", the environment variable ("DIKAST_MODEL"), the path of dikast.toml, or "default".
    """

    model: str | None
    base_url: tuple[str, ...]
    allow_cloud: bool
    redact: bool
    redact_key: Path
    redact_fields: Mapping[str, str]
    concurrency: int | None
    timeout_s: float
    patience_s: float
    store: str = field(repr=False)  # a database URL may hold a password
    cache: Path
    review_links: Mapping[str, str]
    review_principal: str | None
    origin: Mapping[str, str] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """The values as JSON, for keeping with a run; passwords in URLs are masked."""
        values: dict[str, Any] = {setting.name: getattr(self, setting.name) for setting in SETTINGS}
        values["cache"] = str(self.cache)
        values["redact_key"] = str(self.redact_key)
        values["redact_fields"] = dict(self.redact_fields)
        values["review_links"] = dict(self.review_links)
        values["base_url"] = [mask_password(url) for url in self.base_url]
        values["store"] = mask_password(self.store)
        return values


def mask_password(url: str) -> str:
    """A URL whose password is shown as ***; other text as it is.

    >>> mask_password("postgresql://ada:secret@db/dikast")
    'postgresql://ada:***@db/dikast'
    """
    return re.sub(r"(?<=://)([^/@:]*):.*@", r"\1:***@", url)


def resolve_settings(root: Path, file: Path | None, environ: Mapping[str, str], given: Mapping[str, Any]) -> Settings:
    """Every setting, resolved once: what is `given` (and not None), else the environment, the file, the default.

    root: the workspace, from which paths in the file and the default store are counted. Other paths are counted from
    the current folder. Raises SettingError for a value of the wrong type and for names that are no settings.
    """
    _reject_unknown(given, "argument")
    _reject_misspelt(environ)
    in_file = _read_file(file) if file else {}
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for setting in SETTINGS:
        name, base = setting.name, Path.cwd()
        if given.get(name) is not None:
            raw, origin[name] = given[name], "argument"
        elif environ.get(setting.variable, "").strip():
            raw, origin[name] = environ[setting.variable], setting.variable
        elif name in in_file:
            raw, origin[name], base = in_file[name], str(file), root
        else:
            values[name], origin[name] = setting.default, "default"
            continue
        values[name] = _read_value(setting, raw, origin[name], base)
    values["store"] = values["store"] or str(root / ".dikast" / "store.db")
    values["redact_key"] = values["redact_key"] or platformdirs.user_config_path("dikast") / "redaction.key"
    values["cache"] = values["cache"] or platformdirs.user_cache_path("dikast")
    return Settings(**values, origin=MappingProxyType(origin))


def settings_file() -> str:
    """The text of a new dikast.toml: every setting explained, and commented out."""
    parts = [
        "# The settings of this Dikast workspace. What is commented out has its default.\n"
        "# API keys don't belong here: they stay in the environment.\n"
    ]
    for setting in SETTINGS:
        default = setting.default_help or shown(setting.default)
        parts.append(
            f"# {setting.help}\n"
            f"# Default: {default}. Environment: {setting.variable}.\n"
            f"# {setting.name} = {shown(setting.sample)}\n"
        )
    return "\n".join(parts)


def shown(value: Any) -> str:
    """A value as it stands in dikast.toml."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    if isinstance(value, (int, float)):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key_shown(name)} = {shown(one)}" for name, one in value.items()) + " }"
    return f'"{value}"'


def _key_shown(name: str) -> str:
    """A key as TOML takes it as one: with a dot in it, it would be two."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'


def _read_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        values = tomllib.loads(text)
    except OSError as error:
        raise SettingError(f"can't read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"{file} is not UTF-8 (byte {error.start})", hint="Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{file} is not valid TOML: {error}") from error
    values = _without_sections(values)
    _reject_unknown(values, str(file), text)
    return values


def _without_sections(values: dict[str, Any]) -> dict[str, Any]:
    """The values with those of a section under their full names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if name in SECTIONS and isinstance(value, dict):
            flat |= {f"{name}_{key}": one for key, one in value.items()}
        else:
            flat[name] = value
    return flat


def _reject_unknown(names: Iterable[str], source: str, text: str | None = None) -> None:
    for name in names:
        if name in _BY_NAME:
            continue
        where = _place(source, name, text)
        if re.search(r"key|token|secret|password", name, re.IGNORECASE):
            hint = "API keys are read from the environment only, such as OPENAI_API_KEY."
        else:
            near = difflib.get_close_matches(name, _BY_NAME, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"The settings are: {', '.join(_BY_NAME)}."
        raise SettingError(f"{where}: {name!r} is not a setting", hint=hint)


def _reject_misspelt(environ: Mapping[str, str]) -> None:
    """Raise for a variable that all but names a setting; other DIKAST_ variables may belong to somebody else."""
    known = {setting.variable for setting in SETTINGS}
    for variable in environ:
        if variable.startswith(PREFIX) and variable not in known:
            near = difflib.get_close_matches(variable, known, n=1, cutoff=0.85)
            if near:
                raise SettingError(
                    f"the environment variable {variable} is not a setting", hint=f"Did you mean {near[0]}?"
                )


def _place(source: str, name: str, text: str | None) -> str:
    """The source, with the line of a key where it can be found."""
    pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(name)}\b")
    for number, line in enumerate((text or "").splitlines(), start=1):
        if pattern.match(line):
            return f"{source}, line {number}"
    return source


def _read_value(setting: Setting, raw: Any, source: str, base: Path) -> Any:
    try:
        value = _READERS[setting.type](raw, base)
    except (TypeError, ValueError):
        raise SettingError(f"{source}: {setting.name} is {raw!r}, and {EXPECTED[setting.type]} is expected") from None
    if setting.minimum is not None and value < setting.minimum:
        raise SettingError(f"{source}: {setting.name} is {raw!r}, and at least {setting.minimum:g} is expected")
    return value


def _text(raw: Any, base: Path) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise TypeError
    return raw.strip()


def _list(raw: Any, base: Path) -> tuple[str, ...]:
    if isinstance(raw, str):
        return tuple(part for part in re.split(r"[,\s]+", raw) if part)
    if not isinstance(raw, (list, tuple)):
        raise TypeError
    return tuple(_text(part, base) for part in raw)


def _flag(raw: Any, base: Path) -> bool:
    if isinstance(raw, bool):
        return raw
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if not isinstance(raw, str) or raw.strip().lower() not in words:
        raise TypeError
    return words[raw.strip().lower()]


def _integer(raw: Any, base: Path) -> int:
    if isinstance(raw, bool) or not isinstance(raw, (int, str)):
        raise TypeError
    return int(raw)


def _number(raw: Any, base: Path) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise TypeError
    if not math.isfinite(value := float(raw)):
        raise ValueError
    return value


def _path(raw: Any, base: Path) -> Path:
    if not isinstance(raw, (str, os.PathLike)) or not str(raw).strip():
        raise TypeError
    return base / Path(raw).expanduser()


def _store(raw: Any, base: Path) -> str:
    """A database URL as it is; a path made absolute, so that it means the same in every folder of the workspace."""
    return raw if isinstance(raw, str) and "://" in raw else str(_path(raw, base))


def _table(raw: Any, base: Path) -> Mapping[str, str]:
    value = json.loads(raw) if isinstance(raw, str) else raw
    if not isinstance(value, Mapping):
        raise TypeError
    return MappingProxyType({_text(name, base): _text(one, base) for name, one in _flat(value)})


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The table's entries by path: TOML reads `metadata.user = "drop"` as a table in a table."""
    for name, one in table.items():
        if isinstance(one, Mapping):
            yield from _flat(one, f"{above}{name}.")
        else:
            yield f"{above}{name}", one


_READERS: dict[Kind, Callable[[Any, Path], Any]] = {
    "text": _text,
    "list": _list,
    "flag": _flag,
    "integer": _integer,
    "number": _number,
    "path": _path,
    "store": _store,
    "table": _table,
}
