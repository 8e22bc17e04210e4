"""Whether a model leaves this machine and its private network, as far as its name and its address tell.

That is for saying so before anything is asked. What really leaves is decided where sockets are made; see policy.py.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from dikast.models import policy
from dikast.models.naming import CLOUDS


def leaves_by_name(model: str, base_urls: Sequence[str] = ()) -> bool:
    """Whether asking this model means asking a cloud: by its address where that is a number, else by its name.

    >>> leaves_by_name("openai/NAME"), leaves_by_name("openai/NAME", ["http://127.0.0.1:9000"])
    (True, False)
    >>> leaves_by_name("ollama/qwen3:8b"), leaves_by_name("vllm/qwen3", ["http://8.8.8.8"])
    (False, True)
    """
    server = model.partition("/")[0]
    given = os.environ.get(f"{server.upper()}_BASE_URL", "").strip() if server in CLOUDS else ""
    urls = list(base_urls) or ([given] if given else [])
    if not urls:
        return server in CLOUDS
    return any(_leaves(url, by_name=server in CLOUDS) for url in urls)


def _leaves(url: str, *, by_name: bool) -> bool:
    try:
        host = urlsplit(url if "://" in url else f"http://{url}").hostname or ""
    except ValueError:
        return by_name
    if host == "localhost":
        return False
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return by_name
    return not policy.is_private(host)
