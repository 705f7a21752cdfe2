"""The way in: every no is one sentence with the reason that the other side gave."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from contoso_lab.errors import SessionClosed, SessionRefused
from contoso_lab.session import connect
from contoso_lab.session.door import fetch_token, open_line
from contoso_lab.session.line import closed
from contoso_lab.settings import Target


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """A program that answers everything with these bytes."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(reply, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def refused(knock: Callable[[], Awaitable[object]]) -> SessionRefused:
    with pytest.raises(SessionRefused) as caught:
        await knock()
    return caught.value


async def opened(target: Target) -> None:
    async with open_line(target):
        pytest.fail("let in")


class TestTheToken:
    async def test_it_is_asked_for_with_all_that_the_call_is_bound_to(self, fake) -> None:
        asked = {"persona": "voice", "customer": "maya", "scenario": None, "replay_of": "rec 1&2", "mode": ""}
        assert await fetch_token(f"{fake.url}/", secret="pssst", **asked) == "ticket"
        assert fake.bindings == [{"persona": "voice", "customer": "maya", "replay_of": "rec 1&2", "mode": ""}]
        assert fake.headers[0]["authorization"] == "Bearer pssst"

    async def test_it_opens_the_socket(self, fake) -> None:
        async def script(line) -> None:
            pass

        fake.script = script
        async with fake.call():
            pass
        assert "authorization" not in fake.headers[0]
        assert fake.headers[1]["authorization"] == "Bearer ticket"

    @pytest.mark.parametrize(
        ("status", "body", "reason"),
        [
            (401, '{"detail": "the secret is wrong"}', "the secret is wrong"),
            (403, '{"error": {"type": "relay_error", "message": "not from this page"}}', "not from this page"),
            (422, '{"error": "there is no customer"}', "there is no customer"),
            (500, "plain words", "plain words"),
            (503, "", "Service Unavailable"),
        ],
    )
    async def test_a_refusal_carries_the_relays_reason(self, fake, status: int, body: str, reason: str) -> None:
        fake.token = (status, body)
        error = await refused(lambda: fetch_token(fake.url))
        assert (error.status, error.reason) == (status, reason)
        assert str(error) == f"the relay at {fake.url} refused the conversation ({status}): {reason}"

    @pytest.mark.parametrize("body", ["<html>hello</html>", "[]", "{}", "null"])
    async def test_an_answer_without_a_token_is_no_relay(self, fake, body: str) -> None:
        fake.token = (200, body)
        error = await refused(lambda: fetch_token(fake.url))
        assert "answered without a token; is there another program" in str(error)

    async def test_a_relay_that_is_not_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        error = await refused(lambda: fetch_token(url))
        assert "it did not answer" in error.reason
        assert "start it with 'contoso-lab relay'" in error.reason

    @pytest.mark.parametrize(
        "answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
    )
    async def test_a_program_that_speaks_something_else(self, answer: bytes) -> None:
        async with answering(answer) as url:
            error = await refused(lambda: fetch_token(url))
        assert "it did not answer" in error.reason

    @pytest.mark.parametrize("url", ["127.0.0.1:8901", "", "localhost", "ws://127.0.0.1:8901", "file:///tmp"])
    async def test_what_is_no_address(self, url: str) -> None:
        error = await refused(lambda: fetch_token(url))
        assert "no address; write it as http://127.0.0.1:8901" in error.reason


class TestTheSocket:
    async def test_a_token_that_is_not_taken(self, fake) -> None:
        fake.refuses = (401, '{"error": {"type": "relay_error", "message": "the token was used already"}}')

        async def call() -> None:
            async with connect(fake.url):
                pytest.fail("let in")

        error = await refused(call)
        assert (error.status, error.reason) == (401, "the token was used already")

    @pytest.mark.parametrize(("body", "reason"), [("", "no reason given"), ("busy", "busy")])
    async def test_a_target_that_says_no(self, fake, body: str, reason: str) -> None:
        fake.refuses = (503, body)
        error = await refused(lambda: opened(fake.target))
        assert (error.status, error.reason, error.where) == (503, reason, f"{fake.url}/v1")

    async def test_a_target_that_is_not_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        error = await refused(lambda: opened(Target.local(f"http://127.0.0.1:{port}/v1")))
        assert "nothing answers there" in error.reason

    @pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
    async def test_a_program_that_speaks_something_else(self, answer: bytes) -> None:
        async with answering(answer) as url:
            error = await refused(lambda: opened(Target.local(f"{url}/v1")))
        assert "no Realtime server answers there" in error.reason

    @pytest.mark.parametrize(("kind", "header"), [("azure", "api-key"), ("openai", "authorization")])
    async def test_each_kind_of_target_has_its_own_lock(self, fake, kind: str, header: str) -> None:
        async def script(line) -> None:
            await line.left_by_client()

        fake.script, fake.relayed = script, False
        target = Target(kind, f"{fake.url}/v1", "gpt-realtime", "tiny", SecretStr("sk-test"))  # type: ignore[arg-type]
        async with open_line(target):
            pass
        assert fake.headers[0][header].endswith("sk-test")

    async def test_errors_of_the_body_are_its_own(self, fake) -> None:
        async def script(line) -> None:
            await line.left_by_client()

        fake.script, fake.relayed = script, False
        mine = FileNotFoundError(2, "no such file", "mine.wav")
        with pytest.raises(FileNotFoundError) as caught:
            async with open_line(fake.target):
                raise mine
        assert caught.value is mine

    async def test_a_close_inside_the_body_is_an_error_of_ours(self, fake) -> None:
        async def script(line) -> None:
            await line.close(4000, "enough")

        async def listen() -> None:
            async with open_line(fake.target) as line:
                while True:
                    await line.receive()

        fake.script, fake.relayed, fake.ends = script, False, "script"
        with pytest.raises(SessionClosed, match=r"4000 'enough'"):
            await listen()


@pytest.mark.parametrize(
    ("received", "code", "reason"),
    [
        (Close(1011, "the target went away"), 1011, "the target went away"),
        (Close(1005, ""), 1005, ""),
        (None, 1006, "the connection broke without a goodbye"),
    ],
)
def test_a_close_keeps_its_code_and_reason(received: Close | None, code: int, reason: str) -> None:
    error = closed(ConnectionClosed(received, None), "session.created")
    assert (error.code, error.reason, error.last_event) == (code, reason, "session.created")
