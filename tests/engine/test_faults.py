from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from contoso_lab.audio import PCM16_24K, from_base64, to_base64
from contoso_lab.engine.__main__ import main
from contoso_lab.engine.faults import (
    FAULTS,
    ActiveResponse,
    CoalescedFrames,
    CutAudioTail,
    DropMidTurn,
    DuplicatedEvent,
    Ending,
    Fault,
    FaultLine,
    HugeEvent,
    LateTranscript,
    MalformedJson,
    MissingTranscript,
    RateLimited,
    RefusedTruncate,
    SessionExpiry,
    SlowReader,
    SplitFrames,
    StalledStream,
    UnorderedTranscripts,
    read_fault,
)
from contoso_lab.engine.faults.packing import fragments
from contoso_lab.errors import ConfigError
from contoso_lab.wire import parse_server

WORDS = "conversation.item.input_audio_transcription"


def delta(sound_ms: float = 100, response: str = "r1", item: str = "i1") -> dict[str, Any]:
    sound = bytes(range(256)) * 40
    piece = to_base64(sound[: PCM16_24K.byte_count(sound_ms)])
    place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
    return {"type": "response.output_audio.delta", "event_id": "e", **place, "delta": piece}


def words(item: str, final: str = "completed") -> list[dict[str, Any]]:
    return [
        {"type": f"{WORDS}.delta", "item_id": item, "content_index": 0, "delta": item},
        {"type": f"{WORDS}.{final}", "item_id": item, "content_index": 0, "transcript": item},
    ]


def passed(fault: Fault, *events: dict[str, Any], step_ms: float = 10) -> list[tuple[float, str]]:
    """What becomes of events that are sent one after the other: when each goes out, and what it is."""
    line = FaultLine([fault])
    sent = [each for n, event in enumerate(events) for each in line.sending(json.dumps(event), at_ms=n * step_ms)]
    return [(each.at_ms, "the end" if each.ending else each.type) for each in sorted(sent, key=lambda one: one.at_ms)]


def test_every_fault_is_frozen_named_and_says_whose_pain_it_is() -> None:
    assert len(FAULTS) == 16
    for name, kind in FAULTS.items():
        fault = kind.read(None)
        assert fault == kind()
        assert fault.name == name
        assert kind.pain.split(":")[0] in {*map(str, range(1, 16)), "also frequent"}
        assert (kind.__doc__ or "").strip().endswith(".") or "\n" in (kind.__doc__ or "")
        with pytest.raises((dataclasses.FrozenInstanceError, AttributeError, TypeError)):
            fault.name = "other"  # type: ignore[misc]


def test_late_transcripts_wait_and_nothing_else_does() -> None:
    out = passed(LateTranscript(50), *words("u1"), {"type": "response.done"})
    assert out == [(20, "response.done"), (50, f"{WORDS}.delta"), (60, f"{WORDS}.completed")]


def test_one_transcript_is_missing_with_all_its_parts() -> None:
    assert passed(MissingTranscript(2), *words("u1"), *words("u2", "failed"), *words("u3")) == [
        (0, f"{WORDS}.delta"),
        (10, f"{WORDS}.completed"),
        (40, f"{WORDS}.delta"),
        (50, f"{WORDS}.completed"),
    ]


def test_transcripts_change_places_in_pairs() -> None:
    line = FaultLine([UnorderedTranscripts()])
    events = [*words("u1"), *words("u2"), *words("u3"), *words("u4", "failed")]
    out = [sent for n, event in enumerate(events) for sent in line.sending(json.dumps(event), at_ms=n)]
    assert [sent.event["item_id"] for sent in out if sent.type.endswith(("completed", "failed"))] == [
        "u2",
        "u1",
        "u4",
        "u3",
    ]
    assert len(out) == len(events)


def test_one_request_for_a_reply_is_refused_in_the_words_of_the_service() -> None:
    line = FaultLine([ActiveResponse(2)])
    asked = '{"type": "response.create", "event_id": "mine"}'
    assert line.receiving(asked, at_ms=0) is None
    line.sending(json.dumps({"type": "response.created", "response": {"id": "resp_7"}}), at_ms=0)
    (answer,) = line.receiving(asked, at_ms=1) or []
    assert line.receiving(asked, at_ms=2) is None
    assert parse_server(json.dumps(answer), check=True).known
    assert answer["error"]["code"] == "conversation_already_has_active_response"
    assert answer["error"]["event_id"] == "mine"
    assert "active response in progress: resp_7." in answer["error"]["message"]


def test_truncations_are_refused_and_all_else_passes() -> None:
    line = FaultLine([RefusedTruncate()])
    cut = {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 700}
    (answer,) = line.receiving(json.dumps(cut), at_ms=0) or []
    assert answer["error"]["message"] == "Audio content of 699ms is already shorter than 700ms"
    assert answer["error"]["param"] == "audio_end_ms"
    assert line.receiving('{"type": "response.create"}', at_ms=0) is None
    assert line.receiving("no JSON", at_ms=0) is None


def test_a_handshake_is_refused_with_a_time_to_wait() -> None:
    refusal = FaultLine([RateLimited(7)]).refusal
    assert refusal is not None
    assert (refusal.status, refusal.headers) == (429, (("retry-after", "7"),))
    assert refusal.body["error"]["code"] == "rate_limit_exceeded"


def test_a_session_expires_as_the_real_one_does() -> None:
    error, end = FaultLine([SessionExpiry(3600)]).opening()
    assert (error.at_ms, error.event["error"]["code"]) == (3_600_000, "session_expired")
    assert end.ending == Ending(1001, "Your session hit the maximum duration of 60 minutes.")
    assert parse_server(error.text, check=True).known


