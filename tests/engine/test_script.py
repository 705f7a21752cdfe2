from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI

from contoso_lab.engine.__main__ import main
from contoso_lab.engine.plain import HumVoice
from contoso_lab.engine.script import Line, Script, Words, load_script
from contoso_lab.engine.scripted import ScriptedBrain, ScriptedEar, scripted_engine
from contoso_lab.engine.seams import BrainRequest, ChatMessage, ToolCall
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving
from contoso_lab.errors import ConfigError, EngineError

HOME = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted((HOME / "evals/scripts").glob("*.yaml")), ids=lambda path: path.name)
def test_every_script_in_the_house_can_be_read(path: Path) -> None:
    assert load_script(path).about


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("brain: [", "bad.yaml:1: is not YAML"),
        ("- a\n- b\n", "holds no keys: begin with 'brain:'"),
        ("brain: [Hi.]\nbrian: [Ho.]\n", ", at brian: there is no such key; take it out or use one of about, parts"),
        ("brain:\n  - say: Hi.\n    say_it: louder\n", ", at brain[1].say_it: there is no such key"),
        ("brain:\n  - Hi.\n  - {expects: tent}\n", ", at brain[2]: give the reply 'say', 'call' or 'fail'"),
        ("brain: [{say: 7}]", ", at brain[1].say: input should be a valid string, but it is 7"),
        ("brain: [{call: {nam: x}, say: x}]", ", at brain[1].call.n"),
        ("ear: [{hears: x, after_ms: -1}]", ", at ear[1].after_ms: input should be greater than or equal to 0"),
        ("brain: [x]\ncall: [{say: x, quiet_ms: 5}]", ", at call[1]: give each step exactly one of say, quiet_ms"),
        ("brain: [x]\ncall: [{send: {event_id: x}}]", ", at call[1]: give the event of 'send' a 'type'"),
        ("brain: [x]\nparts: plain\n", "with 'parts: plain' there is no model to fall back on"),
        ("cassette: runs/x\nbrain: [x]\n", "a cassette is the whole server"),
        ("about: nothing\n", "script at least one of 'brain', 'ear' and 'cassette'"),
    ],
)
def test_a_bad_script_names_file_place_and_remedy(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_script(path)
    assert f"the script {path}" in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_script_that_cannot_be_read_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", "--script", str(tmp_path / "none.yaml")]) == 2
    assert capsys.readouterr().err == f"cannot read the script {tmp_path / 'none.yaml'}: No such file or directory\n"
    (tmp_path / "latin.yaml").write_bytes(b"brain: [caf\xe9]")
    assert main(["--port", "0", "--script", str(tmp_path / "latin.yaml")]) == 2
    assert "is not UTF-8 (byte 11): save it as UTF-8" in capsys.readouterr().err
    assert main(["--port", "0", "--script", "a.yaml", "--cassette", "b"]) == 2
    assert "give one of them" in capsys.readouterr().err


async def said(brain: ScriptedBrain, words: str) -> list[str | ToolCall]:
    return [piece async for piece in brain.reply(BrainRequest((ChatMessage("user", words),)))]


async def test_the_brain_is_strict() -> None:
    lines = Script.model_validate(
        {
            "brain": [
                "Hi.",
                {"say": "Here.", "call": {"name": "show", "arguments": {"sku": "TEN-02"}}, "expects": "Tent"},
            ]
        }
    ).brain
    brain = ScriptedBrain(lines or (), source="x.yaml")
    assert await said(brain, "anything") == ["Hi."]
    assert await said(brain, "the tent please") == ["Here.", ToolCall("call_2", "show", '{"sku": "TEN-02"}')]
    with pytest.raises(EngineError, match=r"x\.yaml holds 2 replies and the brain was asked for one more"):
        await said(brain, "more")
    with pytest.raises(EngineError, match=r"brain\[1\]: expected 'tent' in what the caller said, and heard 'boots'"):
        await said(ScriptedBrain((Line(say="x", expects="tent"),), source="x.yaml"), "boots")
    with pytest.raises(EngineError, match="overloaded"):
        await said(ScriptedBrain((Line(fail="overloaded"),), source="x.yaml"), "x")


def test_the_ear_knows_a_turn_that_went_on() -> None:
    ear = ScriptedEar((Words(hears="one"), Words(hears="two"), Words(fail="no model"), Words(hears="four")), source="x")
    sound = np.random.default_rng(1).normal(size=32_000).astype(np.float32)
    assert [ear.transcribe(sound[:length]).text for length in (9_000, 20_000)] == ["one", "one"]
    assert ear.transcribe(sound[:20_000]).text == "two"  # the same length again is a second turn
    for _ in range(2):  # a recognition that failed is tried again
        with pytest.raises(EngineError, match="no model"):
            ear.transcribe(sound[5_000:20_000])
    assert ear.transcribe(sound[9_000:]).text == "four"
    with pytest.raises(EngineError, match="x holds 4 turns and the ear was given one more"):
        ear.transcribe(sound[10_000:])


async def test_each_call_begins_the_script_anew(check: Callable[[dict[str, Any]], None]) -> None:
    script = Script.model_validate({"parts": "plain", "brain": ["Hello."], "ear": []})
    app = create_app(scripted_engine(script, Path("x.yaml"), pytest.fail))
    async with serving(app) as url, AsyncOpenAI(api_key="x", base_url=f"{url}/v1") as client:
        for _ in range(2):
            async with client.realtime.connect(model="local") as connection:
                await connection.response.create()
                async for event in connection:
                    if event.type == "response.done":
                        break
                assert event.response.status == "completed"
                await connection.response.create()
                async for event in connection:
                    if event.type == "response.done":
                        break
                assert event.response.status == "failed"
                details: Any = event.response.status_details
                assert "holds 1 replies and the brain was asked for one more" in details.error.message


def test_the_voices_of_plain_parts_differ() -> None:
    robin, low = (next(HumVoice().speak("Hello.", voice=name)).samples for name in HumVoice().names)
    assert len(robin) == len(low)
    assert not np.allclose(robin, low)
