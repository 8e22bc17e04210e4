"""A real local model server that speaks five dialects and misbehaves on demand.

    server = model_server("ollama", faults=["429", None, "cut"])      # the fixture in conftest.py
    server.url, server.requests, server.chats

`faults` is what happens to the chat requests in turn (None: nothing), or a function of the request's number. Whatever
comes after the last fault is answered well. `answer` is the reply's text, an Answer, a Raw body, or a function from
the request's body to one of these. Every request is recorded, whether it is answered or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

CHAT_PATHS = ("/v1/chat/completions", "/api/chat", "/v1/messages")


@dataclass
class Answer:
    """What the model of the server says. `first_token` is the distribution of its first token, for logprobs."""

    text: str = "It is fine."
    thinking: str | None = None
    finish: str = "stop"
    refusal: str | None = None
    first_token: Mapping[str, float] | None = None
    prompt_tokens: int | None = None
    cached_tokens: int = 0


@dataclass
class Raw:
    """The body of an answer, byte for byte."""

    body: str


@dataclass
class Fault:
    """A way to misbehave: see `ModelServer._misbehave` for the kinds."""

    kind: str
    retry_after: str | None = None
    location: str = "/elsewhere"
    body: str | None = None


@dataclass
class Recorded:
    """One request as it came in."""

    method: str
    path: str
    body: Any
    headers: dict[str, str]


@dataclass
class ModelServer:
    """One server in a thread of its own, on a free port of 127.0.0.1. `kind` decides its routes and its shapes.

    held: while it is set, chats wait for their answers.
    """

    kind: str = "openai"
    models: tuple[str, ...] = ("qwen3:8b",)
    answer: Any = None
    faults: Iterable[Fault | str | None] | Callable[[int], Fault | str | None] = ()
    version: str = "0.33.0"
    honours_schema: bool = True
    gives_logprobs: bool = True
    thinks: bool = False
    thinking_switch: bool = True
    context_length: int = 4096
    trained_context: int = 40960
    slots: int = 2
    latency_s: float = 0.0
    refused_parameters: tuple[str, ...] = ()
    api_key: str | None = None
    remote_models: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    held: threading.Event = field(default_factory=threading.Event)
    requests: list[Recorded] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._chat_number = itertools.count()
        self._script = None if callable(self.faults) else list(self.faults)
        self._vocabulary: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._started.wait(10)

    @property
    def chats(self) -> list[Recorded]:
        """The chat requests alone."""
        return [request for request in self.requests if request.path in CHAT_PATHS]

    def close(self) -> None:
        """Stop listening and answering; every connection is dropped."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)

    # the thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0)
        await runner.setup()
        site = web.TCPSite(runner, self.host, 0)
        await site.start()
        self.url = f"http://{self.host}:{runner.addresses[0][1]}"
        self._started.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw
        self.requests.append(Recorded(request.method, request.path, body, dict(request.headers)))
        if self.api_key and self.api_key not in "".join(request.headers.values()):
            return web.json_response({"error": {"message": f"Wrong key in {dict(request.headers)}"}}, status=401)
        if request.path in CHAT_PATHS and request.method == "POST":
            return await self._chat(request, body)
        answer = self._routes().get(request.path)
        if answer is None:
            return web.json_response({"error": {"message": f"no route {request.path}"}}, status=404)
        return web.json_response(answer(body) if callable(answer) else answer)

    # misbehaving

    def _next_fault(self) -> Fault | None:
        number = next(self._chat_number)
        if self._script is None:
            fault = self.faults(number)  # type: ignore[operator]
        else:
            fault = self._script[number] if number < len(self._script) else None
        return Fault(fault) if isinstance(fault, str) else fault

    async def _misbehave(self, request: web.Request, fault: Fault, good: Any) -> web.StreamResponse:
        match fault.kind:
            case "429" | "503" | "500" | "502" | "504" | "529" | "400" | "401" | "404" | "413":
                headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
                body = fault.body or json.dumps({"error": {"message": f"scripted {fault.kind}"}})
                return web.Response(status=int(fault.kind), text=body, headers=headers, content_type="application/json")
            case "drop":  # before a byte of the answer
                request.transport.abort()  # type: ignore[union-attr]
                return web.Response()
            case "drop-mid":  # in the middle of the body
                response = web.StreamResponse(headers={"Content-Length": "5000"})
                await response.prepare(request)
                await response.write(b'{"choices": [')
                request.transport.abort()  # type: ignore[union-attr]
                return response
            case "cut":  # whole by HTTP's account, cut by JSON's
                text = json.dumps(good)
                return web.Response(text=text[: len(text) // 2], content_type="application/json")
            case "slow":  # until the server closes
                await self._stop.wait()
                return web.Response(status=500)
            case "redirect":
                return web.Response(status=307, headers={"Location": fault.location})
            case "html":
                return web.Response(text="<html><body>Welcome to the hotel</body></html>", content_type="text/html")
            case "wrong-type":  # right JSON under a wrong name
                return web.Response(text=json.dumps(good), content_type="text/plain")
            case "huge":
                return await self._pour(request)
            case "error-200":
                return web.json_response({"error": fault.body or "Unexpected endpoint or method."})
        raise AssertionError(f"no such fault: {fault.kind}")

    async def _pour(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        spaces = b" " * 65536
        with contextlib.suppress(ConnectionError):  # until the client has had enough
            while True:
                await response.write(spaces)
        return response

    # answering

    async def _chat(self, request: web.Request, body: Any) -> web.StreamResponse:
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        while self.held.is_set() and not self._stop.is_set():
            await asyncio.sleep(0.005)
        answer = self._answer_to(body)
        if isinstance(answer, Raw):
            return web.Response(text=answer.body, content_type="application/json")
        shape = {"/api/chat": self._as_ollama, "/v1/messages": self._as_anthropic}.get(request.path, self._as_openai)
        good = shape(body, answer)
        fault = self._next_fault()
        if fault is not None:
            return await self._misbehave(request, fault, good)
        for name in self.refused_parameters:
            if name in body:
                message = f"Unsupported parameter: {name!r} is not supported with this model."
                return web.json_response({"error": {"message": message, "param": name}}, status=400)
        return web.json_response(good)

    def _answer_to(self, body: Any) -> Answer | Raw:
        given = self.answer(body) if callable(self.answer) else self.answer
        if isinstance(given, Raw):
            return given
        if given is None:
            given = Answer(first_token={"pass": 0.6, "fail": 0.3, " Pass": 0.05, "The": 0.05})
            schema = _schema_in(body)
            if schema is not None and self.honours_schema:
                given.text = json.dumps(instance_of(schema))
            elif _choices_in(body):
                given.text = _choices_in(body)[0]
            elif _output_limit(body) == 1:
                given.text = "pass"
        answer = Answer(given) if isinstance(given, str) else given
        if self.thinks and answer.thinking is None and not (self.thinking_switch and _thinking_off(body)):
            answer.thinking = "Let me compare {them}."
        return answer

    def _usage(self, body: Any, answer: Answer) -> tuple[int, int]:
        words = sum(len(str(message["content"]).split()) for message in body["messages"])
        return answer.prompt_tokens or words + 8, max(1, len(answer.text.split()))

    def _as_openai(self, body: Any, answer: Answer) -> dict[str, Any]:
        prompt, completion = self._usage(body, answer)
        message: dict[str, Any] = {"role": "assistant", "content": answer.text}
        if answer.thinking is not None:
            message["reasoning" if self.kind == "vllm" else "reasoning_content"] = answer.thinking
        if answer.refusal is not None:
            message |= {"refusal": answer.refusal, "content": None}
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": answer.finish, "logprobs": None}
        if body.get("logprobs") and self.gives_logprobs:
            choice["logprobs"] = {"content": self._logprobs(body, answer)}
        usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion}
        usage["prompt_tokens_details"] = {"cached_tokens": answer.cached_tokens}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": body.get("model"),
            "choices": [choice],
            "usage": usage,
        }

    def _logprobs(self, body: Any, answer: Answer) -> list[dict[str, Any]]:
        first = dict(answer.first_token or {answer.text.split(" ")[0]: 1.0})
        count = body.get("top_logprobs") or 1
        if body.get("post_sampling_probs") and body.get("logit_bias"):
            return [self._after_the_bias(body["logit_bias"], first, count)]
        ranked = sorted(first.items(), key=lambda pair: -pair[1])[:count]
        top = [{"id": self._id(t), "token": t, "logprob": _log(p), "bytes": list(t.encode())} for t, p in ranked]
        return [top[0] | {"top_logprobs": top}]

    def _after_the_bias(self, bias: Any, first: Mapping[str, float], count: int) -> dict[str, Any]:
        """The distribution over biased tokens alone, as a bias of 100 makes it, sampled text last in the ranking."""
        words = {number: word for word, number in self._vocabulary.items()}
        biased = [words[int(number)] for number in bias]
        total = sum(first.get(word, 1e-9) for word in biased)
        top = [{"id": self._id(w), "token": w, "prob": first.get(w, 1e-9) / total, "bytes": []} for w in biased]
        top = sorted(top, key=lambda entry: -entry["prob"])[:count]
        return top[-1] | {"top_probs": top}

    def _as_ollama(self, body: Any, answer: Answer) -> dict[str, Any]:
        prompt, completion = self._usage(body, answer)
        message = {"role": "assistant", "content": answer.text}
        if answer.thinking is not None:
            message["thinking"] = answer.thinking
        reply: dict[str, Any] = {"model": body["model"], "message": message, "done": True, "done_reason": answer.finish}
        reply |= {"prompt_eval_count": prompt, "eval_count": completion}
        if body.get("logprobs") and self.gives_logprobs:
            reply["logprobs"] = self._logprobs(body, answer)
        return reply

    def _as_anthropic(self, body: Any, answer: Answer) -> dict[str, Any]:
        prompt, completion = self._usage(body, answer)
        content = [{"type": "text", "text": answer.text}]
        if answer.thinking is not None:
            content.insert(0, {"type": "thinking", "thinking": answer.thinking})
        stop = {"stop": "end_turn", "length": "max_tokens"}.get(answer.finish, answer.finish)
        usage = {"input_tokens": prompt, "output_tokens": completion, "cache_read_input_tokens": answer.cached_tokens}
        return {"type": "message", "role": "assistant", "content": content, "stop_reason": stop, "usage": usage}

    # what else the servers tell

    def _id(self, token: str) -> int:
        return self._vocabulary.setdefault(token, len(self._vocabulary) + 100)

    def _tokenize(self, body: Any) -> dict[str, Any]:
        pieces = re.findall(r"<\|?\w+\|?>|\w+|\s|[^\w\s]", _text_of(body))
        return {"tokens": [self._id(piece) for piece in pieces], "count": len(pieces)}

    def _apply_template(self, body: Any) -> dict[str, Any]:
        turns = "".join(f"<|{message['role']}|>{message['content']}\n" for message in body["messages"])
        return {"prompt": turns + "<|assistant|>"}

    def _routes(self) -> dict[str, Any]:
        owner = "vllm" if self.kind == "vllm" else "library"
        entry = {"object": "model", "owned_by": owner}
        if self.kind == "vllm":
            entry["max_model_len"] = self.context_length  # type: ignore[assignment]
        listed = {"object": "list", "data": [{"id": name, **entry} for name in self.models]}
        routes: dict[str, dict[str, Any]] = {
            "openai": {"/v1/models": listed},
            "anthropic": {"/v1/models": listed, "/v1/messages/count_tokens": {"input_tokens": 11}},
            "ollama": self._ollama_routes(),
            "lmstudio": {"/v1/models": listed, "/api/v1/models": self._lmstudio_models()},
            "lmstudio-v0": {"/v1/models": listed, "/api/v0/models": self._lmstudio_v0_models()},
            "llamacpp": {"/v1/models": listed, **self._llamacpp_routes()},
            "vllm": {"/v1/models": listed, "/version": {"version": self.version}, "/tokenize": self._tokenize},
        }
        return {**routes[self.kind], "/v1/embeddings": self._embeddings}

    def _embeddings(self, body: Any) -> dict[str, Any]:
        """Counts of letters, so that texts of the same letters are alike; in the wrong order, as may happen."""
        rows = [[float(text.count(letter)) for letter in "abcdefgh"] for text in body["input"]]
        return {"data": [{"index": at, "embedding": row} for at, row in reversed(list(enumerate(rows)))]}

    def _llamacpp_routes(self) -> dict[str, Any]:
        props = {
            "default_generation_settings": {"n_ctx": self.context_length},
            "total_slots": self.slots,
            "model_path": f"/models/{self.models[0]}",
            "model_alias": self.models[0],
            "chat_template": "{{ messages }}",
            "build_info": "b9000-abcdef",
        }
        return {
            "/props": props,
            "/health": {"status": "ok"},
            "/tokenize": self._tokenize,
            "/apply-template": self._apply_template,
        }

    def _ollama_routes(self) -> dict[str, Any]:
        capabilities = ["completion"] + ["thinking"] * self.thinks
        details = {"format": "gguf", "family": "qwen3", "parameter_size": "8.2B", "quantization_level": "Q4_K_M"}
        known = [
            {"name": name, "model": name, "size": 5_225_388_164, "digest": f"{number:064x}", "details": details}
            for number, name in enumerate(self.models, 1)
        ]
        known += [
            {"name": name, "model": name, "size": 400, "remote_model": name, "remote_host": "https://ollama.com:443"}
            for name in self.remote_models
        ]
        show = {
            "details": details,
            "template": "{{ .Prompt }}",
            "capabilities": capabilities,
            "model_info": {"general.architecture": "qwen3", "qwen3.context_length": self.trained_context},
        }
        loaded = [dict(known[0], context_length=self.context_length)] if known else []
        return {
            "/api/version": {"version": self.version},
            "/api/tags": {"models": known},
            "/api/ps": {"models": loaded},
            "/api/show": show,
            "/v1/models": {"data": [{"id": name, "owned_by": "library"} for name in self.models]},
        }

    def _lmstudio_models(self) -> dict[str, Any]:
        loaded = [{"id": self.models[0], "config": {"context_length": self.context_length}}]
        return {
            "models": [
                {
                    "type": "llm",
                    "key": name,
                    "architecture": "qwen3",
                    "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
                    "size_bytes": 5_027_783_488,
                    "params_string": "8B",
                    "loaded_instances": loaded if name == self.models[0] else [],
                    "max_context_length": self.trained_context,
                    "format": "gguf",
                }
                for name in self.models
            ]
        }

    def _lmstudio_v0_models(self) -> dict[str, Any]:
        return {
            "data": [
                {
                    "id": name,
                    "type": "llm",
                    "arch": "qwen3",
                    "quantization": "Q4_K_M",
                    "state": "loaded",
                    "max_context_length": self.trained_context,
                    "loaded_context_length": self.context_length,
                }
                for name in self.models
            ]
        }


def instance_of(schema: Mapping[str, Any]) -> Any:
    """The least value that a JSON schema allows, for the schemas that judges use."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "object":
            return {name: instance_of(part) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [instance_of(schema.get("items", {}))] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return "Because it answers."


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -9999.0


def _schema_in(body: Any) -> Any:
    """The schema that a request asks for, in whichever server's words; a grammar counts for its first literals."""
    response_format = body.get("response_format") or (body.get("output_config") or {}).get("format") or {}
    found = (response_format.get("json_schema") or {}).get("schema") or response_format.get("schema")
    found = found or body.get("format") or body.get("json_schema") or (body.get("structured_outputs") or {}).get("json")
    if found is None and body.get("grammar"):
        words = re.findall(r'"\\"(\w+)\\""', body["grammar"])
        found = {"type": "object", "properties": {"answer": {"enum": words[-2:]}}} if words else None
    return found


def _text_of(body: Any) -> str:
    """The text to be tokenised, of either server's request."""
    return str(body["content"]) if "content" in body else " ".join(m["content"] for m in body["messages"])


def _choices_in(body: Any) -> list[str]:
    return list((body.get("structured_outputs") or {}).get("choice") or ())


def _output_limit(body: Any) -> int | None:
    limit = (
        body.get("max_tokens") or body.get("max_completion_tokens") or (body.get("options") or {}).get("num_predict")
    )
    return int(limit) if limit else None


def _thinking_off(body: Any) -> bool:
    template = body.get("chat_template_kwargs") or {}
    return (
        body.get("think") is False or template.get("enable_thinking") is False or body.get("reasoning_effort") == "none"
    )
