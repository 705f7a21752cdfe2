from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest

from contoso_lab.engine.seams import FloatArray
from contoso_lab.engine.voice import (
    OPENAI_VOICES,
    RATE_HZ,
    VOICES,
    HibariVoice,
    Tint,
    move_formants,
    move_harmonics,
    tint_of,
    trim_silence,
)
from contoso_lab.errors import EngineError

CUSTOMERS = {"low", "high"}
ASSISTANTS = set(VOICES) - CUSTOMERS
LINE = "The Meadow Four sleeps four people."


@pytest.fixture(scope="module")
def voice() -> HibariVoice:
    return HibariVoice()


@pytest.mark.models
def test_a_text_is_said_sentence_by_sentence_and_each_only_when_asked_for(
    voice: HibariVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    say = voice._say

    def noted(sentence: str, tint: Tint, speed: float) -> FloatArray:
        made.append(sentence)
        return say(sentence, tint, speed)

    monkeypatch.setattr(voice, "_say", noted)
    speech = voice.speak("It is $1.50. Shall I? 🎒 Well, TEN-02 is 6.1 kg.", voice="robin")
    assert made == []
    first = next(speech)
    assert (first.text, made) == ("It is $1.50.", ["It is $1.50."])
    assert first.samples.dtype == np.float32
    assert [spoken.text for spoken in speech] == ["Shall I?", "🎒 Well, TEN-02 is 6.1 kg."]


@pytest.mark.models
@pytest.mark.parametrize("text", ["", "   ", "🎒", "...", "***", "你好"])
def test_what_cannot_be_said_is_left_out(voice: HibariVoice, text: str) -> None:
    assert list(voice.speak(text, voice="robin")) == []


@pytest.mark.models
@pytest.mark.parametrize("name", VOICES)
def test_every_voice_has_its_pitch_and_all_are_equally_loud(voice: HibariVoice, name: str) -> None:
    samples = say(voice, LINE, name)
    assert pitch_hz(samples) == pytest.approx(pitch_hz(say(voice, LINE, "robin")) * VOICES[name].pitch, rel=0.06)
    assert 20 * math.log10(float(np.sqrt(np.mean(samples**2)))) == pytest.approx(-22, abs=2)
    assert np.abs(samples).max() < 0.95


@pytest.mark.models
def test_the_speech_begins_almost_at_once(voice: HibariVoice) -> None:
    samples = say(voice, "Hello Maya.", "robin")
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    assert 1000 * loud[0] / RATE_HZ < 80
    assert 150 < 1000 * (len(samples) - loud[-1]) / RATE_HZ < 400


@pytest.mark.models
def test_the_same_words_are_the_same_samples_also_in_other_threads(voice: HibariVoice) -> None:
    once = {name: say(voice, LINE, name) for name in VOICES}
    with ThreadPoolExecutor(4) as pool:
        again = dict(zip(VOICES, pool.map(lambda name: say(voice, LINE, name), VOICES), strict=True))
    assert all(np.array_equal(once[name], again[name]) for name in VOICES)


@pytest.mark.models
def test_twice_the_speed_takes_about_half_the_time(voice: HibariVoice) -> None:
    normal, fast, slow = (len(next(voice.speak(LINE, voice="robin", speed=speed)).samples) for speed in (1, 2, 0.5))
    assert fast / normal == pytest.approx(0.55, abs=0.1)
    assert slow / normal == pytest.approx(2, abs=0.25)


@pytest.mark.models
def test_wrong_names_and_speeds_are_refused_by_the_call_itself(voice: HibariVoice) -> None:
    with pytest.raises(EngineError, match="there is no voice 'gandalf': use robin"):
        voice.speak("Hello.", voice="gandalf")
    with pytest.raises(EngineError, match=r"a speed of 9 cannot be spoken: use 0\.25 to 4"):
        voice.speak("Hello.", voice="robin", speed=9)


@pytest.mark.parametrize(("customer", "assistant"), list(product(sorted(CUSTOMERS), sorted(ASSISTANTS))))
def test_a_customer_never_sounds_like_an_assistant(customer: str, assistant: str) -> None:
    # Three semitones and a tenth of the vocal tract: together beyond what one speaker's mood does.
    here, there = VOICES[customer], VOICES[assistant]
    assert abs(12 * math.log2(here.pitch / there.pitch)) > 3
    assert abs(math.log(here.formants / there.formants)) > 0.1


def test_openai_names_are_assistants() -> None:
    assert set(OPENAI_VOICES.values()) <= ASSISTANTS
    assert {"marin", "cedar", "alloy", "sage", "verse", "shimmer", "coral", "echo", "ash", "ballad"} <= set(
        OPENAI_VOICES
    )
    assert tint_of(" Marin ") == VOICES["robin"]


def test_the_tint_that_changes_nothing_moves_nothing() -> None:
    strength = np.repeat(np.linspace(5, -5, 601, dtype=np.float32)[:, None], 3, axis=1)
    pitch = np.array([200, 150, 0], np.float32)
    moved, turn = move_harmonics(strength, strength, pitch, Tint(1.0, 1.0))
    np.testing.assert_allclose(moved[10:560], strength[10:560], atol=0.01)
    assert turn.shape == strength.shape
    np.testing.assert_array_equal(move_formants(strength, 1.0), strength)


def test_a_formant_moves_by_its_factor() -> None:
    bins = np.arange(601, dtype=np.float32)[:, None]
    peak = -(((bins - 100) / 20) ** 2)  # one formant at 2000 Hz
    assert int(move_formants(peak, 0.85).argmax()) == 85
    moved, _ = move_harmonics(peak, peak, np.array([100], np.float32), Tint(1.0, 1.2))
    assert int(moved.argmax()) == 120


def test_silence_around_a_sentence_is_cut_and_pure_silence_is_nothing() -> None:
    tone = np.full(24_000, 0.5, np.float32)
    quiet = np.zeros(24_000, np.float32)
    kept = trim_silence(np.concatenate([quiet, tone, quiet]))
    assert len(kept) == RATE_HZ * (40 + 1_000 + 250) // 1_000
    assert len(trim_silence(quiet)) == 0


def say(voice: HibariVoice, text: str, name: str) -> FloatArray:
    return np.concatenate([spoken.samples for spoken in voice.speak(text, voice=name)])


def pitch_hz(samples: FloatArray) -> float:
    """The median pitch over the clearly periodic 40 ms frames, by autocorrelation."""
    found = []
    for start in range(0, len(samples) - 2_000, 480):
        frame = samples[start : start + 2_000].astype(np.float64)
        if np.sqrt(np.mean(frame**2)) < 0.05:
            continue
        lags = np.correlate(frame, frame, "full")[1_999:]
        best = 60 + int(lags[60:300].argmax())  # 80 to 400 Hz
        if lags[best] > 0.5 * lags[0]:
            found.append(RATE_HZ / best)
    return float(np.median(found))
