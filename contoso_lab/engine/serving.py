"""Listening: a socket of our own, so that a port in use is one clear sentence, and a server around it."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from contoso_lab.errors import ConfigError, PortInUse

LARGEST_FRAME_BYTES = 16 * 1024 * 1024
"""What the transport takes at all; the protocol says no a little earlier, and the call goes on."""


def bind(host: str, port: int) -> socket.socket:
    """Take a port; 0 takes a free one.

    Raises:
        PortInUse: somebody else has it.
        ConfigError: there is no such address here, or this user may not listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(host, port) from error
        raise ConfigError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def address(listener: socket.socket) -> str:
    """The HTTP address of a socket that listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Uvicorn as the engine needs it; tells when it is ready.

    Args:
        app: what is served.
        on_ready: called once, when connections are taken.
    """

    def __init__(self, app: FastAPI, *, on_ready: Callable[[], None]) -> None:
        self._on_ready = on_ready
        config = uvicorn.Config(
            app,
            ws_max_size=LARGEST_FRAME_BYTES,
            ws_per_message_deflate=False,  # base64 of sound hardly shrinks, and it would cost a core
            ws_ping_timeout=60.0,  # a notebook that computes answers late, and is still there
            log_config=None,
            access_log=False,  # a query may hold what nobody should find in a log
            timeout_graceful_shutdown=5,
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to take connections, then say so."""
        await super().startup(sockets)
        self._on_ready()


@asynccontextmanager
async def serving(app: FastAPI, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an application as long as the block lasts; gives its address.

    Cancelling the block stops the server; calls that are open then are closed.

    Raises:
        PortInUse: somebody else has the port.
    """
    listener = bind(host, port)
    ready = asyncio.Event()
    server = Server(app, on_ready=ready.set)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]))
        await ready.wait()
        try:
            yield address(listener)
        finally:
            server.should_exit = True
