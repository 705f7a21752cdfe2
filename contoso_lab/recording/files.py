"""Files that only grow, and that stay readable however their writer ends.

Every piece goes to the operating system before the call returns, so a killed process loses nothing that was
written. When a write fails half-way, as on a full disk, the half is taken back.
"""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

_HEADER_BYTES = 44
# The largest size a WAV header can state. Readers take it as "up to the end of the file", which makes a file
# playable whose writer was killed; the true size is entered on closing.
_UNTIL_THE_END = 0xFFFF_FFFF


class GrowingFile:
    """A file to which whole pieces are appended. All methods raise OSError when the system refuses."""

    def __init__(self, place: Path, head: bytes = b"") -> None:
        self.place = place
        self.size_bytes = 0
        self._fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        if head:
            self.append(head)

    def append(self, piece: bytes | bytearray) -> None:
        """Write a piece as a whole, or nothing of it."""
        written = os.write(self._fd, piece)
        try:
            while written < len(piece):
                written += os.write(self._fd, memoryview(piece)[written:])
        except OSError:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                os.ftruncate(self._fd, self.size_bytes)
                os.lseek(self._fd, self.size_bytes, os.SEEK_SET)
            raise
        self.size_bytes += written

    def patch(self, data: bytes, at: int) -> None:
        """Overwrite bytes that were written before."""
        os.pwrite(self._fd, data, at)

    def close(self) -> None:
        """Let go of the file; may be called twice. The system writes to the disk when it sees fit."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


class GrowingWav:
    """A PCM16 mono WAV file that gathers a little sound before it writes.

    Args:
        place: the file to make.
        rate_hz: samples per second.
        buffer_bytes: how much to gather at most before it is written.
    """

    def __init__(self, place: Path, rate_hz: int, *, buffer_bytes: int) -> None:
        self.rate_hz = rate_hz
        self.samples = 0
        """Samples taken so far, written or not."""
        self.waiting_since_ns: int | None = None
        """When the oldest sound that is not yet written came; None when all is written."""
        self._buffer = bytearray()
        self._buffer_bytes = buffer_bytes
        self._file = GrowingFile(place, wav_header(rate_hz, None))

    def append(self, pcm: bytes, *, at_ns: int) -> int:
        """Take whole PCM16 samples, and return the offset of the first one, in samples."""
        offset = self.samples
        self.samples += len(pcm) // 2
        self._buffer += pcm
        if len(self._buffer) >= self._buffer_bytes:
            self.flush()
        elif self.waiting_since_ns is None:
            self.waiting_since_ns = at_ns
        return offset

    def flush(self) -> None:
        """Hand what was gathered to the operating system."""
        self.waiting_since_ns = None
        if self._buffer:
            waiting, self._buffer = self._buffer, bytearray()
            self._file.append(waiting)

    def close(self) -> None:
        """Write the rest, enter the true sizes, and close."""
        try:
            self.flush()
            self._file.patch(wav_header(self.rate_hz, self._file.size_bytes - _HEADER_BYTES), 0)
        finally:
            self._file.close()


def wav_header(rate_hz: int, data_bytes: int | None) -> bytes:
    """Make the 44 bytes in front of PCM16 mono samples; None means "as many as follow".

    >>> len(wav_header(24000, None))
    44
    """
    size = _UNTIL_THE_END if data_bytes is None else min(data_bytes, _UNTIL_THE_END - 36)
    riff = _UNTIL_THE_END if data_bytes is None else size + 36
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, rate_hz, rate_hz * 2, 2, 16, b"data", size
    )
