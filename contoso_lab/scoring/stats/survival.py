"""Waits that did not end: the Kaplan–Meier curve, and quantiles of it.

Who hung up after three seconds without an answer waited longer than three seconds, and that is all that is known.
Leaving such a wait out makes the tail look short; counting it as endless makes it look too long. Kaplan and Meier
(1958) count it as waiting up to the moment when it was given up.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats.estimates import Estimate, Floats


@dataclass(frozen=True, slots=True)
class Curve:
    """The share of waits that have not ended, at each moment when one ended."""

    times: Floats
    waiting: Floats
    """The share that still waits after that moment."""
    low: Floats
    high: Floats
    """Pointwise 95 % band (log-log, Greenwood)."""
    given_up: Floats
    """When the censored waits were given up."""
    n: int


def kaplan_meier(ended: ArrayLike, given_up: ArrayLike = (), *, level: float = 0.95) -> Curve:
    """The Kaplan–Meier curve of waits that ended and of those that were given up; computed by scipy.

    The band takes waits as independent; `wait_quantile` has intervals that know the calls.

    >>> kaplan_meier([100, 200, 400], [300]).waiting.round(3).tolist()
    [0.75, 0.5, 0.0]
    """
    events, censored = _floats(ended), _floats(given_up)
    if not events.size:
        nothing = np.array([], dtype=np.float64)
        return Curve(nothing, nothing, nothing, nothing, np.sort(censored), int(censored.size))
    from scipy.stats import CensoredData, ecdf

    found = ecdf(CensoredData(uncensored=events, right=censored)).sf
    ends = np.isin(found.quantiles, events)
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        # Where all have ended the band does not exist; its NaN says so, scipy says it once more.
        warnings.simplefilter("ignore", RuntimeWarning)
        band: Any = found.confidence_interval(confidence_level=level, method="log-log")
    return Curve(
        times=np.asarray(found.quantiles, dtype=np.float64)[ends],
        waiting=np.asarray(found.probabilities, dtype=np.float64)[ends],
        low=np.asarray(band.low.probabilities, dtype=np.float64)[ends],
        high=np.asarray(band.high.probabilities, dtype=np.float64)[ends],
        given_up=np.sort(censored),
        n=int(events.size + censored.size),
    )


def km_quantile(ended: ArrayLike, given_up: ArrayLike, q: float) -> float:
    """The quantile `q` of waits some of which were given up; infinite where the curve never falls that far.

    The first moment at which no more than `1−q` still wait. Where the curve lies exactly at `1−q` the middle of that
    stretch is taken, up to the longest wait if nothing ended after it, as R's `survfit` does.

    >>> km_quantile([1.0, 2.0, 3.0], [9.0], 0.5), km_quantile([1.0, 2.0, 3.0], [9.0], 0.75)
    (2.5, 6.0)
    >>> km_quantile([1.0, 2.0, 3.0], [9.0], 0.9)
    inf
    """
    times, is_end = _ordered(_floats(ended), _floats(given_up))
    if not times.size:
        raise ScoringError("a quantile needs at least one wait")
    return float(_quantiles(times, is_end, np.ones((1, times.size)), q)[0])


def wait_quantile(
    ended: ArrayLike,
    clusters: Sequence[Hashable],
    given_up: ArrayLike,
    given_up_clusters: Sequence[Hashable],
    q: float,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    draws: int = 2000,
    method: str = "Kaplan–Meier",
) -> Estimate:
    """A Kaplan–Meier quantile with an interval from drawing whole calls again.

    Args:
        ended: Waits that ended.
        clusters: The call of each of them.
        given_up: How long was waited in vain.
        given_up_clusters: The call of each of these.
        q: Which quantile.
        rng: The source of the draws.
        level: How often the interval should hold the truth.
        draws: How often the calls are drawn again.
        method: What the point is called.
    """
    events, censored = _floats(ended), _floats(given_up)
    if events.size != len(clusters) or censored.size != len(given_up_clusters):
        raise ScoringError("each wait needs its call, those that were given up as well")
    point = km_quantile(events, censored, q)
    calls = list(dict.fromkeys([*clusters, *given_up_clusters]))
    n = int(events.size + censored.size)
    if not math.isfinite(point):
        return Estimate(math.nan, n=n, clusters=len(calls), note=beyond(int(censored.size), n))
    if len(calls) < 6:
        return Estimate(point, n=n, clusters=len(calls), method=method, note=too_few(len(calls)))
    place = {call: at for at, call in enumerate(calls)}
    member = np.array([place[call] for call in [*clusters, *given_up_clusters]])
    order = np.lexsort((np.r_[np.zeros(events.size), np.ones(censored.size)], np.r_[events, censored]))
    times, is_end = _ordered(events, censored)
    picks = rng.integers(0, len(calls), size=(draws, len(calls)))
    counts = np.stack([np.bincount(row, minlength=len(calls)) for row in picks]).astype(np.float64)
    found = _quantiles(times, is_end, counts[:, member[order]], q)
    low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2], method="inverted_cdf")
    if not (math.isfinite(low) and math.isfinite(high)):
        return Estimate(point, n=n, clusters=len(calls), method=method, note="it reaches unanswered turns")
    return Estimate(point, float(low), float(high), n, len(calls), f"{method}, cluster bootstrap")


def too_few(calls: int) -> str:
    """Why there is no interval between so few calls."""
    return "one call" if calls == 1 else f"{calls} calls, 6 are needed"


def beyond(unanswered: int, n: int) -> str:
    """Why there is no number: the quantile lies among the waits that were given up."""
    return f"beyond every answered turn: {unanswered} of {n} were never answered"


def _floats(values: ArrayLike) -> Floats:
    data = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(data).all():
        raise ScoringError("waits must be finite numbers: one that was given up is given with how long it lasted")
    return data


def _ordered(events: Floats, censored: Floats) -> tuple[Floats, Floats]:
    """All waits by length, and whether each ended; of equal ones those that ended come first."""
    times = np.r_[events, censored]
    is_end = np.r_[np.ones(events.size), np.zeros(censored.size)]
    order = np.lexsort((1 - is_end, times))
    return times[order], is_end[order]


def _quantiles(times: Floats, is_end: Floats, weights: Floats, q: float) -> Floats:
    """One quantile for each row of weights (how often each wait was drawn)."""
    at_risk = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.where(at_risk > 0, 1 - weights * is_end / at_risk, 1.0)
    # A product over equal times one by one is the product over them together.
    waiting = np.cumprod(kept, axis=1)
    ends = (weights > 0) & (is_end > 0)
    below, exact = 1 - q - 1e-9, 1 - q + 1e-9
    reached = np.where(ends & (waiting <= exact), times, np.inf).min(axis=1)
    past = np.where(ends & (waiting < below), times, np.inf).min(axis=1)
    longest = np.where(weights > 0, times, -np.inf).max(axis=1)
    flat = np.isfinite(reached) & (reached < past)
    right = np.where(np.isfinite(past), past, longest)
    return np.asarray(np.where(flat, (reached + right) / 2, reached), dtype=np.float64)
