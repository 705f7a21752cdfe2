from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contoso_lab.scoring.curves import (
    deepeval_v1,
    eva_count_v1,
    eva_latency_v1,
    eva_overlap_v1,
    eva_yield_v1,
    turn_taking_deepeval_v1,
    turn_taking_eva_v1,
)
from contoso_lab.scoring.playing import bargein_cancel_ms, bargein_stop_ms, truncation_error_ms
from contoso_lab.scoring.turn_taking import (
    agent_interrupt_rate,
    dead_air_per_min,
    false_interruption_rate,
    floor_transfer,
    overlap_ratio,
    premature_endpoint_rate,
    recovery_latency_ms,
    response_rate,
    yield_rate,
)

Make = Callable[..., Any]


def _cut_in(call: Make, *, stop_after_ms: float | None, told_ms: float = 1500) -> Any:
    """A reply of four seconds, audible from 6.96 s on, into which the caller speaks at 8.5 s."""
    talk = call()
    talk.speaks(4000, 6000, "a tent please")
    closed = talk.hears("u1", 4000, 6000, "a tent please")
    talk.answers("a1", closed, "There are four of them.", sound_ms=4000, stopped_after_ms=stop_after_ms)
    talk.speaks(8500, 9500, "no wait")
    talk.add(9400, "c2s", {"type": "conversation.item.truncate", "item_id": "a1", "audio_end_ms": told_ms})
    talk.answers("a2", talk.hears("u2", 8500, 9500, "no wait"), "Yes?")
    return talk.recording(labels={})


def test_a_barge_in_is_timed_at_the_ear(call: Make) -> None:
    # Played from 6860 on for 2040 ms: silent at 8900, 400 ms after the caller began.
    recording = _cut_in(call, stop_after_ms=2040, told_ms=2000)
    (stop,) = bargein_stop_ms(recording)
    assert (stop.status, stop.turn) == ("ok", 1)
    assert stop.value == pytest.approx(400, abs=25)
    (noticed,) = bargein_cancel_ms(recording)
    assert noticed.value == pytest.approx(100, abs=1)
    (yielded,) = yield_rate(recording)
    assert yielded.value is True
    (error,) = truncation_error_ms(recording)
    assert error.value == pytest.approx(2000 - 2040, abs=1)


def test_a_reply_that_talks_on_is_censored_and_has_not_yielded(call: Make) -> None:
    recording = _cut_in(call, stop_after_ms=None)
    (stop,) = bargein_stop_ms(recording)
    # Audible from 6960 to 10960; the caller began at 8500.
    assert (stop.status, stop.at_least) == ("censored", pytest.approx(2460, abs=25))
    (yielded,) = yield_rate(recording)
    assert yielded.value is False
    (told,) = truncation_error_ms(recording)
    assert told.value == pytest.approx(1500 - 4100, abs=1)


def test_the_share_of_answered_turns_counts_the_last_one_too(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 6000, "hello")
    talk.answers("a1", talk.hears("u1", 4000, 6000, "hello"), "Hello.")
    talk.speaks(12000, 13000, "are you there")
    talk.hears("u2", 12000, 13000, "are you there")
    assert [score.value for score in response_rate(talk.recording(labels={}))] == [True, False]


def test_who_hangs_up_at_once_expected_no_answer(call: Make) -> None:
    talk = call(length_ms=14_000)
    talk.speaks(4000, 6000, "hello")
    talk.answers("a1", talk.hears("u1", 4000, 6000, "hello"), "Hello.")
    talk.speaks(12000, 13000, "bye")
    talk.hears("u2", 12000, 13000, "bye")
    assert [score.status for score in response_rate(talk.recording(labels={}))] == ["ok", "skipped"]


def test_an_assistant_that_cuts_in_is_counted_with_its_overlap(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 9000, "I need a tent, and also a stove and a table")
    closed = talk.hears("u1", 4000, 5500, "I need a tent", after_ms=200)
    talk.answers("a1", closed, "Sure.", sound_ms=1000)
    talk.hears("u2", 6000, 9000, "and also a stove and a table")
    talk.answers("a2", 9500, "Here they are.")
    recording = talk.recording(labels={})
    (cuts,) = agent_interrupt_rate(recording)
    assert cuts.value == 1.0
    assert cuts.reason == "1000 ms of talking over"
    (recovered,) = recovery_latency_ms(recording)
    assert recovered.value == pytest.approx(9960 - 9000, abs=25)
    (eva,) = turn_taking_eva_v1(recording)
    # min(overlap 1000 ms → 0.25, one cut-in → 0.5, settled after 960 ms → 1).
    assert eva.value == pytest.approx(0.25, abs=0.01)
    (premature,) = premature_endpoint_rate(recording)
    assert premature.value is False  # no pause in the sound: the detector was wrong in another way


