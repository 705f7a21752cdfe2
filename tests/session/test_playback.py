from __future__ import annotations

import numpy as np
import pytest

from contoso_lab.errors import AudioError
from contoso_lab.session.playback import Cut, Playback, first_audible_ms

SOUND = np.full(2400, 0.3, np.float32)  # 100 ms
QUIET = np.zeros(2400, np.float32)


def told(events: list) -> list[tuple[str, float]]:
    return [(event.type.removeprefix("playback."), event.at_ms) for event in events]


def test_a_reply_sounds_at_once_and_stops_when_all_of_it_was_heard() -> None:
    speaker = Playback()
    speaker.push("a", "r", SOUND, at_ms=1000)
    speaker.push("a", "r", SOUND, at_ms=1000)
    speaker.finish("a")
    assert told(speaker.advance(1000)) == [("started", 1000), ("first_audible", 1000)]
    assert not speaker.idle
    assert told(speaker.advance(1500)) == [("stopped", 1200)]
    assert speaker.idle


def test_leading_silence_delays_what_is_audible_not_what_is_played() -> None:
    speaker = Playback()
    speaker.push("a", "r", np.concatenate([QUIET, SOUND]), at_ms=0)
    assert told(speaker.advance(50)) == [("started", 0)]
    assert speaker.next_due_ms() == pytest.approx(100)
    assert told(speaker.advance(150)) == [("first_audible", pytest.approx(100))]


def test_cutting_in_says_how_much_was_heard() -> None:
    speaker = Playback()
    for _ in range(10):
        speaker.push("a", "r", SOUND, at_ms=0)
    cut, events = speaker.flush(at_ms=333)
    assert cut == Cut("a", 333)
    assert told(events)[-1] == ("stopped", 333)
    assert events[-1].fields["reason"] == "flushed"
    assert speaker.idle


def test_cutting_in_says_what_was_never_heard() -> None:
    speaker = Playback()
    for item in ("a", "b", "c"):
        speaker.push(item, "r", SOUND, at_ms=0)
    assert speaker.flush(at_ms=50)[0] == Cut("a", 50, ("b", "c"))
    speaker.push("d", "r", SOUND, at_ms=60)
    assert speaker.flush(at_ms=60.5)[0] == Cut("d", 0.5, ("d",))


def test_cutting_into_silence_cuts_nothing() -> None:
    cut, events = Playback().flush(at_ms=10)
    assert cut is None
    assert events == []


def test_a_late_piece_is_an_underrun_with_its_gap() -> None:
    speaker = Playback()
    speaker.push("a", "r", SOUND, at_ms=0)
    speaker.advance(160)
    speaker.push("a", "r", SOUND, at_ms=160)
    events = speaker.advance(160)
    assert told(events) == [("underrun", 160)]
    assert events[0].fields["gap_ms"] == pytest.approx(60)
    speaker.finish("a")
    assert told(speaker.advance(400)) == [("stopped", 260)]


def test_two_replies_follow_one_another() -> None:
    speaker = Playback()
    speaker.push("a", "r1", SOUND, at_ms=0)
    speaker.push("b", "r2", SOUND, at_ms=0)
    speaker.finish("b")
    assert told(speaker.advance(300)) == [
        ("started", 0), ("first_audible", 0), ("stopped", 100),
        ("started", 100), ("first_audible", 100), ("stopped", 200),
    ]  # fmt: skip


def test_an_idle_speaker_starts_at_the_time_of_the_push() -> None:
    speaker = Playback()
    speaker.advance(5000)
    speaker.push("a", "r", SOUND, at_ms=7000)
    assert told(speaker.advance(7000))[0] == ("started", 7000)


def test_time_does_not_run_backwards() -> None:
    speaker = Playback()
    speaker.advance(100)
    with pytest.raises(AudioError, match="cannot go back"):
        speaker.advance(50)


def test_first_audible_is_found_to_a_frame() -> None:
    assert first_audible_ms(np.concatenate([QUIET, SOUND]), 24_000) == pytest.approx(100)
    assert first_audible_ms(QUIET, 24_000) is None
    assert first_audible_ms(np.zeros(0, np.float32), 24_000) is None


def test_what_arrives_of_a_reply_that_was_cut_is_not_played() -> None:
    speaker = Playback()
    speaker.push("a", "r1", SOUND, at_ms=0)
    speaker.push("b", "r2", SOUND, at_ms=0)
    speaker.flush(at_ms=50)
    speaker.push("a", "r1", SOUND, at_ms=60)
    speaker.push("b", "r2", SOUND, at_ms=60)
    assert speaker.idle
    speaker.push("c", "r3", SOUND, at_ms=70)
    assert [event.fields["item_id"] for event in speaker.advance(70)] == ["c", "c"]


def test_an_empty_piece_is_no_sound_and_nothing_is_due() -> None:
    speaker = Playback()
    speaker.push("a", "r", np.zeros(0, np.float32), at_ms=0)
    assert speaker.idle
    assert speaker.next_due_ms() is None
    assert speaker.advance(10) == []


def test_a_response_ends_all_of_its_replies_and_no_other() -> None:
    speaker = Playback()
    speaker.push("a", "r1", SOUND, at_ms=0)
    speaker.push("b", "r2", SOUND, at_ms=0)
    speaker.finish_response("r1")
    assert told(speaker.advance(500))[-1] == ("first_audible", 100)
    speaker.finish_response("r2")
    assert told(speaker.advance(500))[-1] == ("stopped", 200)


def test_a_push_does_not_turn_time_back() -> None:
    speaker = Playback()
    speaker.push("a", "r1", SOUND, at_ms=0)
    speaker.finish("a")
    speaker.advance(150)  # the player was asked while the reader reported
    speaker.push("b", "r2", SOUND, at_ms=140)
    assert told(speaker.advance(150))[0] == ("started", 150)
