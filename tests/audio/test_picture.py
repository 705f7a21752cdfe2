from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from contoso_lab.audio import Clip, from_base64, read_audio, silence, tone
from contoso_lab.audio.picture import spoken_duration


def bar_heights(svg: str) -> list[int]:
    """The heights of the pale bars, which show the peaks."""
    pale = re.findall(r' d="([^"]*)"', svg)[1]
    return [int(bottom) - int(top) for top, bottom in re.findall(r"M[\d.]+ (\d+)V(\d+)", pale)]


@pytest.mark.parametrize(
    "clip",
    [silence(0), silence(500), tone(500), tone(1), Clip([0.5], 24000), Clip([9.0, -9.0], 24000), tone(60_000)],
)
def test_the_picture_is_sound_xml_small_and_of_no_fixed_colour(clip: Clip) -> None:
    root = ElementTree.fromstring(clip.waveform)
    assert root.get("stroke") == "currentColor"
    assert root.get("role") == "img"
    assert len(clip.waveform) < 6000
    assert all(0 <= height <= 64 for height in bar_heights(clip.waveform))


def test_louder_is_taller_and_silence_is_flat() -> None:
    heights = bar_heights((tone(500, level_db=-40) + tone(500, level_db=-6)).waveform)
    assert max(heights[:70]) < min(heights[80:])
    assert bar_heights(silence(500).waveform) == []


def test_every_sample_is_seen() -> None:
    samples = np.zeros(24_001, dtype=np.float32)
    for where in (0, 12_345, 24_000):
        click = samples.copy()
        click[where] = 1
        assert max(bar_heights(Clip(click, 24000).waveform)) > 50


def test_the_player_plays_the_clip() -> None:
    clip = Clip(np.arange(2400, dtype=np.int16), 24000)
    html = clip._repr_html_()
    found = re.search(r'src="data:audio/wav;base64,([^"]+)"', html)
    assert found is not None
    assert read_audio(from_base64(found[1])) == clip
    assert "0.10 s · 24 kHz" in html


def test_a_long_clip_is_shown_and_not_played() -> None:
    html = silence(120_001, 8000)._repr_html_()
    assert "<audio" not in html
    assert "too long" in html
    assert "clip.save" in html
    assert len(html) < 4000
    assert "<audio" in silence(120_000, 8000)._repr_html_()


def test_an_empty_clip_says_so() -> None:
    html = silence(0)._repr_html_()
    assert "<audio" not in html
    assert "empty" in html


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.00 s"), (1.25, "1.25 s"), (60, "1 min 0 s"), (119.8, "2 min 0 s"), (3725, "1 h 2 min 5 s")],
)
def test_durations_read_well(seconds: float, words: str) -> None:
    assert spoken_duration(round(seconds * 8000), 8000) == words
