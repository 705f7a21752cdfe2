"""Sound: what its bytes mean, how its rate changes, how it is cut, drawn, heard, read and written.

>>> from contoso_lab.audio import Clip, PCM16_24K, find_speech, silence, tone
>>> call = silence(200) + tone(400) + silence(300)
>>> find_speech(call)
[Span(start_ms=200, end_ms=600)]
>>> Clip.from_bytes(call.to_bytes(PCM16_24K), PCM16_24K).duration_ms
900.0
"""

from __future__ import annotations

from contoso_lab.audio.clip import Clip, silence, tone
from contoso_lab.audio.codec import (
    FloatArray,
    Int16Array,
    decode,
    encode,
    float_to_pcm16,
    from_base64,
    pcm16_to_float,
    to_base64,
)
from contoso_lab.audio.files import read_audio, wav_bytes, write_audio, write_stereo
from contoso_lab.audio.format import (
    ALAW_8K,
    PCM16_8K,
    PCM16_16K,
    PCM16_24K,
    ULAW_8K,
    AudioFormat,
    Encoding,
)
from contoso_lab.audio.resample import Resampler, resample
from contoso_lab.audio.speech import Span, find_speech
from contoso_lab.audio.stereo import Encoded, Stereo, for_browser, stereo_uri

__all__ = [
    "ALAW_8K",
    "PCM16_8K",
    "PCM16_16K",
    "PCM16_24K",
    "ULAW_8K",
    "AudioFormat",
    "Clip",
    "Encoded",
    "Encoding",
    "FloatArray",
    "Int16Array",
    "Resampler",
    "Span",
    "Stereo",
    "decode",
    "encode",
    "find_speech",
    "float_to_pcm16",
    "for_browser",
    "from_base64",
    "pcm16_to_float",
    "read_audio",
    "resample",
    "silence",
    "stereo_uri",
    "to_base64",
    "tone",
    "wav_bytes",
    "write_audio",
    "write_stereo",
]
