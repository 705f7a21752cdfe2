"""A recording may come from a stranger: what it reads lies inside of its folder, and what it claims costs nothing.

A link that leads out would bring a file of this machine into a page that is then sent to somebody; a pipe would never
end, and neither would a device. An event that tells of a year of silence would have us make it.
"""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path
from typing import Any

from contoso_lab.errors import RecordingError

MOST_BYTES = 1 << 30
"""Of one file of text: what is longer is no recording of a call."""
MOST_SILENCE_S = 600.0
"""So much sound that the events tell of and nobody wrote is filled in; a recorder that is killed loses seconds."""
_LONGEST_MS = 7 * 24 * 3600 * 1000.0
_MOST_SAMPLES = 2 * 3600 * 48_000


def check_inside(folder: Path) -> None:
    """Refuse a folder of which a part leads elsewhere, or is no file.

    Raises:
        RecordingError: there is such a part; names it.
    """
    root = folder.resolve()
    places = [folder]
    while places:
        try:
            entries = list(os.scandir(places.pop()))
        except OSError:
            continue  # whoever reads it says what is wrong
        for entry in entries:
            path = Path(entry.path)
            if entry.is_symlink():
                if not path.resolve().is_relative_to(root):
                    raise RecordingError(f"{path} leads out of the folder: put the file itself there, or remove it")
            elif entry.is_dir():
                places.append(path)
            elif not _is_plain(entry):
                raise RecordingError(f"{path} is no file but a pipe, a socket or a device: remove it")


def _is_plain(entry: os.DirEntry[str]) -> bool:
    try:
        return stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return True  # a call's own parts come and go while it is folded


def read_whole(place: Path) -> bytes:
    """The bytes of a file of text.

    Raises:
        OSError: it cannot be read.
        RecordingError: it is larger than any call's.
    """
    if place.stat().st_size > MOST_BYTES:
        raise RecordingError(f"{place} has more than {MOST_BYTES >> 20} MiB: this is no recording of a call")
    return place.read_bytes()


def event_time_ms(t_ns: Any) -> float:
    """A time of an event in ms.

    Raises:
        ValueError: it is no number, or no call lasts that long.
    """
    ms = float(t_ns) / 1e6
    if not math.isfinite(ms) or abs(ms) > _LONGEST_MS:
        raise ValueError("a time that no call reaches")
    return ms


def check_references(event: dict[str, Any]) -> None:
    """Refuse an event that refers to sound where no track has any.

    Raises:
        ValueError: offset or length are no numbers of samples.
    """
    for key in ("audio", "delta"):
        reference = event.get(key)
        if isinstance(reference, dict) and "$audio" in reference:
            offset, length = reference.get("off"), reference.get("len")
            if not (isinstance(offset, int) and isinstance(length, int) and 0 <= offset and 0 <= length):
                raise ValueError("a reference to sound without offset and length")
            if offset + length > _MOST_SAMPLES:
                raise ValueError("a reference to sound behind the end of any track")
