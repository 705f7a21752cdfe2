"""From messages as they came to what a bundle holds: a line for each event, and the sound beside it.

The sound is found by the shape of the message, decoded and appended to a WAV file, and a reference takes its place in
the line. A frame that is no JSON object is noted with its size and hash, not stored.

| file | grows by | begun with |
|---|---|---|
| events.jsonl | whole lines | the first message |
| prompty.jsonl | whole lines | the first run of a prompt |
| audio/in.wav, audio/out.wav | whole samples | the first sound of that direction |
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from contoso_lab.audio import AudioFormat, from_base64
from contoso_lab.errors import AudioError
from contoso_lab.recording.files import GrowingFile
from contoso_lab.recording.manifest import Manifest
from contoso_lab.recording.notes import compact, read_object, unparsed
from contoso_lab.recording.track import Track
from contoso_lab.wire import Direction, find_audio, ga_name, session_from_beta
from contoso_lab.wire.frames import glance

EVENTS, PROMPTS, AUDIO = "events.jsonl", "prompty.jsonl", "audio"
_BUFFER_BYTES = 1 << 18
_SOUND_KEYS = {("c2s", "input_audio_buffer.append"): "audio", ("s2c", "response.output_audio.delta"): "delta"}
_SESSION_EVENTS = {("c2s", "session.update"), ("s2c", "session.created"), ("s2c", "session.updated")}


class Entries:
    """Writes the files of a bundle into a folder; every method may raise OSError.

    Args:
        folder: where the files are made; empty.
        manifest: its formats are kept up to date.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._tracks = {"c2s": Track(folder / AUDIO, "in"), "s2c": Track(folder / AUDIO, "out")}
        self._counts = {"c2s": 0, "s2c": 0, "local": 0}
        self._seq = self._runs = 0
        self._prompts: GrowingFile | None = None
        self._events = GrowingFile(folder / EVENTS, buffer_bytes=_BUFFER_BYTES)

    @property
    def counts(self) -> dict[str, int]:
        """Events by direction, samples by track, and runs of prompts."""
        samples = {f"samples_{track.name}": track.samples for track in self._tracks.values()}
        return {**self._counts, **samples, "prompt_runs": self._runs}

    def take(self, dir: Direction, raw: str | bytes, t_ns: int) -> None:
        """Take one message as it passed, or a local event."""
        if dir == "local" or not self._take_frame(dir, raw, t_ns):
            self._take_any(dir, raw, t_ns)

    def take_session(self, session: Mapping[str, Any]) -> None:
        """Take over the formats of a session that was asked for."""
        self._take_formats(session_from_beta(session), 0)

    def take_torn(self, dir: Direction, data: bytes, t_ns: int) -> None:
        """End with what is left of a message. The line is left open, so that whoever reads it says so."""
        start = f'{{"seq":{self._seq},"t_ns":{t_ns},"dir":"{dir}","ev":'
        self._events.append(start.encode() + data.translate(None, b"\r\n"))

    def close(self) -> None:
        """Complete the files and let go of them."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._events.close)
            if self._prompts is not None:
                stack.callback(self._prompts.close)
            for track in self._tracks.values():
                stack.callback(track.close)

    def _take_frame(self, dir: str, raw: str | bytes, t_ns: int) -> bool:
        # The quick look is exact for what a client sends.
        frame = glance(raw) if dir == "c2s" and isinstance(raw, bytes) else find_audio(raw)
        if frame is None or (dir, frame.type) not in _SOUND_KEYS:
            return False
        head, tail = raw[: frame.start - 1], raw[frame.stop + 1 :]
        try:
            data = from_base64(raw[frame.start : frame.stop])
        except AudioError:
            return False  # kept as it came: what was on the wire is what we show
        reference = self._tracks[dir].add(data, item=lambda: json.loads(raw).get("item_id"))
        if reference is None:
            return False
        before = head if isinstance(head, str) else head.decode("ascii")
        after = tail if isinstance(tail, str) else tail.decode("ascii")
        self._line(dir, f"{before}{reference.to_json()}{after}", t_ns)
        return True

    def _take_any(self, dir: str, raw: str | bytes, t_ns: int) -> None:
        read = read_object(raw)
        if read is None:
            return self._line("local", compact(unparsed(dir, raw)), t_ns)
        event, text = read
        if dir == "local":
            if event.get("type") == "prompt.run" and isinstance(event.get("run"), Mapping):
                event, text = self._move_run(event), None
        else:
            name = ga_name(str(event.get("type", "")))
            if (dir, name) in _SESSION_EVENTS and isinstance(event.get("session"), Mapping):
                self._take_formats(session_from_beta(event["session"]), t_ns)
            elif key := _SOUND_KEYS.get((dir, name)):
                event, text = self._move_sound(dir, event, key), None
        return self._line(dir, text or compact(event), t_ns)

    def _move_sound(self, dir: str, event: dict[str, Any], key: str) -> dict[str, Any]:
        if isinstance(sound := event.get(key), str):
            with contextlib.suppress(AudioError):  # what is no base64 stays as it came
                found = self._tracks[dir].add(from_base64(sound), item=lambda: event.get("item_id"))
                if found is not None:
                    return {**event, key: found.to_dict()}
        return event

    def _move_run(self, event: Mapping[str, Any]) -> dict[str, Any]:
        if self._prompts is None:
            self._prompts = GrowingFile(self._folder / PROMPTS)
        self._prompts.append(compact(event["run"]).encode() + b"\n")
        self._runs += 1
        return {**event, "run": {"$prompty": self._runs - 1}}

    def _take_formats(self, session: Mapping[str, Any], t_ns: int) -> None:
        for asked in asked_formats(session):
            if isinstance(asked.format, AudioFormat):
                self._tracks[asked.dir].format = asked.format
                asked.note_in(self._manifest)
            else:
                note = {"type": "recording.format_unknown", "track": asked.track, "reason": str(asked.format)}
                self._line("local", compact(note), t_ns)

    def _line(self, dir: str, event: str, t_ns: int) -> None:
        line = f'{{"seq":{self._seq},"t_ns":{t_ns},"dir":"{dir}","ev":{event}}}\n'
        self._events.append(line.encode("utf-8", "surrogatepass"))
        self._seq += 1
        self._counts[dir] += 1


class Asked(NamedTuple):
    """A format that a session asks for."""

    dir: Direction
    track: str
    format: AudioFormat | AudioError
    """The error says why the format means nothing to us."""

    def note_in(self, manifest: Manifest) -> None:
        """Write a known format into the manifest."""
        if isinstance(self.format, AudioFormat):
            setattr(manifest, f"audio_format_{self.track}", self.format.to_wire())


def asked_formats(session: Mapping[str, Any]) -> Iterator[Asked]:
    """Tell the formats of a session (GA shape) that names any."""
    audio = session.get("audio")
    sides: tuple[tuple[Direction, str, str], ...] = (("c2s", "input", "in"), ("s2c", "output", "out"))
    for dir, side, track in sides:
        part = audio.get(side) if isinstance(audio, Mapping) else None
        wanted = part.get("format") if isinstance(part, Mapping) else None
        if wanted is not None:
            try:
                yield Asked(dir, track, AudioFormat.from_wire(wanted))
            except AudioError as error:
                yield Asked(dir, track, error)
