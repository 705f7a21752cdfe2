from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contoso_lab.engine.reading import LARGEST_MESSAGE_BYTES, event_id_of, read_event
from contoso_lab.engine.refusals import Refused
from contoso_lab.wire.events import CLIENT_EVENTS


def session(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def item(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": fields}


def response(**fields: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": fields}


def cut(end_ms: Any) -> dict[str, Any]:
    return {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": end_ms}


@pytest.mark.parametrize(
    ("event", "code", "param", "words"),
    [
        ({"type": "session.close"}, "invalid_value", "type", "'session.close'"),
        ({"event_id": "x"}, "missing_required_parameter", "type", "'type'"),
        ({"type": 7}, "invalid_type", "type", "a string"),
        (cut("5"), "invalid_type", "audio_end_ms", "expected an integer, but got a string"),
        (cut(5.0), "invalid_type", "audio_end_ms", "expected an integer, but got a decimal"),
        (cut(True), "invalid_type", "audio_end_ms", "expected an integer, but got a boolean"),
        (cut(None), "invalid_type", "audio_end_ms", "expected an integer, but got null"),
        ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio", "'audio'"),
        ({"type": "input_audio_buffer.append", "audio": 7}, "invalid_type", "audio", "a string"),
        ({"type": "response.cancel", "event_id": 7}, "invalid_type", "event_id", "a string"),
        ({"type": "session.update"}, "missing_required_parameter", "session", "'session'"),
        ({"type": "session.update", "session": None}, "invalid_type", "session", "an object, but got null"),
        ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type", "'session.type'"),
        (session(max_output_tokens="many"), "invalid_type", "session.max_output_tokens", "an integer"),
        (session(instructions=["x"]), "invalid_type", "session.instructions", "got an array"),
        (session(tools=[{"type": "function", "name": 3}]), "invalid_type", "session.tools[0].name", "a string"),
        (session(output_modalities=["video"]), "invalid_value", "session.output_modalities[0]", "'text' or 'audio'"),
        (
            session(audio={"output": {"speed": float("nan")}}),
            "invalid_type",
            "session.audio.output.speed",
            "a finite number",
        ),
        (
            session(audio={"input": {"format": {"type": "mp3"}}}),
            "invalid_value",
            "session.audio.input.format.type",
            "'audio/pcm', 'audio/pcmu', 'audio/pcma'",
        ),
        (
            session(audio={"input": {"turn_detection": {"type": "loud_vad"}}}),
            "invalid_value",
            "session.audio.input.turn_detection.type",
            "'server_vad', 'semantic_vad'",
        ),
        (
            session(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "mad"}}}),
            "invalid_value",
            "session.audio.input.turn_detection.eagerness",
            "'low', 'medium', 'high' or 'auto'",
        ),
        (item(type="song"), "invalid_value", "item.type", "'message', 'function_call', 'function_call_output'"),
        (item(type="message", role="tool", content=[]), "invalid_value", "item.role", "'system', 'user', 'assistant'"),
        (item(type="message", role="user", content="Hi"), "invalid_type", "item.content", "an array"),
        (item(type="message", role="user"), "missing_required_parameter", "item.content", "'item.content'"),
        (
            item(type="message", role="user", content=[{"type": "text", "text": "Hi"}]),
            "invalid_value",
            "item.content[0].type",
            "Supported values are: 'input_text', 'input_audio' or 'input_image'.",
        ),
        (item(type="function_call_output", call_id="c"), "missing_required_parameter", "item.output", "'item.output'"),
        (response(tool_choice="sometimes"), "invalid_value", "response.tool_choice", "'none', 'auto' or 'required'"),
        (response(metadata={"a": 1}), "invalid_type", "response.metadata.a", "a string"),
        (response(metadata={"": 1}), "invalid_type", "response.metadata.", "a string"),
        (
            response(input=[{"type": "item_reference", "id": "x"}, {"type": "message", "role": "user"}]),
            "missing_required_parameter",
            "response.input[1].content",
            "'response.input[1].content'",
        ),
        (
            response(input=[{"type": "item_reference"}]),
            "missing_required_parameter",
            "response.input[0].id",
            "'response.input[0].id'",
        ),
    ],
)
def test_what_is_wrong_is_named(event: dict[str, Any], code: str, param: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        read_event(json.dumps(event))
    assert (refused.value.code, refused.value.param) == (code, param)
    assert words in refused.value.message


@pytest.mark.parametrize("raw", ["", "{", "[]", "7", "[" * 100_000, b"\xff", '{"type":"a","type":"b"}'])
def test_what_is_no_event_is_refused(raw: str | bytes) -> None:
    with pytest.raises(Refused):
        read_event(raw)
    assert event_id_of(raw) is None


def test_a_message_has_a_largest_size() -> None:
    with pytest.raises(Refused) as refused:
        read_event("x" * (LARGEST_MESSAGE_BYTES + 1))
    assert refused.value.code == "message_too_large"


def test_an_integer_may_stand_for_a_decimal() -> None:
    assert read_event(json.dumps(session(audio={"output": {"speed": 1}}))).known


def test_a_preview_client_may_turn_turns_off_by_a_type() -> None:
    raw = json.dumps({"type": "session.update", "session": {"turn_detection": {"type": "none"}}})
    assert read_event(raw, dialect="beta")["session"]["audio"]["input"]["turn_detection"] is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 9000) | st.floats(width=16) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("abcd", max_size=3), inner, max_size=2),
    max_leaves=4,
)
WHOLE: list[dict[str, Any]] = [
    session(
        instructions="x",
        output_modalities=["audio"],
        max_output_tokens=7,
        tools=[{"type": "function", "name": "show", "parameters": {}}],
        tool_choice={"type": "function", "name": "show"},
        parallel_tool_calls=True,
        truncation={"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": {"post_instructions": 500}},
        include=["item.input_audio_transcription.logprobs"],
        tracing="auto",
        reasoning={"effort": "low"},
        audio={
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "noise_reduction": {"type": "near_field", "strength": 0.5},
                "transcription": {"model": "whisper-1", "language": "en", "prompt": "tents"},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "idle_timeout_ms": 6000,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcmu"}, "voice": "marin", "speed": 1.2},
        },
    ),
    session(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}}),
    item(id="a", type="message", role="user", content=[{"type": "input_text", "text": "Hi"}]),
    item(type="message", role="user", content=[{"type": "input_audio", "audio": "AAAA", "transcript": "Hi"}]),
    item(type="message", role="user", content=[{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]),
    item(type="function_call", call_id="c", name="show", arguments="{}"),
    {**item(type="function_call_output", call_id="c", output="x"), "previous_item_id": "root"},
    response(
        conversation="none",
        output_modalities=["text"],
        instructions="x",
        metadata={"a": "b"},
        max_output_tokens="inf",
        tool_choice="auto",
        audio={"output": {"voice": "marin", "format": {"type": "audio/pcm", "rate": 24000}}},
        input=[{"type": "item_reference", "id": "a"}, {"type": "function_call_output", "call_id": "c", "output": ""}],
    ),
    cut(5),
    {"type": "conversation.item.delete", "item_id": "a"},
    {"type": "conversation.item.retrieve", "item_id": "a"},
    {"type": "response.cancel", "response_id": "a"},
    {"type": "input_audio_buffer.append", "audio": "AAAA"},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, each in inner for place in places(each, (*path, key))]


def test_all_client_events_are_tried() -> None:
    assert {event["type"] for event in WHOLE} == CLIENT_EVENTS


@settings(
    deadline=None,
    derandomize=True,
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_no_message_breaks_the_protocol(new_caller: Any, data: st.DataObject) -> None:
    """Any field of any event is replaced by anything: it is taken or refused, and the call goes on."""
    event = json.loads(json.dumps(data.draw(st.sampled_from(WHOLE)) | {"event_id": "e"}))
    *above, last = data.draw(st.sampled_from([place for place in places(event) if place != ("type",)]))
    inside = event
    for key in above:
        inside = inside[key]
    inside[last] = data.draw(JSON)
    caller = new_caller()
    caller.send(
        "conversation.item.create", item={"type": "function_call", "call_id": "c", "name": "x", "arguments": ""}
    )
    refused = ""
    try:
        caller.receive(read_event(json.dumps(event)))
    except Refused as refusal:
        refused = refusal.message or "without a word"
    assert refused != "without a word"
    assert caller.update()[0]["type"] == "session.updated"