def test_the_line_is_cut_in_the_middle_of_the_reply_that_was_asked_for() -> None:
    out = passed(DropMidTurn(2), delta(), delta(), delta(), delta(response="r2"), delta(response="r2"))
    name = "response.output_audio.delta"
    assert [what for _, what in out] == [name] * 5 + ["the end"]


def test_a_stall_holds_up_everything_and_keeps_the_order() -> None:
    out = passed(StalledStream(100), delta(), delta(), delta(), delta(), {"type": "response.done"}, step_ms=10)
    name = "response.output_audio.delta"
    assert out == [(0, name), (10, name), (120, name), (120, name), (120, "response.done")]


@pytest.mark.parametrize(("cut_ms", "left_ms"), [(50, 250), (100, 200), (130, 170), (300, 0), (900, 0)])
def test_the_tail_of_the_sound_is_cut_to_the_sample(cut_ms: float, left_ms: float) -> None:
    line = FaultLine([CutAudioTail(cut_ms)])
    place = {"response_id": "r1", "item_id": "i1", "output_index": 0, "content_index": 0}
    events = [delta(), delta(), delta(), {"type": "response.output_audio.done", **place}]
    out = [sent for n, event in enumerate(events) for sent in line.sending(json.dumps(event), at_ms=n)]
    whole = b"".join(from_base64(event["delta"]) for event in events[:3])
    sound = b"".join(from_base64(sent.event["delta"]) for sent in out if sent.type.endswith("delta"))
    assert sound == whole[: PCM16_24K.byte_count(left_ms)]
    assert out[-1].type == "response.output_audio.done"
    assert [sent.at_ms for sent in out] == sorted(sent.at_ms for sent in out)


def test_the_tail_of_a_call_in_mu_law_is_measured_in_its_own_bytes() -> None:
    line = FaultLine([CutAudioTail(100)])
    session = {"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcmu"}}}}
    line.sending(json.dumps({"type": "session.updated", "session": session}), at_ms=0)
    place = {"response_id": "r1", "item_id": "i1", "output_index": 0, "content_index": 0}
    event = {"type": "response.output_audio.delta", **place, "delta": to_base64(bytes(1600))}
    line.sending(json.dumps(event), at_ms=0)
    kept, done = line.sending(json.dumps({"type": "response.output_audio.done", **place}), at_ms=0)
    assert len(from_base64(kept.event["delta"])) == 800
    assert done.type == "response.output_audio.done"


def test_duplicates_giants_and_garbage() -> None:
    done = {"type": "response.done", "event_id": "e1"}
    assert [what for _, what in passed(DuplicatedEvent(), done, delta())] == [
        "response.done",
        "response.done",
        "response.output_audio.delta",
    ]
    created = json.dumps({"type": "response.created", "response": {}})
    line = FaultLine([HugeEvent()])
    assert [len(line.sending(created, at_ms=0)[0].text) > 1_000_000 for _ in range(2)] == [True, False]
    half, whole = FaultLine([MalformedJson()]).sending(json.dumps(delta()), at_ms=0)
    with pytest.raises(ValueError, match="Unterminated string"):
        json.loads(half.text)
    assert whole.event == delta()


def test_messages_are_packed_slowly_read_and_split() -> None:
    assert passed(CoalescedFrames(200), delta(), delta(), delta(), step_ms=90) == [
        (at_ms, "response.output_audio.delta") for at_ms in (0, 200, 200)
    ]
    assert FaultLine([SlowReader(1000)]).reading_ms(500) == 500
    assert FaultLine([SplitFrames(100), SplitFrames(30)]).fragment_bytes == 30
    assert fragments(bytes([0x88, 2, 3, 232]), 1) == [bytes([0x88, 2, 3, 232])]  # a close is never split
    big = bytes([0x81, 126]) + (300).to_bytes(2) + b"x" * 300
    assert b"".join(piece[4 if piece[1] == 126 else 2 :] for piece in fragments(big, 140)) == b"x" * 300
    assert [piece[0] for piece in fragments(big, 140)] == [0x01, 0x00, 0x80]


def test_faults_combine_in_the_order_in_which_they_were_asked_for() -> None:
    line = FaultLine([DuplicatedEvent(f"{WORDS}.completed"), LateTranscript(100)])
    assert [sent.at_ms for sent in line.sending(json.dumps(words("u1")[1]), at_ms=5)] == [105, 105]


def test_beta_names_are_known_by_their_ga_names() -> None:
    old = {**delta(), "type": "response.audio.delta"}
    half, whole = FaultLine([MalformedJson()]).sending(json.dumps(old), at_ms=0)
    assert half.text != whole.text
    assert whole.event["type"] == "response.audio.delta"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("late", "there is no fault 'late'"),
        ("split-frame", "did you mean split-frames?"),
        ("late-transcript=soon", "'late-transcript' cannot be set to 'soon': delay_ms is a number above 0"),
        ("late-transcript=-1", "such as --fault late-transcript=2000"),
        ("missing-transcript=1.5", "turn is a whole number above 0"),
        ("rate-limited=nan", "retry_after_s is a whole number"),
        ("malformed-json=3", "takes no value: write --fault malformed-json"),
    ],
)
def test_a_wrong_fault_is_one_sentence_and_exit_code_2(
    text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_fault(text)
    assert main(["--port", "0", "--fault", text]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{caught.value}\n")
    assert says in err
    if "no fault" in err:
        assert all(name in err for name in FAULTS)


def test_the_list_names_every_fault_its_default_and_its_pain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--fault", "help"]) == 0
    out = capsys.readouterr().out
    for name, kind in FAULTS.items():
        assert f"\n{name}" in f"\n{out}"
        assert kind.pain in out
    assert "late-transcript=2000 (delay_ms)" in out
    assert "huge-event=1000000 (size_bytes)" in out