def test_a_breath_that_was_taken_for_the_end(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 5000, "I need a tent", label=False)
    talk.speaks(5900, 7000, "for four people", label=False)
    talk.labelled = [{"text": "I need a tent for four people", "start_ms": 4000, "end_ms": 7000}]
    closed = talk.hears("u1", 4000, 5000, "I need a tent")
    talk.add(closed, "s2c", {"type": "response.created", "response": {"id": "r_cut", "conversation_id": "c"}})
    talk.answers("a2", talk.hears("u2", 5900, 7000, "for four people"), "Sure.")
    (cut,) = premature_endpoint_rate(talk.recording(labels={}))
    assert cut.value is True
    assert "400 ms later" in cut.reason


@pytest.mark.parametrize(("stop_ms", "false_stop"), [(1700, True), (None, False)])
def test_a_murmur_that_stops_the_assistant_is_a_false_interruption(
    call: Make, stop_ms: float | None, false_stop: bool
) -> None:
    talk = call()
    talk.speaks(4000, 6000, "a tent please")
    closed = talk.hears("u1", 4000, 6000, "a tent please")
    talk.answers("a1", closed, "There are four of them.", sound_ms=4000, stopped_after_ms=stop_ms)
    talk.speaks(8000, 8300, "mm-hm", label=False)
    events = [{"kind": "backchannel", "start_ms": 8000, "end_ms": 8300, "text": "mm-hm"}]
    (score,) = false_interruption_rate(talk.recording(labels={"events": events}))
    assert score.value is false_stop


def test_silence_of_both_sides_is_dead_air_and_two_voices_are_overlap(call: Make) -> None:
    talk = call(length_ms=40_000)
    talk.speaks(2000, 6000, "hello")
    talk.answers("a1", 5340, "Hello.", quiet_ms=0, model_ms=100, buffer_ms=60, sound_ms=1500)  # sounds from 5500
    talk.speaks(17_000, 32_000, "a long story")
    recording = talk.recording(labels={})
    overlap = overlap_ratio(recording)
    # 500 ms of both, 2000 to 7000 and 17000 to 32000 of anybody.
    assert overlap.value == pytest.approx(500 / 20_000, abs=0.002)
    dead = dead_air_per_min(recording)
    assert dead.value == pytest.approx(1 / 0.5, rel=0.01)
    assert "the longest 10.0 s" in dead.reason


def test_offsets_are_sorted_and_not_averaged(tent_call: Callable[..., Any]) -> None:
    assert [score.value for score in floor_transfer(tent_call(model_ms=(300, 2400)))] == ["usual", "slow"]


@pytest.mark.parametrize(
    ("latency_ms", "tool", "expected"),
    [
        (-1000, False, 0.0), (-500, False, 0.0), (-200, False, 0.3), (0, False, 0.5), (200, False, 0.7),
        (500, False, 1.0), (2000, False, 1.0), (2500, False, 0.6667), (3000, False, 0.3333), (3500, False, 0.0),
        (3000, True, 1.0), (3500, True, 0.75), (4500, True, 0.25), (5000, True, 0.0),
    ],
)  # fmt: skip
def test_evas_latency_curve(latency_ms: float, tool: bool, expected: float) -> None:
    assert eva_latency_v1(latency_ms, tool=tool) == pytest.approx(expected, abs=1e-4)


def test_evas_other_curves() -> None:
    assert [eva_overlap_v1(ms) for ms in (0, 200, 500, 1000, 2000)] == pytest.approx([0.5, 0.45, 0.375, 0.25, 0])
    assert [eva_yield_v1(ms) for ms in (0, 200, 600, 1000, 2000)] == pytest.approx([1, 0.9, 0.7, 0.5, 0])
    assert [eva_count_v1(n) for n in (1, 2, 3, 10)] == [0.5, 0.25, 0, 0]


def test_the_same_gap_is_another_number_by_another_curve() -> None:
    assert (eva_latency_v1(200), round(deepeval_v1(200), 2)) == (0.7, 0.92)
    assert (eva_latency_v1(2000), round(deepeval_v1(2000), 2)) == (1.0, 0.45)


def test_curves_over_a_call(tent_call: Callable[..., Any]) -> None:
    recording = tent_call()
    assert [score.value for score in turn_taking_eva_v1(recording)] == [1.0, 1.0]
    score = turn_taking_deepeval_v1(recording)
    assert score.n == 4
    assert 0 < score.value < 1


def test_a_replay_without_pauses_has_no_turn_taking(tent_call: Callable[..., Any]) -> None:
    assert response_rate(tent_call(mode="fast")).status == "skipped"
    assert premature_endpoint_rate(tent_call(mode="cassette", name="other")).status == "skipped"
