"""Write a conversation to disk while it happens.

The recorder stands in the way of every audio frame, so it does little: it finds the sound by the shape of the
message, decodes it, appends it to a WAV file, and writes one line with a reference in its place. Every line goes to
the operating system at once, and sound after 200 ms at the latest: a writer that is killed leaves a recording
that ends there, and is readable up to there.

| file | grows by | closed by |
|---|---|---|
| manifest.json | being replaced as a whole | `close` |
| events.jsonl, prompty.jsonl | whole lines | `close`, or the first error |
| audio/in.wav, audio/out.wav | whole samples | `close`, or the first error |
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from contoso_lab.audio import AudioFormat, from_base64
from contoso_lab.errors import AudioError, RecordingError
from contoso_lab.recording.files import GrowingFile
from contoso_lab.recording.manifest import (
    ClockInfo,
    Manifest,
    PlaybackInfo,
    TargetInfo,
    WallAnchor,
    new_id,
    safe_name,
)
from contoso_lab.recording.notes import compact, read_object, recorder_info, unparsed
from contoso_lab.recording.track import Track
from contoso_lab.wire import Direction, find_audio, ga_name, session_from_beta

_LATEST_FLUSH_NS = 200_000_000
_SOUND_KEYS = {("c2s", "input_audio_buffer.append"): "audio", ("s2c", "response.output_audio.delta"): "delta"}
_SESSION_EVENTS = {("c2s", "session.update"), ("s2c", "session.created"), ("s2c", "session.updated")}


class Recorder:
    """The only writer of one recording. Synchronous, not for several threads; a context manager.

    When a write fails, the call that met the failure raises RecordingError once; from then on the recorder
    takes everything and writes nothing, so that a full disk does not end a conversation. `failed` says why.
    """

    def __init__(
        self, path: Path, manifest: Manifest, clock_ns: Callable[[], int], now: Callable[[], datetime]
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.failed: str | None = None
        self._clock_ns = clock_ns
        self._now = now
        self._origin_ns = manifest.clock.monotonic_origin_ns
        self._tracks = {"c2s": Track(path / "audio", "in"), "s2c": Track(path / "audio", "out")}
        self._counts = {"c2s": 0, "s2c": 0, "local": 0}
        self._seq = self._runs = 0
        self._prompts: GrowingFile | None = None
        self._closed = False
        self._events = GrowingFile(path / "events.jsonl")

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
        target: Mapping[str, str] | None = None,
        session: Mapping[str, Any] | None = None,
        catalogue_sha: str = "",
        prompts: Mapping[str, str] | None = None,
        playback: Mapping[str, Any] | None = None,
        consent: str | None = None,
        synthetic: bool = False,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
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
            target: `kind` and `model` of who answers.
            session: the session as it will be asked for; see `set_session`.
            catalogue_sha: hash of the catalogue.
            prompts: sha256 by prompt name.
            playback: what is known of the player.
            consent: who agreed to be recorded, and how.
            synthetic: whether the caller is a machine.
            clock_ns: the session clock; only differences count.
            now: the wall clock, with a time zone.

        Raises RecordingError when the bundle cannot be made.
        """
        made_at = now()
        name = safe_name(id or new_id(made_at, secrets.token_hex(2)), "recording")
        origin_ns = clock_ns()
        manifest = Manifest(
            id=name,
            created_at=made_at.astimezone(UTC).isoformat(),
            persona=persona,
            customer=customer,
            scenario=scenario or "",
            mode=mode or "live",
            replay_of=replay_of,
            target=TargetInfo.model_validate(dict(target or {})),
            catalogue_sha=catalogue_sha,
            prompts=dict(prompts or {}),
            clock=ClockInfo(monotonic_origin_ns=origin_ns, wall_anchors=[WallAnchor.at(made_at, 0)]),
            playback=PlaybackInfo.model_validate(dict(playback or {})),
            recorder=recorder_info(),
            consent=consent,
            synthetic=synthetic,
        )
        path = Path(root) / name
        try:
            path.mkdir(parents=True)
            manifest.save(path)
            recorder = cls(path, manifest, clock_ns, now)
        except OSError as error:
            raise RecordingError(
                f"{path}: no recording can be made here ({error.strerror}): free some space or choose another folder"
            ) from error
        if session is not None:
            recorder.set_session(session)
        recorder.write("local", {"type": "recording.started"})
        return recorder

    @property
    def id(self) -> str:
        """The name of the bundle."""
        return self.manifest.id

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
            if isinstance(raw, Mapping) or dir == "local" or not self._write_frame(dir, raw, t_ns):
                self._write_any(dir, raw, t_ns)
            for track in self._tracks.values():
                track.flush(older_than_ns=t_ns - _LATEST_FLUSH_NS)
        except OSError as error:
            raise self._fail(error) from error

    def set_session(self, session: Mapping[str, Any]) -> None:
        """Note the session that was asked for (the object inside `session.update`) in the manifest."""
        self.manifest.session = dict(session)
        self._take_formats(session_from_beta(session), 0)
        try:
            self.manifest.save(self.path)
        except OSError as error:
            raise self._fail(error) from error

    def close(self, reason: str = "ended") -> None:
        """Finish the recording; a second call does nothing. Raises RecordingError when the end cannot be written."""
        if self._closed:
            return
        try:
            if self.failed is None:
                self.write("local", {"type": "recording.closed", "reason": reason})
                self._release()
                self._close_manifest(reason)
        except OSError as error:
            raise self._fail(error) from error
        finally:
            self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close("ended" if kind is None else f"failed: {kind.__name__}")

    def _write_frame(self, dir: Direction, raw: str | bytes, t_ns: int) -> bool:
        frame = find_audio(raw)
        if frame is None or (dir, frame.type) not in _SOUND_KEYS:
            return False
        head, tail = raw[: frame.start - 1], raw[frame.stop + 1 :]
        try:
            data = from_base64(raw[frame.start : frame.stop])
        except AudioError:
            return False  # kept as it came: what was on the wire is what we show
        reference = self._tracks[dir].add(data, item=lambda: json.loads(raw).get("item_id"), at_ns=t_ns)
        if reference is None:
            return False
        before = head if isinstance(head, str) else head.decode("ascii")
        after = tail if isinstance(tail, str) else tail.decode("ascii")
        self._line(dir, f"{before}{reference.to_json()}{after}", t_ns)
        return True

    def _write_any(self, dir: Direction, raw: str | bytes | Mapping[str, Any], t_ns: int) -> None:
        read = (dict(raw), None) if isinstance(raw, Mapping) else read_object(raw)
        if read is None and not isinstance(raw, Mapping):
            self._line("local", compact(unparsed(dir, raw)), t_ns)
        if read is None:
            return
        event, text = read
        if dir == "local":
            if event.get("type") == "lab.local" and isinstance(event.get("event"), Mapping):
                event, text = dict(event["event"]), None
            self.manifest.playback.measured |= event.get("type") == "playback.started"
            if event.get("type") == "prompt.run" and isinstance(event.get("run"), Mapping):
                event, text = self._move_run(event), None
            if event.get("type") == "client.described":
                self._describe(event)
        else:
            name = ga_name(str(event.get("type", "")))
            if (dir, name) in _SESSION_EVENTS and isinstance(event.get("session"), Mapping):
                self._take_formats(session_from_beta(event["session"]), t_ns)
            elif key := _SOUND_KEYS.get((dir, name)):
                event, text = self._move_sound(dir, event, key, t_ns)
        self._line(dir, text or compact(event), t_ns)

    def _move_sound(self, dir: str, event: dict[str, Any], key: str, t_ns: int) -> tuple[dict[str, Any], None]:
        if isinstance(sound := event.get(key), str):
            with contextlib.suppress(AudioError):  # what is no base64 stays as it came
                found = self._tracks[dir].add(from_base64(sound), item=lambda: event.get("item_id"), at_ns=t_ns)
                if found is not None:
                    event = {**event, key: found.to_dict()}
        return event, None

    def _move_run(self, event: Mapping[str, Any]) -> dict[str, Any]:
        if self._prompts is None:
            self._prompts = GrowingFile(self.path / "prompty.jsonl")
        self._prompts.append(compact(event["run"]).encode() + b"\n")
        self._runs += 1
        return {**event, "run": {"$prompty": self._runs - 1}}

    def _describe(self, event: Mapping[str, Any]) -> None:
        """Take over what only the client knows: its player, and whether a machine speaks."""
        if isinstance(event.get("playback"), Mapping):
            with contextlib.suppress(ValidationError):  # the event itself is kept, and shows what was wrong
                self.manifest.playback = PlaybackInfo.model_validate(dict(event["playback"]))
        if isinstance(event.get("synthetic"), bool):
            self.manifest.synthetic = event["synthetic"]
        self.manifest.save(self.path)

    def _take_formats(self, session: Mapping[str, Any], t_ns: int) -> None:
        audio = session.get("audio")
        for dir, side in (("c2s", "input"), ("s2c", "output")):
            part = audio.get(side) if isinstance(audio, Mapping) else None
            wanted = part.get("format") if isinstance(part, Mapping) else None
            if wanted is None:
                continue
            track = self._tracks[dir]
            try:
                track.format = AudioFormat.from_wire(wanted)
            except AudioError as error:
                note = {"type": "recording.format_unknown", "track": track.name, "reason": str(error)}
                self._line("local", compact(note), t_ns)
                continue
            setattr(self.manifest, f"audio_format_{track.name}", track.format.to_wire())

    def _line(self, dir: str, event: str, t_ns: int) -> None:
        line = f'{{"seq":{self._seq},"t_ns":{t_ns},"dir":"{dir}","ev":{event}}}\n'
        self._events.append(line.encode("utf-8", "surrogatepass"))
        self._seq += 1
        self._counts[dir] += 1

    def _close_manifest(self, reason: str) -> None:
        t_ns = self._clock_ns() - self._origin_ns
        manifest = self.manifest
        manifest.status, manifest.end_reason = "closed", reason
        manifest.clock.wall_anchors.append(WallAnchor.at(self._now(), t_ns))
        samples = {f"samples_{track.name}": track.samples for track in self._tracks.values()}
        manifest.counts = {**self._counts, **samples, "prompt_runs": self._runs, "duration_ms": t_ns // 1_000_000}
        manifest.save(self.path)

    def _fail(self, error: OSError) -> RecordingError:
        """Save what can be saved, and say once what is wrong; whatever fails here has the same cause."""
        self.failed = f"{self.path}: the recording stops here ({error.strerror or error}): free some space"
        with contextlib.suppress(OSError):
            self._release()
        with contextlib.suppress(OSError):
            self._close_manifest(f"the recording could not be written: {error.strerror or error}")
        return RecordingError(self.failed)

    def _release(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(self._events.close)
            if self._prompts is not None:
                stack.callback(self._prompts.close)
            for track in self._tracks.values():
                if track.wav is not None:
                    stack.callback(track.wav.close)
                    track.wav = None
