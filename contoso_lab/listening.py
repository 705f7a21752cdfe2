"""Listening: a socket of our own, so that a port in use is one clear sentence, and the server around it.

The engine and the relay both stand on this; what they do with a connection is theirs.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from contoso_lab.errors import ConfigError, PortInUse

LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024
"""What the transport takes at all: OpenAI allows 15 MiB of audio in one append."""

STOP_S = 5
"""How long open connections may take to end before they are cut."""


def bind(host: str, port: int) -> socket.socket:
    """Take a port; 0 takes a free one. Bound here and not by the web server, so that the port is known.

    >>> with bind("127.0.0.1", 0) as bound:
    ...     url_of(bound).startswith("http://127.0.0.1:")
    True

    Raises:
        PortInUse: another program has the port.
        ConfigError: there is no such address here, or the port needs rights that we do not have.
    """
    try:
        # The protocol is asked for by name: without it asyncio leaves Nagle's delay on, which costs each reply 40 ms.
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, OverflowError) as error:
        raise ConfigError(f"cannot listen on {host} port {port}: no such address") from error
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        # A port that is bound and not yet listened on would be given to a second program that asks.
        bound.listen(128)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(host, port) from error
        raise ConfigError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
    return bound


def url_of(bound: socket.socket) -> str:
    """The address of a bound socket as people and programs write it."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class QuietWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket without its complaint about a client that was turned away.

    uvicorn counts a handshake that ended with an HTTP response as not completed, and logs an error for each, as if the
    application had forgotten to answer.
    """

    async def send(self, message: Any) -> None:
        """Send, and take note when the answer is a whole HTTP response."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True


class Server(uvicorn.Server):
    """uvicorn as we need it: quiet, without compression, and with a word when it is ready.

    Args:
        app: what is served.
        on_ready: called once, when connections are taken.
        before_stop: awaited before connections are cut, to end them properly.
        ping_s: how often a silent connection is asked for a sign of life.
        ping_timeout_s: how long it may take to answer.
        websocket: carries the WebSockets in place of uvicorn's own class.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        on_ready: Callable[[], None] = lambda: None,
        before_stop: Callable[[], Awaitable[None]] | None = None,
        ping_s: float = 20.0,
        ping_timeout_s: float = 20.0,
        websocket: type[asyncio.Protocol] | None = None,
    ) -> None:
        self._on_ready = on_ready
        self._before_stop = before_stop
        super().__init__(
            uvicorn.Config(
                app,
                ws=websocket or QuietWebSocket,
                ws_max_size=LARGEST_MESSAGE_BYTES,
                ws_per_message_deflate=False,  # base64 of sound hardly shrinks, and it would cost a core
                ws_ping_interval=ping_s,
                ws_ping_timeout=ping_timeout_s,
                timeout_graceful_shutdown=STOP_S,
                # At INFO uvicorn writes each address with its query, and a token may stand in it.
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to take connections, then say so."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is open first: uvicorn itself would cut calls with 1012 and no word."""
        if self._before_stop is not None:
            await self._before_stop()
        await super().shutdown(sockets)
