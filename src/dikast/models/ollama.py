"""Ollama's own API, which alone sets the context, refuses to cut prompts, and switches thinking.

The context is sized to the prompt and held: another `num_ctx` reloads the model, so it grows in steps and never
shrinks. Models that a local Ollama passes on to a cloud are treated as what they are.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from dikast.errors import PromptTooLong
from dikast.models.choices import answer_token, read_choices
from dikast.models.client import if_there
from dikast.models.endpoint import Capabilities, Fingerprint, Finish, Reply, Request
from dikast.models.lengths import fewest_tokens, most_tokens, was_cut
from dikast.models.openai_compatible import (
    MOST_ALTERNATIVES,
    WrittenToken,
    cut_in_silence,
    no_answer,
    seed_of,
    template_hash,
    tokens_of,
    trimmed,
)
from dikast.models.parameters import Parameters
from dikast.models.served import Installed, ServedEndpoint
from dikast.records import Usage

DEFAULT_BASE_URL = "http://127.0.0.1:11434"

_SMALLEST_CONTEXT = 4096
_KEPT_OF_A_CUT = 4  # num_keep, the first tokens that a cut spares
_CAUTION = 1.5
_REFUSES_LONG = (0, 12, 4)
_HAS_LOGPROBS = (0, 12, 11)
_FINISHES: dict[str | None, Finish] = {"stop": "stop", "length": "length"}


class _Version(msgspec.Struct):
    version: str


class _Details(msgspec.Struct):
    family: str | None = None
    parameter_size: str | None = None
    quantization_level: str | None = None


class _Tag(msgspec.Struct):
    name: str
    size: int | None = None
    digest: str | None = None
    details: _Details = msgspec.field(default_factory=_Details)
    remote_host: str | None = None
    context_length: int | None = None


class _Tags(msgspec.Struct):
    models: list[_Tag] | None = None


class _Show(msgspec.Struct):
    details: _Details = msgspec.field(default_factory=_Details)
    parameters: str | None = None
    template: str | None = None
    model_info: dict[str, Any] | None = None
    capabilities: list[str] = []
    remote_host: str | None = None


class _ChatMessage(msgspec.Struct):
    content: str = ""
    thinking: str | None = None


class _Chat(msgspec.Struct):
    message: _ChatMessage | None = None
    done_reason: str | None = None
    prompt_eval_count: int = 0
    eval_count: int = 0
    logprobs: list[WrittenToken] | None = None
    error: Any = None


class _About(msgspec.Struct, frozen=True):
    """What decides how this model is asked. version: None where something else speaks Ollama's chat."""

    version: str | None
    numbers: tuple[int, ...]
    show: _Show
    tag: _Tag | None
    trained_context: int | None
    remote_host: str | None

    @property
    def thinks(self) -> bool:
        return "thinking" in self.show.capabilities

    @property
    def levels_only(self) -> bool:
        """Whether thinking has levels and no off."""
        return (self.show.details.family or "").replace("-", "") == "gptoss"

    @property
    def refuses_long(self) -> bool:
        return self.numbers >= _REFUSES_LONG


