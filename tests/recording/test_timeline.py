from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from contoso_lab.audio import PCM16_24K, Clip, find_speech, silence, tone
from contoso_lab.recording.clock import AudioClock, Frame, LocalClock
from contoso_lab.recording.log import RecordedEvent

FRAME = 480  # samples: 20 ms


def frames(*arrivals_ms: float) -> list[Frame]:
    return [Frame(at_ms, index * FRAME, FRAME) for index, at_ms in enumerate(arrivals_ms)]


@pytest.mark.parametrize(
    ("arrivals", "audio_ms", "session_ms"),
    [
        ((1020, 1040, 1060), 0, 1000),  # the first sample was spoken 20 ms before its frame passed
        ((1020, 1040, 1060), 50, 1050),
        ((1020, 1060, 1060), 25, 1025),  # two frames in a bunch: the network held the first one up
        ((1020, 1040, 4060), 39, 1039),  # a pause in sending
        ((1020, 1040, 4060), 41, 4041),
        ((1020, 1040), 60, 1060),  # behind the last sample
        ((1020,), -10, 990),  # before the first
        ((), 70, 70),
    ],
)
def test_a_sample_was_spoken_when_its_frame_was_due(
    arrivals: tuple[float, ...], audio_ms: float, session_ms: float
) -> None:
    assert AudioClock.of(frames(*arrivals), 24000).session_ms(audio_ms) == pytest.approx(session_ms)


def test_sound_that_was_sent_at_once_ends_when_it_was_sent() -> None:
    clock = AudioClock.of(frames(*[5000.0] * 500), 24000)
    assert clock.session_ms(10_000) == 5000
    times = [clock.session_ms(ms) for ms in range(0, 10_000, 7)]
    assert times == sorted(times)


def test_a_report_that_waited_is_put_where_it_happened() -> None:
    stamps = [(1010.0, 500.0), (2300.0, 1500.0), (9000.0, 10.0), (2500.0, None)]
    events = [
        RecordedEvent(i, t, "local", {"type": "playback.started", **({} if c is None else {"client_ms": c})})
        for i, (t, c) in enumerate(stamps)
    ]
    clock = LocalClock(events)
    # The third stamp is from a page that was loaded anew; the last event has none.
    assert [clock.session_ms(event) for event in events] == [1010, 2010, 9000, 2500]


def talk(desk: Any) -> None:
    """The caller speaks 1.0-1.6 s; an answer of 2 s arrives at 2.0 s, far faster than it sounds."""
    for index, piece in enumerate((silence(1000) + tone(600) + silence(2400)).chunks(40)):
        if index == 50:
            for number in range(4):
                desk.delta(2000 + number, "a1", tone(500, hz=200 + 100 * number))
        desk.append(40 * (index + 1), piece)


def test_the_callers_speech_is_found_on_the_session_clock(desk: Any) -> None:
    talk(desk)
    (span,) = desk.opened().timeline().user_spans
    assert (span.start_ms, span.end_ms) == (pytest.approx(1000, abs=20), pytest.approx(1600, abs=20))


def test_without_reports_a_queue_is_assumed(desk: Any) -> None:
    talk(desk)
    timeline = desk.opened().timeline()
    (item,) = timeline.items
    assert not timeline.measured
    assert (item.started_ms, item.stopped_ms, item.played_ms, item.reason) == (2000, 4000, 2000, "finished")
    assert len(item.pieces) == 1


def test_the_modelled_queue_is_emptied_by_a_barge_in(desk: Any) -> None:
    desk.delta(1000, "a1", tone(2000))
    desk.delta(1010, "a2", tone(500))
    desk.at(1800, "s2c", {"type": "input_audio_buffer.speech_started", "item_id": "u"})
    desk.delta(1810, "a1", tone(500))  # was on its way already
    desk.delta(5000, "a3", tone(500))
    items = desk.opened().timeline().items
    assert [(i.item_id, i.started_ms, i.stopped_ms, i.reason) for i in items] == [
        ("a1", 1000, 1800, "flushed"),
        ("a3", 5000, 5500, "finished"),
    ]


def test_late_sound_leaves_a_gap_in_the_model(desk: Any) -> None:
    desk.delta(1000, "a1", tone(500))
    desk.delta(2000, "a1", tone(500))
    (item,) = desk.opened().timeline().items
    assert [(piece.start_ms, piece.len) for piece in item.pieces] == [(1000, 12000), (2000, 12000)]


