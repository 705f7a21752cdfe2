"""Which web pages may use the relay.

A browser lets any page open a socket to any port of this machine, so the relay has to look at who asks.
A page says where it comes from in `Origin`; a program that is no browser sends none and is judged by its
token alone. Pages of this machine and pages of the same origin may, others must be named.

A page can also point its own host name at 127.0.0.1 and then *be* of the same origin. Therefore a relay
that is called over the loopback interface answers only to the names that this interface really has.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address can only mean this machine.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "lab.example", None)]
    [True, True, True, False, False]
    """
    if not host:
        return False
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class OriginPolicy:
    """Decides who may knock.

    >>> policy = OriginPolicy(frozenset({"https://lab.example"}))
    >>> policy.refusal("http://localhost:8888", host="127.0.0.1:8901", called_at="127.0.0.1") is None
    True
    >>> policy.refusal("https://evil.example", host="127.0.0.1:8901", called_at="127.0.0.1")
    'pages from https://evil.example may not use this relay: start it with --allow-origin https://evil.example'
    """

    allowed: frozenset[str] = frozenset()
    """Origins beyond loopback and our own, as a browser writes them: `https://lab.example`."""

    def refusal(self, origin: str | None, *, host: str | None, called_at: str | None) -> str | None:
        """Why this visitor may not come in, or `None` when nothing speaks against it.

        Args:
            origin: the `Origin` header.
            host: the `Host` header.
            called_at: the address of ours that the connection reached.
        """
        name = _host_name(host)
        if is_loopback(called_at) and name and not is_loopback(name) and name not in self._allowed_names():
            return (
                f"this relay listens on this machine only and was called by the name {name[:80]}: "
                "call it as 127.0.0.1, or start it with --allow-origin and the page's origin"
            )
        if origin is None:
            return None
        asked = origin.lower()
        scheme, _, netloc = asked.partition("://")
        if scheme in ("http", "https") and netloc and (
            asked in self.allowed
            or (host is not None and netloc == host.lower())
            or is_loopback(_host_name(netloc))
        ):  # fmt: skip
            return None
        return f"pages from {origin[:80]} may not use this relay: start it with --allow-origin {origin[:80]}"

    def _allowed_names(self) -> set[str]:
        return {name for origin in self.allowed if (name := _host_name(urlsplit(origin).netloc))}


def _host_name(netloc: str | None) -> str:
    """The name without a port: `[::1]:80` gives `::1`."""
    try:
        return urlsplit(f"//{netloc or ''}").hostname or ""
    except ValueError:
        return netloc or ""  # no name that we know, and so never one of ours
