"""`WS /api/chat`: a thread is named, then messages go in and answers come out as they are made.

A socket is closed with a code and a sentence (`chat_goodbyes`). Every other no is an `error` frame, and the chat goes
on.

| resource | acquired | released | on failure |
|---|---|---|---|
| a place among the sockets | before the handshake | when the socket is closed | the same |
| the thread's lane, and its lease | for each answer | when it is complete, or failed | the lease ends by itself |
| the model's work | for each answer | at its end | cancelled with the socket |
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import NoReturn

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from contoso_lab.agent.chat import Written, turn
from contoso_lab.agent.chat_bell import ChatBell
from contoso_lab.agent.chat_goodbyes import (
    FAILED,
    FULL,
    GONE,
    NO_THREAD,
    TOO_BIG,
    TOO_LONG_SILENT,
    TOO_MANY,
    Goodbye,
    Left,
    close,
    first_of,
)
from contoso_lab.agent.desk import WHERE, Agent
from contoso_lab.agent.frames import (
    MOST_FRAME_CHARS,
    ActionFrame,
    AssistantFrame,
    Attach,
    Attached,
    Button,
    ClientMessage,
    ErrorCode,
    ErrorFrame,
    FindingFrame,
    OutFrame,
    ThreadFrame,
)
from contoso_lab.agent.pictures import read_picture
from contoso_lab.agent.showing import address_of, token_of
from contoso_lab.errors import LabError, MemoryClosed, MemoryMissing, PictureError, SessionRefused, TurnRefused
from contoso_lab.memory import alone

logger = logging.getLogger(__name__)

REFUSED_PER_MINUTE = 100
"""Frames that a token may send in vain before its socket is closed."""
_CLOSES = {401: 4401, 403: 4403, 404: 4404, 410: GONE, 429: TOO_MANY, 503: FULL}


async def chat(agent: Agent, websocket: WebSocket) -> None:
    """Hold one client's chat, from its handshake to its end. Cancelling it ends the chat and the model's work."""
    await websocket.accept()
    agent.open_sockets += 1
    try:
        if agent.open_sockets > agent.limits.sockets:
            raise Goodbye(FULL, f"{agent.limits.sockets} chats are open, try again later")
        await _Chat(agent, websocket).run()
    except* Left:
        pass
    except* Goodbye as goodbyes:
        await close(websocket, first_of(goodbyes))
    except* Exception:
        await close(websocket, Goodbye(FAILED, f"{WHERE} failed, its log says how"))
        raise  # into the server's log
    finally:
        agent.open_sockets -= 1


class _Chat:
    """One client, on one thread."""

    def __init__(self, agent: Agent, websocket: WebSocket) -> None:
        self._agent = agent
        self._websocket = websocket
        self._token = token_of(websocket) or ""
        self._sending = asyncio.Lock()
        self._waiting: asyncio.Queue[ClientMessage] = asyncio.Queue(agent.limits.waiting)
        self._answer_id: str | None = None
        """Of the answer that is on its way."""
        self._bell: ChatBell | None = None
        self._tells_findings = False

    async def run(self) -> None:
        thread_id = await self._attach()
        await self._agent.ready()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._answer_all(thread_id))
            if self._bell is not None:
                await self._ringing(self._bell.begin)
                tasks.create_task(self._ringing(self._bell.watch))
            await self._listen()

    async def _attach(self) -> str:
        """Find out which thread it is, and whether this client may have it."""
        if not self._token:
            # Nobody without a token may hold the socket for even one frame.
            await self._open(None)
        raw = await self._receive(self._agent.limits.first_frame_s)
        try:
            asked = Attach.model_validate_json(raw or "")
        except ValidationError as problem:
            reason = f'the first frame names the thread, as {{"threadId": ""}} for a new one: {_why(problem)}'
            raise Goodbye(NO_THREAD, reason) from problem
        thread_id = await self._open(asked.threadId)
        await self._say(ThreadFrame(payload=Attached(threadId=thread_id, returning=bool(asked.threadId))))
        self._tells_findings = asked.findings
        if asked.rings:
            self._bell = ChatBell(self._agent, thread_id, self._say)
        return thread_id

    async def _open(self, thread_id: str | None) -> str:
        try:
            origin = self._websocket.headers.get("origin")
            address = address_of(self._websocket)
            return (await self._agent.open(self._token, thread_id, origin=origin, address=address)).id
        except SessionRefused as no:
            raise Goodbye(_CLOSES.get(no.status or 0, FAILED), no.reason) from no
        except LabError as no:
            raise Goodbye(FAILED, str(no)) from no

    async def _listen(self) -> NoReturn:
        """Take in what the client sends: good messages wait for their answer, for others there is a word at once."""
        limits = self._agent.limits
        while True:
            raw = await self._receive(limits.idle_s)
            if raw is None:
                await self._refuse("unreadable", "a message is a text frame with JSON, not a binary one")
                continue
            try:
                if self._bell is not None and '"button"' in raw[:100]:
                    await self._press(self._bell, Button.model_validate_json(raw))
                    continue
                message = ClientMessage.model_validate_json(raw)
            except ValidationError as problem:
                await self._refuse("unreadable", f"this is no message with name, text and image: {_why(problem)}")
                continue
            if not message.text.strip() and not message.image:
                await self._refuse("empty", "the message is empty: write something, or send a picture")
            elif wait_s := await self._agent.may("message", self._token, per_minute=limits.messages_per_minute):
                sentence = f"{limits.messages_per_minute} messages a minute are the most: wait {wait_s:.0f} seconds"
                await self._refuse("too_fast", sentence)
            elif self._waiting.full():
                await self._refuse("too_fast", f"{limits.waiting} messages wait for their answer: wait for them, too")
            else:
                self._waiting.put_nowait(message)

    async def _answer_all(self, thread_id: str) -> NoReturn:
        lane = self._agent.lane(thread_id)
        while True:
            message = await self._waiting.get()
            async with lane.answering:
                await self._answer(thread_id, message)

    async def _answer(self, thread_id: str, message: ClientMessage) -> None:
        self._answer_id = None
        try:
            async with asyncio.timeout(self._agent.limits.answer_s):
                written = await self._written(message)
                # The lane queues up this relay's sockets, the lease all relays on this memory.
                async with (
                    alone(self._agent.memory, f"answer/{thread_id}"),
                    aclosing(turn(self._agent, thread_id, written)) as frames,
                ):
                    async for frame in frames:
                        if isinstance(frame, FindingFrame) and not self._tells_findings:
                            continue
                        if isinstance(frame, AssistantFrame):
                            self._answer_id = frame.payload.id
                        await self._say(frame)
                        if isinstance(frame, ActionFrame) and self._bell is not None:
                            await self._bell.answered(json.loads(frame.payload.arguments)["score"])
        except PictureError as problem:
            await self._fail("picture", str(problem))
        except TurnRefused as problem:
            await self._fail("thread_full", str(problem))
        except (MemoryMissing, MemoryClosed) as problem:
            await self._fail("thread_gone", str(problem))
            raise Goodbye(GONE, str(problem)) from problem
        except TimeoutError:
            await self._fail("answer", f"no answer came within {self._agent.limits.answer_s:.0f} seconds: try again")
        except LabError as problem:
            await self._fail("answer", str(problem))

    async def _press(self, bell: ChatBell, button: Button) -> None:
        limits = self._agent.limits
        if await self._agent.may("button", self._token, per_minute=limits.requests_per_minute):
            await self._refuse("too_fast", f"{limits.requests_per_minute} buttons a minute are the most: wait a little")
        else:
            await self._ringing(partial(bell.pressed, button))

    async def _ringing(self, work: Callable[[], Awaitable[None]]) -> None:
        """Something about the bell; when its thread is gone, so is the chat."""
        try:
            await work()
        except (MemoryMissing, MemoryClosed) as problem:
            raise Goodbye(GONE, str(problem)) from problem

    async def _written(self, message: ClientMessage) -> Written:
        if not message.image:
            return Written(message.text)
        async with self._agent.drawing:
            return Written(message.text, await asyncio.to_thread(read_picture, message.image))

    async def _fail(self, code: ErrorCode, sentence: str) -> None:
        logger.warning("a chat message has no answer: %s", code)
        await self._say(ErrorFrame.of(code, sentence, id=self._answer_id))

    async def _refuse(self, code: ErrorCode, sentence: str) -> None:
        if await self._agent.may("refused", self._token, per_minute=REFUSED_PER_MINUTE):
            raise Goodbye(TOO_MANY, f"more than {REFUSED_PER_MINUTE} frames a minute were none that we take")
        await self._say(ErrorFrame.of(code, sentence))

    async def _receive(self, patience_s: float) -> str | None:
        """The next text frame; None for a binary one."""
        try:
            async with asyncio.timeout(patience_s):
                message = await self._websocket.receive()
        except TimeoutError as silence:
            raise Goodbye(TOO_LONG_SILENT, f"nothing came for {patience_s:.0f} seconds") from silence
        if message["type"] == "websocket.disconnect":
            raise Left
        raw: str | None = message.get("text")
        if len(raw or message.get("bytes") or "") > MOST_FRAME_CHARS:
            raise Goodbye(TOO_BIG, f"a frame of more than {MOST_FRAME_CHARS} characters is none of ours")
        return raw

    async def _say(self, frame: OutFrame) -> None:
        try:
            async with self._sending, asyncio.timeout(self._agent.limits.send_s):
                await self._websocket.send_text(frame.text())
        except TimeoutError as unread:
            raise Goodbye(TOO_LONG_SILENT, "our words were left unread") from unread
        except WebSocketDisconnect as left:
            raise Left from left


def _why(problem: ValidationError) -> str:
    """The first thing that is wrong: where and why, never the value, which may be long or secret."""
    first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:80]
    return f"{place}: {first['msg']}" if place else str(first["msg"])
