from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from contoso_lab.audio import (
    ALAW_8K,
    ULAW_8K,
    AudioFormat,
    Clip,
    decode,
    read_audio,
    silence,
    tone,
    wav_bytes,
    write_audio,
    write_stereo,
)
from contoso_lab.errors import AudioError, MissingExtra, UnreadableAudio

RAMP = Clip(np.arange(-2400, 2400, dtype=np.int16), 24000)


def sound_file(samples: np.ndarray, rate_hz: int, container: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=container, subtype=subtype)
    return file.getvalue()


def webm(clip: Clip, *, channels: int = 1, container: str = "webm", codec: str = "libopus") -> bytes:
    """What a browser's MediaRecorder would have recorded; a second channel is silent."""
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=clip.rate_hz, layout="mono" if channels == 1 else "stereo")
        planes = np.zeros((channels, len(clip)), dtype=np.float32)
        planes[0] = clip.samples
        packed = np.ascontiguousarray(planes.T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout="mono" if channels == 1 else "stereo")
        frame.sample_rate = clip.rate_hz
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def flac_that_tells(frames: int, data: bytes) -> bytes:
    """The same FLAC with another number of frames in its STREAMINFO (its last 36 bits before the checksum)."""
    told = int.from_bytes(data[18:26], "big") >> 36 << 36 | frames
    return data[:18] + told.to_bytes(8, "big") + data[26:]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_what_is_written_is_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"ramp{suffix}"
    write_audio(path, RAMP)
    assert read_audio(path) == read_audio(str(path)) == read_audio(path.read_bytes()) == RAMP
    with path.open("rb") as file:
        assert read_audio(file) == RAMP
        assert not file.closed
    assert soundfile.info(path).subtype == "PCM_16"


@pytest.mark.parametrize("fmt", [ULAW_8K, ALAW_8K])
def test_telephone_wavs_agree_with_our_codec(fmt: AudioFormat) -> None:
    pcm = np.arange(-32768, 32768, 7).astype(np.int16)
    data = sound_file(pcm, 8000, "WAV", fmt.encoding.upper())
    # Where a sample stands right on a threshold, libsndfile's encoder goes its own way: its codes are compared.
    start = data.index(b"data") + 8
    np.testing.assert_array_equal(read_audio(data).samples, decode(data[start : start + len(pcm)], fmt))


@pytest.mark.parametrize(
    ("container", "subtype"), [("WAV", "FLOAT"), ("WAV", "PCM_24"), ("FLAC", "PCM_24"), ("WAVEX", "PCM_16")]
)
def test_other_depths_are_read(container: str, subtype: str) -> None:
    assert read_audio(sound_file(RAMP.samples, 24000, container, subtype)) == RAMP


def test_channels_become_one_by_their_mean() -> None:
    both = np.stack([RAMP.samples, np.zeros(len(RAMP), dtype=np.float32)], axis=1)
    np.testing.assert_allclose(read_audio(sound_file(both, 24000, "WAV", "FLOAT")).samples, RAMP.samples / 2)


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_ogg_is_read(subtype: str) -> None:
    heard = read_audio(sound_file(tone(500).samples, 24000, "OGG", subtype))
    assert heard.duration_ms == pytest.approx(500, abs=1)
    assert heard.level_db == pytest.approx(-12, abs=0.5)


@pytest.mark.parametrize("channels", [1, 2])
def test_webm_is_read(channels: int) -> None:
    clip = silence(300, 48000) + tone(400, rate_hz=48000) + silence(300, 48000)
    heard = read_audio(webm(clip, channels=channels))
    assert heard.rate_hz == 48000
    assert heard.duration_ms == pytest.approx(1000, abs=30)  # Opus comes in frames of 20 ms
    wanted_db = -12 if channels == 1 else -18
    assert heard[350:650].level_db == pytest.approx(wanted_db, abs=0.5)
    assert heard[:280].level_db < -50
    assert heard[730:1000].level_db < -50


def test_mp4_is_read() -> None:
    heard = read_audio(webm(tone(500, rate_hz=48000), container="mp4", codec="aac"))
    assert heard.duration_ms == pytest.approx(500, abs=50)
    assert heard[100:400].level_db == pytest.approx(-12, abs=0.5)


def test_webm_without_pyav_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = webm(tone(100, rate_hz=48000))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r"contoso-lab\[webm\]"):
        read_audio(data)


def test_two_clips_are_written_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "both.wav"
    write_stereo(path, RAMP, RAMP[:50])
    samples, rate_hz = soundfile.read(path, dtype="int16")
    assert rate_hz == 24000
    assert samples.shape == (4800, 2)
    np.testing.assert_array_equal(samples[:, 0], np.arange(-2400, 2400))
    np.testing.assert_array_equal(samples[1200:, 1], 0)
    with pytest.raises(AudioError, match=r"resampled\(24000\)"):
        write_stereo(path, RAMP, RAMP.resampled(16000))


