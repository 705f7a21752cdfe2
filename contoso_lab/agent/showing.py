"""Where a visitor shows its token, and where it comes from.

A program sets a header; a page cannot, with a WebSocket, and puts the token into the query.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection


def token_of(connection: HTTPConnection) -> str | None:
    """The token of a request or a handshake; None when it shows none.

    >>> token_of(HTTPConnection({"type": "http", "headers": [(b"authorization", b"Bearer abc")]}))
    'abc'
    >>> token_of(HTTPConnection({"type": "websocket", "headers": [], "query_string": b"token=abc"}))
    'abc'
    """
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    if connection.scope["type"] == "websocket":
        return connection.query_params.get("token") or None
    return None


def address_of(connection: HTTPConnection) -> str | None:
    """The address that a request or a handshake comes from, behind trusted proxies; None over a socket file.

    >>> address_of(HTTPConnection({"type": "http", "client": ("192.0.2.7", 4711)}))
    '192.0.2.7'
    """
    return connection.client.host if connection.client else None
