"""A WebSocket handshake as the desk sees it: what was asked, by whom, before anything was answered.

Two servers may have read it (picows' door or an ASGI server); from here on nobody can tell which.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Handshake:
    """One request to open a WebSocket."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case; of a name that came twice, the values joined with a comma."""
    subprotocols: tuple[str, ...] = ()
    client_host: str | None = None
    """Who calls, after the proxies that the relay trusts."""
    server_host: str | None = None
    """The address of ours that the connection reached."""
    secure: bool = False
    """The caller came over TLS, to us or to a proxy that we trust."""

    def __repr__(self) -> str:
        return f"Handshake({self.path!r}, from {self.client_host})"  # the query may hold a token

    @classmethod
    def from_scope(cls, scope: Mapping[str, Any] | MutableMapping[str, Any]) -> Handshake:
        """Read the scope of an ASGI server, behind its own reading of the proxies' headers.

        >>> scope = {"path": "/v1/realtime", "query_string": b"model=x", "headers": [(b"Host", b"lab.example")]}
        >>> handshake = Handshake.from_scope(scope)
        >>> handshake.query["model"], handshake.headers["host"]
        ('x', 'lab.example')
        """
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        client, server = scope.get("client"), scope.get("server")
        return cls(
            path=scope["path"],
            query=dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)),
            headers=headers,
            subprotocols=_subprotocols(headers.get("sec-websocket-protocol", "")),
            client_host=client[0] if client else None,
            server_host=server[0] if server else None,
            secure=scope.get("scheme") in ("https", "wss"),
        )

    @property
    def forwarded(self) -> bool:
        """Whether a proxy says that it stands between; believed or not, the caller may be elsewhere."""
        return "x-forwarded-for" in self.headers or "forwarded" in self.headers


def _subprotocols(header: str) -> tuple[str, ...]:
    names: Sequence[str] = [name.strip() for name in header.split(",")]
    return tuple(name for name in names if name)
