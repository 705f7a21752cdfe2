"""What a call held goes when the call ends, not when Python next looks for circles of objects."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI

from contoso_lab.engine.protocol import EngineProtocol

HELLO: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Queue[str]]:
    """The id of every call from now on whose protocol is no more, while Python does not look for circles."""
    gone: asyncio.Queue[str] = asyncio.Queue()
    begin = EngineProtocol.begin

    def watched(self: EngineProtocol) -> Any:
        weakref.finalize(self, gone.put_nowait, self.session_id)
        return begin(self)

    monkeypatch.setattr(EngineProtocol, "begin", watched)
    gc.disable()
    yield gone
    gc.enable()


@pytest.mark.parametrize("ends", ["after the reply", "amid the reply"])
async def test_a_call_that_is_over_holds_nothing(
    client: AsyncOpenAI, fakes: Any, gone: asyncio.Queue[str], ends: str
) -> None:
    fakes.brain.script = [["Good day. ", "What are you planning?"] for _ in range(3)]
    until = "response.done" if ends == "after the reply" else "response.output_audio.delta"
    for _ in range(3):
        async with client.realtime.connect(model="local") as connection:
            session = (await connection.recv()).session
            await connection.conversation.item.create(item=HELLO)
            await connection.response.create()
            while (await connection.recv()).type != until:
                pass
            assert gone.empty()
        async with asyncio.timeout(5):
            assert await gone.get() == session.id
