"""The line to the other side: one message each way, each taken once, and a clear word when it breaks.

With a relay that allows it the line outlives its connection: when that breaks, the line dials again and both
sides say again what the other has not heard. Whoever speaks in the meantime does not wait for it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from contoso_lab.errors import EventError, SessionClosed, SessionRefused
from contoso_lab.session.returning import Books
from contoso_lab.wire import Event, parse_server

REMEMBERED_EVENTS = 512
"""How far back a doubled event is known again."""
FIRST_TRY_S = 0.25
LONGEST_PAUSE_S = 4.0
"""The pauses between tries double from the first to this."""


class Connection(Protocol):
    """What a line needs of a connection: three methods of the official client's `AsyncRealtimeConnection`."""

    async def recv_bytes(self) -> bytes:
        """The next message. Raises `websockets.exceptions.ConnectionClosed` when there is none any more."""
        ...

    async def send_raw(self, data: bytes | str) -> None:
        """Send one message. Raises `websockets.exceptions.ConnectionClosed`."""
        ...

    async def close(self) -> None:
        """End it."""
        ...


Dial = Callable[[Mapping[str, str]], Awaitable[Connection]]
"""Opens a connection with these fields in the query; raises `SessionRefused`."""


class Line:
    """The official client's connection, read as our events. Both ways raise `SessionClosed` when it has ended.

    Args:
        connection: open already.
        dial: the way to another connection; without it a broken line stays broken.
        pause: how the time between tries passes.
        clock: seconds that never run backwards.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        dial: Dial | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.errors: list[Mapping[str, Any]] = []
        """`error` events of the other side, and messages of it that could not be read."""
        self.returns = 0
        """How often the connection broke and was made again."""
        self._connection = connection
        self._dial = dial
        self._pause = pause
        self._clock = clock
        self._books = Books() if dial else Books(most_bytes=0)
        self._up = True
        self._turn = asyncio.Lock()
        self._last_type: str | None = None
        self._event_ids: dict[str, None] = {}  # the oldest first

    async def send(self, text: str) -> None:
        """Send one message. On a line that is being mended it is kept, and sent in its turn."""
        async with self._turn:
            self._books.said(text)
            await self._say(text)

    async def receive(self) -> Event:
        """The next event that can be read and has not come before."""
        from websockets.exceptions import ConnectionClosed

        while True:
            try:
                raw = await self._connection.recv_bytes()
            except ConnectionClosed as error:
                await self._mend(closed(error, self._last_type))
                continue
            event = self._new(raw)
            if event is None:
                await self._count()
                continue
            if not event.type.startswith("lab."):
                await self._count()
            elif self._is_ours(event):
                continue
            self._last_type = event.type
            if event.type == "error":
                self.errors.append(event.get("error") or {})
            return event

    def refusal(self, event_id: str) -> Mapping[str, Any] | None:
        """The error that answers our event of this id, if one has come."""
        return next((error for error in self.errors if error.get("event_id") == event_id), None)

    async def close(self) -> None:
        """End the connection that is open now."""
        await self._connection.close()

    async def _say(self, text: str) -> None:
        from websockets.exceptions import ConnectionClosed

        if not self._up:
            return
        try:
            await self._connection.send_raw(text)
        except ConnectionClosed as error:
            if not self._may_return(ended := closed(error, self._last_type)):
                raise ended from error
            self._up = False  # it is kept; the reader meets the same end and mends the line

    async def _count(self) -> None:
        if (received := self._books.heard()) is not None:
            async with self._turn:
                await self._say(json.dumps({"type": "lab.ack", "received": received}))

    def _is_ours(self, event: Event) -> bool:
        """Take what is only about the connection."""
        match event.type:
            case "lab.resume":
                self._books.token = event.data["token"]
                self._books.window_s = float(event.data["window_s"])
            case "lab.ack":
                self._books.arrived(int(event.data["received"]))
            case _:
                return False
        return True

    def _may_return(self, ended: SessionClosed) -> bool:
        # Only a connection that broke: with a goodbye the other side has said what it wants.
        return self._dial is not None and self._books.token is not None and ended.code == 1006

    async def _mend(self, ended: SessionClosed) -> None:
        """Dial until the relay answers or no longer waits for us; raises `ended` when that was in vain."""
        if not self._may_return(ended) or self._dial is None or self._books.token is None:
            raise ended
        self._up = False
        until_s, pause_s = self._clock() + self._books.window_s, FIRST_TRY_S
        while True:
            query = {"resume": self._books.token, "received": str(self._books.received)}
            try:
                connection = await self._dial(query)
            except SessionRefused as refused:
                # A relay that answers and says no will go on saying it.
                if refused.status is not None or self._clock() + pause_s > until_s:
                    raise ended from refused
                await self._pause(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            if await self._take_over(connection):
                return

    async def _take_over(self, connection: Connection) -> bool:
        """Go on with a new connection; `False` when that broke, too, before a word was said."""
        from websockets.exceptions import ConnectionClosed

        async with self._turn:
            try:
                first = parse_server(await connection.recv_bytes())
                if first.type != "lab.resumed":
                    raise EventError(f"the relay took us back with {first.type} instead of lab.resumed")
                for text in self._books.unheard(int(first.data["received"])):
                    await connection.send_raw(text)
            except ConnectionClosed as error:
                if not self._may_return(ended := closed(error, self._last_type)):
                    raise ended from error
                return False
            self._connection = connection
            self._up = True
            self.returns += 1
            return True

    def _new(self, raw: bytes) -> Event | None:
        try:
            event = parse_server(raw)
        except EventError as error:
            self.errors.append({"type": "unreadable_message", "code": None, "message": str(error)})
            return None
        event_id = event.get("event_id")
        if isinstance(event_id, str) and event_id in self._event_ids:
            return None  # sound would play twice, and usage would be counted twice
        if isinstance(event_id, str):
            self._event_ids[event_id] = None
            if len(self._event_ids) > REMEMBERED_EVENTS:
                del self._event_ids[next(iter(self._event_ids))]
        return event


def closed(error: Exception, last_event: str | None) -> SessionClosed:
    """A close of the socket as our own error, with the code and the reason that the other side gave."""
    frame = getattr(error, "rcvd", None)
    code, reason = (frame.code, frame.reason) if frame else (1006, "the connection broke without a goodbye")
    return SessionClosed(int(code), reason, last_event=last_event)
