"""The process around the app: a port of its own, a word when it is ready, a graceful end."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from contoso_lab.errors import ConfigError, PortInUse
from contoso_lab.relay.desk import Desk
from contoso_lab.relay.origins import is_loopback
from contoso_lab.relay.sockets import MOST_MESSAGE_BYTES, PING_S

LEAST_SECRET = 16
STOP_S = 5
"""How long open connections may take to end before they are cut."""


def check_exposure(host: str, secret: str | None) -> None:
    """Refuse to be reachable from other machines without a secret.

    >>> check_exposure("127.0.0.1", None)
    >>> check_exposure("0.0.0.0", None)
    Traceback (most recent call last):
    contoso_lab.errors.ConfigError: on 0.0.0.0 anybody on the network could spend your key: ...

    Raises:
        ConfigError: the address is not loopback and there is no secret, or one that can be guessed.
    """
    if secret is not None and len(secret) < LEAST_SECRET:
        raise ConfigError(
            f"the relay's secret has {len(secret)} characters and could be guessed: "
            f"give CONTOSO_LAB_RELAY_SECRET at least {LEAST_SECRET}"
        )
    if secret is None and not is_loopback(host):
        raise ConfigError(
            f"on {host} anybody on the network could spend your key: set CONTOSO_LAB_RELAY_SECRET, "
            "or listen on 127.0.0.1"
        )


def bind(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one.

    Bound here and not by the web server, so that the port is known, and its loss is one sentence.

    Raises:
        PortInUse: another program has the port.
        ConfigError: there is no such address here, or the port needs rights that we do not have.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, OverflowError) as error:
        raise ConfigError(f"cannot listen on {host} port {port}: no such address") from error
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(host, port) from error
        raise ConfigError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return bound


def url_of(bound: socket.socket) -> str:
    """The address of a bound socket as people and programs write it."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn with the settings of a relay, which says goodbye to its calls before it stops."""

    def __init__(self, app: FastAPI, *, on_ready: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ws_max_size=MOST_MESSAGE_BYTES,
                ws_per_message_deflate=False,  # base64 audio shrinks little and costs twice the relay's work
                ws_ping_interval=PING_S,
                ws_ping_timeout=PING_S,
                timeout_graceful_shutdown=STOP_S,
                # At INFO uvicorn writes each address with its query, and a token may stand in it.
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
            )
        )
        self._desk: Desk = app.state.desk
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the calls first: uvicorn itself would cut them with 1012 and no word to the target."""
        await self._desk.close_all()
        await super().shutdown(sockets)
