"""What passes between a page and the relay: everything, both ways, as it is, and nothing into a log."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from tests.jupyter.conftest import PICTURE, TOKEN, FakeRelay, Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOON_S = 20.0
DOOR = "api/realtime/ws"
SECRET = "a-token-for-one-call"


def page(server: Server, query: str = f"?token={SECRET}", **options: Any) -> Any:
    headers = {"Authorization": f"token {TOKEN}"}
    given = {"additional_headers": headers, "compression": None, "proxy": None, "max_size": 2**25, **options}
    return connect(f"{server.socket_url}{given.pop('door', DOOR)}{query}", **given)


async def gone(relay: FakeRelay) -> tuple[int, str] | None:
    async with asyncio.timeout(SOON_S):
        return await relay.goodbyes.get()


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


# Sockets


async def test_messages_pass_both_ways_as_they_are(server, relay):
    relay.answers = echo
    sent: list[str | bytes] = ["one", b"\x00\xff", "ä€𝄞", "", "x" * 3_000_000, b""]
    async with page(server) as call:
        for message in sent:
            await call.send(message)
        assert [await call.recv() for _ in sent] == sent
    assert await gone(relay) == (1000, "")


async def test_the_relay_sees_a_page_of_this_machine_and_the_pages_own_query(server, relay):
    relay.answers = echo
    outer = server.url.partition("/user")[0]
    async with page(server, "?token=t&resumable=1&a=%20b", origin=outer) as call:
        await call.send("there?")
        await call.recv()
        request = relay.sockets[0].request
        assert request.path == f"/{DOOR}?token=t&resumable=1&a=%20b"
        assert request.headers["Origin"] == relay.url
        assert "Cookie" not in request.headers
        assert "Authorization" not in request.headers


async def test_a_subprotocol_is_the_relays_to_choose(server, relay):
    offered = ["realtime", f"openai-insecure-api-key.{SECRET}"]
    async with page(server, "", subprotocols=offered) as call:
        assert call.subprotocol == "realtime"
        assert f"openai-insecure-api-key.{SECRET}" in relay.sockets[0].request.headers["Sec-WebSocket-Protocol"]


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "bye"), (4401, "used"), (4408, "ä" * 60), (1011, "x")])
async def test_how_the_relay_ends_a_call_is_how_the_page_sees_it_end(server, relay, code, reason):
    async def end(connection: ServerConnection) -> None:
        await connection.close(code, reason)

    relay.answers = end
    async with page(server) as call:
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(SOON_S):
                await call.recv()
        assert (call.close_code, call.close_reason) == (code, reason)


async def test_a_relay_that_breaks_off_breaks_the_pages_connection(server, relay):
    async def cut(connection: ServerConnection) -> None:
        connection.transport.abort()

    relay.answers = cut
    async with page(server) as call:
        with pytest.raises(ConnectionClosedError):
            async with asyncio.timeout(SOON_S):
                await call.recv()
        assert call.close_code == 1006, "the page can tell this from a goodbye, and comes back"


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, ""), (4000, "the page said so")])
async def test_how_the_page_ends_it_is_how_the_relay_sees_it_end(server, relay, code, reason):
    relay.answers = echo
    call = await page(server)
    await call.close(code, reason)
    assert await gone(relay) == (code, reason)


async def test_a_page_whose_connection_breaks_may_come_back(server, relay):
    call = await page(server)
    call.transport.abort()
    assert await gone(relay) is None, "no goodbye: the relay keeps the call"


async def test_a_page_that_does_not_read_slows_the_relay_down(server, relay):
    """Of 64 MB only what fits into the buffers on the way is taken from the relay."""
    sent = 0

    async def flood(connection: ServerConnection) -> None:
        nonlocal sent
        for _ in range(1000):
            await connection.send("x" * 65_536)
            sent += 1

    relay.answers = flood
    async with page(server, max_queue=1) as call:
        before = -1
        async with asyncio.timeout(SOON_S):
            while sent != before:
                before = sent
                await asyncio.sleep(0.3)
        assert 0 < sent < 600
        for _ in range(1000):
            await call.recv()
        assert sent == 1000


async def test_a_relay_that_does_not_read_slows_the_page_down(server, relay):
    reads = asyncio.Event()

    async def wait(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await reads.wait()
        connection.transport.resume_reading()
        async for message in connection:
            if message == "last":
                await connection.send("all")

    relay.answers = wait
    sent = 0
    async with page(server) as call:

        async def talk() -> None:
            nonlocal sent
            for _ in range(1000):
                await call.send("x" * 65_536)
                sent += 1
            await call.send("last")

        talking = asyncio.create_task(talk())
        before = -1
        async with asyncio.timeout(SOON_S):
            while sent != before:
                before = sent
                await asyncio.sleep(0.3)
        assert 0 < sent < 600
        reads.set()
        async with asyncio.timeout(SOON_S):
            await talking
            assert await call.recv() == "all"


async def test_a_relay_that_cannot_be_started_is_told_by_a_close(server, relay):
    server.keeper.up = False
    async with page(server) as call:
        with pytest.raises(ConnectionClosed):
            await call.recv()
        assert (call.close_code, call.close_reason) == (4503, "the engine could not start: no models")
    assert "ready" in server.keeper.calls


async def test_a_call_whose_relay_has_ended_cannot_be_come_back_to(server, relay):
    server.keeper.up = False
    async with page(server, "?resume=r&received=4") as call:
        with pytest.raises(ConnectionClosed):
            await call.recv()
        assert call.close_code == 4410
    assert server.keeper.calls == ["start"]


async def test_a_relay_that_is_not_there_is_told_by_a_close(server, relay):
    relay.url = "http://127.0.0.1:9"
    async with page(server) as call:
        with pytest.raises(ConnectionClosed):
            await call.recv()
        assert call.close_code == 4503
        assert "try again" in call.close_reason


async def signed_in(server: Server) -> str:
    """The cookies of a browser that has opened Jupyter with its token."""
    answer = await server.fetch(f"status?token={TOKEN}", headers={})
    return "; ".join(cookie.partition(";")[0] for cookie in answer.headers.get_list("Set-Cookie"))


async def test_a_browser_that_is_signed_in_needs_no_more(server, relay):
    relay.answers = echo
    outer = server.url.partition("/user")[0]
    async with page(server, additional_headers={"Cookie": await signed_in(server)}, origin=outer) as call:
        await call.send("hello")
        assert await call.recv() == "hello"


@pytest.mark.parametrize("who", ["nobody", "a wrong token", "another page"])
async def test_who_may_not_use_jupyter_may_not_use_the_relay(server, relay, who):
    headers = {
        "nobody": {},
        "a wrong token": {"Authorization": "token wrong"},
        "another page": {"Cookie": await signed_in(server)},
    }[who]
    with pytest.raises(InvalidStatus) as refused:
        await page(server, additional_headers=headers, origin="https://evil.example" if "page" in who else None)
    assert refused.value.response.status_code == 403
    assert not relay.sockets
    assert server.keeper.calls == []


async def test_jupyters_token_in_the_query_opens_nothing_here(server, relay):
    """In the query of a call stands the relay's token, and no other."""
    with pytest.raises(InvalidStatus):
        await page(server, f"?token={TOKEN}", additional_headers={})


