from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contoso_lab.recording import Recording
from contoso_lab.scoring import score
from contoso_lab.scoring.speech import wer

Make = Callable[..., Any]


def test_each_turn_has_its_rate_and_the_words_it_came_from(tent_call: Callable[..., Recording]) -> None:
    first, second = wer(tent_call())
    assert (first.value, first.n) == (pytest.approx(1 / 7), 7)
    assert first.reason == "1 wrong, 0 missing, 0 added of 7; whisper-english+shield-2"
    assert (second.value, second.n) == (0.0, 5)


def test_the_summary_is_the_corpus_rate(tent_call: Callable[..., Recording]) -> None:
    assert score(tent_call(), wer).summary("wer").estimate.value == pytest.approx(1 / 12)


def test_without_labels_it_cannot_be_told(call: Make) -> None:
    score = wer(call().recording())
    assert score.status == "skipped"
    assert "labelled" in score.reason


def test_a_split_turn_a_missed_turn_and_a_ghost(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 5000, "I need a tent", label=False)
    talk.speaks(5900, 7000, "for four people", label=False)
    talk.labelled = [{"text": "I need a tent for four people", "start_ms": 4000, "end_ms": 7000}]
    talk.hears("u1", 4000, 5000, "I need a tent")
    talk.hears("u2", 5900, 7000, "for 4 people")
    talk.speaks(10000, 10400, "yes please")
    talk.hears("ghost", 15000, 15500, "Thank you.")
    talk.speaks(20000, 21000, "that is all")
    talk.hears("u3", 20000, 21000, "that is all")
    split, missed, last, ghost = wer(talk.recording(labels={}))
    assert (split.turn, split.value) == (0, 0.0)
    assert (missed.turn, missed.value, missed.n) == (1, 1.0, 2)
    assert missed.reason.startswith("the server never noticed this turn")
    assert (last.turn, last.value) == (2, 0.0)
    assert (ghost.status, ghost.reason) == ("skipped", "heard 'Thank you.' where nobody spoke")


def test_a_transcript_that_failed_is_an_error_and_not_silence(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 5000, "I need a tent")
    talk.hears("u1", 4000, 5000, None)
    (failed,) = wer(talk.recording(labels={}))
    assert failed.status == "error"


def test_labels_without_times_cannot_be_laid_over_the_sound(call: Make) -> None:
    talk = call()
    talk.labelled = [{"text": "I need a tent"}]
    assert wer(talk.recording(labels={})).status == "skipped"
