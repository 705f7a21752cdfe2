"""A chat and a call over one thread, with an engine that speaks by a script and the official client: to a full cart."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from openai import AsyncOpenAI
from websockets.asyncio.client import connect as dial

from contoso_lab.memory import Memory, Message, open_memory
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.setup import Setup, shop_setup
from contoso_lab.relay.tooling.tool_runner import for_each_call

from .test_tool_calls import ask, engine, said  # noqa: TID252 - the tests are no package

TENT = {"name": "add_to_cart", "arguments": {"sku": "TEN-02", "quantity": 2}}


def in_writing(grant: Grant, *, past: Any = None) -> Setup:
    """The shop's own session with its tools, in writing and without ears."""
    setup = shop_setup(grant, past=past, tools=True)
    session = {**setup.session, "output_modalities": ["text"], "audio": {"input": {"turn_detection": None}}}
    return Setup(session, setup.catalogue_sha, setup.prompts, setup.tools)


async def called(relay: Any, thread_id: str, question: str, *, responses: int) -> list[Any]:
    async with AsyncOpenAI(api_key="none-needed", base_url=f"{relay.url}/v1") as asker:
        secret = await asker.realtime.client_secrets.create(extra_query={"thread": thread_id})
    async with (
        AsyncOpenAI(api_key=secret.value, base_url=f"{relay.url}/v1") as client,
        client.realtime.connect(model="the relay decides") as connection,
    ):
        seen = await ask(connection, question, responses=responses)
    await asyncio.gather(*(pump.finished.wait() for pump in tuple(relay.desk.pumps)))
    return seen


async def test_the_agent_fills_the_threads_cart_and_the_next_call_knows_it(relay_to) -> None:
    with open_memory("sqlite://") as memory:
        thread = memory.create(customer="priya", persona="voice")
        async with (
            engine({"call": TENT}, "Two Meadow Fours more are in your cart.") as port,
            relay_to(port, setup=in_writing, tools=for_each_call(), memory=memory) as relay,
        ):
            seen = await called(relay, thread.id, "Two Meadow Fours, please.", responses=2)
            assert said(seen) == "Two Meadow Fours more are in your cart."
            assert memory.get(thread.id).state["cart"] == [{"sku": "TEN-02", "quantity": 2}]
            # The engine begins its script anew, with the same numbers; this is another wish all the same.
            await called(relay, thread.id, "And two more.", responses=2)
            assert memory.get(thread.id).state["cart"] == [{"sku": "TEN-02", "quantity": 4}]
            configured = [_session(path) for path in sorted(relay.runs.iterdir())]
        answer = "Two Meadow Fours more are in your cart."
        assert _texts(memory, thread.id) == ["Two Meadow Fours, please.", answer, "And two more.", answer]
    first, second = sorted(configured, key=len)
    assert "Two Meadow Fours, please." not in first
    assert "Two Meadow Fours, please." in second
    assert "Meadow Four" in second


async def test_what_was_typed_is_known_on_the_phone_and_what_was_said_in_the_chat(relay_to) -> None:
    with open_memory("sqlite://") as memory:
        async with (
            engine("You wrote that you need a tent.") as port,
            relay_to(port, setup=in_writing, memory=memory) as relay,
        ):
            token = await relay.desk.tokens.issue(Grant("voice", "priya"))
            async with dial(f"{relay.ws_url}/api/chat?token={token}") as chat:
                await chat.send(json.dumps({"threadId": ""}))
                thread_id = json.loads(await chat.recv())["payload"]["threadId"]
            memory.append(thread_id, Message("chat", "user", "I need a tent for four."))
            await called(relay, thread_id, "Do you remember me?", responses=1)
            [folder] = relay.runs.iterdir()
            assert "I need a tent for four." in _session(folder)
            async with dial(f"{relay.ws_url}/api/chat?token={token}") as chat:  # the same token, the same thread
                await chat.send(json.dumps({"threadId": thread_id}))
                assert json.loads(await chat.recv())["payload"]["returning"] is True
        assert _texts(memory, thread_id) == [
            "I need a tent for four.", "Do you remember me?", "You wrote that you need a tent.",
        ]  # fmt: skip


def _texts(memory: Memory, thread_id: str) -> list[str]:
    return [message.as_heard for message in memory.history(thread_id)]


def _session(folder: Any) -> str:
    return str(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["session"]["instructions"])
