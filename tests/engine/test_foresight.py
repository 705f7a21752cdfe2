from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from contoso_lab.engine.effects import Reply
from contoso_lab.engine.foresight import Foresight
from contoso_lab.engine.seams import BrainRequest, Spoken, ToolCall


class Quick:
    """A brain that may be asked ahead of time."""

    quick = True

    def __init__(self, *pieces: str | ToolCall | Exception) -> None:
        self.pieces = pieces
        self.asked = 0

    async def reply(self, request: BrainRequest) -> AsyncIterator[str | ToolCall]:
        self.asked += 1
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


class Slow(Quick):
    quick = False


class Workbench:
    """Says what it is given, and remembers it; waits at `gate`."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, float]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def speak(self, text: str, *, voice: str, speed: float = 1.0) -> AsyncGenerator[Spoken, None]:
        self.said.append((text, voice, speed))
        await self.gate.wait()
        yield Spoken(text, np.ones(1, np.float32))


REPLY = Reply("ahead", BrainRequest(()), True, voice="robin")


async def spoken(foresight: Foresight, text: str, *, voice: str = "robin", speed: float = 1.0) -> list[str]:
    async with aclosing(foresight.speak(text, voice=voice, speed=speed)) as sentences:
        return [each.text async for each in sentences]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_first_sentence_is_there_before_it_is_asked_for() -> None:
    bench = Workbench()
    foresight = Foresight(Quick("Good day. ", "What else?"), bench)
    foresight.look(REPLY)
    await settle()
    assert bench.said == [("Good day.", "robin", 1.0)]
    assert await spoken(foresight, "Good day.") == ["Good day."]
    assert len(bench.said) == 1  # not made twice
    assert await spoken(foresight, "Good day.") == ["Good day."]
    assert len(bench.said) == 2  # and used once


async def test_one_that_is_being_made_is_waited_for() -> None:
    bench = Workbench()
    bench.gate.clear()
    foresight = Foresight(Quick("Good day."), bench)
    foresight.look(REPLY)
    await settle()
    listening = asyncio.create_task(spoken(foresight, "Good day."))
    await settle()
    assert not listening.done()
    bench.gate.set()
    assert await listening == ["Good day."]
    assert len(bench.said) == 1


@pytest.mark.parametrize(
    ("text", "voice", "speed"), [("Good night.", "robin", 1.0), ("Good day.", "low", 1.0), ("Good day.", "robin", 1.5)]
)
async def test_what_came_out_otherwise_is_made_anew(text: str, voice: str, speed: float) -> None:
    bench = Workbench()
    foresight = Foresight(Quick("Good day."), bench)
    foresight.look(REPLY)
    await settle()
    assert await spoken(foresight, text, voice=voice, speed=speed) == [text]
    assert bench.said[-1] == (text, voice, speed)


@pytest.mark.parametrize(
    "brain", [Slow("Good day."), Quick(ToolCall("c", "show", "{}")), Quick(RuntimeError("broken")), Quick()]
)
async def test_nothing_is_made_ahead_for_others(brain: Quick) -> None:
    bench = Workbench()
    foresight = Foresight(brain, bench)
    foresight.look(REPLY)
    await settle()
    assert bench.said == []
    assert brain.asked == (1 if brain.quick else 0)
    assert await spoken(foresight, "Good day.") == ["Good day."]


async def test_a_second_look_drops_the_first_and_the_end_drops_all() -> None:
    bench = Workbench()
    bench.gate.clear()
    foresight = Foresight(Quick("Good day."), bench)
    foresight.look(REPLY)
    await settle()
    foresight.look(REPLY)
    await settle()
    foresight.forget()
    await settle()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


def test_only_a_caller_who_will_be_answered_aloud_is_foreseen(caller: Any, say: Callable[[str], Spoken]) -> None:
    caller.speak(600)
    assert caller.protocol.foretell() is None  # nothing was heard yet
    caller.wait(300)
    caller.hear("How much is it?")
    foretold = caller.protocol.foretell()
    assert foretold.request.messages[-1].content == "How much is it?"
    caller.wait(400)
    asked = caller.reply()
    assert asked.request == foretold.request
    assert (asked.voice, asked.speed, asked.aloud) == (foretold.voice, foretold.speed, True)
    assert caller.protocol.foretell() is None  # it is being answered
    caller.answer("Five dollars.")
    for settings in ({"output_modalities": ["text"]}, {"audio": {"input": {"turn_detection": _SILENT}}}):
        caller.update(**settings)
        caller.speak(600)
        caller.wait(300)
        caller.hear("How much is it?")
        assert caller.protocol.foretell() is None
        caller.wait(400)
        caller.update(output_modalities=["audio"])


_SILENT = {"type": "server_vad", "create_response": False}


def item(words: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}]}


def test_in_a_long_conversation_the_guess_has_forgotten_what_the_reply_will_have(caller: Any) -> None:
    for n in range(3):
        caller.send("conversation.item.create", item=item(str(n) * 44_000))  # 11 000 tokens each: two of them fit
    caller.speak(600)
    caller.wait(300)
    caller.hear("How much is it?")
    foretold = caller.protocol.foretell()
    assert [message.content[0] for message in foretold.request.messages[1:]] == ["1", "2", "H"]
    caller.wait(400)
    assert caller.reply().request == foretold.request


def test_a_guess_that_does_not_come_true_forgets_nothing(caller: Any) -> None:
    limits = {"post_instructions": 100}
    caller.update(truncation={"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": limits})
    for n in range(4):
        caller.send("conversation.item.create", item=item(str(n) * 80))  # 20 tokens
    caller.speak(2400)
    caller.wait(300)
    caller.hear("How much is it?")
    foretold = caller.protocol.foretell()
    assert [message.content[0] for message in foretold.request.messages[1:]] == ["3", "H"]
    caller.send("input_audio_buffer.clear")
    assert caller.protocol.foretell() is None
    caller.send("response.create")
    assert [message.content[0] for message in caller.reply().request.messages[1:]] == ["0", "1", "2", "3"]


def test_nothing_is_foreseen_where_the_reply_will_fail(caller: Any) -> None:
    caller.update(truncation="disabled")
    for n in range(3):
        caller.send("conversation.item.create", item=item(str(n) * 44_000))
    caller.speak(600)
    caller.wait(300)
    caller.hear("How much is it?")
    assert caller.protocol.foretell() is None
