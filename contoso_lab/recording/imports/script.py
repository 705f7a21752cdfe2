"""A conversation that another program recorded, told as the events that a Realtime call would have had.

An importer says who spoke when, with what words and what sound; the script makes events of it, in order of time, and
writes them through the recorder, so that what was imported is a bundle like any other.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contoso_lab.audio import PCM16_24K, AudioFormat, Clip, silence, to_base64
from contoso_lab.errors import RecordingError
from contoso_lab.recording.labels import Labels
from contoso_lab.recording.manifest import ImportInfo, Manifest, safe_name
from contoso_lab.recording.recorder import Recorder
from contoso_lab.wire import Direction

FRAME_MS = 100.0
"""In what pieces a caller's sound is sent, and an assistant's comes."""
_SILENT_HZ = 8000


@dataclass(slots=True)
class Facts:
    """What goes into the manifest, and what is said about the import."""

    format: str
    source: Path
    id: str = ""
    mode: str = "live"
    """How the caller's side came to be, as in `Manifest.mode`: it decides which measures mean anything."""
    persona: str = ""
    customer: str = ""
    scenario: str = ""
    target: dict[str, str] = field(default_factory=dict)
    session: dict[str, Any] | None = None
    began: datetime | None = None
    synthetic: bool = False
    measured: bool = False
    """Whether the times of the assistant's speech were observed where it sounded."""
    lost: list[str] = field(default_factory=list)
    guessed: list[str] = field(default_factory=list)
    labels: Labels | None = None


