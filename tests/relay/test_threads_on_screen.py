"""A page that may send no system messages can still let the agent know what its screen shows."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from contoso_lab.memory import open_memory
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.calls.call import Call
from contoso_lab.relay.calls.on_screen import MOST_SHOWN, ON_SCREEN
from contoso_lab.relay.calls.suggestions import MOST_TEXT_CHARS
from contoso_lab.relay.setup import Setup, shop_setup
from contoso_lab.relay.tooling.tool_runner import ToolRunner, for_each_call
from contoso_lab.session import beside, connect

from .fakes import SESSION, FakeTape, Held, dump, settle  # noqa: TID252 - the tests are no package

SHOWN = dump("lab.suggestions.shown", suggestion_id="s1", skus=["TEN-02"])
ITEM = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": ON_SCREEN}]}


def told(held: Held) -> list[str]:
    """What the target has heard beside the configuration."""
    return [name for name in held.target.types if name != "session.update"]


def test_the_words_are_those_of_our_own_client():
    assert ON_SCREEN == beside.ON_SCREEN


async def test_a_page_is_believed_although_it_may_not_say_it_itself():
    held = Held(call=Call(SESSION, for_page=True))
    held.client.says(dump("conversation.item.create", item=ITEM))
    assert held.client.named("error")[0]["error"]["code"] == "system_item_refused"
    held.client.says(SHOWN)
    assert held.target.named("conversation.item.create")[0]["item"] == {"id": "item_lab_screen_1", **ITEM}
    assert told(held) == ["conversation.item.create", "response.create"]


async def test_the_agent_speaks_of_it_once_nobody_speaks():
    held = Held()
    held.target.says(dump("input_audio_buffer.speech_started", item_id="u1"))
    held.client.says(SHOWN)
    assert told(held) == ["conversation.item.create"]
    held.target.says(dump("input_audio_buffer.speech_stopped", item_id="u1"))
    held.target.says(dump("input_audio_buffer.cleared"))
    assert told(held) == ["conversation.item.create", "response.create"]


async def test_an_answer_that_is_being_made_is_waited_for():
    held = Held()
    held.target.says(dump("response.created", response={"id": "r1"}))
    held.client.says(SHOWN)
    assert told(held) == ["conversation.item.create"]
    held.target.says(dump("response.done", response={"id": "r1", "status": "completed", "output": []}))
    assert told(held) == ["conversation.item.create", "response.create"]


async def test_a_turn_that_the_target_is_about_to_answer_is_answered_first():
    held = Held()
    held.target.says(dump("input_audio_buffer.committed", item_id="u1"))
    held.client.says(SHOWN)
    assert told(held) == ["conversation.item.create"]
    held.target.says(dump("response.created", response={"id": "r1"}))
    held.target.says(dump("response.done", response={"id": "r1", "status": "completed", "output": []}))
    assert told(held) == ["conversation.item.create", "response.create"]


async def test_several_write_ups_meanwhile_are_one_answer():
    held = Held()
    held.target.says(dump("response.created", response={"id": "r1"}))
    for number in range(3):
        held.client.says(dump("lab.suggestions.shown", suggestion_id=f"s{number}"))
    held.target.says(dump("response.done", response={"id": "r1", "status": "completed", "output": []}))
    assert told(held) == [*["conversation.item.create"] * 3, "response.create"]


async def test_who_began_to_answer_at_the_same_moment_is_asked_again_and_the_client_hears_nothing_of_it():
    held = Held()
    held.client.says(SHOWN)
    asked = held.target.named("response.create")[0]["event_id"]
    held.target.says(dump("response.created", response={"id": "r1"}))
    error = {"type": "invalid_request_error", "code": "conversation_already_has_active_response", "event_id": asked}
    held.target.says(dump("error", error=error))
    held.target.says(dump("response.done", response={"id": "r1", "status": "completed", "output": []}))
    assert told(held) == ["conversation.item.create", "response.create", "response.create"]
    assert "error" not in held.client.types


async def test_a_page_that_shows_without_end_is_not_believed_for_ever():
    held = Held()
    for number in range(MOST_SHOWN + 50):
        held.client.says(dump("lab.suggestions.shown", suggestion_id=f"s{number}"))
    assert len(held.target.named("conversation.item.create")) == MOST_SHOWN


async def test_the_next_target_hears_of_it_too():
    held = Held(redials=True)
    held.client.says(SHOWN)
    held.target.breaks()
    await held.clock.pass_s(1)
    items = [event["item"] for event in held.target.named("conversation.item.create")]
    assert [item["content"] for item in items] == [ITEM["content"]]
    assert held.target.types[-1] == "response.create"


async def test_a_click_is_recorded_and_goes_no_further():
    held = Held(tape=(tape := FakeTape()))
    held.client.says(dump("lab.suggestions.clicked", suggestion_id="s1", sku="TEN-02"))
    assert tape.notes("suggestion.clicked") == [
        {"type": "suggestion.clicked", "suggestion_id": "s1", "sku": "TEN-02"}
    ]  # fmt: skip
    assert told(held) == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("shown", {}),
        ("shown", {"suggestion_id": 7}),
        ("shown", {"suggestion_id": ""}),
        ("shown", {"suggestion_id": "s" * 81}),
        ("shown", {"suggestion_id": "\ud800"}),
        ("shown", {"suggestion_id": "s1", "skus": "TEN-02"}),
        ("shown", {"suggestion_id": "s1", "skus": [1]}),
        ("shown", {"suggestion_id": "s1", "skus": ["TEN-02"] * 51}),
        ("shown", {"suggestion_id": "s1", "text": "x" * (MOST_TEXT_CHARS + 1)}),
        ("clicked", {"sku": "TEN-02"}),
        ("clicked", {"suggestion_id": "s1", "sku": ["TEN-02"]}),
    ],
)
async def test_what_cannot_be_read_is_answered_and_neither_kept_nor_passed_on(name, fields):
    held = Held(tape=(tape := FakeTape()))
    held.client.says(dump(f"lab.suggestions.{name}", event_id="mine", **fields))
    [error] = held.client.named("error")
    assert (error["error"]["code"], error["error"]["event_id"]) == ("bad_suggestion", "mine")
    assert tape.of("local") == []
    assert told(held) == []


# The tool


class Showing:
    """The shop's tool, as far as the relay looks at it."""

    schema = {"type": "function", "name": "show_suggestions", "description": "", "parameters": {"properties": {}}}

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def run(self, arguments: Any, *, call_id: str = "") -> Any:
        self.ids.append(call_id)
        return {"shown": [{"sku": "TEN-02", "name": "Meadow Four"}], "message": "It is on your screen now."}


