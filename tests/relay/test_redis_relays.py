"""Relays as processes of their own that share a real Redis: each of the three is killed in turn."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus


class Process:
    """A program that we started, until it has said the word."""

    def __init__(self, *arguments: str, ready: str, env: dict[str, str] | None = None) -> None:
        self.arguments, self.ready, self.env = arguments, ready, env
        self.running: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        self.running = await asyncio.create_subprocess_exec(
            *self.arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=self.env
        )
        async for line in self.running.stdout:
            if self.ready in line.decode():
                return line.decode()
        raise AssertionError(f"{self.arguments} ended before it was ready")

    async def kill(self) -> None:
        if self.running is not None and self.running.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                self.running.send_signal(signal.SIGKILL)
            await self.running.communicate()


@pytest.fixture
async def redis(redis_server):
    folder = Path(tempfile.mkdtemp(prefix="lab-redis-"))
    arguments = ("--port", "0", "--unixsocket", str(folder / "s"), "--save", "", "--dir", str(folder))
    server = Process(redis_server, *arguments, ready="eady to accept connections")
    await server.start()
    server.url = f"unix://{folder / 's'}"
    try:
        yield server
    finally:
        await server.kill()
        shutil.rmtree(folder)


@pytest.fixture
async def relay(redis, target, tmp_path):
    """Makes relays before the target that share the Redis."""
    made: list[Process] = []

    async def start(**settings: str) -> str:
        env = {name: value for name, value in os.environ.items() if "OPENAI" not in name and "CONTOSO" not in name}
        one = Process(
            sys.executable, "-m", "contoso_lab.relay", "--target-url", f"http://127.0.0.1:{target.port}/v1",
            "--no-check", "--port", "0", "--runs", str(tmp_path / "runs"),
            ready="READY", env=env | {"CONTOSO_LAB_RELAY_REDIS": redis.url} | settings,
        )  # fmt: skip
        made.append(one)
        return (await one.start()).split()[1]

    start.made = made
    yield start
    await asyncio.gather(*(one.kill() for one in made))


async def ask(url: str) -> tuple[int, dict, dict]:
    def fetch():
        try:
            with urllib.request.urlopen(f"{url}/api/token?persona=voice_brief", timeout=30) as answer:
                return answer.status, json.loads(answer.read()), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read()), dict(error.headers)

    return await asyncio.to_thread(fetch)


async def token_of(url: str) -> str:
    status, body, _ = await ask(url)
    assert status == 200, body
    return body["token"]


def call(url: str, token: str):
    return connect(
        f"{url.replace('http', 'ws')}/v1/realtime?model=x",
        additional_headers={"Authorization": f"Bearer {token}"},
        compression=None,
    )


async def greeting(socket) -> str:
    return json.loads(await socket.recv())["type"]


async def answered(socket) -> bool:
    """Whether the call is alive: it asks for a response and gets one."""
    await socket.send('{"type":"response.create"}')
    async for message in socket:
        if json.loads(message)["type"] == "response.done":
            return True
    return False


async def no(url: str, token: str) -> tuple[int, str, str | None]:
    with pytest.raises(InvalidStatus) as refused:
        async with call(url, token):
            pass
    response = refused.value.response
    return response.status_code, json.loads(response.body)["error"]["message"], response.headers.get("Retry-After")


async def test_two_relays_share_their_tokens_and_calls_and_each_part_is_killed_in_turn(relay, redis):
    first, second = await asyncio.gather(
        relay(CONTOSO_LAB_RELAY_CALLS_PER_CALLER="2"), relay(CONTOSO_LAB_RELAY_CALLS_PER_CALLER="2")
    )

    # A token of the one opens a call at the other, once.
    token = await token_of(first)
    async with call(second, token) as live:
        assert await greeting(live) == "session.created"
        for url in (first, second):
            status, sentence, _ = await no(url, token)
            assert (status, "already used" in sentence) == (401, True)

        # Calls are counted over both.
        async with call(first, await token_of(second)) as other:
            assert await greeting(other) == "session.created"
            status, sentence, wait = await no(first, await token_of(first))
            assert (status, wait, "you hold 2 calls" in sentence) == (429, "10", True)

        # Redis dies: nobody gets or spends a token, and the call goes on.
        unspent = await token_of(first)
        await redis.kill()
        status, body, headers = await ask(first)
        assert (status, headers["retry-after"], body["error"]["code"]) == (503, "5", "not_now")
        status, sentence, wait = await no(second, unspent)
        assert (status, wait, "open calls go on" in sentence) == (503, "5", True)
        assert await answered(live)

        # It is back, empty: old tokens are unknown, new ones work, and the call still goes on.
        await redis.start()
        status, sentence, _ = await no(first, unspent)
        assert (status, "unknown" in sentence) == (401, True)
        kept = await token_of(first)
        assert await answered(live)

        # The relay that gave a token dies; the other takes it.
        await relay.made[0].kill()
        async with call(second, kept) as taken:
            assert await greeting(taken) == "session.created"
            assert await answered(live)

    # And a relay that is started again knows the tokens from before.
    kept = await token_of(second)
    await relay.made[1].kill()
    third = await relay()
    async with call(third, kept) as late:
        assert await greeting(late) == "session.created"
