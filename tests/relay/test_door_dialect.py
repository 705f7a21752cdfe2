"""Beta clients: what they send becomes GA, what they hear becomes beta, and nothing in between is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.beta import realtime as beta
from openai.types.realtime import RealtimeSessionCreateRequest

from contoso_lab.relay.calls.door_dialect import BetaDoor
from contoso_lab.relay.wires.legs import Binary
from contoso_lab.wire.beta import from_beta, param_from_beta, param_to_beta, to_beta

DOOR = BetaDoor()
LOADED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["type", "session", "response", "item", "error", "audio", "input", "output", "voice", "format", "content", "role",
     "turn_detection", "param", "message", "modalities", "output_modalities", "input_audio_format", "id", "part"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["session.update", "session.updated", "response.create", "response.done", "conversation.item.added", "error",
     "response.output_text.delta", "transcription_session.update", "conversation.item.create", "brand.new"]
)  # fmt: skip
SHAPES = st.recursive(
    JSON | st.sampled_from(["assistant", "audio/pcm", "pcm16", "output_audio", "text", "transcription"]),
    lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=12,
)
EVENTS = st.builds(lambda name, rest: {**rest, "type": name}, NAMES, st.dictionaries(KEYS, SHAPES, max_size=4))


def sent(**event: Any) -> dict[str, Any]:
    return json.loads(DOOR.from_client(json.dumps(event).encode()))


def heard(**event: Any) -> dict[str, Any] | None:
    message = DOOR.to_client(json.dumps(event).encode())
    return None if message is None else json.loads(message)


def test_a_beta_session_update_is_a_valid_ga_one() -> None:
    event = sent(
        type="session.update", event_id="mine",
        session={"voice": "sage", "modalities": ["text", "audio"], "temperature": 0.8, "input_audio_format": "pcm16",
                 "turn_detection": {"type": "none"}, "max_response_output_tokens": 300, "brand_new": {"x": 1}},
    )  # fmt: skip
    session = RealtimeSessionCreateRequest.model_validate(event["session"])
    assert (session.type, session.output_modalities, session.max_output_tokens) == ("realtime", ["audio"], 300)
    assert event["session"]["audio"]["input"]["turn_detection"] is None
    assert event["event_id"] == "mine"
    assert event["session"]["brand_new"] == {"x": 1}
    assert "temperature" not in event["session"]


def test_a_request_for_a_response_loses_what_ga_refuses() -> None:
    event = sent(type="response.create", response={"modalities": ["text"], "temperature": 1.0, "conversation": "none"})
    assert event["response"] == {"output_modalities": ["text"], "conversation": "none"}


@pytest.mark.parametrize(
    "head",
    [
        b'{"type":"response.output_audio.delta","event_id":"e1","response_id":"r","delta":"',
        b'{"event_id": "response.output_audio.delta", "type": "response.output_audio.delta", "delta": "',
        b'{"event_id":"type","x":"y","type" : "response.output_audio.delta","delta":"',
    ],
)
def test_sound_is_renamed_byte_by_byte(head: bytes) -> None:
    raw = head + b"AAAABBBB" * 400 + b'","item_id":"response.output_audio.delta"}'
    out = DOOR.to_client(raw)
    assert out is not None
    assert len(out) == len(raw) - len("output_")
    before, after = json.loads(raw), json.loads(out)
    assert after == {**before, "type": "response.audio.delta"}


def test_sound_that_is_oddly_written_is_renamed_too() -> None:
    raw = b'{"delta":"AAAA","more":{"a":[1]},"type":"response.output_\\u0061udio.delta"}'
    out = DOOR.to_client(raw)
    assert out is not None
    assert json.loads(out)["type"] == "response.audio.delta"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"type":"input_audio_buffer.append","audio":"AAAA"}',
        b'{"type": "response.cancel" }',
        b'{"type":"brand.new","x":"\\ud800"}',
        b'{"type":"session.update","type":"response.create"}',
        b"not json",
        b"[]",
        b"\xff",
        Binary(b'{"type":"response.output_audio.delta","delta":"AAAA"}'),
    ],
)
def test_what_needs_no_change_is_the_same_object(raw: bytes) -> None:
    assert DOOR.from_client(raw) is raw
    assert DOOR.to_client(raw) is raw


def test_a_number_beyond_json_is_the_targets_to_refuse() -> None:
    raw = b'{"type":"session.update","session":{"voice":"sage","speed":NaN}}'
    assert DOOR.from_client(raw) is raw


def test_half_a_character_survives() -> None:
    out = DOOR.from_client(b'{"type":"session.update","session":{"instructions":"\\ud83d"}}')
    assert json.loads(out)["session"]["instructions"] == "\ud83d"


def test_a_beta_client_is_not_told_what_it_never_heard_of() -> None:
    assert heard(type="conversation.item.done", item={"id": "i"}) is None
    assert heard(type="lab.recording", id="r") == {"type": "lab.recording", "id": "r"}


def test_created_session_fits_the_beta_type() -> None:
    event = heard(
        type="session.created", event_id="e",
        session={"type": "realtime", "id": "s", "output_modalities": ["audio"], "future": 1,
                 "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "future": 2},
                           "output": {"voice": "marin"}}},
    )  # fmt: skip
    assert event is not None
    session = beta.SessionCreatedEvent.model_validate(event).session
    assert (session.voice, session.input_audio_format, session.modalities) == ("marin", "pcm16", ["text", "audio"])
    assert event["session"]["future"] == 1
    assert event["session"]["audio"] == {"input": {"future": 2}}, "what has no flat name stays where it was"


@pytest.mark.parametrize(
    ("ga", "flat"),
    [
        ("session.audio.input.turn_detection.threshold", "session.turn_detection.threshold"),
        ("session.audio.output.voice", "session.voice"),
        ("session.output_modalities[0]", "session.modalities[0]"),
        ("response.max_output_tokens", "response.max_response_output_tokens"),
        ("session.audio.input.formatting", "session.audio.input.formatting"),
        ("item.content[0].type", "item.content[0].type"),
    ],
)
def test_an_error_names_the_field_as_the_client_knows_it(ga: str, flat: str) -> None:
    assert (param_to_beta(ga), param_from_beta(flat)) == (flat, ga)
    error = {"type": "invalid_request_error", "param": ga, "message": f"Invalid value for '{ga}'.", "event_id": "m"}
    told = heard(type="error", event_id="e", error=error)
    assert told is not None
    assert (told["error"]["param"], told["error"]["message"]) == (flat, f"Invalid value for '{flat}'.")


@LOADED
@given(EVENTS)
def test_no_event_is_too_odd(event: dict[str, Any]) -> None:
    raw = json.dumps(event).encode()
    assert isinstance(json.loads(DOOR.from_client(raw)), dict)
    out = DOOR.to_client(raw)
    assert out is None or isinstance(json.loads(out), dict)


SECOND = {"type": "audio/pcm", "rate": 24000}
TURNS = st.none() | st.fixed_dictionaries({"type": st.just("server_vad")}, optional={"threshold": st.floats(0, 1)})
GA_SESSION = st.fixed_dictionaries(
    {"type": st.just("realtime")},
    optional={
        "id": st.text(max_size=5), "instructions": st.text(max_size=9), "tools": st.just([]), "future": JSON,
        "output_modalities": st.sampled_from([["audio"], ["text"]]),
        "max_output_tokens": st.just("inf") | st.integers(1, 4096),
        "audio": st.fixed_dictionaries({
            "input": st.fixed_dictionaries({"turn_detection": TURNS}, optional={
                "format": st.just(SECOND), "transcription": st.just({"model": "w"}), "future": JSON}),
            "output": st.fixed_dictionaries({"voice": st.text(max_size=5)}, optional={"speed": st.floats(0.25, 1.5)}),
        }),
    },
)  # fmt: skip
PART = st.fixed_dictionaries({"type": st.sampled_from(["output_text", "output_audio"])}, optional={"text": st.text()})
GA_ITEM = st.fixed_dictionaries(
    {"id": st.text(max_size=5), "type": st.just("message"), "role": st.just("assistant")},
    optional={"content": st.lists(PART, max_size=2), "future": JSON},
) | st.fixed_dictionaries({"id": st.text(max_size=5), "type": st.just("function_call"), "name": st.text(max_size=5)})
GA_EVENTS = st.one_of(
    st.builds(lambda s: {"type": "session.updated", "session": s}, GA_SESSION),
    st.builds(lambda i: {"type": "conversation.item.added", "previous_item_id": None, "item": i}, GA_ITEM),
    st.builds(lambda i: {"type": "response.output_item.done", "output_index": 0, "item": i}, GA_ITEM),
    st.builds(lambda t: {"type": "response.output_audio_transcript.delta", "delta": t}, st.text()),
    st.builds(
        lambda items, x: {"type": "response.done", "response": {"id": "r", "output": items, "future": x,
                          "output_modalities": ["audio"], "max_output_tokens": "inf"}},
        st.lists(GA_ITEM, max_size=3), JSON,
    ),
    st.builds(lambda p: {"type": "error", "error": {"param": f"session.{p}", "message": "no"}},
              st.sampled_from(["audio.output.voice", "tools[0].name", "max_output_tokens"])),
)  # fmt: skip


@LOADED
@given(GA_EVENTS)
def test_what_a_server_says_survives_the_door_and_back(event: dict[str, Any]) -> None:
    raw = json.dumps(event).encode()
    out = DOOR.to_client(raw)
    assert out is not None
    assert from_beta(json.loads(out)) == event
    assert json.loads(DOOR.from_client(json.dumps(to_beta(event)).encode())) == event
