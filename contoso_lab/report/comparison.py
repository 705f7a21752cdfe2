"""Two runs of the same calls side by side: the difference, its interval, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.paired import hodges_lehmann, mcnemar, per_call, sign_flip
from contoso_lab.scoring.pairing import Pairs, pair, shared_scenarios
from contoso_lab.scoring.quantiles import quantile_difference
from contoso_lab.scoring.scores import Scores
from contoso_lab.scoring.stats import Estimate, holm, mean_interval
from contoso_lab.scoring.summary import show
from contoso_lab.scoring.tables import html_table, text_table
from contoso_lab.scoring.value import Metric
from contoso_lab.scoring.verdict import Verdict, judge

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric in both runs."""

    metric: Metric
    a: float
    """Over the paired turns only, so that it goes with `b`: the median of a wait, the mean of all else."""
    b: float
    difference: Estimate | None
    """b minus a; for waits the Hodges–Lehmann shift. None when nothing could be paired."""
    p: float | None
    """Sign-flip test over pairs of calls, adjusted after Holm for all metrics that differ anywhere."""
    pairs: Pairs
    verdict: Verdict | None
    """None for the parts of another metric."""
    tails: Mapping[float, Estimate] = field(default_factory=dict)
    """For waits: how far p50 and p90 move, from drawing whole pairs of calls again."""

    def to_dict(self) -> dict[str, object]:
        """Plain values for a table."""
        interval = self.difference.interval if self.difference else None
        return {
            "metric": self.metric.name,
            "a": self.a,
            "b": self.b,
            "difference": self.difference.value if self.difference else math.nan,
            "low": interval[0] if interval else math.nan,
            "high": interval[1] if interval else math.nan,
            "unit": self.metric.unit,
            "lower_is_better": self.metric.lower_is_better,
            "p": math.nan if self.p is None else self.p,
            "pairs": len(self.pairs),
            "calls": self.pairs.calls,
            "verdict": self.verdict.word if self.verdict else "",
            "because": self.because,
        }

    @property
    def because(self) -> str:
        """Why the verdict is what it is, and what could not be paired."""
        parts = [self.verdict.because if self.verdict else "a part, shown without a verdict"]
        if (tail := self.tails.get(0.9)) and not math.isnan(tail.value):
            parts.append(f"p90 {_signed(tail.value, self.metric)} {self.metric.unit}")
        if (flips := self.pairs.flips) and any(flips):
            parts.append(f"{flips[0]} turned to yes, {flips[1]} to no (McNemar p = {mcnemar(*flips):.3g})")
        return "; ".join([*parts, *self.pairs.notes])

    @property
    def cells(self) -> tuple[str, ...]:
        """The line for people, in the order of `Comparison.head`."""
        count = f"{len(self.pairs)} in {self.pairs.calls}"
        word = self.verdict.word if self.verdict else "–"
        if self.difference is None:
            return self.metric.name, "–", "–", "–", "–", count, word, self.because
        unit = "" if self.metric.unit in ("", "share") else f" {self.metric.unit}"
        interval = "–"
        if self.difference.interval is not None:
            interval = " to ".join(_signed(end, self.metric) for end in self.difference.interval)
        return (
            self.metric.name,
            show(self.a, self.metric) + unit,
            show(self.b, self.metric) + unit,
            _signed(self.difference.value, self.metric) + unit,
            interval,
            count,
            word,
            self.because,
        )


