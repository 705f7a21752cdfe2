"""The `openai` package for Python over HTTP: chat, the ear alone, the voice alone, models; in both of its colours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import openai
import pytest
import soundfile
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from openai.types.audio import TranscriptionVerbose
from pydantic import BaseModel

ASK: Any = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]


class Gate(BaseModel):
    requested: bool
    reason: str


@pytest.fixture
def wav(turn: bytes) -> tuple[str, bytes]:
    file = BytesIO()
    soundfile.write(file, np.frombuffer(turn, "<i2"), 24_000, format="WAV")
    return "turn.wav", file.getvalue()


def _openai(kind: type, url: str, key: str) -> Any:
    return kind(api_key=key, base_url=f"{url}/v1", max_retries=0)


def _azure_ga(kind: type, url: str, key: str) -> Any:
    return kind(api_key=key, base_url=f"{url}/openai/v1", max_retries=0)


def _azure(kind: type, url: str, key: str) -> Any:
    azure = {OpenAI: AzureOpenAI, AsyncOpenAI: AsyncAzureOpenAI}[kind]
    return azure(api_key=key, azure_endpoint=url, api_version="2025-04-01-preview", max_retries=0)


DOORS = {"openai": _openai, "azure-ga": _azure_ga, "azure": _azure}


@pytest.fixture(params=DOORS)
def client(request: pytest.FixtureRequest, url: str, key: str) -> Iterator[OpenAI]:
    with DOORS[request.param](OpenAI, url, key) as client:
        yield client


@pytest.fixture(params=DOORS)
async def async_client(request: pytest.FixtureRequest, url: str, key: str) -> AsyncIterator[AsyncOpenAI]:
    async with DOORS[request.param](AsyncOpenAI, url, key) as client:
        yield client


def test_everything_synchronously(client: OpenAI, fakes: Any, wav: tuple[str, bytes]) -> None:
    fakes.brain.script = [["Good day."], ["Good ", "day."], ['{"requested": true, "reason": "asked"}']]
    fakes.ear.script = ["How much?"]
    done = client.chat.completions.create(model="mine", messages=ASK)
    assert (done.choices[0].message.content, done.model) == ("Good day.", "mine")
    chunks = list(client.chat.completions.create(model="mine", messages=ASK, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Good day."
    parsed = client.chat.completions.parse(model="mine", messages=ASK, response_format=Gate)
    assert parsed.choices[0].message.parsed == Gate(requested=True, reason="asked")
    assert client.audio.transcriptions.create(model="mine", file=wav).text == "How much?"
    with client.audio.speech.with_streaming_response.create(
        model="mine", voice="alloy", input="One. Two.", response_format="pcm"
    ) as answer:
        assert len(b"".join(answer.iter_bytes())) == 48 * 20 * len("One. Two.")
    assert [model.id for model in client.models.list()] == ["local"]


async def test_everything_asynchronously(async_client: AsyncOpenAI, fakes: Any, wav: tuple[str, bytes]) -> None:
    client = async_client
    fakes.brain.script = [["Good day."], ["Good ", "day."], ['{"requested": true, ', '"reason": "asked"}']]
    fakes.ear.script = ["How much?"]
    done = await client.chat.completions.create(model="mine", messages=ASK)
    assert (done.choices[0].message.content, done.model) == ("Good day.", "mine")
    stream = await client.chat.completions.create(model="mine", messages=ASK, stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "Good day."
    async with client.chat.completions.stream(model="mine", messages=ASK, response_format=Gate) as events:
        final = await events.get_final_completion()
    assert final.choices[0].message.parsed == Gate(requested=True, reason="asked")
    assert (await client.audio.transcriptions.create(model="mine", file=wav)).text == "How much?"
    answer = await client.audio.speech.create(model="mine", voice="alloy", input="One.", response_format="wav")
    samples, rate_hz = soundfile.read(BytesIO(answer.read()))
    assert (len(samples), rate_hz) == (24 * 20 * len("One."), 24_000)
    assert [model.id async for model in client.models.list()] == ["local"]


@pytest.fixture
async def plain(url: str, key: str) -> AsyncIterator[AsyncOpenAI]:
    async with _openai(AsyncOpenAI, url, key) as client:
        yield client


async def test_a_round_with_a_tool(plain: AsyncOpenAI, fakes: Any, tool_call: Any) -> None:
    tool: Any = {"type": "function", "function": {"name": "show", "parameters": {"type": "object"}, "strict": True}}
    fakes.brain.script = [["Wait. ", tool_call("show", '{"sku":"TEN-02"}')], ["There it is."]]
    first: list[Any] = []
    async with plain.chat.completions.stream(model="m", messages=ASK, tools=[tool]) as events:
        async for event in events:
            first.append(event.type)
        message = (await events.get_final_completion()).choices[0].message
    assert "tool_calls.function.arguments.done" in first
    assert message.tool_calls is not None
    call = message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("show", '{"sku":"TEN-02"}')
    asked: Any = {"id": call.id, "type": "function", "function": {"name": "show", "arguments": "{}"}}
    told: Any = [
        *ASK,
        {"role": "assistant", "content": None, "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": call.id, "content": "shown"},
    ]
    done = await plain.chat.completions.create(model="m", messages=told, tools=[tool])
    assert done.choices[0].message.content == "There it is."
    assert [message.role for message in fakes.brain.asked[1].messages] == ["system", "user", "assistant", "tool"]


async def test_each_form_of_a_transcript(plain: AsyncOpenAI, fakes: Any, wav: tuple[str, bytes]) -> None:
    fakes.ear.script = ["How much is the tent?"] * 4
    create = plain.audio.transcriptions.create
    assert await create(model="m", file=wav, response_format="text") == "How much is the tent?\n"
    verbose = await create(
        model="m", file=wav, response_format="verbose_json", language="en", timestamp_granularities=["segment"]
    )
    assert isinstance(verbose, TranscriptionVerbose)
    assert (verbose.text, verbose.language, verbose.duration) == ("How much is the tent?", "english", 1.3)
    assert verbose.segments is not None
    segment = verbose.segments[0]
    assert (segment.start, segment.end, segment.avg_logprob, segment.no_speech_prob) == (0.0, 1.3, -0.2, 0.01)
    events = [event async for event in await create(model="gpt-4o-transcribe", file=wav, stream=True)]
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert (await create(model="m", file=BytesIO(wav[1]))).text == "How much is the tent?"  # without a name


@pytest.mark.parametrize(
    ("asked", "param", "words"),
    [
        ({"response_format": "srt"}, "response_format", "when which word"),
        ({"response_format": "verbose_json", "timestamp_granularities": ["word"]}, "timestamp_granularities", "word"),
        ({"language": "de"}, "language", "English only"),
    ],
)
async def test_what_the_ear_cannot_do_is_said(
    plain: AsyncOpenAI, wav: tuple[str, bytes], asked: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=words) as refused:
        await plain.audio.transcriptions.create(model="m", file=wav, **asked)
    assert (refused.value.param, refused.value.type) == (param, "invalid_request_error")


@pytest.mark.parametrize("kind", ["mp3", "opus", "aac"])
async def test_what_the_voice_cannot_make_is_said(plain: AsyncOpenAI, kind: Any) -> None:
    with pytest.raises(openai.BadRequestError, match=f"'wav', 'flac' and 'pcm', not '{kind}'") as refused:
        await plain.audio.speech.create(model="m", voice="alloy", input="Hello.", response_format=kind)
    assert refused.value.param == "response_format"


async def test_each_sentence_is_sent_when_it_is_made(plain: AsyncOpenAI, fakes: Any) -> None:
    answer = await plain.audio.speech.create(model="m", voice="alloy", input="One. Two.", response_format="pcm")
    assert len(answer.read()) == 48 * 20 * len("One. Two.")
    with pytest.raises(openai.BadRequestError, match="plain sound"):
        await plain.audio.speech.create(
            model="m", voice="alloy", input="One.", response_format="pcm", stream_format="sse"
        )


async def test_what_is_not_there_is_said_in_the_usual_shape(plain: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match=r"Invalid URL \(POST /v1/embeddings\)") as refused:
        await plain.embeddings.create(model="m", input="Hi")
    assert refused.value.type == "invalid_request_error"