def test_an_empty_clip(tmp_path: Path) -> None:
    assert read_audio(wav_bytes(silence(0))) == silence(0)
    with pytest.raises(AudioError, match="FLAC"):
        write_audio(tmp_path / "empty.flac", silence(0))


@pytest.mark.parametrize(
    ("where", "reason"), [("clip.mp3", ".wav or .flac"), ("clip", ".wav or .flac"), ("no/such/clip.wav", "cannot be")]
)
def test_a_place_that_cannot_be_written(where: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=reason):
        write_audio(tmp_path / where, RAMP)


@pytest.mark.parametrize(
    ("told_bytes", "riff_bytes"),
    [(0, 36), (0, 0), (960, 996), (0xFFFFFFFF, 0xFFFFFFFF), (1_728_000_000, 1_728_000_036)],
)
def test_a_wav_whose_writer_was_killed_is_read_to_its_end(told_bytes: int, riff_bytes: int, tmp_path: Path) -> None:
    data = bytearray(wav_bytes(RAMP))
    data[4:8] = riff_bytes.to_bytes(4, "little")
    data[40:44] = told_bytes.to_bytes(4, "little")
    path = tmp_path / "cut.wav"
    path.write_bytes(data + b"\x01")  # cut inside a sample
    assert read_audio(path) == RAMP
    assert read_audio(bytes(data)) == RAMP


def test_notes_after_the_sound_are_no_sound() -> None:
    notes = b"LIST\x0c\0\0\0INFOISFT\0\0\0\0"
    data = bytearray(wav_bytes(RAMP) + notes)
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    assert read_audio(bytes(data)) == RAMP


def test_a_flac_of_unknown_length_is_read() -> None:
    assert read_audio(flac_that_tells(0, sound_file(RAMP.samples, 24000, "FLAC", "PCM_16"))) == RAMP


def test_a_flac_that_tells_too_much_is_read_for_what_it_holds() -> None:
    data = flac_that_tells(24000 * 60, sound_file(RAMP.samples, 24000, "FLAC", "PCM_16"))
    assert read_audio(data) == RAMP


def test_ten_hours_are_refused_by_what_the_header_tells() -> None:
    data = flac_that_tells(24000 * 36_000, sound_file(RAMP.samples, 24000, "FLAC", "PCM_16"))
    with pytest.raises(UnreadableAudio, match="longer than 120 minutes") as caught:
        read_audio(data)
    assert "\n" not in str(caught.value)


def test_more_than_two_hours_are_refused_when_no_header_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contoso_lab.audio.files._MOST_SAMPLES", 24000)
    monkeypatch.setattr("contoso_lab.audio.files._BLOCK_VALUES", 4096)
    with pytest.raises(UnreadableAudio, match="longer than"):
        read_audio(flac_that_tells(0, sound_file(tone(1100).samples, 24000, "FLAC", "PCM_16")))
    with pytest.raises(UnreadableAudio, match="longer than"):
        read_audio(webm(tone(1100, rate_hz=48000)))
    assert read_audio(wav_bytes(tone(1000))).duration_ms == 1000


def test_a_stream_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contoso_lab.audio.files._MOST_BYTES", 1 << 20)
    with Path("/dev/zero").open("rb") as endless, pytest.raises(UnreadableAudio, match="more than 1 MiB"):
        read_audio(endless)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no sound at all, only words",
        b"RIFF\0\0\0\0WAVE",
        wav_bytes(RAMP)[:30],
        b"\x1a\x45\xdf\xa3 and no WebM",
        sound_file(tone(500).samples, 24000, "FLAC", "PCM_16")[:5000],
        sound_file(tone(500).samples, 24000, "OGG", "VORBIS")[:3000],
        sound_file(np.array([0.0, np.nan]), 24000, "WAV", "FLOAT"),
        sound_file(np.array([0.0, np.inf]), 24000, "WAV", "FLOAT"),
        sound_file(RAMP.samples, 7, "WAV", "PCM_16"),
    ],
    ids=["empty", "words", "bare", "no data", "WebM", "cut FLAC", "cut OGG", "nan", "inf", "7 Hz"],
)
def test_what_cannot_be_read_gets_one_sentence(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "clip.bin"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(UnreadableAudio) as caught:
            read_audio(source)
        assert "\n" not in str(caught.value)
    assert "clip.bin" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableAudio, match="no-such.wav cannot be read"):
        read_audio(tmp_path / "no-such.wav")
    with pytest.raises(UnreadableAudio, match="cannot be read"):
        read_audio(tmp_path)


def test_a_video_without_sound_says_so() -> None:
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as out:
        stream = out.add_stream("libvpx", rate=10)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        out.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        out.mux(stream.encode(None))
    with pytest.raises(UnreadableAudio, match="holds no sound"):
        read_audio(file.getvalue())
