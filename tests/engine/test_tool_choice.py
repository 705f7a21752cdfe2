"""A brain does what `tool_choice` says, or the reply fails and says why."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from contoso_lab.engine.clerk import Clerk
from contoso_lab.engine.seams import BrainRequest, ChatMessage, ToolCall
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving
from contoso_lab.engine.tool_choice import ToolNotCalled, obey

SHOW = {"type": "function", "name": "show", "parameters": {"type": "object"}}
ADD = {**SHOW, "name": "add"}
CALL_SHOW, CALL_ADD = ToolCall("c1", "show", "{}"), ToolCall("c2", "add", "{}")


def ask(choice: str, tools: tuple[dict[str, Any], ...] = (SHOW, ADD), **fields: Any) -> BrainRequest:
    return BrainRequest((ChatMessage("user", "Hi"),), tools=tools, tool_choice=choice, **fields)


async def said(request: BrainRequest, brain: Any) -> list[str | ToolCall]:
    return [piece async for piece in obey(request, brain)]


@pytest.mark.parametrize(
    ("choice", "script", "expected"),
    [
        ("auto", ["Well. ", CALL_SHOW, CALL_ADD], ["Well. ", CALL_SHOW, CALL_ADD]),
        ("none", ["Well. ", CALL_SHOW, "Yes."], ["Well. ", "Yes."]),
        ("required", ["Well. ", "Now. ", CALL_SHOW, "Yes."], ["Well. Now. ", CALL_SHOW, "Yes."]),
        ("required", [ToolCall("c", "gone", "{}"), CALL_ADD], [CALL_ADD]),
        ("add", [CALL_SHOW, CALL_ADD], [CALL_ADD]),
    ],
)
async def test_what_comes_out(fakes: Any, choice: str, script: list[Any], expected: list[Any]) -> None:
    fakes.brain.script = [script]
    assert await said(ask(choice), fakes.brain) == expected
    assert fakes.brain.closed == 1


@pytest.mark.parametrize(
    ("choice", "given"), [("auto", (SHOW, ADD)), ("none", ()), ("required", (SHOW, ADD)), ("add", (ADD,))]
)
async def test_the_tools_that_a_brain_is_given(fakes: Any, choice: str, given: tuple[Any, ...]) -> None:
    fakes.brain.script = [[CALL_ADD]]
    await said(ask(choice), fakes.brain)
    assert fakes.brain.asked[0].tools == given


async def test_one_call_at_a_time(fakes: Any) -> None:
    fakes.brain.script = [[CALL_SHOW, CALL_ADD]]
    assert await said(ask("required", parallel_tool_calls=False), fakes.brain) == [CALL_SHOW]


@pytest.mark.parametrize(("choice", "script"), [("required", ["Well."]), ("add", [CALL_SHOW]), ("add", [])])
async def test_a_brain_that_does_not_call_has_said_nothing(fakes: Any, choice: str, script: list[Any]) -> None:
    fakes.brain.script = [script]
    with pytest.raises(ToolNotCalled, match="must be called"):
        await anext(obey(ask(choice), fakes.brain))  # it raises before it says anything


async def test_where_there_is_no_tool_nobody_is_asked(fakes: Any) -> None:
    with pytest.raises(ToolNotCalled, match="no such tool"):
        await said(ask("required", tools=()), fakes.brain)
    assert fakes.brain.asked == []


# the clerk


def tool(name: str, required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "name": name, "parameters": schema}


async def clerk(line: str, choice: str, *tools: dict[str, Any], after: tuple[ChatMessage, ...] = ()) -> Any:
    messages = (ChatMessage("system", "You sell tents."), *((ChatMessage("user", line),) if line else ()), *after)
    (call,) = await said(BrainRequest(messages, tools=tools, tool_choice=choice), Clerk())
    assert isinstance(call, ToolCall)
    return call.name, call.arguments


MOOD = tool("note_mood", ("mood",), mood={"type": "string", "enum": ["angry", "very angry", "happy"]})
NIGHTS = tool("count_nights", ("nights",), nights={"type": "integer"})
TOPIC = tool("file_topic", ("topic",), topic={"type": "string"}, urgent={"type": "boolean"})
EMAIL = tool("send_mail", ("email",), email={"type": "string"})
PING = tool("ping")


@pytest.mark.parametrize(
    ("line", "choice", "tools", "expected"),
    [
        ("I am very angry about it", "note_mood", (MOOD,), ("note_mood", '{"mood": "very angry"}')),
        ("We stay for three nights", "count_nights", (NIGHTS,), ("count_nights", '{"nights": 3}')),
        ("It leaks", "file_topic", (EMAIL, TOPIC), ("file_topic", '{"topic": "It leaks"}')),
        ("Hello there", "required", (EMAIL, MOOD, PING), ("ping", "{}")),
        ("", "required", (PING,), ("ping", "{}")),
    ],
)
async def test_the_clerk_calls_with_what_it_was_told(
    line: str, choice: str, tools: tuple[dict[str, Any], ...], expected: tuple[str, str]
) -> None:
    assert await clerk(line, choice, *tools) == expected


@pytest.mark.parametrize("line", ["Hello there", "I stay 3 or 4 nights"])
@pytest.mark.parametrize("only", [MOOD, NIGHTS, EMAIL])
async def test_the_clerk_makes_no_argument_up(line: str, only: dict[str, Any]) -> None:
    with pytest.raises(ToolNotCalled):
        await clerk(line, only["name"], only)


async def test_the_clerk_has_to_call_after_a_result_too() -> None:
    after = (
        ChatMessage("assistant", "", tool_calls=(ToolCall("c", "ping", "{}"),)),
        ChatMessage("tool", "pong", call_id="c"),
    )
    assert await clerk("Hello", "required", PING, after=after) == ("ping", "{}")


# over the wire


async def respond(client: AsyncOpenAI, **response: Any) -> Any:
    async with asyncio.timeout(5), client.realtime.connect(model="m") as connection:
        await connection.response.create(response=response)
        async for event in connection:
            if event.type == "response.done":
                return event.response


async def test_a_response_that_had_to_call_and_did_not_fails(client: AsyncOpenAI, fakes: Any) -> None:
    fakes.brain.script = [["I would rather talk."], ["Well. ", CALL_ADD], ["Well.", CALL_ADD]]
    failed = await respond(client, tools=[ADD], tool_choice="required")
    assert (failed.status, failed.output) == ("failed", [])
    assert (failed.status_details.error.code, failed.status_details.error.type) == ("tool_not_called", "server_error")
    named = {"type": "function", "name": "add"}
    made = await respond(client, tools=[SHOW, ADD], tool_choice=named, output_modalities=["text"])
    assert [item.type for item in made.output] == ["message", "function_call"]
    free = await respond(client, tools=[ADD], tool_choice="none")
    assert [item.type for item in free.output] == ["message"]


def chat_tool(name: str) -> Any:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


MESSAGES: Any = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_same_over_rest(client: AsyncOpenAI, fakes: Any, stream: bool) -> None:
    fakes.brain.script = [["I would rather talk."]]

    async def complete() -> None:
        done: Any = await client.chat.completions.create(
            model="m", messages=MESSAGES, tools=[chat_tool("add")], tool_choice="required", stream=stream
        )
        [chunk async for chunk in done]

    with pytest.raises(openai.APIError, match="must be called"):
        await complete()


async def test_rest_calls_one_at_a_time_and_none_when_told(client: AsyncOpenAI, fakes: Any) -> None:
    fakes.brain.script = [[CALL_SHOW, CALL_ADD], ["No.", CALL_ADD]]
    tools = [chat_tool("show"), chat_tool("add")]
    done = await client.chat.completions.create(model="m", messages=MESSAGES, tools=tools, parallel_tool_calls=False)
    assert [call.function.name for call in done.choices[0].message.tool_calls or ()] == ["show"]  # type: ignore[union-attr]
    done = await client.chat.completions.create(model="m", messages=MESSAGES, tools=tools, tool_choice="none")
    assert (done.choices[0].message.content, done.choices[0].message.tool_calls) == ("No.", None)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "maybe", "tools": [chat_tool("add")]}, "tool_choice"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "gone"}}, "tools": [chat_tool("add")]},
            "tool_choice",
        ),
        ({"tool_choice": {"type": "function"}, "tools": [chat_tool("add")]}, "tool_choice.function.name"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}]},
            "messages[0].content[0].type",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
            "messages[0].content[0].type",
        ),
    ],
)
async def test_what_rest_would_have_passed_over_is_refused(
    client: AsyncOpenAI, fakes: Any, body: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.post("/chat/completions", body={"messages": MESSAGES, **body}, cast_to=object)
    assert (refused.value.type, refused.value.param) == ("invalid_request_error", param)
    assert fakes.brain.asked == []


async def test_a_brain_that_sees_is_shown_the_picture(fakes: Any) -> None:
    fakes.brain.sees = True
    fakes.brain.script = [["A tent."]]
    url = "data:image/png;base64,iVBORw0KGgo="
    parts: Any = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    async with (
        serving(create_app(fakes.engine)) as address,
        AsyncOpenAI(api_key="unused", base_url=f"{address}/v1", max_retries=0) as client,
    ):
        await client.chat.completions.create(model="m", messages=[{"role": "user", "content": parts}])
        with pytest.raises(openai.BadRequestError, match=r"messages\[0\]\.content\[0\]\.image_url"):
            await client.post(
                "/chat/completions",
                body={"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
                cast_to=object,
            )
    assert fakes.brain.asked[0].messages[0].images == (url,)
