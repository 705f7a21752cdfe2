"""`openai-agents`: its realtime runner holds a call with the engine, with a tool, a handoff and an interruption."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest


@pytest.fixture
def agents(install: str) -> Any:
    return pytest.importorskip("agents.realtime", reason=f"openai-agents is not installed: {install}")


class Listener:
    """Reads a session's events and remembers them."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.log: list[Any] = []

    @property
    def raw(self) -> list[str]:
        """The types of the server events behind it."""
        data = (event.data for event in self.log if event.type == "raw_model_event")
        return [each.data["type"] for each in data if each.type == "raw_server_event"]

    async def until(self, ready: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not ready():
                self.log.append(await anext(self._events))

    async def __aenter__(self) -> Listener:
        self._events = aiter(self.session)
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def count(self, kind: str) -> int:
        return sum(event.type == kind for event in self.log)


@asynccontextmanager
async def calling(agents: Any, agent: Any, url: str, key: str, **settings: Any) -> AsyncIterator[Listener]:
    config = {
        "api_key": key,
        "url": url.replace("http", "ws", 1) + "/v1/realtime?model=mine",
        "initial_model_settings": {"turn_detection": {"type": "server_vad", "interrupt_response": True}, **settings},
    }
    async with await agents.RealtimeRunner(agent).run(model_config=config) as session, Listener(session) as listener:
        yield listener


def words(session_history: list[Any]) -> list[tuple[str, str]]:
    """Who said what, as the client keeps it."""
    return [
        (
            item.role,
            " ".join(getattr(part, "text", None) or getattr(part, "transcript", None) or "" for part in item.content),
        )
        for item in session_history
        if item.type == "message"
    ]


async def test_a_call_with_a_tool_and_an_interruption(
    agents: Any, url: str, key: str, turn: bytes, fakes: Any, tool_call: Any
) -> None:
    from agents import function_tool

    shown: list[str] = []

    @function_tool
    def show(sku: str) -> str:
        """Show a product."""
        shown.append(sku)
        return "shown"

    fakes.ear.script = ["Show it", "Stop"]
    story = " ".join(["Once upon a time there was a very long story."] * 40)
    fakes.brain.script = [["Hello."], [tool_call("show", '{"sku":"TEN-02"}')], ["There it is."], [story], ["Yes?"]]
    agent = agents.RealtimeAgent(name="Robin", instructions="Be kind.", tools=[show])
    async with calling(agents, agent, url, key) as call:
        await call.session.send_message("Hello")
        await call.until(lambda: call.raw.count("response.done") == 1)
        await call.session.send_audio(turn)
        await call.until(lambda: call.raw.count("response.done") == 3)
        assert shown == ["TEN-02"]
        await call.session.send_message("Tell me a long story")
        heard = call.count("audio")
        await call.until(lambda: call.count("audio") > heard)
        await call.session.send_audio(turn)
        await call.until(lambda: call.raw.count("response.done") == 5)
        assert call.count("audio_interrupted") >= 1
        errors = [event.error for event in call.log if event.type == "error"]
        assert errors == []
        said = words(call.session._history)  # the only place where it keeps what was said
    assert ("user", "Show it") in said
    assert ("assistant", "There it is.") in said
    assert said[-1] == ("assistant", "Yes?")
    assert fakes.brain.asked[0].messages[0].content == "Be kind."


async def test_a_handoff_changes_the_instructions(agents: Any, url: str, key: str, fakes: Any, tool_call: Any) -> None:
    other = agents.RealtimeAgent(name="Wren", instructions="You are Wren.", handoff_description="Knows about returns.")
    first = agents.RealtimeAgent(name="Robin", instructions="You are Robin.", handoffs=[other])
    fakes.brain.script = [[tool_call("transfer_to_wren", "{}")], ["Wren here."]]
    async with calling(agents, first, url, key) as call:
        await call.session.send_message("I want to return a tent")
        await call.until(lambda: call.raw.count("response.done") == 2)
        assert call.count("handoff") == 1
        assert [event.error for event in call.log if event.type == "error"] == []
    assert [asked.messages[0].content for asked in fakes.brain.asked] == ["You are Robin.", "You are Wren."]


@pytest.mark.parametrize("format", ["g711_ulaw", "g711_alaw"])
async def test_a_call_as_over_the_telephone(agents: Any, url: str, key: str, fakes: Any, format: str) -> None:
    fakes.brain.script = [["Hello."]]
    agent = agents.RealtimeAgent(name="Robin", instructions="Be kind.")
    settings = {"input_audio_format": format, "output_audio_format": format}
    async with calling(agents, agent, url, key, **settings) as call:
        await call.session.send_message("Hello")
        await call.until(lambda: "response.done" in call.raw)
        sound = b"".join(event.audio.data for event in call.log if event.type == "audio")
        assert len(sound) == 8 * 20 * len("Hello.")
        assert [event.error for event in call.log if event.type == "error"] == []


async def test_its_defaults_and_a_wrong_key(agents: Any, url: str, key: str, fakes: Any) -> None:
    import websockets

    agent = agents.RealtimeAgent(name="Robin", instructions="Be kind.")
    config = {"api_key": key, "url": url.replace("http", "ws", 1) + "/v1/realtime"}
    fakes.brain.script = [["Hello."]]
    async with await agents.RealtimeRunner(agent).run(model_config=config) as session, Listener(session) as call:
        await session.send_message("Hello")
        await call.until(lambda: "response.done" in call.raw)
        assert call.count("error") == 0
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with await agents.RealtimeRunner(agent).run(model_config={**config, "api_key": "sk-wrong"}):
            pass
    assert refused.value.response.status_code == 401
