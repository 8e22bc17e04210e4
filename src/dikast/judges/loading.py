"""Judges as files: finding and reading them, errors that say where, and writing them."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

from dikast.errors import JudgeError, OutputError
from dikast.judges.scale import Scale
from dikast.records import Json

SAMPLES = Path(__file__).with_name("samples")

PROMPT, POOL = "prompt.md", "pool.jsonl"

_YAML = (".yaml", ".yml", ".json")
_PLAIN = (".md", ".txt")
_MOST_NESTED = 50
_PATH = re.compile(r"([a-z_]+(?:\[\d+\]|\.[^\s:\[\]]+)*): ")
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_MEANT = {
    "rubric": "criteria",
    "dimensions": "criteria",
    "few_shot": "examples",
    "shots": "examples",
    "ignore": "earns_nothing",
    "model": "settings.model",
    "temperature": "settings.temperature",
    "max_tokens": "settings.max_tokens",
    "thinking": "settings.thinking",
    "seed": "settings.seed",
    "instructions": "task",
    "lang": "language",
    "samples": "votes",
    "question": "description",
    "definition": "description",
    "threshold": "scale.pass_from",
    "type": "kind",
    "min": "low",
    "max": "high",
    "label": "verdict",
    "reasoning": "critique",
    "reason": "critique",
}


class Document(msgspec.Struct, frozen=True):
    """Where a definition came from, so that an error can name the file and the line."""

    file: Path
    yaml_text: str | None = None
    prompt_file: Path | None = None

    def located(self, error: JudgeError) -> JudgeError:
        """The same error with the file in front, and the line of the key that it is about."""
        message = str(error)
        match = _PATH.match(message)
        place = str(self.file)
        if match and match[1] == "prompt" and self.prompt_file is not None:
            place, message = str(self.prompt_file), message[match.end() :]
        elif match and self.yaml_text is not None and (line := _line_of(self.yaml_text, match[1])):
            place = f"{place}, line {line}"
        return JudgeError(f"{place}: {message}", hint=error.hint)


def read_definition(path: Path) -> tuple[dict[str, Json], Document]:
    """What a judge's file or folder says, name included, and where it stands. Raises JudgeError."""
    try:
        if path.is_dir():
            return _read_folder(path)
        if not path.exists():
            raise JudgeError(
                f"{path}: there is no such file or folder", hint="A new judge is written by: dikast judge new"
            )
        if path.suffix.lower() in _YAML:
            text = _text_of(path)
            return {"name": path.stem} | _parsed(text, path), Document(path, text)
        return {"name": path.stem, "prompt": _text_of(path)}, Document(path, prompt_file=path)
    except OSError as error:
        raise JudgeError(f"{error.filename or path}: can't be read: {error.strerror}") from None


def is_cascade(path: Path) -> bool:
    """Whether a judge's file or folder is a cascade of several judges. Raises JudgeError where it can't be read."""
    file = next((file for s in _YAML if (file := path / f"judge{s}").exists()), None) if path.is_dir() else path
    if file is None or file.suffix.lower() not in _YAML or not file.exists():
        return False
    return read_definition(path)[0].get("kind") == "cascade"


def named(folder: Path, name: str) -> Path | None:
    """The judge of this name in a folder of judges."""
    if not name or name in (".", "..") or "/" in name or "\\" in name:
        return None
    for candidate in (folder / name, *(folder / f"{name}{suffix}" for suffix in (*_YAML, *_PLAIN))):
        if candidate.exists():
            return candidate
    return None


def names_in(folder: Path) -> list[str]:
    """The names of the judges in a folder."""
    if not folder.is_dir():
        return []
    found = {p.name if p.is_dir() else p.stem for p in folder.iterdir() if p.is_dir() or p.suffix in (*_YAML, *_PLAIN)}
    return sorted(name for name in found if not name.startswith((".", "_")))


def spelled_out(definition: Any) -> dict[str, Json]:
    """The definition with short spellings written out (a scale's name, levels by number), without empty keys."""
    if not isinstance(definition, dict):
        raise JudgeError(f"a judge is a mapping with name, task and more; got {_shown(definition)}")
    result = {key: value for key, value in definition.items() if value is not None}
    if "scale" in result:
        result["scale"] = _scale(result["scale"])
    if isinstance(criteria := result.get("criteria"), (list, tuple)):
        result["criteria"] = [_with_level_words(criterion) for criterion in criteria]
    return {key: _as_json(value, str(key)) for key, value in result.items()}


