"""The chat against our own engine: no network, no key, and the answer still comes word by word."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from PIL import Image

from contoso_lab.agent.desk import Agent
from contoso_lab.memory import Memory
from contoso_lab.settings import Target
from contoso_lab.shop import Catalog


async def test_the_clerk_answers_the_chat_in_pieces(
    serve: Any, clerk: Target, memory: Memory, tokens: Any, pieces_of: Any
) -> None:
    async with serve(Agent(clerk, memory, admit=tokens.admit)) as house, house.chat() as chat:
        await chat.attach()
        frames = await chat.ask("Which tent fits four people?")
        calm = json.loads(frames[-1]["payload"]["arguments"])["score"]
        called = await chat.ask("Could you call me, please?")
    pieces = pieces_of(frames)
    assert len(pieces) > 3
    assert any(product.name in "".join(pieces) for product in Catalog.load() if product.category == "Tents")
    assert "Maya" in "".join(pieces)
    assert calm < 5
    assert json.loads(called[-1]["payload"]["arguments"]) == {"score": 5}
    assert [message.role for message in memory.history(chat.thread)] == ["user", "assistant"] * 2
    assert len(memory.get(chat.thread).state["summaries"]) >= 1


async def test_a_picture_does_not_stop_a_clerk_that_cannot_see(
    serve: Any, clerk: Target, memory: Memory, tokens: Any, pieces_of: Any
) -> None:
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "PNG")
    picture = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
    async with serve(Agent(clerk, memory, admit=tokens.admit)) as house, house.chat() as chat:
        await chat.attach()
        frames = await chat.ask("Which tent fits four people?", image=picture)
    assert frames[-1]["type"] == "action"
    assert "I cannot see your picture" in "".join(pieces_of(frames))


async def test_from_the_first_message_to_a_page_on_the_screen(
    serve: Any, clerk: Target, memory: Memory, tokens: Any
) -> None:
    token = tokens.give()
    async with serve(Agent(clerk, memory, admit=tokens.admit)) as house, house.http(token) as client:
        async with house.chat(token) as chat:
            await chat.attach()
            await chat.ask("Which tent fits four people?")
            before = (await client.post("/api/request", json={"threadId": chat.thread})).json()
            await chat.ask("Please show it to me on my screen.")
            after = (await client.post("/api/request", json={"threadId": chat.thread})).json()
            page = await client.post("/api/suggestion", json={"threadId": chat.thread, "customer": "maya"})
            again = (await client.post("/api/request", json={"threadId": chat.thread})).json()
    assert (before["requested"], after["requested"], again["requested"]) == (False, True, False)
    assert page.headers["content-type"].startswith("text/event-stream")
    events = [dict(line.split(": ", 1) for line in block.split("\n")) for block in page.text.strip().split("\n\n")]
    kinds = [event["event"] for event in events]
    assert (kinds[0], set(kinds[1:-1]), kinds[-1]) == ("start", {"text"}, "done")
    done = json.loads(events[-1]["data"])
    catalog = Catalog.load()
    text = "".join(json.loads(event["data"])["text"] for event in events[1:-1])
    assert done["skus"]
    for sku in done["skus"]:
        assert catalog.get(sku).image in text
    assert memory.get(chat.thread).state["shown"][-1]["skus"] == done["skus"]
