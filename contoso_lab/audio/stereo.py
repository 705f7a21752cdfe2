"""Both sides of a call in one player, small enough to live inside a page or a notebook cell."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np

from contoso_lab.audio.clip import Clip
from contoso_lab.audio.codec import Int16Array, float_to_pcm16, to_base64

# Opus first: it seeks to the sample, which MP3 does not, and 60 kbit/s hold two voices well.
_FORMATS = (
    ("OGG", "OPUS", "audio/ogg; codecs=opus", 0.9),
    ("MP3", "MPEG_LAYER_III", "audio/mpeg", 0.7),
    ("FLAC", "PCM_16", "audio/flac", None),
)
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_BLOCK = 1 << 18  # libsndfile's encoders keep a whole write on the stack
_EXACT_MS = 20_000
"""Up to here a browser gets WAV; longer sound is packed."""


class Encoded(NamedTuple):
    """Sound as a browser plays it."""

    data: bytes
    media_type: str


class Stereo(NamedTuple):
    """Both sides of a call as two clips of the same length that begin with the recording."""

    left: Clip
    """The caller."""
    right: Clip
    """The assistant, as really played."""

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<div style="font-size:.85em;opacity:.75">{name}</div>{clip.waveform}'
            for name, clip in (("left: the caller", self.left), ("right: the assistant, as played", self.right))
        )
        player = (
            '<audio controls preload="metadata" style="display:block;width:100%;height:36px;margin-top:4px" '
            f'src="{stereo_uri(self.left, self.right)}"></audio>'
        )
        return f'<div style="max-width:600px;padding:4px 0">{rows}{player}</div>'


def stereo_uri(left: Clip, right: Clip, *, duration_ms: float = 0.0) -> str:
    """Both sides of a call as one stereo file in a `data:` URI.

    Args:
        left: the customer.
        right: the assistant, at the same rate.
        duration_ms: silence fills the file up to here, so that it is as long as the axis above it.
    """
    import soundfile

    kind, subtype, media_type, level = next(
        choice for choice in _FORMATS if choice[1] in soundfile.available_subtypes(choice[0])
    )
    if subtype == "OPUS" and left.rate_hz not in _OPUS_RATES:
        left, right = left.resampled(24_000), right.resampled(24_000)
    count = max(len(left), len(right), round(duration_ms * left.rate_hz / 1000))
    both = np.zeros((count, 2), np.float32)
    both[: len(left), 0] = left.samples
    both[: len(right), 1] = right.samples
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", samplerate=left.rate_hz, channels=2, format=kind, subtype=subtype, compression_level=level
    ) as out:
        for start in range(0, count, _BLOCK):
            out.write(both[start : start + _BLOCK])
    return f"data:{media_type.replace(' ', '')};base64,{to_base64(file.getvalue())}"


def for_browser(sound: Clip | Stereo) -> Encoded:
    """Sound as a file that every browser plays, exact to the sample of PCM16: WAV up to 20 s, FLAC beyond.

    Not Opus, which is four times smaller and takes twenty times as long to make: somebody waits for it.

    >>> from contoso_lab.audio.clip import tone
    >>> for_browser(tone(20)).media_type, for_browser(Stereo(tone(20), tone(20))).data[:4]
    ('audio/wav', b'RIFF')
    """
    long = (sound if isinstance(sound, Clip) else sound.left).duration_ms > _EXACT_MS
    container = "FLAC" if long else "WAV"
    if isinstance(sound, Clip):
        return _exact(float_to_pcm16(sound.samples), sound.rate_hz, container)
    both = np.zeros((max(len(sound.left), len(sound.right)), 2), np.int16)
    both[: len(sound.left), 0] = float_to_pcm16(sound.left.samples)
    both[: len(sound.right), 1] = float_to_pcm16(sound.right.samples)
    return _exact(both, sound.left.rate_hz, container)


def _exact(pcm: Int16Array, rate_hz: int, container: str) -> Encoded:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, pcm, rate_hz, format=container, subtype="PCM_16")
    return Encoded(file.getvalue(), f"audio/{container.lower()}")
