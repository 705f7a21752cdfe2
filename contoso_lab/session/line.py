"""The line to the other side: one message each way, each taken once, and a clear word when it breaks."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import EventError
from contoso_lab.session.door import closed
from contoso_lab.wire import Event, parse_server

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtimeConnection

REMEMBERED_EVENTS = 512
"""How far back a doubled event is known again."""


class Line:
    """The official client's connection, read as our events. Both ways raise `SessionClosed` when it has ended."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.errors: list[Mapping[str, Any]] = []
        """`error` events of the other side, and messages of it that could not be read."""
        self._connection = connection
        self._last_type: str | None = None
        self._event_ids: deque[str] = deque(maxlen=REMEMBERED_EVENTS)

    async def send(self, text: str) -> None:
        """Send one message."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send_raw(text)
        except ConnectionClosed as error:
            raise closed(error, self._last_type) from error

    async def receive(self) -> Event:
        """The next event that can be read and has not come before."""
        from websockets.exceptions import ConnectionClosed

        while True:
            try:
                event = self._new(await self._connection.recv_bytes())
            except ConnectionClosed as error:
                raise closed(error, self._last_type) from error
            if event is not None:
                self._last_type = event.type
                if event.type == "error":
                    self.errors.append(event.get("error") or {})
                return event

    def refusal(self, event_id: str) -> Mapping[str, Any] | None:
        """The error that answers our event of this id, if one has come."""
        return next((error for error in self.errors if error.get("event_id") == event_id), None)

    def _new(self, raw: bytes) -> Event | None:
        try:
            event = parse_server(raw)
        except EventError as error:
            self.errors.append({"type": "unreadable_message", "code": None, "message": str(error)})
            return None
        if (event_id := event.get("event_id")) in self._event_ids:
            return None  # sound would play twice, and usage would be counted twice
        if isinstance(event_id, str):
            self._event_ids.append(event_id)
        return event
