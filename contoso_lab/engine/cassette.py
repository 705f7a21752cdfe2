"""A recorded session that plays the whole server: what it said then, it says again, when the client does its part.

The rules, without a socket and without a clock. Of the recording's server events

- the *answers* to housekeeping (`session.updated`, `conversation.item.truncated`, an item that the client added …) are
  given when the client asks again, the first answer of a kind to the first request of that kind, and so on;
- the *errors* that name a client event go out when the client sends an event with that id;
- all others form the *reel*. The reel moves on with the pauses of the recording, and halts where the recording's
  server could not have gone on by itself: before a response until the client has asked for as many, and before the
  news of the caller's speech until as much sound has come in.

Sound and ids are those of the recording, to the byte. What the client says makes no difference: a cassette tests
clients, not prompts. Inside, all events have their GA names; the server translates for clients of the beta.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contoso_lab.audio import PCM16_24K, AudioFormat, encode, from_base64, to_base64
from contoso_lab.errors import AudioError, ConfigError, LabError
from contoso_lab.recording import Recording
from contoso_lab.wire import from_beta, ga_name, session_from_beta

_ANSWERS = {
    "session.updated": "session.update",
    "conversation.item.truncated": "conversation.item.truncate",
    "conversation.item.deleted": "conversation.item.delete",
    "conversation.item.retrieved": "conversation.item.retrieve",
    "input_audio_buffer.cleared": "input_audio_buffer.clear",
}
"""Which request each of these answers."""
_SPEECH = (
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.timeout_triggered",
    "input_audio_buffer.committed",
)
_SESSION_EVENTS = {("c2s", "session.update"), ("s2c", "session.created"), ("s2c", "session.updated")}
_APPEND, _CREATE, _ADD = "input_audio_buffer.append", "response.create", "conversation.item.create"


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of the reel."""

    event: dict[str, Any]
    pause_ms: float
    """After the frame before it, or after what it waited for, whichever came later."""
    requests: int
    """How many `response.create` must have come."""
    sound_bytes: int
    """How much sound must have come."""


class Cassette:
    """A recording made ready to be played; `player` begins a call."""

    def __init__(self, frames: tuple[Frame, ...], answers: dict[str, list[list[dict[str, Any]]]]) -> None:
        self.frames = frames
        self.answers = answers

    @classmethod
    def load(cls, path: Path) -> Cassette:
        """Read a recording's folder.

        Raises:
            ConfigError: it is no recording, or nothing of a server is in it.
        """
        try:
            return cls.of(Recording.open(path))
        except (LabError, OSError) as error:
            raise ConfigError(f"cannot play the cassette {path}: {error}") from error

    @classmethod
    def of(cls, recording: Recording) -> Cassette:
        """Make it from an opened recording.

        Raises:
            ConfigError: nothing of a server is in it.
        """
        sound = RecordedSound(recording)
        frames: list[Frame] = []
        answers: dict[str, list[list[dict[str, Any]]]] = defaultdict(list)
        added: set[str] = set()
        asked: Counter[str] = Counter()
        heard_bytes, last_ms, requested_ms, heard_ms = 0, 0.0, 0.0, 0.0
        for each in recording.events:
            type = ga_name(each.type)
            sound.follow(each.dir, each.ev)
            if each.dir == "c2s":
                asked[type] += 1
                if type == _APPEND:
                    heard_bytes, heard_ms = heard_bytes + sound.size(each.ev), each.t_ms
                elif type == _CREATE:
                    requested_ms = each.t_ms
                continue
            if each.dir != "s2c" or type.startswith("lab."):
                continue
            event = from_beta(sound.restore(each.ev))
            if type == "conversation.item.added" and len(answers[_ADD]) < asked[_ADD] and _from_client(event):
                added.add(event["item"]["id"])
                answers[_ADD].append([event])
            elif type == "conversation.item.done" and event["item"]["id"] in added:
                answers[_ADD][-1].append(event)
            elif type in _ANSWERS:
                answers[_ANSWERS[type]].append([event])
            elif type == "error" and event.get("error", {}).get("event_id"):
                answers[f"error {event['error']['event_id']}"].append([event])
            else:
                waits = {_CREATE: asked[_CREATE], _APPEND: heard_bytes if type in _SPEECH else 0}
                since_ms = max(last_ms, heard_ms if type in _SPEECH else 0.0)
                if frames and waits[_CREATE] > frames[-1].requests:
                    since_ms = max(since_ms, requested_ms)
                need = max(waits[_APPEND], frames[-1].sound_bytes if frames else 0)
                frames.append(Frame(event, max(0.0, each.t_ms - since_ms), waits[_CREATE], need))
                last_ms = each.t_ms
        if not frames:
            raise ConfigError(f"the recording {recording.path} holds no server events: nothing can be played")
        return cls(tuple(frames), dict(answers))

    def player(self) -> Player:
        """The server of one new call."""
        return Player(self)


