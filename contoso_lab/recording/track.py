"""One direction's sound: from the bytes on the wire to a WAV file, with a reference for the event."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from contoso_lab.audio import PCM16_24K, AudioFormat, decode, encode
from contoso_lab.recording.files import HEADER_BYTES, GrowingWav, wav_header

_BUFFER_BYTES = 1 << 18


def track_file(folder: Path, name: str) -> Path:
    """Where a track of a bundle lies: a WAV file as it was recorded, or a FLAC file that was made of it."""
    wav, flac = (folder / "audio" / f"{name}.{kind}" for kind in ("wav", "flac"))
    return flac if flac.exists() and not wav.exists() else wav


def pcm_as_stored(folder: Path, name: str) -> bytes | None:
    """The samples of a track that a recorder completed, as they lie in its WAV file; None for any other file.

    For whoever needs bytes and not numbers: by way of numbers it takes ten times as long.
    """
    place = track_file(folder, name)
    if place.suffix != ".wav" or not place.exists():
        return None
    data = place.read_bytes()
    rate_hz = int.from_bytes(data[24:28], "little")
    return data[HEADER_BYTES:] if rate_hz and data.startswith(wav_header(rate_hz, len(data) - HEADER_BYTES)) else None


class Reference(NamedTuple):
    """Where the sound of an event lies; it takes the place of the base64 text."""

    audio: str
    """`in` or `out`."""
    off: int
    """First sample in the track."""
    len: int
    """Number of samples."""
    sha: str
    """First 16 hex digits of the SHA-256 of the samples as they lie in the track (PCM16, little endian)."""

    def to_json(self) -> str:
        """Write the reference as it stands in an event."""
        return f'{{"$audio":"{self.audio}","off":{self.off},"len":{self.len},"sha":"{self.sha}"}}'

    def to_dict(self) -> dict[str, str | int]:
        """Give the reference as an object."""
        return {"$audio": self.audio, "off": self.off, "len": self.len, "sha": self.sha}


class Track:
    """The sound of one direction. The file is made with the first sound, at the rate of that moment."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.format: AudioFormat = PCM16_24K
        self.wav: GrowingWav | None = None
        self._place = folder / f"{name}.wav"
        self._samples = 0
        self._half = b""
        self._half_of: object = None

    def add(self, data: bytes, *, item: Callable[[], object]) -> Reference | None:
        """Store the sound of one event, and say where it lies. `item` tells which item it belongs to, if asked.

        Returns None when the sound has another rate than the track: such an event must keep its sound.
        Raises OSError when the file cannot be written.
        """
        if self.wav is None:
            self._place.parent.mkdir(exist_ok=True)
            self.wav = GrowingWav(self._place, self.format.rate_hz, buffer_bytes=_BUFFER_BYTES)
        if self.wav.rate_hz != self.format.rate_hz:
            return None
        pcm = self._whole_samples(data, item) if self.format.encoding == "pcm16" else self._decoded(data)
        offset = self.wav.append(pcm)
        self._samples = self.wav.samples
        return Reference(self.name, offset, len(pcm) // 2, hashlib.sha256(pcm).hexdigest()[:16])

    @property
    def samples(self) -> int:
        """How many samples were stored so far."""
        return self._samples

    def close(self) -> None:
        """Complete the file, if there is one; raises OSError."""
        if self.wav is not None:
            self.wav.close()

    def _decoded(self, data: bytes) -> bytes:
        return encode(decode(data, self.format), AudioFormat("pcm16", self.format.rate_hz))

    def _whole_samples(self, data: bytes, item: Callable[[], object]) -> bytes:
        if not self._half and len(data) % 2 == 0:
            return data
        # Some servers cut their stream at any byte: the other half of a sample comes with the next event of the
        # same item. With another item the half is lost, and must not shift what follows into noise.
        of = item()
        if self._half and self._half_of == of:
            data = self._half + data
        whole = len(data) - len(data) % 2
        self._half, self._half_of = data[whole:], of
        return data[:whole]
