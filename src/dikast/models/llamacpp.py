"""llama.cpp's llama-server: compact grammars, exact token counts, and the verdict token read exactly.

The distribution of a verdict token is read in one call: the same large bias on each word's token lets only these words
be sampled, and the probabilities after sampling are then those of the model, normalised over the words. Every sampler
but the temperature is off, since each would hide the less likely word, and a grammar would leave mass on beginnings of
words.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dikast.errors import EndpointGarbled, EndpointRefused, InputError
from dikast.models.endpoint import Capabilities, Fingerprint, Message, Reply, Request
from dikast.models.gbnf import grammar_of
from dikast.models.openai_compatible import ChatAnswer, OpenAICompatible, template_hash, with_choices
from dikast.models.served import Installed

_BIAS = 100.0
_MANY_ALTERNATIVES = 1000  # where the words are not single tokens; the server has no limit of its own
_SAMPLER_FIELDS = ("top_k", "min_p", "typical_p", "repeat_penalty", "presence_penalty", "frequency_penalty", "samplers")
_QUANTIZATION = re.compile(r"(?<![A-Za-z0-9])(I?Q\d\w*|F16|F32|BF16|MXFP4)(?![A-Za-z0-9])", re.IGNORECASE)

_encode = msgspec.json.Encoder(order="deterministic").encode


class _Generation(msgspec.Struct):
    n_ctx: int | None = None
    params: dict[str, Any] = {}


class _Props(msgspec.Struct):
    default_generation_settings: _Generation = msgspec.field(default_factory=_Generation)
    total_slots: int | None = None
    model_path: str | None = None
    model_alias: str | None = None
    chat_template: str | None = None
    build_info: str | None = None


class _Meta(msgspec.Struct):
    size: int | None = None
    n_params: int | None = None
    n_ctx_train: int | None = None


class _Entry(msgspec.Struct):
    id: str
    meta: _Meta = msgspec.field(default_factory=_Meta)


class _Models(msgspec.Struct):
    data: list[_Entry]


class _Prompt(msgspec.Struct):
    prompt: str


class _Tokens(msgspec.Struct):
    tokens: list[int]


class LlamaCpp(OpenAICompatible):
    """The model of a llama-server."""

    server = "llamacpp"
    refuses_long_prompts = True

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._word_ids: dict[tuple[str, str], int | None] = {}
        self._grammars: dict[bytes, str | None] = {}

    async def installed(self) -> list[Installed]:
        """The model that the server has loaded, under its alias; several where the server routes between models."""
        props = await self._props()
        listed = (await self._client.get(f"{self._client.base.api}/models", _Models)).data
        return [
            Installed(
                name=entry.id,
                size_bytes=entry.meta.size,
                parameters=f"{entry.meta.n_params / 1e9:.3g}B" if entry.meta.n_params else None,
                loaded=True if len(listed) == 1 else None,
                quantization=quantization_in(props.model_path or ""),
                context_length=props.default_generation_settings.n_ctx,
                trained_context=entry.meta.n_ctx_train,
            )
            for entry in listed
        ]

    async def count_tokens(self, messages: tuple[Message, ...]) -> int | None:
        """Tokens of the rendered prompt, template included."""
        return len(await self._tokenize(await self._render(messages)))

    @staticmethod
    def same_model(wanted: str, name: str) -> bool:
        """Whether two names mean one model: an alias, or a file with or without its folder and ending.

        >>> LlamaCpp.same_model("qwen3-8b-q4", "/models/Qwen3-8B-Q4.gguf")
        True
        """
        return _stem(wanted) == _stem(name)

    async def _describe(self) -> tuple[Fingerprint, Capabilities]:
        props = await self._props()
        settings = props.default_generation_settings
        fingerprint = Fingerprint(
            server=self.server,
            server_version=props.build_info,
            base_url=self.base_url,
            model=self.name,
            quantization=quantization_in(props.model_path or self.name),
            chat_template=template_hash(props.chat_template),
            context_length=settings.n_ctx,
            sampler={name: settings.params[name] for name in _SAMPLER_FIELDS if name in settings.params},
        )
        return fingerprint, Capabilities(
            logprobs=20, context_length=settings.n_ctx, slots=props.total_slots, refuses_long_prompts=True
        )

    async def _props(self) -> _Props:
        try:
            return await self._client.get("/props", _Props)
        except (EndpointRefused, EndpointGarbled):
            return _Props()

    async def _ask(self, request: Request) -> Reply:
        if request.choices and request.thinking != "on":
            begun = _begun(request)
            for word in request.choices:
                if (word, begun) not in self._word_ids:
                    self._word_ids[word, begun] = await self._id_of(word, begun)
        try:
            reply = await super()._ask(request)
        except EndpointRefused as error:
            if not self._grammar(request) or "grammar" not in (error.body or ""):
                raise
            self._grammars[_encode(request.schema)] = None  # this build can't parse it; the schema itself goes instead
            reply = await super()._ask(request)
        if reply.constrained == "json_schema" and self._grammar(request):
            return msgspec.structs.replace(reply, constrained="grammar")
        return reply

    def _body(self, request: Request) -> dict[str, Any]:
        body = super()._body(request)
        grammar = self._grammar(request)
        if grammar and body.pop("response_format", None):
            body["grammar"] = grammar
        return body

    def _grammar(self, request: Request) -> str | None:
        """The compact grammar of the request's schema, unless the model is to think before it answers.

        A grammar binds the first thought already; a schema in `response_format` binds only the answer.
        """
        if request.schema is None or request.choices:
            return None
        if request.thinking == "on" or (request.thinking == "default" and self._known.thinks):
            return None
        key = _encode(request.schema)
        if key not in self._grammars:
            try:
                self._grammars[key] = grammar_of(request.schema)
            except InputError:
                self._grammars[key] = None
        return self._grammars[key]

    def _ask_choices(self, body: dict[str, Any], request: Request) -> None:
        ids = self._ids(request)
        if ids is None:
            super()._ask_choices(body, request)
            body["top_logprobs"] = _MANY_ALTERNATIVES
            return
        body |= {
            "max_tokens": 1,
            "temperature": 1.0,
            "top_k": 0,
            "top_p": 1.0,
            "min_p": 0.0,
            "logit_bias": {str(number): _BIAS for number in ids.values()},
            "logprobs": True,
            "top_logprobs": len(ids),
            "post_sampling_probs": True,
        }

    def _with_choices(self, request: Request, reply: Reply, answer: ChatAnswer) -> Reply:
        ids = self._ids(request)
        if ids is None:
            return with_choices(request, reply)
        logprobs = answer.choices[0].logprobs if answer.choices else None
        content = (logprobs.content if logprobs else None) or []
        held = {entry.id: entry.prob or 0.0 for entry in (content[0].top_probs or ())} if content else {}
        probs = {word: held.get(number, 0.0) for word, number in ids.items()}
        total = sum(probs.values())
        if total <= 0:
            return with_choices(request, reply)  # a server that knows nothing of probabilities after sampling
        return msgspec.structs.replace(
            reply,
            text=max(probs, key=probs.__getitem__),  # what was sampled is not the verdict
            finish="stop",
            choice_probs={word: value / total for word, value in probs.items()},
            choice_reading="exact",
            constrained="choices",
        )

    def _ids(self, request: Request) -> dict[str, int] | None:
        """Each word's token, if every word is a single one."""
        if request.thinking == "on":
            return None
        ids = {word: self._word_ids.get((word, _begun(request))) for word in request.choices}
        known = {word: number for word, number in ids.items() if number is not None}
        return known if len(set(known.values())) == len(request.choices) else None

    async def _id_of(self, word: str, begun: str) -> int | None:
        """The token that a word is right where the answer begins, or goes on; None if it takes several.

        The whole text is tokenised, because a word alone may become another token than the same word in its place.
        """
        try:
            question = (Message("user", "?"),)
            header = await self._render((*question, Message("assistant", begun)) if begun else question)
            before, after = await self._tokenize(header), await self._tokenize(header + word)
        except (EndpointRefused, EndpointGarbled):
            return None
        return after[-1] if after[:-1] == before else None

    async def _render(self, messages: tuple[Message, ...]) -> str:
        body = {"messages": messages, "chat_template_kwargs": {"enable_thinking": False}}
        return (await self._client.post("/apply-template", body, _Prompt)).prompt

    async def _tokenize(self, text: str) -> list[int]:
        body = {"content": text, "add_special": True, "parse_special": True}
        return (await self._client.post("/tokenize", body, _Tokens)).tokens


def _begun(request: Request) -> str:
    """The beginning of the answer that the prompt already holds."""
    last = request.messages[-1]
    return last.content if last.role == "assistant" else ""


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].lower().removesuffix(".gguf")


def quantization_in(name: str) -> str | None:
    """The quantisation that a GGUF file's name tells, if it does.

    >>> quantization_in("/models/Qwen3-8B-Q4_K_M.gguf")
    'Q4_K_M'
    """
    found = _QUANTIZATION.findall(name.rsplit("/", 1)[-1])
    return found[-1].upper() if found else None
