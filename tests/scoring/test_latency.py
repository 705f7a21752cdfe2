from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contoso_lab.recording import Recording
from contoso_lab.scoring.features import features
from contoso_lab.scoring.latency import ledger, turn_latencies, voice_to_voice_ms, voice_to_voice_tool_ms
from contoso_lab.scoring.moments import setup_ms, suggestion_latency_ms

Make = Callable[..., Any]


def test_the_parts_add_up_and_are_the_ones_we_put_in(tent_call: Callable[..., Recording]) -> None:
    first, second = ledger(tent_call())
    assert (first.turn, first.user_item_ids, first.answer_item_id) == (0, ("u1",), "a1")
    # 500 ms of waiting for silence, 300 of model, 60 of buffer, 100 of quiet in front.
    assert first.parts_ms == pytest.approx((500, 300, 60, 100), abs=1)
    assert first.v2v_ms == pytest.approx(960, abs=1)
    assert second.v2v_ms == pytest.approx(1060, abs=1)
    assert first.consistent
    assert first.measured
    assert first.reason == ""


def test_the_greeting_answers_nobody(tent_call: Callable[..., Recording]) -> None:
    assert "hello" not in {entry.answer_item_id for entry in ledger(tent_call())}


@pytest.mark.parametrize(("off_ms", "consistent"), [(0, True), (20, True), (-20, True), (45, False), (-60, False)])
def test_a_sum_that_misses_by_more_than_a_frame_is_flagged(call: Make, off_ms: float, consistent: bool) -> None:
    talk = call()
    talk.speaks(4000, 6000, "hello")
    talk.answers("a1", talk.hears("u1", 4000, 6000, "hello"), "Hello.", audible_off_ms=off_ms)
    (entry,) = ledger(talk.recording())
    assert entry.consistent is consistent
    assert ("inconsistent" in entry.reason) is not consistent
    assert entry.v2v_ms == pytest.approx(960 + off_ms, abs=1)


def test_a_late_commit_is_a_gap_in_the_ledger_and_flagged(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 6000, "hello")
    talk.answers("a1", talk.hears("u1", 4000, 6000, "hello", late_ms=80), "Hello.")
    (entry,) = ledger(talk.recording())
    assert not entry.consistent
    assert entry.reason == (
        "inconsistent: the parts miss the whole by +80 ms; the server closed the turn 80 ms after it noticed the end"
    )


def test_an_unanswered_turn_is_censored_and_not_dropped(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 6000, "hello")
    talk.hears("u1", 4000, 6000, "hello")
    talk.speaks(15000, 16000, "are you there")
    talk.answers("a2", talk.hears("u2", 15000, 16000, "are you there"), "Yes.")
    silent, answered = voice_to_voice_ms(talk.recording(labels={}))
    assert silent.status == "censored"
    assert silent.value is None
    assert silent.at_least == pytest.approx(9000, abs=1)
    assert answered.status == "ok"


def test_a_turn_that_the_server_missed_keeps_its_place(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 4600, "hello")
    talk.speaks(9000, 10000, "a tent please")
    talk.answers("a2", talk.hears("u2", 9000, 10000, "a tent please"), "Sure.")
    missed, answered = voice_to_voice_ms(talk.recording(labels={}))
    assert (missed.turn, missed.status, missed.reason) == (0, "censored", "the server never noticed this turn")
    assert (answered.turn, answered.status) == (1, "ok")


@pytest.mark.parametrize("labelled", [True, False])
def test_a_turn_cut_in_two_is_one_wait_from_its_real_end(call: Make, labelled: bool) -> None:
    talk = call()
    talk.speaks(4000, 5000, "I need a tent")
    talk.speaks(5900, 7000, "for four people")
    talk.labelled = [{"text": "I need a tent for four people", "start_ms": 4000, "end_ms": 7000}]
    talk.hears("u1", 4000, 5000, "I need a tent")
    talk.answers("a2", talk.hears("u2", 5900, 7000, "for four people"), "Sure.")
    (entry,) = ledger(talk.recording(labels={} if labelled else None))
    assert entry.user_item_ids == ("u1", "u2")
    assert entry.v2v_ms == pytest.approx(960, abs=1)
    assert entry.consistent


def test_speaking_over_the_caller_is_negative_and_not_clamped(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 8000, "I need a tent and also a stove")
    talk.answers("a1", talk.hears("u1", 4000, 5500, "I need a tent", after_ms=200), "Sure.", sound_ms=4000)
    (score,) = voice_to_voice_ms(talk.recording())
    assert score.status == "ok"
    assert score.value == pytest.approx(5700 + 460 - 8000, abs=1)


