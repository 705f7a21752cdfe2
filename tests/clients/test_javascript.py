"""Two clients from npm, run by Node: `openai` and `@openai/agents-realtime`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI


@pytest.fixture
def sound(tmp_path: Path, turn: bytes) -> Path:
    path = tmp_path / "turn.pcm"
    path.write_bytes(turn)
    return path


@pytest.mark.parametrize(
    ("flavour", "path", "delta"),
    [
        ("ga", "/v1/realtime", "response.output_audio.delta"),
        ("azure", "/openai/v1/realtime", "response.output_audio.delta"),
        ("beta", "/v1/realtime", "response.audio.delta"),
    ],
)
async def test_the_openai_package(
    run_node: Any, url: str, key: str, sound: Path, fakes: Any, tool_call: Any, flavour: str, path: str, delta: str
) -> None:
    fakes.ear.script = ["How much is the tent?"]
    fakes.brain.script = [["Two hundred."], [tool_call("show", '{"sku":"TEN-02"}')], ["There it is."]]
    saw = await run_node("openai_ws.mjs", url, key, sound, flavour)
    assert (saw["path"], saw["model"], saw["closed"]) == (path, "mine", 1000)
    assert (saw["heard"], saw["said"]) == ("How much is the tent?", "Two hundred.")
    assert saw["soundBytes"] == 48 * 20 * len("Two hundred.")
    assert (saw["called"], saw["wrote"]) == (["show", '{"sku":"TEN-02"}'], "There it is.")
    assert delta in saw["types"]
    assert ("conversation.item.done" in saw["types"]) == (flavour != "beta")


@pytest.mark.parametrize("browser", [False, True])
async def test_the_agents_package(
    run_node: Any, url: str, key: str, sound: Path, fakes: Any, tool_call: Any, browser: bool
) -> None:
    if browser:  # it shows its key in a subprotocol, and only takes short-lived ones
        async with AsyncOpenAI(api_key=key, base_url=f"{url}/v1") as client:
            key = (await client.realtime.client_secrets.create()).value
    fakes.ear.script = ["Show it", "Stop"]
    story = " ".join(["Once upon a time there was a very long story."] * 40)
    fakes.brain.script = [["Hello."], [tool_call("show", '{"sku":"TEN-02"}')], ["There it is."], [story], ["Yes?"]]
    flags = ["--conditions=browser", "--experimental-websocket"] if browser else []
    address = url.replace("http", "ws", 1) + "/v1/realtime?model=mine"
    saw = await run_node(*flags, "agents.mjs", address, key, sound)
    assert saw["errors"] == []
    assert saw["strange"] == []  # it understood every event that it was sent
    assert saw["shown"] == ["TEN-02"]
    assert saw["interrupted"] >= 1
    words = [words for _, _, words in saw["history"]]
    assert words[0] == "Hello"
    assert "There it is." in words
    assert words[-1] == "Yes?"
