"""What the customers' microphones hear besides words: rooms, lines, bands, and the sounds that are no turns.

Everything is made of seeded noise and a few sines; nothing was recorded anywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from contoso_lab.audio import Clip, Span, find_speech

Samples = NDArray[np.float32]

VOICE_HZ = 24_000
SPEECH_DB = -20.0
"""How loud the customers speak, pauses left out."""
HUSH_DB = -72.0
TELEPHONE = (300.0, 3400.0)
HEADSET = (60.0, 7000.0)
"""Of the customers' microphones, and of the assistant's voice: what lies above costs space and little else."""
NOISE_TOP_HZ = 3600.0
"""Rooms end here: what lies above is hardest to pack and easiest not to hear."""

_CORNERS = {
    "hush": (100.0, 1.0),
    "street": (220.0, 1.0),
    "cafe": (500.0, 1.5),
    "wind": (60.0, 1.5),
    "hiss": (4000.0, 1.0),
}
"""Where the spectrum begins to fall, in Hz, and how steeply, in units of 6 dB per octave."""
_BREATH_HZ = {"hush": 0.0, "street": 0.4, "cafe": 4.0, "wind": 0.7, "hiss": 0.0}
"""How quickly a room grows louder and quieter."""


def room(kind: str, samples: int, rate_hz: int, *, level_db: float, seed: int) -> Samples:
    """The sound of a place: `hush`, `street`, `cafe` (the spectrum of many voices), `wind`, or the `hiss` of a line."""
    corner_hz, steep = _CORNERS[kind]
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / rate_hz)
    spectrum *= (hz > 20) * _fall(hz, NOISE_TOP_HZ) / (1 + (hz / corner_hz) ** 2) ** (steep / 2)
    noise = np.fft.irfft(spectrum, samples)
    if breath_hz := _BREATH_HZ[kind]:
        slow = np.fft.rfft(rng.standard_normal(samples)) * (hz < breath_hz)
        swell = np.fft.irfft(slow, samples)
        noise *= 10 ** (4.0 * swell / (np.std(swell) + 1e-12) / 20)
    level: Samples = (noise / np.sqrt(np.mean(noise**2)) * 10 ** (level_db / 20)).astype(np.float32)
    return level


def band(clip: Clip, edges_hz: tuple[float, float]) -> Clip:
    """Only what passes between two frequencies, as through a telephone or a headset."""
    low_hz, high_hz = edges_hz
    hz = np.fft.rfftfreq(len(clip), 1 / clip.rate_hz)
    spectrum = np.fft.rfft(clip.samples) * _fall(hz, high_hz) * (1 - _fall(hz, low_hz))
    return Clip(np.fft.irfft(spectrum, len(clip)).astype(np.float32), clip.rate_hz)


def noise_event(what: str, *, seed: int) -> Clip:
    """A sound that is no speech: a `door`, a `cough`, a `horn` in the street."""
    rng = np.random.default_rng(seed)
    match what:
        case "door":
            at_s = np.arange(int(0.35 * VOICE_HZ)) / VOICE_HZ
            sound = np.exp(-at_s * 16) * (np.sin(2 * np.pi * 72 * at_s) + 0.5 * _low(rng, len(at_s), 600))
        case "cough":
            parts = []
            for length_s, loud in ((0.16, 1.0), (0.09, 0.0), (0.2, 0.7)):
                at_s = np.arange(int(length_s * VOICE_HZ)) / VOICE_HZ
                parts.append(loud * np.exp(-at_s * 14) * np.minimum(1, at_s * 200) * _low(rng, len(at_s), 2200))
            sound = np.concatenate(parts)
        case "horn":
            at_s = np.arange(int(0.7 * VOICE_HZ)) / VOICE_HZ
            edge = np.minimum(1, np.minimum(at_s, at_s[-1] - at_s) * 40)
            sound = edge * sum(np.sin(2 * np.pi * hz * at_s) / n for n, hz in enumerate((405, 510, 810, 1020), 1))
        case _:
            raise ValueError(f"no sound is called {what!r}: door, cough or horn")
    return Clip((sound / np.abs(sound).max() * 0.22).astype(np.float32), VOICE_HZ)


def speech_level_db(turns: list[Clip]) -> float:
    """The level of the speech alone, without the pauses in it, over all turns."""
    return Clip.join(turn[span.start_ms : span.end_ms] for turn in turns for span in find_speech(turn)).level_db


def inside(clip: Clip) -> Span:
    """From the first to the last sound of a clean clip."""
    spans = find_speech(clip, gap_ms=2_000)
    return Span(spans[0].start_ms, spans[-1].end_ms)


def _low(rng: np.random.Generator, samples: int, top_hz: float) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    sound = np.fft.irfft(spectrum * (np.fft.rfftfreq(samples, 1 / VOICE_HZ) < top_hz), samples)
    result: NDArray[np.float64] = sound / np.abs(sound).max()
    return result


def _fall(hz: NDArray[np.float64], edge_hz: float) -> NDArray[np.float64]:
    """1 below an edge and 0 above, over a tenth of the edge."""
    result: NDArray[np.float64] = np.clip((edge_hz * 1.05 - hz) / (edge_hz * 0.1), 0.0, 1.0)
    return result
