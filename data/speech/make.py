"""Make the recorded customers: a WAV and its labels for each script below.

    python data/speech/make.py            # writes the files beside this one
    python data/speech/make.py --listen   # and says how the engine's own ear hears each turn

The customers are synthetic: the engine's voices "high" and "low", which no assistant uses. Nobody was recorded.
The same packages give the same bytes: the noise in the voice and in the room is seeded.

The pauses are for the assistant: five seconds for the greeting, then as long as a full answer takes. The third one
is a little short, so that the customer cuts in. The room is not silent, so that a detector has something to be
patient with.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from contoso_lab.audio import Clip, Span, find_speech, silence
from contoso_lab.engine.ear import WhisperEar
from contoso_lab.engine.voice import RATE_HZ, HibariVoice

HERE = Path(__file__).parent
SPEECH_DB = -20.0
ROOM_DB = -65.0
LEAD_IN_MS = 5_000
SEED = 20261122


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that the customer says, and what for."""

    text: str
    intent: str
    pause_ms: int
    """The silence after it, in which the assistant answers."""


@dataclass(frozen=True, slots=True)
class Script:
    """One customer's side of one call, and what a good answer would hold."""

    id: str
    customer: str
    voice: str
    lines: tuple[Line, ...]
    products: dict[str, int]
    cue_turn: int
    constraints: dict[str, int]


SCRIPTS = (
    Script(
        id="first_call",
        customer="maya",
        voice="high",
        lines=(
            Line("Hi, I am looking for a tent for four people, for a family trip next month.", "find", 11_000),
            Line("How much does it weigh, and is it waterproof?", "ask", 7_500),
            Line("That sounds good. We also need warm sleeping bags for cold nights.", "find", 10_500),
            Line("Which one costs less than one hundred and fifty dollars?", "narrow", 10_500),
            Line("Great. Please show me the tent and the sleeping bag on my screen.", "show", 9_500),
            Line("Thank you, that is all for today.", "goodbye", 6_000),
        ),
        products={"TEN-02": 3, "SLE-02": 3, "SLE-03": 1, "TEN-04": 1},
        cue_turn=4,
        constraints={"people": 4, "sleeping_bag_below_usd": 150},
    ),
    Script(
        id="short_call",
        customer="daniel",
        voice="low",
        lines=(
            Line("Hello, I need a tent for two people.", "find", 11_000),
            Line("That sounds good. Please show it on my screen.", "show", 8_000),
        ),
        products={"TEN-01": 3, "TEN-03": 1},
        cue_turn=1,
        constraints={"people": 2},
    ),
)


def main() -> None:
    """Write every call and its labels; with --listen, hear it as well."""
    voice = HibariVoice()
    for script in SCRIPTS:
        call, spans = speak(voice, script)
        call.save(HERE / f"{script.id}.wav")
        text = json.dumps(labels(script, spans), indent=2) + "\n"
        (HERE / f"{script.id}.json").write_text(text, encoding="utf-8")
        print(f"{script.id}.wav: {call.duration_ms / 1000:.1f} s, peak {call.peak_db:.1f} dBFS")
        if "--listen" in sys.argv:
            listen(call, spans)


def speak(voice: HibariVoice, script: Script) -> tuple[Clip, list[Span]]:
    """The whole call as the customer's microphone hears it, and where in it each turn is."""
    spoken = [
        Clip.join(Clip(s.samples, RATE_HZ) for s in voice.speak(line.text, voice=script.voice)) for line in script.lines
    ]
    gain_db = SPEECH_DB - speech_level_db(spoken)
    call = silence(LEAD_IN_MS, RATE_HZ)
    spans: list[Span] = []
    for turn, line in zip(spoken, script.lines, strict=True):
        (inside,) = find_speech(turn, gap_ms=2_000)
        begin_ms = round(call.duration_ms)
        spans.append(Span(begin_ms + inside.start_ms, begin_ms + inside.end_ms))
        # Counted from the end of the speech, not of the samples: the pause is then what the script says.
        call = call + turn.gain(gain_db)
        call = call + silence(spans[-1].end_ms + line.pause_ms - call.duration_ms, RATE_HZ)
    return Clip(call.samples + room(len(call)), RATE_HZ), spans


def labels(script: Script, spans: list[Span]) -> dict[str, object]:
    """What is true about the call: who said what, when, and what it was about."""
    return {
        "id": script.id,
        "voice": script.voice,
        "rate_hz": RATE_HZ,
        "synthetic": True,
        "policy_version": "1",
        "customer": script.customer,
        "turns": [
            {"text": line.text, "start_ms": span.start_ms, "end_ms": span.end_ms, "intent": line.intent}
            for line, span in zip(script.lines, spans, strict=True)
        ],
        "products": script.products,
        "cue_turn": script.cue_turn,
        "constraints": script.constraints,
    }


def speech_level_db(turns: list[Clip]) -> float:
    """The level of the speech alone, without the pauses in it, over all turns."""
    return Clip.join(turn[span.start_ms : span.end_ms] for turn in turns for span in find_speech(turn)).level_db


def room(samples: int) -> NDArray[np.float32]:
    """The hush of a living room: noise that falls by 6 dB per octave above 100 Hz."""
    white = np.fft.rfft(np.random.default_rng(SEED).standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    hush = np.fft.irfft(white * (hz > 20) / np.sqrt(1 + (hz / 100) ** 2), samples)
    level: NDArray[np.float32] = (hush / np.sqrt(np.mean(hush**2)) * 10 ** (ROOM_DB / 20)).astype(np.float32)
    return level


def listen(call: Clip, spans: list[Span]) -> None:
    """Print what the engine's ear hears in each turn, and how long it takes over it."""
    ear = WhisperEar()
    for span in spans:
        turn = call[span.start_ms - 300 : span.end_ms + 200].resampled(16_000)
        started = perf_counter()
        heard = ear.transcribe(turn.samples)
        print(f"{1000 * (perf_counter() - started):4.0f} ms  {heard.text}")


if __name__ == "__main__":
    main()