class Script:
    """Events by the time at which they passed; they may be told in any order."""

    def __init__(self) -> None:
        self._events: list[tuple[float, int, Direction, Mapping[str, Any]]] = []
        self._items = 0
        self._transcribed = False
        self.silent = 0
        """How many utterances of the assistant have silence in place of their sound."""
        self._in = self._out = PCM16_24K
        self._sounds: list[tuple[float, Clip]] = []

    def event(self, at_ms: float, dir: Direction, event: Mapping[str, Any]) -> None:
        """An event as it was on the wire."""
        self._events.append((max(0.0, at_ms), len(self._events), dir, event))

    def note(self, at_ms: float, type: str, **fields: Any) -> None:
        """Something that the other program noted and the wire has no event for."""
        self.event(
            at_ms, "local", {"type": type, **{name: value for name, value in fields.items() if value is not None}}
        )

    def caller_sound(self, clip: Clip, *, at_ms: float = 0.0) -> None:
        """The caller's sound from this moment on; between two sounds a microphone sends silence."""
        self._sounds.append((at_ms, clip))

    def caller_said(self, start_ms: float, stop_ms: float, text: str | None, *, heard_ms: float | None = None) -> str:
        """An utterance of the caller; `heard_ms` is when its transcript came, and no text means no transcript."""
        item = self._item("user")
        begins = {"type": "input_audio_buffer.speech_started", "item_id": item, "audio_start_ms": round(start_ms)}
        ends = {"type": "input_audio_buffer.speech_stopped", "item_id": item, "audio_end_ms": round(stop_ms)}
        self.event(start_ms, "s2c", begins)
        self.event(stop_ms, "s2c", ends)
        self.event(stop_ms, "s2c", {"type": "input_audio_buffer.committed", "item_id": item})
        if text is not None:
            self._transcribed = True
            done = "conversation.item.input_audio_transcription.completed"
            words = {"type": done, "item_id": item, "content_index": 0, "transcript": text}
            self.event(max(stop_ms, heard_ms or 0.0), "s2c", words)
        return item

    def wrote(self, at_ms: float, role: str, text: str) -> str:
        """A message that was typed and not spoken."""
        item = self._item(role)
        kind = "output_text" if role == "assistant" else "input_text"
        content = [{"type": kind, "text": text}]
        whole = {"id": item, "type": "message", "role": role, "status": "completed", "content": content}
        self.event(at_ms, "s2c", {"type": "conversation.item.added", "item": whole})
        self.event(at_ms, "s2c", {"type": "conversation.item.done", "item": whole})
        return item

    def assistant_said(
        self, start_ms: float, stop_ms: float, text: str, *, sound: Clip | None = None, played: bool = False
    ) -> str:
        """An utterance of the assistant; `played` says that these times are those at which it sounded."""
        item, reply = self._item("assistant"), f"response_{self._items}"
        ids = {"response_id": reply, "item_id": item, "output_index": 0, "content_index": 0}
        self.event(start_ms, "s2c", {"type": "response.created", "response": {"id": reply, "status": "in_progress"}})
        if text:
            self.event(start_ms, "s2c", {"type": "response.output_audio_transcript.delta", "delta": text, **ids})
        if sound is not None and len(sound):
            self._receive(sound, start_ms, ids)
        elif played:
            # When it sounded is known and how is not: silence of that length keeps its place.
            self._receive(silence(max(0.0, stop_ms - start_ms), _SILENT_HZ), start_ms, ids)
            self.silent += 1
        if played:
            self.event(start_ms, "local", {"type": "playback.started", "item_id": item})
            self.event(start_ms, "local", {"type": "playback.first_audible", "item_id": item})
            heard_ms = stop_ms - start_ms
            self.event(stop_ms, "local", {"type": "playback.stopped", "item_id": item, "played_ms": heard_ms})
        content = [{"type": "output_audio", "transcript": text}]
        whole = {"id": item, "type": "message", "role": "assistant", "status": "completed", "content": content}
        done = {"id": reply, "status": "completed", "output": [whole]}
        self.event(stop_ms, "s2c", {"type": "response.done", "response": done})
        return item

    def _receive(self, sound: Clip, at_ms: float, ids: Mapping[str, Any]) -> None:
        self._out = AudioFormat("pcm16", sound.rate_hz)
        for piece in sound.chunks(FRAME_MS):
            delta = to_base64(piece.to_bytes(self._out))
            self.event(at_ms, "s2c", {"type": "response.output_audio.delta", "delta": delta, **ids})

    def called(self, at_ms: float, name: str, arguments: Any, *, call_id: str = "") -> str:
        """A function that the model asked for; returns the id of the call."""
        item, reply = self._item("call"), f"response_{self._items}"
        call_id = call_id or item
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call = {"id": item, "type": "function_call", "call_id": call_id, "name": name, "arguments": text}
        call["status"] = "completed"
        self.event(at_ms, "s2c", {"type": "response.created", "response": {"id": reply, "status": "in_progress"}})
        self.event(at_ms, "s2c", {"type": "response.output_item.done", "response_id": reply, "item": call})
        done = {"id": reply, "status": "completed", "output": [call]}
        self.event(at_ms, "s2c", {"type": "response.done", "response": done})
        return call_id

    def answered(self, at_ms: float, call_id: str, output: Any) -> None:
        """What a function gave back."""
        text = output if isinstance(output, str) else json.dumps(output)
        item = {"id": self._item("output"), "type": "function_call_output", "call_id": call_id, "output": text}
        self.event(at_ms, "c2s", {"type": "conversation.item.create", "item": item})

    def write(self, root: Path, facts: Facts, *, end_ms: float = 0.0, reason: str = "ended") -> Path:
        """Write the bundle below `root`, and return its folder.

        Raises RecordingError when there is one of this name already, or when it cannot be written; then nothing is
        left behind.
        """
        self._send_sound()
        if self.silent:
            facts.guessed.append(f"the sound of {self.silent} answers is not there: silence of their length is")
        clock = _Clock()
        began = facts.began or datetime.now(UTC)
        name = safe_name(facts.id or bundle_name(facts.format, facts.source.stem), "recording")
        recorder = Recorder.start(
            root, id=name, persona=facts.persona, customer=facts.customer, scenario=facts.scenario, mode=facts.mode,
            target=facts.target, synthetic=facts.synthetic, clock_ns=clock,
            now=lambda: began + timedelta(milliseconds=clock.ms),
            session=facts.session or self._session(),
        )  # fmt: skip
        try:
            if facts.session is None:
                recorder.write("s2c", {"type": "session.created", "session": self._session()})
            for at_ms, _, dir, event in sorted(self._events, key=lambda entry: entry[:2]):
                clock.ms = at_ms
                recorder.write(dir, json.dumps(event))
            clock.ms = max(clock.ms, end_ms)
            recorder.manifest.imported = _imported(facts)
            recorder.manifest.playback.measured = facts.measured
            recorder.close(reason)
        except BaseException:
            recorder.close("the import failed", fold="later")
            shutil.rmtree(recorder.path, ignore_errors=True)
            raise
        if facts.labels is not None:
            from contoso_lab.recording.bundle import Recording

            Recording(recorder.path, Manifest.load(recorder.path)).add_labels(facts.labels, facts.format)
        return recorder.path

    def _send_sound(self) -> None:
        """The caller's track without a gap, so that its clock is the session's, as a client would have sent it."""
        if not self._sounds:
            return
        rate_hz = max(clip.rate_hz for _, clip in self._sounds)
        self._in = AudioFormat("pcm16", rate_hz)
        track = silence(0, rate_hz)
        for at_ms, clip in sorted(self._sounds, key=lambda sound: sound[0]):
            pause = silence(max(0.0, at_ms - track.duration_ms), rate_hz)
            track = Clip.join([track, pause, clip.resampled(rate_hz)])
        self._sounds = []
        for number, piece in enumerate(track.chunks(FRAME_MS)):
            sound = to_base64(piece.to_bytes(self._in))
            event = {"type": "input_audio_buffer.append", "audio": sound}
            self.event(number * FRAME_MS + piece.duration_ms, "c2s", event)

    def _session(self) -> dict[str, Any]:
        # Without transcripts nobody waits for one.
        heard = {"transcription": {"model": "unknown"} if self._transcribed else None}
        sides = {"input": {"format": self._in.to_wire(), **heard}, "output": {"format": self._out.to_wire()}}
        return {"type": "realtime", "audio": sides}

    def _item(self, kind: str) -> str:
        self._items += 1
        return f"{kind}_{self._items}"


