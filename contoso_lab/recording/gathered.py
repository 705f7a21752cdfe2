"""The turns of all recordings of a folder in one file beside them, so that thousands are read at once.

Like the index it is a copy: of the tables that the recordings keep (`derived`), each row with what it was made of.
What does not fit is taken from its recording, or worked out from its events, and gathered again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from contoso_lab.errors import RecordingError
from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.derived import Input, keep_turns, kept_turns, schema, turn_rows
from contoso_lab.recording.index import INDEX, write_beside

GATHERED_FILE = "turns.parquet"
_KEY = ["folder", "rules_version", "input_bytes", "input_ns"]
_SAVE_EVERY = 500


def gather(root: Path, folders: Iterable[str], unread: list[str]) -> Any:
    """The turns of some recordings below `root`, as one pyarrow table; columns as in `derived.schema`, and `folder`.

    What was worked out stays in the recordings, and every 500 recordings in the file, so that a run that is
    interrupted goes on where it was. A recording that cannot be read adds a sentence to `unread`.
    """
    import pyarrow as pa

    before = _read(root)
    known = _known(before)
    fresh: list[str] = []
    new: list[Any] = []
    for folder in folders:
        made_of = Input.of(root / folder)
        if made_of is not None and known.get(folder) == made_of:
            fresh.append(folder)
        elif (table := _turns(root / folder, unread)) is not None:
            new.append(table.add_column(0, "folder", pa.array([folder] * table.num_rows, pa.string())))
            if len(new) % _SAVE_EVERY == 0:
                _write(root, before, new)
    if new:
        _write(root, before, new)
    return pa.concat_tables([_only(before, fresh), *new])


def _turns(folder: Path, unread: list[str]) -> Any | None:
    table = kept_turns(folder)
    if table is None:
        try:
            return keep_turns(folder, turn_rows(Recording.open(folder)))
        except RecordingError as error:
            unread.append(str(error))
    return table


def _known(table: Any) -> dict[str, Input]:
    keys = table.select(_KEY).group_by(_KEY).aggregate([]).to_pylist()
    return {row["folder"]: Input(*(row[name] for name in _KEY[1:])) for row in keys}


def _only(table: Any, folders: list[str]) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return table.filter(pc.is_in(table["folder"], value_set=pa.array(folders, pa.string())))


def _schema() -> Any:
    import pyarrow as pa

    return schema().insert(0, pa.field("folder", pa.string()))


def _read(root: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(root / INDEX / GATHERED_FILE, page_checksum_verification=True).read()
    except (pa.ArrowException, OSError, ValueError):
        return _schema().empty_table()  # there is none, or it is damaged: it is made anew
    return table if table.schema.equals(_schema(), check_metadata=False) else _schema().empty_table()


def _write(root: Path, before: Any, new: list[Any]) -> None:
    """Put what is new beside what was there; what is open, or gone, or was replaced is left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    replaced = {table["folder"][0].as_py() for table in new}
    there = [name for name in before["folder"].unique().to_pylist() if name not in replaced and (root / name).is_dir()]
    whole = pa.concat_tables([_only(before, there), *new])
    with contextlib.suppress(OSError):  # a folder that cannot be written is gathered every time
        write_beside(root / INDEX / GATHERED_FILE, whole.filter(pc.is_valid(whole["input_ns"])))