def test_noise_that_was_heard_as_a_turn_is_no_wait(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 6000, "hello")
    talk.answers("a1", talk.hears("u1", 4000, 6000, "hello"), "Hello.")
    talk.hears("ghost", 12000, 12500, "Thank you.")
    recording = talk.recording(labels={})
    assert [entry.status for entry in ledger(recording)] == ["answered", "unknown"]
    assert [score.turn for score in voice_to_voice_ms(recording)] == [0]


def test_turns_with_a_tool_stand_apart(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 6000, "hello")
    talk.answers("a1", talk.hears("u1", 4000, 6000, "hello"), "Hello.", tool=True, model_ms=2000)
    recording = talk.recording()
    assert voice_to_voice_ms(recording).status == "skipped"
    (score,) = voice_to_voice_tool_ms(recording)
    assert score.value == pytest.approx(2660, abs=1)


def test_without_reports_a_plain_queue_is_assumed_and_said(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 6000, "hello")
    talk.answers("a1", talk.hears("u1", 4000, 6000, "hello"), "Hello.", report=False)
    (entry,) = ledger(talk.recording())
    assert entry.start_buffer_ms == 0
    assert not entry.measured
    assert "model's guess" in entry.reason


def test_an_answer_that_was_never_played_is_no_answer(call: Make) -> None:
    talk = call()
    talk.answers("hello", 200, "Hi.")
    talk.speaks(4000, 6000, "hello")
    talk.answers("a1", talk.hears("u1", 4000, 6000, "hello"), "Hello.", report=False)
    (score,) = voice_to_voice_ms(talk.recording())
    assert score.status == "censored"


def test_labels_of_another_clock_are_laid_over_the_sound(call: Make) -> None:
    talk = call()
    for start, length in ((6000, 1500), (12000, 900)):
        talk.speaks(start, start + length, "words", label=False)
        talk.labelled.append({"text": "words", "start_ms": start - 3740, "end_ms": start - 3740 + length})
    talk.answers("a1", talk.hears("u1", 6000, 7500, "words"), "Yes.")
    talk.answers("a2", talk.hears("u2", 12000, 12900, "words"), "Yes.")
    assert [entry.v2v_ms for entry in ledger(talk.recording(labels={}))] == pytest.approx([960, 960], abs=1)


def test_the_table_has_a_row_for_every_turn(tent_call: Callable[..., Recording]) -> None:
    table = turn_latencies(tent_call())
    assert list(table["turn"]) == [0, 1]
    assert table["consistent"].all()
    parts = ["endpointing_ms", "model_ms", "start_buffer_ms", "leading_silence_ms"]
    assert table[parts].sum(axis=1).tolist() == pytest.approx(table["v2v_ms"].tolist(), abs=20)


def test_an_empty_call_has_an_empty_table(call: Make) -> None:
    recording = call().recording()
    assert turn_latencies(recording).empty
    assert voice_to_voice_ms(recording).status == "skipped"


def test_the_page_is_timed_from_the_cue(tent_call: Callable[..., Recording]) -> None:
    score = suggestion_latency_ms(tent_call())
    assert score.value == pytest.approx(3000, abs=1)
    assert score.reason == "from the end of turn 1"


@pytest.mark.parametrize(
    ("page_ms", "status", "value"), [(None, "censored", None), (7500, "ok", -500.0), (9000, "ok", 1000.0)]
)
def test_a_page_too_early_or_never(call: Make, page_ms: float | None, status: str, value: float | None) -> None:
    talk = call(length_ms=12_000)
    talk.speaks(6000, 8000, "show me the tent")
    talk.hears("u1", 6000, 8000, "show me the tent")
    if page_ms is not None:
        talk.shows(page_ms, "TEN-02")
    score = suggestion_latency_ms(talk.recording(labels={"cue_turn": 0}))
    assert score.status == status
    assert score.value == (None if value is None else pytest.approx(value, abs=1))
    if status == "censored":
        assert score.at_least == pytest.approx(4000, abs=1)


def test_setup_is_until_the_first_word(tent_call: Callable[..., Recording], call: Make) -> None:
    score = setup_ms(tent_call())
    # The greeting's response at 200, its sound 300 later, 60 of buffer, 100 of quiet.
    assert score.value == pytest.approx(660, abs=1)
    assert score.reason == "the session was ready after 100 ms"
    talk = call()
    talk.speaks(1000, 2000, "hello")
    talk.answers("a1", talk.hears("u1", 1000, 2000, "hello"), "Hello.")
    assert setup_ms(talk.recording(name="other")).status == "skipped"


@pytest.mark.parametrize("quiet_ms", [100, 1980, 3500])
def test_the_quiet_before_an_answer_is_found_however_long_it_is(call: Callable[..., Any], quiet_ms: int) -> None:
    made = call(length_ms=500)
    made.answers("a1", 1000, "Yes.", quiet_ms=quiet_ms)
    found = features(made.recording())
    assert found.leading_silence_ms("a1") == quiet_ms
    assert found.leading_silence_ms("nobody") is None
