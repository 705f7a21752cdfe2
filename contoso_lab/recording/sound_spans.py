"""Where the tracks of a recording hold sound: listened to once, and kept in it as `derived/sound.json`.

To unpack the sound of a call and to listen to it takes longer than to read its events, and most of those who score it
ask for the same few stretches again. What is kept says of which events and tracks it was made, and does not count when
these are others now; of a recording that is still open nothing is kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from contoso_lab.audio import Clip, Span, find_speech, silence
from contoso_lab.errors import RecordingError
from contoso_lab.recording.derived import Input, events_digest
from contoso_lab.recording.index import put_beside
from contoso_lab.recording.inside import read_whole
from contoso_lab.recording.track import track_file

SOUND = "derived/sound.json"
RULES_VERSION = 1
"""Of `find_speech`; raised when the same sound gives other spans."""

TrackName = Literal["in", "out"]
Stretch = tuple[int, int]
"""First sample in a track, and how many."""
_Ms = Annotated[int, Field(ge=0)]


class _Kept(BaseModel):
    """The file: what it was made of, and what was heard."""

    rules_version: int
    events: Input | None
    """None: more may come."""
    events_sha256: str = ""
    tracks_bytes: tuple[int, int]
    rates_hz: dict[TrackName, Annotated[int, Field(gt=0)]] = {}
    spans: dict[str, list[tuple[_Ms, _Ms]]] = {}
    """By track, shortest span and stretches (see `_key`)."""


class SoundSpans:
    """Where sound is in the two tracks of one recording.

    >>> from contoso_lab.recording.examples import example_calls
    >>> example_calls(scenario="family_tent")[0].sound_spans.of("in")[0]
    Span(start_ms=6100, end_ms=8320)
    """

    def __init__(self, folder: Path, track: Callable[[TrackName], Clip]) -> None:
        self._folder = folder
        self._track = track
        self._kept = _read(folder)
        self._is_new = False

    def rate_hz(self, name: TrackName) -> int:
        """Samples a second of a track."""
        if name not in self._kept.rates_hz:
            self._kept.rates_hz[name] = self._track(name).rate_hz
            self._is_new = True
        return self._kept.rates_hz[name]

    def of(self, name: TrackName, stretches: Sequence[Stretch] | None = None, *, shortest_ms: float = 60) -> list[Span]:
        """Where a track, or some stretches of it one behind the other, hold sound; in ms from their beginning.

        Args:
            name: "in" for the caller, "out" for the assistant.
            stretches: Which part of the track; all of it unless given.
            shortest_ms: As in `find_speech`.
        """
        key = _key(name, stretches, shortest_ms)
        if key not in self._kept.spans:
            found = find_speech(self._cut(name, stretches), shortest_ms=shortest_ms)
            self._kept.spans[key] = [(span.start_ms, span.end_ms) for span in found]
            self._is_new = True
        return [Span(start_ms, end_ms) for start_ms, end_ms in self._kept.spans[key]]

    def keep(self) -> None:
        """Write down what was heard since the file was read, where that is possible."""
        kept, now = self._kept, _nothing(self._folder)
        if not self._is_new or now.events is None or (now.events, now.tracks_bytes) != (kept.events, kept.tracks_bytes):
            return  # it changed while it was read, or more may come
        with contextlib.suppress(OSError):  # a folder that cannot be written is listened to every time
            kept.events_sha256 = kept.events_sha256 or events_digest(self._folder)
            text = kept.model_dump_json()
            put_beside(self._folder / SOUND, lambda draft: draft.write_text(text, encoding="utf-8"))
            self._is_new = False

    def _cut(self, name: TrackName, stretches: Sequence[Stretch] | None) -> Clip:
        clip = self._track(name)
        return clip if stretches is None else stretches_of(clip, stretches)


def stretches_of(clip: Clip, stretches: Iterable[Stretch]) -> Clip:
    """Some stretches of a clip, one behind the other."""
    import numpy as np

    parts = [clip.samples[first : first + count] for first, count in stretches]
    return Clip(np.concatenate(parts), clip.rate_hz) if parts else silence(0, clip.rate_hz)


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same sound in as few stretches as possible.

    >>> joined([(0, 480), (480, 480), (2000, 10)])
    [(0, 960), (2000, 10)]
    """
    found: list[Stretch] = []
    for first, count in stretches:
        if found and sum(found[-1]) == first:
            found[-1] = (found[-1][0], found[-1][1] + count)
        else:
            found.append((first, count))
    return found


def _key(name: TrackName, stretches: Sequence[Stretch] | None, shortest_ms: float) -> str:
    part = "all" if stretches is None else " ".join(f"{first}+{count}" for first, count in stretches)
    return f"{name} {shortest_ms:g} {part}"


def _nothing(folder: Path) -> _Kept:
    """Nothing was heard yet in the recording as it is now."""
    tracks_bytes = (_bytes(folder, "in"), _bytes(folder, "out"))
    return _Kept(rules_version=RULES_VERSION, events=Input.of(folder), tracks_bytes=tracks_bytes)


def _bytes(folder: Path, name: TrackName) -> int:
    try:
        return track_file(folder, name).stat().st_size
    except OSError:
        return -1


def _read(folder: Path) -> _Kept:
    """What is kept of the recording as it is now; nothing, when there is nothing that fits."""
    now = _nothing(folder)
    if now.events is None:
        return now
    try:
        kept = _Kept.model_validate_json(read_whole(folder / SOUND))
    except (OSError, ValidationError, RecordingError):
        return now  # there is none, or it is damaged: it is made anew
    if kept.events is None or (kept.rules_version, kept.tracks_bytes) != (now.rules_version, now.tracks_bytes):
        return now
    if not now.events.is_still(kept.events, kept.events_sha256, folder):
        return now
    kept.events = now.events
    return kept
