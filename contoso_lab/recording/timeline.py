"""Everything that sounded, on one clock."""

from __future__ import annotations

from dataclasses import dataclass

from contoso_lab.audio import Clip, FloatArray, Stereo
from contoso_lab.audio.files import LONGEST_MS
from contoso_lab.errors import RecordingError
from contoso_lab.recording.clock import AudioClock, Frame
from contoso_lab.recording.log import RecordedEvent
from contoso_lab.recording.playback import PlayedItem, played_items
from contoso_lab.recording.sound_spans import SoundSpans
from contoso_lab.wire import ga_name

# A pause of the sending client that is shorter than this is jitter, and must not tear the sound.
_PAUSE_MS = 80.0
_APPEND = "input_audio_buffer.append"


@dataclass(frozen=True, slots=True)
class SpokenSpan:
    """A stretch in which the caller spoke, on the session clock, in ms."""

    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Who sounded when, on the session clock (ms since the recording began)."""

    user_clock: AudioClock
    """From the caller's track to the session clock."""
    user_spans: tuple[SpokenSpan, ...]
    """Where the caller really spoke, by the energy of the sound and not by the server's detector."""
    items: tuple[PlayedItem, ...]
    """What was played of each answer, in order."""
    measured: bool
    """Whether the player's own reports are there; otherwise `items` are a model's guess."""

    @classmethod
    def of(cls, events: tuple[RecordedEvent, ...], sound: SoundSpans) -> Timeline:
        """Make the timeline from the events and what the tracks hold."""
        clock = AudioClock.of(_frames(events), sound.rate_hz("in"))
        spans = tuple(
            SpokenSpan(clock.session_ms(span.start_ms), clock.session_ms(span.end_ms)) for span in sound.of("in")
        )
        items = played_items(events, sound.rate_hz("out"))
        measured = any(event.dir == "local" and event.type == "playback.started" for event in events)
        return cls(clock, spans, items, measured)

    def user_ms_to_session(self, audio_ms: float) -> float:
        """When this moment of the caller's track was spoken."""
        return self.user_clock.session_ms(audio_ms)

    def item(self, item_id: str) -> PlayedItem | None:
        """What was played of one answer; None when it never sounded."""
        return next((item for item in self.items if item.item_id == item_id), None)

    def mix(self, user: Clip, assistant: Clip) -> Stereo:
        """Lay both tracks out on the session clock; sound that was flushed is not there."""
        rate_hz = max(user.rate_hz, assistant.rate_hz)
        left = [(at, user.samples[first:last]) for at, first, last in _runs(self.user_clock)]
        right = [
            (piece.start_ms, assistant.samples[piece.off : piece.off + piece.len])
            for item in self.items
            for piece in item.pieces
        ]
        sides = (_laid_out(left, user.rate_hz), _laid_out(right, assistant.rate_hz))
        clips = [side.resampled(rate_hz) for side in sides]
        length = max(len(clip) for clip in clips)
        return Stereo(*(_padded(clip, length) for clip in clips))


def _frames(events: tuple[RecordedEvent, ...]) -> list[Frame]:
    frames: list[Frame] = []
    for _, t_ms, dir, ev in events:
        if dir == "c2s" and isinstance(audio := ev.get("audio"), dict) and audio.get("$audio") == "in":
            if ev.get("type") == _APPEND or ga_name(str(ev.get("type"))) == _APPEND:
                frames.append(Frame(t_ms, int(audio["off"]), int(audio["len"])))
    return frames


def _runs(clock: AudioClock) -> list[tuple[float, int, int]]:
    """Stretches of the track without a pause, as (start on the session clock, first sample, sample behind)."""
    runs: list[tuple[float, int, int]] = []
    first = 0
    for start_ms, stop in zip(clock.starts_ms, clock.stops, strict=True):
        if runs:
            at_ms, run_first, run_stop = runs[-1]
            end_ms = at_ms + 1000 * (run_stop - run_first) / clock.rate_hz
            if start_ms - end_ms < _PAUSE_MS:
                runs[-1] = (at_ms, run_first, stop)
            else:
                runs.append((start_ms, first, stop))
        else:
            runs.append((start_ms, first, stop))
        first = stop
    return runs


def _laid_out(parts: list[tuple[float, FloatArray]], rate_hz: int) -> Clip:
    import numpy as np

    ends_ms = max((at_ms + 1000 * len(samples) / rate_hz for at_ms, samples in parts), default=0.0)
    if not ends_ms <= LONGEST_MS:  # NaN is no time either
        raise RecordingError(
            f"the clock of this recording tells of {ends_ms / 3_600_000:.0f} hours of sound, and no more than "
            f"{LONGEST_MS / 3_600_000:.0f} are laid out: its times are damaged"
        )
    placed = [(max(0, round(at_ms * rate_hz / 1000)), samples) for at_ms, samples in parts]
    canvas = np.zeros(max((at + len(samples) for at, samples in placed), default=0), np.float32)
    for at, samples in placed:
        canvas[at : at + len(samples)] += samples
    return Clip(canvas, rate_hz)


def _padded(clip: Clip, length: int) -> Clip:
    import numpy as np

    return Clip(np.pad(clip.samples, (0, length - len(clip))), clip.rate_hz)
