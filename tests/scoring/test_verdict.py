from __future__ import annotations

import numpy as np
import pytest

from contoso_lab.scoring.paired import per_call, sign_flip
from contoso_lab.scoring.stats import Estimate, mean_interval
from contoso_lab.scoring.verdict import judge

DOWN = Estimate(-300.0, -420.0, -180.0, n=48, clusters=8, se=50.0)
UP = Estimate(300.0, 180.0, 420.0, n=48, clusters=8, se=50.0)
FLAT = Estimate(20.0, -60.0, 100.0, n=48, clusters=8, se=35.0)


@pytest.mark.parametrize(
    ("difference", "p", "lower_is_better", "margin", "word"),
    [
        (DOWN, 0.008, True, None, "better"),
        (DOWN, 0.008, False, None, "worse"),
        (UP, 0.008, True, None, "worse"),
        (UP, 0.008, False, None, "better"),
        (UP, 0.2, False, None, "not shown"),
        (FLAT, 0.6, True, None, "not shown"),
        (FLAT, 0.6, True, 100.0, "equivalent"),
        (FLAT, 0.6, True, 50.0, "not shown"),
        # p at the level, but the interval holds zero: both are needed.
        (FLAT, 0.03, True, None, "not shown"),
    ],
)
def test_words(difference: Estimate, p: float, lower_is_better: bool, margin: float | None, word: str) -> None:
    assert judge(difference, p, lower_is_better=lower_is_better, margin=margin).word == word


@pytest.mark.parametrize(
    ("clusters", "metrics", "word"), [(1, 1, "few"), (5, 1, "few"), (6, 1, "say"), (8, 8, "few"), (9, 8, "say")]
)
def test_too_few_calls_is_said_before_anything_else(clusters: int, metrics: int, word: str) -> None:
    difference = Estimate(-300.0, -301.0, -299.0, n=60, clusters=clusters, se=None if clusters == 1 else 0.5)
    verdict = judge(difference, 0.01, lower_is_better=True, metrics=metrics)
    assert (verdict.word == "too few calls to say") == (word == "few")


def test_one_call_asks_for_five_more() -> None:
    verdict = judge(Estimate(-300.0, n=6, clusters=1), 1.0, lower_is_better=True)
    assert verdict.more_calls == 5
    assert verdict.because == "there is one pair of calls; 5 more calls could show it"


def test_not_shown_says_how_many_more_calls_would_do() -> None:
    verdict = judge(Estimate(-50.0, -150.0, 50.0, n=48, clusters=8, se=42.0), 0.3, lower_is_better=True)
    # (1.96+0.84)² · (42·√8)² / 50² = 44.3, so 45 in all.
    assert verdict.more_calls == 37
    assert "37 more calls" in verdict.because


def test_no_plan_is_made_for_thousands_of_calls() -> None:
    verdict = judge(Estimate(-0.5, -100.0, 99.0, n=48, clusters=8, se=42.0), 0.9, lower_is_better=True)
    assert verdict.more_calls is None
    assert "over 2000" in verdict.because


def test_identical_runs_are_said_to_be_the_same() -> None:
    verdict = judge(Estimate(0.0, 0.0, 0.0, n=48, clusters=8, se=0.0), 1.0, lower_is_better=True)
    assert verdict.word == "not shown"
    assert verdict.because == "the two are the same in all 48 pairs"


def test_two_equal_runs_are_seldom_told_apart() -> None:
    rng = np.random.default_rng(21)
    calls, turns, runs = 8, 6, 300
    clusters = np.repeat(np.arange(calls), turns).tolist()
    alarms = 0
    for _ in range(runs):
        difference = (rng.normal(0, 0.5, (calls, 1)) + rng.normal(0, 0.5, (calls, turns))).ravel()
        p = sign_flip(per_call(difference, clusters, robust=False))
        word = judge(mean_interval(difference, clusters, rng), p, lower_is_better=True).word
        alarms += word in ("better", "worse")
    assert alarms / runs <= 0.07
