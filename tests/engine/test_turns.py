from __future__ import annotations

import pytest

from contoso_lab.engine.endings import Ending
from contoso_lab.engine.turns import (
    TurnDetector,
    TurnPaused,
    TurnResumed,
    TurnSettings,
    TurnStarted,
    TurnStopped,
)

QUIET, VOICE = 0.02, 0.95


def play(settings: TurnSettings, *runs: tuple[float, int]) -> list[object]:
    detector = TurnDetector(settings)
    frames = [probability for probability, count in runs for _ in range(count)]
    return [event for event in map(detector.push, frames) if event is not None]


@pytest.mark.parametrize(
    ("runs", "kinds"),
    [
        ([(QUIET, 100)], []),
        ([(VOICE, 2), (QUIET, 100)], []),  # a click
        ([(VOICE, 2), (QUIET, 1), (VOICE, 2), (QUIET, 50)], []),  # two clicks
        ([(VOICE, 3)], [TurnStarted]),
        ([(VOICE, 10), (QUIET, 5), (VOICE, 10)], [TurnStarted]),  # a stop consonant is no pause
        ([(VOICE, 10), (QUIET, 8), (VOICE, 10)], [TurnStarted, TurnPaused, TurnResumed]),
        ([(VOICE, 10), (QUIET, 20)], [TurnStarted, TurnPaused, TurnStopped]),
        ([(VOICE, 10), (QUIET, 20), (VOICE, 3)], [TurnStarted, TurnPaused, TurnStopped, TurnStarted]),
    ],
)
def test_what_a_row_of_frames_means(runs: list[tuple[float, int]], kinds: list[type]) -> None:
    assert [type(event) for event in play(TurnSettings(), *runs)] == kinds


def test_the_threshold_is_lower_for_going_on_than_for_starting() -> None:
    assert play(TurnSettings(threshold=0.5), (0.4, 100)) == []
    assert [type(e) for e in play(TurnSettings(threshold=0.5), (0.5, 3), (0.4, 100))] == [TurnStarted]


def test_a_short_window_needs_no_guess() -> None:
    events = play(TurnSettings(silence_ms=160), (VOICE, 10), (QUIET, 5))
    assert events[1:] == [TurnStopped(10 * 32 + 160)]


def test_the_prefix_does_not_reach_into_the_turn_before() -> None:
    settings = TurnSettings(prefix_padding_ms=5000, silence_ms=320)
    first, _, stopped, second = play(settings, (VOICE, 10), (QUIET, 15), (VOICE, 3))
    assert first == TurnStarted(0)
    assert isinstance(stopped, TurnStopped)
    assert second == TurnStarted(stopped.audio_end_ms)


def test_after_a_restart_speech_must_begin_anew() -> None:
    detector = TurnDetector(TurnSettings())
    for _ in range(5):
        detector.push(VOICE)
    detector.restart(at_ms=160)
    assert not detector.speaking
    assert [detector.push(VOICE) for _ in range(3)][-1] == TurnStarted(160)


def test_words_that_come_late_end_a_turn_that_has_waited_enough() -> None:
    detector = TurnDetector(TurnSettings(prefix_padding_ms=0, silence_ms=320, longest_wait_ms=4000))
    for probability in [0.9] * 20 + [0.1] * 9:
        detector.push(probability)
    assert detector.sounds("done") is None  # not quiet for long enough
    assert detector.sounds("open") is None
    detector.push(0.1)
    assert detector.sounds("done") == TurnStopped(30 * 32)
    assert not detector.speaking
    assert detector.sounds("done") is None


@pytest.mark.parametrize(("ending", "frames"), [("done", 10), ("maybe", 25), ("open", 125)])
def test_words_decide_how_long_is_waited(ending: Ending, frames: int) -> None:
    detector = TurnDetector(TurnSettings(prefix_padding_ms=0, silence_ms=320, longest_wait_ms=4000))
    for _ in range(20):
        detector.push(0.9)
    detector.sounds(ending)
    quiet = [detector.push(0.1) for _ in range(frames)]
    assert isinstance(quiet[-1], TurnStopped)
    assert not any(isinstance(event, TurnStopped) for event in quiet[:-1])


@pytest.mark.parametrize("ending", ["done", "maybe", "open"])
def test_server_vad_does_not_listen_to_words(ending: Ending) -> None:
    detector = TurnDetector(TurnSettings(prefix_padding_ms=0, silence_ms=320))
    for _ in range(20):
        detector.push(0.9)
    detector.sounds(ending)
    assert isinstance([detector.push(0.1) for _ in range(10)][-1], TurnStopped)
