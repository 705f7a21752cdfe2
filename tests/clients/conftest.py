"""An engine that real clients can reach: a server in a thread of its own, over the fakes of the engine's tests.

A thread, because a synchronous client blocks the test, and a client in Node is a process of its own.
"""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import shutil
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI

from contoso_lab.audio import PCM16_24K, silence, tone
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving

KEY = "sk-of-the-engine"
INSTALL = "make clients"
JS = Path(__file__).parent / "js"
NODE_LIMIT_S = 30


def _engine_fakes() -> ModuleType:
    """The fakes of tests/engine: one set for all, and test folders are no packages."""
    path = Path(__file__).parents[1] / "engine" / "conftest.py"
    spec = importlib.util.spec_from_file_location("engine_fakes", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@contextmanager
def in_a_thread(app: FastAPI) -> Iterator[str]:
    """Serve an application from another thread; gives its address."""
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with serving(app) as url:
            stop = asyncio.Event()
            started.set_result((url, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    url, loop, stop = started.result(timeout=10)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=10)
        assert not thread.is_alive(), "the server did not stop"


@pytest.fixture(scope="session")
def served() -> Callable[[FastAPI], AbstractContextManager[str]]:
    return in_a_thread


@pytest.fixture(scope="session")
def fake_parts() -> ModuleType:
    return _engine_fakes()


@pytest.fixture
def fakes(fake_parts: ModuleType) -> Any:
    return fake_parts.FakeEngine()


@pytest.fixture
def tool_call(fake_parts: ModuleType) -> Callable[..., Any]:
    """Makes what the brain says when it wants a tool."""

    def make(name: str, arguments: str) -> Any:
        return fake_parts.ToolCall(f"call_{name}", name, arguments)

    return make


@pytest.fixture
def url(fakes: Any) -> Iterator[str]:
    """The address of an engine that wants a key."""
    with in_a_thread(create_app(fakes.engine, api_key=KEY)) as address:
        yield address


@pytest.fixture(scope="session")
def key() -> str:
    return KEY


@pytest.fixture(scope="session")
def turn() -> bytes:
    """One turn as the fakes hear it, with the pause that ends it: PCM16 at 24 kHz."""
    return tone(600, hz=300).to_bytes(PCM16_24K) + silence(700).to_bytes(PCM16_24K)


@pytest.fixture(scope="session")
def chunks(turn: bytes) -> list[str]:
    """The same in pieces of 20 ms, as they go over the wire."""
    return [base64.b64encode(turn[at : at + 960]).decode() for at in range(0, len(turn), 960)]


@pytest.fixture(scope="session")
def install() -> str:
    """The command that installs the clients, for the sentence of a skipped test."""
    return INSTALL


@pytest.fixture
def run_node(install: str) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Runs a script of tests/clients/js; gives the JSON that it prints."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("The JavaScript clients need Node.js 20 or newer, which is not installed.")
    if not (JS / "node_modules" / "@openai" / "agents-realtime").exists():
        pytest.skip(f"The JavaScript clients are not installed: {install}")

    async def run(*arguments: str | Path) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            node, *map(str, arguments), cwd=JS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(NODE_LIMIT_S):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, err.decode()
        summary: dict[str, Any] = json.loads(out)
        return summary

    return run
