"""The word that stands beside a difference: better, worse, equivalent, not shown, or too few calls to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contoso_lab.scoring.paired import calls_needed, equivalent, smallest_p
from contoso_lab.scoring.stats import Estimate

Word = Literal["better", "worse", "equivalent", "not shown", "too few calls to say"]

MOST_CALLS = 2000
"""A plan for more calls than this is no plan: the sentence says so instead of naming a number."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison may claim about one metric, and the sentence that says why."""

    word: Word
    because: str
    more_calls: int | None = None
    """How many more pairs of calls would show a difference of this size; None when that cannot be said."""

    def __str__(self) -> str:
        return self.word


def judge(
    difference: Estimate,
    p: float,
    *,
    lower_is_better: bool,
    alpha: float = 0.05,
    margin: float | None = None,
    metrics: int = 1,
    unit: str = "",
) -> Verdict:
    """Say what the paired difference shows.

    'better' and 'worse' need both: a sign-flip p at the level, and an interval that leaves out zero.

    Args:
        difference: Second run minus first.
        p: From the sign-flip test over calls, already adjusted for the family.
        lower_is_better: The metric's direction.
        alpha: The level.
        margin: The largest difference that would not matter, in the metric's unit; needed for 'equivalent'.
        metrics: How many metrics are judged together.
        unit: Of the margin, for the sentence.

    >>> print(judge(Estimate(-300.0, -420.0, -180.0, clusters=8, se=50.0), 0.008, lower_is_better=True))
    better
    """
    calls = difference.clusters
    if calls < 2 or smallest_p(calls, metrics=metrics) > alpha:
        return _too_few(difference, metrics=metrics, alpha=alpha)
    shown = difference.interval is not None and (difference.interval[0] > 0 or difference.interval[1] < 0)
    if p <= alpha and shown:
        good = (difference.value < 0) == lower_is_better
        return Verdict("better" if good else "worse", f"p = {p:.3g} over {calls} pairs of calls")
    if margin is not None and equivalent(difference, margin, alpha=alpha):
        return Verdict("equivalent", f"the difference is shown to be smaller than {margin:g} {unit}".rstrip())
    if difference.value == 0 and not difference.se:
        return Verdict("not shown", f"the two are the same in all {difference.n} pairs")
    needed = calls_needed(difference, metrics=metrics, alpha=alpha)
    reason = f"p = {p:.3g} over {calls} pairs of calls"
    if needed is None or needed > MOST_CALLS:
        return Verdict("not shown", f"{reason}; a difference this small would need over {MOST_CALLS} calls")
    more = max(1, needed - calls)
    return Verdict("not shown", f"{reason}; about {_more(more)} would show one of this size", more)


def _too_few(difference: Estimate, *, metrics: int, alpha: float) -> Verdict:
    calls = difference.clusters
    needed = calls_needed(difference, metrics=metrics, alpha=alpha)
    if needed is None:
        needed = calls_needed(Estimate(0.0), metrics=metrics, alpha=alpha)
    have = "there is one pair of calls" if calls == 1 else f"there are {calls} pairs of calls"
    if not calls or needed is None:
        return Verdict("too few calls to say", "there are no pairs of calls", needed)
    if needed > MOST_CALLS:
        return Verdict("too few calls to say", f"{have}, and a difference this small would need over {MOST_CALLS}")
    more = max(1, needed - calls)
    among = f" among {metrics} metrics" if metrics > 1 else ""
    return Verdict("too few calls to say", f"{have}; {_more(more)} could show it{among}", more)


def _more(calls: int) -> str:
    return "1 more call" if calls == 1 else f"{calls} more calls"
