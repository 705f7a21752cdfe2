from __future__ import annotations

import json
import subprocess
import sys

import pytest

from contoso_lab.errors import EventError
from contoso_lab.wire import dump, parse_client, parse_server, server_event
from contoso_lab.wire.events import CLIENT_EVENTS, SERVER_EVENTS


def test_the_names_are_those_of_the_openai_package() -> None:
    assert len(CLIENT_EVENTS) == 11
    assert len(SERVER_EVENTS) == 46
    assert "response.output_audio.delta" in SERVER_EVENTS
    assert "session.update" in CLIENT_EVENTS


def test_a_known_event_gets_the_class_of_its_name() -> None:
    event = parse_server(
        json.dumps(
            {
                "type": "response.output_audio_transcript.delta",
                "event_id": "e",
                "response_id": "r",
                "item_id": "i",
                "output_index": 0,
                "content_index": 0,
                "delta": "Hello",
            }
        )
    )
    assert type(event.model).__name__ == "ResponseAudioTranscriptDeltaEvent"


def test_an_unknown_event_is_kept_word_for_word_and_has_no_model() -> None:
    raw = {"type": "brand.new.event", "x": {"deep": [1, 2.5, None]}}
    event = parse_server(json.dumps(raw), check=True)
    assert (event.known, event.model, event.data) == (False, None, raw)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("nonsense", "no JSON"),
        ("[1, 2]", "JSON list"),
        ("{}", "no 'type'"),
        ('{"type": 7}', "no 'type'"),
        (b"\xff\xfe\x00", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"type": "response.create", "type": "session.update"}', "given twice"),
        ('{"type": "input_audio_buffer.append"}', "audio"),
        ('{"type": "session.update", "session": {"type": "nonsense"}}', "session"),
    ],
)
def test_what_is_no_client_event_is_refused_with_a_reason(raw: str | bytes, says: str) -> None:
    with pytest.raises(EventError, match=says):
        parse_client(raw)


def test_a_server_event_that_does_not_fit_is_judged_when_asked_for() -> None:
    event = parse_server('{"type": "response.done"}')
    with pytest.raises(EventError, match=r"response\.done: event_id"):
        _ = event.model
    with pytest.raises(EventError, match=r"response\.done"):
        parse_server('{"type": "response.done"}', check=True)


def test_a_beta_client_is_read_and_answered_in_its_dialect() -> None:
    event = parse_client(
        '{"type": "session.update", "session": {"voice": "sage", "input_audio_format": "pcm16"}}', dialect="beta"
    )
    assert event["session"]["audio"]["output"] == {"voice": "sage"}
    answer = server_event("response.output_audio.done", item_id="i")
    assert json.loads(dump(answer, dialect="beta"))["type"] == "response.audio.done"
    assert json.loads(dump(event))["type"] == "session.update"


def test_what_json_has_no_form_for_is_refused() -> None:
    with pytest.raises(EventError, match="cannot be written"):
        dump({"type": "error", "value": float("nan")})


def test_half_a_character_can_be_sent() -> None:
    dump({"type": "response.output_text.delta", "delta": "\ud83d"}).encode()


def test_reading_an_event_does_not_load_the_openai_package() -> None:
    program = (
        'import sys, contoso_lab.wire as w; w.parse_server(\'{"type": "x"}\'); '
        "assert not any(m.startswith('openai') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
