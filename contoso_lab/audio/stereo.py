"""Both sides of a call in one player, small enough to live inside a page or a notebook cell."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np

from contoso_lab.audio.clip import Clip
from contoso_lab.audio.codec import to_base64

# Opus first: it seeks to the sample, which MP3 does not, and 60 kbit/s hold two voices well.
_FORMATS = (
    ("OGG", "OPUS", "audio/ogg; codecs=opus", 0.9),
    ("MP3", "MPEG_LAYER_III", "audio/mpeg", 0.7),
    ("FLAC", "PCM_16", "audio/flac", None),
)
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_BLOCK = 1 << 18  # libsndfile's encoders keep a whole write on the stack


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
