"""Baselines: the scores that were accepted last, in a file that is committed beside the suite.

Accepting one is a commit like any other: `contoso-lab eval accept RUN` writes the file, and a person looks at the diff.
A baseline holds the signature of each scorer. When a scorer has changed since, its old scores are of another metric,
and a gate that needs them says so instead of comparing the two.
"""

from __future__ import annotations

import json
from pathlib import Path

from contoso_lab.errors import ScoringError
from contoso_lab.evaluation.results import Results
from contoso_lab.home import may_be_written
from contoso_lab.marked_yaml import shown
from contoso_lab.recording.manifest import write_whole
from contoso_lab.scoring.scores import Scores
from contoso_lab.settings import HOME

FOLDER = HOME / "evals" / "baselines"


def accept(results: Results, *, folder: Path | None = None) -> list[Path]:
    """Write the scores of each variant as what later runs are held against."""
    place = folder or FOLDER
    try:
        may_be_written(place)
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScoringError(f"{shown(place)}: the baseline cannot be written ({error.strerror})") from error
    written = []
    for variant in results.variants:
        path = _path(place, results.about["suite"]["suite"], variant)
        results.scores(variant).save(path)
        head = {"run": results.id, "signatures": results.signatures(variant)}
        write_whole(path.with_suffix(".json"), (json.dumps(head, indent=1, sort_keys=True) + "\n").encode())
        written.append(path)
    return written


def baseline(suite: str, variant: str, signatures: dict[str, str], *, folder: Path | None = None) -> Scores:
    """The accepted scores of a variant, of those metrics whose scorers are still the same.

    Raises:
        ScoringError: nothing was accepted yet, or every scorer has changed since.
    """
    path = _path(folder or FOLDER, suite, variant)
    if not path.exists():
        raise ScoringError(
            f"{shown(path)}: nothing was accepted yet for {variant}: contoso-lab eval accept RUN, and commit"
        )
    scores = Scores.load(path)
    try:
        accepted = json.loads(path.with_suffix(".json").read_bytes())["signatures"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ScoringError(
            f"{shown(path.with_suffix('.json'))} cannot be read ({problem}): accept a run again"
        ) from problem
    same = [name for name in scores.metrics if accepted.get(name) == signatures.get(name)]
    if not same:
        raise ScoringError(
            f"{shown(path)}: its scorers have changed since it was accepted, so its scores are of other metrics: "
            "look at the new ones, then contoso-lab eval accept RUN"
        )
    rows = [row for row in scores if row.metric in same]
    return Scores(rows, {name: scores.metrics[name] for name in same}, seed=scores.seed)


def _path(folder: Path, suite: str, variant: str) -> Path:
    return folder / f"{suite}.{variant}.jsonl"
