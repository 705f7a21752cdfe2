"""WAV files whose writer was stopped before it could correct the header.

A writer puts the sizes into the header first and corrects them when it closes the file. Killed in between, it leaves a
header that tells of less sound than follows, often none; libsndfile believes it and reads nothing.
"""

from __future__ import annotations

import io
import os
import struct
from typing import BinaryIO

_LARGEST_SIZE = 0xFFFF_FFFF


def mended(file: BinaryIO) -> BinaryIO:
    """The same file, or a copy in memory whose header counts the sound up to the file's end.

    A header is stale when the file goes on after the end that its header gives, and the sound is the last thing in
    it. Anything else, such as notes that stand after the sound, is left as it is. The file is read from its start.
    """
    length = file.seek(0, os.SEEK_END)
    data_at = _stale_data_at(file, length)
    file.seek(0)
    if data_at is None:
        return file
    whole = bytearray(file.read())
    struct.pack_into("<I", whole, 4, min(length - 8, _LARGEST_SIZE))
    struct.pack_into("<I", whole, data_at + 4, min(length - data_at - 8, _LARGEST_SIZE))
    return io.BytesIO(whole)


def _stale_data_at(file: BinaryIO, length: int) -> int | None:
    """Where the stale `data` chunk begins, if this is a WAV file with one."""
    file.seek(0)
    start = file.read(12)
    if len(start) < 12 or start[:4] != b"RIFF" or start[8:] != b"WAVE":
        return None
    told_end = 8 + int.from_bytes(start[4:8], "little")
    at = 12
    while at + 8 <= length:
        file.seek(at)
        name, size = struct.unpack("<4sI", file.read(8))
        end = at + 8 + size + size % 2
        if name == b"data":
            return at if told_end <= end < length else None
        at = end
    return None