class Ollama(ServedEndpoint):
    """A model of an Ollama server."""

    server = "ollama"

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._about: _About | None = None
        self._num_ctx = self._options.context_length or 0

    async def installed(self) -> list[Installed]:
        """The models that were pulled, and which of them are loaded."""
        tags = (await self._client.get("/api/tags", _Tags)).models or []
        loaded = {tag.name: tag for tag in await self._tags("/api/ps")}
        return [
            Installed(
                name=tag.name,
                size_bytes=tag.size,
                quantization=tag.details.quantization_level,
                parameters=tag.details.parameter_size,
                loaded=tag.name in loaded,
                context_length=loaded[tag.name].context_length if tag.name in loaded else None,
                digest=tag.digest,
                remote_host=tag.remote_host,
            )
            for tag in tags
        ]

    @staticmethod
    def same_model(wanted: str, name: str) -> bool:
        """Whether two names mean one model: `:latest` is what a name without a tag means.

        >>> Ollama.same_model("qwq", "qwq:latest")
        True
        """
        return wanted == name or f"{wanted}:latest" == name or wanted == f"{name}:latest"

    async def _describe(self) -> tuple[Fingerprint, Capabilities]:
        about = await self._learn()
        details = about.show.details
        fingerprint = Fingerprint(
            server=self.server,
            server_version=about.version,
            base_url=self.base_url,
            model=self.name,
            digest=about.tag.digest if about.tag else None,
            quantization=details.quantization_level,
            parameters=details.parameter_size,
            chat_template=template_hash(about.show.template),
            context_length=about.trained_context,
            sampler=_settings_of(about.show.parameters),
        )
        return fingerprint, Capabilities(
            context_length=self._largest_context(about),
            thinks=about.thinks,
            thinking_switch=about.thinks and not about.levels_only,
            refuses_long_prompts=about.refuses_long,
        )

    async def _learn(self) -> _About:
        """Version, capabilities and context of the model, asked once."""
        if self._about is not None:
            return self._about
        told = await if_there(self._client.get("/api/version", _Version))
        version = told.version if told else None
        tag = next((tag for tag in await self._tags("/api/tags") if self.same_model(self.name, tag.name)), None)
        show = await if_there(self._client.post("/api/show", {"model": self.name}, _Show)) or _Show()
        remote = show.remote_host or (tag.remote_host if tag else None)
        if remote is None and re.search(r"[:-]cloud$", self.name):
            remote = "https://ollama.com"
        info = show.model_info or {}
        trained = info.get(f"{info.get('general.architecture')}.context_length")
        if not self._options.context_length:
            loaded = await self._tags("/api/ps")
            in_use = next((entry.context_length for entry in loaded if self.same_model(self.name, entry.name)), None)
            self._num_ctx = max(self._num_ctx, in_use or 0)  # as it is loaded, so that it need not be loaded again
        numbers = tuple(int(number) for number in re.findall(r"\d+", (version or "").split("-")[0])[:3])
        self._about = _About(version, numbers, show, tag, trained if isinstance(trained, int) else None, remote)
        return self._about

    async def _tags(self, path: str) -> list[_Tag]:
        """The models listed at a path; none where there is no such list."""
        listed = await if_there(self._client.get(path, _Tags))
        return (listed.models if listed else None) or []

    async def _ask(self, request: Request) -> Reply:
        about = await self._learn()
        if about.remote_host is not None:
            self._leave(about.remote_host)
        self._grow(request, about)
        while True:
            try:
                chat = await self._parameters.post(self._client, "/api/chat", self._body(request, about), _Chat)
                break
            except PromptTooLong:
                if not self._grow_once(about):
                    raise
        if chat.message is None:
            raise no_answer(self.model, chat.error)
        if self._was_cut(request, chat.prompt_eval_count, refuses_long=about.refuses_long):
            raise cut_in_silence(self.model, chat.prompt_eval_count)
        return self._reply(request, chat, chat.message)

    def _leave(self, remote_host: str) -> None:
        """Hold a prompt to the policy that the local server would pass on to a cloud."""
        host = urlsplit(remote_host if "//" in remote_host else f"//{remote_host}").hostname or remote_host
        policy = self._client.policy
        if not policy.allow_cloud:
            raise policy.forbidden(host, f"where {self.model} runs")
        self._client.forwards_to = host

    def _body(self, request: Request, about: _About) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.name,
            "messages": request.messages,
            "stream": False,
            "truncate": False,
            "shift": False,
            "keep_alive": self._options.keep_alive,
            "options": {
                "num_ctx": self._num_ctx,
                "num_predict": 1 if request.choices and request.thinking != "on" else request.max_tokens,
                "temperature": request.temperature,
                "top_p": request.top_p,
                "seed": seed_of(request),
            },
        }
        think = self._think(request, about)
        if think is not None:
            body["think"] = think
        if request.schema is not None and not request.choices and self._known.schema is not False:
            body["format"] = request.schema
        alternatives = MOST_ALTERNATIVES if request.choices else min(request.logprobs, MOST_ALTERNATIVES)
        if alternatives and about.numbers >= _HAS_LOGPROBS:
            body |= {"logprobs": True, "top_logprobs": alternatives}
        return body

    def _think(self, request: Request, about: _About) -> bool | str | None:
        if not about.thinks:
            return None
        off = request.thinking == "off" or (bool(request.choices) and request.thinking != "on")
        if off:
            return "low" if about.levels_only else False
        if request.thinking == "on":
            return "medium" if about.levels_only else True
        return None

    def _reply(self, request: Request, chat: _Chat, message: _ChatMessage) -> Reply:
        finish = _FINISHES.get(chat.done_reason, "other")
        reply = Reply(
            text=message.content,
            thinking=message.thinking or None,
            finish=finish,
            usage=Usage(prompt_tokens=chat.prompt_eval_count, completion_tokens=chat.eval_count),
            tokens=tokens_of(chat.logprobs),
            constrained=self._constrained("json_schema") if request.schema and not request.choices else None,
        )
        opening = answer_token(reply.tokens, reply.text) if request.choices and reply.text.strip() else None
        found = read_choices(request.choices, opening.top) if opening is not None else None
        if request.choices:
            reply = trimmed(reply, request.logprobs)
        if found is None:
            return reply
        return msgspec.structs.replace(
            reply, choice_probs=found.probs, choice_reading="top_logprobs", choice_mass=found.mass
        )

    # the context

    def _largest_context(self, about: _About) -> int | None:
        return self._options.context_length or about.trained_context

    def _grow(self, request: Request, about: _About) -> None:
        """Make the context large enough for this prompt and its answer, as far as the model goes."""
        largest = self._largest_context(about)
        if largest is not None and fewest_tokens(request.messages) > largest:
            raise PromptTooLong(
                f"the prompt has more than {fewest_tokens(request.messages)} tokens; {self.model} reads {largest}",
                hint="Use a model with a longer context, or a shorter prompt.",
            )
        prompt = most_tokens(request.messages)
        if not about.refuses_long:
            prompt = int(prompt * _CAUTION)  # too small a context would be noticed only after the cut
        needed = prompt + request.max_tokens
        while self._num_ctx < needed and self._grow_once(about):
            pass

    def _grow_once(self, about: _About) -> bool:
        """One step up: a doubling, so that steps are few. False at the model's largest context."""
        largest = self._largest_context(about)
        if self._options.context_length or (largest is not None and self._num_ctx >= largest):
            return False
        step = max(_SMALLEST_CONTEXT, self._num_ctx * 2)
        self._num_ctx = step if largest is None else min(step, largest)
        return True

    def _was_cut(self, request: Request, counted: int, *, refuses_long: bool) -> bool:
        """Whether the prompt was cut: too few tokens; of older versions also just the number that their cut leaves."""
        left_by_a_cut = self._num_ctx - (self._num_ctx - _KEPT_OF_A_CUT) // 2
        if not refuses_long and counted == left_by_a_cut and most_tokens(request.messages) > self._num_ctx:
            return True
        return was_cut(request.messages, counted)

    def _fresh_parameters(self) -> Parameters:
        return Parameters((("truncate", "shift", "keep_alive"),), ("logprobs", "top_logprobs"))


def base_url_from(ollama_host: str) -> str:
    """The base URL that an OLLAMA_HOST means: host, host:port, :port or a URL; 0.0.0.0 is this machine.

    >>> base_url_from("0.0.0.0"), base_url_from("https://gpu.lan")
    ('http://127.0.0.1:11434', 'https://gpu.lan:443')
    """
    given = ollama_host.strip().strip("\"'").rstrip("/")
    scheme, separator, rest = given.partition("://")
    if not separator:
        scheme, rest = "http", given
    default_port = {"http": 80, "https": 443}.get(scheme, 11434) if separator else 11434
    authority, slash, path = rest.partition("/")
    if authority.count(":") > 1 and not authority.startswith("["):
        authority = f"[{authority}]"  # an IPv6 address alone
    parts = urlsplit(f"//{authority}")
    try:
        port = parts.port if parts.port is not None else default_port
    except ValueError:
        port = default_port
    host = parts.hostname or "127.0.0.1"
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{slash}{path}"


def _settings_of(parameters: str | None) -> dict[str, Any]:
    """The sampling settings in a Modelfile, which apply where a request says nothing."""
    pairs = [line.split(None, 1) for line in (parameters or "").splitlines()]
    return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2 and pair[0] not in ("stop", "num_ctx")}
