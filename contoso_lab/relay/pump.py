"""The shell around `Call`: it reads the two sockets, asks the rules, and does what they say.

| resource | acquired | released | on failure |
|---|---|---|---|
| the two pumps | `run` | when either side ends, or `stop` | both are cancelled, the other side is told |
| the recording | by the desk | before the sockets: whoever sees a close can read it | closed with a reason |
| the sockets | by the desk | last words, then both are closed | closed with 1011 |

There is no queue between the sides: a pump reads its next message when the last one was sent, so a slow
side holds up the other through TCP, and memory stays flat.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import assert_never

from contoso_lab.errors import SessionClosed
from contoso_lab.relay.call import Action, Call, Forward, HangUp, Message, Record, Side
from contoso_lab.relay.closing import ABNORMAL, FAILED, Close
from contoso_lab.relay.journal import line, logger
from contoso_lab.relay.sockets import GOODBYE_S, Socket
from contoso_lab.relay.tape import Tape

_FAILURE = HangUp(
    Close(FAILED, "the relay failed, its log says how"), Close(FAILED, "the relay failed"), "the relay failed"
)


class Pump:
    """Carries one call from the first message to the last. Cancelling `run` closes everything properly."""

    def __init__(self, call_id: str, call: Call, *, client: Socket, target: Socket, tape: Tape) -> None:
        self.messages: dict[Side, int] = {"client": 0, "target": 0}
        """How many messages came from each side."""
        self.finished = asyncio.Event()
        """The recording and both sockets are closed."""
        self._id = call_id
        self._call = call
        self._sockets: dict[Side, Socket] = {"client": client, "target": target}
        self._tape = tape
        self._over = asyncio.Event()
        self._last_words: Sequence[Action] = (_FAILURE,)

    async def run(self, created: Message, *, show_path: bool) -> HangUp:
        """Hold the call until one side ends it; returns how it ended.

        Args:
            created: the target's `session.created`.
            show_path: the client is on this machine, so the recording's path means something to it.
        """
        try:
            # A side that is gone already is met again by the pumps, which know why it went.
            await self._do(self._call.opened(created))
            if self._tape.failure is not None:
                await self._tell_not_recorded(self._tape.failure)
            elif self._tape.id is not None:
                path = str(self._tape.path) if show_path else None
                await self._do(self._call.recording_started(self._tape.id, path))
            async with asyncio.TaskGroup() as tasks:
                pumps = [tasks.create_task(self._pump("client")), tasks.create_task(self._pump("target"))]
                await self._over.wait()
                for pump in pumps:
                    pump.cancel()
        except asyncio.CancelledError:
            self._end(self._call.shut_down())
            raise
        finally:
            hang_up = await self._hang_up()
        return hang_up

    async def stop(self) -> None:
        """End the call because the relay ends; returns when everything is closed."""
        self._end(self._call.shut_down())
        await self.finished.wait()

    async def _pump(self, source: Side) -> None:
        """Carry what `source` says until it ends; the first end that is known decides how the call ended."""
        socket = self._sockets[source]
        react = self._call.from_client if source == "client" else self._call.from_target
        while True:
            try:
                message = await socket.receive()
            except SessionClosed as closed:
                return self._end(self._gone(source, closed.code, closed.reason))
            self.messages[source] += 1
            actions = react(message)
            far = await self._do(actions)
            if isinstance(actions[-1], HangUp):
                return self._end(actions[-1:])
            if far is not None and far != source:
                # The far side's own pump hands over what it said last and knows why it went. Only when
                # that pump is held up too does this one decide.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GOODBYE_S):
                        await self._over.wait()
                return self._end(self._gone(far, ABNORMAL, ""))

    async def _do(self, actions: Sequence[Action]) -> Side | None:
        """Do what the rules say; the side that turned out to be gone, if one was."""
        gone: Side | None = None
        for action in actions:
            match action:
                case Forward(to, data):
                    try:
                        await self._sockets[to].send(data)
                    except SessionClosed:
                        gone = to
                case Record(direction, data):
                    if (failure := self._tape.write(direction, data)) is not None:
                        gone = await self._tell_not_recorded(failure) or gone
                case HangUp():
                    pass  # said last, by `_hang_up`
                case _:
                    assert_never(action)
        return gone

    async def _tell_not_recorded(self, sentence: str) -> Side | None:
        logger.error(line(self._id, "recording.failed", reason=sentence))
        return await self._do(self._call.recording_failed(sentence))

    def _gone(self, side: Side, code: int, reason: str) -> Sequence[Action]:
        gone = self._call.client_gone if side == "client" else self._call.target_gone
        return gone(code, reason)

    def _end(self, last_words: Sequence[Action]) -> None:
        if not self._over.is_set():
            self._last_words = last_words
            self._over.set()

    async def _hang_up(self) -> HangUp:
        hang_up = next(action for action in self._last_words if isinstance(action, HangUp))
        try:
            with contextlib.suppress(TimeoutError):  # a client that does not read is not waited for
                async with asyncio.timeout(GOODBYE_S):
                    await self._do(self._last_words)
        finally:
            self._tape.close(hang_up.why)
            await asyncio.gather(
                self._sockets["client"].close(hang_up.client), self._sockets["target"].close(hang_up.target)
            )
            self.finished.set()
        return hang_up
