"""One suite for both adapters: whatever carries a call, the rules and the caller see the same."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from contoso_lab.relay.admission import Refused
from contoso_lab.relay.calls.closing import Close
from contoso_lab.relay.wires.doors import knock
from contoso_lab.relay.wires.legs import Binary
from contoso_lab.relay.wires.sockets import HIGH_WATER_BYTES, MOST_MESSAGE_BYTES, Patience

from .adapters import serve_line  # noqa: TID252 - the tests are no package

QUICK = Patience(ping_s=0.3, ping_timeout_s=0.3, goodbye_s=0.3)
KEY = base64.b64encode(bytes(16)).decode()


@pytest.fixture(params=["picows", "starlette"])
def door(request) -> str:
    return request.param


@pytest.fixture
async def line(door):
    async with serve_line(door) as running:
        yield running


def sound(length: int) -> str:
    """An append of `length` bytes, whose sound no two of are alike."""
    head, tail = '{"type":"input_audio_buffer.append","audio":"', '"}'
    room = length - len(head) - len(tail)
    return head + base64.b64encode(os.urandom(room * 3 // 4 + 3)).decode()[:room] + tail


class Raw:
    """A client that writes the bytes a test wants, and reads nothing by itself."""

    def __init__(self, reader, writer) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def knock(cls, line, *, path: str = "/v1/realtime", early: bytes = b"", **headers: str) -> Raw:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port, limit=2**26)
        fields = {"Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "keep-alive, Upgrade",
                  "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY} | headers  # fmt: skip
        lines = [f"GET {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if early:
            writer.write(early)
        return cls(reader, writer)

    async def head(self) -> str:
        return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    def send(self, *frames: Frame | bytes) -> None:
        for frame in frames:
            self.writer.write(frame if isinstance(frame, bytes) else frame.serialize(mask=True))

    async def frame(self) -> tuple[int, bytes]:
        head = await self.reader.readexactly(2)
        length = head[1] & 127
        if length > 125:
            length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8))
        return head[0], await self.reader.readexactly(length)

    async def goodbye(self) -> tuple[int, str]:
        while True:
            head, payload = await self.frame()
            if head & 15 == Opcode.CLOSE:
                return int.from_bytes(payload[:2]), payload[2:].decode()

    async def __aenter__(self) -> Raw:
        return self

    async def __aexit__(self, *_) -> None:
        self.writer.transport.abort()


async def opened(line, **headers: str) -> Raw:
    raw = await Raw.knock(line, **headers)
    assert "101 Switching" in await raw.head()
    return raw


@pytest.mark.parametrize("length", [1_300, 6_400, 200_000, 15 * 2**20])
async def test_byte_for_byte_both_ways(line, length):
    text = sound(length)
    async with line.call() as socket:
        await socket.send(text)
        assert await socket.recv() == text
        await socket.send(text.encode())
        assert await socket.recv() == text.encode()
    assert line.ear.heard == [text.encode(), text.encode()]
    assert [type(message) for message in line.ear.heard] == [bytes, Binary]


async def test_many_messages_of_every_length_keep_their_order(line):
    messages = [sound(100 + 997 * number % 40_000) for number in range(200)]
    async with line.call() as socket:
        for message in messages:
            await socket.send(message)
        assert [await socket.recv() for _ in messages] == messages


async def test_fragments_arrive_as_one_message_and_a_ping_between_them_is_answered(line):
    async with await opened(line) as raw:
        raw.send(
            Frame(Opcode.TEXT, b'{"type":"\xc3', fin=False), Frame(Opcode.PING, b"are you there"),
            Frame(Opcode.CONT, b"", fin=False), Frame(Opcode.CONT, b'\xa9"}'),
        )  # fmt: skip
        assert await raw.frame() == (0x80 | Opcode.PONG, b"are you there")
        assert await raw.frame() == (0x80 | Opcode.TEXT, '{"type":"é"}'.encode())
        raw.send(Frame(Opcode.BINARY, b"\xff", fin=False), Frame(Opcode.CONT, b"\xfe"))
        assert await raw.frame() == (0x80 | Opcode.BINARY, b"\xff\xfe")
    assert line.ear.heard == ['{"type":"é"}'.encode(), b"\xff\xfe"]


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "gone"), (4001, "genug, danke ü"), (4999, "x" * 123)])
async def test_how_the_client_closes(line, code, reason):
    async with line.call() as socket:
        await socket.send("last words")
        await socket.close(code, reason)
    assert await line.ear.until_gone() == (code, reason)
    assert line.ear.heard == [b"last words"]


async def test_a_goodbye_without_a_code(line):
    async with await opened(line) as raw:
        raw.send(Frame(Opcode.CLOSE, b""))
        await raw.goodbye()
        assert await line.ear.until_gone() == (1005, "")


async def test_a_client_that_breaks_off(line):
    async with line.call() as socket:
        await socket.send("x")
        await socket.recv()
        socket.transport.abort()
        assert await line.ear.until_gone() == (1006, "")


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, ""), (1001, "the relay stops"), (4408, "zehn Minuten ü"), (1011, "")]
)
async def test_how_we_close(line, code, reason):
    async with line.call() as socket:
        leg = await line.leg()
        leg.send(b"last words")
        leg.close(Close(code, reason))
        leg.send(b"never said")
        leg.close(Close(4000, "not twice"))
        assert await socket.recv() == "last words"
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason) == (code, reason)
        await leg.closed()
    assert len(line.ear.gone) == 1


async def test_a_goodbye_that_is_not_answered_ends_with_a_cut(door):
    async with serve_line(door, patience=QUICK) as line, await opened(line) as raw:
        await line.close(4408, "over")
        assert await raw.goodbye() == (4408, "over")
        async with asyncio.timeout(2):
            await (await line.leg()).closed()
    assert len(line.ear.gone) == 1


def megabytes_now() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


async def test_a_client_that_does_not_read_makes_us_hold_little(door):
    """What it has not taken stays below 16 MiB with all buffers of the system, and in our process below 2."""
    block = b"z" * 65_536
    async with serve_line(door, echo=False) as line, await opened(line) as raw:
        raw.writer.transport.pause_reading()
        leg = await line.leg()
        before, sent = megabytes_now(), 0
        while True:
            while not line.ear.writable or line.ear.writable[-1]:
                leg.send(block)
                sent += len(block)
                assert sent <= 16 * 2**20
                await asyncio.sleep(0)
            await asyncio.sleep(0.1)  # the system may take still more
            if not line.ear.writable[-1]:
                break
        assert megabytes_now() - before < 2 + HIGH_WATER_BYTES / 2**20 + 16 * (door == "starlette")
        raw.writer.transport.resume_reading()
        for _ in range(sent // len(block)):
            assert await raw.frame() == (0x80 | Opcode.TEXT, block)
        assert line.ear.writable[-1] is True


async def test_a_client_that_is_not_read_has_to_wait(line):
    block = sound(65_536)
    async with line.call() as socket:
        line.ear.echo = False
        leg = await line.leg()
        leg.pause()
        leg.pause()
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while sent < 1000:
                await socket.send(block)
                sent += 1

        flooding = asyncio.create_task(flood())
        progress = -1
        while progress != sent:
            progress = sent
            await asyncio.sleep(0.1)
        assert sent < 16 * 16
        assert len(line.ear.heard) <= 64  # what had been read before
        leg.resume()
        await flooding
        await socket.close()
        await line.ear.until_gone()
    assert len(line.ear.heard) == 1000


async def test_a_half_open_connection_is_gone_within_the_ping_timeout(door):
    async with serve_line(door, patience=QUICK) as line, await opened(line) as raw:
        async with asyncio.timeout(1.9):
            code, _ = await line.ear.until_gone() if await line.leg() else (0, "")
        assert code == 1006
        assert (await raw.frame())[0] == 0x80 | Opcode.PING


async def test_a_half_open_connection_with_much_unsaid_is_gone_too(door):
    async with serve_line(door, patience=QUICK, echo=False) as line, await opened(line) as raw:
        raw.writer.transport.pause_reading()
        leg = await line.leg()
        for _ in range(24):
            leg.send(b"z" * 2**20)
        async with asyncio.timeout(3):
            assert (await line.ear.until_gone())[0] == 1006


async def test_a_client_that_answers_its_pings_stays(door):
    async with serve_line(door, patience=QUICK) as line, line.call(ping_interval=None) as socket:
        await asyncio.sleep(1)
        await socket.send("still here")
        assert await socket.recv() == "still here"


async def test_a_client_that_is_not_read_is_not_taken_for_dead():
    """We stopped reading, so we cannot see its pongs. (uvicorn's own class does not know that it was us.)"""
    async with serve_line("picows", patience=QUICK) as line, line.call(ping_interval=None) as socket:
        leg = await line.leg()
        leg.pause()
        await asyncio.sleep(1)
        await socket.send("still here")
        leg.resume()
        assert await socket.recv() == "still here"


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([Frame(Opcode.TEXT, b'{"type":"\xff"}')], 1007),
        ([Frame(Opcode.TEXT, b"\xc3", fin=False), Frame(Opcode.CONT, b"x")], 1007),
        ([b"\xc1\x81\0\0\0\0x"], 1002),
        ([Frame(Opcode.CONT, b"x")], 1002),
        ([Frame(Opcode.TEXT, b"x", fin=False), Frame(Opcode.TEXT, b"x")], 1002),
        ([Frame(Opcode.CLOSE, (1005).to_bytes(2))], 1002),
        ([Frame(Opcode.BINARY, bytes(9 * 2**20), fin=False), Frame(Opcode.CONT, bytes(9 * 2**20))], 1009),
    ],
    ids=["not UTF-8", "not UTF-8 in parts", "reserved bit", "continues nothing", "mixed", "1005", "too big in parts"],
)  # fmt: skip
async def test_what_breaks_the_protocol_is_answered_with_its_code(line, frames, code):
    async with await opened(line) as raw:
        raw.send(*frames)
        assert (await raw.goodbye())[0] == code
        await line.ear.until_gone()
    assert line.ear.heard == []


