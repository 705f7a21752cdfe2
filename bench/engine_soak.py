"""Hours on real lines, in real time: what memory does while customers call, cut in, are shown things and hang up."""

from __future__ import annotations

import asyncio
import base64
import random
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from callers import Caller, Turn, recorded_turns
from openai import AsyncOpenAI
from process import Watched

SHOW: dict[str, Any] = {
    "type": "function",
    "name": "show_products",
    "description": "Show products on the customer's screen.",
    "parameters": {"type": "object", "properties": {"skus": {"type": "array", "items": {"type": "string"}}}},
}
_LONG = (
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
    {
        "type": "message",
        "role": "system",
        "content": [{"type": "input_text", "text": "Say exactly: “" + "This is a long story. " * 60 + "”"}],
    },
)
"""What makes the clerk talk for a minute and a half."""


async def soak(engine: Watched, session: dict[str, Any], *, minutes: float, calls: int) -> str:
    """Let `calls` customers call again and again for so many minutes; gives a sentence about the memory."""
    until_s = perf_counter() + 60 * minutes
    turns = recorded_turns()
    with_tools = {**session, "tools": [SHOW]}
    counts = {"calls": 0, "turns": 0, "cut in on": 0, "hung up on": 0, "problems": 0}
    begun_mb = len(engine.curve_mb)

    async def customer(number: int, client: AsyncOpenAI) -> None:
        rng = random.Random(number)
        while perf_counter() < until_s:
            # Listening for a quarter second only is what cutting in is: the next turn falls into the reply.
            listen_ms = rng.choice((250, 1_000, 4_000))
            chosen: list[Turn] = [replace(turn) for turn in rng.sample(turns, 3)]
            caller = Caller(number, chosen, with_tools, listen_ms=listen_ms)
            await caller.run(client)
            counts["calls"] += 1
            counts["turns"] += len(caller.answers)
            counts["problems"] += sum(bool(answer.problem) for answer in caller.answers)
            counts[await _in_the_middle(client, cut_in=rng.random() < 0.5)] += 1
            await asyncio.sleep(rng.uniform(0, 5))

    async with AsyncOpenAI(api_key="unused", base_url=f"{engine.url}/v1") as client, asyncio.TaskGroup() as tasks:
        for number in range(calls):
            tasks.create_task(customer(number, client))
    curve = engine.curve_mb[begun_mb:]
    half = curve[len(curve) // 2 :]
    slope = float(np.polyfit(np.arange(len(half)), half, 1)[0]) * 60 if len(half) > 1 else float("nan")
    done = ", ".join(f"{count} {what}" for what, count in counts.items())
    return (
        f"{minutes:g} minutes with {calls} customers ({done}): memory from {curve[0]:.0f} to {curve[-1]:.0f} MB, in "
        f"the second half {slope:+.2f} MB a minute."
    )


async def _in_the_middle(client: AsyncOpenAI, *, cut_in: bool) -> str:
    """Let the assistant tell a long story and speak over it, or hang up; says which."""
    speech = recorded_turns()[0].sound
    async with client.realtime.connect(model="local") as connection:
        for item in _LONG:
            await connection.conversation.item.create(item=item)  # type: ignore[arg-type]
        await connection.response.create()
        while (await connection.recv()).type != "response.output_audio.delta":
            pass
        if not cut_in:
            return "hung up on"
        for start in range(0, len(speech), 4_800):
            sound = base64.b64encode(speech[start : start + 4_800]).decode()
            await connection.input_audio_buffer.append(audio=sound)
        while (event := await connection.recv()).type != "response.done":
            pass
        assert event.response.status == "cancelled", event.response.status
        return "cut in on"
