"""`POST /v1/audio/speech` and `/v1/audio/transcriptions`: the voice alone and the ear alone."""

from __future__ import annotations

import re
from contextlib import aclosing
from io import BytesIO
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contoso_lab.audio.codec import encode
from contoso_lab.audio.files import read_audio
from contoso_lab.audio.format import PCM16_24K
from contoso_lab.engine.seams import Voice
from contoso_lab.engine.workshop import Workshop
from contoso_lab.errors import AudioError, EngineError

LARGEST_UPLOAD_BYTES = 25 * 1024 * 1024
"""The documented limit of the real service."""
_TYPES = {"wav": "audio/wav", "flac": "audio/flac", "pcm": "audio/pcm"}


class SpeechRequest(BaseModel):
    """The body of `POST /v1/audio/speech`."""

    model_config = ConfigDict(extra="allow")
    input: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    voice: str | None = None
    model: str = "local"
    response_format: Literal["wav", "flac", "pcm"] = "wav"
    """Ours is WAV when nothing is said: there is no MP3 encoder here."""
    speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0


def audio_routes(workshop: Workshop, voice: Voice) -> APIRouter:
    """Make the routes over the workshop's threads."""
    router = APIRouter()

    @router.post("/audio/speech")
    async def speak(wanted: SpeechRequest) -> Response:
        name = wanted.voice or voice.names[0]
        try:
            async with aclosing(workshop.speak(wanted.input, voice=name, speed=wanted.speed)) as sentences:
                said = [spoken.samples async for spoken in sentences]
        except EngineError as error:
            raise HTTPException(400, str(error)) from error
        samples = np.concatenate([np.zeros(0, np.float32), *said])
        return Response(_file(samples, wanted.response_format), media_type=_TYPES[wanted.response_format])

    @router.post("/audio/transcriptions")
    async def transcribe(request: Request) -> Any:
        fields = await _form(request)
        if "file" not in fields:
            raise HTTPException(400, "Missing required parameter: 'file'.")
        try:
            clip = read_audio(fields["file"])
        except AudioError as error:
            raise HTTPException(400, str(error)) from error
        sound = clip.resampled(PCM16_24K.rate_hz).to_bytes(PCM16_24K)
        prompt = fields.get("prompt", b"").decode("utf-8", "replace")
        heard = await workshop.listen(sound, PCM16_24K, prompt=prompt)
        if fields.get("response_format") == b"text":
            return PlainTextResponse(heard.text + "\n")
        usage = {"type": "duration", "seconds": round(clip.duration_ms / 1000, 3)}
        return {"text": heard.text, "usage": usage}

    return router


def _file(samples: Any, kind: str) -> bytes:
    if kind == "pcm":
        return encode(samples, PCM16_24K)
    import soundfile  # only this call needs it

    file = BytesIO()
    soundfile.write(file, samples, PCM16_24K.rate_hz, format=kind.upper(), subtype="PCM_16")
    return file.getvalue()


async def _form(request: Request) -> dict[str, bytes]:
    """Read a multipart form; one that is small and comes from an official client needs no parser package."""
    kind = re.match(r'multipart/form-data;.*boundary="?([^";,]+)"?', request.headers.get("content-type", ""))
    if kind is None:
        raise HTTPException(400, "The request must be multipart/form-data with a 'file'.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_UPLOAD_BYTES:
            raise HTTPException(413, f"The file is too large: send at most {LARGEST_UPLOAD_BYTES} bytes.")
    fields: dict[str, bytes] = {}
    for part in bytes(body).split(b"--" + kind[1].encode()):
        head, gap, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        if gap and name:
            fields[name[1].decode("utf-8", "replace")] = content.removesuffix(b"\r\n")
    return fields
