"""What every server of ours needs: a socket, the names that it answers to, and a count of wrong guesses.

A site in a browser on this machine can make its own name mean 127.0.0.1 (DNS rebinding); so each request's Host must be
a name that no foreign name server hands out for us.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import dataclass, field

from dikast.errors import OutputError

_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_WRONG = 10
_WRONG_FOR_S = 300.0
_MOST_STRANGERS = 10_000


def is_loopback(host: str) -> bool:
    """Whether a server on this host can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_our_name(given: str, host: str) -> bool:
    """Whether a request's Host names a server that listens on `host`.

    A loopback name; beyond loopback an address, which no foreign name server can hand out, or our own name.
    """
    name = _without_port(given)
    if name in _LOCAL_NAMES or name == host.lower():
        return True
    if is_loopback(host):
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        ours = socket.gethostname().lower()
        return name in (ours, f"{ours.partition('.')[0]}.local")
    return True


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket on that host and port; 0 is a free one. Raises OutputError."""
    listening = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        if listening is not None:
            listening.close()
        raise OutputError(
            f"can't listen on {host} port {port}: {error.strerror or error}", hint="Give another --port or --host."
        ) from error
    return listening


def address_of(host: str, port: int) -> str:
    """The address to open, with a slash at its end."""
    shown = host if host not in ("0.0.0.0", "::") else socket.gethostname()
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"


@dataclass
class WrongGuesses:
    """Who gave wrong tokens lately; after ten of them one is shut out for five minutes."""

    _at: dict[str, list[float]] = field(default_factory=dict)

    def add(self, who: str) -> None:
        """Count one."""
        if len(self._at) >= _MOST_STRANGERS:
            self._at.clear()
        self._at.setdefault(who, []).append(time.monotonic())

    def shut_out(self, who: str) -> bool:
        """Whether somebody gave too many."""
        since = time.monotonic() - _WRONG_FOR_S
        recent = [at for at in self._at.get(who, []) if at > since]
        if recent:
            self._at[who] = recent
        else:
            self._at.pop(who, None)
        return len(recent) >= _WRONG


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()
