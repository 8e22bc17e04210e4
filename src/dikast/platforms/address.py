"""Which platform is meant, and where: short addresses, the addresses of its pages, and the owners' variables.

    langfuse://HOST          langsmith://HOST/PROJECT     phoenix://HOST:6006/PROJECT     mlflow://HOST:5000/EXPERIMENT

A host that is left out (langsmith:///support) is the one that the platform's own variable names, else its usual one.
Keys are read from the owners' variables only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import quote, unquote

import aiohttp
from yarl import URL

from dikast.errors import SettingError
from dikast.models.policy import is_private

PLATFORMS = ("langfuse", "langsmith", "phoenix", "mlflow")
_HOSTS = {
    "langfuse": (("LANGFUSE_BASE_URL", "LANGFUSE_HOST"), "https://cloud.langfuse.com"),
    "langsmith": (("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT"), "https://api.smith.langchain.com"),
    "phoenix": (("PHOENIX_COLLECTOR_ENDPOINT",), "http://127.0.0.1:6006"),
    "mlflow": (("MLFLOW_TRACKING_URI",), "http://127.0.0.1:5000"),
    "otlp": (("OTEL_EXPORTER_OTLP_ENDPOINT",), "http://127.0.0.1:4318"),
}
_PROJECTS = {
    "langsmith": (("LANGSMITH_PROJECT", "LANGCHAIN_PROJECT"), None),
    "phoenix": (("PHOENIX_PROJECT_NAME",), "default"),
    "mlflow": (("MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"), "Default"),
}
# The pages that people copy an address from, and where their project stands in it.
_PAGES = (
    ("langfuse", re.compile(r"^(?P<root>https?://[^/]+)/project/(?P<project>[^/?#]+)")),
    ("langsmith", re.compile(r"^https://(?P<eu>eu\.)?smith\.langchain\.com/.*/projects/p/(?P<project>[0-9a-f-]{36})")),
    ("phoenix", re.compile(r"^(?P<root>https?://.+?)/projects/(?P<project>[^/?#]+)")),
    ("mlflow", re.compile(r"^(?P<root>https?://.+?)/?#/experiments/(?P<project>\d+)")),
)
_SHORT = re.compile(r"^(langfuse|langsmith|phoenix|mlflow|otlp)(\+https?)?://", re.IGNORECASE)
_KNOWN_HOSTS = {"cloud.langfuse.com": "langfuse", "smith.langchain.com": "langsmith", "phoenix.arize.com": "phoenix"}


@dataclass(frozen=True)
class Address:
    """A platform's server (`root`, without a slash at the end) and what it calls a project."""

    platform: str
    root: str
    project: str | None = None

    @property
    def host(self) -> str:
        """The server's name or address."""
        return URL(self.root).host or ""

    @property
    def _path(self) -> str:
        return self.project or "" if self.platform == "otlp" else quote(self.project or "", safe="")

    @property
    def name(self) -> str:
        """One spelling of it, without any key."""
        return f"{self.platform}+{self.root}" + (f"/{self._path}" if self.project else "")


@dataclass(frozen=True)
class Keys:
    """Headers that carry keys; never shown."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def is_address(given: str) -> bool:
    """Whether a source is a platform's address and not a path."""
    return _SHORT.match(given) is not None or given.lower().startswith(("http://", "https://"))


def address_of(given: str, environ: Mapping[str, str], *, platform: str | None = None) -> Address:
    """What an address means. platform: the one that a plain http(s) address is of. Raises SettingError."""
    short = _SHORT.match(given)
    if "@" in given.partition("://")[2].partition("/")[0]:
        raise SettingError(
            "an address of a platform carries no key", hint="Keys are read from the environment; see docs/platforms.md."
        )
    if short:
        return _from_short(given, short, environ)
    for name, pattern in _PAGES:
        found = pattern.match(given)
        if found and platform in (None, name):
            parts = found.groupdict()
            root = parts.get("root") or f"https://{parts.get('eu') or ''}api.smith.langchain.com"
            return Address(name, root.rstrip("/"), parts["project"])
    return _from_plain(given, environ, platform)