@dataclass(slots=True)
class _Clock:
    """The session clock of what happened long ago."""

    ms: float = 0.0

    def __call__(self) -> int:
        return round(self.ms * 1e6)


def bundle_name(format: str, stem: str) -> str:
    """A name for what was imported.

    >>> bundle_name("eva", "1.1.2"), bundle_name("wav", "Ünser Gespräch")
    ('eva-1.1.2', 'wav-nser-Gespr-ch')
    """
    return f"{format}-{re.sub(r'[^A-Za-z0-9_.]+', '-', stem).strip('-.')}"[:80].rstrip("-.")


def read_json(place: Path, *, most_bytes: int = 1 << 30) -> Any:
    """Read a JSON file of another program; raises RecordingError with a sentence when it is none."""
    try:
        if place.stat().st_size > most_bytes:
            raise RecordingError(f"{place} has more than {most_bytes >> 20} MiB: cut it into parts")
        return json.loads(place.read_bytes())
    except OSError as error:
        raise RecordingError(f"{place} cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{place} is no JSON ({error}); check what you import") from error


def read_json_lines(place: Path) -> Iterator[dict[str, Any]]:
    """Read the objects of a JSON-lines file of another program; raises RecordingError with the line that is none."""
    number = 0
    try:
        with place.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    value = json.loads(line)
                    if not isinstance(value, dict):
                        raise RecordingError(f"{place} line {number} is no JSON object; check what you import")
                    yield value
    except OSError as error:
        raise RecordingError(f"{place} cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{place} line {max(number, 1)} is no JSON ({error}); check what you import") from error


def moment(value: Any) -> datetime | None:
    """A time of day as another program wrote it, in ISO 8601; without a zone it is taken as UTC."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _imported(facts: Facts) -> ImportInfo:
    return ImportInfo(
        format=facts.format, source=facts.source.name, sha256=_digest(facts.source), lost=list(facts.lost),
        guessed=list(facts.guessed),
    )  # fmt: skip


def _digest(source: Path) -> str:
    if source.is_file():
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    whole = hashlib.sha256()
    for place in sorted(path for path in source.rglob("*") if path.is_file()):
        with place.open("rb") as file:
            whole.update(f"{place.relative_to(source)} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()
