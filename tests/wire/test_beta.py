from __future__ import annotations

from typing import Any

import pytest
from openai.types.beta import realtime as beta
from openai.types.realtime import RealtimeSessionCreateRequest

from contoso_lab.wire import beta_has, from_beta, session_from_beta, to_beta

FLAT = {
    "modalities": ["text", "audio"],
    "instructions": "Be kind.",
    "voice": "sage",
    "speed": 1.0,
    "input_audio_format": "pcm16",
    "output_audio_format": "g711_ulaw",
    "input_audio_transcription": {"model": "whisper-1"},
    "turn_detection": {"type": "server_vad", "threshold": 0.8, "silence_duration_ms": 500, "prefix_padding_ms": 300},
    "tools": [],
    "tool_choice": "auto",
    "max_response_output_tokens": 4096,
}


@pytest.mark.parametrize(
    ("ga", "old"),
    [
        ("response.output_audio.delta", "response.audio.delta"),
        ("response.output_audio.done", "response.audio.done"),
        ("response.output_audio_transcript.delta", "response.audio_transcript.delta"),
        ("response.output_audio_transcript.done", "response.audio_transcript.done"),
        ("response.output_text.delta", "response.text.delta"),
        ("response.output_text.done", "response.text.done"),
        ("conversation.item.added", "conversation.item.created"),
        ("response.done", "response.done"),
        ("brand.new.event", "brand.new.event"),
    ],
)
def test_names_go_both_ways(ga: str, old: str) -> None:
    assert to_beta({"type": ga})["type"] == old
    assert from_beta({"type": old})["type"] == ga


def test_a_flat_session_becomes_a_valid_ga_session_and_comes_back() -> None:
    there = from_beta({"type": "session.update", "session": FLAT})
    session = RealtimeSessionCreateRequest.model_validate(there["session"])
    assert session.output_modalities == ["audio"]
    assert session.audio is not None
    assert session.audio.input is not None
    assert session.audio.input.turn_detection.threshold == 0.8
    back = to_beta(there)["session"]
    assert back == FLAT
    beta.Session.model_validate(back)


def test_switching_detection_off_is_not_the_same_as_saying_nothing() -> None:
    assert session_from_beta({"turn_detection": None}) == {"audio": {"input": {"turn_detection": None}}}
    assert to_beta({"type": "session.update", "session": {"audio": {"input": {"turn_detection": None}}}})[
        "session"
    ] == {"turn_detection": None}


def test_a_ga_response_fits_the_beta_type() -> None:
    event: dict[str, Any] = {
        "type": "response.done",
        "event_id": "e",
        "response": {
            "id": "r",
            "object": "realtime.response",
            "status": "completed",
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "sage"}},
            "output": [
                {
                    "id": "i",
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_audio", "transcript": "Hello"}],
                }
            ],
        },
    }
    old = to_beta(event)
    response = beta.ResponseDoneEvent.model_validate(old).response
    assert (response.modalities, response.output_audio_format, response.voice) == (["text", "audio"], "pcm16", "sage")
    assert response.output is not None
    assert response.output[0].content is not None
    assert response.output[0].content[0].type == "audio"
    assert response.max_output_tokens == "inf"
    assert from_beta(old) == event


def test_only_an_assistants_parts_are_renamed() -> None:
    user = {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    assistant = {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
    assert from_beta({"type": "conversation.item.create", "item": user})["item"] == user
    renamed = from_beta({"type": "conversation.item.create", "item": assistant})["item"]
    assert renamed["content"][0]["type"] == "output_text"


def test_a_transcription_session_keeps_its_kind() -> None:
    event = from_beta({"type": "transcription_session.update", "session": {"input_audio_format": "pcm16"}})
    assert (event["type"], event["session"]["type"]) == ("session.update", "transcription")
    assert to_beta(event)["type"] == "transcription_session.update"


def test_the_argument_is_left_alone() -> None:
    event = {"type": "session.update", "session": {"voice": "sage"}}
    from_beta(event)
    assert event == {"type": "session.update", "session": {"voice": "sage"}}


def test_beta_never_heard_of_item_done() -> None:
    assert not beta_has("conversation.item.done")
