"""A hundred thousand malformed frames, handshakes and tokens, at both doors: nothing crashes, nothing is left behind.

`make test` sends a tenth of it, `make slow` all.

All of it is made from seeds (`hostile_*`). It comes over one relay in two parts: what the second leaves in memory
beyond the first would be a leak. A client's payloads are counted once a mark that was sent behind them has come back;
a frame that no peer may send ends its connection, and is counted with it. The limit on guessing is out of the way,
except in a test of its own.
"""

from __future__ import annotations

import asyncio
import collections
import gc
import json
import logging
import os
import random
import traceback
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contoso_lab.errors import SessionRefused
from contoso_lab.recording.recorder import Recorder
from contoso_lab.relay.access.identity import Identity
from contoso_lab.relay.access.limits import Limits, redeem
from contoso_lab.relay.calls import reconnect, tape
from contoso_lab.relay.calls.ceilings import CallLimits, Ceilings
from contoso_lab.relay.calls.prices import PriceTable
from contoso_lab.relay.setup import Setup
from contoso_lab.relay.tooling.tool_runner import ToolRunner
from contoso_lab.relay.wires import mended_transport
from contoso_lab.relay.wires.handshake import Handshake
from contoso_lab.relay.wires.sockets import Patience

from . import hostile_events as talk  # noqa: TID252 - the tests are no package
from . import hostile_frames as wires  # noqa: TID252
from . import hostile_knocks as knocks  # noqa: TID252
from .hostile_frames import CLOSE, TEXT, frame  # noqa: TID252
from .hostile_peers import Caller, Target  # noqa: TID252

SEED = 20261122
AT_ONCE = 6
SECRET = "a secret of some length"
FRAMES, HANDSHAKES = 35_500, 15_500
"""At each of the two doors."""
SIZES = 1.5, 0.5
"""Of the two parts. Memory is traced in the second, which takes several times as long for it."""
MOST_GROWN_BYTES = 600_000
MOST_GROWN_OBJECTS = 1_000


class Weigh:
    """A tool that any argument will do for."""

    schema = {"type": "function", "name": "weigh", "description": "", "parameters": {"type": "object"}}

    async def run(self, arguments: Any) -> Any:
        return arguments


