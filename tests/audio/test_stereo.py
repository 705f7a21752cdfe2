from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import soundfile

from contoso_lab.audio import Stereo, silence, stereo_uri, tone


def opened(uri: str) -> tuple[np.ndarray, int]:
    head, data = uri.split(",", 1)
    assert head.startswith("data:audio/")
    assert head.endswith(";base64")
    return soundfile.read(io.BytesIO(base64.b64decode(data)))


@pytest.mark.parametrize("rate_hz", [24_000, 22_050])
def test_each_side_stays_on_its_side(rate_hz: int) -> None:
    sound, heard_hz = opened(stereo_uri(tone(500, rate_hz=rate_hz), silence(500, rate_hz)))
    assert len(sound) / heard_hz == pytest.approx(0.5, abs=0.02)
    left, right = np.sqrt(np.mean(sound**2, axis=0))
    assert left > 0.1
    assert right < 0.01


def test_silence_fills_up_to_the_length_that_is_asked_for() -> None:
    sound, rate_hz = opened(stereo_uri(tone(100), tone(200), duration_ms=400))
    assert len(sound) / rate_hz == pytest.approx(0.4, abs=0.02)


def test_a_cell_shows_both_sides_and_one_player() -> None:
    shown = Stereo(tone(100), silence(100))._repr_html_()
    assert shown.count("<svg") == 2
    assert shown.count("<audio controls") == 1
    assert len(shown) < 60_000