class Player:
    """One call of a cassette. Feed it what the client sends; ask it what is due."""

    def __init__(self, cassette: Cassette) -> None:
        self._frames = cassette.frames
        self._answers = {name: deque(list_) for name, list_ in cassette.answers.items()}
        self._next = 0
        self._requests = 0
        self._sound_bytes = 0
        self._ready_ms = 0.0
        """Since when nothing but its pause holds up the next frame."""

    @property
    def finished(self) -> bool:
        """Whether the reel has come to its end."""
        return self._next >= len(self._frames)

    def receive(self, event: dict[str, Any], *, at_ms: float) -> list[dict[str, Any]]:
        """Take a client event; give the answers to it."""
        waited = not self._may_go_on()
        type = ga_name(str(event.get("type")))
        if type == _APPEND:
            try:
                self._sound_bytes += len(from_base64(str(event.get("audio", ""))))
            except AudioError:
                pass  # a cassette has no opinion about the client's sound
        self._requests += type == _CREATE
        if waited and self._may_go_on():
            self._ready_ms = at_ms
        answers = self._answer(f"error {event.get('event_id')}") or self._answer(type)
        return answers

    def due(self, *, at_ms: float) -> list[dict[str, Any]]:
        """The events of the reel whose time has come."""
        out = []
        while (due_ms := self.next_due_ms()) is not None and due_ms <= at_ms:
            out.append(copy.deepcopy(self._frames[self._next].event))
            self._next += 1
            self._ready_ms = due_ms if self._may_go_on() else at_ms
        return out

    def next_due_ms(self) -> float | None:
        """When the next event is due; None while the client has to do its part first, and at the end."""
        if self.finished or not self._may_go_on():
            return None
        return self._ready_ms + self._frames[self._next].pause_ms

    def _may_go_on(self) -> bool:
        if self.finished:
            return False
        frame = self._frames[self._next]
        return self._requests >= frame.requests and self._sound_bytes >= frame.sound_bytes

    def _answer(self, request: str) -> list[dict[str, Any]]:
        waiting = self._answers.get(request)
        return copy.deepcopy(waiting.popleft()) if waiting else []


def _from_client(event: dict[str, Any]) -> bool:
    """Whether an item came from the client: the caller's turns have sound, the assistant's are in the making."""
    item = event["item"]
    spoken = any(part.get("type") == "input_audio" for part in item.get("content") or ())
    return not spoken and item.get("status") != "in_progress" and item.get("role") != "assistant"


class RecordedSound:
    """The recording's sound, to put back where the recorder took it out.

    Formats are followed event by event: the manifest knows only the last ones, and a session may begin with PCM16 and
    go on with G.711.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._formats = {"input": PCM16_24K, "output": PCM16_24K}
        self._wire: dict[tuple[str, str], bytes] = {}

    def follow(self, dir: str, event: dict[str, Any]) -> None:
        """Take notice of the formats that a session event names, as the recorder did."""
        if (dir, ga_name(str(event.get("type")))) not in _SESSION_EVENTS or not isinstance(event.get("session"), dict):
            return
        audio = session_from_beta(event["session"]).get("audio")
        for side in self._formats:
            part = audio.get(side) if isinstance(audio, dict) else None
            if isinstance(part, dict) and part.get("format") is not None:
                with suppress(AudioError):  # the recorder kept the format before, and so do we
                    self._formats[side] = AudioFormat.from_wire(part["format"])

    def size(self, append: dict[str, Any]) -> int:
        """How many bytes of sound the client sent with this append."""
        sound = append.get("audio")
        if isinstance(sound, dict):
            return int(sound["len"] * self._formats["input"].bytes_per_sample)
        try:
            return len(from_base64(str(sound or "")))  # of another rate than the track: kept in the event
        except AudioError:
            return 0

    def restore(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event as it was on the wire: an append of the client's, or an event of the server's."""
        for key, side in (("delta", "output"), ("audio", "input")):
            sound = event.get(key)
            if isinstance(sound, dict) and "$audio" in sound:
                return {**event, key: self.text(side, sound)}
        return event

    def text(self, side: str, sound: Mapping[str, Any]) -> str:
        """The base64 text that a reference stands for; `side` is "input" or "output"."""
        encoding = self._formats[side].encoding
        wire = self._wire.get((side, encoding))
        if wire is None:  # once for the whole track: small pieces cost more than they weigh
            wire = self._wire[side, encoding] = self._encoded(side, self._formats[side])
        size = 2 if encoding == "pcm16" else 1
        return to_base64(wire[size * sound["off"] : size * (sound["off"] + sound["len"])])

    def _encoded(self, side: str, format: AudioFormat) -> bytes:
        if format.encoding == "pcm16":
            return self._recording.pcm16("in" if side == "input" else "out")
        clip = self._recording.user_audio if side == "input" else self._recording.assistant_audio
        return encode(clip.samples, format)
