"""Sessions that write the caller down and answer nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
import websockets
from openai import AsyncOpenAI
from openai.types.realtime import RealtimeTranscriptionSessionCreateResponse

from contoso_lab.audio import PCM16_24K, ULAW_8K, encode, silence, to_base64, tone

WHISPER = {"model": "whisper-1"}


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def error(events: list[dict[str, Any]]) -> dict[str, Any]:
    assert types(events) == ["error"]
    return events[0]["error"]  # type: ignore[no-any-return]


def transcribe(caller: Any, **audio_input: Any) -> list[dict[str, Any]]:
    session = {"type": "transcription", "audio": {"input": {"transcription": WHISPER, **audio_input}}}
    return caller.send("session.update", session=session)  # type: ignore[no-any-return]


@pytest.fixture
def writer(new_caller: Callable[..., Any]) -> Any:
    return new_caller(kind="transcription")


def test_it_begins_as_a_session_that_only_listens(writer: Any) -> None:
    session = writer.log[0]["session"]
    assert session == {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session["id"],
        "include": None,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                },
            }
        },
    }


def test_a_turn_is_written_down_and_not_answered(writer: Any) -> None:
    transcribe(writer)
    events = writer.say("How much is the tent?")
    assert types(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert events[-1]["transcript"] == "How much is the tent?"
    assert writer.replies() == []
    assert writer.protocol.foretell() is None


def test_turns_by_hand_and_narrow_sound(writer: Any) -> None:
    updated = transcribe(writer, turn_detection=None, format={"type": "audio/pcmu"}, noise_reduction=None)
    assert updated[0]["session"]["audio"]["input"]["turn_detection"] is None
    writer.fmt = ULAW_8K
    assert writer.speak(1000) == []
    assert "input_audio_buffer.committed" in types(writer.send("input_audio_buffer.commit"))
    assert writer.hear("Yes")[-1]["transcript"] == "Yes"


def test_how_sure_it_is_and_semantic_turns(writer: Any) -> None:
    session = {"type": "transcription", "include": ["item.input_audio_transcription.logprobs"]}
    writer.send("session.update", session=session)
    wanted = {"type": "semantic_vad", "eagerness": "high", "create_response": True}
    (updated,) = transcribe(writer, turn_detection=wanted)
    shown = updated["session"]["audio"]["input"]["turn_detection"]
    assert shown == {"type": "semantic_vad", "eagerness": "high"}  # nothing is answered here, whatever is asked
    writer.speak(960)
    writer.wait(250)
    writer.hear("I need a tent.")
    events = writer.wait(150)
    assert events[-1]["type"] == "conversation.item.input_audio_transcription.completed"
    assert events[-1]["logprobs"][0]["token"] == "I need a tent."
    assert writer.replies() == []


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.create"},
        {"type": "response.cancel"},
        {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": "x"}},
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 1},
    ],
)
def test_what_only_a_conversation_has_is_refused(writer: Any, event: dict[str, Any]) -> None:
    refused = error(writer.send(**event, event_id="mine"))
    assert (refused["code"], refused["param"], refused["event_id"]) == ("invalid_value", "type", "mine")
    assert f"'{event['type']}' is not allowed in a transcription session" in refused["message"]


def test_what_was_written_down_can_be_looked_at_and_deleted(writer: Any) -> None:
    transcribe(writer)
    item_id = writer.say("Yes")[0]["item_id"]
    assert types(writer.send("conversation.item.retrieve", item_id=item_id)) == ["conversation.item.retrieved"]
    assert types(writer.send("conversation.item.delete", item_id=item_id)) == ["conversation.item.deleted"]


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"type": "transcription", "tools": []}, "unknown_parameter", "session.tools"),
        ({"type": "transcription", "instructions": "x"}, "unknown_parameter", "session.instructions"),
        ({"type": "transcription", "model": "whisper-1"}, "invalid_model", "session.model"),
        ({"type": "realtime"}, "invalid_parameter", "session.type"),
    ],
)
def test_what_a_transcription_cannot_be(writer: Any, session: dict[str, Any], code: str, param: str) -> None:
    refused = error(writer.send("session.update", session=session))
    assert (refused["code"], refused["param"]) == (code, param)


def test_a_conversation_does_not_become_a_transcription(new_caller: Callable[..., Any]) -> None:
    refused = error(transcribe(new_caller(kind="realtime")))
    assert refused["code"] == "invalid_parameter"
    assert refused["message"] == ("Passing a transcription session update event to a realtime session is not allowed.")


def test_a_client_that_named_no_model_may_decide_with_its_first_update(new_caller: Callable[..., Any]) -> None:
    caller = new_caller()
    (updated,) = transcribe(caller)
    assert (updated["type"], updated["session"]["type"]) == ("session.updated", "transcription")
    assert updated["session"]["id"] == caller.log[0]["session"]["id"]
    assert caller.say("Yes")[-1]["transcript"] == "Yes"
    talking = new_caller()
    talking.say("Hello")
    assert error(transcribe(talking))["code"] == "invalid_parameter"


# over the wire


def one_turn() -> list[str]:
    clip = tone(600, hz=300).samples, silence(700).samples
    data = b"".join(encode(samples, PCM16_24K) for samples in clip)
    step = PCM16_24K.byte_count(100)
    return [to_base64(data[start : start + step]) for start in range(0, len(data), step)]


async def test_the_official_client_has_a_turn_written_down(client: AsyncOpenAI, fakes: Any) -> None:
    fakes.ear.script = ["How much is it?"]
    async with asyncio.timeout(5), client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        created = await connection.recv()
        assert (created.type, created.session.type) == ("session.created", "transcription")
        await connection.session.update(
            session={"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
        )
        for audio in one_turn():
            await connection.input_audio_buffer.append(audio=audio)
        async for event in connection:
            assert not event.type.startswith("response.")
            if event.type == "conversation.item.input_audio_transcription.completed":
                break
    assert event.transcript == "How much is it?"
    assert fakes.brain.asked == []


async def test_a_model_in_the_address_is_refused_and_the_line_closed(url: str) -> None:
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime?intent=transcription&model=whisper-1"
    async with asyncio.timeout(5), websockets.connect(address) as raw:
        refused = json.loads(await raw.recv())
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await raw.recv()
    assert refused["error"]["message"] == "You must not provide a model parameter for transcription sessions."
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4000, "invalid_request_error.invalid_model")


async def test_a_short_lived_key_for_a_transcription(client: AsyncOpenAI, url: str, fakes: Any) -> None:
    fakes.ear.script = ["Yes."]
    made = await client.realtime.client_secrets.create(
        session={"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    )
    assert isinstance(made.session, RealtimeTranscriptionSessionCreateResponse)
    assert made.session.audio.input.transcription.model == "whisper-1"
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime"
    protocols = ["realtime", f"openai-insecure-api-key.{made.value}"]
    async with asyncio.timeout(5), websockets.connect(address, subprotocols=protocols) as raw:
        created = json.loads(await raw.recv())
        assert (created["session"]["type"], created["session"]["audio"]["input"]["transcription"]["model"]) == (
            "transcription",
            "whisper-1",
        )
    with pytest.raises(openai.BadRequestError) as refused:
        await client.realtime.client_secrets.create(session={"type": "transcription", "model": "x"})
    assert refused.value.code == "invalid_model"


async def test_beta_names(client: AsyncOpenAI, url: str, fakes: Any) -> None:
    fakes.ear.script = ["Yes."]
    made = await client.beta.realtime.transcription_sessions.create(
        input_audio_transcription={"model": "whisper-1"}, modalities=["text"]
    )
    assert (made.input_audio_format, made.input_audio_transcription.model) == ("pcm16", "whisper-1")
    assert made.client_secret.value.startswith("ek_")
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime?intent=transcription"
    headers = {"OpenAI-Beta": "realtime=v1"}
    async with asyncio.timeout(5), websockets.connect(address, additional_headers=headers) as raw:
        created = json.loads(await raw.recv())
        assert (created["type"], created["session"]["input_audio_format"]) == (
            "transcription_session.created",
            "pcm16",
        )
        wanted = {"input_audio_transcription": {"model": "whisper-1"}, "modalities": ["text"]}
        await raw.send(json.dumps({"type": "session.update", "session": wanted}))
        refused = json.loads(await raw.recv())["error"]
        assert refused["message"] == (
            "Passing a realtime session update event to a transcription session is not allowed."
        )
        await raw.send(json.dumps({"type": "transcription_session.update", "session": wanted}))
        assert json.loads(await raw.recv())["type"] == "transcription_session.updated"
        for audio in one_turn():
            await raw.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        names = []
        while names[-1:] != ["conversation.item.input_audio_transcription.completed"]:
            names.append(json.loads(await raw.recv())["type"])
    assert "conversation.item.created" in names
