"""What both kinds of connection have in common: the limits, and the sockets of the portable kind.

A `Socket` waits where a `Leg` must not: `websockets_leg` stands between the two.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from contoso_lab.errors import SessionClosed
from contoso_lab.listening import LARGEST_MESSAGE_BYTES, PING_S
from contoso_lab.relay.calls.closing import ABNORMAL, NO_CODE, SENT_TOO_MUCH, TOO_BIG, Close
from contoso_lab.relay.wires.legs import Binary, Ear, Leg, Message

MOST_MESSAGE_BYTES = LARGEST_MESSAGE_BYTES
"""The largest message on either side: a provider takes 15 MiB of audio in one event."""
GOODBYE_S = 2.0
"""How long a side may take over the closing handshake."""
HIGH_WATER_BYTES = 256 * 1024
"""From so much unsent on, the other side is not read any more. A burst of answers fits, a flood does not."""
LOW_WATER_BYTES = 64 * 1024
"""From so little unsent on, the other side is read again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a connection may be silent, and how long a goodbye may take."""

    ping_s: float = PING_S
    """How often a silent side is asked for a sign of life."""
    ping_timeout_s: float = PING_S
    """How long it may take to give one."""
    goodbye_s: float = GOODBYE_S

    @property
    def silence(self) -> str:
        """What is said of a side that gave none."""
        return f"it did not answer for {self.ping_s + self.ping_timeout_s:.3g} seconds"


TOO_BIG_SENTENCE = f"{SENT_TOO_MUCH} {MOST_MESSAGE_BYTES // 2**20} MiB"


class Line(Leg, Protocol):
    """A leg as the doors and the dialling make it: who listens is still to be said, and it can be cut."""

    ear: Ear
    """Who listens. Whoever sets another one sees to it that nothing is lost between the two."""

    def abort(self) -> None:
        """Cut the connection, without a word."""


class Socket(Protocol):
    """One side of a call. Whole messages in, whole messages out; waiting is the back pressure."""

    async def receive(self) -> Message:
        """The next message; `SessionClosed` once the other side has ended."""

    async def send(self, message: Message) -> None:
        """Send one message, waiting while the other side is slow; `SessionClosed` when it has ended."""

    async def close(self, close: Close) -> None:
        """Say goodbye. Never fails: a side that is gone needs none."""

    def abort(self) -> None:
        """Cut the connection, as far as the library under it can."""


class ClientSocket:
    """The caller's side: a WebSocket that the web framework has accepted."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> Message:
        """The next message of the caller."""
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            code = event.get("code") or NO_CODE
            # uvicorn reports a broken connection as 1005 too, but only a close frame brings a reason along.
            if code == NO_CODE and "reason" not in event:
                code = ABNORMAL
            raise SessionClosed(code, event.get("reason") or "")
        text: str | None = event.get("text")
        return text.encode() if text is not None else Binary(event["bytes"])

    async def send(self, message: Message) -> None:
        """Send one message to the caller."""
        try:
            if isinstance(message, Binary):
                await self._websocket.send_bytes(message)
            else:
                await self._websocket.send_text(message.decode())
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            # The RuntimeErrors are uvicorn's and Starlette's word for "closed already". Why it closed,
            # `receive` knows.
            raise SessionClosed(ABNORMAL, "") from error

    async def close(self, close: Close) -> None:
        """Close the caller's side."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            await self._websocket.close(close.code, close.reason)

    def abort(self) -> None:
        """The server cuts it when the application returns."""


class TargetSocket:
    """The model's side: a connection that we dialled."""

    def __init__(self, connection: ClientConnection, patience: Patience) -> None:
        self._connection = connection
        self._patience = patience

    async def receive(self) -> Message:
        """The next message of the target."""
        try:
            message = await self._connection.recv()
        except ConnectionClosed as error:
            raise self._ended(error) from error
        return message.encode() if isinstance(message, str) else Binary(message)

    async def send(self, message: Message) -> None:
        """Send one message to the target."""
        try:
            await self._connection.send(message if isinstance(message, Binary) else message.decode())
        except ConnectionClosed as error:
            raise self._ended(error) from error

    async def close(self, close: Close) -> None:
        """Close the target's side; a target that does not answer the goodbye is dropped."""
        try:
            async with asyncio.timeout(self._patience.goodbye_s):
                await self._connection.close(close.code, close.reason)
        except TimeoutError:
            self.abort()
            await self._connection.wait_closed()

    def abort(self) -> None:
        """Cut the connection."""
        self._connection.transport.abort()

    def _ended(self, error: ConnectionClosed) -> SessionClosed:
        if error.rcvd is not None:
            return SessionClosed(error.rcvd.code, error.rcvd.reason)
        if error.sent is not None and error.sent.code == TOO_BIG:
            return SessionClosed(ABNORMAL, TOO_BIG_SENTENCE)
        if error.sent is not None and "ping" in error.sent.reason:
            return SessionClosed(ABNORMAL, self._patience.silence)
        return SessionClosed(ABNORMAL, "")