async def test_a_message_that_is_too_big_is_refused_and_the_client_reads_why(line):
    async with line.call() as socket:
        sending = asyncio.create_task(socket.send("x" * (MOST_MESSAGE_BYTES + 1)))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        await asyncio.gather(sending, return_exceptions=True)  # it may have been cut short
        assert socket.close_code == 1009
        code, _ = await line.ear.until_gone()
    assert code == 1009
    assert line.ear.heard == []


async def test_the_largest_message_passes(line):
    async with line.call() as socket:
        await socket.send("x" * MOST_MESSAGE_BYTES)
        assert len(await socket.recv()) == MOST_MESSAGE_BYTES


async def test_the_subprotocol_of_a_browser(line):
    offered = ["realtime", "openai-insecure-api-key.abc", "openai-beta.realtime-v1"]
    async with line.call(subprotocols=offered, origin="http://localhost:8888") as socket:
        assert socket.subprotocol == "realtime"
        assert socket.response.headers.get_all("Sec-WebSocket-Extensions") == []
    assert line.desk.handshake.subprotocols == tuple(offered)
    assert line.desk.handshake.headers["origin"] == "http://localhost:8888"


async def test_the_handshake_as_the_desk_sees_it(line):
    async with line.call("/api/realtime/ws?token=a%20b&resumable=1", additional_headers={"X-Made-Up": "ü"}):
        seen = line.desk.handshake
    assert (seen.path, dict(seen.query)) == ("/api/realtime/ws", {"token": "a b", "resumable": "1"})
    assert (seen.client_host, seen.server_host, seen.secure) == ("127.0.0.1", "127.0.0.1", False)
    assert "a b" not in repr(seen)


