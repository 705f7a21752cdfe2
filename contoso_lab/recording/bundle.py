"""Open a recording: what was said, heard, played and asked, as objects."""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from contoso_lab.audio import PCM16_24K, AudioFormat, Clip, Stereo, read_audio, silence, write_stereo
from contoso_lab.errors import AudioError, RecordingError
from contoso_lab.home import own_place
from contoso_lab.recording.clock import LocalClock
from contoso_lab.recording.fold import fold
from contoso_lab.recording.inside import MOST_SILENCE_S, check_inside
from contoso_lab.recording.labels import Labels
from contoso_lab.recording.log import Log, RecordedEvent, RecordedEvents, read_lines, read_log
from contoso_lab.recording.manifest import MANIFEST, ClockInfo, Manifest, WallAnchor, safe_name, write_whole
from contoso_lab.recording.sound_spans import SoundSpans, stretches_of
from contoso_lab.recording.tables import tool_calls_table, turns_table
from contoso_lab.recording.timeline import Timeline
from contoso_lab.recording.track import pcm_as_stored, track_file
from contoso_lab.wire import Conversation
from contoso_lab.wire.dialogue import dialogue_html

if TYPE_CHECKING:
    import pandas as pd

_SOUND_KEYS = {"in": "audio", "out": "delta"}


