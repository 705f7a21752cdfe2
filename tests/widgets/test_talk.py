from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import contoso_lab as lab
from contoso_lab.errors import EngineError, WidgetError
from contoso_lab.live.registry import Entry
from contoso_lab.widgets import talk as talking

SOON_S = 20.0


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a notebook: there is a page."""
    monkeypatch.setattr(talking, "_has_a_page", lambda: True)
    monkeypatch.setattr(talking._Own, "_one", None)


def test_where_there_is_no_page_one_sentence_says_what_to_do():
    with pytest.raises(WidgetError, match=r"run lab\.talk\(\) in a notebook .* or let a recorded customer talk"):
        lab.talk()


def test_in_jupyterlab_the_console_calls_where_the_page_comes_from(kernel, monkeypatch, tmp_path):
    asked = threading.Event()
    monkeypatch.setattr(talking, "find_ours", lambda: Entry(1, "http://x/", str(tmp_path)))
    monkeypatch.setattr(talking, "ask_to_start", lambda entry: asked.set())
    console = lab.talk("voice_brief", "daniel")
    assert (console.persona, console.customer, console.relay_url) == ("voice_brief", "daniel", "")
    assert console.runs == tmp_path
    assert asked.wait(SOON_S), "the models begin to load before anybody presses Connect"
    console.close()


def test_with_an_address_nothing_is_started(kernel, monkeypatch, tmp_path):
    monkeypatch.setattr(talking, "find_ours", lambda: pytest.fail("nobody was to be asked"))
    console = lab.talk(relay_url="http://127.0.0.1:9", runs=tmp_path)
    assert console.relay_url == "http://127.0.0.1:9"
    console.close()


def test_elsewhere_a_relay_is_started_once_and_no_cell_waits(kernel, monkeypatch, tmp_path):
    may_go, starts, told = threading.Event(), [], []
    ready = threading.Event()

    async def start(**given: Any) -> Any:
        import asyncio

        starts.append(given)
        await asyncio.to_thread(may_go.wait, SOON_S)
        return SimpleNamespace(relay_url="http://127.0.0.1:4711")

    def progress(line: str) -> None:
        told.append(line)
        ready.set()

    monkeypatch.setattr(talking, "find_ours", lambda: None)
    monkeypatch.setattr("contoso_lab.live.workbench.start", start)
    monkeypatch.setattr("contoso_lab.live.start", start, raising=False)
    first = lab.talk(runs=tmp_path, progress=progress)
    assert first.relay_url == ""
    second = lab.talk(progress=progress)
    may_go.set()
    assert ready.wait(SOON_S)
    assert told == ["ready: press Connect and talk"]
    third = lab.talk(progress=progress)
    assert {console.relay_url for console in (first, second, third)} == {"http://127.0.0.1:4711"}
    assert {console.runs for console in (first, second, third)} == {Path(tmp_path)}
    assert len(starts) == 1
    for console in (first, second, third):
        console.close()


def test_a_start_that_fails_is_told_and_can_be_tried_again(kernel, monkeypatch, tmp_path):
    failed, starts, told = threading.Event(), [], []

    async def start(**_: Any) -> Any:
        starts.append(1)
        raise EngineError("the engine could not start: no models")

    def progress(line: str) -> None:
        told.append(line)
        failed.set()

    monkeypatch.setattr(talking, "find_ours", lambda: None)
    monkeypatch.setattr("contoso_lab.live.workbench.start", start)
    monkeypatch.setattr("contoso_lab.live.start", start, raising=False)
    for number in (1, 2):
        failed.clear()
        lab.talk(runs=tmp_path, progress=progress).close()
        assert failed.wait(SOON_S)
        assert told[-1] == "the engine could not start: no models; then run the cell again"
        assert len(starts) == number
