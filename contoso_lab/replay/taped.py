"""A connection to a target itself, without a relay: it does what the relay would do for the recording.

| resource | acquired | released | on failure |
|---|---|---|---|
| the connection | handed in | `close`, or the client's `call.ended` | the line says so; the recording is closed |
| the recording | handed in | `close` | as it says itself |
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from contoso_lab.recording import Recorder
from contoso_lab.replay.local_tools import LocalTools
from contoso_lab.session.line import Connection


class TapedConnection:
    """Writes down both directions, asks for the session, runs tools, and keeps `lab.*` events from the target.

    Args:
        connection: to the target.
        recorder: writes; it is closed with the connection.
        session: what the target is asked for, once it has said hello.
        tools: the agent's.
    """

    def __init__(
        self, connection: Connection, recorder: Recorder, session: Mapping[str, Any], tools: LocalTools
    ) -> None:
        self._connection = connection
        self._recorder = recorder
        self._session = session
        self._tools = tools
        self._owed: list[Mapping[str, Any]] = []
        self._told = False
        tools.begin(self._owed.append)

    async def recv_bytes(self) -> bytes:
        """The next message; the first tells where the recording is."""
        if not self._told:
            self._told = True
            told = {"type": "lab.recording", "id": self._recorder.id, "path": str(self._recorder.path)}
            return json.dumps(told).encode()
        raw = await self._connection.recv_bytes()
        self._recorder.write("s2c", raw)
        event = json.loads(raw)
        if event.get("type") == "session.created":
            await self.send_raw(
                json.dumps({"type": "session.update", "event_id": "lab_session", "session": self._session})
            )
        self._tools.from_target(event)
        while self._owed:
            await self.send_raw(json.dumps(self._owed.pop(0), ensure_ascii=False))
        return raw

    async def send_raw(self, data: bytes | str) -> None:
        """Send one message of the client's."""
        text = data if isinstance(data, str) else data.decode()
        event = noted(text)
        if event is None:
            self._recorder.write("c2s", text)
            await self._connection.send_raw(text)
            return
        self._recorder.write("local", event)
        if event["type"] == "call.ended":
            await self.close()

    async def close(self) -> None:
        """Hang up and finish the recording."""
        await self._connection.close()
        # Sound is folded into files: other calls of this process go on meanwhile.
        await asyncio.to_thread(self._recorder.close, "the caller hung up")


def noted(text: str) -> dict[str, Any] | None:
    """The event inside a message that a `Session` has only for a relay; None for one that is the target's.

    >>> noted('{"type": "lab.local", "event": {"type": "call.ended"}}')
    {'type': 'call.ended'}
    """
    if not text.startswith('{"type": "lab.local"'):  # as a session writes it: sound must not be parsed to see that
        return None
    event: dict[str, Any] = json.loads(text)["event"]
    return event
