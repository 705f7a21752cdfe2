"""Put two runs side by side: the same call with the same call, the same turn with the same turn.

Two calls belong together when they replay the same scenario; where a scenario was run several times, the first
run goes with the first and so on. Turns belong together when they have the same place in that scenario.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.scores import Row, Scores
from contoso_lab.scoring.value import Metric

Key = tuple[str, int, int | None]
"""Scenario, which time it was run (from 0), turn."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one run has to say about one turn or call."""

    value: float
    unanswered: bool = False
    """The value is only how long was waited in vain."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The values of one metric that stand opposite each other in two runs."""

    a: tuple[Side, ...] = ()
    b: tuple[Side, ...] = ()
    clusters: tuple[str, ...] = ()
    """The unit of chance for each pair: the scenario, or the repetition when there is but one scenario."""
    epochs: tuple[int, ...] = ()
    """Which run of its scenario each pair is from, counted from 0."""
    notes: tuple[str, ...] = ()
    """What was left out, or counted in a special way, in words."""

    @property
    def values(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Both sides as numbers that may be subtracted.

        An unanswered turn never counts as faster than the answer opposite, and two silences are no difference.
        """
        left, right = [], []
        for low, high in zip(self.a, self.b, strict=True):
            longest = max(low.value, high.value)
            both = low.unanswered and high.unanswered
            left.append(longest if both or low.unanswered else low.value)
            right.append(longest if both or high.unanswered else high.value)
        return tuple(left), tuple(right)

    @property
    def differences(self) -> tuple[float, ...]:
        """What the second run has more than the first, pair by pair."""
        return tuple(right - left for left, right in zip(*self.values, strict=True))

    @property
    def calls(self) -> int:
        """How many units of chance there are."""
        return len(set(self.clusters))

    @property
    def flips(self) -> tuple[int, int] | None:
        """How many pairs went from 0 to 1 and from 1 to 0; None when the metric is no yes or no."""
        left, right = self.values
        if not left or not {*left, *right} <= {0.0, 1.0}:
            return None
        return sum(d > 0 for d in self.differences), sum(d < 0 for d in self.differences)

    def by_call(self) -> tuple[list[list[float]], list[list[float]]]:
        """Both sides as one list for each call, with infinity for what was never answered."""
        left: dict[str, list[float]] = {}
        right: dict[str, list[float]] = {}
        for low, high, call in zip(self.a, self.b, self.clusters, strict=True):
            left.setdefault(call, []).append(math.inf if low.unanswered else low.value)
            right.setdefault(call, []).append(math.inf if high.unanswered else high.value)
        return list(left.values()), list(right.values())

    def __len__(self) -> int:
        return len(self.a)


def shared_scenarios(a: Scores, b: Scores) -> frozenset[str]:
    """The customer speech that both runs answered.

    Raises:
        ScoringError: There is none, so nothing can be paired.
    """
    shared = {row.scenario for row in a} & {row.scenario for row in b}
    if not shared:
        raise ScoringError("the two runs share no call: compare recordings made from the same customer speech")
    return frozenset(shared)


def pair(metric: str, a: Scores, b: Scores) -> Pairs:
    """Pair the scores of one metric from two runs.

    An unanswered turn stays in as the wait that was seen: leaving it out would make the run with the silence look
    better. Metrics that are ratios are paired as one number for each call, since two runs seldom make the same
    number of claims.
    """
    left, right = _sides(a.metrics[metric], a), _sides(b.metrics[metric], b)
    common = [key for key in left if key in right]
    one_scenario = len(shared_scenarios(a, b)) == 1
    sides_a, sides_b = tuple(left[key] for key in common), tuple(right[key] for key in common)
    notes = []
    if alone := len(left) + len(right) - 2 * len(common):
        notes.append(f"{alone} without a counterpart")
    if open_ones := sum(x.unanswered or y.unanswered for x, y in zip(sides_a, sides_b, strict=True)):
        notes.append(f"{open_ones} unanswered, counted as the wait that was seen")
    if failed := sum(row.status == "error" for row in (*a.of(metric), *b.of(metric))):
        notes.append(f"{failed} failed to be scored")
    clusters = tuple(f"{key[0]} {key[1]}" if one_scenario else key[0] for key in common)
    return Pairs(sides_a, sides_b, clusters, tuple(key[1] for key in common), tuple(notes))


def _sides(metric: Metric, scores: Scores) -> dict[Key, Side]:
    runs = repetitions(scores.rows)
    rows = scores.of(metric.name)
    if metric.aggregate == "ratio":
        sums: dict[Key, tuple[float, int]] = {}
        for row in rows:
            if row.status == "ok" and isinstance(row.value, int | float):
                call = (row.scenario, runs[row.recording], None)
                total, n = sums.get(call, (0.0, 0))
                sums[call] = (total + row.value * row.n, n + row.n)
        return {key: Side(total / n) for key, (total, n) in sums.items() if n}
    sides: dict[Key, Side] = {}
    for row in rows:
        key = (row.scenario, runs[row.recording], row.turn)
        if row.status == "ok" and isinstance(row.value, int | float):
            sides[key] = Side(float(row.value))
        elif row.status == "censored" and row.at_least is not None:
            sides[key] = Side(row.at_least, unanswered=True)
    return sides


def repetitions(rows: Sequence[Row]) -> dict[str, int]:
    """For each recording, the how-manieth run of its scenario it is."""
    seen: Counter[str] = Counter()
    order: dict[str, int] = {}
    for row in rows:
        if row.recording not in order:
            order[row.recording] = seen[row.scenario]
            seen[row.scenario] += 1
    return order
