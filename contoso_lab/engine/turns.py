"""Whose turn is it? Turn-taking from speech probabilities, frame by frame.

```
          ┌─ three frames at or over the threshold ──────────────┐
 quiet ───┘                                                       └──▶ speaking ─▶ TurnStarted
 speaking ── 192 ms under the release level ──▶ pausing                            TurnPaused  (start to recognise)
 pausing  ── one frame over it ──▶ speaking                                        TurnResumed (throw that away)
 pausing  ── the silence window has passed ──▶ quiet                               TurnStopped
```

All times are milliseconds on the input-audio clock: the sound that the client has sent, not the time at which it
came. Therefore a recording that is sent faster than real time gives the same turns as the live call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from contoso_lab.engine.endings import Ending

FRAME_MS = 32
"""What one probability of a `SpeechMeter` stands for: 512 samples at 16 kHz."""

START_FRAMES = 3
"""A click or a cough lasts a frame or two; 96 ms is a syllable."""

PAUSE_MS = 192
"""When recognition starts on the chance that the turn is over: most pauses inside a sentence are shorter."""

RELEASE = 0.7
"""Speech goes on while the probability is at least this part of the threshold, so that it does not flutter."""


MAYBE = 2.5
"""semantic_vad: how many times longer than after finished words is waited after words that may go on."""


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """How turns are found and what follows from them: `turn_detection` of a session."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_ms: int = 500
    """How long it must be quiet after words that sound finished."""
    longest_wait_ms: int | None = None
    """semantic_vad: how long to wait after words that do not sound finished; None: always `silence_ms`."""
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """Someone speaks; the turn begins `prefix_padding_ms` before the first frame of speech."""

    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class TurnPaused:
    """It may be over: time to start to recognise."""

    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class TurnResumed:
    """It was not over."""


@dataclass(frozen=True, slots=True)
class TurnStopped:
    """It is over; the end includes the silence window."""

    audio_end_ms: int


TurnEvent: TypeAlias = TurnStarted | TurnPaused | TurnResumed | TurnStopped


class TurnDetector:
    """Finds turns in a row of probabilities; one per call.

    >>> detector = TurnDetector(TurnSettings(prefix_padding_ms=0, silence_ms=320))
    >>> frames = [0.0] * 10 + [0.9] * 20 + [0.1] * 10
    >>> [event for event in map(detector.push, frames) if event]
    [TurnStarted(audio_start_ms=320), TurnPaused(audio_end_ms=1152), TurnStopped(audio_end_ms=1280)]
    """

    def __init__(self, settings: TurnSettings, *, at_ms: float = 0.0) -> None:
        self.settings = settings
        self._now_ms = at_ms
        self._floor_ms = at_ms
        self._run = 0
        self._speaking = False
        self._paused = False
        self._ending: Ending = "open"
        self._last_voice_ms = at_ms

    @property
    def speaking(self) -> bool:
        """True between `TurnStarted` and `TurnStopped`."""
        return self._speaking

    def push(self, probability: float) -> TurnEvent | None:
        """Take the next frame."""
        self._now_ms += FRAME_MS
        if self._speaking:
            return self._while_speaking(probability)
        self._run = self._run + 1 if probability >= self.settings.threshold else 0
        if self._run < START_FRAMES:
            return None
        self._speaking, self._paused, self._ending = True, False, "open"
        self._last_voice_ms = self._now_ms
        begin_ms = self._now_ms - self._run * FRAME_MS - self.settings.prefix_padding_ms
        # What was committed before belongs to an earlier item and is not heard twice.
        return TurnStarted(round(max(begin_ms, self._floor_ms)))

    def sounds(self, ending: Ending) -> TurnStopped | None:
        """Tell what the words so far sound like; semantic_vad waits accordingly, and may have waited enough already."""
        self._ending = ending
        return self._stop_if_over() if self._speaking else None

    def restart(self, *, at_ms: float) -> None:
        """Forget the turn that is going on: its sound was committed or cleared up to `at_ms`."""
        self._speaking, self._paused, self._run = False, False, 0
        self._floor_ms = at_ms

    def _while_speaking(self, probability: float) -> TurnEvent | None:
        if probability >= self.settings.threshold * RELEASE:
            resumed = self._paused
            self._last_voice_ms, self._paused, self._ending = self._now_ms, False, "open"
            return TurnResumed() if resumed else None
        if (stopped := self._stop_if_over()) is not None:
            return stopped
        if self._now_ms - self._last_voice_ms >= PAUSE_MS and not self._paused:
            self._paused = True
            return TurnPaused(round(self._now_ms))
        return None

    def _stop_if_over(self) -> TurnStopped | None:
        if self._now_ms - self._last_voice_ms < self._window_ms():
            return None
        # The clock moves in frames; the client is told the window that it asked for.
        fixed = self.settings.longest_wait_ms is None
        end_ms = self._last_voice_ms + self.settings.silence_ms if fixed else self._now_ms
        self.restart(at_ms=end_ms)
        return TurnStopped(round(end_ms))

    def _window_ms(self) -> int:
        silence_ms, longest_ms = self.settings.silence_ms, self.settings.longest_wait_ms
        if longest_ms is None or self._ending == "done":
            return silence_ms
        return longest_ms if self._ending == "open" else min(longest_ms, round(MAYBE * silence_ms))