@pytest.mark.parametrize("door", ["v1/realtime", "metrics", "api/realtime/ws/../../../v1/realtime", "api/other"])
async def test_only_the_doors_for_pages_are_there(server, relay, door):
    with pytest.raises(InvalidStatus) as refused:
        await page(server, door=door)
    assert refused.value.response.status_code in (404, 403)
    assert not relay.sockets


# HTTP


async def test_a_token_comes_from_the_relay(server, relay):
    relay.url = relay.http_url
    answer = await server.fetch("api/token?persona=voice&console=c1")
    assert answer.code == 200
    assert json.loads(answer.body)["token"] == "one-call"
    assert "Set-Cookie" not in answer.headers or "relay=1" not in answer.headers["Set-Cookie"]
    method, path, headers, _ = relay.asked[0]
    assert (method, path) == ("GET", "/api/token?persona=voice&console=c1")
    assert headers["Origin"] == relay.url
    assert headers["Authorization"] == f"Bearer {server.keeper.secret}", "Jupyter's own token goes no further"


async def test_what_the_page_shows_the_relay_is_passed_on(server, relay):
    """A page that is written belongs to a thread, and the token that opens it is the page's own."""
    relay.url = relay.http_url
    for _ in range(3):
        relay.pieces.put_nowait(None)
    cookies = await signed_in(server)
    xsrf = cookies.partition("_xsrf=")[2].partition(";")[0]
    shown = {"Cookie": cookies, "X-XSRFToken": xsrf, "Authorization": "Bearer of-the-thread"}
    answer = await server.fetch("api/suggestion", method="POST", headers=shown, body=b"{}")
    assert answer.code == 200
    assert relay.asked[0][2]["Authorization"] == "Bearer of-the-thread"


