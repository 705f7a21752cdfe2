"""The input audio buffer and the session's input clock.

The clock counts all sound that the client has ever written, committed, cleared or forgotten; every
`audio_start_ms` and `audio_end_ms` is a point on it.
"""

from __future__ import annotations

from contoso_lab.audio.codec import decode, from_base64
from contoso_lab.audio.format import AudioFormat
from contoso_lab.audio.resample import Resampler
from contoso_lab.engine.refusals import Refused
from contoso_lab.engine.seams import FloatArray
from contoso_lab.errors import AudioError

EAR_RATE_HZ = 16_000
"""What speech meters and ears are fed with."""

LONGEST_BUFFER_MS = 15 * 60 * 1000
"""A client that never commits loses its oldest sound, not our memory."""


class InputAudioBuffer:
    """What the client has written and nobody has committed yet.

    >>> from contoso_lab.audio.format import PCM16_24K
    >>> buffer = InputAudioBuffer(PCM16_24K)
    >>> _ = buffer.write(bytes(48_000))
    >>> buffer.clock_ms, len(buffer.between(0, 100))
    (1000.0, 4800)
    """

    def __init__(self, fmt: AudioFormat) -> None:
        self.format = fmt
        self._data = bytearray()
        self._start_ms = 0.0
        self._to_ear = Resampler(fmt.rate_hz, EAR_RATE_HZ)

    @property
    def clock_ms(self) -> float:
        """How much sound has been written since the session began."""
        return self._start_ms + self.format.duration_ms(self._data)

    @property
    def buffered_ms(self) -> float:
        """How much of it is still here."""
        return self.format.duration_ms(self._data)

    @property
    def start_ms(self) -> float:
        """Where on the clock the buffer begins."""
        return self._start_ms

    def write(self, data: bytes) -> FloatArray:
        """Append sound; gives the samples at 16 kHz for the speech meter."""
        self._data += data
        if self.buffered_ms > LONGEST_BUFFER_MS:
            self.forget_before(self.clock_ms - LONGEST_BUFFER_MS)
        return self._to_ear.push(decode(data, self.format))

    def between(self, start_ms: float, end_ms: float) -> bytes:
        """The sound between two points of the clock, as far as it is still here."""
        return bytes(self._data[self._offset(start_ms) : self._offset(end_ms)])

    def forget_before(self, at_ms: float) -> None:
        """Drop what is older than a point of the clock."""
        cut = min(self._offset(at_ms), len(self._data))
        self._start_ms += self.format.duration_ms(cut)
        del self._data[:cut]

    def forget_all(self) -> None:
        """Empty the buffer; the clock goes on."""
        self._start_ms = self.clock_ms
        self._data.clear()

    def change_format(self, fmt: AudioFormat) -> None:
        """What is written from now on has another format; what is here in the old one is dropped."""
        if fmt == self.format:
            return
        self.forget_all()
        self.format = fmt
        self.restart_ear()

    def restart_ear(self) -> None:
        """The meter starts a new stream: samples that the resampler still holds belong to the old one."""
        self._to_ear = Resampler(self.format.rate_hz, EAR_RATE_HZ)

    def _offset(self, at_ms: float) -> int:
        return self.format.byte_count(max(0.0, at_ms - self._start_ms))


def bad_audio(fmt: AudioFormat) -> Refused:
    """The refusal of bytes that cannot be sound of this format."""
    what = "mono PCM16 at 24kHz" if fmt.encoding == "pcm16" else f"mono G.711 {fmt.encoding} at 8kHz"
    return Refused(
        f"Invalid 'audio'. Expected base64-encoded audio bytes ({what}) but got an invalid value.", param="audio"
    )


def read_sound(audio: str, fmt: AudioFormat) -> bytes:
    """Decode the base64 text of an event.

    Raises:
        Refused: no base64, or a sample was cut in half.
    """
    try:
        data = from_base64(audio)
    except AudioError as error:
        raise bad_audio(fmt) from error
    if len(data) % fmt.bytes_per_sample:
        raise bad_audio(fmt)
    return data
