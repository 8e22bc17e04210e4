"""The promise that nothing leaves the private network, kept where connections are made.

The policy looks at the address that a socket is about to be connected to, not at the name in a URL, so that names,
IP literals, DNS rebinding and redirects are all the same to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import msgspec

from dikast.errors import PolicyError
from dikast.models.behind import behind
from dikast.models.edge import Edge

# Written out, because `is_private` also holds ranges that lead outside: 198.18.0.0/15 stands for any public host
# behind some proxies, 192.0.2.0/24 and the like are documentation.
_PRIVATE_NETWORKS = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8",
        "0.0.0.0/32",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "100.64.0.0/10",  # shared address space: overlay networks between one's own machines
        "::1/128",
        "::/128",
        "fe80::/10",
        "fc00::/7",
    )
)

ALLOW_CLOUD_HINT = (
    "If it may leave: --allow-cloud, or DIKAST_ALLOW_CLOUD=1. Else use a model on this machine: dikast models"
)


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One request that left the private network: when, to whom, how much. Never what it said, and never a key.

    redacted: whether personal data was looked for in it; replaced: how many of which kinds were. run, interaction: what
    it was asked for, where it was for one.
    """

    time: str
    host: str
    address: str
    model: str
    bytes: int
    sha256: str
    redacted: bool = False
    replaced: dict[str, int] = {}
    run: str | None = None
    interaction: str | None = None


class ForbiddenAddress(OSError):
    """Raised inside the connector, where only an OSError lets the next address of a host be tried."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is outside the private network")
        self.address = address


@dataclass(frozen=True)
class Policy:
    """What may be reached. Without `allow_cloud`, only this machine and its private network.

    ledger: called with a LedgerEntry for each request that leaves, before its first byte is sent. edge: what each of
    them goes through.
    """

    allow_cloud: bool = False
    ledger: Callable[[LedgerEntry], None] | None = None
    edge: Edge = field(default_factory=Edge)

    def check_address(self, address: str) -> None:
        """Raise ForbiddenAddress unless this address may be connected to."""
        if not self.allow_cloud and not is_private(address):
            raise ForbiddenAddress(address)

    def forbidden(self, host: str, address: str | None = None) -> PolicyError:
        """The error that says which host was refused, and what to do."""
        where = f"{host!r}" if address in (None, host) else f"{host!r} ({address})"
        return PolicyError(
            f"{where} is outside this machine and its private network, and the policy lets nothing leave",
            hint=ALLOW_CLOUD_HINT,
        )

    def record(
        self, *, host: str, address: str, model: str, data: bytes, replaced: dict[str, int] | None = None
    ) -> None:
        """Write down one request that is about to leave, by the size and the hash of its body as it is sent."""
        if self.ledger is None:
            return
        self.ledger(
            LedgerEntry(
                time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                host=host,
                address=address,
                model=model,
                bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                redacted=self.edge.redact,
                replaced=replaced or {},
                run=behind.get().run,
                interaction=behind.get().interaction,
            )
        )


def is_private(address: str) -> bool:
    """Whether an IP address stays on this machine or its private network.

    That is loopback, RFC 1918, unique local (fc00::/7), link-local and 100.64.0.0/10. IPv4-mapped IPv6 counts as the
    IPv4 address in it. Whatever is not an address is not private.

    >>> is_private("192.168.1.5"), is_private("::ffff:8.8.8.8"), is_private("fe80::1%eth0")
    (True, False, True)
    """
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed.version == network.version and parsed in network for network in _PRIVATE_NETWORKS)
