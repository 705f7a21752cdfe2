"""Recordings as data frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from contoso_lab.recording.index import ROW, rows_of
from contoso_lab.wire import Turn

if TYPE_CHECKING:
    import pandas as pd

    from contoso_lab.recording.collection import Recordings
    from contoso_lab.recording.log import RecordedEvent

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
    "off_policy",
)
"""The columns of `Recording.turns`, each a field of `Turn`."""

EVENT_COLUMNS = ("seq", "t_ms", "dir", "type", "item_id", "response_id", "off", "len", "ev")
"""The columns of `Recording.events.table()`."""

TOOL_COLUMNS = ("call_id", "name", "arguments", "output", "answered_ms", "response_id", "item_id")
"""The columns of `Recording.tool_calls`."""

LIST_COLUMNS = tuple(ROW)
"""The columns of `list_recordings`."""


def turns_table(turns: Sequence[Turn]) -> pd.DataFrame:
    """Put turns into a data frame, one row each."""
    import pandas as pd

    frame = pd.DataFrame([{name: getattr(turn, name) for name in TURN_COLUMNS} for turn in turns], columns=TURN_COLUMNS)
    numbers = [name for name in TURN_COLUMNS if name.endswith("_ms")]
    return frame.astype(dict.fromkeys(numbers, "float64"))


def list_recordings(root: str | PathLike[str] = "runs") -> Recordings:
    """List the recordings below a folder, newest first, by their manifests alone; the result is a data frame.

    A folder that holds no recordings, or does not exist, gives an empty table. A recording whose manifest cannot be
    read has its row too, with the reason under `problem`. An index beside the recordings makes it quick for
    thousands, and is made again when it does not fit (`contoso_lab.recording.index`).
    """
    from contoso_lab.recording.collection import Recordings

    return Recordings.of_rows(rows_of(Path(root)))


def tool_calls_table(turns: Sequence[Turn], output_ms: Mapping[str, float]) -> pd.DataFrame:
    """Put the functions that the model called into a data frame, one row each.

    Args:
        turns: of the conversation.
        output_ms: when the result of each call, by its id, was given back.
    """
    import pandas as pd

    rows = [
        {
            "call_id": call.call_id,
            "name": call.name,
            "arguments": call.arguments,
            "output": call.output,
            "answered_ms": output_ms.get(call.call_id),
            "response_id": turn.response_id,
            "item_id": call.item_id,
        }
        for turn in turns
        for call in turn.tool_calls
    ]
    return pd.DataFrame(rows, columns=TOOL_COLUMNS).astype({"answered_ms": "float64"})


def events_table(events: Iterable[RecordedEvent]) -> pd.DataFrame:
    """Put events into a data frame, one row each; `off` and `len` say where the sound of an event lies, in samples."""
    import pandas as pd

    rows = []
    for event in events:
        sound = next((part for key in ("audio", "delta") if isinstance(part := event.ev.get(key), dict)), {})
        rows.append(
            (
                event.seq,
                event.t_ms,
                event.dir,
                event.type,
                event.ev.get("item_id"),
                event.ev.get("response_id"),
                sound.get("off"),
                sound.get("len"),
                event.ev,
            )
        )
    frame = pd.DataFrame(rows, columns=EVENT_COLUMNS)
    return frame.astype({"t_ms": "float64", "off": "Int64", "len": "Int64"})
