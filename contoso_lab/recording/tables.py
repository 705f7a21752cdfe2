"""Recordings as data frames."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import RecordingError
from contoso_lab.recording.manifest import MANIFEST, Manifest
from contoso_lab.wire import Turn

if TYPE_CHECKING:
    import pandas as pd

TURN_COLUMNS = (
    "item_id",
    "role",
    "text",
    "heard",
    "status",
    "started_ms",
    "stopped_ms",
    "audio_ms",
    "heard_ms",
    "response_id",
)
"""The columns of `Recording.turns`, each a field of `Turn`."""

LIST_COLUMNS = (
    "id",
    "created_at",
    "status",
    "persona",
    "customer",
    "scenario",
    "target",
    "model",
    "duration_s",
    "synthetic",
    "problem",
    "path",
)
"""The columns of `list_recordings`."""


def turns_table(turns: Sequence[Turn]) -> pd.DataFrame:
    """Put turns into a data frame, one row each."""
    import pandas as pd

    frame = pd.DataFrame([{name: getattr(turn, name) for name in TURN_COLUMNS} for turn in turns], columns=TURN_COLUMNS)
    numbers = [name for name in TURN_COLUMNS if name.endswith("_ms")]
    return frame.astype(dict.fromkeys(numbers, "float64"))


def list_recordings(root: str | PathLike[str] = "runs") -> pd.DataFrame:
    """List the recordings below a folder, newest first, by their manifests alone.

    A folder that holds no recordings, or does not exist, gives an empty table. A recording whose manifest cannot be
    read has its row too, with the reason under `problem`.
    """
    import pandas as pd

    places = sorted((place.parent for place in Path(root).glob(f"*/{MANIFEST}")), reverse=True)
    return pd.DataFrame([_row(place) for place in places], columns=LIST_COLUMNS)


def _row(folder: Path) -> dict[str, Any]:
    try:
        manifest = Manifest.load(folder)
    except RecordingError as error:
        return {"id": folder.name, "status": "unreadable", "problem": str(error), "path": str(folder)}
    duration_ms = manifest.counts.get("duration_ms")
    return {
        "id": manifest.id,
        "created_at": manifest.created_at,
        "status": manifest.status,
        "persona": manifest.persona,
        "customer": manifest.customer,
        "scenario": manifest.scenario,
        "target": manifest.target.kind,
        "model": manifest.target.model,
        "duration_s": None if duration_ms is None else duration_ms / 1000,
        "synthetic": manifest.synthetic,
        "problem": "" if manifest.status == "closed" else "not closed: it is being written, or was cut",
        "path": str(folder),
    }
