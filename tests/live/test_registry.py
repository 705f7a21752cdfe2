from __future__ import annotations

import asyncio
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import contoso_lab as lab
from contoso_lab.errors import EngineError
from contoso_lab.live.registry import Entry, Running, entries, find_ours, is_healthy, lives, write_entry
from contoso_lab.session.door import fetch_token
from contoso_lab.settings import Target


class Jupyter(http.server.BaseHTTPRequestHandler):
    """A relay that is healthy, and a Jupyter server with our extension, at one address."""

    told: list[dict[str, str]]
    asked: list[tuple[str, str | None]]
    on_start = staticmethod(lambda: None)

    def do_GET(self) -> None:
        self.asked.append((f"GET {self.path}", self.headers["Authorization"]))
        if self.path == "/healthz":
            return self._say({"status": "ok"})
        if self.path.startswith("/api/token"):
            return self._say({"token": "ticket"})
        status = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        if status["state"] == "ready":
            type(self).on_start()
        self._say(status)

    def do_POST(self) -> None:
        self.asked.append((f"POST {self.path}", self.headers["Authorization"]))
        if self.headers["Authorization"] != "token jupyters":
            self.send_error(403)
            return
        self._say({"state": "starting", "message": "starting"})

    def _say(self, what: dict[str, str]) -> None:
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def jupyter() -> Iterator[tuple[type[Jupyter], str]]:
    handler = type("Handler", (Jupyter,), {"told": [{"state": "ready", "message": ""}], "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process is the kernel of a Jupyter server: of itself, for it certainly lives."""
    place = tmp_path / "runtime"
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(place))
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    return place


def ready(url: str, runs: Path) -> Entry:
    here = Running(url, os.getpid())
    target = {"kind": "local", "base_url": f"{url}/v1", "model": "local", "chat_model": "local"}
    return Entry(os.getpid(), f"{url}/", str(runs), "ready", here, here, target)


def gone() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_an_entry_is_read_as_it_was_written_and_by_its_owner_only(runtime, tmp_path, jupyter):
    entry = ready(jupyter[1], tmp_path)
    write_entry(entry)
    write_entry(entry)
    (place,) = runtime.iterdir()
    assert place.stat().st_mode & 0o777 == 0o600
    assert find_ours() == entry
    assert entry.local_target() == Target.local(f"{jupyter[1]}/v1")


def test_what_a_server_left_behind_is_removed(runtime, tmp_path, jupyter):
    write_entry(replace(ready(jupyter[1], tmp_path), server_pid=gone()))
    assert list(entries()) == []
    assert list(runtime.iterdir()) == []


def test_a_relay_that_is_gone_counts_as_stopped(runtime, tmp_path, jupyter):
    entry = ready(jupyter[1], tmp_path)
    write_entry(replace(entry, relay=Running(jupyter[1], gone())))
    assert [found.state for found in entries()] == ["stopped"]
    write_entry(replace(entry, relay=Running("http://127.0.0.1:9", os.getpid())))
    assert [found.state for found in entries()] == ["stopped"]
    assert not is_healthy("http://127.0.0.1:9")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"server_pid": 1, "new": 2}', "\x00"])
def test_what_cannot_be_read_is_left_alone(runtime, text):
    runtime.mkdir()
    place = runtime / "contoso-lab-1.json"
    place.write_text(text)
    assert list(entries()) == []
    assert place.exists()


def test_another_servers_relay_is_not_ours(runtime, tmp_path, jupyter, monkeypatch):
    write_entry(ready(jupyter[1], tmp_path))
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    assert find_ours() is None
    monkeypatch.delenv("JPY_PARENT_PID")
    assert find_ours() is None
    assert lives(os.getpid())


async def test_a_notebook_uses_what_its_jupyter_server_has(runtime, tmp_path, jupyter):
    await asyncio.to_thread(write_entry, ready(jupyter[1], tmp_path / "runs"))
    told: list[str] = []
    here = await lab.start(progress=told.append)
    assert here.lent
    assert here.relay_url == jupyter[1]
    assert here.runs == tmp_path / "runs"
    assert "fresh=True" in told[-1]
    here.check()
    await lab.stop(here, progress=told.append)
    assert "go on" in told[-1]
    here.check()


async def test_its_secret_is_shown_for_a_kernel_that_may_read_it(runtime, tmp_path, jupyter):
    handler, url = jupyter
    entry = replace(ready(url, tmp_path), secret="what the relay asks for")
    await asyncio.to_thread(write_entry, entry)
    here = await lab.start()
    assert await fetch_token(here.relay_url, persona="voice") == "ticket"
    assert handler.asked[-1] == ("GET /api/token?persona=voice", "Bearer what the relay asks for")
    assert "asks for" not in repr(entry)
    assert "asks for" not in repr(here)


async def test_it_is_asked_to_start_and_waited_for(runtime, tmp_path, jupyter):
    handler, url = jupyter
    entry = ready(url, tmp_path)
    await asyncio.to_thread(write_entry, replace(entry, state="stopped", relay=None, engine=None, target={}))
    (runtime / f"jpserver-{os.getpid()}.json").write_text(json.dumps({"token": "jupyters"}))
    handler.told[:] = [{"state": "starting", "message": "loading the ear"}, {"state": "ready", "message": "ready"}]
    handler.on_start = staticmethod(lambda: write_entry(entry))
    told: list[str] = []
    here = await lab.start(progress=told.append)
    assert here.lent
    assert told[:2] == ["starting", "loading the ear"]
    assert handler.asked[0] == ("POST /contoso-lab/start", "token jupyters")


async def test_a_start_that_fails_there_is_told_here(runtime, tmp_path, jupyter):
    handler, url = jupyter
    await asyncio.to_thread(write_entry, replace(ready(url, tmp_path), state="failed", relay=None, engine=None))
    (runtime / f"jpserver-{os.getpid()}.json").write_text(json.dumps({"token": "jupyters"}))
    handler.told[:] = [{"state": "failed", "message": "the engine could not start: no models"}]
    with pytest.raises(EngineError, match="JupyterLab could not start the relay: the engine could not start: no mod"):
        await lab.start()


@pytest.mark.parametrize(
    "asked",
    [
        {"fresh": True},
        {"tools": True},
        {"memory": "none"},
        {"runs": "elsewhere"},
        {"target": Target.local("http://x/v1")},
    ],
    ids=str,
)
async def test_whoever_wants_something_else_gets_processes_of_its_own(runtime, tmp_path, jupyter, monkeypatch, asked):
    await asyncio.to_thread(write_entry, ready(jupyter[1], tmp_path / "runs"))
    started: list[str] = []

    async def start(name: str, *_: str, **__: object) -> object:
        started.append(name)
        raise EngineError("this is far enough")

    monkeypatch.setattr("contoso_lab.live.workbench.Service.start", start)
    with pytest.raises(EngineError, match="far enough"):
        await lab.start(**asked)
    assert started == ["relay" if "target" in asked else "engine"]


async def test_a_server_that_does_not_let_us_ask_is_let_alone(runtime, tmp_path, jupyter, monkeypatch):
    entry = replace(ready(jupyter[1], tmp_path), state="stopped", relay=None, engine=None)
    await asyncio.to_thread(write_entry, entry)

    async def start(*_: str, **__: object) -> object:
        raise EngineError("one of its own")

    monkeypatch.setattr("contoso_lab.live.workbench.Service.start", start)
    for token in (None, "a hub's"):
        if token is not None:
            (runtime / f"jpserver-{os.getpid()}.json").write_text(json.dumps({"token": token}))
        with pytest.raises(EngineError, match="one of its own"):
            await lab.start()
