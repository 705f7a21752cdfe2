"""Write a conversation to disk while it happens.

The recorder stands in the way of every audio frame, so it does next to nothing: it appends the message as it came to
one file, the spool (`spool`). Sound goes to the operating system after 200 ms at the latest, and everything else at
once: a writer that is killed leaves a recording that ends there, and is readable up to there. The bundle that people
read is made of the spool when the recording is closed, or when it is first opened (`fold`).

| file | grows by | closed by |
|---|---|---|
| manifest.json | being replaced as a whole | `close` |
| spool.bin | whole messages | `close`, or the first error |
| all others | being made of the spool | `close`, a background worker, or the first reader |
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import ValidationError

from contoso_lab.errors import RecordingError
from contoso_lab.recording.entries import asked_formats
from contoso_lab.recording.fold import fold as make_bundle
from contoso_lab.recording.folder import cannot_begin, new_folder
from contoso_lab.recording.manifest import (
    ClockInfo,
    Manifest,
    PlaybackInfo,
    RetentionInfo,
    TargetInfo,
    WallAnchor,
)
from contoso_lab.recording.notes import canonical_sha, compact, read_object, recorder_info
from contoso_lab.recording.spool import SPOOL, Kind, Spool, UnreadSpool
from contoso_lab.wire import Direction, session_from_beta

# The kind of a message, and how sound is told near its beginning: a wrong guess costs a write, or lets an event wait.
_OF = {"c2s": (int(Kind.FROM_CLIENT), b'audio_buffer.append"'), "s2c": (int(Kind.FROM_SERVER), b'audio.delta"')}
_GLANCE_BYTES = 48
ANCHOR_NS = 60_000_000_000
"""How often the time of day is noted, so that a recording that is cut still tells how its clock ran."""


class Recorder:
    """The only writer of one recording. Synchronous, not for several threads; a context manager.

    When a write fails, the call that met the failure raises RecordingError once; from then on the recorder
    takes everything and writes nothing, so that a full disk does not end a conversation. `failed` says why.
    """

    def __init__(
        self, path: Path, manifest: Manifest, clock_ns: Callable[[], int], now: Callable[[], datetime], followed: bool
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.id = manifest.id
        """The name of the bundle."""
        self.failed: str | None = None
        self._clock_ns = clock_ns
        self._now = now
        self._origin_ns = manifest.clock.monotonic_origin_ns
        self._closed = False
        self._anchor_due_ns = ANCHOR_NS
        self._spool = (Spool if followed else UnreadSpool)(path / SPOOL)
        self._append, self._wait = self._spool.append, self._spool.wait

    @classmethod
    def start(
        cls,
        root: Path,
        *,
        id: str | None = None,
        persona: str = "",
        customer: str = "",
        scenario: str | None = "",
        mode: str | None = None,
        replay_of: str | None = None,
        console: str | None = None,
        target: Mapping[str, str] | None = None,
        session: Mapping[str, Any] | None = None,
        catalogue_sha: str = "",
        prompts: Mapping[str, str] | None = None,
        playback: Mapping[str, Any] | None = None,
        consent: str | None = None,
        keep_until: str | None = None,
        synthetic: bool = False,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        followed: bool = True,
    ) -> Recorder:
        """Make a new bundle below `root` and begin to record.

        Args:
            root: the folder of all recordings; made when it is missing.
            id: the bundle's name; by default made from the time, so that names sort.
            persona: the manner of the assistant; like all that follows, a field of `Manifest`.
            customer: who calls.
            scenario: what is tried.
            mode: the replay mode; `live` when it is none.
            replay_of: the recording that is played again.
            console: which console on a screen held the call.
            target: `kind` and `model` of who answers.
            session: the session as it will be asked for; see `set_session`.
            catalogue_sha: hash of the catalogue.
            prompts: sha256 by prompt name.
            playback: what is known of the player.
            consent: who agreed to be recorded, and how.
            keep_until: until when the recording may be kept, ISO 8601.
            synthetic: whether the caller is a machine.
            clock_ns: the session clock; only differences count.
            now: the wall clock, with a time zone.
            followed: whether somebody may read it, or need it, before it is closed; costs a write for most messages.

        Raises RecordingError when the bundle cannot be made.
        """
        made_at = now()
        path = new_folder(Path(root), id, made_at)
        origin_ns = clock_ns()
        manifest = Manifest(
            id=path.name,
            created_at=made_at.astimezone(UTC).isoformat(),
            persona=persona,
            customer=customer,
            scenario=scenario or "",
            mode=mode or "live",
            replay_of=replay_of,
            console=console or "",
            target=TargetInfo.model_validate(dict(target or {})),
            catalogue_sha=catalogue_sha,
            prompts=dict(prompts or {}),
            clock=ClockInfo(monotonic_origin_ns=origin_ns, wall_anchors=[WallAnchor.at(made_at, 0)]),
            playback=PlaybackInfo.model_validate(dict(playback or {})),
            recorder=recorder_info().model_copy(update={"pid": os.getpid()}),
            consent=consent,
            retention=RetentionInfo(keep_until=keep_until),
            synthetic=synthetic,
        )
        try:
            manifest.save(path)
            recorder = cls(path, manifest, clock_ns, now, followed)
        except OSError as error:
            shutil.rmtree(path, ignore_errors=True)  # an empty folder would pass for a recording that is damaged
            raise cannot_begin(path, error) from error
        if session is not None:
            recorder.set_session(session)
        recorder.write("local", {"type": "recording.started"})
        return recorder

    def write(self, dir: Direction, raw: str | bytes | Mapping[str, Any]) -> None:
        """Record one message as it passed, or something that happened on the client's machine.

        A frame that is no JSON object is noted with its size and hash, not stored. A `lab.local` message is
        recorded as the event inside it. Raises RecordingError at the first failure, and when already closed.
        """
        if self._closed:
            raise RecordingError(f"{self.path}: the recording is closed, nothing more can be written")
        if self.failed is not None:
            return
        t_ns = self._clock_ns() - self._origin_ns
        try:
            if dir == "local" or not isinstance(raw, bytes):
                self._write_rare(dir, raw, t_ns)
            else:
                kind, sound = _OF[dir]
                self._append(t_ns, kind, raw, may_wait=raw.find(sound, 0, _GLANCE_BYTES) >= 0)
        except OSError as error:
            raise self._fail(error) from error

    def sound(self, dir: Direction, raw: str | bytes) -> None:
        """Record a message of sound, as `write` does; for who knows already that it is one, and has many of them."""
        if self._closed or self.failed is not None or not isinstance(raw, bytes):
            return self.write(dir, raw)
        try:
            self._wait(self._clock_ns() - self._origin_ns, _OF[dir][0], raw)
        except OSError as error:
            raise self._fail(error) from error

    def flush(self, *, due: bool = False) -> None:
        """Hand what waits to the operating system, so that others can read it; raises RecordingError as `write` does.

        Args:
            due: only what has waited for 200 ms. While messages come, `write` sees to that itself; a timer may
                call this for the sound before a silence. It also notes the time of day once a minute.
        """
        if self._closed or self.failed is not None:
            return
        try:
            if due:
                t_ns = self._clock_ns() - self._origin_ns
                self._spool.flush_due(t_ns)
                if t_ns >= self._anchor_due_ns:
                    self._anchor_due_ns = t_ns + ANCHOR_NS
                    wall = WallAnchor.at(self._now(), t_ns).wall
                    self._write_rare("local", {"type": "clock.anchor", "wall": wall}, t_ns)
            else:
                self._spool.flush()
        except OSError as error:
            raise self._fail(error) from error

    def set_session(self, session: Mapping[str, Any]) -> None:
        """Note the session that was asked for (the object inside `session.update`) in the manifest."""
        self.manifest.session = dict(session)
        self.manifest.tools_sha = canonical_sha(session["tools"]) if session.get("tools") else ""
        for asked in asked_formats(session_from_beta(session)):
            asked.note_in(self.manifest)
        try:
            self._append(0, Kind.SESSION, compact(self.manifest.session).encode(), may_wait=False)
            self.manifest.save(self.path)
        except OSError as error:
            raise self._fail(error) from error

    def close(self, reason: str = "ended", *, fold: Literal["now", "later"] = "now") -> None:
        """Finish the recording; a second call does nothing. Raises RecordingError when the end cannot be written.

        Args:
            reason: how the conversation ended, for the manifest.
            fold: `later` leaves it to a background worker, or to the first reader, to make the bundle.
        """
        if self._closed:
            return
        try:
            if self.failed is None:
                self.write("local", {"type": "recording.closed", "reason": reason})
                self._spool.close()
                self._close_manifest(reason)
        except OSError as error:
            raise self._fail(error) from error
        finally:
            self._closed = True
        if fold == "now":
            # What cannot be folded now, on a full disk, is whole all the same, and the reader says what is wrong.
            with contextlib.suppress(RecordingError):
                make_bundle(self.path)
                self.manifest = Manifest.load(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close("ended" if kind is None else f"failed: {kind.__name__}")

    def _write_rare(self, dir: Direction, raw: str | bytes | Mapping[str, Any], t_ns: int) -> None:
        if dir == "local":
            raw = self._local_event(raw)
        if isinstance(raw, Mapping):
            raw = compact(dict(raw)).encode()
        kind, sound = _OF.get(dir, (int(Kind.LOCAL), b""))
        if isinstance(raw, str):
            kind, raw = kind + 1, raw.encode("utf-8", "surrogatepass")
        self._append(t_ns, kind, raw, may_wait=bool(sound) and raw.find(sound, 0, _GLANCE_BYTES) >= 0)

    def _local_event(self, raw: str | bytes | Mapping[str, Any]) -> str | bytes | Mapping[str, Any]:
        """Take a local event out of its `lab.local`, and note in the manifest what it tells of the client."""
        read = (raw, None) if isinstance(raw, Mapping) else read_object(raw)
        if read is None:
            return raw
        event, text = read
        if event.get("type") == "lab.local" and isinstance(event.get("event"), Mapping):
            event, text = event["event"], None
        self.manifest.playback.measured |= event.get("type") == "playback.started"
        if event.get("type") == "client.described":
            self._describe(event)
        return text or event

    def _describe(self, event: Mapping[str, Any]) -> None:
        """Take over what only the client knows: its player, and whether a machine speaks."""
        if isinstance(event.get("playback"), Mapping):
            with contextlib.suppress(ValidationError):  # the event itself is kept, and shows what was wrong
                self.manifest.playback = PlaybackInfo.model_validate(dict(event["playback"]))
        if isinstance(event.get("synthetic"), bool):
            self.manifest.synthetic = event["synthetic"]
        self.manifest.save(self.path)

    def _close_manifest(self, reason: str) -> None:
        t_ns = self._clock_ns() - self._origin_ns
        manifest = self.manifest
        manifest.status, manifest.end_reason = "closed", reason
        manifest.clock.wall_anchors.append(WallAnchor.at(self._now(), t_ns))
        manifest.counts = {"duration_ms": t_ns // 1_000_000}  # the others are counted in folding
        manifest.save(self.path)

    def _fail(self, error: OSError) -> RecordingError:
        """Save what can be saved, and say once what is wrong; whatever fails here has the same cause."""
        self.failed = f"{self.path}: the recording stops here ({error.strerror or error}): free some space"
        with contextlib.suppress(OSError):
            self._spool.close()
        with contextlib.suppress(OSError):
            self._close_manifest(f"the recording could not be written: {error.strerror or error}")
        return RecordingError(self.failed)
