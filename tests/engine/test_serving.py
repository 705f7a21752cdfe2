"""A served engine raises one error, not a group, and has nothing to say about clients that it turned away."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from typing import Any

import pytest
import websockets
from starlette.types import Receive, Scope, Send

from contoso_lab.engine.faults import read_faults
from contoso_lab.engine.faults.middleware import Faulty
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving
from contoso_lab.errors import EngineError, PortInUse


async def turned_away(url: str) -> int:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(url.replace("http", "ws", 1) + "/v1/realtime?model=m"):
            pytest.fail("it was let in")
    return refused.value.response.status_code


@pytest.mark.parametrize(("options", "status"), [({"api_key": "sk-right"}, 401), ({"calls": 0}, 503)])
@pytest.mark.parametrize("packed", [False, True])
async def test_nothing_is_logged_of_who_was_turned_away(
    fakes: Any, caplog: pytest.LogCaptureFixture, options: dict[str, Any], status: int, packed: bool
) -> None:
    app: Any = create_app(fakes.engine, **options)
    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(5), serving(Faulty(app, read_faults(["split-frames"])) if packed else app) as url:
            assert await turned_away(url) == status
            assert await turned_away(url) == status
    assert caplog.messages == []


async def test_an_app_that_forgets_to_answer_is_still_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    async def forgetful(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

    async with asyncio.timeout(5), serving(forgetful) as url:
        assert await turned_away(url) == 500
    assert "ASGI callable returned without completing handshake." in caplog.messages


async def fail(fakes: Any, error: BaseException) -> None:
    async with serving(create_app(fakes.engine)):
        raise error


@pytest.mark.parametrize("error", [EngineError("mine"), ValueError("x"), asyncio.CancelledError()])
async def test_what_the_block_raises_comes_out_as_it_is(fakes: Any, error: BaseException) -> None:
    with pytest.raises(type(error)) as raised:
        await fail(fakes, error)
    assert raised.value is error
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def open_twice(fakes: Any) -> None:
    async with serving(create_app(fakes.engine)) as url, serving(create_app(fakes.engine), port=int(url[-5:])):
        pytest.fail("two servers on one port")


async def test_a_taken_port_is_one_error(fakes: Any) -> None:
    with pytest.raises(PortInUse):
        await open_twice(fakes)


async def start(app: Any) -> None:
    async with serving(app):
        pytest.fail("it never took connections")


async def test_a_server_that_cannot_start_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no model"})

    with pytest.raises(EngineError, match="could not start"):
        async with asyncio.timeout(5):
            await start(broken)


async def test_a_cancelled_block_stops_the_server(fakes: Any) -> None:
    inside = asyncio.Event()

    async def hold() -> None:
        async with serving(create_app(fakes.engine)):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [each for each in asyncio.all_tasks() if each is not asyncio.current_task()] == []


def test_what_is_there_before_the_first_call_is_not_looked_through_again() -> None:
    """In a process of its own: what is frozen here would stay so for all other tests."""
    code = "import gc; from contoso_lab.listening import settle; settle(); print(len(gc.get_objects()))"
    looked_through = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert int(looked_through) < 100
