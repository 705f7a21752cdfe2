"""What is drawn is what was scored."""

from __future__ import annotations

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.report.charts import by_slice, calibration, paired_dots, waits_ecdf
from contoso_lab.scoring.scores import Row, Scores
from contoso_lab.scoring.value import Metric

WAIT = Metric("voice_to_voice_ms", "ms", lower_is_better=True, aggregate="median")


def run(waits: dict[str, list[float | None]]) -> Scores:
    """Scores of calls; None is a turn that was given up after four seconds."""
    rows = [
        Row("voice_to_voice_ms", call, call, turn, wait, "ok", 1, "", "ms")
        if wait is not None
        else Row("voice_to_voice_ms", call, call, turn, None, "censored", 1, "", "ms", 4000.0)
        for call, found in waits.items()
        for turn, wait in enumerate(found)
    ]
    return Scores(rows, {WAIT.name: WAIT})


def test_the_share_that_was_answered_counts_what_was_given_up() -> None:
    figure = waits_ecdf({"voice": run({"a": [100.0, 200.0], "b": [300.0, None]})})
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(np.unique(line.get_ydata()), [0, 0.25, 0.5, 0.75])
    tick = figure.axes[0].lines[1]
    assert tick.get_xdata() == [4000.0]
    assert tick.get_ydata() == [pytest.approx(0.75)]


def test_each_call_goes_from_its_first_wait_to_its_second() -> None:
    figure = paired_dots(run({"a": [100.0, 200.0], "b": [500.0]}), run({"a": [400.0, 200.0], "b": [450.0]}), WAIT.name)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"], "the largest change is on top"
    dots = [float(line.get_xdata()[0]) for line in axes.lines]
    assert dots == [500.0, 450.0, 150.0, 300.0]
    assert "+83 ms" in axes.get_title(loc="left"), "(300 + 0 − 50) / 3"


def test_a_slice_of_few_calls_has_no_interval() -> None:
    waits: dict[str, list[float | None]] = {f"c{number}": [100.0 + number, 120.0] for number in range(9)}
    slices = {call: "quiet" if number < 6 else "noise" for number, call in enumerate(waits)}
    axes = by_slice(run(waits), WAIT.name, slices).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["noise  (3 calls)", "quiet  (6 calls)"]
    intervals = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert len(intervals) == 1
    low, high = intervals[0].get_xdata()
    assert low < np.mean([value for call in list(waits)[:6] for value in waits[call] if value]) < high


def test_people_are_drawn_where_they_stand() -> None:
    axes = calibration([1, 1, 5], [1, 2, 4]).axes[0]
    means = {line.get_xdata()[0]: line.get_ydata()[0] for line in axes.lines if line.get_marker() == "D"}
    assert means == {1: 1.5, 5: 4.0}


def test_what_cannot_be_drawn_is_told() -> None:
    scores = run({"a": [None]})
    with pytest.raises(ScoringError, match="not one voice_to_voice_ms was told"):
        waits_ecdf({"voice": scores})
    with pytest.raises(ScoringError, match="one to 5 runs"):
        waits_ecdf({})
    with pytest.raises(ScoringError, match="share no call"):
        paired_dots(run({"a": [1.0]}), run({"b": [1.0]}), WAIT.name)
    with pytest.raises(ScoringError, match="no call with a voice_to_voice_ms is in any slice"):
        by_slice(run({"a": [1.0]}), WAIT.name, {})
    with pytest.raises(ScoringError, match="each item needs both scores"):
        calibration([1], [])
