"""A call that is over leaves no part of itself in the relay, however it ended."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import gc
import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from contoso_lab.memory import open_memory
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.calls import pump, tape
from contoso_lab.relay.calls.resume import Resume

from .fakes import APPEND, DELTA, Held, dump  # noqa: TID252 - the tests are no package

CALLS = 36
ENDINGS = (
    "goodbye",
    "silence",
    "the line is lost and made again",
    "the target's goodbye",
    "left at the door",
    "no token",
)
HANDSHAKE = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}=="
PARTS = ("contoso_lab.", "picows.")


def parts() -> collections.Counter[str]:
    """How many objects there are of each kind that a call is made of, or holds."""
    gc.collect()
    kinds = collections.Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
    return collections.Counter({kind: count for kind, count in kinds.items() if kind.startswith(PARTS)})


async def a_call(relay: Any, target: Any, ends: str, thread: str | None) -> None:
    token = "none" if ends == "no token" else await relay.desk.tokens.issue(Grant("voice", "maya", thread=thread))
    if ends == "left at the door":
        reader, writer = await asyncio.open_connection("127.0.0.1", int(relay.url.rpartition(":")[2]))
        head = f"GET /api/realtime/ws?token={token} HTTP/1.1\r\nHost: 127.0.0.1\r\n{HANDSHAKE}\r\n\r\n"
        writer.write(head.encode())
        writer.transport.abort()
        return
    async with relay.call(f"{token}&resumable=1") as socket:
        with contextlib.suppress(ConnectionClosed):
            told = [json.loads(await socket.recv()) for _ in range(4)]
            await socket.send(APPEND.decode())
            item = {"id": "u1", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
            await socket.send(dump("conversation.item.create", item=item).decode())
            await socket.send('{"type":"response.create"}')
            while json.loads(await socket.recv())["type"] != "response.done":
                pass
            if ends == "the target's goodbye":
                await target.connections[-1].close(4000, "that was all")
            elif ends != "goodbye":
                socket.transport.abort()
    if ends == "the line is lost and made again":
        [resume] = [event["token"] for event in told if event["type"] == "lab.resume"]
        async with relay.call(f"&resume={resume}&received=3"):
            pass


async def test_it_leaves_nothing(
    relay_to: Any, target: Any, test_setup: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("contoso_lab.relay", "websockets.server"):
        caplog.set_level(logging.CRITICAL, logger=name)  # what is written down is kept until the test is over
    monkeypatch.setattr(tape, "shared_worker", lambda: SimpleNamespace(fold=lambda path: None))
    monkeypatch.setattr(pump, "Resume", functools.partial(Resume, window_s=0.05))
    hour = SimpleNamespace(now_s=0.0)
    with open_memory("sqlite://") as memory:
        options = {"memory": memory, "setup": lambda grant, past=None: test_setup(grant), "clock": lambda: hour.now_s}
        async with relay_to(target.port, **options) as relay:
            thread = memory.create(customer="maya", persona="voice").id
            before: collections.Counter[str] = collections.Counter()
            for number in range(2 * len(ENDINGS) + CALLS):
                if number == 2 * len(ENDINGS):  # what is made once is made by now
                    await all_over(relay, target, hour)
                    before = parts()
                await a_call(relay, target, ENDINGS[number % len(ENDINGS)], thread if number % 4 < 2 else None)
            await all_over(relay, target, hour)
            assert parts() - before == collections.Counter()


async def all_over(relay: Any, target: Any, hour: SimpleNamespace) -> None:
    """Return when no call is left, in the relay or in what only the test keeps."""
    serving = relay.server.server_state
    while relay.desk._tasks or serving.connections or serving.tasks:
        await asyncio.gather(*relay.desk._tasks, *serving.tasks, return_exceptions=True)
        await asyncio.sleep(0)
    for connection in target.connections:
        await connection.wait_closed()
    target.connections.clear()
    hour.now_s += 10_000
    relay.token()  # the others are forgotten
    storage = relay.desk.gate._windows.storage
    if storage.timer is not None:
        await storage.timer
    storage.events.clear()


async def test_what_waits_for_a_client_goes_with_the_call_and_not_when_python_looks_for_circles() -> None:
    held = Held(resumable=True, redials=True)
    held.client.says(APPEND)
    held.client.breaks()
    held.target.says(*[DELTA] * 100)
    counts = held.pump._counts
    assert counts.waiting()[0] > 100 * len(DELTA)
    assert held.pump._talk.sound.messages() == [APPEND]
    await held.pump.stop()
    assert counts.waiting() == (0, 0)
    assert held.pump._talk.sound.messages() == []
