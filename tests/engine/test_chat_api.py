from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import openai
import pytest
import soundfile
from openai import AsyncOpenAI

from contoso_lab.engine.json_shape import shape_problem
from contoso_lab.engine.seams import ChatMessage, TokensSpent, ToolCall

ASK: Any = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
GATE: Any = {
    "type": "json_schema",
    "json_schema": {
        "name": "gate",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"requested": {"type": "boolean"}, "reason": {"type": "string"}},
            "required": ["requested", "reason"],
            "additionalProperties": False,
        },
    },
}


async def test_a_plain_answer(client: AsyncOpenAI, fakes: Any) -> None:
    fakes.brain.script = [["Good ", "day."]]
    done = await client.chat.completions.create(model="m", messages=ASK, temperature=0.1, seed=7, max_tokens=50)
    assert done.choices[0].message.content == "Good day."
    assert done.choices[0].finish_reason == "stop"
    assert done.model == "m"
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.total_tokens) == (3, 3, 6)
    asked = fakes.brain.asked[0]
    assert asked.messages == (ChatMessage("system", "Be kind."), ChatMessage("user", "Hi"))
    assert (asked.temperature, asked.seed, asked.max_tokens) == (0.1, 7, 50)


async def test_a_streamed_answer(client: AsyncOpenAI, fakes: Any) -> None:
    fakes.brain.script = [["Good ", "day."]]
    stream = await client.chat.completions.create(
        model="m", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert words == ["", "Good ", "day.", None]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 6


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("shape", [None, GATE])
async def test_an_answer_that_was_cut_off_says_so(
    client: AsyncOpenAI, fakes: Any, shape: dict[str, Any] | None, streamed: bool
) -> None:
    fakes.brain.script = [['{"requested":', TokensSpent()]]
    wanted: Any = {"response_format": shape} if shape else {}
    if streamed:
        stream = await client.chat.completions.create(model="m", messages=ASK, max_tokens=4, stream=True, **wanted)
        chunks = [chunk.choices[0] async for chunk in stream]
        text, reason = "".join(each.delta.content or "" for each in chunks), chunks[-1].finish_reason
    else:
        choice = (await client.chat.completions.create(model="m", messages=ASK, max_tokens=4, **wanted)).choices[0]
        text, reason = choice.message.content or "", choice.finish_reason
    assert (text, reason) == ('{"requested":', "length")


@pytest.mark.parametrize("streamed", [False, True])
async def test_json_of_the_shape_that_was_asked_for(client: AsyncOpenAI, fakes: Any, streamed: bool) -> None:
    fakes.brain.script = [['{"requested": true,', ' "reason": "asked"}']]
    if streamed:
        stream = await client.chat.completions.create(model="m", messages=ASK, response_format=GATE, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    else:
        done = await client.chat.completions.create(model="m", messages=ASK, response_format=GATE)
        text = done.choices[0].message.content or ""
    assert text == '{"requested": true, "reason": "asked"}'
    schema = fakes.brain.asked[0].json_schema
    assert schema is not None
    assert schema["required"] == ["requested", "reason"]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("reply", ["yes", '{"requested": 1, "reason": "x"}', '{"requested": true}'])
async def test_json_of_another_shape_is_an_honest_500(
    client: AsyncOpenAI, fakes: Any, reply: str, streamed: bool
) -> None:
    fakes.brain.script = [[reply]]
    with pytest.raises(openai.InternalServerError, match="shape that was asked for"):
        await client.chat.completions.create(model="m", messages=ASK, response_format=GATE, stream=streamed)


async def test_json_object_takes_any_object(client: AsyncOpenAI, fakes: Any) -> None:
    fakes.brain.script = [["[]"]]
    with pytest.raises(openai.InternalServerError):
        await client.chat.completions.create(model="m", messages=ASK, response_format={"type": "json_object"})


async def test_tools(client: AsyncOpenAI, fakes: Any) -> None:
    fakes.brain.script = [[ToolCall("call_1", "show", '{"sku": 1}')]]
    tool: Any = {"type": "function", "function": {"name": "show", "parameters": {"type": "object"}}}
    done = await client.chat.completions.create(model="m", messages=ASK, tools=[tool], tool_choice="required")
    call = done.choices[0].message.tool_calls
    assert call is not None
    assert (call[0].id, done.choices[0].finish_reason) == ("call_1", "tool_calls")
    assert fakes.brain.asked[0].tools == ({"type": "function", "name": "show", "parameters": {"type": "object"}},)
    assert fakes.brain.asked[0].tool_choice == "required"


async def test_content_in_parts(client: AsyncOpenAI, fakes: Any) -> None:
    fakes.brain.script = [["Hello."]]
    parts: Any = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    await client.chat.completions.create(model="m", messages=[{"role": "user", "content": parts}])
    assert fakes.brain.asked[0].messages[0].content == "one\ntwo"


async def test_a_brain_that_fails(client: AsyncOpenAI, fakes: Any) -> None:
    fakes.brain.script = [[RuntimeError("secret")], ["Well, ", RuntimeError("secret")]]
    with pytest.raises(openai.InternalServerError) as failed:
        await client.chat.completions.create(model="m", messages=ASK)
    assert "secret" not in str(failed.value)
    stream = await client.chat.completions.create(model="m", messages=ASK, stream=True)
    with pytest.raises(openai.APIError, match="The brain failed"):
        [chunk async for chunk in stream]


@pytest.mark.parametrize("body", [{"messages": []}, {"messages": [{"role": "king", "content": "x"}]}, {"n": 2}])
async def test_a_wrong_request_is_a_400(client: AsyncOpenAI, body: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.post("/chat/completions", body={"messages": ASK, **body}, cast_to=object)
    assert refused.value.type == "invalid_request_error"


async def test_a_schema_that_is_wrong_is_named() -> None:
    assert "schema itself" in (shape_problem("{}", {"type": "thing"}) or "")


@pytest.mark.parametrize("kind", ["wav", "flac", "pcm"])
async def test_the_voice_alone(client: AsyncOpenAI, fakes: Any, kind: Any) -> None:
    answer = await client.audio.speech.create(model="m", voice="robin", input="Hello there.", response_format=kind)
    data = answer.read()
    if kind == "pcm":
        samples = np.frombuffer(data, "<i2")
    else:
        samples, rate_hz = soundfile.read(BytesIO(data))
        assert rate_hz == 24_000
    assert len(samples) == 24 * 20 * len("Hello there.")


async def test_the_ear_alone(client: AsyncOpenAI, fakes: Any) -> None:
    fakes.ear.script = ["Hello", "Hello"]
    file = BytesIO()
    soundfile.write(file, np.zeros(16_000), 16_000, format="WAV")
    heard = await client.audio.transcriptions.create(model="m", file=("a.wav", file.getvalue()), prompt="tents")
    assert heard.text == "Hello"
    assert fakes.ear.prompts == ["tents"]
    assert fakes.ear.durations_ms == [1000]
    with pytest.raises(openai.BadRequestError):
        await client.audio.transcriptions.create(model="m", file=("a.wav", b"no sound"))


async def test_json_comes_in_several_pieces(client: AsyncOpenAI, fakes: Any) -> None:
    fakes.brain.script = [['{"requested": true, "reason": "asked  for\\n   it"}']]
    stream = await client.chat.completions.create(model="m", messages=ASK, response_format=GATE, stream=True)
    pieces = [piece async for chunk in stream if (piece := chunk.choices[0].delta.content)]
    assert len(pieces) > 4
    assert "".join(pieces) == '{"requested": true, "reason": "asked  for\\n   it"}'
