"""Calls to a platform: through the policed client, with patience for rate limits and faults that pass."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from dikast.errors import (
    DikastError,
    EndpointDown,
    EndpointDropped,
    EndpointError,
    EndpointGarbled,
    EndpointRefused,
    PolicyError,
)
from dikast.models.client import BaseUrl, Client
from dikast.models.options import MIB, EndpointOptions
from dikast.models.policy import Policy
from dikast.platforms.address import Address, Keys
from dikast.platforms.outgoing import ScoreEdge
from dikast.records import Json

_LONGEST_WAIT_S = 60.0
_LARGEST_ANSWER = 64 * MIB
_TOO_LARGE = (413, 422)


@dataclass(frozen=True)
class Patience:
    """How long one call may take, and how long a platform that is busy or away is waited for: first, and in all."""

    timeout_s: float = 60.0
    total_s: float = 600.0
    first_s: float = 0.5
    tell: Callable[[str], None] | None = None


class Calls:
    """Calls to one platform; close it when done."""

    def __init__(self, address: Address, keys: Keys, policy: Policy, patience: Patience | None = None) -> None:
        self.address = address
        self._patience = patience or Patience()
        self._was_up = False
        self._client = Client(
            BaseUrl(address.root, address.root),
            policy=replace(policy, edge=ScoreEdge(policy.edge)),
            options=EndpointOptions(timeout_s=self._patience.timeout_s, max_response_bytes=_LARGEST_ANSWER),
            model=address.platform,
            secret_headers=keys.headers,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def get(self, path: str, given: Mapping[str, Json] | None = None) -> Json:
        """The JSON at a path; parameters that are None are left out, lists are repeated."""
        pairs = {key: value for key, value in (given or {}).items() if value is not None}
        return await self.send("GET", f"{path}?{urlencode(pairs, doseq=True)}" if pairs else path)

    async def post(self, path: str, body: Json) -> Json:
        """The answer to a JSON body."""
        return await self.send("POST", path, body)

    async def send(self, method: str, path: str, body: Json = None) -> Json:
        """The answer to any request, asked again while the platform is busy or away."""
        waited, wait = 0.0, self._patience.first_s
        while True:
            try:
                answer = await self._client.send(method, path, body, Any)
                self._was_up = True
                return answer
            except PolicyError as error:
                raise PolicyError(str(error), hint=self._consent(method)) from None
            except EndpointError as error:
                pause = max(wait * random.uniform(0.5, 1.0), error.retry_after_s or 0.0)
                # One that never answered, or with a web page, is the wrong address rather than one that went away.
                absent = isinstance(error, EndpointDown) and not isinstance(error, EndpointDropped)
                absent = absent or _is_page(error)
                passing = error.retryable and error.status != 501 and (self._was_up or not absent)
                if not passing or waited + pause > self._patience.total_s:
                    raise self._told(error) from error
                if self._patience.tell is not None:
                    self._patience.tell(f"{error}; asking again in {pause:.0f} s")
                await asyncio.sleep(pause)
                waited, wait = waited + pause, min(wait * 2, _LONGEST_WAIT_S)

    async def find(self, path: str, given: Mapping[str, Json] | None = None) -> Json:
        """As `get`; None where there is no such path or thing."""
        try:
            return await self.get(path, given)
        except EndpointRefused as error:
            if error.status in (404, 405):
                return None
            raise

    def _consent(self, method: str) -> str:
        what = "the scores with their comments" if method != "GET" else "only the query (project, filters, times, ids)"
        return f"If it may: --allow-cloud, or DIKAST_ALLOW_CLOUD=1. What would be sent there: {what}."

    def _told(self, error: EndpointError) -> DikastError:
        """The error with what to do about it on a platform, where the client only knows of models."""
        hint = {
            401: "Check the key in the environment; see docs/platforms.md for its name.",
            403: "The key may not do that: check what it is allowed to, and whether it is of this project.",
            404: f"Check the address: {self.address.name}.",
        }.get(error.status or 0, error.hint)
        if _is_page(error):
            hint = f"Is the platform itself at {self.address.root}, or a proxy, a sign-in page, another server?"
        elif 300 <= (error.status or 0) < 400:
            hint = "Give the address that it leads to. If that is a sign-in page, a proxy stands before the platform."
        elif error.status is None:
            hint = f"Is {self.address.root} the right address, and is it up?"
        return type(error)(
            str(error), hint=hint, status=error.status, retry_after_s=error.retry_after_s, body=error.body
        )


def _is_page(error: EndpointError) -> bool:
    """Whether what came is no JSON at all, though the server was content with the request."""
    return isinstance(error, EndpointGarbled) and error.status == 200


def too_large(error: EndpointError) -> bool:
    """Whether a platform says that an answer or a request is too large."""
    said = (error.body or str(error)).lower()
    return error.status == 413 or (error.status in (400, 422, 500) and ("too large" in said or "exceeds" in said))
