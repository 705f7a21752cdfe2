"""One client's WebSocket: the thin shell around `EngineProtocol`.

| resource | acquired | released |
|---|---|---|
| reader task | `run` | when the client is gone |
| writer task | `run` | when the client is gone |
| a task per `Listen` and `Reply` | when the protocol asks | when done, on `Stop`, or when the client is gone |
| what `Foresight` makes ahead | when a pause was heard | when used, replaced, or when the client is gone |
| threads of the workshop | by those tasks | within one step of the ear or one sentence of the voice |

All that happens to a call goes through one queue and is handled by one task, so the protocol needs no lock. Both
queues are bounded: a client that sends faster than we hear, or reads slower than we speak, is made to wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import TypeAlias

from starlette.websockets import WebSocket, WebSocketDisconnect

from contoso_lab.engine.dialects import as_ga, hears
from contoso_lab.engine.effects import Listen, Output, Reply, Stop
from contoso_lab.engine.foresight import Foresight
from contoso_lab.engine.protocol import EngineProtocol
from contoso_lab.engine.reading import event_id_of, read_event
from contoso_lab.engine.refusals import Refused
from contoso_lab.engine.seams import Brain, Heard, Spoken, TokensSpent, ToolCall
from contoso_lab.engine.telling import tell
from contoso_lab.engine.tool_choice import ToolNotCalled
from contoso_lab.engine.workshop import Workshop
from contoso_lab.errors import LabError, SessionClosed
from contoso_lab.wire.events import Dialect, dump

logger = logging.getLogger(__name__)

INBOX = 64
OUTBOX = 1024
SLOW_BYTES = 128 * 1024
"""A message of more sound than this (2 s) is worked through in a thread, so that other calls go on meanwhile."""

Step: TypeAlias = Callable[[float], list[Output]]
"""Something that happened, to be told to the protocol at a time (ms)."""


class Connection:
    """Carries one call between a WebSocket, the protocol and the workers; `run` it once."""

    def __init__(
        self,
        websocket: WebSocket,
        protocol: EngineProtocol,
        *,
        brain: Brain,
        workshop: Workshop,
        dialect: Dialect = "ga",
    ) -> None:
        self._websocket = websocket
        self._protocol = protocol
        self._brain = brain
        self._workshop = workshop
        self._foresight = Foresight(brain, workshop)
        self._dialect: Dialect = dialect
        self._inbox: asyncio.Queue[Step | str | bytes] = asyncio.Queue(INBOX)
        self._outbox: asyncio.Queue[str] = asyncio.Queue(OUTBOX)
        self._work: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve the client until it is gone. Cancelling ends the call and all its work."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        logger.info("call %s begins", self._protocol.session_id)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read())
                tasks.create_task(self._write())
                await self._carry_out(self._protocol.begin(), tasks)
                while True:
                    step = await self._next_step(began)
                    at_ms = 1000 * (loop.time() - began)
                    await self._carry_out(await self._handle(step, at_ms), tasks)
        except* SessionClosed:
            pass  # the client may hang up whenever it likes
        finally:
            self._foresight.forget()
            self._protocol.end()
            logger.info("call %s ends after %.1f s", self._protocol.session_id, loop.time() - began)
            # Tracebacks hold this object in a circle until Python looks for circles; the call's sound shall not wait.
            del self._protocol, self._foresight, self._inbox, self._outbox

    async def _next_step(self, began: float) -> Step | str | bytes:
        """What happens next; when nothing does, it is time itself that goes on."""
        due_ms = self._protocol.next_deadline_ms
        if due_ms is None:
            return await self._inbox.get()
        try:
            async with asyncio.timeout_at(began + due_ms / 1000):
                return await self._inbox.get()
        except TimeoutError:
            # Not the loop's time: a timer may go off a little before it.
            return lambda at_ms: self._protocol.tick(at_ms=max(at_ms, due_ms))

    async def _handle(self, step: Step | str | bytes, at_ms: float) -> list[Output]:
        if not isinstance(step, str | bytes):
            return step(at_ms)
        if len(step) > SLOW_BYTES:
            return await asyncio.to_thread(self._receive, step, at_ms)
        return self._receive(step, at_ms)

    def _receive(self, raw: str | bytes, at_ms: float) -> list[Output]:
        try:
            event = read_event(raw, dialect=self._dialect)
        except Refused as refusal:
            return self._protocol.refuse(refusal, event_id=event_id_of(raw))
        return self._protocol.receive(as_ga(event) if self._dialect == "beta" else event, at_ms=at_ms)

    async def _carry_out(self, outputs: list[Output], tasks: asyncio.TaskGroup) -> None:
        for output in outputs:
            match output:
                case Listen():
                    self._start(output.job_id, self._listen(output), tasks)
                case Reply():
                    self._start(output.response_id, self._reply(output), tasks)
                case Stop():
                    if (task := self._work.pop(output.work_id, None)) is not None:
                        task.cancel()
                case _ if hears(self._dialect, output["type"]):
                    await self._outbox.put(dump(output, dialect=self._dialect))

    def _start(self, work_id: str, work: Coroutine[None, None, None], tasks: asyncio.TaskGroup) -> None:
        task = self._work[work_id] = tasks.create_task(work)
        task.add_done_callback(lambda _: self._work.pop(work_id, None))

    async def _listen(self, job: Listen) -> None:
        try:
            heard = await self._workshop.listen(job.audio, job.format, prompt=job.prompt)
        except Exception as error:  # noqa: BLE001 - a model may raise anything; the client is told, the call goes on
            reason = _in_a_sentence("ear", error)
            await self._inbox.put(lambda at_ms: self._protocol.deaf(job.job_id, reason, at_ms=at_ms))
        else:
            await self._inbox.put(lambda at_ms: self._heard(job.job_id, heard, at_ms))

    def _heard(self, job_id: str, heard: Heard, at_ms: float) -> list[Output]:
        out = self._protocol.heard(job_id, heard, at_ms=at_ms)
        if (likely := self._protocol.foretell()) is not None:
            self._foresight.look(likely)
        return out

    async def _reply(self, job: Reply) -> None:
        response_id = job.response_id
        try:
            async with aclosing(tell(job, self._brain, self._foresight)) as pieces:
                async for piece in pieces:
                    await self._inbox.put(self._told(response_id, piece))
        except TokensSpent:
            await self._inbox.put(lambda at_ms: self._protocol.spent(response_id, at_ms=at_ms))
        except Exception as error:  # noqa: BLE001 - as above
            reason = _in_a_sentence("brain or the voice", error)
            code = error.code if isinstance(error, ToolNotCalled) else "response_failed"
            await self._inbox.put(lambda at_ms: self._protocol.failed(response_id, reason, code=code, at_ms=at_ms))
        else:
            await self._inbox.put(lambda at_ms: self._protocol.finished(response_id, at_ms=at_ms))

    def _told(self, response_id: str, piece: Spoken | str | ToolCall) -> Step:
        match piece:
            case Spoken():
                return lambda at_ms: self._protocol.said(response_id, piece, at_ms=at_ms)
            case ToolCall():
                return lambda at_ms: self._protocol.called(response_id, piece, at_ms=at_ms)
            case _:
                return lambda at_ms: self._protocol.wrote(response_id, piece, at_ms=at_ms)

    async def _read(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise SessionClosed(message.get("code", 1005), message.get("reason") or "")
            raw = message.get("text")
            await self._inbox.put(message.get("bytes") or b"" if raw is None else raw)

    async def _write(self) -> None:
        while True:
            text = await self._outbox.get()
            try:
                await self._websocket.send_text(text)
            except (WebSocketDisconnect, RuntimeError) as error:  # RuntimeError: sent after the close
                raise SessionClosed(1006, "the client went away while it was sent to") from error


def _in_a_sentence(part: str, error: Exception) -> str:
    """What the client may know of a failure; a foreign exception's words could hold anything, even a key."""
    logger.warning("the %s failed: %s", part, type(error).__name__)
    return str(error) if isinstance(error, LabError) else f"The {part} failed: {type(error).__name__}."
