"""What a GGUF file says of itself: architecture, quantisation, context, chat template, and the hash of its bytes.

The header is read here and not by the gguf package, whose reader makes an array object for every token of a vocabulary
(seconds, and hundreds of megabytes, with today's vocabularies). Hashing gigabytes takes seconds too, so what was found
is remembered in the cache folder under the file's path, size and time of change.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import re
import struct
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from dikast.errors import InputError, MissingExtra

_MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_CONTROL = 3  # the token type of turn marks and the like
_KEPT_ARRAYS = ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type")
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


class GgufFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One model file. `digest` is the SHA-256 of the file (of all parts in order, where it is split)."""

    architecture: str
    name: str | None
    size_label: str | None
    quantization: str
    parameters: int
    context_length: int | None
    chat_template: str | None
    control_tokens: tuple[str, ...]
    cache_bytes_per_token: int
    digest: str
    file_bytes: int

    @property
    def chat_template_hash(self) -> str | None:
        """SHA-256 of the chat template, 16 hex digits."""
        return hashlib.sha256(self.chat_template.encode()).hexdigest()[:16] if self.chat_template else None

    @property
    def size(self) -> str:
        """The number of parameters as people write it: "135M", "7.6B"."""
        for unit, name in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
            if self.parameters >= unit:
                number = self.parameters / unit
                return f"{number:.0f}{name}" if number >= 10 else f"{number:.1f}{name}"
        return str(self.parameters)


def cache_folder() -> Path:
    """Where models and what was found out about them are kept: DIKAST_CACHE, or the user's cache folder."""
    return Path(os.environ.get("DIKAST_CACHE") or platformdirs.user_cache_dir("dikast"))


def describe_gguf(path: Path) -> GgufFacts:
    """The facts of a GGUF file; InputError when it is missing, cut off or no GGUF."""
    check_gguf(path)
    parts = _parts(path)
    stamp = [[part.name, part.stat().st_size, part.stat().st_mtime_ns] for part in parts]
    memory = cache_folder() / "facts" / f"{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, msgspec.DecodeError):
        known = msgspec.json.decode(memory.read_bytes(), type=_Remembered)
        if known.stamp == stamp:
            return known.facts
    facts = _facts(path, parts)
    with contextlib.suppress(OSError):  # a cache that can't be written costs time, nothing else
        write_whole(memory, msgspec.json.encode(_Remembered(stamp=stamp, facts=facts)))
    return facts


class _Remembered(msgspec.Struct, frozen=True):
    stamp: list[list[Any]]
    facts: GgufFacts


def check_gguf(path: Path) -> None:
    """Raise InputError unless this is a file that begins as a GGUF does."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except FileNotFoundError:
        raise InputError(f"there is no model file {str(path)!r}", hint="give the path of a .gguf file") from None
    except OSError as error:
        raise InputError(f"the model file {str(path)!r} can't be read: {error.strerror}") from error
    if magic != _MAGIC:
        raise InputError(
            f"{str(path)!r} is not a GGUF file: it begins with {magic!r}, not {_MAGIC!r}",
            hint="give a .gguf file; other formats have to be converted first",
        )


def import_gguf() -> Any:
    """The gguf module, or MissingExtra."""
    try:
        import gguf
    except ImportError as error:
        raise MissingExtra("the embedded engine", "embedded") from error
    return gguf


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def file_sha256(*paths: Path) -> str:
    """SHA-256 (hex) of the files' bytes, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _parts(path: Path) -> list[Path]:
    """The files of a split model, in order; else the file alone."""
    match = _PART.search(path.name)
    if not match:
        return [path]
    stem, count = path.name[: match.start()], int(match[2])
    parts = [path.with_name(f"{stem}-{number:05d}-of-{count:05d}.gguf") for number in range(1, count + 1)]
    if missing := [part.name for part in parts if not part.exists()]:
        raise InputError(
            f"{str(path)!r} is one of {count} parts, and {missing[0]!r} is not beside it", hint="get all parts"
        )
    return parts


