"""Fold a spool into the bundle that people and programs read.

Folding may be done by anyone at any time: it is made beside the bundle and then put in place file by file, under a
lock, so that whoever is second finds it done, or does it again with the same result. The spool goes when the manifest
says that the recording is closed; until then it is the recording, and the folded files are a view of it.

| resource | acquired | released | on failure |
|---|---|---|---|
| the drafts, a hidden folder in the bundle | `fold` | put in place, or removed | removed, the bundle is as it was |
| the lock on the spool | for putting things in place | at once | at once; with the process, if it is killed |
| the spool | by the recorder | after a closed recording was put in place | kept, and folded by the next reader |
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from contoso_lab.errors import RecordingError
from contoso_lab.recording.entries import AUDIO, EVENTS, PROMPTS, Entries
from contoso_lab.recording.manifest import MANIFEST, Manifest
from contoso_lab.recording.spool import SPOOL, Kind, Record, read_spool
from contoso_lab.wire import Direction

try:
    import fcntl
except ImportError:  # a system without POSIX locks: the files are still replaced one by one, each as a whole
    fcntl = None  # type: ignore[assignment]

_DRAFTS = ".fold-"
# The events last: they refer to the others, and their age says how far the spool was folded.
_FILES = (f"{AUDIO}/in.wav", f"{AUDIO}/out.wav", PROMPTS, EVENTS)
_BUFFER_BYTES = 1 << 18
# Two writes within one tick of the file system's clock bear the same time.
_TICK_NS = 50_000_000
_DIRS: dict[int, Direction] = {
    Kind.FROM_CLIENT: "c2s",
    Kind.FROM_CLIENT_TEXT: "c2s",
    Kind.FROM_SERVER: "s2c",
    Kind.FROM_SERVER_TEXT: "s2c",
}
_TEXTS = frozenset({Kind.FROM_CLIENT_TEXT, Kind.FROM_SERVER_TEXT, Kind.LOCAL_TEXT})


def fold(folder: Path) -> None:
    """Bring the files of a bundle up to date with its spool; nothing happens when they are.

    A spool that is still being written to is folded up to where it is.
    Raises RecordingError when the spool cannot be read or the bundle cannot be written.
    """
    try:
        file = (folder / SPOOL).open("rb", buffering=_BUFFER_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RecordingError(f"{folder / SPOOL} cannot be read ({error.strerror}): is this a recording?") from error
    with file:
        # Before the first record is read: a manifest that says closed speaks of a spool that is whole.
        manifest = Manifest.load(folder) if (folder / MANIFEST).exists() else None
        written_ns = os.fstat(file.fileno()).st_mtime_ns
        if not _is_closed(manifest) and _age_ns(folder) >= written_ns:
            return
        if time.time_ns() - written_ns < _TICK_NS:
            written_ns -= 1  # more may come that looks just as old: the next reader looks again
        try:
            with _drafts(folder) as drafts:
                entries = Entries(drafts, manifest or Manifest(id=folder.name))
                with contextlib.closing(entries):
                    _replay(file, entries)
                os.utime(drafts / EVENTS, ns=(written_ns, written_ns))
                with _locked(file):
                    _put_in_place(folder, drafts, file, manifest, entries.counts)
        except OSError as error:
            if _is_gone(file):
                return  # another was quicker, and has tidied up
            raise RecordingError(
                f"{folder}: the recording is whole but cannot be folded here ({error.strerror}): free some space, "
                "or copy it to a folder that can be written"
            ) from error


def _replay(file: BinaryIO, entries: Entries) -> None:
    for record in read_spool(file):
        dir = _DIRS.get(record.kind, "local")
        if record.torn:
            entries.take_torn(dir, record.data, record.t_ns)
        elif record.kind == Kind.SESSION:
            entries.take_session(json.loads(record.data))
        else:
            entries.take(dir, _message(record), record.t_ns)


def _message(record: Record) -> str | bytes:
    return record.data.decode("utf-8", "surrogatepass") if record.kind in _TEXTS else record.data


def _put_in_place(
    folder: Path, drafts: Path, file: BinaryIO, manifest: Manifest | None, counts: dict[str, int]
) -> None:
    if _is_gone(file):
        return
    if not _is_closed(manifest) and _age_ns(folder) > (drafts / EVENTS).stat().st_mtime_ns:
        return  # another has read further
    for name in _FILES:
        if (drafts / name).exists():
            (folder / name).parent.mkdir(exist_ok=True)
            os.replace(drafts / name, folder / name)
    if manifest is not None and _is_closed(manifest):
        manifest.counts = {**counts, "duration_ms": manifest.counts.get("duration_ms", 0)}
        manifest.save(folder)
        (folder / SPOOL).unlink()
        for left in folder.glob(f"{_DRAFTS}*"):  # what killed folders left behind; our own goes with us
            shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _drafts(folder: Path) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix=_DRAFTS, dir=folder))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _locked(file: BinaryIO) -> Iterator[None]:
    """Hold off other folders; the lock goes with the file."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_UN)


def _is_closed(manifest: Manifest | None) -> bool:
    return manifest is not None and manifest.status == "closed"


def _is_gone(file: BinaryIO) -> bool:
    """Whether the spool has been folded and removed since it was opened."""
    return os.fstat(file.fileno()).st_nlink == 0


def _age_ns(folder: Path) -> int:
    """Up to which moment of the spool the events were folded, by the clock of the file system; -1 for never."""
    try:
        return (folder / EVENTS).stat().st_mtime_ns
    except FileNotFoundError:
        return -1
