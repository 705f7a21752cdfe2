from __future__ import annotations

import math

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.quantiles import fewest_for, median_interval, quantile, quantile_difference


@pytest.mark.parametrize("q", [0.5, 0.9])
@pytest.mark.parametrize("n", [36, 57, 400])
def test_quantiles_are_numpys_median_unbiased_ones(q: float, n: int) -> None:
    values = np.random.default_rng(n).lognormal(size=n)
    assert quantile(values, q).value == pytest.approx(np.quantile(values, q, method="median_unbiased"))


@pytest.mark.parametrize(("q", "n"), [(0.9, 36), (0.95, 72), (0.99, 368)])
def test_tails_need_enough_turns(q: float, n: int) -> None:
    assert fewest_for(q) == n
    assert quantile(np.arange(n), q).note == ""
    few = quantile(np.arange(n - 1), q)
    assert math.isnan(few.value)
    assert few.note == "n too small"


def test_a_median_is_always_given() -> None:
    assert quantile([1234], 0.5).value == 1234


def test_unanswered_turns_push_the_quantile_up_and_never_vanish() -> None:
    # 40 turns, 4 of them unanswered: dropping those would make the tail look short.
    answered = np.linspace(400, 2500, 36)
    dropped = quantile(answered, 0.9).value
    kept = quantile(answered, 0.9, given_up=[8000] * 4)
    assert kept.n == 40
    # A tenth was given up: p90 lies between the longest answer and the moment when the last one gave up.
    assert kept.value == (2500 + 8000) / 2
    beyond = quantile(np.tile(answered, 2), 0.95, given_up=[8000] * 8)
    assert math.isnan(beyond.value)
    assert "8 of 80" in beyond.note
    assert quantile(answered, 0.5, given_up=[8000] * 4).value > quantile(answered, 0.5).value
    assert dropped < 2500


def test_the_median_of_few_calls_has_no_interval_and_says_so() -> None:
    rng = np.random.default_rng(0)
    assert median_interval([1, 2, 3], "aaa", rng).note == "one call"
    assert median_interval([1, 2, 3], "abc", rng).note == "3 calls, 6 are needed"


def test_six_calls_give_the_span_of_their_medians() -> None:
    calls = [c for c in "abcdef" for _ in range(3)]
    values = [10 * (ord(c) - ord("a")) + k for c in "abcdef" for k in (1, 2, 3)]
    estimate = median_interval(values, calls, np.random.default_rng(0))
    assert estimate.interval == (2, 52)
    assert estimate.method == "ordered medians of the calls"


def test_many_calls_are_drawn_again_with_a_seed() -> None:
    rng = np.random.default_rng(1)
    values, calls = rng.lognormal(7, 0.3, 60), [i // 5 for i in range(60)]
    first = median_interval(values, calls, np.random.default_rng(2), draws=300)
    assert first == median_interval(values, calls, np.random.default_rng(2), draws=300)
    assert first.method == "median_unbiased, cluster bootstrap"
    assert first.low < first.value < first.high


def test_an_interval_that_reaches_silence_is_not_a_number() -> None:
    calls = [c for c in "abcdef" for _ in range(2)]
    silent = ["f"] * 5
    estimate = median_interval(range(12), calls, np.random.default_rng(0), given_up=[90] * 5, given_up_clusters=silent)
    assert estimate.interval is None
    assert estimate.note == "it reaches unanswered turns"


def test_quantile_difference_pairs_whole_calls() -> None:
    rng = np.random.default_rng(4)
    a = [rng.lognormal(7, 0.2, 6).tolist() for _ in range(12)]
    b = [[value - 300 for value in call] for call in a]
    shift = quantile_difference(a, b, 0.5, rng, draws=200)
    assert shift.value == pytest.approx(-300)
    assert shift.interval == pytest.approx((-300, -300))
    assert quantile_difference(a[:1], b[:1], 0.5, rng).note == "one call"
    assert quantile_difference(a[:2], b[:2], 0.9, rng).note == "n too small"
    with pytest.raises(ScoringError):
        quantile_difference(a, b[:3], 0.5, rng)
