"""Tables that are worked out from a recording once and kept in it: `derived/turns.parquet`.

A table says of which events it was made, by their size, age and hash, and by which version of the rules. One that
does not fit is made again. What is still open is worked out anew each time, and nothing is kept of it.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from contoso_lab.recording.entries import EVENTS
from contoso_lab.recording.index import has_parquet, write_beside
from contoso_lab.recording.spool import SPOOL
from contoso_lab.recording.tables import TURN_COLUMNS, turns_table

if TYPE_CHECKING:
    import pandas as pd

    from contoso_lab.recording.bundle import Recording

TURNS = "derived/turns.parquet"
RULES_VERSION = 1
"""Of the fold from events to turns; raised when the same events give other turns."""
_NUMBERS = frozenset(name for name in TURN_COLUMNS if name.endswith("_ms"))
_COLUMNS = {"recording": "string", "turn": "int64"} | {
    name: "float64" if name in _NUMBERS else "string" for name in TURN_COLUMNS
}
_INPUT = {"rules_version": "int64", "input_bytes": "int64", "input_ns": "int64", "input_sha256": "string"}
COLLECTED = (*_COLUMNS,)
"""The columns of the turns of several recordings: those of `Recording.turns`, with the recording and a number."""


class Input(NamedTuple):
    """What a table was made of."""

    rules_version: int
    size_bytes: int
    age_ns: int

    @classmethod
    def of(cls, folder: Path) -> Input | None:
        """The events of a recording as they are now; None while more may come, or when there are none."""
        if (folder / SPOOL).exists():
            return None
        try:
            status = (folder / EVENTS).stat()
        except OSError:
            return None
        return cls(RULES_VERSION, status.st_size, status.st_mtime_ns)


def turns_of(recording: Recording) -> pd.DataFrame:
    """The turns of one recording, with its id and their number; worked out, without a look at what is kept."""
    frame = turns_table(recording.conversation.turns)
    frame.insert(0, "turn", range(len(frame)))
    frame.insert(0, "recording", recording.id)
    return frame


def keep_turns(folder: Path, turns: pd.DataFrame) -> Path | None:
    """Keep the turns of a recording in it; None when it is open, or when it cannot be written."""
    made_of = Input.of(folder)
    if made_of is None or not has_parquet():
        return None
    import pyarrow as pa

    digest = hashlib.sha256((folder / EVENTS).read_bytes()).hexdigest()
    if Input.of(folder) != made_of:
        return None  # it changed while it was read
    rows = [dict(zip(COLLECTED, _plain(row), strict=True)) for row in turns.itertuples(index=False)]
    facts = dict(zip(_INPUT, (*made_of, digest), strict=True))
    # A recording without a turn has one row that says of what it was made, and no turn number.
    table = pa.Table.from_pylist([row | facts for row in rows] or [dict.fromkeys(COLLECTED) | facts], schema=schema())
    place = folder / TURNS
    with contextlib.suppress(OSError):  # a folder that cannot be written is worked out every time
        write_beside(place, table)
        return place
    return None


def kept_turns(folder: Path) -> Any | None:
    """The kept table of one recording as a pyarrow table; None when there is none, or none that fits."""
    place, made_of = folder / TURNS, Input.of(folder)
    if made_of is None or not has_parquet() or not place.exists():
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(place, page_checksum_verification=True).read()
    except (pa.ArrowException, OSError, ValueError):
        return None  # damaged: it is made anew
    if not table.schema.equals(schema(), check_metadata=False) or not table.num_rows:
        return None
    first = table.slice(0, 1).to_pylist()[0]
    return table if _fits(folder, made_of, first) else None


def schema() -> Any:
    """The columns of a kept table, as a pyarrow schema."""
    import pyarrow as pa

    return pa.schema([pa.field(name, pa.type_for_alias(kind)) for name, kind in {**_COLUMNS, **_INPUT}.items()])


def _fits(folder: Path, made_of: Input, row: dict[str, Any]) -> bool:
    if (row["rules_version"], row["input_bytes"]) != (made_of.rules_version, made_of.size_bytes):
        return False
    # A copy, or a checkout, has another age and the same events.
    if row["input_ns"] == made_of.age_ns:
        return True
    digest: str = row["input_sha256"]
    return digest == hashlib.sha256((folder / EVENTS).read_bytes()).hexdigest()


def _plain(row: tuple[Any, ...]) -> list[Any]:
    return [None if value != value else value for value in row]