def called(held: Held, call_id: str, response_id: str) -> None:
    item = {"id": f"i_{call_id}", "type": "function_call", "call_id": call_id, "name": "show_suggestions"}
    item |= {"arguments": "{}", "status": "completed"}
    held.target.says(
        dump("response.created", response={"id": response_id}),
        dump("response.output_item.added", response_id=response_id, output_index=0, item=item | {"arguments": ""}),
        dump("response.output_item.done", response_id=response_id, output_index=0, item=item),
        dump("response.done", response={"id": response_id, "status": "completed", "output": [item]}),
    )


async def test_the_tool_asks_the_client_to_show_and_is_not_told_what_it_knows():
    tool = Showing()
    held = Held(tools=ToolRunner({"show_suggestions": tool}))
    called(held, "call_1", "r1")
    await settle()
    [asked] = held.client.named("lab.suggestions.requested")
    assert asked["skus"] == ["TEN-02"]
    assert asked["suggestion_id"] == tool.ids[0]
    said = len(held.target.told)
    held.client.says(dump("lab.suggestions.shown", suggestion_id=asked["suggestion_id"], skus=["TEN-02"]))
    assert len(held.target.told) == said  # the tool's output has said so already
    await held.pump.stop()


async def test_two_calls_whose_targets_count_alike_have_tools_calls_of_their_own():
    tools = [Showing(), Showing()]
    for tool in tools:
        held = Held(tools=ToolRunner({"show_suggestions": tool}))
        called(held, "call_1", "r1")
        await settle()
        await held.pump.stop()
    assert tools[0].ids != tools[1].ids


async def test_the_shops_tool_shows_after_a_yes_on_the_phone(relay_to, target):
    def setup(grant: Grant, *, past: Any = None) -> Setup:
        return shop_setup(grant, past=past, tools=True)

    with open_memory("sqlite://") as memory:
        thread = memory.create(customer="priya", persona="voice")
        async with relay_to(target.port, memory=memory, setup=setup, tools=for_each_call()) as relay:
            async with connect(relay.url, thread=thread.id) as session:

                async def says(type: str, **fields: Any) -> None:
                    await session.send({"type": "test.say", "raw": dump(type, event_id=str(fields), **fields).decode()})

                offer = {"id": "a1", "type": "message", "role": "assistant", "status": "completed"}
                offer |= {"content": [{"type": "output_text", "text": "Shall I put it on your screen?"}]}
                await says("conversation.item.done", previous_item_id=None, item=offer)
                yes = {"id": "u1", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
                await says("conversation.item.added", previous_item_id="a1", item=yes)
                name = "conversation.item.input_audio_transcription.completed"
                await says(name, item_id="u1", content_index=0, transcript="Yes, please.")
                call = {"id": "i1", "type": "function_call", "call_id": "c1", "name": "show_suggestions"}
                call |= {"arguments": json.dumps({"skus": ["TEN-02"]}), "status": "completed"}
                await says("response.created", response={"id": "r1"})
                await says("response.output_item.done", response_id="r1", output_index=0, item=call)
                async with asyncio.timeout(20):
                    while not any(
                        event.get("item", {}).get("type") == "function_call_output" for event in target.events
                    ):
                        await session.note("waits")
                        await asyncio.sleep(0)
        output = next(
            event["item"]["output"] for event in target.events if event.get("item", {}).get("call_id") == "c1"
        )
        assert "on your screen now" in output
        assert [page["skus"] for page in memory.get(thread.id).state["shown"]] == [["TEN-02"]]
