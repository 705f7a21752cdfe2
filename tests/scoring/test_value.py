from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.recording import Recording
from contoso_lab.scoring import Metric, Score, scorer
from contoso_lab.scoring.latency import model_ms, voice_to_voice_ms
from contoso_lab.scoring.value import mode_of


@pytest.mark.parametrize(
    ("score", "shown"),
    [
        (Score(0.5, n=4, reason="two of four"), "0.5 (two of four)"),
        (Score(True), "True"),
        (Score("angry", unit=""), "angry"),
        (Score(1234.4, unit="ms"), "1234 ms"),
        (Score.missing("nobody answered"), "could not tell: nobody answered"),
        (Score.error("the file is damaged"), "error: the file is damaged"),
        (Score.censored(8000, "no answer", unit="ms"), "more than 8000 ms (no answer)"),
    ],
)
def test_a_score_reads_as_a_sentence(score: Score, shown: str) -> None:
    assert repr(score) == shown


@pytest.mark.parametrize(("value", "status"), [(None, "ok"), (0.0, "skipped"), (-1.0, "error"), (0.0, "censored")])
def test_no_number_stands_in_for_a_missing_one(value: Any, status: Any) -> None:
    with pytest.raises(ScoringError):
        Score(value, status)


def test_the_decorator_takes_its_name_and_its_first_line(call: Callable[..., Any]) -> None:
    @scorer
    def long_call(recording: Recording) -> Score:
        """Whether the call took more than a second.

        Nobody reads this line.
        """
        return Score(recording.duration_ms > 1000)

    assert long_call.metric == Metric("long_call", about="Whether the call took more than a second.")
    assert long_call(call().recording()).value is True


def test_units_are_filled_in(call: Callable[..., Any]) -> None:
    @scorer(unit="ms")
    def waits(recording: Recording) -> list[Score]:
        """Two of them."""
        return [Score(1.0), Score(2.0, unit="s")]

    assert [score.unit for score in waits(call().recording())] == ["ms", "s"]


def test_a_recording_that_says_nothing_was_live(call: Callable[..., Any]) -> None:
    assert mode_of(call().recording()) == "live"


@pytest.mark.parametrize(("mode", "told"), [("live", True), ("paced", True), ("fast", False)])
def test_a_metric_refuses_the_modes_in_which_it_means_nothing(
    tent_call: Callable[..., Recording], mode: str, told: bool
) -> None:
    recording = tent_call()
    recording.manifest = recording.manifest.model_copy(update={"mode": mode})
    result = voice_to_voice_ms(recording)
    if told:
        assert all(score.status == "ok" for score in result)
    else:
        assert result.status == "skipped"
        assert "means nothing for a recording made in mode 'fast'" in result.reason
    # What the model itself took can be told in every mode.
    assert all(score.status == "ok" for score in model_ms(recording))


def test_an_unknown_mode_is_an_error_and_no_guess(tent_call: Callable[..., Recording]) -> None:
    recording = tent_call()
    recording.manifest = recording.manifest.model_copy(update={"mode": "sideways"})
    with pytest.raises(ScoringError, match="sideways"):
        voice_to_voice_ms(recording)