def no(status: int, close: Close, *, retry_after_s: float | None = None, by_program: bool):
    async def decide(handshake):
        return Refused(knock(handshake, for_programs=by_program), status, "eine Ausrede ü", close, retry_after_s)

    return decide


@pytest.mark.parametrize("status", [401, 403, 410, 429, 500, 502, 503])
async def test_a_no_to_a_program_is_an_http_answer(line, status):
    line.desk.decide = no(status, Close(4000), retry_after_s=1.5 if status in (429, 503) else None, by_program=True)
    with pytest.raises(InvalidStatus) as refused:
        await line.call()
    response = refused.value.response
    assert response.status_code == status
    assert response.headers.get("retry-after") == ("2" if status in (429, 503) else None)
    assert json.loads(response.body)["error"]["message"] == "eine Ausrede ü"


@pytest.mark.parametrize("code", [4401, 4410, 4429, 4503, 1001])
async def test_a_no_to_a_browser_is_a_close_that_it_can_read(line, code):
    line.desk.decide = no(401, Close(code, "eine Ausrede ü"), by_program=False)
    async with line.call(subprotocols=["realtime"]) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert (socket.subprotocol, socket.close_code, socket.close_reason) == ("realtime", code, "eine Ausrede ü")


async def test_a_page_from_elsewhere_gets_no_handshake(line):
    line.desk.decide = no(403, Close(4403), by_program=False)
    with pytest.raises(InvalidStatus) as refused:
        await line.call("/api/realtime/ws", origin="https://evil.example")
    assert refused.value.response.status_code == 403


