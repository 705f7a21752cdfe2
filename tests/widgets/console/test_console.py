"""The console's end in the kernel, without a page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import Clip, read_audio, silence, tone
from contoso_lab.errors import WidgetError
from contoso_lab.recording import Recorder
from contoso_lab.session import load_caller
from contoso_lab.widgets.console import VoiceConsole
from contoso_lab.widgets.console_customers import recorded_customers


@pytest.fixture
def console(tmp_path: Path) -> Iterator[VoiceConsole]:
    made = VoiceConsole(runs=tmp_path, customer="maya")
    yield made
    made.close()


def says(recorder: Recorder, item: str, text: str, after: str | None = None) -> None:
    content = [{"type": "input_text", "text": text}]
    told = {"id": item, "type": "message", "role": "user", "status": "completed", "content": content}
    recorder.write("s2c", {"type": "conversation.item.added", "previous_item_id": after, "item": told})
    recorder.write("s2c", {"type": "conversation.item.done", "previous_item_id": after, "item": told})


def test_what_a_notebook_would_save_is_small_and_holds_no_sound(console: VoiceConsole) -> None:
    state = {name: value for name, value in console.get_state().items() if name not in ("_esm", "_css")}
    text = json.dumps(state, default=str)
    assert len(text) < 12_000
    assert not any(isinstance(value, bytes | memoryview) for value in state.values())
    assert "token" not in text
    assert {one["name"] for one in state["clips"]} == {"first_call", "short_call"}


def test_it_says_what_it_is_without_a_page(console: VoiceConsole) -> None:
    assert repr(console) == f"VoiceConsole(console_id='{console.console_id}', state='idle', customer='maya')"
    console.error = "The relay does not answer."
    assert "error='The relay does not answer.'" in repr(console)


def test_where_no_page_draws_it_there_are_words(tmp_path: Path, console: VoiceConsole) -> None:
    data, _ = console._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == console.model_id
    assert "press Connect and talk" in data["text/html"]
    with Recorder.start(tmp_path, console=console.console_id) as recorder:
        says(recorder, "a", "A <tent> for four.")
    assert console.calls.wait_for(lambda: console.calls.latest and console.calls.latest.ended, timeout_s=20)
    assert "A &lt;tent&gt; for four." in console._repr_mimebundle_()[0]["text/html"]


def test_two_consoles_are_told_apart(tmp_path: Path, console: VoiceConsole) -> None:
    other = VoiceConsole(runs=tmp_path)
    assert other.console_id != console.console_id
    other.close()


def test_the_kernel_reads_along_and_knows_the_calls_of_others_from_its_own(
    tmp_path: Path, console: VoiceConsole
) -> None:
    assert list(console.turns.columns)
    assert console.turns.empty
    with (
        Recorder.start(tmp_path, console=console.console_id) as recorder,
        Recorder.start(tmp_path, console="another") as stranger,
    ):
        says(stranger, "x", "not ours")
        says(recorder, "a", "Which tent is for two people?")
        assert console.calls.wait_for(lambda: len(console.turns) == 1, timeout_s=20)
        assert console.turns.text[0] == "Which tent is for two people?"
        assert not console.calls.latest.ended
    assert console.calls.wait_for(lambda: console.calls.latest.ended, timeout_s=20)
    assert console.recording.path == recorder.path
    assert "calls=1" in repr(console)


async def test_turns_can_be_waited_for_and_the_call_too(tmp_path: Path, console: VoiceConsole) -> None:
    heard: list[str] = []

    async def listen() -> None:
        async for turn in console:
            heard.append(turn.text)
            if len(heard) == 2:
                return

    def talk() -> Path:
        with Recorder.start(tmp_path, console=console.console_id) as recorder:
            says(recorder, "a", "One.")
            says(recorder, "b", "Two.", "a")
        return recorder.path

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        ended = tasks.create_task(console.finished())
        await asyncio.sleep(0)  # both listen: turns of a call that is over before that are none "from now on"
        path = await asyncio.to_thread(talk)
        assert (await ended).path == path
    assert heard == ["One.", "Two."]


def test_a_kernel_that_was_started_anew_finds_its_call_again(tmp_path: Path) -> None:
    with pytest.raises(WidgetError, match="no console has held a call"):
        VoiceConsole.reattach(runs=tmp_path)
    with Recorder.start(tmp_path, console="console-before") as recorder:
        says(recorder, "a", "Still here?")
        again = VoiceConsole.reattach(runs=tmp_path)
        assert again.console_id == "console-before"
        assert again.calls.wait_for(lambda: len(again.turns) == 1, timeout_s=20)
    again.close()


def test_without_a_call_there_is_no_recording(console: VoiceConsole) -> None:
    with pytest.raises(WidgetError, match="press Connect"):
        _ = console.recording


def test_a_recorded_customer_is_sent_when_asked_for(console: VoiceConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[Any, list[bytes]]] = []
    monkeypatch.setattr(console, "send", lambda message, buffers=(): told.append((message, list(buffers))))
    console._handle_custom_msg({"do": "clip", "name": "nobody"}, [])
    console._handle_custom_msg({"do": "clip", "name": "short_call"}, [])
    console.hang_up()
    [(message, [wav]), (goodbye, [])] = told
    assert message == {"clip": "short_call"}
    assert goodbye == {"do": "hang_up"}
    assert read_audio(wav) == load_caller("short_call")[0].clip


def test_a_clip_is_cut_into_lines_at_its_long_silences() -> None:
    clip = Clip.join([tone(500), tone(300), tone(400)], gap_ms=300) + silence(1500) + tone(600)
    [one] = recorded_customers({"two lines": clip})
    assert one.label == "Play two lines"
    assert [(line["start_ms"], line["end_ms"]) for line in one.lines] == [
        (pytest.approx(0, abs=30), pytest.approx(1800, abs=30)),
        (pytest.approx(3300, abs=30), pytest.approx(3900, abs=30)),
    ]


def test_a_clip_in_which_nobody_speaks_is_refused() -> None:
    with pytest.raises(WidgetError, match="nobody speaks in the clip 'clip'"):
        recorded_customers(silence(2000))