def keys_of(address: Address, environ: Mapping[str, str]) -> Keys:
    """The headers with which a platform lets one in. Raises SettingError where its variables are not set."""
    if address.platform == "langfuse":
        public, secret = environ.get("LANGFUSE_PUBLIC_KEY"), environ.get("LANGFUSE_SECRET_KEY")
        if not public or not secret:
            raise SettingError(
                "LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY are not set, and Langfuse lets nobody in without",
                hint="Langfuse shows both under Settings, API Keys.",
            )
        return Keys({"Authorization": aiohttp.encode_basic_auth(public, secret)})
    if address.platform == "langsmith":
        key = environ.get("LANGSMITH_API_KEY") or environ.get("LANGCHAIN_API_KEY")
        if not key:
            raise SettingError("LANGSMITH_API_KEY is not set, and LangSmith lets nobody in without it")
        workspace = environ.get("LANGSMITH_WORKSPACE_ID")  # which a key of a whole organisation needs
        return Keys({"X-Api-Key": key, **({"X-Tenant-Id": workspace} if workspace else {})})
    if address.platform == "phoenix":
        key = environ.get("PHOENIX_API_KEY")
        return Keys({"Authorization": f"Bearer {key}"} if key else {})
    if address.platform == "mlflow":
        token, user = environ.get("MLFLOW_TRACKING_TOKEN"), environ.get("MLFLOW_TRACKING_USERNAME")
        if token:
            return Keys({"Authorization": f"Bearer {token}"})
        basic = user and aiohttp.encode_basic_auth(user, environ.get("MLFLOW_TRACKING_PASSWORD", ""))
        return Keys({"Authorization": basic} if basic else {})
    pairs = (part.partition("=") for part in environ.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(","))
    return Keys({name.strip(): value.strip() for name, _, value in pairs if name.strip()})


def _from_short(given: str, short: re.Match[str], environ: Mapping[str, str]) -> Address:
    platform, scheme = short[1].lower(), (short[2] or "").lstrip("+")
    host, _, path = given[short.end() :].partition("/")
    # A server may lie below a path (/api/v1/PROJECT); a collector's path is all of it.
    below, _, project = ("", "", path.strip("/")) if platform == "otlp" else path.strip("/").rpartition("/")
    if not host:
        variables, usual = _HOSTS[platform]
        root = next((environ[name] for name in variables if environ.get(name)), usual)
    else:
        root = f"{scheme or _scheme(host)}://{host}"
    root = f"{root.rstrip('/')}/{below}" if below else root
    return Address(platform, _checked(root, given), unquote(project) or _project(platform, environ))


def _from_plain(given: str, environ: Mapping[str, str], platform: str | None) -> Address:
    url = URL(_checked(given, given))
    host = url.host or ""
    known = platform or next((name for end, name in _KNOWN_HOSTS.items() if host.endswith(end)), None)
    if known is None or known not in PLATFORMS:
        shown = host or given
        raise SettingError(
            f"which platform {given!r} is can't be told from its address",
            hint=f"Say it with --format {'|'.join(PLATFORMS)}, or give phoenix://{shown}/PROJECT and the like.",
        )
    path = url.path.strip("/")
    root = str(url.origin())
    if known == "langsmith" and not host.startswith(("api.", "eu.api.")) and host.endswith("smith.langchain.com"):
        root = root.replace("smith.langchain.com", "api.smith.langchain.com")
    return Address(known, root, path or _project(known, environ))


def _project(platform: str, environ: Mapping[str, str]) -> str | None:
    variables, usual = _PROJECTS.get(platform, ((), None))
    found = next((environ[name] for name in variables if environ.get(name)), usual)
    if found is None and platform == "langsmith":
        raise SettingError("which project of LangSmith is not said", hint="Give langsmith:///PROJECT, by name or id.")
    return found


def _checked(root: str, given: str) -> str:
    try:
        url = URL(root)
        _ = url.port
    except ValueError:
        url = URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise SettingError(f"{given!r} is no address of a server", hint="Such as phoenix://127.0.0.1:6006/default.")
    return root.rstrip("/")


def _scheme(host: str) -> str:
    """Plain HTTP for this machine and bare names or addresses of the private network; TLS for all others."""
    try:
        name = URL(f"http://{host}").host or ""
    except ValueError:
        return "http"  # and refused when it is looked at as a whole
    try:
        ip_address(name)
    except ValueError:
        return "http" if name == "localhost" or "." not in name else "https"
    return "http" if is_private(name) else "https"
