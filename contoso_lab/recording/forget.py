"""Delete recordings, and search for what is left of them.

A recording is whose its manifest says it is; a replay lets the same caller speak again and goes with it. The index and
the tables beside the recordings are copies, and go as a whole: they are made again from what stays.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from contoso_lab.errors import ConfigError, RecordingError
from contoso_lab.recording.index import INDEX, rows_of
from contoso_lab.recording.manifest import Manifest
from contoso_lab.recording.spool import SPOOL

FRESH_S = 60.0
"""A recording that is open and was written to within this time belongs to a call that goes on."""
OUT_OF_REACH = "copies elsewhere (backups, exports, redacted copies, what a target keeps) are out of reach from here"
_PIECE_BYTES = 1 << 20
_SOUND = frozenset({".wav", ".flac", ".mp3"})  # no name can be found in it


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted, and what a search still found."""

    asked: str
    recordings: tuple[str, ...]
    files: int
    size_bytes: int
    left: tuple[str, ...]
    """Files in which a name of a deleted recording, or the customer's id in a field, still stands."""

    @property
    def clean(self) -> bool:
        """Whether the search found nothing."""
        return not self.left

    def __str__(self) -> str:
        names = f": {', '.join(self.recordings)}" if self.recordings else ""
        lines = [
            f"forgotten: {self.asked}",
            f"  recordings  {len(self.recordings)}, with {self.files} files and {self.size_bytes} bytes{names}",
            "  index       removed; it is made again from what stays",
            "  left        " + ("nothing was found" if self.clean else f"{len(self.left)} places, look at them:"),
            *(f"              {place}" for place in self.left),
            f"  note        {OUT_OF_REACH}",
        ]
        return "\n".join(lines)


def forget_recordings(
    root: Path,
    *,
    customer: str | None = None,
    ids: Collection[str] = (),
    expired: bool = False,
    now: Callable[[], float] = time.time,
) -> Forgotten:
    """Delete the recordings of a customer, of some names, or all that are past their time; then look what is left.

    It may be asked again, after a failure too.

    Args:
        root: the folder of all recordings.
        customer: whose recordings go.
        ids: names of recordings.
        expired: those whose `retention.keep_until` is over.
        now: seconds since 1970.

    Raises:
        ConfigError: nothing was named, or one of them is being written.
        RecordingError: there is no recording of a name, or one cannot be deleted.
    """
    if customer is None and not ids and not expired:
        raise ConfigError("nothing was named: give a customer, the name of a recording, or --expired")
    found = recordings_of(root, customer=customer, ids=ids, expired_before=now() if expired else None)
    missing = set(ids) - {folder.name for folder in found} - {_id_of(folder) for folder in found}
    if missing:
        raise RecordingError(f"{root} holds no recording {min(missing)}: see contoso-lab recordings list")
    for folder in found:
        refuse_written(folder, customer or folder.name, now())
    names = {folder.name for folder in found} | {_id_of(folder) for folder in found}
    sizes = [path.lstat().st_size for folder in found for path in folder.rglob("*") if not path.is_dir()]
    for folder in found:
        delete(folder)
    delete(root / INDEX)
    left = tuple(still_in(names, [root])) if names else ()
    if customer is not None:
        # Only where it is a field: an id such as "maya" stands in many a word.
        left += tuple(still_in([f'"customer": "{customer}"', f'"customer":"{customer}"'], [root], whole=True))
    asked = ", ".join(filter(None, [customer, *sorted(ids), "all that are past their time" if expired else ""]))
    return Forgotten(asked, tuple(sorted(folder.name for folder in found)), len(sizes), sum(sizes), left)


def recordings_of(
    root: Path, *, customer: str | None = None, ids: Collection[str] = (), expired_before: float | None = None
) -> list[Path]:
    """The folders of a customer's recordings, of those named, of those past their time, and of their replays.

    One whose manifest cannot be read is found by its folder's name only.
    """
    rows = rows_of(root)
    chosen: dict[str, Path] = {}
    for row in rows:
        folder = Path(row["path"])
        if (
            (customer is not None and row["customer"] == customer)
            or row["id"] in ids
            or folder.name in ids
            or (expired_before is not None and _is_over(row["keep_until"], expired_before))
        ):
            chosen[row["id"]] = folder
    while more := [row for row in rows if row["replay_of"] in chosen and row["id"] not in chosen]:
        chosen |= {row["id"]: Path(row["path"]) for row in more}
    return sorted(chosen.values())


def refuse_written(folder: Path, whose: str, now_s: float) -> None:
    """Raise ConfigError when a recording is being written; one whose writer was killed long ago is not."""
    spool = folder / SPOOL
    if spool.exists() and now_s - spool.stat().st_mtime < FRESH_S and Manifest.load(folder).status == "open":
        raise ConfigError(f"{whose} is on a call now (recording {folder.name}): end it, then try again")


def delete(place: Path) -> None:
    """Delete a file, or a folder with all that is in it; RecordingError when that cannot be."""
    try:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()
    except FileNotFoundError:
        return  # somebody was faster
    except OSError as error:
        raise RecordingError(
            f"{place} cannot be deleted ({error.strerror}): see to its permissions, then ask again"
        ) from error


def still_in(words: Collection[str], folders: Iterable[Path], *, whole: bool = False) -> Iterator[str]:
    """The files below some folders in which one of the words stands, in any case; sound is passed over.

    Args:
        words: as text; they are found as JSON writes them, too.
        folders: where to look, with all that is below.
        whole: the words stand there exactly as given, and not as JSON would write them.
    """
    pattern = pattern_of(words, whole=whole)
    for folder in dict.fromkeys(folders):
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in _SOUND):
            if _stands_in(path, pattern, max(map(len, words))):
                yield str(path)


def pattern_of(words: Iterable[str], *, whole: bool = False) -> re.Pattern[bytes]:
    """The words as bytes, in any case, as text and as JSON writes them."""
    forms = {form for word in words for form in ((word,) if whole else (word, json.dumps(word)[1:-1]))}
    return re.compile(b"|".join(re.escape(form.encode()) for form in sorted(forms)), re.IGNORECASE)


def _stands_in(path: Path, pattern: re.Pattern[bytes], longest: int) -> bool:
    """Whether a word stands in a file, which may be larger than the memory and may change meanwhile."""
    # Each character takes twelve bytes at most, as JSON writes one beyond the first plane.
    overlap, before = 12 * longest, b""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                if pattern.search(before + piece):
                    return True
                before = (before + piece)[-overlap:]
    except FileNotFoundError:
        return False  # a journal of SQLite, for one, comes and goes
    return False


def _id_of(folder: Path) -> str:
    try:
        return Manifest.load(folder).id
    except RecordingError:
        return folder.name


def _is_over(until: str | None, now_s: float) -> bool:
    if not until:
        return False
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        return False  # `recordings check` tells of it; what cannot be read is not deleted
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() < now_s
