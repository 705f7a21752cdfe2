"""The recorded customer talks to the real models, through the official client."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from contoso_lab.audio import PCM16_24K, ULAW_8K, Clip, silence
from contoso_lab.engine.build import Engine, build_engine
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving
from contoso_lab.wire.events import dump

pytestmark = pytest.mark.models
SPEECH = Path(__file__).parents[2] / "data" / "speech"
INSTRUCTIONS = """You are Robin, who helps customers of an outdoor shop.

# Customer
- name: Maya Chen
- first name: Maya

# Catalogue
- TEN-01 | Harbor Two | Tents | $189.00 | Two-person tent | weight: 2.9 kg; waterproof: 2000 mm; sleeps: 2
- TEN-02 | Meadow Four | Tents | $279.00 | Four-person family tent | weight: 6.1 kg; waterproof: 3000 mm; sleeps: 4

# Manner
- Answer in at most three sentences.
- Always give the reason for a recommendation.
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return build_engine(lambda message: None)


@pytest.fixture
async def connection(engine: Engine) -> AsyncIterator[Any]:
    async with (
        serving(create_app(engine)) as url,
        AsyncOpenAI(api_key="unused", base_url=f"{url}/v1") as client,
        client.realtime.connect(model="local") as connection,
    ):
        audio: Any = {"input": {"transcription": {"model": "whisper-1"}}}
        await connection.session.update(session={"type": "realtime", "instructions": INSTRUCTIONS, "audio": audio})
        yield connection


def turn(number: int) -> Clip:
    """One turn of the recorded customer, and a second of silence."""
    label = json.loads((SPEECH / "first_call.json").read_text("utf-8"))["turns"][number]
    return Clip.load(SPEECH / "first_call.wav")[label["start_ms"] - 200 : label["end_ms"]] + silence(1000)


async def send(connection: Any, clip: Clip) -> None:
    for piece in clip.chunks(100):
        await connection.input_audio_buffer.append(audio=base64.b64encode(piece.to_bytes(PCM16_24K)).decode())


async def until(connection: Any, name: str, check: Callable[[dict[str, Any]], None]) -> list[Any]:
    events = []
    async with asyncio.timeout(20):
        while not events or events[-1].type != name:
            raw = await connection.recv_bytes()
            check(json.loads(raw))
            events.append(connection.parse_event(raw))
    return events


async def test_the_customer_is_heard_and_answered_aloud(connection: Any, engine: Engine, check: Any) -> None:
    await send(connection, turn(0))
    events = await until(connection, "response.done", check)
    (heard,) = [e for e in events if e.type == "conversation.item.input_audio_transcription.completed"]
    assert {"tent", "four", "people"} <= set(heard.transcript.lower().replace(",", "").replace(".", "").split())
    said = events[-1].response.output[0].content[0].transcript
    assert "Meadow Four" in said
    sound = b"".join(base64.b64decode(e.delta) for e in events if e.type == "response.output_audio.delta")
    again = engine.ear.transcribe(Clip.from_bytes(sound, PCM16_24K).resampled(16_000).samples).text
    assert "279" in again  # what was said aloud is what was written


async def test_what_is_kept_of_a_cut_answer_is_what_was_heard(connection: Any, engine: Engine, check: Any) -> None:
    await send(connection, turn(0))
    done = (await until(connection, "response.done", check))[-1].response.output[0]
    await connection.conversation.item.truncate(item_id=done.id, content_index=0, audio_end_ms=6000)
    await connection.conversation.item.retrieve(item_id=done.id)
    item = (await until(connection, "conversation.item.retrieved", check))[-1].item
    kept, sound = item.content[0].transcript, Clip.from_bytes(base64.b64decode(item.content[0].audio), PCM16_24K)
    assert sound.duration_ms == 6000
    assert done.content[0].transcript.startswith(kept)
    heard = engine.ear.transcribe(sound.resampled(16_000).samples).text
    # Words are shared out by their letters and prices are written short: a few words of doubt are left.
    assert len(kept.split()) == pytest.approx(len(heard.split()), abs=4)


async def test_a_turn_sounds_the_same_over_the_telephone(connection: Any, check: Any) -> None:
    both: Any = {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcmu"}}}
    await connection.session.update(session={"type": "realtime", "audio": both})
    for piece in turn(0).resampled(8_000).chunks(100):
        sound = base64.b64encode(piece.to_bytes(ULAW_8K)).decode()
        await connection.send_raw(dump({"type": "input_audio_buffer.append", "audio": sound}))
    events = await until(connection, "response.done", check)
    (heard,) = [e for e in events if e.type == "conversation.item.input_audio_transcription.completed"]
    assert "tent" in heard.transcript.lower()
    assert events[-1].response.status == "completed"
