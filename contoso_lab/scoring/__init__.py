"""Scores: what a recorded call was worth, and how sure we are.

Everything here reads recordings, never connections, so a call can be scored again next year.

>>> Score.missing("nobody answered")
could not tell: nobody answered
"""

from __future__ import annotations

from contoso_lab.scoring.run import default_scorers, score
from contoso_lab.scoring.scores import Row, Scores
from contoso_lab.scoring.summary import Summary
from contoso_lab.scoring.value import Metric, Mode, Score, Scorer, Status, scorer

__all__ = [
    "Metric",
    "Mode",
    "Row",
    "Score",
    "Scorer",
    "Scores",
    "Status",
    "Summary",
    "default_scorers",
    "score",
    "scorer",
]
