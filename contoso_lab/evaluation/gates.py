"""Gates: what must hold of a run. A gate that cannot be told fails, and says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from contoso_lab.errors import ScoringError
from contoso_lab.evaluation.suite import BASELINE, Gate
from contoso_lab.report.comparison import Difference, compare
from contoso_lab.scoring.scores import Scores
from contoso_lab.scoring.summary import show

Outcome = Literal["passed", "failed", "could not be told"]
ScoresOf = Callable[[str], Scores]
"""Gives the scores of a variant, or of the baseline of one as `baseline:<variant>`."""


@dataclass(frozen=True, slots=True, repr=False)
class GateResult:
    """What became of one gate."""

    gate: Gate
    outcome: Outcome
    said: str
    """The sentence that says why."""

    @property
    def passed(self) -> bool:
        """Whether it holds; what could not be told does not hold."""
        return self.outcome == "passed"

    def __str__(self) -> str:
        mark = {"passed": "✓", "failed": "✗", "could not be told": "?"}[self.outcome]
        return f"{mark} {self.gate}: {self.said}"

    __repr__ = __str__


def check_gates(
    gates: tuple[Gate, ...] | list[Gate], variants: tuple[str, ...], scores_of: ScoresOf, *, seed: int = 0
) -> list[GateResult]:
    """Try every gate; bounds that name no variant are tried on each."""
    results: list[GateResult] = []
    for gate in gates:
        if gate.verdict is None:
            for variant in (gate.variant,) if gate.variant else variants:
                results.append(_told(gate.model_copy(update={"variant": variant}), lambda g: _bound(g, scores_of)))
        else:
            results.append(_told(gate, lambda g: _verdict(g, scores_of, seed)))
    return results


def _told(gate: Gate, try_it: Callable[[Gate], GateResult]) -> GateResult:
    try:
        return try_it(gate)
    except ScoringError as problem:
        return GateResult(gate, "could not be told", str(problem))


def _bound(gate: Gate, scores_of: ScoresOf) -> GateResult:
    variant = str(gate.variant)
    scores = scores_of(variant)
    if (failed := _failed(gate, scores, variant)) is not None:
        return failed
    summary = scores.summary(gate.metric)
    estimate = summary.estimate
    if estimate is None or estimate.value != estimate.value:
        return GateResult(gate, "could not be told", f"{variant}: {summary.note or 'there was nothing to score'}")
    low = high = estimate.value
    if gate.sure:
        if estimate.interval is None:
            return GateResult(
                gate, "could not be told", f"{variant}: there is no interval ({estimate.note}): more calls give one"
            )
        low, high = estimate.interval
    holds = (gate.at_least is None or low >= gate.at_least) and (gate.at_most is None or high <= gate.at_most)
    number = show(estimate.value, summary.metric)
    said = f"{variant}: {number}"
    if estimate.interval is not None:
        said += f" ({' to '.join(show(end, summary.metric) for end in estimate.interval)})"
    said += f", {summary.n_ok} of {summary.n_total} told"
    return GateResult(gate, "passed" if holds else "failed", said)


def _verdict(gate: Gate, scores_of: ScoresOf, seed: int) -> GateResult:
    to = str(gate.to)
    first = scores_of(f"{BASELINE}:{to}" if gate.from_ == BASELINE else str(gate.from_))
    second = scores_of(to)
    for name, scores in ((str(gate.from_), first), (to, second)):
        if (failed := _failed(gate, scores, name)) is not None:
            return failed
    margins: Mapping[str, float] = {} if gate.margin is None else {gate.metric: gate.margin}
    found = compare(_only(first, gate.metric), _only(second, gate.metric), margins=margins, seed=seed)[gate.metric]
    if found.difference is None:
        return GateResult(gate, "could not be told", f"nothing could be paired between {gate.from_} and {to}")
    value, unit = found.difference.value, found.metric.unit
    interval = found.difference.interval
    between = "no interval" if interval is None else " to ".join(f"{end:+.3g}" for end in interval)
    said = f"{value:+.3g} {unit} ({between}); {found.because}".replace("  ", " ")
    if gate.verdict == "better":
        word = found.verdict.word if found.verdict else ""
        return GateResult(gate, "passed" if word == "better" else "failed", said)
    if interval is None:
        return GateResult(gate, "could not be told", said)
    return GateResult(gate, "passed" if _within(gate, found, interval) else "failed", said)


def _within(gate: Gate, found: Difference, interval: tuple[float, float]) -> bool:
    """Whether the interval stays inside the margin: on the bad side for 'not worse', on both for 'equivalent'.

    The interval is the two-sided 95 % one, so each side is tested at 2.5 %: a little stricter than TOST at 5 %.
    """
    margin = gate.margin or 0.0
    low, high = interval
    if gate.verdict == "equivalent":
        return -margin < low and high < margin
    return high < margin if found.metric.lower_is_better else low > -margin


def _failed(gate: Gate, scores: Scores, name: str) -> GateResult | None:
    """A gate does not pass on what is left when too much broke."""
    rows = scores.of(gate.metric)
    errors = [row for row in rows if row.status == "error"]
    if not errors or len(errors) <= gate.most_errors * len(rows):
        return None
    share = f"{len(errors)} of {len(rows)} scores of {name} failed"
    return GateResult(gate, "failed", f"{share}, first: {errors[0].reason}")


def _only(scores: Scores, metric: str) -> Scores:
    return Scores(scores.of(metric), {metric: scores.metrics[metric]}, seed=scores.seed)
