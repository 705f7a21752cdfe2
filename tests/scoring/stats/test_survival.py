from __future__ import annotations

import math

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.quantiles import quantile, quantile_interval
from contoso_lab.scoring.stats.survival import kaplan_meier, km_quantile, wait_quantile

# Remission in weeks under 6-MP (Freireich et al. 1963): the example of every book on survival.
ENDED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
GIVEN_UP = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]


def test_the_curve_of_the_textbook() -> None:
    curve = kaplan_meier(ENDED, GIVEN_UP)
    assert curve.n == 21
    assert curve.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    expected = [0.857143, 0.806723, 0.752941, 0.690196, 0.627451, 0.537815, 0.448179]
    assert curve.waiting == pytest.approx(expected, abs=1e-6)
    assert km_quantile(ENDED, GIVEN_UP, 0.5) == 23
    assert (curve.low < curve.waiting).all()
    assert (curve.waiting < curve.high).all()


@pytest.mark.parametrize("q", [0.1, 0.25, 0.4])
def test_quantiles_agree_with_statsmodels(q: float) -> None:
    from statsmodels.duration.survfunc import SurvfuncRight

    rng = np.random.default_rng(8)
    times, ended = rng.lognormal(7, 0.5, 53), rng.random(53) < 0.8
    theirs = SurvfuncRight(times, ended.astype(int)).quantile(q)
    assert km_quantile(times[ended], times[~ended], q) == pytest.approx(theirs)


def test_without_anybody_who_gave_up_it_is_the_plain_curve() -> None:
    assert km_quantile([4, 1, 3, 2], [], 0.5) == 2.5
    assert kaplan_meier([4, 1, 3, 2]).waiting.tolist() == pytest.approx([0.75, 0.5, 0.25, 0.0])


def test_a_wait_that_was_given_up_early_is_not_a_long_one() -> None:
    # Somebody who spoke again after 100 ms tells nothing of what comes later.
    waits = np.linspace(400, 800, 9)
    assert km_quantile(waits, [100], 0.5) == km_quantile(waits, [], 0.5)
    assert km_quantile(waits, [5000], 0.5) > km_quantile(waits, [], 0.5)


def test_dropping_timeouts_makes_a_tail_look_short() -> None:
    rng = np.random.default_rng(1)
    answered = rng.lognormal(0.2, 0.5, 36)
    assert quantile(answered, 0.9, given_up=[8.0] * 4).value > quantile(answered, 0.9).value
    # p95 lies beyond all that was seen: no number stands for it.
    twice = np.tile(answered, 2)
    assert math.isnan(quantile(twice, 0.95, given_up=[8.0] * 8).value)


def test_nobody_was_answered() -> None:
    curve = kaplan_meier([], [9, 8])
    assert (curve.times.size, curve.given_up.tolist(), curve.n) == (0, [8, 9], 2)
    assert km_quantile([], [9, 8], 0.5) == math.inf
    with pytest.raises(ScoringError):
        km_quantile([], [], 0.5)
    with pytest.raises(ScoringError, match="finite"):
        km_quantile([1, math.inf], [], 0.5)


def test_drawing_calls_again_is_the_same_one_by_one_and_all_at_once() -> None:
    rng = np.random.default_rng(2)
    waits, calls = rng.lognormal(7, 0.4, 48), [i // 4 for i in range(48)]
    lost, lost_calls = rng.uniform(500, 4000, 8), [0, 1, 2, 3, 4, 5, 6, 7]
    told = wait_quantile(waits, calls, lost, lost_calls, 0.5, np.random.default_rng(3), draws=400)
    drawn = []
    for picks in np.random.default_rng(3).integers(0, 12, size=(400, 12)):
        events = [w for call in picks for w, c in zip(waits, calls, strict=True) if c == call]
        open_ones = [w for call in picks for w, c in zip(lost, lost_calls, strict=True) if c == call]
        drawn.append(km_quantile(events, open_ones, 0.5))
    low, high = np.quantile(drawn, [0.025, 0.975], method="inverted_cdf")
    assert told.interval == pytest.approx((low, high))
    assert told.method == "Kaplan–Meier, cluster bootstrap"
    few = wait_quantile(waits[:8], calls[:8], [], [], 0.5, rng)
    assert (few.interval, few.note) == (None, "2 calls, 6 are needed")


@pytest.mark.parametrize(("q", "n"), [(0.9, 36), (0.95, 72), (0.99, 368)])
def test_the_distribution_free_interval_exists_from_the_n_that_we_ask_for(q: float, n: int) -> None:
    assert quantile_interval(np.arange(n), q).interval is not None
    assert quantile_interval(np.arange(n - 1), q).note == "n too small"
