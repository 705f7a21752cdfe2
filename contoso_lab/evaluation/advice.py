"""What to buy next: more customers, more runs of each, or labels, by where the noise of a comparison comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contoso_lab.report.comparison import Comparison
from contoso_lab.scoring.judges.licence import LEAST_PER_CLASS
from contoso_lab.scoring.pairing import pair, repetitions
from contoso_lab.scoring.scores import Scores
from contoso_lab.scoring.stats.noise import Noise, split_noise, what_next
from contoso_lab.scoring.stats.planning import plan
from contoso_lab.scoring.summary import show
from contoso_lab.scoring.verdict import MOST_CALLS

NEW_CUSTOMER = 5.0
"""What it takes to write and label a new customer, in calls. Without it new customers would always be the better buy: a
call of a new one tells as much of the agent's chance as one more of an old one, and of the customers besides."""


_LABELS = (
    f"labels first: {LEAST_PER_CLASS} good and {LEAST_PER_CLASS} other items rated by people may license the judge"
)


@dataclass(frozen=True, slots=True)
class Advice:
    """For one metric: what this run could show, and what would make it show more."""

    metric: str
    could_show: str
    """The smallest difference that a run of this size shows, in words."""
    noise: str
    """Where the noise comes from; empty where each customer was run once."""
    buy: str

    HEAD = ("metric", "could show", "noise", "to show more")

    @property
    def cells(self) -> tuple[str, ...]:
        """A line of a table."""
        return self.metric, self.could_show, self.noise or "–", self.buy


def advice(a: Scores, b: Scores, comparison: Comparison) -> list[Advice]:
    """One line for each metric that got a verdict and is not the same everywhere."""
    family = sum(d.verdict is not None and any(d.pairs.differences) for d in comparison)
    found = []
    for difference in comparison:
        effect, metric = difference.difference, difference.metric
        if metric.name.startswith("judge_") and metric.name.endswith("_provisional"):
            found.append(Advice(metric.name, "nothing yet: the judge has no licence", "", _LABELS))
            continue
        if difference.verdict is None or effect is None or not effect.se:
            continue
        told = plan(effect.clusters, pilot=effect, unit=metric.unit, metrics=max(1, family))
        unit = f" {metric.unit}" if metric.unit not in ("", "share") else ""
        could = f"{show(told.mde, metric)}{unit} or more"
        if told.calls < told.fewest_calls:
            could = f"nothing: {told.fewest_calls} customers are the fewest"
        noise = noise_of(metric.name, a, b)
        where = ""
        if noise is not None:
            shares = noise.shares
            where = f"customers {shares['calls']:.0%}, the agent's own chance {shares['agent']:.0%}"
        found.append(Advice(metric.name, could, where, _buy(noise, difference.verdict.more_calls)))
    return found


def noise_of(metric: str, a: Scores, b: Scores) -> Noise | None:
    """The noise of the paired differences, split into customers and runs; None where each was run once."""
    runs = max([*repetitions(a.rows).values(), *repetitions(b.rows).values()], default=0)
    pairs = pair(metric, a, b)
    if not runs or pairs.calls < 2:
        return None
    sums: dict[tuple[str, int], list[float]] = {}
    for value, cluster, epoch in zip(pairs.differences, pairs.clusters, pairs.epochs, strict=True):
        sums.setdefault((cluster, epoch), []).append(value)
    values = [float(np.mean(found)) for found in sums.values()]
    if len({cluster for cluster, _ in sums}) < 2:
        return None
    return split_noise(values, [cluster for cluster, _ in sums], [epoch for _, epoch in sums])


def _buy(noise: Noise | None, more: int | None) -> str:
    customers = f"about {more} more customers show a difference of the size seen" if more and more <= MOST_CALLS else ""
    if noise is None:
        runs = "two runs of each customer (epochs: 2) would tell how much is the agent's own chance"
        return "; ".join(part for part in (customers, runs) if part)
    best = what_next(noise, costs={"sessions": noise.epochs + NEW_CUSTOMER, "epochs": 1.0})[0]
    what = {"sessions": "more customers", "epochs": "more runs of each customer"}[best.what]
    return "; ".join(part for part in (f"{what} first", customers) if part)
