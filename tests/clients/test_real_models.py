"""Each client once with the real ear, voice and brain: a recorded customer asks, and is heard and answered aloud."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, OpenAI

from contoso_lab.audio import PCM16_24K, Clip, silence
from contoso_lab.engine.build import build_engine
from contoso_lab.engine.server import create_app

pytestmark = pytest.mark.models
SPEECH = Path(__file__).parents[2] / "data" / "speech"
LIMIT_S = 30
INSTRUCTIONS = """You are Robin, who helps customers of an outdoor shop.

# Catalogue
- TEN-01 | Harbor Two | Tents | $189.00 | Two-person tent | weight: 2.9 kg; waterproof: 2000 mm; sleeps: 2
- TEN-02 | Meadow Four | Tents | $279.00 | Four-person family tent | weight: 6.1 kg; waterproof: 3000 mm; sleeps: 4

# Manner
- Answer in at most three sentences.
"""
SESSION: Any = {
    "type": "realtime",
    "instructions": INSTRUCTIONS,
    "audio": {"input": {"transcription": {"model": "whisper-1"}}},
}


@pytest.fixture(scope="module")
def url(served: Callable[..., Any], key: str) -> Iterator[str]:
    with served(create_app(build_engine(lambda message: None), api_key=key)) as address:
        yield address


@pytest.fixture(scope="module")
def question() -> bytes:
    """ "Hi, I am looking for a tent for four people, …", and the pause after it."""
    label = json.loads((SPEECH / "first_call.json").read_text("utf-8"))["turns"][0]
    clip = Clip.load(SPEECH / "first_call.wav")[label["start_ms"] - 200 : label["end_ms"]] + silence(1000)
    return clip.to_bytes(PCM16_24K)


def pieces(sound: bytes) -> list[bytes]:
    return [sound[at : at + 4800] for at in range(0, len(sound), 4800)]


def judge(heard: str, said: str, sound_bytes: int) -> None:
    assert {"tent", "four", "people"} <= set(heard.lower().replace(",", "").replace(".", "").split())
    assert "Meadow Four" in said
    assert PCM16_24K.duration_ms(sound_bytes) > 50 * len(said) / 2  # nobody speaks twice as fast as we do


class Turn:
    """What came of one turn, in either dialect."""

    def __init__(self) -> None:
        self.heard, self.said, self.sound_bytes = "", "", 0

    def take(self, event: Any) -> bool:
        """Take an event; says whether it was the last one."""
        if event.type == "conversation.item.input_audio_transcription.completed":
            self.heard = event.transcript
        elif event.type in {"response.output_audio.delta", "response.audio.delta"}:
            self.sound_bytes += len(base64.b64decode(event.delta))
        elif event.type == "response.done":
            assert event.response.status == "completed"
            self.said = event.response.output[0].content[0].transcript
        return bool(event.type == "response.done")

    def judge(self) -> None:
        judge(self.heard, self.said, self.sound_bytes)


async def test_openai_asynchronously(url: str, key: str, question: bytes) -> None:
    turn = Turn()
    async with (
        asyncio.timeout(LIMIT_S),
        AsyncOpenAI(api_key=key, base_url=f"{url}/v1") as client,
        client.realtime.connect(model="local") as call,
    ):
        await call.session.update(session=SESSION)
        for piece in pieces(question):
            await call.input_audio_buffer.append(audio=base64.b64encode(piece).decode())
        while not turn.take(await call.recv()):
            pass
    turn.judge()


def test_openai_synchronously(url: str, key: str, question: bytes) -> None:
    turn = Turn()
    with OpenAI(api_key=key, base_url=f"{url}/v1") as client, client.realtime.connect(model="local") as call:
        call.session.update(session=SESSION)
        for piece in pieces(question):
            call.input_audio_buffer.append(audio=base64.b64encode(piece).decode())
        while not turn.take(call.recv()):
            pass
    turn.judge()


async def test_openai_as_azure_preview(url: str, key: str, question: bytes) -> None:
    turn = Turn()
    socket = url.replace("http", "ws", 1) + "/openai"
    async with (
        asyncio.timeout(LIMIT_S),
        AsyncAzureOpenAI(
            azure_endpoint=url, api_version="2025-04-01-preview", api_key=key, websocket_base_url=socket
        ) as client,
        client.beta.realtime.connect(model="local") as call,
    ):
        transcription: Any = {"model": "whisper-1"}
        await call.session.update(session={"instructions": INSTRUCTIONS, "input_audio_transcription": transcription})
        for piece in pieces(question):
            await call.input_audio_buffer.append(audio=base64.b64encode(piece).decode())
        while not turn.take(await call.recv()):
            pass
    turn.judge()


async def test_openai_agents(url: str, key: str, question: bytes, install: str) -> None:
    agents: Any = pytest.importorskip("agents.realtime", reason=f"openai-agents is not installed: {install}")
    heard, said, sound_bytes = "", "", 0
    agent = agents.RealtimeAgent(name="Robin", instructions=INSTRUCTIONS)
    config = {"api_key": key, "url": url.replace("http", "ws", 1) + "/v1/realtime?model=local"}
    async with asyncio.timeout(LIMIT_S), await agents.RealtimeRunner(agent).run(model_config=config) as session:
        for piece in pieces(question):
            await session.send_audio(piece)
        async for event in session:
            if event.type == "audio":
                sound_bytes += len(event.audio.data)
            elif event.type == "raw_model_event" and event.data.type == "input_audio_transcription_completed":
                heard = event.data.transcript
            elif event.type == "raw_model_event" and event.data.type == "transcript_delta":
                said += event.data.delta
            elif event.type == "agent_end":
                break
            else:
                assert event.type != "error", event.error
    judge(heard, said, sound_bytes)


@pytest.mark.parametrize("which", ["openai", "agents"])
async def test_javascript(run_node: Any, url: str, key: str, question: bytes, tmp_path: Path, which: str) -> None:
    path = tmp_path / "question.pcm"
    path.write_bytes(question)
    saw = await run_node("one_turn.mjs", which, url, key, path, INSTRUCTIONS)
    assert saw["status"] == "completed"
    judge(saw["heard"], saw["said"], saw["soundBytes"])


def test_openai_over_http(url: str, key: str, tmp_path: Path) -> None:
    with OpenAI(api_key=key, base_url=f"{url}/v1", max_retries=0) as client:
        words = "How much is the family tent?"
        spoken = client.audio.speech.create(model="local", voice="alloy", input=words, response_format="wav")
        path = tmp_path / "spoken.wav"
        path.write_bytes(spoken.read())
        heard = client.audio.transcriptions.create(model="local", file=path, response_format="verbose_json")
        assert heard.text.lower().strip(" ?.") == words.lower().strip(" ?.")
        assert heard.segments is not None
        assert heard.segments[0].avg_logprob > -0.5
        messages: Any = [{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": words}]
        done = client.chat.completions.create(model="local", messages=messages)
        assert "279" in (done.choices[0].message.content or "")
