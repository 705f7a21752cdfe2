"""The shop's tools in a call: the relay runs them, the engine hears of it, and the client sees what it may."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from contoso_lab.engine.build import Engine
from contoso_lab.engine.clerk import Clerk
from contoso_lab.engine.plain import HumVoice, LoudnessMeter
from contoso_lab.engine.script import Script
from contoso_lab.engine.scripted import ScriptedEar, scripted_engine
from contoso_lab.engine.server import create_app as engine_app
from contoso_lab.listening import Server, bind
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.setup import Setup, shop_setup
from contoso_lab.relay.tooling.tool_runner import for_each_call

SEARCH = {"name": "search_catalog", "arguments": {"query": "tent for four", "max_price": 300}}


def text_only(grant: Grant) -> Setup:
    """The shop's own session with its tools, in writing and without ears."""
    setup = shop_setup(grant, tools=True)
    session = {**setup.session, "output_modalities": ["text"], "audio": {"input": {"turn_detection": None}}}
    return Setup(session, setup.catalogue_sha, setup.prompts, setup.tools)


@asynccontextmanager
async def engine(*brain: Any):
    """An engine whose brain says these lines, or the clerk when there are none; gives its port."""
    if brain:
        script = Script.model_validate({"parts": "plain", "ear": [], "brain": list(brain)})
        parts = scripted_engine(script, Path("lines"), lambda: pytest.fail("no models here"))
    else:
        parts = Engine(ScriptedEar((), source="nothing"), HumVoice(), LoudnessMeter, Clerk())
    ready = asyncio.Event()
    server = Server(engine_app(parts), on_ready=ready.set)
    bound = bind("127.0.0.1", 0)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    await ready.wait()
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def ask(connection, question: str, *, responses: int) -> list:
    """Ask and read on until so many responses are done."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]}
    await connection.conversation.item.create(item=item)
    await connection.response.create()
    seen = []
    async for event in connection:
        seen.append(event)
        if sum(event.type == "response.done" for event in seen) == responses:
            break
    return seen


@asynccontextmanager
async def call(relay):
    async with (
        AsyncOpenAI(api_key=relay.token(), websocket_base_url=f"{relay.ws_url}/v1") as client,
        client.realtime.connect(model="whatever") as connection,
    ):
        yield connection


def said(seen: list) -> str:
    return seen[-1].response.output[0].content[0].text


async def hung_up(relay) -> list[dict[str, Any]]:
    """The recording, when the call is over."""
    await asyncio.gather(*(pump.finished.wait() for pump in tuple(relay.desk.pumps)))
    return [line["ev"] for line in relay.lines() if isinstance(line.get("ev"), dict)]


async def test_a_hidden_tool_is_run_and_the_client_hears_only_the_answer(relay_to) -> None:
    async with (
        engine({"call": SEARCH}, "The Meadow Four, at 279 dollars.") as port,
        relay_to(port, setup=text_only, tools=for_each_call()) as relay,
    ):
        async with call(relay) as connection:
            seen = await ask(connection, "A tent for four?", responses=2)
        recorded = await hung_up(relay)
    assert said(seen) == "The Meadow Four, at 279 dollars."
    text = " ".join(event.model_dump_json() for event in seen)
    assert "function_call" not in text
    assert "search_catalog" not in text
    assert [event.response.output for event in seen if event.type == "response.done"][0] == []
    [output] = [ev["item"] for ev in recorded if ev["type"] == "conversation.item.create" and "output" in ev["item"]]
    assert json.loads(output["output"])["products"][0]["sku"] == "TEN-02"
    assert [ev["type"] for ev in recorded].count("response.create") == 2


async def test_a_shown_tool_is_run_and_seen(relay_to) -> None:
    async with (
        engine({"call": SEARCH}, "The Meadow Four.") as port,
        relay_to(port, setup=text_only, tools=for_each_call(hidden=False)) as relay,
        call(relay) as connection,
    ):
        seen = await ask(connection, "A tent for four?", responses=2)
    kinds = [event.type for event in seen]
    assert "response.function_call_arguments.done" in kinds
    outputs = [e.item for e in seen if e.type == "conversation.item.added" and e.item.type == "function_call_output"]
    assert json.loads(outputs[0].output)["products"][0]["sku"] == "TEN-02"


async def test_the_model_reads_what_it_did_wrong_and_the_call_goes_on(relay_to, caplog) -> None:
    caplog.set_level(logging.INFO, logger="contoso_lab.relay")
    wrong = {"name": "get_product", "arguments": {"sku": "TEN-99", "colour": "red"}}
    async with (
        engine(
            {"call": wrong}, {"call": {"name": "get_product", "arguments": {"sku": "TEN-99"}}}, "No such tent."
        ) as port,
        relay_to(port, setup=text_only, tools=for_each_call()) as relay,
    ):
        async with call(relay) as connection:
            seen = await ask(connection, "TEN-99?", responses=3)
        recorded = await hung_up(relay)
    assert said(seen) == "No such tent."
    told = [json.loads(ev["item"]["output"])["error"] for ev in recorded
            if ev["type"] == "conversation.item.create" and "output" in ev["item"]]  # fmt: skip
    assert "no argument 'colour'" in told[0]
    assert "no product 'TEN-99'" in told[1]
    logged = [record.getMessage() for record in caplog.records if "event=tool" in record.getMessage()]
    assert [line.split("outcome=")[1] for line in logged] == ["failed error=unknown_argument", "failed error=ShopError"]
    assert not any("TEN-99" in line or "colour" in line for line in logged)


async def test_the_clerk_looks_up_what_was_bought(relay_to) -> None:
    async with (
        engine() as port,
        relay_to(port, setup=text_only, tools=for_each_call()) as relay,
        call(relay) as connection,
    ):
        seen = await ask(connection, "Where is my order?", responses=2)
    assert "the Pathfinder Boots and the Daybreak Daypack" in said(seen)
    assert "cannot see" in said(seen)


async def test_a_client_that_hangs_up_in_the_middle_leaves_nothing_running(relay_to) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    class Slow:
        schema = dict(next(iter(shop_setup(Grant("voice", "maya"), tools=True).tools.values())).schema)

        async def run(self, arguments: Any) -> Any:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                over.set()

    def slow(grant: Grant) -> Setup:
        setup = text_only(grant)
        return Setup(setup.session, tools={**setup.tools, "search_catalog": Slow()})

    async with (
        engine({"call": SEARCH}) as port,
        relay_to(port, setup=slow, tools=for_each_call()) as relay,
    ):
        async with call(relay) as connection:
            await ask(connection, "A tent?", responses=1)
            await begun.wait()
        await over.wait()
        await hung_up(relay)


async def test_without_the_setting_there_are_no_tools(relay_to) -> None:
    assert "tools" not in shop_setup(Grant("voice", "maya")).session
    assert for_each_call()(None, shop_setup(Grant("voice", "maya"))) is None
    assert list(shop_setup(Grant("voice", "maya"), tools=True).tools) == [
        "search_catalog", "get_product", "order_status"
    ]  # fmt: skip
