"""From a model's name to endpoints that answer: which server, where, with which key, and whether the model is there."""

from __future__ import annotations

import os
from collections.abc import Sequence

from dikast.errors import EndpointDown, EndpointDropped, EndpointGarbled, EndpointRefused, SettingError
from dikast.models import anthropic, ollama, openai
from dikast.models.anthropic import Anthropic
from dikast.models.client import BaseUrl, Client, parse_base_url
from dikast.models.endpoint import Endpoint
from dikast.models.fake import FakeEndpoint
from dikast.models.llamacpp import LlamaCpp
from dikast.models.lmstudio import LMStudio
from dikast.models.naming import CLOUDS, SERVERS, ModelRef, Server, not_installed, parse_model
from dikast.models.ollama import Ollama
from dikast.models.openai import OpenAI
from dikast.models.openai_compatible import OpenAICompatible
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy
from dikast.models.recognising import answers_chat, recognise
from dikast.models.served import Memory, ServedEndpoint
from dikast.models.sglang import SGLang
from dikast.models.vllm import VLLM

__all__ = ["DIALECTS", "USUAL_URLS", "EndpointOptions", "client_for", "open_endpoints", "usual_urls"]

DIALECTS: dict[Server, type[ServedEndpoint]] = {
    "ollama": Ollama,
    "lmstudio": LMStudio,
    "llamacpp": LlamaCpp,
    "vllm": VLLM,
    "sglang": SGLang,
    "openai": OpenAI,
    "anthropic": Anthropic,
    "openai-compatible": OpenAICompatible,
}

# Where each server listens unless told otherwise; llama.cpp is moving from the first to the second.
USUAL_URLS: dict[Server, tuple[str, ...]] = {
    "ollama": (ollama.DEFAULT_BASE_URL,),
    "lmstudio": ("http://127.0.0.1:1234",),
    "llamacpp": ("http://127.0.0.1:8080", "http://127.0.0.1:9931"),
    "vllm": ("http://127.0.0.1:8000",),
    "sglang": ("http://127.0.0.1:30000",),
    "openai": (openai.DEFAULT_BASE_URL,),
    "anthropic": (anthropic.DEFAULT_BASE_URL,),
}

# Each server's own name for its key; a key is sent to no other server than the one it belongs to.
_KEYS: dict[Server, str] = {
    "ollama": "OLLAMA_API_KEY",
    "lmstudio": "LM_API_TOKEN",
    "llamacpp": "LLAMA_API_KEY",
    "vllm": "VLLM_API_KEY",
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
}
_ANY_SERVER_KEY = "DIKAST_API_KEY"

_HOW_TO_GET = {
    "ollama": "To get it: ollama pull {name}",
    "lmstudio": "To get it: lms get {name}",
    "llamacpp": "Start it with that model: llama-server -m FILE.gguf --alias {name}",
    "vllm": "Start it with that model: vllm serve {name}",
    "sglang": "Start it with that model: --model-path {name}",
}


async def open_endpoints(
    model: str,
    base_urls: Sequence[str] = (),
    *,
    policy: Policy,
    memory: Memory | None = None,
    options: EndpointOptions | None = None,
) -> list[Endpoint]:
    """The endpoints that a model's name means: one, or one for each base URL. Close them after use.

    A server is asked what it is, where only a base URL was given, and whether it has the model. `memory` keeps what
    probing finds. Raises InputError (SettingError, PolicyError) for a name that means nothing here, and EndpointError.
    """
    settings = options or EndpointOptions()
    ref = parse_model(model, has_base_url=bool(base_urls))
    if ref.server in ("embedded", "fake"):
        if base_urls:
            raise SettingError(f"{model!r} runs in this process and takes no base URL; {base_urls[0]!r} was given")
        return [FakeEndpoint(ref.name) if ref.server == "fake" else _embedded(ref, settings)]
    opened: list[Endpoint] = []
    try:
        if not base_urls and ref.server == "llamacpp":
            opened.append(await _open_llamacpp(ref, policy, memory, settings))
        else:
            for url in base_urls or usual_urls(ref):
                opened.append(await _open(ref, parse_base_url(url), policy, memory, settings))
    except BaseException:
        for endpoint in opened:
            await endpoint.close()
        raise
    return opened


def usual_urls(ref: ModelRef) -> tuple[str, ...]:
    """Where a server is when no base URL is given: what its own variable says, else its usual address."""
    if ref.server == "ollama" and os.environ.get("OLLAMA_HOST", "").strip():
        return (ollama.base_url_from(os.environ["OLLAMA_HOST"]),)
    if ref.server in ("openai", "anthropic"):
        given = os.environ.get(f"{ref.server.upper()}_BASE_URL", "").strip()
        if given:
            return (given,)
    if ref.server is None or ref.server not in USUAL_URLS:
        raise SettingError(f"{str(ref)!r} needs to know where its server is", hint="Add --base-url http://HOST:PORT")
    return USUAL_URLS[ref.server]


