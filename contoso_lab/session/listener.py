"""Who listens to a call, in time: what is heard is told at that moment, and whoever speaks over it cuts it off.

`Playback` has the rules and knows no clock; this holds a clock to them.
`listen` is a task of whoever holds the call; `leave` ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from contoso_lab.audio import PCM16_24K, decode, from_base64
from contoso_lab.session.playback import Playback, PlaybackEvent


class Listener:
    """The listener of one call.

    Args:
        now_ms: the time of the call.
        note: is told what was heard, as a local event of the recording.
        send: sends a client event.
    """

    def __init__(
        self,
        *,
        now_ms: Callable[[], float],
        note: Callable[[dict[str, object]], Awaitable[None]],
        send: Callable[[Mapping[str, Any]], Awaitable[None]],
    ) -> None:
        self._playback = Playback()
        self._now_ms, self._note, self._send = now_ms, note, send
        self._news = asyncio.Event()
        self._leaving = False

    @property
    def idle(self) -> bool:
        """Nothing sounds, and nothing waits to."""
        return self._playback.idle

    def holds(self, item_id: str) -> bool:
        """Whether this reply was not heard to its end yet."""
        return self._playback.holds(item_id)

    async def hear(self, delta: Mapping[str, Any], *, at_ms: float) -> None:
        """A piece of a reply has come, as a `response.output_audio.delta`; it sounds behind what came before."""
        samples = decode(from_base64(delta["delta"]), PCM16_24K)
        await self._report(self._playback.advance(at_ms))
        self._playback.push(delta["item_id"], delta["response_id"], samples, at_ms=at_ms)
        self._news.set()

    def complete(self, item_id: str) -> None:
        """No more of this reply will come."""
        self._playback.finish(item_id)
        self._news.set()

    def response_complete(self, response_id: str) -> None:
        """No more of this response will come."""
        self._playback.finish_response(response_id)
        self._news.set()

    async def fall_silent(self, at_ms: float) -> None:
        """The customer speaks: stop the speaker and tell the server how much of the reply was heard."""
        cut, events = self._playback.flush(at_ms=at_ms)
        await self._report(events)
        if cut is None:
            return
        # The server believes that all it sent was heard. A cut at 0 ms is no cut: such a reply is taken out.
        if cut.item_id not in cut.unheard:
            truncate = {"item_id": cut.item_id, "content_index": 0, "audio_end_ms": int(cut.played_ms)}
            await self._send({"type": "conversation.item.truncate", **truncate})
        for item_id in cut.unheard:
            await self._send({"type": "conversation.item.delete", "item_id": item_id})

    async def listen(self) -> None:
        """Tell what is heard at the moment at which it is heard, until `leave`."""
        while not self._leaving:
            self._news.clear()
            await self._report(self._playback.advance(self._now_ms()))
            due_ms = self._playback.next_due_ms()
            try:
                async with asyncio.timeout(None if due_ms is None else max(0.0, due_ms - self._now_ms()) / 1000):
                    await self._news.wait()
            except TimeoutError:
                continue

    def leave(self) -> None:
        """Listen no longer."""
        self._leaving = True
        self._news.set()

    async def drop_rest(self) -> None:
        """Who hangs up does not hear the rest."""
        _, events = self._playback.flush(at_ms=self._now_ms())
        await self._report(events)

    async def _report(self, events: list[PlaybackEvent]) -> None:
        for event in events:
            await self._note(event.to_dict())
