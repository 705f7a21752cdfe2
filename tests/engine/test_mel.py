from __future__ import annotations

import math

import numpy as np
import pytest

from contoso_lab.engine.mel import BANDS, filterbank, frame_count, log_mel
from contoso_lab.engine.seams import FloatArray


def test_the_first_triangle_has_the_weight_that_the_formulas_give_by_hand() -> None:
    # 8000 Hz is 45.2456 mel (Slaney), 81 steps of 0.558587 mel, below 1000 Hz 37.2391 Hz each. Bin 1 is 40 Hz:
    # (74.4783 - 40) / 37.2391 of the triangle's height, which is 2 / 74.4783.
    assert filterbank()[0, 1] == pytest.approx(0.02486259, abs=1e-8)
    assert np.count_nonzero(filterbank()[0]) == 1


def test_the_filterbank_is_the_one_worked_out_by_hand() -> None:
    np.testing.assert_allclose(filterbank(), slow_filterbank(), atol=1e-8)


def test_the_picture_is_the_one_worked_out_by_hand() -> None:
    rng = np.random.default_rng(7)
    time_s = np.arange(4_000) / 16_000
    samples = (0.3 * np.sin(2 * np.pi * (300 + 2_000 * time_s) * time_s) + 0.01 * rng.standard_normal(4_000)).astype(
        np.float32
    )
    np.testing.assert_allclose(log_mel(samples), slow_log_mel(samples), atol=2e-5)


def test_silence_is_flat_and_does_not_divide_by_zero() -> None:
    picture = log_mel(np.zeros(16_000, np.float32))
    assert picture.dtype == np.float32
    np.testing.assert_allclose(picture, -1.5, atol=1e-6)


def test_zeros_behind_the_sound_change_nothing_before_them() -> None:
    samples = (0.1 * np.random.default_rng(1).standard_normal(16_000)).astype(np.float32)
    short = log_mel(np.pad(samples, (0, 16_000)))
    long = log_mel(np.pad(samples, (0, 64_000)))
    np.testing.assert_array_equal(short[:, :150], long[:, :150])


@pytest.mark.parametrize(("samples", "frames"), [(160, 1), (319, 1), (16_000, 100), (128_000, 800), (480_000, 3_000)])
def test_there_is_a_frame_every_ten_milliseconds(samples: int, frames: int) -> None:
    assert frame_count(samples) == frames
    if samples > 200:
        assert log_mel(np.ones(samples, np.float32)).shape == (BANDS, frames)


# The reference, written without looking at the module: scalars, float64, and a Fourier sum instead of an FFT.


def slow_mel_hz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def slow_filterbank() -> np.ndarray:
    top = 15 + 27 * math.log(8000 / 1000, 6.4)
    edges = [slow_mel_hz(top * step / 81) for step in range(82)]
    table = np.zeros((80, 201))
    for band in range(80):
        low, middle, high = edges[band : band + 3]
        for k in range(201):
            hz = 40.0 * k
            if low <= hz <= middle:
                table[band, k] = (hz - low) / (middle - low)
            elif middle < hz <= high:
                table[band, k] = (high - hz) / (high - middle)
        table[band] *= 2 / (high - low)
    return table


def slow_log_mel(samples: FloatArray) -> np.ndarray:
    wide = samples.astype(np.float64)
    mirrored = np.concatenate([wide[200:0:-1], wide, wide[-2:-202:-1]])
    n = np.arange(400)
    window = np.sin(np.pi * n / 400) ** 2
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(201), n) / 400)
    columns = []
    for frame in range(len(samples) // 160):
        power = np.abs(fourier @ (window * mirrored[160 * frame : 160 * frame + 400])) ** 2
        columns.append(np.log10(np.maximum(slow_filterbank() @ power, 1e-10)))
    picture = np.array(columns).T
    return (np.maximum(picture, picture.max() - 8) + 4) / 4
