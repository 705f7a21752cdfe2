"""The pictures of a run's page: waits, customer against customer, the gate, and kinds of customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contoso_lab.recording import Recording
from contoso_lab.report.charts import MOST_LINES, by_slice, paired_dots, waits_ecdf
from contoso_lab.report.comparison import Comparison
from contoso_lab.report.gate_chart import gate_confusion
from contoso_lab.scoring.gates import prefixes
from contoso_lab.scoring.scores import Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAIT = "voice_to_voice_ms"
GATES = ("gate_right", "gate_timing")
MOST_GATES = 3


def pictures(
    scores: Mapping[str, Scores], comparisons: Sequence[Comparison], places: Mapping[tuple[str, str], Path]
) -> list[tuple[Figure, str]]:
    """All that can be drawn of a run, each with the sentence that says what is seen."""
    told = {name: found for name, found in scores.items() if _told(found, WAIT)}
    drawn: list[tuple[Figure, str]] = []
    if told:
        some = dict(list(told.items())[:MOST_LINES])
        drawn.append((waits_ecdf(some), "Which share of turns was answered within a time; ticks are turns given up"))
    for comparison in comparisons:
        first, second = comparison.names
        metric = _headline(comparison)
        if metric is not None:
            figure = paired_dots(scores[first], scores[second], metric, names=comparison.names)
            drawn.append((figure, f"{metric} of each customer, with {first} and with {second}"))
    if any(metric in found.metrics for found in scores.values() for metric in GATES):
        runs = {name: [p for path in _of(places, name) for p in prefixes(Recording.open(path))] for name in scores}
        some_runs = dict(list(runs.items())[:MOST_GATES])
        if any(some_runs.values()):
            drawn.append(
                (gate_confusion(some_runs), "After each turn: would a page have been right, and did one come?")
            )
    for name, found in list(told.items())[:2]:
        slices = {path.name: Recording.open(path).manifest.customer or "nobody known" for path in _of(places, name)}
        if len(set(slices.values())) > 1:
            figure = by_slice(found, WAIT, slices)
            drawn.append((figure, f"The mean wait with {name}, by customer; hollow: too few calls for an interval"))
    return drawn


def _headline(comparison: Comparison) -> str | None:
    """The metric that is drawn customer by customer: one that is better or worse, the wait unless there is one."""
    differing = [d for d in comparison if d.verdict is not None and d.difference is not None]
    said = [d.metric.name for d in differing if d.verdict is not None and d.verdict.word in ("better", "worse")]
    if said and WAIT not in said:
        return said[0]
    return WAIT if any(d.metric.name == WAIT for d in differing) else None


def _told(found: Scores, metric: str) -> bool:
    return metric in found.metrics and any(row.status == "ok" for row in found.of(metric))


def _of(places: Mapping[tuple[str, str], Path], variant: str) -> list[Path]:
    return [path for (name, _), path in places.items() if name == variant]
