"""`POST /v1/audio/speech`: the voice alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from io import BytesIO
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contoso_lab.audio.codec import encode
from contoso_lab.audio.format import PCM16_24K
from contoso_lab.engine.refusals import Refused
from contoso_lab.engine.seams import FloatArray, Spoken, Voice
from contoso_lab.engine.workshop import Workshop
from contoso_lab.errors import EngineError

_TYPES = {"wav": "audio/wav", "flac": "audio/flac", "pcm": "audio/pcm"}


class _VoiceId(BaseModel):
    id: str


class SpeechRequest(BaseModel):
    """The body of `POST /v1/audio/speech`."""

    model_config = ConfigDict(extra="allow")
    input: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    voice: str | _VoiceId | None = None
    model: str = "local"
    response_format: str = "wav"
    """Ours is WAV when nothing is said: there is no MP3 encoder here."""
    stream_format: str = "audio"
    speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0

    def check(self) -> None:
        """Say no before any work is done.

        Raises:
            Refused: a format that this engine does not make.
        """
        if self.response_format not in _TYPES:
            raise Refused(
                f"This engine makes 'wav', 'flac' and 'pcm', not '{self.response_format}': ask for one of them.",
                param="response_format",
            )
        if self.stream_format != "audio":
            raise Refused(
                f"This engine streams plain sound, not '{self.stream_format}': ask for stream_format 'audio'.",
                param="stream_format",
            )


def speech_routes(workshop: Workshop, voice: Voice) -> APIRouter:
    """Make the route over the workshop's threads."""
    router = APIRouter()

    @router.post("/audio/speech")
    async def speak(wanted: SpeechRequest) -> Response:
        wanted.check()
        name = wanted.voice.id if isinstance(wanted.voice, _VoiceId) else wanted.voice or voice.names[0]
        sentences = workshop.speak(wanted.input, voice=name, speed=wanted.speed)
        try:
            # Before the first byte there is still time for an honest status.
            first = await anext(sentences, None)
            if wanted.response_format == "pcm":
                return StreamingResponse(_bytes(first, sentences), media_type=_TYPES["pcm"])
            async with aclosing(sentences):
                said = [first.samples] if first else []
                said += [spoken.samples async for spoken in sentences]
        except EngineError as error:
            raise Refused(str(error), param="voice") from error
        samples = np.concatenate([np.zeros(0, np.float32), *said])
        return Response(_file(samples, wanted.response_format), media_type=_TYPES[wanted.response_format])

    return router


async def _bytes(first: Spoken | None, rest: AsyncGenerator[Spoken, None]) -> AsyncIterator[bytes]:
    """Each sentence as soon as it is made."""
    async with aclosing(rest):
        if first is not None:
            yield encode(first.samples, PCM16_24K)
        async for spoken in rest:
            yield encode(spoken.samples, PCM16_24K)


def _file(samples: FloatArray, kind: str) -> bytes:
    import soundfile  # only this call needs it

    file = BytesIO()
    soundfile.write(file, samples, PCM16_24K.rate_hz, format=kind.upper(), subtype="PCM_16")
    return file.getvalue()
