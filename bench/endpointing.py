"""How often does the engine cut somebody off in the middle of a sentence, and what does patience cost?

    python bench/endpointing.py            # writes bench/results/endpointing.md; about a minute

Real meter, real ear, virtual time. The recorded turns of data/speech say what waiting costs when nobody pauses; the
sentences below are spoken by a synthetic voice with a pause in the middle. The pause of a real speaker sounds different
(breath, a drawn-out vowel), and the places were chosen by us: compare the rows with each other and with nothing else.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from callers import percentile, recorded_turns

from contoso_lab.audio import PCM16_24K, decode, find_speech, resample
from contoso_lab.audio.clip import Clip
from contoso_lab.engine.ear import WhisperEar
from contoso_lab.engine.endings import ending_of
from contoso_lab.engine.meter import SileroModel
from contoso_lab.engine.seams import FloatArray
from contoso_lab.engine.session_state import SessionState
from contoso_lab.engine.turns import FRAME_MS, TurnDetector, TurnPaused, TurnResumed, TurnSettings, TurnStopped
from contoso_lab.engine.voice import HibariVoice

RESULTS = Path(__file__).parent / "results" / "endpointing.md"
EAR_MS = 128
"""How long the ear takes, in the engine: see engine.md."""
PAUSES_MS = (600, 1000, 1800)
ROOM_DB = -65.0
SENTENCES = (
    "I am looking for a tent for | four people and a dog.",
    "We want to go to the mountains and | we need something warm.",
    "Do you have a backpack that is | lighter than two kilograms?",
    "I would like to see the | family tent, please.",
    "Can you tell me how much the | stove costs?",
    "My budget is somewhere between | fifty and one hundred dollars.",
    "It should be waterproof, because | it rains a lot up there.",
    "I need boots with | a warm lining.",
    "We are two adults, um, | and three children.",
    "Is the sleeping bag good for | nights below zero?",
    "Please show me the tent and | the sleeping bag.",
    "I like the first one, but | it is too heavy for me.",
    "If it rains | I want to stay dry.",
    "For the family | I need a large table.",
    "I would like that | in a smaller size.",
    "Hello. | I need a jacket for the winter.",
    "The red one | was too small for my daughter.",
    "I am going to Norway | with my brother in July.",
    "We need a stove | with two burners.",
    "I saw a tent on your page | and I forgot its name.",
)
MODES = {
    "server_vad, 500 ms": {"type": "server_vad", "silence_duration_ms": 500},
    "server_vad, 1000 ms": {"type": "server_vad", "silence_duration_ms": 1000},
    "semantic_vad, high": {"type": "semantic_vad", "eagerness": "high"},
    "semantic_vad, medium and auto": {"type": "semantic_vad", "eagerness": "medium"},
    "semantic_vad, low": {"type": "semantic_vad", "eagerness": "low"},
}


@dataclass(frozen=True, eq=False)
class Case:
    """Sound at 16 kHz, where its pause is (None: it has none) and where its speech ends, in ms."""

    samples: FloatArray
    end_ms: float
    pause: tuple[float, float] | None = None


@dataclass(frozen=True)
class Found:
    """What a mode made of one case."""

    cut: bool
    waited_ms: float
    """From the acoustic end of all speech to the end of the last turn."""


class Bench:
    """The models, each asked once for the same sound."""

    def __init__(self) -> None:
        self._ear, self._meters, self.voice = WhisperEar(), SileroModel(), HibariVoice()
        self._probabilities: dict[int, list[float]] = {}
        self._heard = lru_cache(maxsize=None)(self._hear)
        self._cases: list[Case] = []

    def run(self, case: Case, settings: TurnSettings) -> Found:
        """Let one case pass in virtual time."""
        if case not in self._cases:
            self._cases.append(case)
        at = self._cases.index(case)
        if at not in self._probabilities:
            self._probabilities[at] = self._meters.meter().push(case.samples)
        detector, begin_ms = TurnDetector(settings), 0.0
        ends: list[float] = []
        ready: tuple[float, float] | None = None
        for number, probability in enumerate(self._probabilities[at], 1):
            now_ms = number * FRAME_MS
            event = detector.push(probability)
            if isinstance(event, TurnPaused) and settings.longest_wait_ms is not None:
                ready = (now_ms + EAR_MS, now_ms)
            if isinstance(event, TurnResumed):
                ready = None
            if not isinstance(event, TurnStopped) and ready is not None and now_ms >= ready[0]:
                event = detector.sounds(ending_of(self._heard(at, begin_ms, ready[1])))
                ready = None
            if isinstance(event, TurnStopped):
                ends.append(now_ms)
                begin_ms, ready = now_ms, None
        inside = [end for end in ends if case.pause and end < case.pause[1]]
        return Found(bool(inside), (ends[-1] if ends else number * FRAME_MS) - case.end_ms)

    def _hear(self, at: int, begin_ms: float, end_ms: float) -> str:
        samples = self._cases[at].samples[round(16 * begin_ms) : round(16 * end_ms)]
        return self._ear.transcribe(samples).text


def recorded() -> list[Case]:
    """The recorded turns, each with ten seconds of its room behind it."""
    cases = []
    for turn in recorded_turns():
        sound = turn.sound + turn.room * 4
        samples = resample(decode(sound, PCM16_24K), 24_000, 16_000)
        cases.append(Case(samples, float(turn.end_ms)))
    return cases


def paused(voice: HibariVoice, pause_ms: int) -> list[Case]:
    """The sentences, with so long a pause at their bar."""
    noise = np.random.default_rng(7)
    cases = []
    for number, sentence in enumerate(SENTENCES):
        before, after = (_spoken(voice, part, voice.names[number % 2 + 1]) for part in sentence.split("|"))
        quiet = [np.zeros(round(16 * ms), np.float32) for ms in (400, pause_ms, 10_000)]
        samples = np.concatenate([quiet[0], before, quiet[1], after, quiet[2]])
        begin_ms = 400 + len(before) / 16
        end_ms = begin_ms + pause_ms + len(after) / 16
        samples += (10 ** (ROOM_DB / 20) * noise.standard_normal(len(samples))).astype(np.float32)
        cases.append(Case(samples, end_ms, (begin_ms, begin_ms + pause_ms)))
    return cases


def _spoken(voice: HibariVoice, text: str, name: str) -> FloatArray:
    samples = np.concatenate([each.samples for each in voice.speak(text.strip(), voice=name)])
    spans = find_speech(Clip(samples, 24_000), gap_ms=400)
    trimmed = samples[round(24 * spans[0].start_ms) : round(24 * spans[-1].end_ms)]
    return resample(trimmed, 24_000, 16_000)


def _settings(wire: dict[str, object]) -> TurnSettings:
    """What the engine makes of a session's `turn_detection`."""
    state = SessionState(session_id="sess", model="local", voices=("robin",))
    state.update({"type": "realtime", "audio": {"input": {"turn_detection": wire}}})
    assert state.turns is not None
    return state.turns


