"""Medians and tails of waiting times, with the turns that were never answered kept in.

A turn without an answer has no latency, yet it is the worst thing that can happen to a caller. It counts as a wait that
was longer than what was seen of it (Kaplan–Meier), so a quantile either is a waiting time or is said to lie beyond them
all.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats import FEWEST_FOR, QUANTILE_METHOD, Estimate, Floats
from contoso_lab.scoring.stats.estimates import FEW_CLUSTERS
from contoso_lab.scoring.stats.survival import beyond, km_quantile, too_few, wait_quantile


def quantile(values: ArrayLike, q: float, *, given_up: ArrayLike = ()) -> Estimate:
    """The quantile `q`, if there are enough values for it to mean anything.

    Without waits that were given up it is numpy's `median_unbiased` quantile, with them Kaplan–Meier's. The value is
    NaN with a note when there are too few values or when it lies beyond all that ended.

    Args:
        values: Waiting times that ended.
        q: Between 0 and 1. 0.5, 0.9, 0.95 and 0.99 need 1, 36, 72 and 368 values.
        given_up: How long was waited in vain, for each wait that did not end.

    >>> quantile([100, 200, 400], 0.5).value
    200.0
    >>> quantile([100, 200, 400], 0.9).note
    'n too small'
    >>> quantile([100, 200], 0.5, given_up=[900, 900, 900]).note
    'beyond every answered turn: 3 of 5 were never answered'
    """
    if not 0 < q < 1:
        raise ScoringError(f"a quantile lies between 0 and 1, not at {q}")
    answered, open_ones = np.asarray(values, dtype=np.float64), np.asarray(given_up, dtype=np.float64)
    n = answered.size + open_ones.size
    if n < FEWEST_FOR.get(q, fewest_for(q)):
        return Estimate(math.nan, n=n, note="n too small")
    if not open_ones.size:
        return Estimate(_pooled(answered, q), n=n, method=QUANTILE_METHOD)
    value = km_quantile(answered, open_ones, q)
    if not math.isfinite(value):
        return Estimate(math.nan, n=n, note=beyond(open_ones.size, n))
    return Estimate(value, n=n, method="Kaplan–Meier")


def quantile_interval(values: ArrayLike, q: float, *, level: float = 0.95) -> Estimate:
    """The quantile of values that do not share calls, with its distribution-free interval; computed by scipy.

    >>> quantile_interval(range(36), 0.9).interval
    (28.0, 35.0)
    >>> quantile_interval(range(35), 0.9).note
    'n too small'
    """
    data = np.asarray(values, dtype=np.float64)
    point = quantile(data, q)
    if point.note:
        return point
    from scipy.stats import quantile_test

    found: Any = quantile_test(data, p=q).confidence_interval(confidence_level=level)
    low, high = float(found.low), float(found.high)
    if math.isnan(low) or math.isnan(high):
        return Estimate(point.value, n=point.n, method=point.method, note="n too small for an interval")
    return Estimate(point.value, low, high, point.n, point.n, "order statistics")


def fewest_for(q: float, *, level: float = 0.95) -> int:
    """The least n for a distribution-free two-sided interval around a quantile to exist.

    Its outer ends are the smallest and the largest value, each missing the quantile in half of what `level`
    leaves: the least n with `max(q, 1−q)ⁿ ≤ (1−level)/2`.

    >>> [fewest_for(q) for q in (0.9, 0.95, 0.99)]
    [36, 72, 368]
    """
    return math.ceil(math.log((1 - level) / 2) / math.log(max(q, 1 - q)))


def median_interval(
    values: ArrayLike,
    clusters: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    given_up: ArrayLike = (),
    given_up_clusters: Sequence[Hashable] = (),
    level: float = 0.95,
    draws: int = 2000,
) -> Estimate:
    """The median over all turns, with an interval that knows which call each turn belongs to.

    From ten calls on, whole calls are drawn again. With six to nine the interval is read from the ordered
    medians of the calls, which needs no assumption; with fewer there is none.

    Args:
        values: Waiting times that ended.
        clusters: The call of each value.
        rng: The source of the draws.
        given_up: How long was waited in vain, for each wait that did not end.
        given_up_clusters: The call of each of those.
        level: How often the interval should hold the truth.
        draws: How often the calls are drawn again.
    """
    answered, open_ones = np.asarray(values, dtype=np.float64), np.asarray(given_up, dtype=np.float64)
    if answered.size != len(clusters) or open_ones.size != len(given_up_clusters):
        raise ScoringError(
            f"each value needs its call, but {answered.size + open_ones.size} values came with "
            f"{len(clusters) + len(given_up_clusters)} calls"
        )
    point = quantile(answered, 0.5, given_up=open_ones)
    calls = list(dict.fromkeys([*clusters, *given_up_clusters]))
    if not math.isfinite(point.value):
        return Estimate(point.value, n=point.n, clusters=len(calls), method=point.method, note=point.note)
    if len(calls) >= FEW_CLUSTERS:
        return wait_quantile(
            answered, clusters, open_ones, given_up_clusters, 0.5, rng, level=level, draws=draws, method=point.method
        )
    below = _order_statistic(len(calls), level)
    if below is None:
        return Estimate(point.value, n=point.n, clusters=len(calls), method=point.method, note=too_few(len(calls)))
    medians = np.sort([_call_median(call, answered, clusters, open_ones, given_up_clusters) for call in calls])
    method = "ordered medians of the calls"
    low, high = float(medians[below]), float(medians[-1 - below])
    # An end among the unanswered turns is open: it is said as no interval rather than as a number.
    if not (math.isfinite(low) and math.isfinite(high)):
        return Estimate(point.value, n=point.n, clusters=len(calls), method=method, note="it reaches unanswered turns")
    return Estimate(point.value, low, high, point.n, len(calls), method)


def _call_median(
    call: Hashable, ended: Floats, clusters: Sequence[Hashable], given_up: Floats, open_clusters: Sequence[Hashable]
) -> float:
    mine = ended[np.array([cluster == call for cluster in clusters], dtype=bool)]
    lost = given_up[np.array([cluster == call for cluster in open_clusters], dtype=bool)]
    return km_quantile(mine, lost, 0.5) if mine.size else math.inf


def quantile_difference(
    a: Sequence[Sequence[float]],
    b: Sequence[Sequence[float]],
    q: float,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    draws: int = 2000,
) -> Estimate:
    """How far the quantile `q` moves from run `a` to run `b`, drawing whole pairs of calls again.

    Args:
        a: Waiting times, one list for each call; use infinity for an unanswered turn.
        b: The same calls, in the same order, in the other run.
        q: Which quantile.
        rng: The source of the draws.
        level: How often the interval should hold the truth.
        draws: How often the pairs of calls are drawn again.
    """
    if len(a) != len(b) or not a:
        raise ScoringError(f"a paired difference needs the same calls on both sides, not {len(a)} and {len(b)}")
    left, right = [np.asarray(x, dtype=np.float64) for x in a], [np.asarray(x, dtype=np.float64) for x in b]
    n = min(sum(map(len, left)), sum(map(len, right)))
    if n < FEWEST_FOR.get(q, fewest_for(q)):
        return Estimate(math.nan, n=n, clusters=len(a), note="n too small")
    value = _pooled(np.concatenate(right), q) - _pooled(np.concatenate(left), q)
    if not math.isfinite(value):
        return Estimate(math.nan, n=n, clusters=len(a), note="beyond every answered turn")
    if len(a) == 1:
        return Estimate(value, n=n, clusters=1, note="one call")
    counts = np.stack([np.bincount(row, minlength=len(a)) for row in rng.integers(0, len(a), size=(draws, len(a)))])
    drawn_a, drawn_b = _drawn(left, counts, q), _drawn(right, counts, q)
    # Both beyond every answer: no difference that anybody saw, and no number either way.
    both = np.isinf(drawn_a) & np.isinf(drawn_b)
    shifts = np.zeros(draws)
    np.subtract(drawn_b, drawn_a, out=shifts, where=~both)
    low, high = np.quantile(shifts, [0.5 - level / 2, 0.5 + level / 2], method="inverted_cdf")
    if not (math.isfinite(low) and math.isfinite(high)):
        return Estimate(value, n=n, clusters=len(a), note="it reaches unanswered turns")
    return Estimate(value, float(low), float(high), n, len(a), "cluster bootstrap")


def _pooled(values: Floats, q: float) -> float:
    """A quantile in which an infinite neighbour makes the result infinite, not undefined."""
    ordered = np.sort(values)
    place = (ordered.size + 1 / 3) * q + 1 / 3 - 1
    low = min(max(math.floor(place), 0), ordered.size - 1)
    high = min(low + 1, ordered.size - 1)
    share = min(max(place - low, 0.0), 1.0)
    if share == 0 or low == high:
        return float(ordered[low])
    if math.isinf(ordered[high]):
        return math.inf
    return float(ordered[low] + share * (ordered[high] - ordered[low]))


def _drawn(values: Sequence[Floats], counts: NDArray[np.int64], q: float) -> Floats:
    """`_pooled` of every draw at once; `counts` says how often each call was drawn, one row a draw."""
    pooled = np.concatenate(values)
    order = np.argsort(pooled, kind="stable")
    ordered, member = pooled[order], np.repeat(np.arange(len(values)), [len(value) for value in values])[order]
    reached = np.cumsum(counts[:, member], axis=1)
    size = reached[:, -1]
    place = (size + 1 / 3) * q + 1 / 3 - 1
    low = np.clip(np.floor(place).astype(np.int64), 0, size - 1)
    high = np.minimum(low + 1, size - 1)
    below, above = (ordered[(reached > at[:, None]).argmax(axis=1)] for at in (low, high))
    share = np.where(high == low, 0.0, np.clip(place - low, 0.0, 1.0))
    with np.errstate(invalid="ignore"):
        between = below + share * (above - below)
    found = np.where(share == 0, below, np.where(np.isinf(above), np.inf, between))
    return np.asarray(found, dtype=np.float64)


def _order_statistic(n: int, level: float) -> int | None:
    """How many values may be cut from each end while the rest encloses the median; None when n < 6."""
    cut: int | None = None
    outside = 0.0
    for k in range(n // 2):
        outside += math.comb(n, k) / 2**n
        if 1 - 2 * outside < level:
            break
        cut = k
    return cut
