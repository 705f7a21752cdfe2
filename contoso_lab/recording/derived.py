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
from contoso_lab.recording.index import write_beside
from contoso_lab.recording.spool import SPOOL
from contoso_lab.recording.tables import TURN_COLUMNS

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

TURNS = "derived/turns.parquet"
RULES_VERSION = 1
"""Of the fold from events to turns; raised when the same events give other turns."""
COLUMNS = {"recording": "string", "turn": "int64"} | {
    name: "float64" if name.endswith("_ms") else "bool" if name == "off_policy" else "string" for name in TURN_COLUMNS
}
"""The turns of several recordings: the columns of `Recording.turns`, with the recording and a number, and types."""
_INPUT = {"rules_version": "int64", "input_bytes": "int64", "input_ns": "int64", "input_sha256": "string"}


class Input(NamedTuple):
    """What a table was made of."""

    rules_version: int
    size_bytes: int
    age_ns: int

    @classmethod
    def of(cls, folder: Path) -> Input | None:
        """The events of a recording as they are now; None while more may come, or when there are none."""
        try:
            status = (folder / EVENTS).stat()
        except OSError:
            return None
        return None if (folder / SPOOL).exists() else cls(RULES_VERSION, status.st_size, status.st_mtime_ns)

    def is_still(self, kept: Input, kept_sha256: str, folder: Path) -> bool:
        """Whether what was made of `kept` holds for the events of a recording as they are now, which is this."""
        if (self.rules_version, self.size_bytes) != (kept.rules_version, kept.size_bytes):
            return False
        # A copy, or a checkout, has another age and the same events.
        return self.age_ns == kept.age_ns or kept_sha256 == events_digest(folder)


def turn_rows(recording: Recording) -> list[dict[str, Any]]:
    """The turns of one recording, with its id and their number, by the names in `COLUMNS`."""
    return [
        {"recording": recording.id, "turn": number, **{name: getattr(turn, name) for name in TURN_COLUMNS}}
        for number, turn in enumerate(recording.conversation.turns)
    ]


def kept_turns(folder: Path) -> Any | None:
    """The kept table of one recording as a pyarrow table (`schema`); None when there is none, or none that fits."""
    place, made_of = folder / TURNS, Input.of(folder)
    if made_of is None or not place.exists():
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(place, page_checksum_verification=True).read()
    except (pa.ArrowException, OSError, ValueError):
        return None  # damaged: it is made anew
    if not table.schema.equals(schema(), check_metadata=False) or not table.num_rows:
        return None
    (first,) = table.slice(0, 1).to_pylist()
    *kept, sha256 = (first[name] for name in _INPUT)
    return table if made_of.is_still(Input(*kept), sha256, folder) else None


def keep_turns(folder: Path, rows: list[dict[str, Any]]) -> Any:
    """Keep the turns of a recording in it where that is possible, and give them as a pyarrow table (`schema`)."""
    import pyarrow as pa

    made_of = Input.of(folder)
    # A recording without a turn has one row that says of what it was made, and has no number.
    facts: dict[str, Any] = {}
    if made_of is not None:
        facts = dict(zip(_INPUT, (*made_of, events_digest(folder)), strict=True))
    table = pa.Table.from_pylist([row | facts for row in rows] or [facts], schema=schema())
    if made_of is not None and Input.of(folder) == made_of:  # else it changed while it was read
        with contextlib.suppress(OSError):  # a folder that cannot be written is worked out every time
            write_beside(folder / TURNS, table)
    return table


def schema() -> Any:
    """The columns of a kept table, as a pyarrow schema."""
    import pyarrow as pa

    return pa.schema([pa.field(name, pa.type_for_alias(kind)) for name, kind in {**COLUMNS, **_INPUT}.items()])


def events_digest(folder: Path) -> str:
    """The SHA-256 of a recording's events, in hex; raises OSError."""
    return hashlib.sha256((folder / EVENTS).read_bytes()).hexdigest()