def main() -> None:
    """Measure, print and write the table."""
    bench = Bench()
    whole = recorded()
    cut_up = {pause_ms: paused(bench.voice, pause_ms) for pause_ms in PAUSES_MS}
    lines = [
        "# When is a turn over?",
        "",
        f"`python bench/endpointing.py`: {len(whole)} recorded turns without a pause, and {len(SENTENCES)} synthetic "
        "sentences with a pause in the middle. *Cut off*: the turn ended inside the pause. *Waits*: from the acoustic "
        "end of the speech to the end of the turn. The places of the pauses were chosen by us, most of them after a "
        "word that hangs, and a synthetic voice does not draw out its vowels there: compare the rows with one another "
        "only.",
        "",
        f"| turn detection | {' | '.join(f'cut off, pause {ms} ms' for ms in PAUSES_MS)} | waits, recorded, median | "
        "worst | waits after a pause, median | worst |",
        f"|---|{'--:|' * (len(PAUSES_MS) + 4)}",
    ]
    for name, wire in MODES.items():
        settings = _settings(wire)
        print(f"… {name}", file=sys.stderr, flush=True)
        found = {pause_ms: [bench.run(case, settings) for case in cases] for pause_ms, cases in cut_up.items()}
        cells = [f"{sum(each.cut for each in found[ms])} of {len(found[ms])}" for ms in PAUSES_MS]
        for results in ([bench.run(case, settings) for case in whole], [f for each in found.values() for f in each]):
            waits = [each.waited_ms for each in results]
            cells += [f"{percentile(sorted(waits), 50):.0f} ms", f"{max(waits):.0f} ms"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], file=sys.stderr, flush=True)
    text = "\n".join(lines) + "\n"
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
