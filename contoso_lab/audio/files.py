"""Sound files: what people and browsers hand over, and what we hand back.

WAV (also mu-law and A-law), FLAC and OGG (Opus, Vorbis) go through libsndfile. WebM and MP4, which is what browsers
record, go through PyAV, an extra. Several channels become one by their mean. A header is a claim: one that tells of
more than two hours is refused, and otherwise memory is taken block by block, for sound that is really there.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from os import PathLike, fspath
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from contoso_lab.audio.clip import Clip
from contoso_lab.audio.codec import FloatArray, Int16Array, float_to_pcm16
from contoso_lab.audio.format import check_rate
from contoso_lab.audio.stale_wav import mended
from contoso_lab.errors import AudioError, MissingExtra, UnreadableAudio

LONGEST_MS = 2 * 3600 * 1000
"""No longer clip is read."""

_MOST_SAMPLES = LONGEST_MS // 1000 * 48_000  # two hours at 48 kHz: about 1.4 GB, also for higher rates
_MOST_BYTES = 1 << 30  # of a stream, whose size nobody knows before it is read
_BLOCK_VALUES = 1 << 22  # 16 MB, or three minutes at 24 kHz: most calls are read at once, which is quickest
_TO_THE_END = 1 << 16
_UNKNOWN_FRAMES = (1 << 63) - 1  # what libsndfile reports of a FLAC that was streamed
_WRITTEN = {".wav": "WAV", ".flac": "FLAC"}

Source = str | PathLike[str] | bytes | BinaryIO


def read_audio(source: Source) -> Clip:
    """Read a sound file from a path, from bytes or from an open binary file, at its own rate.

    Raises:
        UnreadableAudio: there is no such file, it is no sound, or it is longer than two hours.
        MissingExtra: it is WebM or MP4, and PyAV is not installed.
    """
    name = _name(source)
    try:
        with _open(source, name) as file:
            start = file.read(12)
            file.seek(0)
            if not start:
                raise UnreadableAudio(f"{name} is empty; give a WAV, FLAC, OGG or WebM file")
            if start[:4] == b"\x1a\x45\xdf\xa3" or start[4:8] == b"ftyp":
                return _read_with_pyav(file, name)
            return _read_with_soundfile(mended(file), name)
    except OSError as error:
        raise UnreadableAudio(
            f"{name} cannot be read: {error.strerror or error}; check the path and its permissions"
        ) from error


def write_audio(path: str | PathLike[str], clip: Clip) -> None:
    """Write a clip as PCM16 to a .wav or .flac file.

    Raises:
        AudioError: another suffix, or a place that cannot be written.
    """
    _write(path, float_to_pcm16(clip.samples), clip.rate_hz)


def write_stereo(path: str | PathLike[str], left: Clip, right: Clip) -> None:
    """Write two clips of one rate as the two channels of a .wav or .flac file; silence fills up the shorter one.

    Raises:
        AudioError: different rates, another suffix, or a place that cannot be written.
    """
    if left.rate_hz != right.rate_hz:
        raise AudioError(
            f"the left clip has {left.rate_hz} Hz and the right one {right.rate_hz} Hz; "
            f"call .resampled({left.rate_hz}) on the right one"
        )
    both = np.zeros((max(len(left), len(right)), 2), dtype=np.int16)
    both[: len(left), 0] = float_to_pcm16(left.samples)
    both[: len(right), 1] = float_to_pcm16(right.samples)
    _write(path, both, left.rate_hz)


def wav_bytes(clip: Clip) -> bytes:
    """The clip as a WAV file of PCM16, in memory.

    >>> from contoso_lab.audio.clip import tone
    >>> read_audio(wav_bytes(tone(20))).duration_ms
    20.0
    """
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, float_to_pcm16(clip.samples), clip.rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


def _write(path: str | PathLike[str], pcm: Int16Array, rate_hz: int) -> None:
    import soundfile

    container = _WRITTEN.get(Path(path).suffix.lower())
    if container is None:
        raise AudioError(f"{fspath(path)} cannot be written as sound; name it .wav or .flac")
    if container == "FLAC" and not len(pcm):
        raise AudioError(f"{fspath(path)} would hold no sound, which FLAC cannot express; name it .wav")
    try:
        # int16 in, PCM16 out: libsndfile would scale floats by 32767, which loses the exact round trip.
        soundfile.write(fspath(path), pcm, rate_hz, format=container, subtype="PCM_16")
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(
            f"{fspath(path)} cannot be written: {error}; check that its folder exists and has room"
        ) from error


def _open(source: Source, name: str) -> BinaryIO:
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    if isinstance(source, str | PathLike):
        return Path(source).open("rb")
    # The caller's file stays open and is theirs; some, such as an upload, cannot be rewound.
    data = source.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise UnreadableAudio(f"{name} holds more than {_MOST_BYTES >> 20} MiB; cut it into parts, or give its path")
    return io.BytesIO(data)


def _name(source: Source) -> str:
    if isinstance(source, str | PathLike):
        return fspath(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return f"audio of {len(source)} bytes"
    return str(getattr(source, "name", "the open file"))


def _read_with_soundfile(file: BinaryIO, name: str) -> Clip:
    import soundfile

    class Forward(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no types
        # A file that can seek is asked to after every read, which fails where a FLAC header tells no true length.
        def seekable(self) -> bool:
            return False

    try:
        with Forward(_descriptor(file), closefd=False) as sound:
            told = 0 if sound.frames == _UNKNOWN_FRAMES else sound.frames
            return _gather(_soundfile_blocks(sound, told), sound.samplerate, name, told=told)
    except soundfile.LibsndfileError as error:
        raise UnreadableAudio(
            f"{name} is no sound that can be decoded ({error.error_string.rstrip('.')}); give WAV, FLAC, OGG or WebM, "
            "and raw samples to Clip.from_bytes"
        ) from error


def _descriptor(file: BinaryIO) -> BinaryIO | int:
    """What the system calls an open file, from its start; libsndfile would come back to Python for each 8 kB."""
    try:
        number = file.fileno()
    except io.UnsupportedOperation:
        return file  # in memory
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _soundfile_blocks(sound: Any, told: int) -> Iterator[FloatArray]:
    """The sound, as far as its header tells in blocks that fit it; behind that there may be more, in small ones."""
    most = max(1, _BLOCK_VALUES // sound.channels)
    while len(block := sound.read(min(most, max(told, _TO_THE_END)), dtype="float32", always_2d=True)):
        told -= len(block)
        # A mean over one channel gives the same and takes five times as long.
        yield block[:, 0] if sound.channels == 1 else block.mean(axis=1, dtype=np.float32)


def _read_with_pyav(file: BinaryIO, name: str) -> Clip:
    try:
        import av
    except ImportError as error:
        raise MissingExtra("reading WebM and MP4", package="av", extra="webm") from error

    try:
        with av.open(file) as container:
            if not container.streams.audio:
                raise UnreadableAudio(f"{name} holds no sound; record it with a microphone")
            return _gather(_pyav_blocks(av, container), container.streams.audio[0].rate, name)
    except av.FFmpegError as error:
        raise UnreadableAudio(
            f"{name} is no sound that can be decoded ({error.strerror}); record it again, or convert it to WAV"
        ) from error


def _pyav_blocks(av: Any, container: Any) -> Iterator[FloatArray]:
    planar = av.AudioResampler(format="fltp")  # floats, one row a channel; rate and channels stay
    for frame in container.decode(audio=0):
        for part in planar.resample(frame):
            yield part.to_ndarray().mean(axis=0, dtype=np.float32)


def _gather(blocks: Iterator[FloatArray], rate_hz: int, name: str, *, told: int = 0) -> Clip:
    """Join blocks into a clip; stop as soon as it gets too long, or at once if its header says that it will."""
    try:
        check_rate(rate_hz)
        most = min(_MOST_SAMPLES, LONGEST_MS // 1000 * rate_hz)
        parts: list[FloatArray] = []
        count = told
        if told <= most:
            count = 0
            for block in blocks:
                count += len(block)
                if count > most:
                    break
                parts.append(block)
        if count > most:
            raise AudioError(
                f"it lasts longer than {most / rate_hz / 60:g} minutes, the most that is read at {rate_hz} Hz; "
                "cut it into parts"
            )
        samples = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, dtype=np.float32), *parts])
        samples.setflags(write=False)
        return Clip(samples, rate_hz)
    except AudioError as error:
        raise UnreadableAudio(f"{name} cannot be used: {error}") from error
