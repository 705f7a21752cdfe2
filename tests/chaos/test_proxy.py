# ruff: noqa: TID252 - the tests are no package

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from .proxy import CLEAR, Proxy, Weather


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server that says everything again."""

    async def say_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(say_again, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_what_is_said_comes_through_in_order_whatever_the_weather(echo: int) -> None:
    async with Proxy(echo) as proxy:
        proxy.weather = Weather(jitter_ms=3, loss=0.3, again_ms=(1, 5))
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        said = [f"{number:03}".encode() for number in range(200)]
        for word in said:
            writer.write(word)
            await writer.drain()
        assert await reader.readexactly(600) == b"".join(said)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


async def _greeted(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A line on which both sides have spoken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    return reader, writer


async def test_a_reset_is_one(echo: int) -> None:
    async with Proxy(echo) as proxy:
        reader, writer = await _greeted(proxy)
        assert proxy.reset() == 1
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_half_open_is_silence_and_no_end(echo: int) -> None:
    async with Proxy(echo) as proxy:
        reader, writer = await _greeted(proxy)
        assert proxy.half_open() == 1
        writer.write(b"are you there?")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):  # there is no event for what does not come
                await reader.read()
        writer.close()


async def test_a_server_that_is_gone_ends_the_connection() -> None:
    async with Proxy(1) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await reader.read() == b""
        writer.close()


def test_weather_follows_from_its_seed() -> None:
    bad = Weather(latency_ms=10, jitter_ms=5, loss=0.5)
    one, two = ([bad.delay_s(rng) for _ in range(50)] for rng in (random.Random(3), random.Random(3)))
    assert one == two
    assert min(one) >= 0.010
    assert max(one) > 0.2
    assert CLEAR.delay_s(random.Random(3)) == 0
