"""One call that is being followed: its turns as they stand, read from its spool while there is one."""

from __future__ import annotations

import os
import time
from functools import cached_property
from pathlib import Path

from contoso_lab.errors import RecordingError
from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.clock import LocalClock
from contoso_lab.recording.log import RecordedEvent
from contoso_lab.recording.manifest import Manifest
from contoso_lab.recording.notes import read_object
from contoso_lab.recording.spool import SPOOL, Kind, Record, SpoolTail
from contoso_lab.wire import Conversation, Direction, Turn

HINDSIGHT_MS = 300.0
"""How long after its end an answer counts as heard to the end: the player's word to the contrary may be on its way."""
SILENT_S = 5.0
"""A call whose writer is not among the processes here, and that nothing was written to for so long, has ended."""
_CUT = "it was cut: its relay has ended"
_SOUND, _GLANCE_BYTES = b'audio_buffer.append"', 48
_DIRECTIONS: dict[int, Direction] = {
    Kind.FROM_CLIENT: "c2s",
    Kind.FROM_CLIENT_TEXT: "c2s",
    Kind.FROM_SERVER: "s2c",
    Kind.FROM_SERVER_TEXT: "s2c",
}


class FollowedCall:
    """A call as far as it was read. Its properties may be asked in any thread; `Calls` alone moves it on."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        """The folder of its recording."""
        self.manifest = manifest
        """As it was when the call was found."""
        self.problem: str | None = None
        """Why not all of it could be read, in a sentence."""
        self.end_reason: str | None = None
        self._talk = Conversation()
        self._clock = LocalClock()
        self._seq = 0
        self._turns: tuple[Turn, ...] | None = ()
        """`None`: they are read from the bundle when somebody asks."""
        self._final = 0
        self._read_ms = self._read_at_s = 0.0
        self._ended = False
        self._tail: SpoolTail | None = None
        if manifest.status == "closed":
            self._end(manifest.end_reason, from_bundle=True)

    @property
    def id(self) -> str:
        """The name of the recording."""
        return self.path.name

    @property
    def console(self) -> str:
        """Which console held it."""
        return self.manifest.console

    @property
    def ended(self) -> bool:
        """Nothing more will come; `end_reason` says how it ended."""
        return self._ended

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What was said so far, in spoken order, with what was heard of it. Times in ms on the session clock."""
        turns = self._turns
        return turns if turns is not None else self._bundled

    @property
    def final_turns(self) -> tuple[Turn, ...]:
        """Those from the beginning on that will not change any more."""
        turns = self.turns
        if self.ended:
            return turns
        heard_until_ms, count = self._now_ms - HINDSIGHT_MS, 0
        for turn in turns:
            # An answer may be complete and be cut all the same, while it plays.
            if turn.status == "open" or turn.stopped_ms is None or turn.stopped_ms > heard_until_ms:
                break
            count += 1
        return turns[:count]

    @property
    def recording(self) -> Recording:
        """The recording, as far as it was written; of a call that goes on it is a view of this moment.

        Raises RecordingError when it cannot be read (any more).
        """
        return Recording.open(self.path)

    def look(self) -> bool:
        """Read what has come since, and say whether that changed anything."""
        if self._tail is None and not self._open():
            return self._look_whether_closed()
        assert self._tail is not None
        try:
            records = self._tail.read()
        except OSError as error:
            self.problem = f"{self.path / SPOOL} cannot be read ({error.strerror})"
            return self._end(None)
        for record in records:
            self._take(record)
        before = self._turns, self._final
        self._turns = self._talk.turns
        self._final = len(self.final_turns)
        if self._tail.problem is not None:
            self.problem = self._tail.problem
            return self._end(None)
        if self._ended:
            self.release()
            return True
        if not records and self._look_whether_closed():
            return True
        return (self._turns, self._final) != before

    def supersede(self) -> bool:
        """Its console has begun another call: if nobody is there to write it any more, this one was cut."""
        return not self._is_written() and self._end(_CUT)

    def release(self) -> None:
        """Let go of the file."""
        if self._tail is not None:
            self._tail.close()
            self._tail = None

    def __repr__(self) -> str:
        state = f"ended ({self.end_reason})" if self.ended else "going on"
        return f"<FollowedCall {self.id}: {len(self.turns)} turns, {state}>"

    @cached_property
    def _bundled(self) -> tuple[Turn, ...]:
        try:
            return self.recording.conversation.turns
        except RecordingError as error:
            self.problem = str(error)
            return ()

    @property
    def _now_ms(self) -> float:
        return self._read_ms + 1000 * (time.monotonic() - self._read_at_s)

    def _open(self) -> bool:
        try:
            self._tail = SpoolTail(self.path / SPOOL)
        except FileNotFoundError:
            return False  # not there yet, or folded already
        except OSError as error:
            self.problem = f"{self.path / SPOOL} cannot be read ({error.strerror})"
            return self._end(None)
        return True

    def _take(self, record: Record) -> None:
        dir, t_ms = _DIRECTIONS.get(record.kind, "local"), record.t_ns / 1e6
        self._read_ms, self._read_at_s = t_ms, time.monotonic()
        if record.kind == Kind.SESSION:
            return
        if dir == "c2s" and record.data.find(_SOUND, 0, _GLANCE_BYTES) >= 0:
            # Of the caller's sound only counts that it began; it is not read.
            self._talk.apply({"type": "input_audio_buffer.append"}, at_ms=t_ms, dir=dir)
            self._seq += 1
            return
        read = read_object(record.data)
        if read is None:
            return
        event = RecordedEvent(self._seq, t_ms, dir, read[0])
        self._seq += 1
        self._clock.take(event)
        self._talk.apply(event.ev, at_ms=self._clock.session_ms(event), dir=dir)
        if dir == "local" and event.type == "recording.closed":
            self._ended, self.end_reason = True, str(event.ev.get("reason") or "ended")

    def _look_whether_closed(self) -> bool:
        """Nothing has come: perhaps because nothing will."""
        try:
            manifest = Manifest.load(self.path)
        except RecordingError as error:
            self.problem = str(error)
            self._turns = ()  # whoever asked to be forgotten is
            return self._end("its recording was removed")
        if manifest.status == "closed":
            return self._end(manifest.end_reason, from_bundle=self._tail is None)
        if not self._is_written() and self._silent():
            return self._end(_CUT, from_bundle=self._tail is None)
        return False

    def _is_written(self) -> bool:
        """Whether the process that writes it is there, as far as can be known: an older recording does not name it."""
        pid = self.manifest.recorder.pid
        return not pid or lives(pid)

    def _silent(self) -> bool:
        try:
            return time.time() - (self.path / SPOOL).stat().st_mtime > SILENT_S
        except OSError:
            return False

    def _end(self, reason: str | None, *, from_bundle: bool = False) -> bool:
        if from_bundle:
            self._turns = None
        self._ended, self.end_reason = True, reason
        self.release()
        return True


def lives(pid: int) -> bool:
    """Whether there is such a process.

    >>> lives(os.getpid()), lives(-1)
    (True, False)
    """
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