def reports(desk: Any, *events: tuple[float, str, dict[str, Any]]) -> None:
    for at_ms, name, fields in events:
        desk.at(at_ms, "local", {"type": "lab.local", "event": {"type": f"playback.{name}", **fields}})


def test_reports_beat_the_model(desk: Any) -> None:
    desk.delta(1000, "a1", tone(1000))
    desk.delta(1001, "a2", tone(1000))
    reports(
        desk,
        (1101, "started", {"item_id": "a1", "client_ms": 100}),
        (1131, "first_audible", {"item_id": "a1", "client_ms": 130}),
        (1999, "stopped", {"item_id": "a1", "reason": "flushed", "played_ms": 700, "client_ms": 800}),
    )
    recording = desk.opened()
    timeline = recording.timeline()
    (item,) = timeline.items
    assert recording.manifest.playback.measured
    assert timeline.measured
    assert item.measured
    assert (item.started_ms, item.audible_ms, item.stopped_ms) == (1101, 1131, 1801)
    assert (item.played_ms, item.received_ms, item.reason) == (700, 1000, "flushed")
    assert timeline.item("a1") == item
    assert timeline.item("a2") is None


def test_a_reported_gap_is_where_the_player_ran_dry(desk: Any) -> None:
    desk.delta(1000, "a1", tone(1000))
    reports(
        desk,
        (1000, "started", {"item_id": "a1"}),
        (1500, "underrun", {"item_id": "a1", "gap_ms": 300}),
        (2300, "stopped", {"item_id": "a1", "reason": "finished", "played_ms": 1000}),
    )
    (item,) = desk.opened().timeline().items
    assert [(piece.start_ms, piece.len) for piece in item.pieces] == [(1000, 4800), (1500, 19200)]


def test_a_recording_that_ends_while_an_answer_sounds_says_so(desk: Any) -> None:
    desk.delta(1000, "a1", tone(5000))
    reports(desk, (1000, "started", {"item_id": "a1"}))
    desk.at(3000, "s2c", {"type": "response.done"})
    (item,) = desk.opened().timeline().items
    assert (item.stopped_ms, item.played_ms, item.reason) == (3000, 2000, "unknown")


def test_stereo_is_what_a_listener_in_the_room_would_have_heard(desk: Any) -> None:
    talk(desk)
    reports(
        desk,
        (4010, "started", {"item_id": "a1", "client_ms": 2100}),
        (4010, "stopped", {"item_id": "a1", "reason": "flushed", "played_ms": 900, "client_ms": 3000}),
        (4010, "stopped", {"item_id": "nobody", "client_ms": 4010}),
    )
    left, right = desk.opened().stereo()
    assert len(left) == len(right)
    (caller,) = find_speech(left)
    (assistant,) = find_speech(right)
    assert (caller.start_ms, caller.end_ms) == (1000, 1600)
    assert (assistant.start_ms, assistant.end_ms) == (2100, 3000)
    assert right[2100:2600] == Clip.from_bytes(tone(500, hz=200).to_bytes(PCM16_24K), PCM16_24K)


def test_jitter_does_not_tear_the_callers_sound(desk: Any) -> None:
    voice = tone(4000)
    rng = np.random.default_rng(1)
    late = 0.0
    for index, piece in enumerate(voice.chunks(40)):
        late = max(0.0, late + rng.uniform(-40, 39))
        desk.append(40 * (index + 1) + min(late, 60), piece)
    left, _ = desk.opened().stereo()
    (span,) = find_speech(left, gap_ms=20)
    assert span.duration_ms == 4000


def test_a_pause_in_sending_is_a_pause_in_the_mix(desk: Any) -> None:
    desk.append(1000, tone(200))
    desk.append(3000, tone(200))
    left, right = desk.opened().stereo()
    assert [(span.start_ms, span.end_ms) for span in find_speech(left)] == [(800, 1000), (2800, 3000)]
    assert right.level_db < -100


def test_two_rates_meet_in_the_mix(desk: Any) -> None:
    desk.at(0, "c2s", {"type": "session.update", "session": {"input_audio_format": "g711_ulaw"}})
    desk.at(500, "c2s", {"type": "input_audio_buffer.append", "audio": "gICAgICA" * 500})
    desk.delta(1000, "a1", tone(300))
    left, right = desk.opened().stereo()
    assert left.rate_hz == right.rate_hz == 24000
    assert len(left) == len(right) == round(1.3 * 24000)


def test_an_empty_recording_has_an_empty_timeline(desk: Any) -> None:
    recording = desk.opened()
    assert recording.timeline().items == ()
    assert recording.stereo() == (Clip(np.zeros(0, np.float32), 24000),) * 2
