"""A page of facts about each recording of a folder, kept beside them so that thousands are listed at once.

The index is a copy of what the manifests say, and nothing depends on it: a row is believed while its manifest has the
age and the size that it had, and read again otherwise; an index that is missing, damaged, of another version or in a
folder that cannot be written is done without. It is a Parquet file, so that other programs can read it, too:

    SELECT id, customer FROM 'runs/.index/recordings.parquet' WHERE persona = 'voice'

Any number of programs may read and write it at the same time: it is replaced as a whole.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from contoso_lab.errors import RecordingError
from contoso_lab.home import may_be_written
from contoso_lab.recording.entries import EVENTS
from contoso_lab.recording.manifest import MANIFEST, Manifest
from contoso_lab.recording.spool import SPOOL

INDEX = ".index"
"""The folder of what is kept beside the recordings; git leaves it out, for it is made again."""
INDEX_FILE = "recordings.parquet"
_VERSION = b"1"
# A file that was written to within this time before it was looked at may be written to again and look just as old.
_FRESH_NS = 2_000_000_000

ROW: dict[str, str] = {
    "id": "string",
    "created_at": "string",
    "status": "string",
    "persona": "string",
    "customer": "string",
    "scenario": "string",
    "mode": "string",
    "replay_of": "string",
    "target": "string",
    "model": "string",
    "duration_s": "float64",
    "end_reason": "string",
    "synthetic": "bool",
    "consent": "string",
    "keep_until": "string",
    "redacted": "bool",
    "problem": "string",
    "path": "string",
}
"""What is known of each recording, by name and type; the columns of `list_recordings`."""
_KEYS = {"folder": "string", "manifest_ns": "int64", "manifest_bytes": "int64"}


def rows_of(root: Path) -> list[dict[str, Any]]:
    """Tell what the manifests below a folder say, newest name first, and bring the index up to date.

    A folder that does not exist holds nothing. A recording whose manifest cannot be read has its row too.
    """
    known = _read(root)
    rows: list[dict[str, Any]] = []
    changed = False
    looked_ns = time.time_ns()
    for folder, age_ns, size in _bundles(root):
        row = known.pop(folder, None)
        if row is None or (row["manifest_ns"], row["manifest_bytes"]) != (age_ns, size) or age_ns < 0:
            trusted_ns = age_ns if looked_ns - age_ns > _FRESH_NS else -1
            row = {**_row(root / folder), "folder": folder, "manifest_ns": trusted_ns, "manifest_bytes": size}
            changed = True
        rows.append(row)
    if (changed or known) and rows:
        _write(root, rows)
    rows.sort(key=lambda row: row["folder"], reverse=True)
    return [{**{name: row[name] for name in ROW}, "path": str(root / row["folder"])} for row in rows]


def write_beside(place: Path, tables: Any) -> None:
    """Write a pyarrow table to a hidden draft and put it in place as a whole; raises OSError."""
    import pyarrow.parquet as pq

    put_beside(place, lambda draft: pq.write_table(tables, draft, write_page_checksum=True))


def put_beside(place: Path, write: Callable[[Path], object]) -> None:
    """Let something that can be made again be written to a hidden draft, and put it in place; raises OSError."""
    may_be_written(place)
    place.parent.mkdir(exist_ok=True)
    ignore = place.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text("# made again from the recordings whenever it is missing\n*\n", encoding="utf-8")
    draft = place.with_name(f".{place.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        write(draft)
        os.replace(draft, place)
    finally:
        draft.unlink(missing_ok=True)


def has_parquet() -> bool:
    """Whether the package that reads and writes Parquet is installed; without it everything is read anew."""
    try:
        import pyarrow.parquet  # noqa: F401 - only asked whether it is there
    except ImportError:
        return False
    return True


def _bundles(root: Path) -> Iterable[tuple[str, int, int]]:
    """The folders that hold a recording, with the age and size of the manifest; -1 where there is none."""
    try:
        folders = [entry.name for entry in os.scandir(root) if not entry.name.startswith(".") and entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in folders:
        try:
            status = os.stat(root / name / MANIFEST)
        except OSError:
            if any((root / name / left).exists() for left in (EVENTS, SPOOL)):
                yield name, -1, -1
            continue
        yield name, status.st_mtime_ns, status.st_size


def _row(folder: Path) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(ROW)
    try:
        manifest = Manifest.load(folder)
    except RecordingError as error:
        return {**empty, "id": folder.name, "status": "unreadable", "problem": str(error)}
    duration_ms = manifest.counts.get("duration_ms")
    return {
        **empty,
        **{name: getattr(manifest, name) for name in ROW if name in Manifest.model_fields},
        "target": manifest.target.kind,
        "model": manifest.target.model,
        "duration_s": None if duration_ms is None else duration_ms / 1000,
        "keep_until": manifest.retention.keep_until,
        "redacted": bool(manifest.redactions),
        "problem": "" if manifest.status == "closed" else "not closed: it is being written, or was cut",
    }


def _schema() -> Any:
    import pyarrow as pa

    fields = [pa.field(name, pa.type_for_alias(kind)) for name, kind in {**ROW, **_KEYS}.items()]
    return pa.schema(fields, metadata={b"contoso_lab.index": _VERSION})


def _read(root: Path) -> dict[str, dict[str, Any]]:
    place = root / INDEX / INDEX_FILE
    if not place.exists() or not has_parquet():
        return {}
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(place, page_checksum_verification=True).read()
    except (pa.ArrowException, OSError, ValueError):
        return {}  # damaged: it is made anew
    if not table.schema.equals(_schema(), check_metadata=False) or (
        (table.schema.metadata or {}).get(b"contoso_lab.index") != _VERSION
    ):
        return {}
    return {row["folder"]: row for row in table.to_pylist()}


def _write(root: Path, rows: list[dict[str, Any]]) -> None:
    if not has_parquet():
        return
    import pyarrow as pa

    schema = _schema()
    with contextlib.suppress(OSError):  # a folder that cannot be written is read every time
        write_beside(root / INDEX / INDEX_FILE, pa.Table.from_pylist(rows, schema=schema))
