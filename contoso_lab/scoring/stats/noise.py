"""Where the noise of a score comes from, and what to buy next to have less of it.

A score differs from call to call, from run to run of the same call (the agent), and from look to look at the same run
(the judge, or the machine that measures a wait). Nested repeats tell the three apart: calls are run several times
(epochs), and each run is judged, or replayed, several times (repeats).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from contoso_lab.errors import ScoringError

Source = Literal["judge", "host"]


@dataclass(frozen=True, slots=True)
class Noise:
    """Variances by their source, in the metric's unit squared."""

    calls: float
    """Between calls: what the customers bring."""
    agent: float
    """Between runs of the same call. 0 when each was run once: then it hides in `calls`."""
    measuring: float
    """Between looks at the same run."""
    measured_by: Source
    n_calls: int
    epochs: float
    """How often a call was run, on average."""
    repeats: float
    """How often a run was looked at, on average."""

    @property
    def total(self) -> float:
        """The variance of one score."""
        return self.calls + self.agent + self.measuring

    @property
    def shares(self) -> dict[str, float]:
        """The part of each source in the variance of one score."""
        whole = self.total or 1.0
        parts = {"calls": self.calls, "agent": self.agent, self.measured_by: self.measuring}
        return {name: part / whole for name, part in parts.items()}

    def variance_of_mean(self, calls: float, epochs: float, repeats: float) -> float:
        """Of the mean over so many calls, each run and looked at so often: `(ω² + σ²_A/K + σ²_J/(K·R))/n`."""
        return (self.calls + self.agent / epochs + self.measuring / (epochs * repeats)) / calls

    def __str__(self) -> str:
        return "noise: " + ", ".join(f"{name} {share:.0%}" for name, share in self.shares.items())


def split_noise(
    values: ArrayLike,
    calls: Sequence[Hashable],
    epochs: Sequence[Hashable],
    *,
    measured_by: Source = "judge",
) -> Noise:
    """Split the variance of scores by nested analysis of variance (Searle, Linear Models, ch. 10; unbalanced allowed).

    Rows with the same call and epoch are looks at the same run. A source that was never repeated gets 0, and its noise
    is counted with the source above it. Negative estimates count as 0.

    Args:
        values: One score a row.
        calls: The call (scenario) of each row.
        epochs: Which run of that call it is.
        measured_by: What a repeat repeats: the judge, or the machine.

    >>> rows = [(c, e, 10 * c + 3 * e + r) for c in range(4) for e in (-1, 1) for r in (-0.1, 0.1)]
    >>> noise = split_noise([v for _, _, v in rows], [c for c, _, _ in rows], [e for _, e, _ in rows])
    >>> round(noise.measuring, 3), round(noise.agent, 2)
    (0.02, 17.99)
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size != len(calls) or data.size != len(epochs) or data.size < 2:
        raise ScoringError(f"each of two or more scores needs its call and its run, not {data.size} scores alone")
    runs: dict[Hashable, dict[Hashable, list[float]]] = {}
    for value, call, epoch in zip(data, calls, epochs, strict=True):
        runs.setdefault(call, {}).setdefault(epoch, []).append(float(value))
    n, groups, cells = data.size, len(runs), sum(map(len, runs.values()))
    grand = float(data.mean())
    sizes = {call: sum(map(len, cell.values())) for call, cell in runs.items()}
    means = {call: sum(map(sum, cell.values())) / sizes[call] for call, cell in runs.items()}
    within = sum((v - np.mean(cell)) ** 2 for call in runs.values() for cell in call.values() for v in cell)
    between_runs = sum(len(c) * (np.mean(c) - means[call]) ** 2 for call, cell in runs.items() for c in cell.values())
    between_calls = sum(sizes[call] * (means[call] - grand) ** 2 for call in runs)
    squares = {call: sum(len(c) ** 2 for c in cell.values()) for call, cell in runs.items()}
    inner = sum(squares[call] / sizes[call] for call in runs)
    outer = sum(squares.values()) / n
    measuring = float(within) / (n - cells) if n > cells else 0.0
    agent = 0.0
    if cells > groups:
        looks = (n - inner) / (cells - groups)
        agent = max(0.0, (float(between_runs) / (cells - groups) - measuring) / looks)
    across = 0.0
    if groups > 1:
        looks, size = (inner - outer) / (groups - 1), (n - sum(s**2 for s in sizes.values()) / n) / (groups - 1)
        across = max(0.0, (float(between_calls) / (groups - 1) - measuring - looks * agent) / size)
    return Noise(across, agent, measuring, measured_by, groups, cells / groups, n / cells)


@dataclass(frozen=True, slots=True)
class Purchase:
    """One thing to buy more of, and what it brings."""

    what: str
    """"sessions", "epochs", "repeats" or "labels"."""
    cost: float
    se_before: float
    se_after: float

    @property
    def gain_per_cost(self) -> float:
        """How much variance goes for one unit of cost."""
        return (self.se_before**2 - self.se_after**2) / self.cost

    def __str__(self) -> str:
        return f"{self.what}: standard error {self.se_before:.3g} → {self.se_after:.3g} for {self.cost:g}"


def what_next(
    noise: Noise,
    *,
    costs: Mapping[str, float],
    label_variance: float = 0.0,
    labels: int = 0,
) -> list[Purchase]:
    """What lowers the standard error most for its price: more sessions, epochs, repeats, or labels by people.

    Each offer is a tenth more of what there is, at least one: one more session for each ten, one more run of every
    call, one more look at every run, one more label for each ten.

    Args:
        noise: What is known of the noise, with the numbers so far.
        costs: The price of one session, one run (epoch), one look (repeat) and one label, in any one currency; what is
            not priced is not offered.
        label_variance: Variance of people less judge (Y − λf), for a judge that is corrected.
        labels: How many labels there are.

    >>> noise = Noise(calls=1.0, agent=4.0, measuring=0.0, measured_by="judge", n_calls=20, epochs=1, repeats=1)
    >>> what_next(noise, costs={"sessions": 5.0, "epochs": 1.0})[0].what
    'epochs'
    """
    if bad := [name for name in costs if name not in ("sessions", "epochs", "repeats", "labels")]:
        raise ScoringError(f"a price is for sessions, epochs, repeats or labels, not for {bad[0]!r}")
    if any(not price > 0 for price in costs.values()):
        raise ScoringError("a price is above 0: what costs nothing needs no advice")
    n, k, r = float(noise.n_calls), noise.epochs, noise.repeats
    by_labels = label_variance / labels if labels else 0.0
    now = noise.variance_of_mean(n, k, r) + by_labels
    more = max(1, round(n / 10))
    more_labels = max(1, round(labels / 10))
    offers = {
        "sessions": (more * costs.get("sessions", 0.0), noise.variance_of_mean(n + more, k, r) + by_labels),
        "epochs": (n * costs.get("epochs", 0.0), noise.variance_of_mean(n, k + 1, r) + by_labels),
        "repeats": (n * k * costs.get("repeats", 0.0), noise.variance_of_mean(n, k, r + 1) + by_labels),
    }
    if labels:
        after = noise.variance_of_mean(n, k, r) + label_variance / (labels + more_labels)
        offers["labels"] = (more_labels * costs.get("labels", 0.0), after)
    found = [Purchase(w, cost, now**0.5, after**0.5) for w, (cost, after) in offers.items() if w in costs]
    return sorted(found, key=lambda offer: -offer.gain_per_cost)
