"""The bell on the chat's socket: a page that says it can ring is told when to, and tells which button was pressed.

The original's client decides by itself from the score; such a client says nothing of ringing and only gets the score.
With `rings` in its first frame the server decides: only with a consent, once for each, and for thirty seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from contoso_lab.agent.bell import after_answer, bell_of, tell
from contoso_lab.agent.desk import Agent
from contoso_lab.agent.frames import ActionFrame, Button, OutFrame
from contoso_lab.agent.ringing import Accepted, Declined, Dialled, Ended, Passed, Ring, RingingEvent, Signal


class ChatBell:
    """The bell of one thread, as one socket hears it."""

    def __init__(self, agent: Agent, thread_id: str, say: Callable[[OutFrame], Awaitable[None]]) -> None:
        self._agent, self._thread_id, self._say = agent, thread_id, say
        self._due_s: float | None = None
        self._changed = asyncio.Event()

    async def begin(self) -> None:
        """A client is there (again): what rings goes on ringing, unless its time is over."""
        await self._tell(Passed())
        bell = bell_of((await asyncio.to_thread(self._agent.memory.get, self._thread_id)).state)
        if bell.phase == "ringing":
            await self._say(ActionFrame.signal(Ring(bell.number)))

    async def answered(self, score: int) -> None:
        """The chat gave an answer with this score."""
        memory, now_s = self._agent.memory, self._agent.now()
        await self._out(await asyncio.to_thread(after_answer, memory, self._thread_id, score, now_s=now_s))

    async def pressed(self, button: Button) -> None:
        """The customer pressed a button."""
        event: RingingEvent
        match button.button:
            case "accept":
                event = Accepted(button.number)
            case "decline":
                event = Declined()
            case "dial":
                event = Dialled()
            case "hang_up":
                event = Ended(button.number)
        await self._tell(event)

    async def watch(self) -> NoReturn:
        """Stop the ringing when nobody picks up."""
        while True:
            left_s = None if self._due_s is None else max(0.0, self._due_s - self._agent.now())
            try:
                async with asyncio.timeout(left_s):
                    await self._changed.wait()
                self._changed.clear()
            except TimeoutError:
                await self._tell(Passed())

    async def _tell(self, event: RingingEvent) -> None:
        memory, now_s = self._agent.memory, self._agent.now()
        await self._out(await asyncio.to_thread(tell, memory, self._thread_id, event, now_s=now_s))

    async def _out(self, signals: tuple[Signal, ...]) -> None:
        for signal in signals:
            await self._say(ActionFrame.signal(signal))
        thread = await asyncio.to_thread(self._agent.memory.get, self._thread_id)
        self._due_s = bell_of(thread.state).due_s
        self._changed.set()
