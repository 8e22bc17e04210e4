"""The embedded engine as an endpoint: any GGUF file, answered in this process by llama.cpp.

Calls block in C++, so they run in threads, as many as the engine has slots; the event loop lives on. Each slot keeps
what it computed of its last prompt: when prompts begin alike, only their ends are computed again.

Turn marks of the model's own template (such as `<|im_end|>`) that stand in a message are split by a space. llama.cpp
would otherwise take them for real, and a judged text could end its turn and speak for the user or the judge.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dikast.errors import EndpointDown
from dikast.models.endpoint import Capabilities, Facts, Fingerprint, Finish, Message, Reply, Request, Token
from dikast.models.engine import Body, Engine, Load, import_xllamacpp, open_engine
from dikast.models.gbnf import grammar_of
from dikast.models.gguf_file import check_gguf
from dikast.models.verdict_token import WordReader, usage_of
from dikast.models.weights import Progress, default_model
from dikast.records import Usage

T = TypeVar("T")

_ALTERNATIVES = 1000  # as many as anybody reads; the engine has no limit short of the vocabulary
_SAMPLER = {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0}
_FINISH: dict[str | None, Finish] = {"stop": "stop", "length": "length"}
_RANDOM_SEED = 2**32 - 1  # what llama.cpp takes for "any"


class EmbeddedEndpoint:
    """A GGUF file, or the default model, as an Endpoint. It is loaded (and fetched) on the first use.

    path: the file; None for the default model. threads: None for one a physical core. context_length: tokens a slot;
    None for what the model was trained for, capped. slots: calls worked on at once; more than one share the cores.
    progress: told in a line each what takes time before the first answer. cache: where the default model is kept.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        threads: int | None = None,
        context_length: int | None = None,
        slots: int = 1,
        progress: Progress | None = None,
        cache: Path | None = None,
    ) -> None:
        self._cache = cache
        self._load = Load(threads=threads, context_length=context_length, slots=slots)
        if path is not None:
            check_gguf(path)
        self._path = path
        self._progress = progress
        self._loaded: _Loaded | None = None
        self._opening = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._closing = threading.Event()

    @property
    def model(self) -> str:
        """The name as the user writes it: "embedded", or the path."""
        return "embedded" if self._path is None else str(self._path)

    async def facts(self) -> Facts:
        """Which file this is and what the engine honours; loads the model."""
        return await self._in_thread(lambda: self._open().facts())

    async def answer(self, request: Request) -> Reply:
        """One call. PromptTooLong when the prompt does not fit; the answer ends early if the task is cancelled.

        With `choices`, the reply's distribution is the model's own, over its whole vocabulary, whatever the request's
        temperature, and its usage counts the prompt once. Where it can't be read (one word begins another, or the
        model always thinks first), the answer is a written one without `choice_probs`.
        """
        stop = threading.Event()
        try:
            return await self._in_thread(lambda: self._open().answer(request, self._stopped_by(stop)))
        except asyncio.CancelledError:
            stop.set()
            raise

    async def count_tokens(self, messages: tuple[Message, ...]) -> int | None:
        """Tokens of the rendered prompt, template included."""
        return await self._in_thread(lambda: self._open().count(messages))

    async def close(self) -> None:
        """Free the weights; what is still being answered ends with EndpointDown. Used again, it loads them again."""
        self._closing.set()
        try:
            if self._threads is not None:
                await asyncio.to_thread(self._threads.shutdown)
                self._threads = None
            if self._loaded is not None:
                loaded, self._loaded = self._loaded, None
                await asyncio.to_thread(loaded.engine.close)
        finally:
            self._closing.clear()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._load.slots, thread_name_prefix="dikast-embedded")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _stopped_by(self, stop: threading.Event) -> Callable[[], bool]:
        return lambda: stop.is_set() or self._closing.is_set()

    def _open(self) -> _Loaded:
        if self._closing.is_set():
            raise _closed()
        with self._opening:
            if self._loaded is None:
                import_xllamacpp()  # what is not installed is told before a model is fetched for it
                path = self._path or default_model(self._progress, self._cache)
                self._loaded = _Loaded(open_engine(path, self._load), path.stem, self._load.slots)
            return self._loaded


