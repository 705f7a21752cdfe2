"""Many scores of one metric become one line: the value, how sure we are, and what could not be told."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from contoso_lab.scoring.quantiles import median_interval, quantile
from contoso_lab.scoring.stats import Estimate, mean_interval
from contoso_lab.scoring.value import Metric

if TYPE_CHECKING:
    from contoso_lab.scoring.scores import Row

TAILS = (0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Summary:
    """One metric over all the calls of a run."""

    HEAD: ClassVar[tuple[str, ...]] = ("metric", "value", "95 % interval", "told", "note")

    metric: Metric
    estimate: Estimate | None
    """None when not one score could be told."""
    n_ok: int
    n_total: int
    n_censored: int
    n_error: int
    note: str
    tails: dict[float, Estimate] = field(default_factory=dict)
    """p90, p95 and p99 of a waiting time; NaN with the note 'n too small' where they mean nothing."""

    def to_dict(self) -> dict[str, object]:
        """Plain values for a table."""
        estimate = self.estimate
        row: dict[str, object] = {
            "metric": self.metric.name,
            "value": estimate.value if estimate else math.nan,
            "low": math.nan if estimate is None or estimate.low is None else estimate.low,
            "high": math.nan if estimate is None or estimate.high is None else estimate.high,
            "unit": self.metric.unit,
            "aggregate": {"median": "p50", "ratio": "ratio", "mean": "mean"}[self.metric.aggregate],
            "n_ok": self.n_ok,
            "n_total": self.n_total,
            "n_censored": self.n_censored,
            "n_error": self.n_error,
        }
        for q in TAILS:
            row[f"p{q * 100:.0f}"] = self.tails[q].value if q in self.tails else math.nan
        return row | {"method": estimate.method if estimate else "", "note": self.note}

    @property
    def cells(self) -> tuple[str, ...]:
        """The line for people, in the order of `HEAD`."""
        told = f"{self.n_ok}/{self.n_total}"
        estimate = self.estimate
        if estimate is None or math.isnan(estimate.value):
            return self.metric.name, "–", "–", told, self.note
        kind = "p50 " if self.metric.aggregate == "median" else ""
        unit = "" if self.metric.unit in ("", "share") else f" {self.metric.unit}"
        interval = "–"
        if estimate.interval is not None:
            interval = " to ".join(show(end, self.metric) for end in estimate.interval)
        return self.metric.name, f"{kind}{show(estimate.value, self.metric)}{unit}", interval, told, self.note


def show(value: float, metric: Metric) -> str:
    """A number as it is read aloud: whole milliseconds, three figures for the rest.

    >>> show(1234.5, Metric("wait", unit="ms")), show(0.76018, Metric("ndcg"))
    ('1234', '0.76')
    """
    return f"{value:.0f}" if metric.unit == "ms" else f"{value:.3g}"


def summarise(metric: Metric, rows: Sequence[Row], *, seed: int = 0) -> Summary:
    """Add up the rows of one metric.

    Args:
        metric: How its rows add up.
        rows: All of them, told or not.
        seed: For the intervals that need chance; the same seed gives the same interval.
    """
    ok = [row for row in rows if row.status == "ok"]
    censored = [row for row in rows if row.status == "censored"]
    errors = [row for row in rows if row.status == "error"]
    labels = Counter(row.value for row in ok if isinstance(row.value, str))
    tails: dict[float, Estimate] = {}
    estimate: Estimate | None = None
    if ok and not labels:
        rng = np.random.default_rng(seed)
        unit = cluster_of(rows)
        values, calls = [float(row.value or 0) for row in ok], [unit(row) for row in ok]
        if metric.aggregate == "median":
            given_up = [row.at_least or 0.0 for row in censored]
            lost = [unit(row) for row in censored]
            estimate = median_interval(values, calls, rng, given_up=given_up, given_up_clusters=lost)
            tails = {q: quantile(values, q, given_up=given_up) for q in TAILS}
        else:
            share = metric.unit == "share" or all(isinstance(row.value, bool) for row in ok)
            weights = [float(row.n) for row in ok] if metric.aggregate == "ratio" else None
            estimate = mean_interval(values, calls, rng, weights=weights, share=share)
    return Summary(
        metric,
        estimate,
        n_ok=len(ok),
        n_total=len(rows),
        n_censored=len(censored),
        n_error=len(errors),
        note=_note(metric, rows, estimate, labels, tails),
        tails=tails,
    )


def cluster_of(rows: Sequence[Row]) -> Callable[[Row], str]:
    """What the rows of one call, or of one scenario that was run several times, have in common.

    Runs of one scenario resemble each other as the turns of one call do. Only where there is a single scenario is the
    call the unit: what is said then is about that scenario.
    """
    scenarios = {row.scenario for row in rows}
    return (lambda row: row.scenario) if len(scenarios) > 1 else (lambda row: row.recording)


def _note(
    metric: Metric,
    rows: Sequence[Row],
    estimate: Estimate | None,
    labels: Counter[str],
    tails: dict[float, Estimate],
) -> str:
    parts: list[str] = []
    for status, word in (("censored", "unanswered"), ("error", "failed"), ("skipped", "not told")):
        reasons = [row.reason for row in rows if row.status == status]
        if reasons:
            parts.append(f"{len(reasons)} {word}: {Counter(reasons).most_common(1)[0][0]}")
    if labels:
        parts.append(", ".join(f"{label} {count}" for label, count in labels.most_common()))
    if estimate is not None and estimate.interval is None and estimate.note:
        parts.append(f"no interval: {estimate.note}" if not math.isnan(estimate.value) else estimate.note)
    bounds = _bounds(metric, rows)
    if bounds:
        parts.append(bounds)
    shown = [f"p{q * 100:.0f} {show(tail.value, metric)}" for q, tail in tails.items() if not math.isnan(tail.value)]
    if tails:
        parts.append(", ".join(shown) if shown else f"p90: {tails[0.9].note}")
    return "; ".join(parts)


def _bounds(metric: Metric, rows: Sequence[Row]) -> str:
    """What the mean would be if every failed score were the worst, or the best; said when over 2 % failed."""
    failed = sum(row.status == "error" for row in rows)
    ok = [float(row.value) for row in rows if row.status == "ok" and isinstance(row.value, int | float)]
    if metric.limits is None or metric.aggregate == "median" or not ok or failed <= 0.02 * len(rows):
        return ""
    least, greatest = metric.limits
    total, summed = len(ok) + failed, sum(ok)
    low, high = (summed + failed * least) / total, (summed + failed * greatest) / total
    return f"between {low:.3g} and {high:.3g} with the failed ones"
