"""Silence runs out by the clock, whether or not the client sends any sound."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contoso_lab.engine.build import Engine
from contoso_lab.engine.plain import HumVoice, LoudnessMeter
from contoso_lab.engine.rehearsal import rehearse
from contoso_lab.engine.stage import Stage

TIMEOUT_MS = 6000
IDLE = {"type": "server_vad", "idle_timeout_ms": TIMEOUT_MS}


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def tick(caller: Any, at_ms: float) -> list[dict[str, Any]]:
    caller.now_ms = at_ms
    events: list[dict[str, Any]] = caller._take(caller.protocol.tick(at_ms=at_ms))
    return events


@pytest.fixture
def greeted(caller: Any) -> Any:
    """A call in which the assistant has said one second of greeting at 0 ms; nobody has sent any sound."""
    caller.turn_detection(IDLE)
    assert caller.protocol.next_deadline_ms is None  # nothing was said yet
    caller.send("response.create")
    assert caller.protocol.next_deadline_ms is None  # it is being said
    caller.answer("x" * 50)
    return caller


def test_the_deadline_counts_from_the_end_of_the_sound(greeted: Any) -> None:
    assert greeted.protocol.next_deadline_ms == 1000 + TIMEOUT_MS
    assert tick(greeted, 999 + TIMEOUT_MS) == []
    events = tick(greeted, 1000 + TIMEOUT_MS)
    assert types(events) == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "rate_limits.updated",
    ]
    assert (events[0]["audio_start_ms"], events[0]["audio_end_ms"]) == (0, 0)  # nothing was written
    assert events[0]["item_id"] == events[1]["item_id"] == events[2]["item"]["id"]
    assert greeted.jobs() == []  # there is nothing to hear
    assert greeted.reply().request.messages[-1].role == "user"
    assert tick(greeted, 60_000) == []  # once, until the next reply has been said
    assert greeted.protocol.next_deadline_ms is None
    greeted.answer("x" * 50)
    assert greeted.protocol.next_deadline_ms == 61_000 + TIMEOUT_MS


def test_the_silence_that_was_sent_is_committed(greeted: Any) -> None:
    greeted.wait(3000)
    events = tick(greeted, 1000 + TIMEOUT_MS)
    assert (events[0]["audio_start_ms"], events[0]["audio_end_ms"]) == (0, 3000)
    assert len(greeted.jobs()) == 1


def test_an_empty_turn_is_written_down_as_empty(greeted: Any) -> None:
    greeted.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    events = tick(greeted, 1000 + TIMEOUT_MS)
    (completed,) = [each for each in events if each["type"].endswith("transcription.completed")]
    assert (completed["transcript"], completed["usage"]["seconds"]) == ("", 0)


def test_who_speaks_or_is_answered_has_no_deadline(greeted: Any) -> None:
    greeted.speak(400)
    assert greeted.protocol.next_deadline_ms is None
    assert tick(greeted, 60_000) == []


def test_who_speaks_over_a_reply_that_goes_on_has_no_deadline_when_it_ends(caller: Any) -> None:
    caller.turn_detection({**IDLE, "interrupt_response": False, "create_response": False})
    caller.send("response.create")
    reply = caller.reply()
    caller.speak(400)
    caller.answer_to(reply, "Well?")
    assert caller.protocol.next_deadline_ms is None
    assert tick(caller, 60_000) == []


def test_without_a_response_to_follow_it_is_said_once(caller: Any) -> None:
    caller.turn_detection({**IDLE, "create_response": False})
    caller.send("response.create")
    caller.answer("Well?")
    assert types(tick(caller, 60_000))[0] == "input_audio_buffer.timeout_triggered"
    assert caller.replies() == []
    assert caller.protocol.next_deadline_ms is None
    assert tick(caller, 120_000) == []


def test_without_the_setting_there_is_no_deadline(greeted: Any) -> None:
    greeted.turn_detection({"type": "server_vad", "idle_timeout_ms": None})
    assert greeted.protocol.next_deadline_ms is None
    assert tick(greeted, 60_000) == []
    greeted.turn_detection(None)
    assert greeted.protocol.next_deadline_ms is None


@pytest.mark.parametrize("sends_sound", [False, True])
def test_a_client_that_does_nothing_is_prompted_on_time(fakes: Any, sends_sound: bool) -> None:
    fakes.ear.script = [""]
    fakes.brain.script = [["Good day."], ["Are you still there?"]]
    engine = Engine(fakes.ear, HumVoice(), LoudnessMeter, fakes.brain)

    async def silent(stage: Stage) -> None:
        await stage.send(
            {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": IDLE}}}}
        )
        await stage.send({"type": "response.create"})
        if sends_sound:
            await stage.until("input_audio_buffer.timeout_triggered")
            await stage.until("response.done")
        else:
            await asyncio.sleep(20)

    moments = rehearse(engine, silent).moments
    when = {moment.event["type"]: moment.at_ms for moment in reversed(moments) if moment.dir == "s2c"}
    sound_ms = sum(
        len(moment.event["delta"]) * 3 / 4 / 48
        for moment in moments
        if moment.event["type"] == "response.output_audio.delta"
        and moment.at_ms < when["input_audio_buffer.timeout_triggered"]
    )
    waited_ms = when["input_audio_buffer.timeout_triggered"] - when["response.output_audio.delta"] - sound_ms
    assert waited_ms == pytest.approx(TIMEOUT_MS, abs=41 if sends_sound else 2)
    said = [moment.event.get("transcript") for moment in moments]
    assert "Are you still there?" in said