def client_for(
    server: Server | None, base: BaseUrl, policy: Policy, options: EndpointOptions, model: str = ""
) -> Client:
    """A client with the key that this server's owner gave it. Raises SettingError where a cloud's key is missing."""
    key = options.api_key
    if key is None and server is not None and server in _KEYS:
        key = os.environ.get(_KEYS[server])
    if key is None and server not in CLOUDS:
        key = os.environ.get(_ANY_SERVER_KEY)
    key = (key or "").strip()
    if not key and server is not None and server in CLOUDS and base.root in USUAL_URLS[server]:
        raise SettingError(f"{SERVERS[server]} needs a key", hint=f"export {_KEYS[server]}=...")
    if any(ord(char) < 33 or ord(char) > 126 for char in key):
        raise SettingError("the API key holds spaces or characters that no key has", hint="Copy it again.")
    headers = {"anthropic-version": anthropic.API_VERSION} if server == "anthropic" else {}
    secret = {"x-api-key": key} if server == "anthropic" else {"Authorization": f"Bearer {key}"}
    return Client(
        base,
        policy=policy,
        options=options,
        model=model,
        headers=headers,
        secret_headers=secret if key else {},
        through_proxy=server in CLOUDS,
    )


def _embedded(ref: ModelRef, options: EndpointOptions) -> Endpoint:
    from dikast.models.embedded import EmbeddedEndpoint

    return EmbeddedEndpoint(
        ref.path,
        threads=options.threads,
        context_length=options.context_length,
        slots=options.slots,
        progress=options.progress,
        cache=options.cache,
    )


async def _open_llamacpp(ref: ModelRef, policy: Policy, memory: Memory | None, options: EndpointOptions) -> Endpoint:
    """The llama-server at whichever of its usual ports has one."""
    tried = [parse_base_url(url) for url in USUAL_URLS["llamacpp"]]
    for base in tried:
        client = client_for("llamacpp", base, policy, options)
        try:
            found = await recognise(client)
        except EndpointDown:
            continue
        finally:
            await client.close()
        if found is not None and found.server == "llamacpp":
            return await _open(ref, base, policy, memory, options)
    raise EndpointDown(
        f"no llama-server answers at {' or '.join(base.root for base in tried)}",
        hint="Start it (llama-server -m FILE.gguf), or say where it is: --base-url URL",
    )


async def _open(
    ref: ModelRef, base: BaseUrl, policy: Policy, memory: Memory | None, options: EndpointOptions
) -> Endpoint:
    server = ref.server or await _kind_at(base, ref.name, policy, options, memory)
    if server in CLOUDS and base.root in USUAL_URLS[server] and not policy.allow_cloud:
        raise policy.forbidden(base.host)  # before its name is even looked up
    client = client_for(server, base, policy, options, f"{server}/{ref.name}")
    endpoint = DIALECTS[server](ref.name, client, options, memory)
    try:
        if server not in CLOUDS:  # a cloud is asked nothing that it need not know
            await _settle_name(endpoint, ref, policy, client, memory)
    except BaseException:
        await endpoint.close()
        raise
    return endpoint


async def _kind_at(
    base: BaseUrl, model: str, policy: Policy, options: EndpointOptions, memory: Memory | None
) -> Server:
    client = client_for(None, base, policy, options)
    try:
        found = await recognise(client)
        if found is not None:
            return found.server
        if await _answers_chat(client, model, memory):
            return "openai-compatible"
    finally:
        await client.close()
    raise SettingError(
        f"what answers at {base.root} is no model server that is known",
        hint="Check the URL; a server with an OpenAI-compatible API answers at URL/v1/chat/completions.",
    )


async def _answers_chat(client: Client, model: str, memory: Memory | None) -> bool:
    """Whether the server takes chat calls for a model that it doesn't list; asked once, then remembered."""
    key = f"chat/1/{client.base.api}/{model}"
    if memory is not None and key in memory:
        return True
    answers = await answers_chat(client, model)
    if answers and memory is not None:
        memory[key] = b"1"
    return answers


async def _settle_name(
    endpoint: ServedEndpoint, ref: ModelRef, policy: Policy, client: Client, memory: Memory | None
) -> None:
    """Make sure that the server has the model, and take the server's name where none was given."""
    try:
        there = await endpoint.installed()
    except (EndpointRefused, EndpointGarbled, EndpointDropped) as error:
        if error.status in (401, 403) or not ref.name:
            raise
        return  # no list of models: the first call will show
    if not ref.name and there:
        endpoint.name = there[0].name
        return
    found = next((model for model in there if endpoint.same_model(ref.name, model.name)), None)
    if found is None:
        names = [model.name for model in there]
        # Gateways answer under names that they don't list: patterns, aliases, models that they load when asked.
        if endpoint.server == "openai-compatible" and ref.name and await _answers_chat(client, ref.name, memory):
            if client.options.progress is not None:
                listed = ", ".join(names[:3]) or "nothing"
                client.options.progress(f"{endpoint.base_url} lists {listed}, but answers as {ref.name!r} too")
            return
        how = _HOW_TO_GET.get(endpoint.server, "`dikast models` lists what is here.").format(name=ref.name)
        raise not_installed(ref.name, names, where=f"{SERVERS[endpoint.server]} at {endpoint.base_url}", how=how)
    if found.remote_host is not None and not policy.allow_cloud:
        raise policy.forbidden(found.remote_host, f"where {endpoint.model} runs")