class Hours:
    """A clock that stands still until a test lets hours pass, so that tokens are forgotten."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Storm:
    """Everything that is sent to one relay in one part."""

    def __init__(self, relay: Any, target: Target, part: int) -> None:
        self.relay, self.target, self.part = relay, target, part
        self.port = int(relay.url.rsplit(":", 1)[1])
        self.frames: collections.Counter[str] = collections.Counter()
        self.handshakes: collections.Counter[str] = collections.Counter()
        self._numbers = iter(range(10**9))

    def rng(self, *names: object) -> random.Random:
        return random.Random(f"{SEED}/{self.part}/{names}")

    async def each(self, what: Any, times: int) -> None:
        """Do something so many times, a few at once."""
        numbers = iter(range(times))

        async def work() -> None:
            for number in numbers:
                await what(number)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(work())
        desk = self.relay.desk
        await asyncio.gather(*(pump.stop() for pump in tuple(desk.pumps)))
        await desk_is_empty(desk)

    async def caller(self, rng: random.Random) -> Caller:
        more = rng.choice(("", "&resumable=1", "&resumable=true"))
        beta = ("Sec-WebSocket-Protocol: realtime, openai-beta.realtime-v1",) if rng.random() < 0.3 else ()
        return await Caller.call(self.port, f"token={self.relay.token()}{more}", *beta)

    async def marked(self, caller: Caller) -> bool:
        """Whether all that was sent is heard and the call goes on."""
        number = next(self._numbers)
        caller.writer.write(frame(TEXT, b'{"type":"lab.mark","event_id":"mark-%d"}' % number))
        return await caller.until(number)

    # -- from the client ------------------------------------------------------------------------

    async def client_frames(self, number: int) -> None:
        """A few events, then frames that no client may send; and some come back to what they broke."""
        rng = self.rng("client frames", number)
        caller = await self.caller(rng)
        for _ in range(rng.randrange(4)):
            caller.writer.write(frame(*talk.payload(rng, talk.CLIENT_EVENTS), mask=rng.randbytes(4)))
            self.frames["client payloads"] += 1
        broken, count = wires.broken_frames(rng, masked=True)
        caller.writer.write(broken)
        self.frames["client frames"] += count
        if not caller.over.is_set() and rng.random() < 0.2:
            caller.writer.write(rng.randbytes(50))
        await caller.end()
        await caller.leave()
        if caller.resume:
            await self.come_back(rng, caller.resume)

    async def come_back(self, rng: random.Random, token: str) -> None:
        count = rng.choice(("", "0", "1", "2", "3", "-1", "9" * 18, "9" * 30, "x", "%00", "1e1"))
        again = await Caller.call(self.port, f"resume={token}&received={count}")
        self.handshakes["resumes"] += 1
        again.writer.write(frame(TEXT, json.dumps(talk.HANGING_UP).encode()))
        await again.over.wait()
        await again.leave()

    async def client_payloads(self, number: int) -> None:
        """Well-framed rubbish, until the relay or we have had enough."""
        rng = self.rng("client payloads", number)
        caller = await self.caller(rng)
        for _ in range(10):
            sent = rng.randrange(10, 25)
            for _ in range(sent):
                caller.writer.write(frame(*talk.payload(rng, talk.CLIENT_EVENTS)))
            if rng.random() < 0.02:
                caller.writer.write(frame(TEXT, talk.huge(rng, talk.CLIENT_EVENTS)))
            if rng.random() < 0.02:
                local = {"type": "call.ended", "reason": talk._wild(rng)}
                caller.writer.write(frame(TEXT, json.dumps({"type": "lab.local", "event": local}).encode()))
            if not await self.marked(caller):
                break
            self.frames["client payloads"] += sent
        await caller.leave(rng)
        if caller.resume:
            await self.come_back(rng, caller.resume)

    # -- from the target ------------------------------------------------------------------------

    def recite(self, number: int) -> list[bytes | None]:
        """What the target says on one connection."""
        rng = self.rng("target", number)
        if rng.random() < 0.35:
            words = [frame(*talk.payload(rng, talk.TARGET_EVENTS), mask=None) for _ in range(rng.randrange(4))]
            broken, count = wires.broken_frames(rng, masked=False)
            self.frames["target frames"] += count
            self.frames["target payloads"] += len(words)
            return [b"".join(words), broken, None]
        words = []
        for _ in range(rng.randrange(60, 200)):
            words.append(frame(*talk.payload(rng, talk.TARGET_EVENTS), mask=None))
        if rng.random() < 0.06:
            words.append(frame(TEXT, talk.huge(rng, talk.TARGET_EVENTS), mask=None))
        if rng.random() < 0.2:
            words.append(frame(TEXT, json.dumps(talk.EXPIRED).encode(), mask=None))
        # Whether they were heard is seen when the mark has come through, or the connection was taken away.
        self.frames["target payloads"] += len(words)
        mark = frame(TEXT, b'{"type":"test.mark","event_id":"mark-0"}', mask=None)
        return [b"".join(words), *([mark] if rng.random() < 0.7 else [None])]

    async def target_says(self, number: int) -> None:
        rng = self.rng("target says", number)
        caller = await self.caller(rng)
        for _ in range(3):
            caller.writer.write(frame(*talk.payload(rng, talk.CLIENT_EVENTS)))
        await caller.until(0)
        await caller.leave(rng)

    async def target_greets(self, number: int) -> None:
        """A target that answers the handshake, or greets, with anything else."""
        rng = self.rng("greets", number)
        caller = await self.caller(rng)
        await caller.over.wait()
        await caller.leave()

    def greet(self, number: int) -> bytes | None:
        rng = self.rng("greeting", number)
        answer = (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: {accept}\r\n"
        )
        match rng.randrange(7):
            case 0:
                self.frames["greetings"] += 1
                return answer + b"\r\n" + frame(*talk.payload(rng, talk.TARGET_EVENTS[1:]), mask=None)
            case 1:
                self.frames["greetings"] += 1
                return answer + b"\r\n" + wires.broken_frames(rng, masked=False)[0]
            case 2:
                return answer.replace(b"{accept}", knocks.KEY) + b"\r\n"
            case 3:
                return (
                    answer
                    + rng.choice(
                        (b"Sec-WebSocket-Extensions: permessage-deflate", b"Sec-WebSocket-Protocol: x", b"X\xff: \xff")
                    )
                    + b"\r\n\r\n"
                )
            case 4:
                return rng.randbytes(rng.randrange(300))
            case 5:
                status = rng.choice(
                    (
                        b"200 OK",
                        b"302 Found\r\nLocation: http://127.0.0.1:1/",
                        b"401 No",
                        b"500",
                        b"999 x",
                        b"-1 x",
                        b"\xff",
                    )
                )
                return (
                    b"HTTP/1.1 " + status + b"\r\nContent-Length: " + rng.choice((b"0", b"-1", b"99999")) + b"\r\n\r\n"
                )
            case _:
                return answer[: rng.randrange(len(answer))]

    # -- handshakes and tokens ------------------------------------------------------------------

    async def heads(self, number: int) -> None:
        rng = self.rng("heads", number)
        self.handshakes["heads"] += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            made = knocks.head(rng)
            if rng.random() < 0.2:
                at = rng.randrange(len(made) + 1)
                writer.write(made[:at])
                await writer.drain()
                writer.write(made[at:])
            else:
                writer.write(made)
            match rng.randrange(4):
                case 0:
                    return
                case 1:
                    await writer.drain()
                    return
                case _:
                    writer.write_eof()
                    while await reader.read(2**16):
                        pass
        except OSError:
            pass  # it would not hear us out
        finally:
            writer.transport.abort()

    async def good_heads(self, number: int) -> None:
        """Whole handshakes with odd values and a token that is good: past the desk, into the answering."""
        rng = self.rng("good heads", number)
        self.handshakes["odd handshakes"] += 1
        names = [f"x{knocks.some_text(rng)}".encode("latin-1", "replace").translate(None, b"\0\r\n,") for _ in range(2)]
        token = self.relay.token().encode()
        fields = [b"Host: 127.0.0.1", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13",
                  b"Sec-WebSocket-Key: " + knocks.KEY]  # fmt: skip
        if rng.random() < 0.8:
            fields.append(b"Sec-WebSocket-Protocol: " + rng.choice((b", ", b",")).join(names)[:200])
        if rng.random() < 0.5:
            fields.append(b"OpenAI-Beta: " + names[0][:60])
        path = rng.choice((b"/v1/realtime?token=", b"/api/realtime/ws?x&token=", b"/v1/%72ealtime?token="))
        asked = b"\r\n".join([b"GET " + path + token + b" HTTP/1.1", *fields, b"", b""])
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(asked + (frame(TEXT, b"early") if rng.random() < 0.2 else b""))
            if rng.random() < 0.2:
                return
            await reader.readuntil(b"\r\n\r\n")
            writer.write(frame(CLOSE, b"\x03\xe8"))
            while await reader.read(2**16):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def bodies(self, number: int) -> None:
        """Requests for tokens, at the application itself."""
        rng = self.rng("bodies", number)
        self.handshakes["bodies"] += 1
        kind, body = knocks.body(rng)
        shown = knocks.authorization(rng) if rng.random() < 0.4 else f"Bearer {SECRET}"
        headers = [
            (b"host", b"127.0.0.1"),
            (b"content-type", kind),
            (b"authorization", shown.encode("utf-8", "replace")),
        ]
        if rng.random() < 0.5:
            headers.append((b"content-length", rng.choice((b"%d" % len(body), b"-1", b"9" * 30, b"\xb2", b"x"))))
        query = rng.choice(
            (
                b"",
                b"persona=" + knocks._url(knocks.some_text(rng)),
                b"customer=%ff&scenario=",
                rng.randbytes(20),
            )
        )
        get = rng.random() < 0.3
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
            "method": "GET" if get else "POST", "path": "/api/token" if get else "/v1/realtime/client_secrets",
            "query_string": query, "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        parts = [body[at : at + 2**16] for at in range(0, len(body), 2**16)] or [b""]
        events = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        events.append(
            {"type": "http.request", "body": b"", "more_body": False}
            if rng.random() < 0.9
            else {"type": "http.disconnect"}
        )
        said: list[Any] = []

        async def receive() -> Any:
            return events.pop(0) if len(events) > 1 else events[0]

        async def send(message: Any) -> None:
            said.append(message)

        await self.relay.app(scope, receive, send)
        assert [message["status"] < 500 for message in said if "status" in message] in ([], [True]), (body, said)

    async def knocks(self, number: int) -> None:
        """Handshakes at the desk, and what they are read by."""
        rng = self.rng("knocks", number)
        self.handshakes["knocks"] += 1
        handshake = Handshake.from_scope(knocks.scope(rng))
        decided = await self.relay.desk.admit(handshake)
        assert decided.status in (401, 403, 410), (handshake.headers, decided)
        assert len(decided.close.reason.encode("utf-8", "replace")) <= 123

    async def shown(self, number: int) -> None:
        """What somebody shows who asks for a token, and tokens at the store."""
        rng = self.rng("shown", number)
        self.handshakes["tokens"] += 1
        shown, text = knocks.authorization(rng), knocks.some_text(rng)
        with pytest.raises(SessionRefused, match="401"):
            await Identity(SECRET).who(shown, address=text)
        with pytest.raises(SessionRefused, match="401"):
            await redeem(self.relay.desk.tokens, self.relay.desk.gate, text, origin=shown, address=text)


def places(records: list[logging.LogRecord]) -> dict[str, int]:
    """The exceptions that were logged, by their kind and where they were raised."""
    found: collections.Counter[str] = collections.Counter()
    for record in records:
        if record.levelno < logging.ERROR:
            continue
        if record.exc_info and record.exc_info[1] is not None:
            trace = traceback.extract_tb(record.exc_info[2])
            ours = [f"{Path(step.filename).name}:{step.lineno}" for step in trace if "contoso_lab" in step.filename]
            found[" < ".join([repr(record.exc_info[1])[:200], *reversed(ours[-6:])])] += 1
        else:
            found[f"{record.name}: {record.getMessage()[:300]}"] += 1
    return dict(found)


async def desk_is_empty(desk: Any) -> None:
    while desk._tasks or desk.pumps:
        await asyncio.gather(*tuple(desk._tasks), return_exceptions=True)
        await asyncio.sleep(0)


async def storm_of(relay: Any, target: Target, number: int, size: float) -> Storm:
    """One part of all; 2 is the whole."""
    storm = Storm(relay, target, number)
    await storm.each(storm.client_frames, int(size * 200))
    await storm.each(storm.client_payloads, int(size * 60))
    target.script = storm.recite
    await storm.each(storm.target_says, int(size * 42))
    target.script = lambda _: []
    target.greet = storm.greet
    await storm.each(storm.target_greets, int(size * 80))
    target.greet = lambda _: None
    await storm.each(storm.good_heads, int(size * 100))
    await storm.each(storm.heads, int(size * 700))
    await storm.each(storm.bodies, int(size * 600))
    await storm.each(storm.knocks, int(size * 3_000))
    await storm.each(storm.shown, int(size * 3_500))
    return storm


async def a_proper_call(relay: Any, target: Target) -> None:
    """A call in which each side hears to the byte what the other says."""
    target.echo, target.heard = True, []
    said = [
        frame_text.encode()
        for frame_text in (
            '{"type":"response.create"}',
            '{"type":"input_audio_buffer.append","audio":"AAAA"}',
            '{"type":"x","é":"\\ud83d\\ude00 ☕"}',
        )
    ]
    async with relay.call() as socket:
        for message in said:
            await socket.send(message.decode())
        heard = [message async for message in _until(socket, said[-1].decode())]
    assert [message.encode() for message in heard if '"lab.' not in message and '"session.' not in message] == said
    assert target.heard == said
    target.echo = False


async def _until(socket: Any, last: str) -> Any:
    async for message in socket:
        yield message
        if message == last:
            return


def held() -> dict[str, int]:
    """What a process can leave behind."""
    gc.collect()
    return {"tasks": len(asyncio.all_tasks()), "files": len(os.listdir("/proc/self/fd"))}


@pytest.mark.parametrize("share", [0.1, pytest.param(1.0, marks=pytest.mark.slow)], ids=["quick", "full"])
async def test_nothing_crashes_and_nothing_leaks(relay_to, door, share, caplog, monkeypatch, tmp_path):
    caplog.set_level(logging.ERROR)
    for name in ("contoso_lab", "contoso_lab.relay", "contoso_lab.relay.websocket", "uvicorn.error"):
        caplog.set_level(logging.ERROR, logger=name)
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    monkeypatch.setattr(reconnect, "TRIES_AFTER_S", (0.0, 0.0, 0.0))
    monkeypatch.setattr(mended_transport, "QUIET_S", 0.01)
    monkeypatch.setattr(tape, "shared_worker", lambda: SimpleNamespace(fold=lambda path: None))
    hours = Hours()
    price = PriceTable().of("gpt-realtime-mini-2025-12-15")
    options = {
        "limits": Limits(tokens_per_minute=10**6, guesses_per_minute=10**9, calls_per_caller=100),
        "secret": SECRET, "clock": hours, "patience": Patience(goodbye_s=0.1), "dial_s": 5.0,
        "setup": lambda grant: Setup({"type": "realtime", "instructions": "Sell."}, tools={"weigh": Weigh()}),
        "tools": lambda grant, setup: ToolRunner(setup.tools),
        "ceilings": lambda grant: Ceilings(CallLimits(wall_s=3600, spend_usd=1e12, idle_s=3600), price),
    }  # fmt: skip
    before = held()
    async with Target() as target:
        async with relay_to(target.port, **options) as relay:
            logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # at WARNING each malformed head is a line
            storms: list[Storm] = []
            for number in range(2):
                if number == 1:
                    await quiet(relay, hours)
                    tracemalloc.start()
                    objects = len(gc.get_objects())
                storms.append(await storm_of(relay, target, number, share * SIZES[number]))
            await quiet(relay, hours)
            grown_bytes, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            grown_objects = len(gc.get_objects()) - objects
            await a_proper_call(relay, target)
            await desk_is_empty(relay.desk)
            assert len(relay.server.server_state.connections) == 0
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection("127.0.0.1", storms[0].port)
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                assert b'{"status":"ok","calls":0,' in await reader.read()
                writer.close()
        desk = relay.desk
        assert (len(desk.pumps), len(desk.gate.leases), len(desk._tasks)) == (0, 0, 0)
        hours.now_s += 10_000
        desk.tokens._tokens.sweep(at_s=hours.now_s)
        assert len(desk.tokens) == 0
    frames, handshakes = (
        sum((getattr(storm, name) for storm in storms), collections.Counter()) for name in ("frames", "handshakes")
    )
    assert (places(caplog.records), [repr(context)[:600] for context in unhandled]) == ({}, [])
    assert held() == before
    least = share if share == 1 else 0.9 * share  # a part of it is cut to whole numbers, many times
    enough = frames.total() >= least * FRAMES, handshakes.total() >= least * HANDSHAKES
    assert enough == (True, True), (frames, handshakes)
    assert grown_bytes < MOST_GROWN_BYTES
    assert grown_objects < MOST_GROWN_OBJECTS


async def test_guessing_in_a_storm_is_stopped_and_nothing_crashes(relay_to, door, caplog):
    answers: collections.Counter[int] = collections.Counter()
    async with Target() as target, relay_to(target.port, limits=Limits(guesses_per_minute=30)) as relay:
        for number in range(600):
            rng = random.Random(f"{SEED}/guess/{number}")
            decided = await relay.desk.admit(Handshake.from_scope(knocks.scope(rng)))
            answers[decided.status] += 1
    assert answers[429] > 100
    assert set(answers) == {401, 403, 410, 429}
    assert places(caplog.records) == {}


def test_a_recording_of_it_can_be_read(tmp_path):
    with Recorder.start(tmp_path) as recorder:
        recorder.write("s2c", b'{"type":"session.updated","session":{"more":' + b"[" * 490 + b"]" * 490 + b"}}")


async def quiet(relay: Any, hours: Hours) -> None:
    """Let all tokens be forgotten, and what the counting of wrong ones keeps for a minute."""
    hours.now_s += 10_000
    relay.token()
    storage = relay.desk.gate._windows.storage
    if storage.timer is not None:
        await storage.timer
    storage.events.clear()
    gc.collect()
