"""What the scorers said about some recordings: a long table, its summary, and both on a screen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.summary import Summary, summarise
from contoso_lab.scoring.tables import html_table, text_table
from contoso_lab.scoring.value import Metric, Score, Status, Value

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "contoso-lab scores 1"


@dataclass(frozen=True, slots=True)
class Row:
    """One score, and where it belongs."""

    metric: str
    recording: str
    scenario: str
    """What was replayed: two calls with the same scenario heard the same customer speech."""
    turn: int | None
    value: Value | None
    status: Status
    n: int
    reason: str
    unit: str
    at_least: float | None = None

    @classmethod
    def of(cls, score: Score, *, metric: Metric, recording: str, scenario: str, turn: int | None = None) -> Row:
        """The row of one score; `turn` is of one that names none."""
        unit = score.unit or metric.unit
        return cls(
            metric.name,
            recording,
            scenario,
            turn if score.turn is None else score.turn,
            score.value,
            score.status,
            score.n,
            score.reason,
            unit,
            score.at_least,
        )

    def to_dict(self) -> dict[str, object]:
        """Plain values, in column order."""
        # Written out: it is asked of every row of every call.
        return {
            "metric": self.metric, "recording": self.recording, "scenario": self.scenario, "turn": self.turn,
            "value": self.value, "status": self.status, "n": self.n, "reason": self.reason, "unit": self.unit,
            "at_least": self.at_least,
        }  # fmt: skip


COLUMNS = tuple(Row.__dataclass_fields__)


class Scores:
    """The scores of one run: one row for each metric, recording and turn.

    Show it to see the summary; `frame` has every row, `summary(name)` one metric with its interval.
    """

    def __init__(self, rows: Sequence[Row], metrics: Mapping[str, Metric], *, seed: int = 0) -> None:
        self.rows = tuple(rows)
        self.metrics = dict(metrics)
        self.seed = seed
        unknown = {row.metric for row in self.rows} - set(self.metrics)
        if unknown:
            raise ScoringError(f"rows name metrics that are not described: {', '.join(sorted(unknown))}")

    @property
    def frame(self) -> pd.DataFrame:
        """Every row, for your own questions; censored rows hold their bound in `at_least`."""
        import pandas as pd

        frame = pd.DataFrame([row.to_dict() for row in self.rows], columns=list(COLUMNS))
        return frame.astype({"turn": "Int64", "at_least": "Float64"})

    @property
    def recordings(self) -> tuple[str, ...]:
        """The calls that were scored, in order."""
        return tuple(dict.fromkeys(row.recording for row in self.rows))

    def of(self, metric: str) -> tuple[Row, ...]:
        """The rows of one metric."""
        if metric not in self.metrics:
            raise ScoringError(f"there is no metric '{metric}' here, only {', '.join(self.metrics)}")
        return tuple(row for row in self.rows if row.metric == metric)

    def summary(self, metric: str) -> Summary:
        """One metric over all calls, with its interval."""
        return summarise(self.metrics[metric], self.of(metric), seed=self.seed)

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """All metrics over all calls, in the order of the scorers."""
        return tuple(self.summary(name) for name in self.metrics)

    def table(self) -> pd.DataFrame:
        """One row for each metric: value, interval, tails where there are enough turns, and counts."""
        import pandas as pd

        return pd.DataFrame([summary.to_dict() for summary in self.summaries])

    def save(self, path: Path | str) -> Path:
        """Write JSON Lines: the metrics first, then one score a line; `Scores.load` reads it."""
        head = {
            "schema": SCHEMA,
            "seed": self.seed,
            "metrics": [metric.to_dict() for metric in self.metrics.values()],
        }
        lines = [json.dumps(head, ensure_ascii=False)]
        lines += [json.dumps(row.to_dict(), ensure_ascii=False, allow_nan=False) for row in self.rows]
        target = Path(path)
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return target

    @classmethod
    def load(cls, path: Path | str) -> Scores:
        """Read what `save` wrote.

        Raises:
            ScoringError: The file is not there or is not ours.
        """
        try:
            head, *lines = Path(path).read_text(encoding="utf-8").splitlines()
            described = json.loads(head)
            if described.get("schema") != SCHEMA:
                raise ScoringError(f"{path}: no scores of ours ('{SCHEMA}'); score the recordings again")
            metrics = [Metric.from_dict(metric) for metric in described["metrics"]]
            rows = [Row(**json.loads(line)) for line in lines]
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ScoringError(f"{path}: scores that cannot be read ({error}); score the recordings again") from error
        return cls(rows, {metric.name: metric for metric in metrics}, seed=described.get("seed", 0))

    def to_parquet(self, path: Path | str) -> Path:
        """Write `frame` as Parquet, for other tools.

        Raises:
            ScoringError: The package pyarrow is not installed; `save` needs none.
        """
        frame = self.frame
        # One column holds one type: a label or an assertion would not go with numbers.
        frame["label"] = [row.value if isinstance(row.value, str) else None for row in self.rows]
        frame["value"] = [None if isinstance(row.value, str) else row.value for row in self.rows]
        try:
            frame.astype({"value": "Float64"}).to_parquet(path, engine="pyarrow")
        except ImportError as error:
            raise ScoringError(
                "Parquet needs the package 'pyarrow': install it, or use save() for JSON Lines"
            ) from error
        return Path(path)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return "\n".join([self._heading, *text_table(Summary.HEAD, [summary.cells for summary in self.summaries])])

    def _repr_html_(self) -> str:
        summaries = self.summaries
        about = [summary.metric.about for summary in summaries]
        table = html_table(Summary.HEAD, [summary.cells for summary in summaries], titles=about)
        return f"<div><strong>{escape(self._heading)}</strong>{table}</div>"

    @property
    def _heading(self) -> str:
        calls = len(self.recordings)
        return f"Scores of {calls} call{'' if calls == 1 else 's'}"
