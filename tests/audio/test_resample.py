from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contoso_lab.audio import FloatArray, Resampler, resample
from contoso_lab.errors import AudioError

resampling = importlib.import_module("contoso_lab.audio.resample")  # the package's `resample` is the function

RATES = [(24000, 16000), (16000, 24000), (48000, 24000), (44100, 24000), (24000, 8000), (8000, 24000)]
MORE_RATES = [*RATES, (24000, 48000), (22050, 24000), (24000, 44100), (11025, 8000), (24000, 24000)]
FAR_APART = (16000, 15990)
"""Rates that have so little in common that no matrix is made for them."""
MORE_RATES += [FAR_APART]

each_pair = pytest.mark.parametrize(("from_hz", "to_hz"), RATES)


def sine(hz: float, rate_hz: int, seconds: float = 0.5) -> FloatArray:
    return (0.5 * np.sin(2 * np.pi * hz / rate_hz * np.arange(round(seconds * rate_hz)))).astype(np.float32)


def level_db(samples: FloatArray) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-30))


def settled(samples: FloatArray, rate_hz: int) -> FloatArray:
    """Without the first and last 50 ms, where a sine that begins at once holds every frequency."""
    return samples[rate_hz // 20 : -rate_hz // 20]


def in_chunks(samples: FloatArray, sizes: list[int], resampler: Resampler) -> FloatArray:
    edges = np.cumsum([0, *sizes])
    pushed = [resampler.push(samples[a:b]) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    return np.concatenate([*pushed, resampler.finish()])


@each_pair
def test_a_sine_in_20_ms_chunks_has_no_click(from_hz: int, to_hz: int) -> None:
    whole = sine(440, from_hz)
    size = from_hz // 50
    heard = in_chunks(whole, [size] * (len(whole) // size), Resampler(from_hz, to_hz))
    np.testing.assert_array_equal(heard, resample(whole, from_hz, to_hz))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(MORE_RATES), st.lists(st.integers(0, 900), max_size=12), st.integers(0, 2**32 - 1))
def test_any_cut_gives_the_same_samples(rates: tuple[int, int], sizes: list[int], seed: int) -> None:
    noise = np.random.default_rng(seed).uniform(-1, 1, sum(sizes)).astype(np.float32)
    heard = in_chunks(noise, sizes, Resampler(*rates))
    np.testing.assert_array_equal(heard, resample(noise, *rates))
    assert len(heard) == round(len(noise) * rates[1] / rates[0])


def test_pieces_inside_a_long_push_do_not_show() -> None:
    noise = np.random.default_rng(1).uniform(-1, 1, 200_000).astype(np.float32)
    heard = in_chunks(noise, [70_001, 129_999], Resampler(24000, 16000))
    np.testing.assert_array_equal(heard, resample(noise, 24000, 16000))


@each_pair
@pytest.mark.parametrize("part_of_nyquist", [0.01, 0.3, 0.6, 0.89])
def test_what_should_pass_passes_in_place(from_hz: int, to_hz: int, part_of_nyquist: float) -> None:
    hz = part_of_nyquist * min(from_hz, to_hz) / 2
    heard = resample(sine(hz, from_hz), from_hz, to_hz)
    wanted = sine(hz, to_hz)
    error = settled(heard - wanted, to_hz)
    assert level_db(settled(wanted, to_hz)) - level_db(error) > 80


@pytest.mark.parametrize(("from_hz", "to_hz"), [pair for pair in RATES if pair[0] > pair[1]])
@pytest.mark.parametrize("place", [0.01, 0.3, 0.7, 0.97])
def test_what_would_alias_is_gone(from_hz: int, to_hz: int, place: float) -> None:
    hz = to_hz / 2 + place * (from_hz - to_hz) / 2
    too_high = sine(hz, from_hz)
    heard = resample(too_high, from_hz, to_hz)
    assert level_db(too_high) - level_db(settled(heard, to_hz)) > 80


@each_pair
def test_time_does_not_shift(from_hz: int, to_hz: int) -> None:
    click = np.zeros(from_hz, dtype=np.float32)
    click[from_hz // 2] = 1
    heard = resample(click, from_hz, to_hz)
    assert len(heard) == to_hz
    assert int(np.argmax(np.abs(heard))) == to_hz // 2


@pytest.mark.parametrize("rates", MORE_RATES[:-2])
def test_matrix_and_taps_give_the_same_sound(rates: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(2).uniform(-1, 1, 5000).astype(np.float32)
    by_matrix = resample(noise, *rates)
    monkeypatch.setattr(resampling, "_tile", lambda up, down: None)
    by_taps = resample(noise, *rates)
    assert level_db(by_taps) - level_db(by_matrix - by_taps) > 120


def test_a_product_is_small_enough_for_one_thread() -> None:
    for from_hz, to_hz in [pair for pair in MORE_RATES if pair[0] != pair[1]]:
        divisor = math.gcd(from_hz, to_hz)
        tile = resampling._tile(to_hz // divisor, from_hz // divisor)
        assert (tile is None) == ((from_hz, to_hz) == FAR_APART)
        assert tile is None or tile.rows * tile.matrix.size <= 65536 * 4  # OpenBLAS's GEMM_MULTITHREAD_THRESHOLD


def test_a_constant_stays_constant() -> None:
    heard = resample(np.full(24000, 0.25), 24000, 16000)
    np.testing.assert_allclose(settled(heard, 16000), 0.25, atol=1e-5)


@each_pair
def test_output_runs_behind_by_no_more_than_it_says(from_hz: int, to_hz: int) -> None:
    resampler = Resampler(from_hz, to_hz)
    assert 0 < resampler.delay_ms < 8
    ready = resampler.push(sine(440, from_hz, seconds=1))
    assert 1000 * (to_hz - len(ready)) / to_hz <= resampler.delay_ms + 1000 / to_hz + 1000 / from_hz


def test_a_finished_resampler_is_as_new() -> None:
    resampler = Resampler(24000, 16000)
    first = in_chunks(sine(300, 24000), [12000], resampler)
    np.testing.assert_array_equal(in_chunks(sine(300, 24000), [12000], resampler), first)


def test_nothing_gives_nothing() -> None:
    assert resample(np.empty(0), 24000, 16000).shape == (0,)
    assert Resampler(24000, 16000).finish().shape == (0,)


def test_the_same_rate_changes_nothing_and_shares_nothing() -> None:
    samples = sine(440, 24000)
    heard = resample(samples, 24000, 24000)
    np.testing.assert_array_equal(heard, samples)
    assert not np.shares_memory(heard, samples)


def test_int16_is_taken_as_pcm16() -> None:
    pcm = np.full(480, 16384, dtype=np.int16)
    np.testing.assert_array_equal(resample(pcm, 24000, 16000), resample(np.full(480, 0.5), 24000, 16000))


@pytest.mark.parametrize(
    ("from_hz", "to_hz", "reason"),
    [(0, 24000, "sample rate"), (24000, 1, "sample rate"), (191999, 192000, "no common factor")],
)
def test_rates_that_do_not_work_are_refused(from_hz: int, to_hz: int, reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        Resampler(from_hz, to_hz)


def test_a_bad_chunk_is_refused_and_leaves_the_stream_as_it_was() -> None:
    resampler = Resampler(24000, 16000)
    samples = sine(440, 24000)
    before = resampler.push(samples[:6000])
    with pytest.raises(AudioError, match="sample 0 is nan"):
        resampler.push([np.nan])
    heard = np.concatenate([before, resampler.push(samples[6000:]), resampler.finish()])
    np.testing.assert_array_equal(heard, resample(samples, 24000, 16000))
