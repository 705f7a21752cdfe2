"""The end of a call: what is kept of it is finished, what still runs is stopped, both sides hear the goodbye.

Whoever sees a close can read the recording, and the thread to which the call belongs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from contoso_lab.relay.calls.actions import HangUp
from contoso_lab.relay.calls.lines import Lines
from contoso_lab.relay.calls.scribe import Scribe


class Keeps(Protocol):
    """Something that is still being written when the call ends."""

    @property
    def unwritten(self) -> bool:
        """Whether there is anything to wait for."""

    async def close(self) -> None:
        """Write it, within a bounded time; never fails."""


class Farewell:
    """Of one call.

    Args:
        lines: both sides.
        scribe: closes the recording.
        keeps: what has to be written before the goodbyes.
        stops: what has to be stopped; it takes no time worth speaking of.
    """

    def __init__(
        self, lines: Lines, scribe: Scribe, *, keeps: Keeps | None, stops: Sequence[Callable[[], Awaitable[None]]]
    ) -> None:
        self.finished = asyncio.Event()
        """The recording and all connections are closed."""
        self.hang_up: HangUp | None = None
        """How the call ended, once it has."""
        self._lines, self._scribe, self._keeps, self._stops = lines, scribe, keeps, stops
        self._task: asyncio.Task[None] | None = None

    def say(self, hang_up: HangUp) -> None:
        """End the call; the first reason counts."""
        self.hang_up = hang_up
        try:
            self._scribe.close(hang_up.why)
        except Exception as error:  # noqa: BLE001 - both sides hear the goodbye all the same
            self._scribe.failed(error)
        goodbyes = self._lines.leave(hang_up.client, hang_up.target)
        waits = self._keeps is not None and self._keeps.unwritten
        if not waits:
            goodbyes()
        self._task = asyncio.create_task(self._finish(goodbyes if waits else None))

    async def _finish(self, goodbyes: Callable[[], None] | None) -> None:
        try:
            try:
                for stop in self._stops:
                    await stop()
                if self._keeps is not None:
                    await self._keeps.close()
            finally:
                if goodbyes is not None:
                    goodbyes()
            await self._lines.closed()
        finally:
            self.finished.set()