async def test_pictures_are_those_of_the_relays_catalogue(server, relay):
    relay.url = relay.http_url
    answer = await server.fetch("images/my%20boat.png")
    assert (answer.code, answer.body) == (200, PICTURE)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "private, max-age=3600"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert relay.asked[0][1] == "/images/my%20boat.png"
    assert (await server.fetch("images/my%20boat.png", headers={})).code == 403
    assert len(relay.asked) == 1


async def test_a_picture_starts_no_relay(server, relay):
    server.keeper.up = False
    assert (await server.fetch("images/TEN-02.svg")).code == 503
    assert server.keeper.calls == []


async def test_a_no_of_the_relay_is_passed_on(server, relay):
    relay.url = relay.http_url
    answer = await server.fetch("api/token?full=1")
    assert answer.code == 429
    assert answer.headers["Retry-After"] == "7"


async def test_events_come_as_they_are_written(server, relay):
    relay.url = relay.http_url
    came: asyncio.Queue[bytes] = asyncio.Queue()
    asking = asyncio.create_task(
        server.fetch(
            "api/suggestion", method="POST", body=b'{"a": 1}', streaming_callback=came.put_nowait, request_timeout=60
        )
    )
    for number in range(3):
        async with asyncio.timeout(SOON_S):
            assert await came.get() == f"data: {number}\n\n".encode()
        assert came.empty()
        assert not asking.done()
        relay.pieces.put_nowait(None)
    async with asyncio.timeout(SOON_S):
        answer = await asking
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert relay.asked[0][3] == b'{"a": 1}'


@pytest.mark.parametrize("path", ["api/request", "api/suggestion", "start", "stop"])
async def test_a_page_elsewhere_cannot_post(server, relay, path):
    """A cookie alone is not enough: whoever posts shows the XSRF token as well."""
    relay.url = relay.http_url
    cookies = await signed_in(server)
    assert "_xsrf=" in cookies, "the status gives it"
    answer = await server.fetch(path, method="POST", headers={"Cookie": cookies}, body=b"")
    assert answer.code == 403
    assert relay.asked == []
    assert "start" not in server.keeper.calls


async def test_a_relay_that_is_not_there_is_one_sentence(server, relay):
    relay.url = "http://127.0.0.1:9"
    answer = await server.fetch("api/token")
    assert answer.code == 502
    assert json.loads(answer.body)["error"]["message"] == "the relay does not answer: try again in a moment"
    server.keeper.up = False
    answer = await server.fetch("api/token")
    assert answer.code == 503
    assert "no models" in json.loads(answer.body)["error"]["message"]


async def test_nothing_that_passes_is_logged(server, relay):
    relay.answers = echo
    async with page(server, f"?token={SECRET}") as call:
        await call.send("a word that was spoken")
        await call.recv()
    call: ClientConnection
    async with page(server, f"?resume={SECRET}&received=1") as call:
        await call.send("another")
        await call.recv()
    relay.url = "http://127.0.0.1:9"
    await server.fetch(f"api/token?thread={SECRET}")
    async with page(server, f"?token={SECRET}") as call:
        with pytest.raises(ConnectionClosed):
            await call.recv()
    with pytest.raises(InvalidStatus):
        await page(server, f"?token={SECRET}", additional_headers={})
    text = "\n".join(server.log)
    assert "contoso-lab/api/token" in text, "it does log"
    for hidden in (SECRET, "spoken", "another", TOKEN):
        assert hidden not in text
