"""Ringing over the chat's socket: with consent, once, for thirty seconds, and by the customer's own buttons."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contoso_lab.agent.bell import bell_of
from contoso_lab.agent.desk import Agent
from contoso_lab.memory import Memory

pytestmark = pytest.mark.timeout(60)


def answer(call: int, response: str = "Maya, I am calling you now.") -> list[str]:
    return [json.dumps({"response": response, "context": "", "call": call})]


async def action(chat: Any) -> tuple[str, dict[str, Any]]:
    frame = await chat.frame()
    assert frame["type"] == "action", frame
    return frame["payload"]["name"], json.loads(frame["payload"]["arguments"])


async def attach(chat: Any, thread: str = "") -> str:
    await chat.send({"threadId": thread, "rings": True})
    return str((await chat.frame())["payload"]["threadId"])


@pytest.fixture
def ringing(serve: Any, server: Any, memory: Memory, tokens: Any, clock: Any) -> Any:
    server.reply = answer(5)
    return serve(Agent(server.target, memory, admit=tokens.admit, now=clock))


async def test_it_rings_when_asked_and_connects_when_accepted(ringing: Any, memory: Memory) -> None:
    async with ringing as house, house.chat() as chat:
        thread = await attach(chat)
        frames = await chat.ask("Please call me.")
        assert frames[-1]["payload"]["arguments"] == '{"score":5}'
        assert await action(chat) == ("ring", {"number": 1})
        await chat.send({"button": "accept", "number": 1})
        assert await action(chat) == ("stop_ringing", {"number": 1, "why": "accepted"})
        assert await action(chat) == ("connect", {"number": 1})
        await chat.send({"button": "hang_up"})
        assert await action(chat) == ("hang_up", {"number": 1, "why": "ended"})
    state = memory.get(thread).state
    assert bell_of(state).phase == "idle"
    assert state["consent"]["call"] is True


async def test_a_five_without_the_customers_own_consent_does_not_ring(ringing: Any, memory: Memory) -> None:
    async with ringing as house, house.chat() as chat:
        thread = await attach(chat)
        await chat.ask("This is a disgrace!")
        await chat.send({"button": "accept"})
        assert await action(chat) == ("refuse", {"why": "missed"})
    assert "consent" not in memory.get(thread).state


async def test_who_declines_is_not_rung_again_for_the_same_wish(ringing: Any) -> None:
    async with ringing as house, house.chat() as chat:
        await attach(chat)
        await chat.ask("Please call me.")
        assert (await action(chat))[0] == "ring"
        await chat.send({"button": "decline"})
        assert await action(chat) == ("stop_ringing", {"number": 1, "why": "declined"})
        await chat.ask("Which tent is lighter?")
        await chat.send({"button": "dial"})
        assert await action(chat) == ("connect", {"number": 2})


async def test_ringing_ends_after_thirty_seconds(serve: Any, server: Any, memory: Memory, tokens: Any) -> None:
    times = iter([0.0, 0.0])
    server.reply = answer(5)
    agent = Agent(server.target, memory, admit=tokens.admit, now=lambda: next(times, 29.999))
    async with serve(agent) as house, house.chat() as chat:
        await attach(chat)
        await chat.ask("Please call me.")
        assert (await action(chat))[0] == "ring"
        agent.now = lambda: 30.0
        assert await action(chat) == ("stop_ringing", {"number": 1, "why": "timeout"})


async def test_a_page_that_comes_back_while_it_rings_rings_on(ringing: Any, tokens: Any, clock: Any) -> None:
    token = tokens.give()
    async with ringing as house:
        async with house.chat(token) as chat:
            thread = await attach(chat)
            await chat.ask("Please call me.")
            await action(chat)
        async with house.chat(token) as again:
            await attach(again, thread)
            assert await action(again) == ("ring", {"number": 1})
        clock.now_s = 31.0
        async with house.chat(token) as late:
            await attach(late, thread)
            assert await action(late) == ("stop_ringing", {"number": 1, "why": "timeout"})


async def test_a_client_that_does_not_ring_gets_the_score_alone(ringing: Any, memory: Memory) -> None:
    async with ringing as house, house.chat() as chat:
        await chat.attach()
        await chat.ask("Please call me.")
        await chat.send({"button": "accept"})
        assert (await chat.frame())["payload"]["code"] == "unreadable"
    assert "call" not in memory.get(chat.thread).state


@pytest.mark.parametrize(
    "frame", [{"button": "explode"}, {"button": "accept", "number": -1}, {"button": "dial", "x": 1}]
)
async def test_a_button_that_is_none(ringing: Any, frame: dict[str, Any]) -> None:
    async with ringing as house, house.chat() as chat:
        await attach(chat)
        await chat.send(frame)
        assert (await chat.frame())["payload"]["code"] == "unreadable"
