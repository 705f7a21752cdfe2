"""From the client's sound to turns and transcripts.

The speech meter runs on every frame that comes in. When the caller pauses, recognition starts on the chance that
the turn is over; it is thrown away if the caller goes on, and ready or nearly so if not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from contoso_lab.engine.call import Call
from contoso_lab.engine.effects import Effect, Listen, Stop
from contoso_lab.engine.endings import ending_of
from contoso_lab.engine.input_audio import InputAudioBuffer, read_sound
from contoso_lab.engine.items import Item
from contoso_lab.engine.refusals import Refused
from contoso_lab.engine.seams import Heard, SpeechMeter
from contoso_lab.engine.turns import (
    TurnDetector,
    TurnPaused,
    TurnResumed,
    TurnSettings,
    TurnStarted,
    TurnStopped,
)

KEPT_QUIET_MS = 60_000
"""How much sound without speech is kept while turns are found for the client."""

SHORTEST_COMMIT_MS = 100


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The caller started to speak; the item of that name comes when it ends."""

    item_id: str
    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The caller has ended; the item is ready to be added."""

    item: Item
    audio_end_ms: int


Happening: TypeAlias = SpeechBegan | SpeechEnded | Effect


class Hearing:
    """The input half of one call."""

    def __init__(self, call: Call, meter: SpeechMeter) -> None:
        self._call = call
        self._meter = meter
        self.buffer = InputAudioBuffer(call.session.input_format)
        settings = call.session.turns
        self._detector = TurnDetector(settings) if settings else None
        self._item_id: str | None = None
        self._start_ms = 0.0
        self._jobs: dict[str, Item | None] = {}
        """Recognitions that run; None: on the chance that the turn is over."""
        self._guess: tuple[str, Heard | None] | None = None
        """The recognition of the turn that may be over, and what it found."""

    @property
    def speaking(self) -> bool:
        """Whether a turn of the caller is going on."""
        return self._detector is not None and self._detector.speaking

    @property
    def announced_id(self) -> str | None:
        """The id of the item that the caller is speaking now."""
        return self._item_id

    @property
    def guessed(self) -> Item | None:
        """The caller's turn as it will be if the pause that goes on is its end; None until the ear is done."""
        if self._guess is None or self._guess[1] is None or not self._guess[1].text:
            return None
        wire = {"type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}
        item = Item(wire, sound_ms=self.buffer.clock_ms - self._start_ms)
        item.hear(self._guess[1])
        return item

    @property
    def settings(self) -> TurnSettings | None:
        """How turns are found; None: the client commits."""
        return self._detector.settings if self._detector else None

    def write(self, audio: str) -> Iterator[Happening]:
        """Take the sound of one `input_audio_buffer.append`.

        Raises:
            Refused: it is no sound; nothing was taken.
        """
        samples = self.buffer.write(read_sound(audio, self.buffer.format))
        if self._detector is None:
            return
        for probability in self._meter.push(samples):
            match self._detector.push(probability):
                case TurnStarted(audio_start_ms=start_ms):
                    self._item_id, self._start_ms = self._call.ids("item"), start_ms
                    yield SpeechBegan(self._item_id, start_ms)
                case TurnPaused(audio_end_ms=end_ms):
                    yield self._listen_ahead(end_ms)
                case TurnResumed():
                    yield from self._drop_guess()
                case TurnStopped(audio_end_ms=end_ms):
                    yield SpeechEnded(self._take(self._start_ms, end_ms), end_ms)
                case None:
                    pass
        if not self._detector.speaking:
            self.buffer.forget_before(self.buffer.clock_ms - KEPT_QUIET_MS)

    def commit(self) -> Item:
        """Make an item of all that is in the buffer, as the client asked.

        Raises:
            Refused: there is less than 100 ms.
        """
        size_ms = self.buffer.buffered_ms
        if size_ms < SHORTEST_COMMIT_MS:
            raise Refused(
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer "
                f"only has {size_ms:.2f}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        begun_ms = self._start_ms if self.speaking else self.buffer.start_ms
        return self._take(begun_ms, self.buffer.clock_ms)

    def take_silence(self, start_ms: float) -> Item:
        """Make an item of the quiet stretch that made the idle timeout run out."""
        return self._take(start_ms, self.buffer.clock_ms)

    def clear(self) -> list[Effect]:
        """Forget all that was not committed."""
        self.buffer.forget_all()
        self._item_id = None
        if self._detector:
            self._detector.restart(at_ms=self.buffer.clock_ms)
        return list(self._drop_guess())

    def reconfigure(self) -> list[Effect]:
        """Follow the session after an update; a turn that is going on survives if its rules still apply."""
        fmt, settings = self._call.session.input_format, self._call.session.turns
        if fmt == self.buffer.format and settings and self._detector:
            self._detector.settings = settings
            return []
        if fmt == self.buffer.format and settings is None and self._detector is None:
            return []
        if fmt != self.buffer.format:
            self._item_id = None  # its sound goes with the old format; else the client commits it under this id
            self.buffer.change_format(fmt)
        self.buffer.restart_ear()
        self._meter.reset()
        self._detector = TurnDetector(settings, at_ms=self.buffer.clock_ms) if settings else None
        return list(self._drop_guess())

    def listen(self, item: Item, *, turn: bool) -> list[Effect]:
        """Recognise the sound of an item.

        Args:
            item: already a part of the conversation.
            turn: it was cut out of the buffer just now, so that recognition may have begun ahead of time.
        """
        if turn and self._guess is not None:
            (job_id, heard), self._guess = self._guess, None
            if heard is not None:
                item.hear(heard)
                return []
            self._jobs[job_id] = item
            self._call.unheard.add(item)
            return []
        if item.format is None:
            return []
        if not item.audio:  # a silence that nobody sent: the client waited, and wrote no sound
            item.heard = ""
            return []
        job_id = self._call.ids("ear")
        self._jobs[job_id] = item
        self._call.unheard.add(item)
        return [Listen(job_id, item.audio, item.format, self._call.session.words_to_expect)]

    def heard(self, job_id: str, heard: Heard) -> Item | SpeechEnded | None:
        """Take what the ear found; gives the item that it belongs to, or the turn that these words end, if any."""
        if job_id not in self._jobs:  # dropped meanwhile
            return None
        item = self._jobs.pop(job_id)
        if item is None:
            self._guess = (job_id, heard)
            stopped = self._detector.sounds(ending_of(heard.text)) if self._detector else None
            if stopped is None:
                return None
            return SpeechEnded(self._take(self._start_ms, stopped.audio_end_ms), stopped.audio_end_ms)
        item.hear(heard)
        self._call.unheard.discard(item)
        return item

    def deaf(self, job_id: str) -> Item | None:
        """Take the news that recognition failed; gives the item that stays without words."""
        item = self._jobs.pop(job_id, None)
        if self._guess is not None and self._guess[0] == job_id:
            self._guess = None
        if item is not None:
            self._call.unheard.discard(item)
        return item

    def end(self) -> list[Effect]:
        """Drop all work."""
        dropped: list[Effect] = [Stop(job_id) for job_id in self._jobs]
        self._jobs.clear()
        return dropped

    def _take(self, start_ms: float, end_ms: float) -> Item:
        """Cut a stretch out of the buffer into an item, under the id that was announced for it."""
        wire = {
            "id": self._item_id or self._call.ids("item"),
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        item = Item(wire, format=self.buffer.format)
        item.add_sound(self.buffer.between(start_ms, end_ms))
        self.buffer.forget_before(end_ms)
        self._item_id = None
        if self._detector:
            self._detector.restart(at_ms=end_ms)
        return item

    def _listen_ahead(self, end_ms: int) -> Listen:
        job_id = self._call.ids("ear")
        self._jobs[job_id], self._guess = None, (job_id, None)
        sound = self.buffer.between(self._start_ms, end_ms)
        return Listen(job_id, sound, self.buffer.format, self._call.session.words_to_expect)

    def _drop_guess(self) -> Iterator[Stop]:
        if self._guess is None:
            return
        job_id, self._guess = self._guess[0], None
        if self._jobs.pop(job_id, self) is not self:
            yield Stop(job_id)
