"""The results of a suite on disk: one row a score, as Parquet, in a folder that only grows.

```
runs/evals/<id>/run.json            the suite as it was, variants, signatures, versions, when
runs/evals/<id>/scores/*.parquet    one row a score
```

Pandas reads it in one line: `pd.read_parquet("runs/evals/<id>/scores")`.

A score carries the signature of the scorer that gave it. When a scorer, a judge's prompt or its model has changed,
the old rows and the new are different metrics: they are never added up together without a word.
"""

from __future__ import annotations

import json
import platform
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import contoso_lab
from contoso_lab.errors import MissingExtra, ScoringError
from contoso_lab.recording.manifest import new_id, safe_name, write_whole
from contoso_lab.scoring.pairing import repetitions
from contoso_lab.scoring.scores import Row, Scores
from contoso_lab.scoring.value import Metric

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "contoso-lab results 1"
COLUMNS: dict[str, str] = {
    "run": "string",
    "suite": "string",
    "variant": "string",
    "recording": "string",
    "scenario": "string",
    "epoch": "Int64",
    "turn": "Int64",
    "metric": "string",
    "value": "Float64",
    "label": "string",
    "status": "string",
    "n": "Int64",
    "reason": "string",
    "unit": "string",
    "at_least": "Float64",
    "signature": "string",
    "scored_at": "string",
}
"""Assertions stand in `value` as 1 and 0, texts in `label`; `value` is empty unless `status` is ok. `epoch` counts from
0 how often the scenario was run with the variant before."""