class _Loaded:
    """An engine, and what its model's template makes of a request. Everything here blocks."""

    def __init__(self, engine: Engine, name: str, slots: int) -> None:
        self.engine = engine
        self._name = name
        self._slots = slots
        template = engine.gguf.chat_template or ""
        self._switch = "enable_thinking" in template
        self._thinks = self._switch or "<think>" in template
        self._marks = _any_of(engine.gguf.control_tokens)
        self._reader = WordReader(engine, self._template("off"))
        self._grammars: dict[bytes, str] = {}

    def facts(self) -> Facts:
        gguf = self.engine.gguf
        fingerprint = Fingerprint(
            server="embedded",
            server_version=self.engine.version,
            model=self._name,
            digest=gguf.digest,
            quantization=gguf.quantization,
            parameters=gguf.size,
            chat_template=gguf.chat_template_hash,
            context_length=self.engine.context_length,
            sampler=dict(_SAMPLER),
        )
        capabilities = Capabilities(
            schema=True,
            choices="exact" if self._reads_words else None,
            logprobs=_ALTERNATIVES,
            seed=self._slots == 1,  # slots are computed in one batch, and its makeup moves the last digits
            thinking_switch=self._switch,
            thinks=self._thinks,
            context_length=self.engine.context_length,
            slots=self._slots,
            refuses_long_prompts=True,
        )
        return Facts(fingerprint=fingerprint, capabilities=capabilities)

    def count(self, messages: tuple[Message, ...]) -> int:
        body = self._template("default") | {"messages": self._prompt(messages)}
        return int(self.engine.post("/v1/chat/completions/input_tokens", body)["input_tokens"])

    def answer(self, request: Request, stopped: Callable[[], bool]) -> Reply:
        started = time.perf_counter()
        reply = self._choose(request) if request.choices and self._reads_words else None
        reply = reply or self._write(request, stopped)
        return msgspec.structs.replace(reply, latency_s=time.perf_counter() - started)

    @property
    def _reads_words(self) -> bool:
        return self._switch or not self._thinks

    def _choose(self, request: Request) -> Reply | None:
        reading = self._reader.read(self._prompt(request.messages), request.choices)
        if reading is None:
            return None
        return Reply(
            text=max(reading.probs, key=reading.probs.__getitem__),
            usage=reading.usage,
            constrained="choices",
            choice_probs=reading.probs,
            choice_reading="exact",
            choice_mass=reading.mass,
        )

    def _write(self, request: Request, stopped: Callable[[], bool]) -> Reply:
        body: Body = self._template(request.thinking) | {
            "messages": self._prompt(request.messages),
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": _RANDOM_SEED if request.seed is None else request.seed % _RANDOM_SEED,
            **_SAMPLER,
        }
        if request.logprobs:
            body |= {"logprobs": True, "top_logprobs": request.logprobs}
        constrained = None
        if request.schema is not None and not request.choices:
            if self._thinks and request.thinking != "off":
                # a grammar would bind the first thought already; this binds what comes after the thinking
                body["response_format"] = {"type": "json_schema", "json_schema": {"schema": request.schema}}
                constrained = "json_schema"
            else:
                body["grammar"] = self._grammar(request.schema)
                constrained = "grammar"
        chunks = self.engine.chat(body, stopped)
        if stopped():
            raise _closed()
        return _reply(chunks, constrained, request.logprobs)

    def _grammar(self, schema: dict[str, Any]) -> str:
        key = msgspec.json.encode(schema)  # in its own order, which is the order of the answer
        if key not in self._grammars:
            self._grammars[key] = grammar_of(schema)
        return self._grammars[key]

    def _template(self, thinking: str) -> Body:
        if not self._switch or thinking == "default":
            return {}
        return {"chat_template_kwargs": {"enable_thinking": thinking == "on"}}

    def _prompt(self, messages: tuple[Message, ...]) -> list[Body]:
        return [{"role": message.role, "content": self._inert(message.content)} for message in messages]

    def _inert(self, text: str) -> str:
        """The text without turn marks, and without half surrogates, which no tokeniser knows."""
        text = text.encode("utf-8", "replace").decode()
        return self._marks.sub(lambda mark: f"{mark[0][0]} {mark[0][1:]}", text) if self._marks else text


def _closed() -> EndpointDown:
    return EndpointDown("the embedded engine was closed before it had answered")


def _any_of(marks: tuple[str, ...]) -> re.Pattern[str] | None:
    """A pattern for the turn marks, the longest first; marks of a letter are letters in any text."""
    known = sorted({mark for mark in marks if len(mark) > 1}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, known))) if known else None


def _reply(chunks: list[Body], constrained: str | None, alternatives: int) -> Reply:
    """The streamed pieces put together."""
    text, thinking, tokens = [], [], []
    finish: Finish = "other"
    usage = Usage()
    for chunk in chunks:
        if chunk.get("usage"):
            usage = usage_of(chunk)
        for choice in chunk.get("choices", ()):
            delta = choice.get("delta", {})
            text.append(delta.get("content") or "")
            thinking.append(delta.get("reasoning_content") or "")
            if choice.get("finish_reason"):
                finish = _FINISH.get(choice["finish_reason"], "other")
            if alternatives and choice.get("logprobs"):
                tokens += [_token(entry) for entry in choice["logprobs"].get("content") or ()]
    return Reply(
        text="".join(text),
        thinking="".join(thinking) or None,
        finish=finish,
        usage=usage,
        constrained=constrained,
        tokens=tuple(tokens),
    )


def _token(entry: Body) -> Token:
    top = tuple((str(other["token"]), float(other["logprob"])) for other in entry.get("top_logprobs", ()))
    return Token(text=str(entry["token"]), logprob=float(entry["logprob"]), top=top)
