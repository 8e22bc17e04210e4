"""An embedding model of a server, by the OpenAI-compatible /v1/embeddings, under the policy of all other calls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from dikast.errors import EndpointDown, EndpointDropped, EndpointError, EndpointGarbled, EndpointRefused
from dikast.models.client import Client, parse_base_url
from dikast.models.embedding import pieces, pooled, unit_rows
from dikast.models.naming import CLOUDS, parse_model
from dikast.models.opening import DIALECTS, USUAL_URLS, client_for, usual_urls
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy
from dikast.models.served import Installed, ServedEndpoint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AT_ONCE = 16  # pieces a call
_WAITS_S = (0.5, 1.0, 2.0)


class _Vector(msgspec.Struct):
    embedding: list[float]
    index: int = 0


class _Answer(msgspec.Struct):
    data: list[_Vector] = []
    error: Any = None


async def open_served(
    name: str, base_urls: Sequence[str], *, policy: Policy, options: EndpointOptions
) -> ServedEmbedder:
    """The embedder of a server. Raises SettingError, PolicyError, EndpointError."""
    ref = parse_model(name)
    assert ref.server is not None  # the name was checked
    base = parse_base_url((base_urls or usual_urls(ref))[0])
    is_cloud = ref.server in CLOUDS
    if is_cloud and base.root in USUAL_URLS[ref.server] and not policy.allow_cloud:
        raise policy.forbidden(base.host)  # before its name is even looked up
    client = client_for(ref.server, base, policy, options, name)
    try:
        found = None if is_cloud else await _listed(DIALECTS[ref.server](ref.name, client, options))
        if found is not None and found.remote_host is not None and not policy.allow_cloud:
            raise policy.forbidden(found.remote_host, f"where {name} runs")
        client.forwards_to = found.remote_host if found is not None else None
        embedder = ServedEmbedder(name, ref.name, client, found.digest if found else None)
        if await client.leaves() and policy.edge.name:
            embedder.fingerprint += f"+{policy.edge.name}"
        await embedder.embed(["a"])  # so that a wrong name is told now, and the dimension is known
    except BaseException:
        await client.close()
        raise
    return embedder


class ServedEmbedder:
    """An embedding model behind a server."""

    def __init__(self, name: str, model: str, client: Client, digest: str | None) -> None:
        self.name = name
        self.dimension = 0
        self.fingerprint = f"{name}@{digest.removeprefix('sha256:')[:16]}" if digest else name
        self._model = model
        self._client = client

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row for each text. Raises EndpointError."""
        import numpy as np

        parts = [pieces(" ".join(text.split())) for text in texts]
        flat = [part or " " for some in parts for part in some]
        vectors: list[list[float]] = []
        for start in range(0, len(flat), _AT_ONCE):
            vectors += await self._some(flat[start : start + _AT_ONCE])
        rows = []
        for some in parts:
            rows.append(pooled(vectors[: len(some)], some))
            del vectors[: len(some)]
        return unit_rows(np.stack(rows)) if rows else np.zeros((0, self.dimension), dtype=np.float32)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _some(self, texts: list[str]) -> list[list[float]]:
        body = {"model": self._model, "input": texts, "encoding_format": "float"}
        answer = await self._patiently(body)
        vectors = [each.embedding for each in sorted(answer.data, key=lambda each: each.index)]
        sizes = {len(vector) for vector in vectors}
        if len(vectors) != len(texts) or len(sizes) != 1 or 0 in sizes or not sizes <= {self.dimension or max(sizes)}:
            said = f": {answer.error!r}" if answer.error else f" ({len(vectors)} vectors for {len(texts)} texts)"
            raise EndpointGarbled(f"{self.name} gave no embeddings{said}", hint="Is it an embedding model?")
        self.dimension = sizes.pop()
        return vectors

    async def _patiently(self, body: dict[str, Any]) -> _Answer:
        """The server's answer; asked for again after a failure that may pass."""
        for wait_s in _WAITS_S:
            try:
                return await self._client.post(f"{self._client.base.api}/embeddings", body, _Answer)
            except EndpointError as error:
                if not error.retryable or isinstance(error, EndpointDown):  # a server that is down is told at once
                    raise
                await asyncio.sleep(error.retry_after_s or wait_s)
        return await self._client.post(f"{self._client.base.api}/embeddings", body, _Answer)


async def _listed(endpoint: ServedEndpoint) -> Installed | None:
    """What the server says of the model; None where it lists no such model, as of embedding models some do not."""
    try:
        there = await endpoint.installed()
    except (EndpointRefused, EndpointGarbled, EndpointDropped) as error:
        if error.status in (401, 403):
            raise
        return None
    return next((one for one in there if endpoint.same_model(endpoint.name, one.name)), None)
