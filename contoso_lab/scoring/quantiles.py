"""Medians and tails of waiting times, with the turns that were never answered kept in.

A turn without an answer has no latency, yet it is the worst thing that can happen to a caller. It counts as
longer than every answered one, so a quantile either is a real waiting time or is said to lie beyond them all.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats import FEWEST_FOR, QUANTILE_METHOD, Estimate, Floats


def quantile(values: ArrayLike, q: float, *, unanswered: int = 0) -> Estimate:
    """The quantile `q`, if there are enough values for it to mean anything.

    The value is NaN with a note when there are too few values or when it falls among the unanswered turns.

    Args:
        values: Waiting times that ended.
        q: Between 0 and 1. 0.5, 0.9, 0.95 and 0.99 need 1, 36, 72 and 368 values.
        unanswered: How many more were waited for in vain.

    >>> quantile([100, 200, 400], 0.5).value
    200.0
    >>> quantile([100, 200, 400], 0.9).note
    'n too small'
    >>> quantile([100, 200], 0.5, unanswered=3).note
    'beyond every answered turn: 3 of 5 were never answered'
    """
    if not 0 < q < 1:
        raise ScoringError(f"a quantile lies between 0 and 1, not at {q}")
    answered = np.asarray(values, dtype=np.float64)
    n = answered.size + unanswered
    if n < FEWEST_FOR.get(q, fewest_for(q)):
        return Estimate(math.nan, n=n, note="n too small")
    value = _pooled(np.concatenate([answered, np.full(unanswered, np.inf)]), q)
    if not math.isfinite(value):
        note = f"beyond every answered turn: {unanswered} of {n} were never answered"
        return Estimate(math.nan, n=n, note=note)
    return Estimate(value, n=n, method=QUANTILE_METHOD, note="")


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
    unanswered: Sequence[Hashable] = (),
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
        unanswered: The call of each turn that was waited for in vain.
        level: How often the interval should hold the truth.
        draws: How often the calls are drawn again.
    """
    point = quantile(values, 0.5, unanswered=len(unanswered))
    calls = _by_call(values, clusters, unanswered)
    point = Estimate(point.value, n=point.n, clusters=len(calls), method=point.method, note=point.note)
    if not math.isfinite(point.value):
        return point
    if len(calls) >= 10:
        medians = np.array([_pooled(np.concatenate(draw), 0.5) for draw in _draw(calls, rng, draws)])
        method = "cluster bootstrap"
        low, high = np.quantile(medians, [0.5 - level / 2, 0.5 + level / 2], method="inverted_cdf")
    else:
        medians = np.sort([_pooled(call, 0.5) for call in calls])
        below = _order_statistic(len(calls), level)
        if below is None:
            return Estimate(point.value, n=point.n, clusters=len(calls), method=point.method, note=_too_few(len(calls)))
        method = "ordered medians of the calls"
        low, high = medians[below], medians[-1 - below]
    # An end among the unanswered turns is open: it is said as no interval rather than as a number.
    if not (math.isfinite(low) and math.isfinite(high)):
        return Estimate(point.value, n=point.n, clusters=len(calls), method=method, note="it reaches unanswered turns")
    return Estimate(point.value, float(low), float(high), point.n, len(calls), method)


def _too_few(calls: int) -> str:
    return "one call" if calls == 1 else f"{calls} calls, 6 are needed"


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
    shifts = []
    for picks in rng.integers(0, len(a), size=(draws, len(a))):
        drawn_b = _pooled(np.concatenate([right[i] for i in picks]), q)
        drawn_a = _pooled(np.concatenate([left[i] for i in picks]), q)
        if drawn_a == drawn_b == math.inf:
            shifts.append(0.0)
        else:
            shifts.append(drawn_b - drawn_a)
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


def _by_call(values: ArrayLike, clusters: Sequence[Hashable], unanswered: Sequence[Hashable]) -> list[Floats]:
    calls: dict[Hashable, list[float]] = {}
    data = np.asarray(values, dtype=np.float64)
    if data.size != len(clusters):
        raise ScoringError(f"each value needs its call, but {data.size} values came with {len(clusters)} calls")
    for value, call in zip(data, clusters, strict=True):
        calls.setdefault(call, []).append(float(value))
    for call in unanswered:
        calls.setdefault(call, []).append(math.inf)
    return [np.array(call) for call in calls.values()]


def _draw(calls: list[Floats], rng: np.random.Generator, draws: int) -> list[list[Floats]]:
    return [[calls[i] for i in picks] for picks in rng.integers(0, len(calls), size=(draws, len(calls)))]


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
