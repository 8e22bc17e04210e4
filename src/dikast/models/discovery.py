"""What can answer on this machine: the servers at their usual ports, and what each has installed."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from dikast.errors import DikastError, EndpointDown
from dikast.models.client import BaseUrl, parse_base_url
from dikast.models.naming import ModelRef, Server
from dikast.models.opening import DIALECTS, USUAL_URLS, client_for, usual_urls
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy
from dikast.models.recognising import recognise
from dikast.models.served import Installed

LOCAL_SERVERS: tuple[Server, ...] = ("ollama", "lmstudio", "llamacpp", "vllm", "sglang")
CONNECT_TIMEOUT_S = 0.3
ANSWER_TIMEOUT_S = 2.0  # a server in the middle of a long prompt takes a moment to say its name


class FoundServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server that is up. `trouble` says why its models are not known, if they are not."""

    server: Server
    base_url: str
    version: str | None = None
    models: tuple[Installed, ...] = ()
    trouble: str | None = None

    def names(self) -> list[str]:
        """Its models, as they are named on the command line."""
        return [f"{self.server}/{model.name}" for model in self.models]


async def discover(
    base_urls: Sequence[str] = (), *, policy: Policy | None = None, options: EndpointOptions | None = None
) -> list[FoundServer]:
    """The servers that are up at these base URLs, or at the usual ports of this machine when none is given.

    All are asked at once; one that does not take a connection within 0.3 s is not there. Raises SettingError for a base
    URL that is none, and PolicyError for one outside the private network.
    """
    settings = replace(options or EndpointOptions(), connect_timeout_s=CONNECT_TIMEOUT_S)
    places = [parse_base_url(url) for url in base_urls] or _usual_places()
    found = await asyncio.gather(
        *(_look(place, policy or Policy(), settings, asked_for=bool(base_urls)) for place in places)
    )
    return [server for server in found if server is not None]


def embedded_engine_installed() -> bool:
    """Whether the embedded engine can run: llama.cpp's bindings are installed."""
    return importlib.util.find_spec("xllamacpp") is not None


def _usual_places() -> list[BaseUrl]:
    urls = [url for server in LOCAL_SERVERS for url in (*usual_urls(ModelRef(server, "")), *USUAL_URLS[server])]
    return [parse_base_url(url) for url in dict.fromkeys(urls)]


async def _look(place: BaseUrl, policy: Policy, options: EndpointOptions, *, asked_for: bool) -> FoundServer | None:
    client = client_for(None, place, policy, options)
    try:
        kind = await recognise(client, timeout_s=ANSWER_TIMEOUT_S)
    except EndpointDown:
        return None
    except DikastError as error:
        if asked_for:
            raise
        server = _usual_owner(place)
        return FoundServer(server=server, base_url=place.root, trouble=str(error)) if server else None
    finally:
        await client.close()
    if kind is None:
        return None
    client = client_for(kind.server, place, policy, replace(options, timeout_s=ANSWER_TIMEOUT_S))
    endpoint = DIALECTS[kind.server]("", client, options)
    try:
        models, trouble = tuple(await endpoint.installed()), None
    except DikastError as error:
        models, trouble = (), str(error)
    finally:
        await endpoint.close()
    return FoundServer(server=kind.server, base_url=place.root, version=kind.version, models=models, trouble=trouble)


def _usual_owner(place: BaseUrl) -> Server | None:
    return next((server for server in LOCAL_SERVERS if place.root in USUAL_URLS[server]), None)