def check_keys(definition: dict[str, Json], known: dict[str, tuple[str, ...]]) -> None:
    """Raise JudgeError for a key that there is not; `known` has the keys of each part, "" being the whole."""
    for part, names in known.items():
        value = definition if not part else definition.get(part)
        entries = enumerate(value) if isinstance(value, (list, tuple)) else [(None, value)]
        for index, entry in entries:
            for key in entry if isinstance(entry, dict) else ():
                if key not in names:
                    at = f"{part}[{index}].{key}" if index is not None else f"{part}.{key}" if part else f"{key}"
                    raise JudgeError(
                        f"{at}: there is no such key{_near(str(key), names)}", hint=f"Keys here: {', '.join(names)}"
                    )


def explained(
    error: msgspec.ValidationError, definition: dict[str, Json], choices: dict[str, tuple[str, ...]]
) -> JudgeError:
    """A validation error in the words of the definition: the key, what is expected, what was given."""
    text, _, at = str(error).partition(" - at `$")
    path = at.rstrip("`").lstrip(".")
    if isinstance(error.__cause__, JudgeError):
        place = "" if _PATH.match(text) else f"{path}: " if path else ""
        return JudgeError(f"{place}{text}", hint=error.__cause__.hint)
    given = _at(definition, path)
    if match := re.match(r"Object missing required field `(\w+)`", text):
        where = f"{path}." if path else ""
        return JudgeError(f"{where}{match[1]}: is missing")
    if text.startswith("Invalid enum value"):
        allowed = choices.get(path.rpartition(".")[2], ())
        near = difflib.get_close_matches(str(given), allowed, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        return JudgeError(f"{path}: is {_shown(given)}; expected {' or '.join(allowed)}{meant}")
    if match := re.match(r"Expected `([^`]+)`, got `([^`]+)`", text):
        expected = " or ".join(_TYPES.get(name.strip(), name.strip()) for name in match[1].split("|"))
        return JudgeError(f"{path}: expected {expected}, got {_shown(given)}")
    text = text.replace("`", "")
    return JudgeError(f"{path}: {text[:1].lower()}{text[1:]}" if path else text)


def as_lines(entries: Json) -> str:
    """A list as JSON Lines."""
    return "".join(f"{msgspec.json.encode(entry).decode()}\n" for entry in entries)


def as_yaml(value: dict[str, Json]) -> str:
    """A mapping as YAML that people like to edit: keys in order, long texts as blocks."""
    text: str = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    return text


def write_new(folder: Path, files: dict[str, str]) -> None:
    """Write files into a folder, none of which may be there yet. Raises JudgeError or OutputError."""
    for name in ("judge.yaml", "judge.yml", "judge.json", *files):
        if (folder / name).exists():
            raise JudgeError(
                f"{folder / name} is there already, and is not overwritten", hint="Give another name, or remove it."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise OutputError(f"can't write the judge to {folder}: {error.strerror}") from error


def _read_folder(folder: Path) -> tuple[dict[str, Json], Document]:
    name = folder.resolve().name
    prompts = [folder / file for file in (PROMPT, "prompt.txt") if (folder / file).exists()]
    definition = next((file for s in _YAML if (file := folder / f"judge{s}").exists()), None)
    if definition is None:
        if not prompts:
            raise JudgeError(
                f"{folder}: there is no judge.yaml in this folder", hint="Write one with: dikast judge new"
            )
        return {"name": name, "prompt": _text_of(prompts[0])}, Document(prompts[0], prompt_file=prompts[0])
    text = _text_of(definition)
    raw = {"name": name} | _parsed(text, definition)
    if prompts:
        if raw.get("prompt") is not None:
            raise JudgeError(f"{definition}: prompt: stands here and in {prompts[0].name} beside it; keep one of them")
        raw["prompt"] = _text_of(prompts[0])
    if (pool := folder / POOL).exists():
        if raw.get("pool") is not None:
            raise JudgeError(f"{definition}: pool: stands here and in {POOL} beside it; keep one of them")
        return raw | {"pool": _pool(pool)}, Document(definition, text, prompts[0] if prompts else None)
    return raw, Document(definition, text, prompts[0] if prompts else None)


def _pool(path: Path) -> list[Json]:
    """The examples of a pool, one a line."""
    entries = []
    for number, line in enumerate(_text_of(path).splitlines(), 1):
        if line.strip():
            try:
                entries.append(msgspec.json.decode(line))
            except msgspec.DecodeError as error:
                raise JudgeError(f"{path}, line {number}: not JSON: {error}") from None
    return entries


def _text_of(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JudgeError(f"{path}: byte {error.start} is not UTF-8", hint="Save the file as UTF-8.") from None
    if not text.strip():
        raise JudgeError(f"{path}: the file is empty")
    return text


def _parsed(text: str, path: Path) -> dict[str, Json]:
    try:
        raw = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise JudgeError(f"{path}{where}: not YAML: {error.problem or error.context}", hint=_yaml_hint(error)) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise JudgeError(f"{path}: not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise JudgeError(f"{path}: a judge is a mapping with name, task and more; got {_shown(raw)}")
    if odd := [key for key in raw if not isinstance(key, str)]:
        raise JudgeError(f"{path}: {odd[0]!r} is not a key that a judge can have")
    return raw


def _yaml_hint(error: yaml.MarkedYAMLError) -> str | None:
    if "mapping values are not allowed" in (error.problem or ""):
        return "A text with a colon in it goes in quotes, or after `|` on lines of its own."
    return None


def _as_json(value: Any, at: str, depth: int = 0) -> Json:
    """A value with texts for the keys of mappings, as JSON has them. Raises JudgeError for what JSON can't say."""
    if depth > _MOST_NESTED:
        raise JudgeError(f"{at[:40]}: is nested more than {_MOST_NESTED} deep")
    if isinstance(value, dict):
        return {str(key): _as_json(entry, f"{at}.{key}", depth + 1) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(entry, f"{at}[{index}]", depth + 1) for index, entry in enumerate(value)]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise JudgeError(f"{at}: is {_shown(value)}, which is none of text, number, true, false, list and mapping")


def _scale(scale: Any) -> Any:
    """A scale as a mapping; steps of 1 between whole numbers where no step is given."""
    if isinstance(scale, str):
        return msgspec.to_builtins(Scale.of(scale))
    if not isinstance(scale, dict):
        return scale
    result: dict[str, Any] = _with_level_words(scale)
    low, high = result.get("low"), result.get("high")
    if "kind" not in result and low is not None:
        result = {"kind": "ordinal", **result}
    if "step" not in result and _is_whole(low) and _is_whole(high) and (low, high) != (0, 1):
        result["step"] = 1
    return result


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and float(value).is_integer()


def _with_level_words(part: Any) -> Any:
    if not isinstance(part, dict) or not isinstance(part.get("levels"), dict):
        return part
    return {**part, "levels": {_level_word(key): meaning for key, meaning in part["levels"].items()}}


def _level_word(key: Any) -> str:
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    return str(key).strip().lower()


def _line_of(text: str, key_path: str) -> int | None:
    """The line in which the value at a key path begins, or that of the last part of the path that there is."""
    node = yaml.compose(text, Loader=_Loader)
    line = None
    for step in re.findall(r"[^.\[\]]+", key_path):
        if isinstance(node, yaml.MappingNode):
            entry = next(((key, value) for key, value in node.value if key.value == step), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line + 1, entry[1]
        elif isinstance(node, yaml.SequenceNode) and step.isdigit() and int(step) < len(node.value):
            node = node.value[int(step)]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _at(definition: Any, path: str) -> Any:
    value = definition
    for step in re.findall(r"[^.\[\]]+", path):
        try:
            value = value[int(step)] if isinstance(value, (list, tuple)) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


def _near(key: str, names: tuple[str, ...]) -> str:
    meant = _MEANT.get(key.lower(), "")
    is_there = meant in names or (meant.partition(".")[0] in names and "." in meant)
    close = [meant] if is_there else difflib.get_close_matches(key, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


class _Loader(yaml.CSafeLoader):
    """Safe YAML in which only true and false are booleans (`thinking: off` is a word), and no key stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


_WORDS = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _WORDS]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_WORDS[0], re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))


class _Dumper(yaml.SafeDumper):
    """YAML with texts of several lines as blocks, and lists indented."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def represent_text(self, text: str) -> yaml.Node:
        node: yaml.Node = self.represent_scalar(
            "tag:yaml.org,2002:str", text, style="|" if "\n" in text.strip() else None
        )
        return node


_Dumper.add_representer(str, _Dumper.represent_text)