class Recording:
    """A conversation on disk, opened for reading. What is asked for is read once and kept.

    A recording whose writer was killed opens up to where it was written; `problems` says what is missing.
    """

    def __init__(self, path: Path, manifest: Manifest, problems: tuple[str, ...] = ()) -> None:
        self.path = path
        self.manifest = manifest
        self._found = problems

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Recording:
        """Open a bundle by its folder (or by its manifest). What is not folded yet is folded first.

        Raises RecordingError when there is no recording, or when a later program made it.
        """
        place = Path(path)
        folder = place.parent if place.name == MANIFEST else place
        check_inside(folder)
        fold(folder)
        if (folder / MANIFEST).exists():
            return cls(folder, Manifest.load(folder))
        if (folder / "events.jsonl").exists():
            return cls(folder, Manifest(id=folder.resolve().name), (f"{MANIFEST} is missing",))
        raise RecordingError(f"{folder} is no recording: it holds neither {MANIFEST} nor events.jsonl")

    @property
    def id(self) -> str:
        """The name of the recording."""
        return self.manifest.id

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """What is missing or damaged, one sentence each; empty for a whole recording."""
        found = [*self._found]
        if self.manifest.status == "open":
            found.append("it was cut before it was closed")
        elif (self.manifest.end_reason or "").startswith("the recording could not be written"):
            found.append(str(self.manifest.end_reason))
        found += [*self._log.problems, *self._track_problems("in"), *self._track_problems("out")]
        found += self._prompt_log[1]
        unknown = [event for event in self.events if event.type == "recording.format_unknown"]
        found += [
            f"the sound of track {event.ev.get('track')} is unsure: {event.ev.get('reason')}" for event in unknown
        ]
        return tuple(found)

    @property
    def events(self) -> RecordedEvents:
        """All that passed, in order; `.table()` makes a data frame of it."""
        return self._log.events

    @cached_property
    def duration_ms(self) -> float:
        """From the beginning of the recording to its last event."""
        return self.events[-1].t_ms if self.events else 0.0

    @property
    def clock(self) -> ClockInfo:
        """How the session clock ran beside the time of day; also of a recording that was cut, from its own notes."""
        known = self.manifest.clock
        noted = [
            WallAnchor(t_ns=round(event.t_ms * 1e6), wall=str(event.ev.get("wall")))
            for event in self.events
            if event.dir == "local" and event.type == "clock.anchor"
        ]
        anchors = sorted([*known.wall_anchors, *noted], key=lambda anchor: anchor.t_ns)
        return known.model_copy(update={"wall_anchors": anchors})

    @cached_property
    def local_clock(self) -> LocalClock:
        """When a local event happened."""
        return LocalClock(self.events)

    @cached_property
    def conversation(self) -> Conversation:
        """The events folded into turns."""
        conversation, clock = Conversation(), self.local_clock
        for event in self.events:
            conversation.apply(event.ev, at_ms=clock.session_ms(event), dir=event.dir)
        return conversation

    @cached_property
    def turns(self) -> pd.DataFrame:
        """One row per turn in spoken order; times in ms on the session clock."""
        return turns_table(self.conversation.turns)

    @cached_property
    def tool_calls(self) -> pd.DataFrame:
        """One row per function that the model called, with what it was given back and when (ms)."""
        answered: dict[str, float] = {}
        for event in self.events:
            item = event.ev.get("item")
            if event.dir == "c2s" and isinstance(item, dict) and item.get("type") == "function_call_output":
                answered.setdefault(str(item.get("call_id")), event.t_ms)
        return tool_calls_table(self.conversation.turns, answered)

    @cached_property
    def user_audio(self) -> Clip:
        """The caller's sound as it was sent."""
        return self._track("in")

    @cached_property
    def assistant_audio(self) -> Clip:
        """The assistant's sound as it was received, answer after answer; see `stereo` for what was played."""
        return self._track("out")

    @property
    def played_audio(self) -> Clip:
        """The assistant's sound as it was played, on the session clock: with its pauses, without what was cut."""
        return self.stereo().right

    def pcm16(self, name: Literal["in", "out"]) -> bytes:
        """A track as PCM16, little endian, at its own rate: the samples of `user_audio` or `assistant_audio`."""
        stored, needed = pcm_as_stored(self.path, name), 2 * self._needed(name)
        if stored is None:
            clip = self._track(name)
            return clip.to_bytes(AudioFormat("pcm16", clip.rate_hz))
        most = len(stored) + 2 * round(MOST_SILENCE_S * self._format(name).rate_hz)
        return stored.ljust(min(needed, most), b"\0")

    def item_audio(self, item_id: str) -> Clip:
        """The sound of one answer as it was received; empty when it has none."""
        found = [(event.ev.get("item_id"), (ref["off"], ref["len"])) for event, ref in self._references("out")]
        return stretches_of(self.assistant_audio, [stretch for name, stretch in found if name == item_id])

    @cached_property
    def sound_spans(self) -> SoundSpans:
        """Where both tracks hold sound."""
        return SoundSpans(self.path, lambda name: self.user_audio if name == "in" else self.assistant_audio)

    def timeline(self) -> Timeline:
        """Who sounded when, on the session clock."""
        return self._timeline

    def stereo(self) -> Stereo:
        """Both sides on the session clock: left the caller, right the assistant as really played."""
        return self._timeline.mix(self.user_audio, self.assistant_audio)

    def save_stereo(self, path: str | PathLike[str]) -> Path:
        """Write `stereo` to a .wav or .flac file, and return where it is."""
        place = Path(path)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordingError(f"{place.parent} cannot be made ({error.strerror}); choose another folder") from error
        write_stereo(place, *self.stereo())
        return place

    def page(self, path: str | PathLike[str] | None = None) -> Path:
        """Write the call as one page that opens in any browser without a network, and return where it is.

        Args:
            path: the file to write; `derived/page.html` in the recording by default, below `runs/` for a call that
                came with the package.
        """
        # By name, and only when asked: reports stand above recordings, which nothing here may need.
        report = import_module("contoso_lab.report")
        written: Path = report.page([self], own_place(self.path / "derived" / "page.html") if path is None else path)
        return written

    @property
    def prompt_runs(self) -> list[dict[str, Any]]:
        """Every run of a prompt beside the call, in the order in which they were recorded."""
        return self._prompt_log[0]

    def labels(self, rater: str = "author") -> Labels | None:
        """What a rater said about this recording; None when nothing. Raises RecordingError when damaged."""
        place = self._labels_place(rater)
        return Labels.load(place) if place.exists() else None

    def add_labels(self, labels: Labels, rater: str = "author") -> None:
        """Keep a rater's labels with the recording, in place of earlier ones by the same rater."""
        place = self._labels_place(rater)
        try:
            place.parent.mkdir(exist_ok=True)
            write_whole(place, labels.model_dump_json(indent=1).encode())
        except OSError as error:
            raise RecordingError(f"{place} cannot be written ({error.strerror}); check the folder") from error

    def let_go(self) -> None:
        """Forget all that was read, and what others have kept here; it is read again when asked for."""
        # What was read holds on to its recording: without this it would wait for Python's collector.
        for name in vars(self).keys() - {"path", "manifest", "_found"}:
            del vars(self)[name]

    def __repr__(self) -> str:
        who = ", ".join(filter(None, (self.manifest.persona, self.manifest.customer)))
        state = f", {len(self.problems)} problems" if self.problems else ""
        turns = len(self.conversation.turns)
        return f"<Recording {self.id}: {who or 'unnamed'}, {self.duration_ms / 1000:.0f} s, {turns} turns{state}>"

    def _repr_html_(self) -> str:
        return dialogue_html(self.conversation.turns, title=repr(self)[1:-1], notes=self.problems)

    @cached_property
    def _log(self) -> Log:
        return read_log(self.path / "events.jsonl")

    @cached_property
    def _prompt_log(self) -> tuple[list[dict[str, Any]], list[str]]:
        return read_lines(self.path / "prompty.jsonl")

    @cached_property
    def _timeline(self) -> Timeline:
        return Timeline.of(self.events, self.sound_spans)

    def _labels_place(self, rater: str) -> Path:
        return self.path / "labels" / f"{safe_name(rater, 'rater')}.json"

    def _references(self, name: Literal["in", "out"]) -> list[tuple[RecordedEvent, dict[str, Any]]]:
        return self._all_references[name]

    @cached_property
    def _all_references(self) -> dict[str, list[tuple[RecordedEvent, dict[str, Any]]]]:
        found: dict[str, list[tuple[RecordedEvent, dict[str, Any]]]] = {name: [] for name in _SOUND_KEYS}
        for event in self.events:
            for name, key in _SOUND_KEYS.items():
                if isinstance(ref := event.ev.get(key), dict) and ref.get("$audio") == name:
                    found[name].append((event, ref))
        return found

    def _stored(self, name: Literal["in", "out"]) -> Clip | None:
        place = track_file(self.path, name)
        return read_audio(place) if place.exists() else None

    def _needed(self, name: Literal["in", "out"]) -> int:
        return max((ref["off"] + ref["len"] for _, ref in self._references(name)), default=0)

    def _track(self, name: Literal["in", "out"]) -> Clip:
        """The track, with silence where the events tell of sound that was never written."""
        stored = self._stored(name)
        if stored is None:
            rate_hz = self._format(name).rate_hz
            return silence(min(1000 * self._needed(name) / rate_hz, 1000 * MOST_SILENCE_S), rate_hz)
        missing = min(max(0, self._needed(name) - len(stored)), round(MOST_SILENCE_S * stored.rate_hz))
        return stored + silence(1000 * missing / stored.rate_hz, stored.rate_hz) if missing else stored

    def _format(self, name: Literal["in", "out"]) -> AudioFormat:
        wire = self.manifest.audio_format_in if name == "in" else self.manifest.audio_format_out
        return AudioFormat.from_wire(wire) if wire else PCM16_24K

    def _track_problems(self, name: Literal["in", "out"]) -> list[str]:
        needed = self._needed(name)
        if needed == 0:
            return []
        try:
            stored = self._stored(name)
        except AudioError as error:
            return [str(error)]
        if stored is None:
            return [f"audio/{name}.wav is missing"]
        file = f"audio/{track_file(self.path, name).name}"
        found = []
        if len(stored) < needed:
            ms = 1000 * (needed - len(stored)) / stored.rate_hz
            found.append(f"{file}: its last {ms:.0f} ms were not written; they are silent here")
        pcm = stored.to_bytes(AudioFormat("pcm16", stored.rate_hz))
        wrong = sum(
            ref["off"] + ref["len"] <= len(stored)
            and hashlib.sha256(pcm[2 * ref["off"] : 2 * (ref["off"] + ref["len"])]).hexdigest()[:16] != ref.get("sha")
            for _, ref in self._references(name)
        )
        if wrong:
            found.append(f"{file}: the sound of {wrong} events is not what was recorded")
        return found
