"""Before anything is paid for: what a suite can show, and what it will cost.

How much calls differ is taken from the last run of the suite; where there is none, from its recordings as they are;
where there are none either, a share is taken to be as unsettled as a share can be.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from contoso_lab.errors import ScoringError
from contoso_lab.evaluation.results import Results
from contoso_lab.evaluation.suite import Suite
from contoso_lab.report.comparison import compare
from contoso_lab.scoring.scores import Scores
from contoso_lab.scoring.stats.planning import Plan, plan
from contoso_lab.scoring.value import Metric

ALIKE = 0.5
"""How alike two runs of one call are taken to be, where no run has told."""
MOST_SPREAD = 0.5
"""The spread of a yes or no that is as likely as not: no share has more."""


def what_can_be_shown(
    suite: Suite, metrics: Mapping[str, Metric], sessions: int, *, earlier: Scores | Sequence[Scores] | None = None
) -> list[str]:
    """A sentence for each metric that gets a verdict: the smallest difference that so many sessions can show.

    Args:
        suite: whose gates say which metrics and which margins matter; all that get a verdict unless one does.
        metrics: of its scorers.
        sessions: pairs of customers whom both variants answer; several epochs of one count once.
        earlier: the scores of two variants of an earlier run, or those of the recordings.

    >>> from contoso_lab.scoring.value import Metric
    >>> one = Suite.model_validate({"suite": "one", "variants": {"a": {}, "b": {}}})
    >>> print(*what_can_be_shown(one, {"kept": Metric("kept", unit="share")}, 30))
    kept: with 30 sessions the smallest difference that can be shown is 0.256 (the spread is a guess)
    """
    asked = {gate.metric: gate.margin for gate in suite.gates if gate.verdict is not None}
    judged = [metric for metric in metrics.values() if metric.judged and (not asked or metric.name in asked)]
    told = []
    for metric in judged:
        # A gate looks at its metric alone; without gates all of them share the level.
        family = 1 if asked else len(judged)
        found, source = _plan(metric, sessions, family, earlier, asked.get(metric.name))
        told.append(f"{metric.name}: {_sentence(found, source)}")
    return told


def _plan(
    metric: Metric, sessions: int, family: int, earlier: Scores | Sequence[Scores] | None, wanted: float | None
) -> tuple[Plan | None, str]:
    more: dict[str, Any] = {"unit": metric.unit, "metrics": family, "wanted": wanted}
    if isinstance(earlier, Sequence) and len(earlier) == 2:
        first, second = earlier
        if metric.name in first.metrics and metric.name in second.metrics:
            difference = compare(first, second)[metric.name].difference
            if difference is not None and difference.se:
                return plan(sessions, pilot=difference, **more), "by the last run of this suite"
    one = earlier if isinstance(earlier, Scores) else earlier[0] if earlier else None
    if one is not None and (sd := _spread(metric, one)) is not None:
        whose = "the recordings" if isinstance(earlier, Scores) else "the calls of the last run"
        return plan(sessions, sd=sd, correlation=ALIKE, **more), f"by how much {whose} differ"
    if metric.unit == "share":
        return plan(sessions, sd=MOST_SPREAD, correlation=ALIKE, **more), "the spread is a guess"
    return None, ""


def _spread(metric: Metric, scores: Scores) -> float | None:
    """How far the means of the scenarios lie apart; None when that cannot be told."""
    if metric.name not in scores.metrics:
        return None
    found: dict[str, list[float]] = defaultdict(list)
    for row in scores.of(metric.name):
        if row.status == "ok" and isinstance(row.value, int | float):
            found[row.scenario].append(float(row.value))
    spread = float(np.std([np.mean(values) for values in found.values()], ddof=1)) if len(found) > 1 else math.nan
    return spread if spread > 0 else None


def _sentence(found: Plan | None, source: str) -> str:
    if found is None:
        return "how much calls differ is not known before the first run, so nothing can be said of what they will show"
    sessions = f"{found.calls} session{'' if found.calls == 1 else 's'}"
    if found.calls < found.fewest_calls:
        return f"{sessions} can show nothing, however large the difference: {found.fewest_calls} are the fewest"
    unit = f" {found.unit}" if found.unit not in ("", "share") else ""
    said = f"with {sessions} the smallest difference that can be shown is {found.mde:.3g}{unit} ({source})"
    if found.needed is None or found.wanted is None or found.needed <= found.calls:
        return said
    return f"{said}; one of {found.wanted:g}{unit} needs {found.needed}"


def last_run(root: Path, suite: Suite) -> tuple[Scores, Scores] | None:
    """The scores of the first two variants in the newest finished run of a suite; None when there is none."""
    names = list(suite.variants)[:2]
    for place in sorted(root.glob(f"{suite.suite}-*/run.json"), key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            found = Results.open(place.parent)
            if len(names) == 2 and set(names) <= set(found.about["recordings"]):
                return found.scores(names[0]), found.scores(names[1])
        except ScoringError:
            continue  # scored by two versions, or of a later program: the run before may do
    return None