def _facts(path: Path, parts: list[Path]) -> GgufFacts:
    gguf = import_gguf()
    headers = [_Header(part) for part in parts]
    values = headers[0].values
    architecture = str(values.get("general.architecture", "unknown"))
    sizes: Counter[int] = Counter()
    for header in headers:
        sizes += header.elements
    try:
        quantization = gguf.LlamaFileType(values["general.file_type"]).name.removeprefix("MOSTLY_").removeprefix("ALL_")
    except (KeyError, ValueError):
        kind = sizes.most_common(1)[0][0] if sizes else -1
        known = {member.value: member.name for member in gguf.GGMLQuantizationType}
        quantization = known.get(kind, "unknown")
    kinds = values.get("tokenizer.ggml.token_type", [])
    tokens = values.get("tokenizer.ggml.tokens", [])
    return GgufFacts(
        architecture=architecture,
        name=values.get("general.name"),
        size_label=values.get("general.size_label"),
        quantization=quantization,
        parameters=sizes.total(),
        context_length=values.get(f"{architecture}.context_length"),
        chat_template=values.get("tokenizer.chat_template"),
        control_tokens=tuple(token for token, kind in zip(tokens, kinds, strict=False) if kind == _CONTROL and token),
        cache_bytes_per_token=_cache_bytes(values, architecture),
        digest=file_sha256(*parts),
        file_bytes=sum(part.stat().st_size for part in parts),
    )


def _cache_bytes(values: dict[str, Any], architecture: str) -> int:
    """Bytes of key-value cache (F16) for one token: keys and values of every layer."""

    def number(key: str, default: int) -> int:
        value = values.get(f"{architecture}.{key}", default)
        return value if isinstance(value, int) else default

    layers, width, heads = number("block_count", 0), number("embedding_length", 0), number("attention.head_count", 1)
    key = number("attention.key_length", width // max(heads, 1))
    value = number("attention.value_length", width // max(heads, 1))
    bytes_per_token: int = 2 * layers * number("attention.head_count_kv", heads) * (key + value)
    return bytes_per_token


class _Header:
    """The metadata of one GGUF file, and how many weights it holds of each tensor type."""

    def __init__(self, path: Path) -> None:
        self.values: dict[str, Any] = {}
        self.elements: Counter[int] = Counter()
        self._at = 4
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                self._data = data
                end = self._read(path)
                size = len(data)
        except (struct.error, IndexError, KeyError, UnicodeDecodeError, MemoryError, OverflowError) as error:
            raise InputError(f"the header of {str(path)!r} is cut off or broken ({error})", hint=_AGAIN) from error
        if end > size:
            raise InputError(
                f"{str(path)!r} is cut off: its tensors end at byte {end:,}, the file at {size:,}", hint=_AGAIN
            )

    def _read(self, path: Path) -> int:
        """Read everything; returns where the last tensor should end."""
        gguf = import_gguf()
        version = self._scalar("I")
        if version not in (2, 3):
            raise InputError(f"{str(path)!r} is GGUF version {version}; versions 2 and 3 can be read")
        tensors, pairs = self._scalar("Q"), self._scalar("Q")
        for _ in range(pairs):
            key = self._string()
            self.values[key] = self._value(self._scalar("I"), keep=key in _KEPT_ARRAYS)
        end = 0
        for _ in range(tensors):
            self._string()
            count = 1
            for _ in range(self._scalar("I")):
                count *= self._scalar("Q")
            kind, offset = self._scalar("I"), self._scalar("Q")
            self.elements[kind] += count
            with contextlib.suppress(ValueError):  # a tensor type newer than the gguf package has no known size
                block, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)]
                end = max(end, offset + count // block * block_bytes)
        alignment = int(self.values.get("general.alignment") or 32)
        return -(-self._at // alignment) * alignment + end if tensors else self._at

    def _scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self._data, self._at)
        self._at += struct.calcsize(code)
        return value

    def _string(self) -> str:
        length = self._scalar("Q")
        if self._at + length > len(self._data):
            raise IndexError(f"a text of {length} bytes at byte {self._at}")
        self._at += length
        return self._data[self._at - length : self._at].decode("utf-8", "replace")

    def _value(self, kind: int, *, keep: bool) -> Any:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._scalar(_SCALARS[kind])
        item, count = self._scalar("I"), self._scalar("Q")
        if item in _SCALARS:
            code = _SCALARS[item]
            values = struct.unpack_from(f"<{count}{code}", self._data, self._at) if keep else None
            self._at += count * struct.calcsize(code)
            return values
        items = [self._value(item, keep=keep) for _ in range(count)]
        return items if keep else None


_AGAIN = "copy or download it again"
