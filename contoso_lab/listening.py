"""Listening: a socket of our own, so that a port in use is one clear sentence, and the server around it.

The engine and the relay both stand on this; what they do with a connection is theirs.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from contoso_lab.errors import ConfigError, PortInUse

LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024
"""What the transport takes at all: OpenAI allows 15 MiB of audio in one append."""

PING_S = 20.0
"""How often a silent connection is asked for a sign of life, and how long it may take to give one."""

_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

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


def url_of(bound: socket.socket, *, secure: bool = False) -> str:
    """The address of a bound socket as people and programs write it."""
    host, port = bound.getsockname()[:2]
    return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server shows over TLS: its certificate, with those above it, and the key to it, as PEM files."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Find out before the server starts whether the two can be used.

        Raises:
            ConfigError: one cannot be read, or they do not belong together.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # A key with a password would be asked for at the terminal; a server has nobody there.
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")
        except ssl.SSLError as error:
            raise ConfigError(
                f"{self.certificate} and {self.key} are no certificate and its key: {error.reason or error}; "
                "give two PEM files that belong together, the key without a password"
            ) from error
        except OSError as error:
            missing = error.filename or f"{self.certificate} or {self.key}"
            raise ConfigError(f"{missing} cannot be read: {error.strerror or error}; check the path") from error


def settle() -> None:
    """Tell Python that all that is there now stays; for a process that has loaded what it needs and serves nobody yet.

    It then need not walk through eighty thousand objects whenever it looks for circles. It would look only after
    twenty thousand new ones had come, what some fifty calls leave behind, and stand still for 40 ms each time.
    """
    gc.collect()
    gc.freeze()


class QuietWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, kept from failing over heads that it cannot refuse, and from logging what clients did.

    | what a client does | uvicorn alone |
    |---|---|
    | it is turned away with an HTTP answer | logs an error, as if the application had forgotten to answer |
    | a field of its head is not ASCII | quotes it, cannot write it, and keeps the connection in its list for ever |
    | its text is no UTF-8 | logs an error of ours, with a piece of what was said |
    """

    async def send(self, message: Any) -> None:
        """Send, and take note when the answer is a whole HTTP response."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def data_received(self, data: bytes) -> None:
        """Bytes of the caller's."""
        try:
            super().data_received(data)
        except UnicodeError:
            self.transport.write(_BAD_REQUEST)
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        """A message is whole."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(1007, "a text message has to be UTF-8")
                return self.handle_parser_exception()
        super().send_receive_event_to_app()


class Server(uvicorn.Server):
    """uvicorn as we need it: quiet, without compression, and with a word when it is ready.

    Args:
        app: what is served.
        on_ready: called once, when connections are taken.
        before_stop: awaited before connections are cut, to end them properly; it may take its time.
        at_once: awaited in place of the rest of `before_stop` when a second signal comes.
        ping_s: how often a silent connection is asked for a sign of life.
        ping_timeout_s: how long it may take to answer.
        websocket: carries the WebSockets in place of uvicorn's own class; called with its `config`,
            `server_state` and `app_state` for each connection.
        certificate: serve over TLS, with this.
        trusted_proxies: addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed; nobody's,
            if there are none.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        on_ready: Callable[[], None] = lambda: None,
        before_stop: Callable[[], Awaitable[None]] | None = None,
        at_once: Callable[[], Awaitable[None]] | None = None,
        ping_s: float = PING_S,
        ping_timeout_s: float = PING_S,
        websocket: Callable[..., asyncio.Protocol] | None = None,
        certificate: Certificate | None = None,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        self._on_ready = on_ready
        self._before_stop = before_stop
        self._at_once = at_once
        self._hurry = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        super().__init__(
            uvicorn.Config(
                app,
                ws=websocket or QuietWebSocket,  # type: ignore[arg-type]  # a class is only ever called
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
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                ssl_certfile=certificate.certificate if certificate else None,
                ssl_keyfile=certificate.key if certificate else None,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to take connections, then say so."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is open first: uvicorn itself would cut calls with 1012 and no word."""
        if self._before_stop is not None:
            stopping = asyncio.ensure_future(self._before_stop())
            hurry = asyncio.create_task(self._hurry.wait())
            await asyncio.wait((stopping, hurry), return_when=asyncio.FIRST_COMPLETED)
            hurry.cancel()
            if not stopping.done() and self._at_once is not None:
                await self._at_once()
            await stopping
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the stop; a second one ends what the first one waits for."""
        if self.should_exit and self._loop is not None:
            self._loop.call_soon_threadsafe(self._hurry.set)  # a handler alone does not wake the loop
        super().handle_exit(sig, frame)