@dataclass(slots=True)
class Results:
    """What one run of a suite found; made by `Results.create`, read by `Results.open`."""

    path: Path
    about: dict[str, Any] = field(repr=False)

    @classmethod
    def create(cls, root: Path, *, suite: Mapping[str, Any], suite_sha256: str, now: datetime | None = None) -> Results:
        """Make the folder of a new run below `root`."""
        at = now or datetime.now(UTC)
        path = root / f"{suite['suite']}-{new_id(at, secrets.token_hex(2))}"
        path.mkdir(parents=True)
        about = {
            "schema": SCHEMA,
            "id": path.name,
            "suite": dict(suite),
            "suite_sha256": suite_sha256,
            "made_at": at.astimezone(UTC).isoformat(),
            "version": contoso_lab.__version__,
            "python": platform.python_version(),
            "metrics": {},
            "recordings": {},
            "epochs": {},
            "finished_at": None,
        }
        results = cls(path, about)
        results._save()
        return results

    @classmethod
    def open(cls, path: Path | str) -> Results:
        """Read a run.

        Raises:
            ScoringError: there is none, or a later program made it.
        """
        place = Path(path)
        try:
            about = json.loads((place / "run.json").read_bytes())
        except (OSError, ValueError) as problem:
            raise ScoringError(
                f"{place} holds no results (run.json: {problem}): run contoso-lab eval run first"
            ) from problem
        if not isinstance(about, dict) or about.get("schema") != SCHEMA:
            raise ScoringError(
                f"{place}/run.json is not '{SCHEMA}': run the suite again, or install a newer contoso-lab"
            )
        return cls(place, about)

    @classmethod
    def unfinished(cls, root: Path, *, suite: str, suite_sha256: str) -> Results | None:
        """The newest run of this very suite that was cut off before its end; None when there is none."""
        for place in sorted(root.glob(f"{suite}-*/run.json"), key=lambda path: path.stat().st_mtime, reverse=True):
            try:
                found = cls.open(place.parent)
            except ScoringError:
                continue  # of a later program, or damaged: not ours to go on with
            if found.about["suite_sha256"] == suite_sha256 and found.about.get("finished_at", "earlier") is None:
                return found
        return None

    def finish(self) -> None:
        """Note that the run has come to its end; it is not gone on with any more."""
        self.about["finished_at"] = datetime.now(UTC).isoformat()
        self._save()

    def holds(self, variant: str, signatures: Mapping[str, str], recordings: Sequence[Path]) -> bool:
        """Whether these recordings were scored for a variant by these very scorers."""
        known = self.signatures(variant)
        return self.recordings(variant) == list(recordings) and known == dict(signatures)

    @property
    def id(self) -> str:
        """The name of the run."""
        return str(self.about["id"])

    @property
    def variants(self) -> tuple[str, ...]:
        """Whom it compared."""
        return tuple(self.about["suite"]["variants"])

    def append(
        self, variant: str, scores: Scores, signatures: Mapping[str, str], *, recordings: Sequence[Path] = ()
    ) -> None:
        """Add the scores of a variant: a new file, whole or not at all; earlier ones stay as they are."""
        pa, pq = _pyarrow()
        at = datetime.now(UTC).isoformat()
        epochs = self.about.setdefault("epochs", {}).setdefault(variant, {})
        for recording, epoch in repetitions(scores.rows).items():
            epochs.setdefault(recording, epoch)
        rows = [self._row(variant, row, signatures[row.metric], at) for row in scores]
        frame = _typed(rows)
        folder = self.path / "scores"
        folder.mkdir(exist_ok=True)
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink)
        number = len(list(folder.glob("*.parquet")))
        write_whole(folder / f"{number:04d}-{safe_name(variant, 'variant')}.parquet", sink.getvalue().to_pybytes())
        self.about["metrics"].update({name: metric.to_dict() for name, metric in scores.metrics.items()})
        known = self.about["recordings"].setdefault(variant, [])
        known += [str(path) for path in recordings if str(path) not in known]
        self._save()

    @property
    def frame(self) -> pd.DataFrame:
        """Every row, in the order in which it was written."""
        import pandas as pd

        files = sorted((self.path / "scores").glob("*.parquet"))
        frames = [pd.read_parquet(file) for file in files]
        return pd.concat(frames, ignore_index=True) if frames else _typed([])

    def scores(self, variant: str) -> Scores:
        """The scores of one variant, the newest of each metric, recording and turn.

        Raises:
            ScoringError: there is no such variant, or two signatures of one metric stand beside each other for
                different recordings, so that they would be mixed.
        """
        if variant not in self.variants:
            raise ScoringError(f"{self.id} has no variant {variant!r}, only {', '.join(self.variants)}")
        frame = self.frame
        frame = frame[frame["variant"] == variant].drop_duplicates(["metric", "recording", "turn"], keep="last")
        mixed = frame.groupby("metric")["signature"].nunique()
        if (mixed > 1).any():
            names = ", ".join(mixed[mixed > 1].index)
            raise ScoringError(
                f"{self.id}: {names} was computed by two versions of its scorer: score all recordings again "
                f"(contoso-lab eval rescore {self.path})"
            )
        metrics = {name: Metric.from_dict(self.about["metrics"][name]) for name in dict.fromkeys(frame["metric"])}
        return Scores(
            [_back(row) for row in frame.to_dict("records")], metrics, seed=int(self.about["suite"].get("seed", 0))
        )

    def signatures(self, variant: str) -> dict[str, str]:
        """The signature of each metric's scorer, as it was last."""
        frame = self.frame
        frame = frame[frame["variant"] == variant]
        return dict(zip(frame["metric"], frame["signature"], strict=True))

    def recordings(self, variant: str) -> list[Path]:
        """The folders of a variant's recordings."""
        return [Path(path) for path in self.about["recordings"].get(variant, [])]

    def _row(self, variant: str, row: Row, signature: str, at: str) -> dict[str, Any]:
        plain = row.to_dict()
        label = row.value if isinstance(row.value, str) else None
        value = None if row.value is None or isinstance(row.value, str) else float(row.value)
        epoch = self.about["epochs"][variant][row.recording]
        own = {"run": self.id, "suite": self.about["suite"]["suite"], "variant": variant, "epoch": epoch}
        return {
            **{k: plain.get(k) for k in COLUMNS},
            **own,
            "value": value,
            "label": label,
            "signature": signature,
            "scored_at": at,
        }

    def _save(self) -> None:
        write_whole(self.path / "run.json", json.dumps(self.about, indent=1, ensure_ascii=False).encode())

    def __repr__(self) -> str:
        return f"<Results {self.id}: {', '.join(self.variants)}; {len(self.frame)} scores>"

    def _repr_html_(self) -> str:
        return "".join(self.scores(variant)._repr_html_() for variant in self.variants)


def _typed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _back(row: dict[Any, Any]) -> Row:
    """A row of the table as the score that it was; assertions come back as numbers, which add up the same."""
    import pandas as pd

    plain: dict[str, Any] = {str(key): None if pd.isna(value) else value for key, value in row.items()}
    value = plain["label"] if plain["label"] is not None else plain["value"]
    turn = None if plain["turn"] is None else int(plain["turn"])
    at_least = None if plain["at_least"] is None else float(plain["at_least"])
    return Row(
        metric=plain["metric"], recording=plain["recording"], scenario=plain["scenario"] or "", turn=turn,
        value=value, status=plain["status"], n=int(plain["n"]), reason=plain["reason"] or "", unit=plain["unit"] or "",
        at_least=at_least,
    )  # fmt: skip


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as problem:
        raise MissingExtra("keeping results", package="pyarrow", extra="eval") from problem
    return pa, pq
