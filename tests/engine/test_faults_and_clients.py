"""What our own client and the official one make of each fault, over real sockets.

The rule for ours: every turn is there once, in spoken order, with all its words; or the call ends with one sentence.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import websockets
from openai import AsyncOpenAI

from contoso_lab.audio import PCM16_24K, silence, tone
from contoso_lab.engine.faults import (
    FAULTS,
    ActiveResponse,
    CoalescedFrames,
    CutAudioTail,
    DropMidTurn,
    DuplicatedEvent,
    Fault,
    Faulty,
    HugeEvent,
    LateTranscript,
    MalformedJson,
    MissingTranscript,
    RateLimited,
    RefusedTruncate,
    SessionExpiry,
    SlowReader,
    SplitFrames,
    StalledStream,
    UnorderedTranscripts,
)
from contoso_lab.engine.script import Script
from contoso_lab.engine.scripted import scripted_engine
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving
from contoso_lab.errors import SessionClosed, SessionRefused
from contoso_lab.session import Session, join
from contoso_lab.settings import Target

SCRIPT = Script.model_validate({"parts": "plain", "brain": ["Good day.", "One.", "Two."], "ear": ["one", "two"]})
QUICK = {
    "type": "realtime",
    "audio": {
        "input": {
            "transcription": {"model": "whisper-1"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 200},
        }
    },
}
TURN = [piece.to_bytes(PCM16_24K) for piece in (tone(300, hz=200) + silence(400)).chunks(40)]
WHOLE = [
    ("assistant", "Good day."),
    ("user", "one"),
    ("assistant", "One."),
    ("user", "two"),
    ("assistant", "Two."),
]


@asynccontextmanager
async def faulty(*faults: Fault) -> AsyncIterator[str]:
    app = create_app(scripted_engine(SCRIPT, Path("x.yaml"), pytest.fail))
    async with serving(Faulty(app, faults)) as url:
        yield url


async def until(session: Session, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        await session.until(holds)


async def hold(session: Session, turns: int = 2) -> None:
    """Let the assistant greet and take two turns, each once the one before it was heard."""
    await session.send({"type": "session.update", "session": QUICK})
    await session.greet()
    for turn in range(turns + 1):
        await until(session, lambda turn=turn: replies(session) > turn and session.quiet)  # type: ignore[misc]
        if turn < turns:
            for piece in TURN:
                await session.append(piece)


def replies(session: Session) -> int:
    return sum(turn.role == "assistant" and turn.status == "done" for turn in session.conversation.turns)


def told(session: Session) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in session.conversation.turns]


HARMLESS: list[tuple[Fault, tuple[str, ...]]] = [
    (LateTranscript(300), ()),
    (ActiveResponse(), ("conversation_already_has_active_response",)),
    (RefusedTruncate(), ()),
    (StalledStream(300), ()),
    (CutAudioTail(), ()),
    (DuplicatedEvent(), ()),
    (DuplicatedEvent("response.output_audio_transcript.delta"), ()),
    (DuplicatedEvent("conversation.item.added"), ()),
    (HugeEvent(), ()),
    (MalformedJson(), ("unreadable_message",)),
    (SplitFrames(), ()),
    (SplitFrames(7), ()),
    (CoalescedFrames(50), ()),
    (SlowReader(200_000), ()),
]
FATAL = {RateLimited.name, SessionExpiry.name, DropMidTurn.name}
TRANSCRIPTS = {MissingTranscript.name, UnorderedTranscripts.name}


def test_every_fault_is_tried() -> None:
    assert {fault.name for fault, _ in HARMLESS} | FATAL | TRANSCRIPTS == set(FAULTS)


@pytest.mark.parametrize(("fault", "errors"), HARMLESS, ids=lambda value: getattr(value, "name", ""))
async def test_our_client_loses_nothing(fault: Fault, errors: tuple[str, ...]) -> None:
    async with faulty(fault) as url, join(Target.local(f"{url}/v1")) as session:
        await hold(session)
        assert told(session) == WHOLE
        assert tuple(error.get("code") or error["type"] for error in session.errors) == errors


async def test_our_client_keeps_the_spoken_order_when_transcripts_change_places() -> None:
    async with faulty(UnorderedTranscripts()) as url, join(Target.local(f"{url}/v1")) as session:
        await session.send({"type": "session.update", "session": QUICK})
        for turn in range(2):
            for piece in TURN:
                await session.append(piece)
            await until(session, lambda turn=turn: replies(session) > turn and session._listener.idle)  # type: ignore[misc]
        await until(session, lambda: session.quiet)
        assert told(session) == [
            ("user", "one"),
            ("assistant", "Good day."),
            ("user", "two"),
            ("assistant", "One."),
        ]
        told_in_order = [turn.text async for turn in _first(session.turns(), 4)]
        assert told_in_order == ["one", "Good day.", "two", "One."]


async def test_our_client_goes_on_without_a_transcript_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contoso_lab.session.client.WORDS_PATIENCE_S", 0.2)
    async with faulty(MissingTranscript(1)) as url, join(Target.local(f"{url}/v1")) as session:
        await hold(session)
        assert told(session) == [WHOLE[0], ("user", ""), *WHOLE[2:]]
        assert [turn.text async for turn in _first(session.turns(), 5)] == [text for _, text in told(session)]


async def test_our_client_is_told_once_why_it_may_not_come_in() -> None:
    async with faulty(RateLimited(9)) as url:
        with pytest.raises(SessionRefused, match=r"\(429\): Rate limit reached for requests: please try again in 9s\."):
            async with join(Target.local(f"{url}/v1")):
                pass


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            DropMidTurn(),
            "session closed (1006 'the connection broke without a goodbye') after response.output_audio.delta",
        ),
        (
            SessionExpiry(0.3),
            "session closed (1001 'Your session hit the maximum duration of 0.005 minutes.') after error",
        ),
    ],
    ids=["drop", "expiry"],
)
async def test_our_client_is_told_once_how_the_call_ended(fault: Fault, sentence: str) -> None:
    async def call(url: str) -> None:
        async with join(Target.local(f"{url}/v1")) as session:
            await hold(session)
            await asyncio.Event().wait()

    async with faulty(fault) as url:
        with pytest.raises(SessionClosed) as closed:
            await call(url)
        assert str(closed.value) == sentence


async def test_our_client_believes_its_own_ears_when_a_truncation_is_refused() -> None:
    script = SCRIPT.model_copy(update={"brain": Script.model_validate({"brain": ["It is a long story. " * 6]}).brain})
    app = create_app(scripted_engine(script, Path("x.yaml"), pytest.fail))
    async with serving(Faulty(app, [RefusedTruncate()])) as url, join(Target.local(f"{url}/v1")) as session:
        await session.send({"type": "session.update", "session": QUICK})
        await session.greet()
        await until(session, lambda: replies(session) == 1)
        await asyncio.sleep(0.1)  # some of it has to be heard: playback runs in real time
        for piece in TURN[:8]:
            await session.append(piece)
        await until(session, lambda: bool(session.errors))
        (turn,) = [turn for turn in session.conversation.turns if turn.role == "assistant"]
        assert (turn.status, len(turn.heard) < len(turn.text)) == ("interrupted", True)
        assert "is already shorter than" in session.errors[0]["message"]


async def test_sound_that_comes_twice_is_played_once() -> None:
    async with (
        faulty(DuplicatedEvent("response.output_audio.delta")) as url,
        join(Target.local(f"{url}/v1")) as session,
    ):
        await hold(session, turns=0)
        (turn,) = session.conversation.turns
        assert turn.audio_ms == pytest.approx(60 * len("Good day."), abs=1)


# -- the official client ---------------------------------------------------------------------------


@asynccontextmanager
async def official(*faults: Fault) -> AsyncIterator[Any]:
    async with (
        faulty(*faults) as url,
        AsyncOpenAI(api_key="unused", base_url=f"{url}/v1", max_retries=0) as client,
        client.realtime.connect(model="local") as connection,
        asyncio.timeout(10),
    ):
        yield connection


async def replied(connection: Any, log: list[Any], count: int = 1) -> None:
    while sum(event.type == "response.done" for event in log) < count:
        log.append(await connection.recv())


async def turns(connection: Any) -> list[Any]:
    """Hold two turns; gives all events."""
    log: list[Any] = []
    await connection.session.update(session=QUICK)
    for turn in range(2):
        for piece in TURN:
            await connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())
        await replied(connection, log, turn + 1)
    return log


def finals(log: list[Any]) -> list[str]:
    name = "conversation.item.input_audio_transcription.completed"
    return [event.transcript for event in log if event.type == name]


@pytest.mark.parametrize(
    "fault",
    [SplitFrames(), SplitFrames(7), CoalescedFrames(50), SlowReader(200_000), HugeEvent(), StalledStream(200)],
    ids=lambda fault: f"{fault.name}",
)
async def test_the_official_client_does_not_notice(fault: Fault) -> None:
    async with official(fault) as connection:
        log = await turns(connection)
        said = [event.transcript for event in log if event.type == "response.output_audio_transcript.done"]
        assert said == ["Good day.", "One."]
        assert finals(log) == ["one", "two"]


async def test_the_official_client_sees_transcripts_as_they_come() -> None:
    for fault, seen in ((UnorderedTranscripts(), ["two", "one"]), (MissingTranscript(1), ["two"])):
        async with official(fault) as connection:
            assert finals(await turns(connection)) == seen
    async with official(LateTranscript(150)) as connection:
        log = await turns(connection)
        types = [event.type for event in log]
        name = "conversation.item.input_audio_transcription.completed"
        assert name not in types or types.index("response.done") < types.index(name)


async def test_the_official_client_counts_twice_what_comes_twice() -> None:
    async with official(DuplicatedEvent()) as connection:
        await connection.response.create()
        log: list[Any] = []
        await replied(connection, log, 2)
        first, second = (event for event in log if event.type == "response.done")
        assert first == second


async def test_the_official_client_gives_up_at_malformed_json() -> None:
    async with official(MalformedJson()) as connection:
        await connection.response.create()
        with pytest.raises(json.JSONDecodeError):
            await replied(connection, [])
        log: list[Any] = []
        await replied(connection, log)  # the connection itself is whole, and nothing was lost
        assert log[0].type == "response.output_audio.delta"


async def test_the_official_client_is_refused_in_the_shapes_it_knows() -> None:
    async with official(ActiveResponse()) as connection:
        await connection.response.create(event_id="mine")
        log: list[Any] = []
        while not log or log[-1].type != "error":
            log.append(await connection.recv())
        assert (log[-1].error.code, log[-1].error.event_id) == ("conversation_already_has_active_response", "mine")
        await connection.response.create()
        await replied(connection, log)
    async with official(RefusedTruncate()) as connection:
        await connection.response.create()
        log = []
        await replied(connection, log)
        item_id = log[-1].response.output[0].id
        await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=100)
        log.append(await connection.recv())
        assert log[-1].error.message == "Audio content of 99ms is already shorter than 100ms"


async def test_the_official_client_hears_a_shorter_reply_when_its_tail_is_cut() -> None:
    async with official(CutAudioTail(200)) as connection:
        await connection.response.create()
        log: list[Any] = []
        await replied(connection, log)
        sound = b"".join(base64.b64decode(e.delta) for e in log if e.type == "response.output_audio.delta")
        assert PCM16_24K.duration_ms(sound) == 60 * len("Good day.") - 200
        assert log[-1].response.output[0].content[0].transcript == "Good day."


async def test_the_official_client_is_told_how_the_call_ended() -> None:
    async with official(SessionExpiry(0.2)) as connection:
        log: list[Any] = []
        with pytest.raises(websockets.ConnectionClosedOK) as expired:
            await replied(connection, log)
        assert log[-1].error.code == "session_expired"
        close = expired.value.rcvd
        assert close is not None
        assert (close.code, close.reason) == (1001, "Your session hit the maximum duration of 0.00333333 minutes.")
    async with official(DropMidTurn()) as connection:
        await connection.response.create()
        with pytest.raises(websockets.ConnectionClosedError) as dropped:
            await replied(connection, [])
        assert dropped.value.rcvd is None
    async with faulty(RateLimited(9)) as url, AsyncOpenAI(api_key="x", base_url=f"{url}/v1", max_retries=0) as client:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with client.realtime.connect(model="local"):
                pass
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["retry-after"] == "9"


async def test_fragments_and_segments_are_what_they_are_said_to_be() -> None:
    """A raw look at the bytes: continuation frames for one, several messages in one read for the other."""
    for fault in (SplitFrames(20), CoalescedFrames(150)):
        async with faulty(fault) as url:
            host, port = url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(
                b"GET /v1/realtime?model=m HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            await reader.readuntil(b"\r\n\r\n")
            async with asyncio.timeout(5):
                first = await reader.readexactly(2)
                if isinstance(fault, SplitFrames):
                    assert first == bytes([0x01, 20])  # text, not the last fragment
                    await reader.readexactly(20)
                    assert (await reader.readexactly(1))[0] in (0x00, 0x80)  # a continuation
                else:
                    assert first[0] == 0x81
                    rest = await reader.read(1 << 16)
                    assert b"session.created" in rest
                    assert b"conversation." in rest or b"session." in rest
            writer.close()
            await writer.wait_closed()


async def test_a_slow_reader_really_is_slow() -> None:
    began = time.monotonic()
    async with official(SlowReader(50_000)) as connection:
        await connection.input_audio_buffer.append(audio=base64.b64encode(bytes(7_500)).decode())  # 10 kB of JSON
        await connection.response.create()
        await replied(connection, [])
    assert time.monotonic() - began > 0.19


async def _first(turns: AsyncIterator[Any], count: int) -> AsyncIterator[Any]:
    async with asyncio.timeout(10):
        for _ in range(count):
            yield await anext(turns)