async def test_who_leaves_while_the_desk_decides_is_abandoned(line):
    cancelled = asyncio.Event()

    async def slow(_):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    line.desk.decide = slow
    async with await Raw.knock(line):
        await line.desk.asked.wait()
    async with asyncio.timeout(2):
        await cancelled.wait()


async def test_a_desk_that_fails_does_not_leave_the_caller_waiting(line, caplog):
    async def broken(_):
        raise ZeroDivisionError

    line.desk.decide = broken
    with pytest.raises(InvalidStatus) as refused:
        await line.call()
    assert refused.value.response.status_code == 500
    assert "ZeroDivisionError" in caplog.text


async def test_words_before_the_answer_wait_for_it():
    """uvicorn's own class loses them, and no client that follows the RFC says any."""
    async with serve_line("picows") as line:
        let_in = asyncio.Event()
        welcome = line.desk.decide

        async def slow(handshake):
            await let_in.wait()
            return await welcome(handshake)

        line.desk.decide = slow
        async with await Raw.knock(line) as raw:
            await line.desk.asked.wait()
            raw.send(Frame(Opcode.TEXT, b"too early"), Frame(Opcode.TEXT, b"x" * 200_000))
            await raw.writer.drain()
            let_in.set()
            assert "101" in await raw.head()
            assert await raw.frame() == (0x80 | Opcode.TEXT, b"too early")
            assert await raw.frame() == (0x80 | Opcode.TEXT, b"x" * 200_000)


@pytest.mark.parametrize(
    "headers", [{"Sec-WebSocket-Version": "12"}, {"Sec-WebSocket-Key": "short"}, {"Sec-WebSocket-Key": "%" * 24}]
)
async def test_a_broken_handshake_is_a_bad_request_and_nobody_is_asked(line, headers):
    async with await Raw.knock(line, **headers) as raw:
        assert (await raw.head()).split()[1] in ("400", "426")
    assert not line.desk.asked.is_set()


async def test_a_goodbye_while_the_client_does_not_read(door):
    async with serve_line(door, patience=QUICK, echo=False) as line, await opened(line) as raw:
        raw.writer.transport.pause_reading()
        leg = await line.leg()
        for _ in range(24):
            leg.send(b"z" * 2**20)
        leg.close(Close(1001, "no time"))
        async with asyncio.timeout(3):
            await leg.closed()
    assert len(line.ear.gone) == 1
