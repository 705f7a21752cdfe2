from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jiwer
import numpy as np
import pytest
from whisper_normalizer.english import EnglishTextNormalizer

from contoso_lab.audio import Clip
from contoso_lab.engine import ear as ear_module
from contoso_lab.engine.ear import WhisperEar
from contoso_lab.engine.seams import FloatArray, Heard

pytestmark = pytest.mark.models
SPEECH = Path(__file__).parents[2] / "data/speech"
CATALOGUE = "Tents: Harbor Two, Meadow Four, Summit Solo, Lodge Eight. Sleeping Bags: Autumn Night, Polar Night."


@pytest.fixture(scope="module")
def ear() -> WhisperEar:
    return WhisperEar(workers=2)


@pytest.fixture(scope="module")
def turns() -> list[tuple[str, FloatArray]]:
    """The recorded customer, cut as a detector cuts: 300 ms before the speech and 200 ms after."""
    call = Clip.load(SPEECH / "first_call.wav")
    labels = json.loads((SPEECH / "first_call.json").read_text("utf-8"))
    return [
        (turn["text"], call[turn["start_ms"] - 300 : turn["end_ms"] + 200].resampled(16_000).samples)
        for turn in labels["turns"]
    ]


@pytest.mark.parametrize("prompt", ["", CATALOGUE])
def test_our_ear_understands_the_recorded_customer(
    ear: WhisperEar, turns: list[tuple[str, FloatArray]], prompt: str
) -> None:
    normal = EnglishTextNormalizer()
    said = [normal(text) for text, _ in turns]
    heard = [normal(ear.transcribe(samples, prompt=prompt).text) for _, samples in turns]
    assert jiwer.wer(said, heard) <= 0.10, heard


def test_two_workers_hear_what_one_hears(ear: WhisperEar, turns: list[tuple[str, FloatArray]]) -> None:
    sounds = [samples for _, samples in turns[:4]]
    alone = [ear.transcribe(samples).text for samples in sounds]
    with ThreadPoolExecutor(2) as pool:
        assert [heard.text for heard in pool.map(ear.transcribe, sounds)] == alone


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0),
        np.zeros(100),
        np.zeros(32_000),
        10 ** (-40 / 20) * np.random.default_rng(1).standard_normal(32_000),
        10 ** (-15 / 20) * np.random.default_rng(2).standard_normal(48_000),
        0.2 * np.sin(np.arange(32_000) * 2 * np.pi * 440 / 16_000),
        0.2 * np.sin(np.arange(96_000) * 2 * np.pi * 440 / 16_000),
        np.exp(-((np.linspace(-10, 10, 32_000)) ** 2)) * np.random.default_rng(3).standard_normal(32_000),
    ],
    ids=["nothing", "a click's length", "silence", "hiss", "loud hiss", "a tone", "a long tone", "a cough"],
)
def test_where_nobody_speaks_nothing_is_heard(ear: WhisperEar, sound: FloatArray) -> None:
    assert ear.transcribe(sound.astype(np.float32), prompt=CATALOGUE).text == ""


@pytest.mark.parametrize("answers_before_yes", [0, 1, 2])
def test_cancelled_work_stops_at_the_next_step(
    ear: WhisperEar, turns: list[tuple[str, FloatArray]], answers_before_yes: int
) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > answers_before_yes

    assert ear.transcribe(turns[0][1], cancelled=cancelled) == Heard("", 0.0, 0.0)
    assert asked == answers_before_yes + 1


def test_more_than_half_a_minute_is_heard_in_pieces(ear: WhisperEar, turns: list[tuple[str, FloatArray]]) -> None:
    pause = np.zeros(4_000, np.float32)
    long = np.concatenate([part for _, samples in turns * 2 for part in (samples, pause)])
    assert len(long) > 30 * 16_000
    heard = ear.transcribe(long).text.lower()
    assert [heard.count(words) for words in ("family trip", "waterproof", "on my screen")] == [2, 2, 2]


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (Heard("Show me. Show me. Show me. Show me.", -0.2, 0.1), "second hearing"),
        (Heard("words " * 30, -0.2, 0.1), "second hearing"),
        (Heard("a tent", -1.5, 0.1), "second hearing"),
        (Heard("a tent", -0.2, 0.1), "a tent"),
        (Heard("Thank you.", -1.5, 0.9), ""),
        (Heard("Be Be Be Be Be", -0.4, 0.9), ""),
        (Heard("...", -0.2, 0.1), ""),
    ],
)
def test_what_cannot_be_believed_is_heard_once_more_without_the_prompt(
    ear: WhisperEar, monkeypatch: pytest.MonkeyPatch, first: Heard, text: str
) -> None:
    hearings: list[tuple[float, str]] = []

    def once(samples: FloatArray, window_ms: float, prompt: str, cancelled: Callable[[], bool]) -> Heard:
        hearings.append((window_ms, prompt))
        return first if len(hearings) == 1 else Heard("second hearing", -0.1, 0.0)

    monkeypatch.setattr(ear, "_once", once)
    sound = (0.1 * np.random.default_rng(0).standard_normal(32_000)).astype(np.float32)
    assert ear.transcribe(sound, prompt="tents").text == text
    assert hearings[0] == (8_000, "tents")
    assert hearings[1:] in ([], [(12_000, "")])


def test_a_long_prompt_loses_its_beginning(ear: WhisperEar) -> None:
    tokens = ear._prompt_tokens("Polar Night. " * 300)
    assert len(tokens) == 224
    assert tokens[0] == ear._previous


def test_the_cut_falls_into_the_pause() -> None:
    samples = (0.1 * np.random.default_rng(0).standard_normal(40 * 16_000)).astype(np.float32)
    samples[24 * 16_000 : 25 * 16_000] = 0
    pieces = list(ear_module._pieces(samples))
    assert np.array_equal(np.concatenate(pieces), samples)
    assert 24 <= len(pieces[0]) / 16_000 <= 25
