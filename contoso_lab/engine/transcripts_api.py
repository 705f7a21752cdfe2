"""`POST /v1/audio/transcriptions`: the ear alone.

`json`, `text` and `verbose_json` are what this ear can honestly give: it knows how sure it is, and not when which word
was said. So `verbose_json` holds one segment over the whole file, and subtitles are refused.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

from contoso_lab.audio.clip import Clip
from contoso_lab.audio.files import read_audio
from contoso_lab.audio.format import PCM16_24K
from contoso_lab.engine.forms import read_form
from contoso_lab.engine.refusals import Refused, missing
from contoso_lab.engine.seams import Heard
from contoso_lab.engine.usage import CALLER_MS_PER_TOKEN, text_tokens
from contoso_lab.engine.workshop import Workshop
from contoso_lab.errors import AudioError

_FORMATS = ("json", "text", "verbose_json")


def transcript_routes(workshop: Workshop) -> APIRouter:
    """Make the route over the workshop's threads."""
    router = APIRouter()

    @router.post("/audio/transcriptions")
    async def transcribe(request: Request) -> Any:
        fields = await read_form(request)
        if "file" not in fields:
            raise missing("file")
        asked = {name: values[-1].decode("utf-8", "replace") for name, values in fields.items() if name != "file"}
        wanted = asked.get("response_format", "json")
        _check(wanted, asked.get("language"), fields.get("timestamp_granularities[]", []))
        try:
            clip = read_audio(fields["file"][-1])
        except AudioError as error:
            raise Refused(str(error), param="file") from error
        sound = clip.resampled(PCM16_24K.rate_hz).to_bytes(PCM16_24K)
        heard = await workshop.listen(sound, PCM16_24K, prompt=asked.get("prompt", ""))
        if asked.get("stream", "").lower() in {"true", "1"}:
            return StreamingResponse(_events(heard, clip), media_type="text/event-stream")
        if wanted == "text":
            return PlainTextResponse(heard.text + "\n")
        usage = {"type": "duration", "seconds": round(clip.duration_ms / 1000, 3)}
        if wanted == "verbose_json":
            return {**_verbose(heard, clip), "usage": usage}
        return {"text": heard.text, "usage": usage}

    return router


def _check(wanted: str, language: str | None, granularities: list[bytes]) -> None:
    """Say no before any work is done.

    Raises:
        Refused: a format, a language or times that this ear cannot give.
    """
    if wanted not in _FORMATS:
        raise Refused(
            f"This engine writes 'json', 'text' and 'verbose_json', not '{wanted}': it does not know when which word "
            "was said.",
            param="response_format",
        )
    if b"word" in granularities:
        raise Refused(
            "This engine does not know when which word was said: ask for timestamps of the segment.",
            param="timestamp_granularities",
        )
    if language and language.lower().split("-")[0] not in {"en", "english"}:
        raise Refused(f"This engine hears English only, not '{language}'.", param="language")


def _verbose(heard: Heard, clip: Clip) -> dict[str, Any]:
    seconds = round(clip.duration_ms / 1000, 3)
    data = heard.text.encode()
    segment = {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": seconds,
        "text": heard.text,
        "tokens": [],  # the ear keeps them to itself
        "temperature": 0.0,
        "avg_logprob": heard.mean_logprob,
        "compression_ratio": round(len(data) / len(zlib.compress(data)), 3),
        "no_speech_prob": heard.no_speech,
    }
    segments = [segment] if heard.text else []
    return {"task": "transcribe", "language": "english", "duration": seconds, "text": heard.text, "segments": segments}


async def _events(heard: Heard, clip: Clip) -> AsyncIterator[str]:
    """The words in one piece: a guess at half of them would have to be taken back."""
    given, made = int(-(-clip.duration_ms // CALLER_MS_PER_TOKEN)), text_tokens(heard.text)
    usage = {"type": "tokens", "input_tokens": given, "output_tokens": made, "total_tokens": given + made}
    done = {"type": "transcript.text.done", "text": heard.text, "usage": usage}
    for event in ({"type": "transcript.text.delta", "delta": heard.text}, done):
        yield f"event: {event['type']}\ndata: {json.dumps(event, separators=(',', ':'))}\n\n"
