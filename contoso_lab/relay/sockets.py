"""The two connections of a call behind one small interface, and what each library says about its end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from contoso_lab.errors import SessionClosed
from contoso_lab.listening import LARGEST_MESSAGE_BYTES
from contoso_lab.relay.call import Message
from contoso_lab.relay.closing import ABNORMAL, NO_CODE, TOO_BIG, Close

MOST_MESSAGE_BYTES = LARGEST_MESSAGE_BYTES
"""The largest message on either side: a provider takes 15 MiB of audio in one event."""
PING_S = 20.0
"""How often each side is asked whether it still lives, and how long it may take to answer."""
GOODBYE_S = 2.0
"""How long a side may take over the closing handshake."""


class Socket(Protocol):
    """One side of a call. Whole messages in, whole messages out; waiting is the back pressure."""

    async def receive(self) -> Message:
        """The next message; `SessionClosed` once the other side has ended."""

    async def send(self, message: Message) -> None:
        """Send one message, waiting while the other side is slow; `SessionClosed` when it has ended."""

    async def close(self, close: Close) -> None:
        """Say goodbye. Never fails: a side that is gone needs none."""


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
        if text is not None:
            return text
        data: bytes = event["bytes"]
        return data

    async def send(self, message: Message) -> None:
        """Send one message to the caller."""
        try:
            if isinstance(message, str):
                await self._websocket.send_text(message)
            else:
                await self._websocket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            # The RuntimeErrors are uvicorn's and Starlette's word for "closed already". Why it closed,
            # `receive` knows.
            raise SessionClosed(ABNORMAL, "") from error

    async def close(self, close: Close) -> None:
        """Close the caller's side."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            await self._websocket.close(close.code, close.reason)


class TargetSocket:
    """The model's side: a connection that we dialled."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def receive(self) -> Message:
        """The next message of the target."""
        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            raise _ended(error) from error

    async def send(self, message: Message) -> None:
        """Send one message to the target."""
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise _ended(error) from error

    async def close(self, close: Close) -> None:
        """Close the target's side; a target that does not answer the goodbye is dropped."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._connection.close(close.code, close.reason)


def _ended(error: ConnectionClosed) -> SessionClosed:
    if error.rcvd is not None:
        return SessionClosed(error.rcvd.code, error.rcvd.reason)
    if error.sent is not None and error.sent.code == TOO_BIG:
        return SessionClosed(ABNORMAL, f"it sent a message of more than {MOST_MESSAGE_BYTES // 2**20} MiB")
    if error.sent is not None and "ping" in error.sent.reason:
        return SessionClosed(ABNORMAL, f"it did not answer for {2 * PING_S:.0f} seconds")
    return SessionClosed(ABNORMAL, "")