class Comparison:
    """What changed from run a to run b, metric by metric; show it, or take its `table()`."""

    def __init__(
        self, differences: Mapping[str, Difference], *, calls: int, note: str, names: tuple[str, str] = ("a", "b")
    ) -> None:
        self.differences = dict(differences)
        # Two runs of one name could not be told apart in the table.
        self.names = names if names[0] != names[1] else ("a", "b")
        """What the two runs are called."""
        self.calls = calls
        """How many pairs of calls there are."""
        self.note = note
        """What the verdicts speak about, where that is narrower than it seems."""

    def __getitem__(self, metric: str) -> Difference:
        if metric not in self.differences:
            raise ScoringError(f"'{metric}' was not compared, only {', '.join(self.differences)}")
        return self.differences[metric]

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.differences.values())

    def __len__(self) -> int:
        return len(self.differences)

    def table(self) -> pd.DataFrame:
        """One row for each metric."""
        import pandas as pd

        return pd.DataFrame([difference.to_dict() for difference in self])

    @property
    def head(self) -> tuple[str, ...]:
        """The names of the columns that people see."""
        names = ("metric", *self.names, "difference", "95 % interval", "pairs", "verdict", "because")
        return names if self._one_reason is None else names[:-1]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The lines that people see, in the order of `head`: the metrics that could be paired."""
        return [difference.cells[: len(self.head)] for difference in self._paired]

    @property
    def notes(self) -> list[str]:
        """What belongs under the table, a sentence each."""
        empty = [difference.metric.name for difference in self if difference.difference is None]
        return [
            *([self._one_reason] if self._one_reason else []),
            *([f"not in both runs: {', '.join(empty)}"] if empty else []),
            *([self.note] if self.note else []),
        ]

    def __repr__(self) -> str:
        return "\n".join([self._heading, *text_table(self.head, self.rows), *self.notes])

    def _repr_html_(self) -> str:
        table = html_table(self.head, self.rows, titles=[difference.metric.about for difference in self._paired])
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f"<div><strong>{escape(self._heading)}</strong>{table}{notes}</div>"

    @property
    def _paired(self) -> list[Difference]:
        return [difference for difference in self if difference.difference is not None]

    @property
    def _one_reason(self) -> str | None:
        """The reason that all verdicts share: said once under the table, not on each line."""
        reasons = {difference.because for difference in self._paired if difference.verdict is not None}
        return reasons.pop() if len(reasons) == 1 else None

    @property
    def _heading(self) -> str:
        first, second = self.names
        return f"From {first} to {second} over {self.calls} pair{'' if self.calls == 1 else 's'} of calls"


def compare(
    a: Scores,
    b: Scores,
    *,
    names: tuple[str, str] = ("a", "b"),
    alpha: float = 0.05,
    margins: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare two runs in which the same customer speech was answered.

    Calls are paired by what was replayed, turns by their place in it. Each metric is read in its own direction.

    Args:
        a: The run to start from.
        b: The run to move to; differences are b minus a.
        names: What the two runs are called in what is shown.
        alpha: The chance of any false alarm over all metrics together (Holm).
        margins: For each metric, the largest difference that would not matter; the metric's own unless given.
        seed: For the intervals that need chance.

    Raises:
        ScoringError: The two runs share no metric or no call.
    """
    shared = [name for name in a.metrics if name in b.metrics]
    if not shared:
        raise ScoringError("the two runs share no metric: score both with the same scorers")
    scenarios = shared_scenarios(a, b)
    paired = {name: pair(name, a, b) for name in shared}
    rng = np.random.default_rng(seed)
    effects = {name: _effect(a.metrics[name], pairs, rng) for name, pairs in paired.items() if len(pairs)}
    # A metric that is the same in every pair cannot raise an alarm, so it takes no share of the level (Tarone).
    family = [name for name in effects if a.metrics[name].judged and any(paired[name].differences)]
    p_values = dict(zip(family, holm([_p(a.metrics[n], paired[n], rng) for n in family]), strict=True))
    margins = margins or {}
    differences = {}
    for name in shared:
        metric, pairs = a.metrics[name], paired[name]
        verdict = None
        if name in effects and metric.judged:
            verdict = judge(
                effects[name],
                p_values.get(name, 1.0),
                lower_is_better=metric.lower_is_better,
                alpha=alpha,
                margin=margins.get(name, metric.margin),
                metrics=max(1, len(family)),
                unit="" if metric.unit == "share" else metric.unit,
            )
        elif metric.judged:
            verdict = Verdict("too few calls to say", "nothing could be paired")
        left, right = (_level(metric, values) for values in pairs.values)
        tails = {}
        if metric.aggregate == "median" and len(pairs):
            tails = {q: quantile_difference(*pairs.by_call(), q, rng) for q in (0.5, 0.9)}
        differences[name] = Difference(
            metric, left, right, effects.get(name), p_values.get(name), pairs, verdict, tails
        )
    calls = max((pairs.calls for pairs in paired.values()), default=0)
    note = ""
    if len(scenarios) == 1 and calls > 1:
        note = f"All calls replay '{next(iter(scenarios))}': the verdicts speak about that customer only."
    return Comparison(differences, calls=calls, note=note, names=names)


def _effect(metric: Metric, pairs: Pairs, rng: np.random.Generator) -> Estimate:
    if metric.aggregate == "median":
        return hodges_lehmann(pairs.differences, pairs.clusters)
    effect = mean_interval(pairs.differences, pairs.clusters, rng)
    if metric.unit != "share" or effect.low is None or effect.high is None:
        return effect
    # Two shares cannot differ by more than one.
    return replace(effect, low=max(-1.0, effect.low), high=min(1.0, effect.high))


def _p(metric: Metric, pairs: Pairs, rng: np.random.Generator) -> float:
    robust = metric.aggregate == "median"
    return sign_flip(per_call(pairs.differences, pairs.clusters, robust=robust), rng)


def _level(metric: Metric, values: tuple[float, ...]) -> float:
    if not values:
        return math.nan
    return float(np.median(values) if metric.aggregate == "median" else np.mean(values))


def _signed(value: float, metric: Metric) -> str:
    text = show(abs(value), metric)
    if not float(text):
        return text
    return ("+" if value > 0 else "\u2212") + text
