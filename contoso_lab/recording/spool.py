"""The one file that a conversation is written to while it lasts: every message as it came, one after the other.

Whoever stands in the way of a live call should do nothing that can be done later. So nothing is decoded, hashed or
parsed here: a head of thirteen bytes says when, what and how long, and the message follows. `fold` makes the bundle
of it that people and programs read.

| bytes | what |
|---|---|
| 16 | `contoso spool 1` and a newline: the version of what follows |
| 8 | ns since the recording began, little endian; here a record begins |
| 4 | length of the message in bytes, little endian |
| 1 | which kind of message, see `Kind` |
| length | the message |
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple

from contoso_lab.errors import RecordingError
from contoso_lab.recording.files import GrowingFile

SPOOL = "spool.bin"
LATEST_NS = 200_000_000
"""How long sound may wait in memory; everything else goes to the operating system at once."""
_FULL_BYTES = 1 << 18
"""So much waits at most, however fast it comes: the larger a write, the cheaper a byte."""
_LEAST_BYTES = 512
"""What a record counts for at least, so that one write has no more than 1024 pieces: systems take no more."""
_MORE_BYTES = 1 << 20
_FAMILY, _HEAD = b"contoso spool ", b"contoso spool 1\n"
_RECORD = struct.Struct("<qIB")
_pack = _RECORD.pack


class Kind(IntEnum):
    """What a record holds. Text and bytes are told apart because they are decoded differently."""

    FROM_CLIENT = 0
    FROM_CLIENT_TEXT = 1
    FROM_SERVER = 2
    FROM_SERVER_TEXT = 3
    LOCAL = 4
    LOCAL_TEXT = 5
    SESSION = 6
    """The session that was asked for; it sets the formats from here on."""


class Record(NamedTuple):
    """One message, or what is left of it."""

    t_ns: int
    kind: int
    data: bytes
    torn: bool = False
    """The writer was stopped in the middle of it; it is the last one, and `data` is what there is of it."""


class Spool:
    """Writes records. All methods raise OSError when the system refuses; whole records stay, and no half one."""

    latest_ns = LATEST_NS

    def __init__(self, place: Path) -> None:
        self._file = GrowingFile(place, _HEAD)
        # The messages themselves wait, not copies of them: the system gathers them when it writes.
        self._waiting: list[bytes] = []
        self._room_bytes = _FULL_BYTES
        self._due_ns = 0

    def append(self, t_ns: int, kind: int, data: bytes, *, may_wait: bool) -> None:
        """Take one record; what `may_wait` is written a little later, with what follows, in one go."""
        self.wait(t_ns, kind, data)
        if not may_wait:
            self.flush()

    def wait(self, t_ns: int, kind: int, data: bytes) -> None:
        """Take one record that may wait: for each piece of sound, so it does next to nothing."""
        waiting, size = self._waiting, len(data)
        if not waiting:
            self._due_ns = t_ns + self.latest_ns
        waiting += (_pack(t_ns, size, kind), data)
        self._room_bytes -= size if size > _LEAST_BYTES else _LEAST_BYTES
        if t_ns >= self._due_ns or self._room_bytes <= 0:
            self.flush()

    def flush_due(self, now_ns: int) -> None:
        """Write what has waited long enough by now."""
        if self._waiting and now_ns >= self._due_ns:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            waiting, self._waiting, self._room_bytes = self._waiting, [], _FULL_BYTES
            self._file.append_all(waiting)

    def close(self) -> None:
        """Write what waits and let go of the file; may be called twice."""
        try:
            self.flush()
        finally:
            self._file.close()


class UnreadSpool(Spool):
    """Writes the same, in pieces as large as they may be: nobody reads it before its end, or mends what was cut."""

    latest_ns = 1 << 62

    def append(self, t_ns: int, kind: int, data: bytes, *, may_wait: bool) -> None:
        """Take one record."""
        super().append(t_ns, kind, data, may_wait=True)


def read_spool(file: BinaryIO) -> Iterator[Record]:
    """Read records until the end of the file; the last one may be torn.

    Raises RecordingError when this is no spool, or one of a later version.
    """
    head = file.read(len(_HEAD))
    if head != _HEAD:
        if not _HEAD.startswith(head):  # a writer may have been stopped before its first sixteen bytes were there
            raise RecordingError(f"{file.name} {_wrong(head)}")
        return
    while start := file.read(_RECORD.size):
        if len(start) < _RECORD.size:
            yield Record(0, Kind.LOCAL, b"", torn=True)
            return
        t_ns, length, kind = _RECORD.unpack(start)
        data = file.read(length)
        torn = len(data) < length or kind > Kind.SESSION
        yield Record(t_ns, kind, data, torn)
        if torn:
            return


class SpoolTail:
    """Reads a spool that is still being written to: each time asked, the whole records that have come since.

    The end of a record that is not there yet is waited for, however long; nothing is read twice. The file is kept
    open, so that the last records can be read when the folded bundle has taken its place. Where a spool is damaged,
    reading stops for good and `problem` says why.

    Raises OSError when the file cannot be opened or read.
    """

    def __init__(self, place: Path) -> None:
        self.problem: str | None = None
        self._file = place.open("rb", buffering=0)
        self._at = 0
        self._rest = b""

    def read(self) -> list[Record]:
        """Every whole record that has come since the last time."""
        found: list[Record] = []
        while self.problem is None and (more := self._file.read(_MORE_BYTES)):
            self._rest += more
            self._take_whole(found)
        return found

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _take_whole(self, found: list[Record]) -> None:
        at, rest = 0, self._rest
        if self._at == 0:
            if not rest.startswith(_HEAD):
                if not _HEAD.startswith(rest):
                    self.problem = f"{self._file.name} {_wrong(rest[: len(_HEAD)])}"
                return
            at = len(_HEAD)
        while at + _RECORD.size <= len(rest):
            t_ns, length, kind = _RECORD.unpack_from(rest, at)
            if kind > Kind.SESSION:
                self.problem = f"{self._file.name} is damaged behind its first {self._at + at} bytes"
                break
            stop = at + _RECORD.size + length
            if stop > len(rest):
                break
            found.append(Record(t_ns, kind, rest[at + _RECORD.size : stop]))
            at = stop
        self._at += at
        self._rest = rest[at:]


def _wrong(head: bytes) -> str:
    if head.startswith(_FAMILY):
        return "was written by a later program: install a newer contoso-lab"
    return "does not begin as a spool does: it is damaged, mend or remove it"
