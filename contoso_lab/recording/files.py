"""Files that only grow, by whole pieces.

When a write fails half-way, as on a full disk, the half is taken back.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Sequence
from pathlib import Path

HEADER_BYTES = 44
"""What `wav_header` makes."""
# The largest size a WAV header can state. Readers take it as "up to the end of the file"; the true size is entered
# on closing.
_UNTIL_THE_END = 0xFFFF_FFFF


class GrowingFile:
    """A file to which whole pieces are appended. All methods raise OSError when the system refuses.

    Args:
        place: the file to make.
        head: what it begins with.
        buffer_bytes: how much to gather before it is handed to the operating system; 0 hands on every piece.
    """

    def __init__(self, place: Path, head: bytes = b"", *, buffer_bytes: int = 0) -> None:
        self.place = place
        self.size_bytes = 0
        """What the operating system has."""
        self._buffer = bytearray()
        self._buffer_bytes = buffer_bytes
        self._fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
        if head:
            self.append(head)

    def append(self, piece: bytes | bytearray) -> None:
        """Write a piece as a whole, or nothing of it."""
        if not self._buffer_bytes:
            self._write(piece)
            return
        self._buffer += piece
        if len(self._buffer) >= self._buffer_bytes:
            self.flush()

    def append_all(self, pieces: Sequence[bytes]) -> None:
        """Write some pieces as one, behind what was gathered; they are not copied together first."""
        self.flush()
        size = sum(map(len, pieces))
        written = os.writev(self._fd, pieces) if hasattr(os, "writev") else 0
        if written < size:
            self._go_on(b"".join(pieces), written)
        else:
            self.size_bytes += size

    def flush(self) -> None:
        """Hand what was gathered to the operating system."""
        if self._buffer:
            waiting, self._buffer = self._buffer, bytearray()
            self._write(waiting)

    def patch(self, data: bytes, at: int) -> None:
        """Overwrite bytes that were written before."""
        os.pwrite(self._fd, data, at)

    def close(self) -> None:
        """Write the rest and let go of the file; may be called twice. It reaches the disk when the system sees fit."""
        if self._fd >= 0:
            try:
                self.flush()
            finally:
                fd, self._fd = self._fd, -1
                os.close(fd)

    def _write(self, piece: bytes | bytearray) -> None:
        self._go_on(piece, os.write(self._fd, piece))

    def _go_on(self, piece: bytes | bytearray, written: int) -> None:
        try:
            while written < len(piece):
                written += os.write(self._fd, memoryview(piece)[written:])
        except OSError:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                os.ftruncate(self._fd, self.size_bytes)
                os.lseek(self._fd, self.size_bytes, os.SEEK_SET)
            raise
        self.size_bytes += written


class GrowingWav:
    """A PCM16 mono WAV file. All methods raise OSError when the system refuses."""

    def __init__(self, place: Path, rate_hz: int, *, buffer_bytes: int) -> None:
        self.rate_hz = rate_hz
        self.samples = 0
        """Samples taken so far, written or not."""
        self._file = GrowingFile(place, wav_header(rate_hz, None), buffer_bytes=buffer_bytes)

    def append(self, pcm: bytes) -> int:
        """Take whole PCM16 samples, and return the offset of the first one, in samples."""
        offset = self.samples
        self.samples += len(pcm) // 2
        self._file.append(pcm)
        return offset

    def close(self) -> None:
        """Write the rest, enter the true sizes, and close."""
        try:
            self._file.flush()
            self._file.patch(wav_header(self.rate_hz, self._file.size_bytes - HEADER_BYTES), 0)
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
