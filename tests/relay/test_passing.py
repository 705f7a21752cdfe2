from __future__ import annotations

import asyncio
import base64
import json

import pytest
from openai import AsyncOpenAI

from contoso_lab.recording.bundle import Recording

BAD_BASE64 = '{"type":"input_audio_buffer.append","audio":"%"}'


async def opened(socket) -> dict:
    """Read the greeting; returns the recording's event."""
    assert json.loads(await socket.recv())["type"] == "session.created"
    recording = json.loads(await socket.recv())
    assert recording["type"] == "lab.recording"
    assert json.loads(await socket.recv())["type"] == "session.updated"
    return recording


async def test_the_official_client_talks_through_the_door(relay, target, key, session):
    async with (
        AsyncOpenAI(api_key=relay.token(), websocket_base_url=f"{relay.ws_url}/v1") as client,
        client.realtime.connect(model="whatever") as connection,
    ):
        await connection.input_audio_buffer.append(audio=base64.b64encode(bytes(4800)).decode())
        await connection.response.create()
        seen = []
        async for event in connection:
            seen.append(event.type)
            if event.type == "response.done":
                break
    assert seen == [
        "session.created", "lab.recording", "session.updated", "response.created", "response.output_audio.delta",
        "response.done",
    ]  # fmt: skip
    assert target.path == "/v1/realtime?model=fake-model"
    assert target.headers["authorization"] == f"Bearer {key}"
    assert target.types == ["session.update", "input_audio_buffer.append", "response.create"]
    assert target.events[0]["session"] == session
    assert await target.closed.get() == (1000, "")
    recording = Recording.open(relay.recording)
    assert recording.problems == ()
    assert recording.manifest.status == "closed"
    assert recording.manifest.session == session
    assert recording.manifest.scenario == "first_call"
    assert recording.user_audio.duration_ms == 100
    assert len(recording.assistant_audio) == 1200


async def test_a_loopback_client_learns_where_it_is_recorded(relay):
    async with relay.call() as socket:
        event = await opened(socket)
        assert event["id"] == relay.recording.name
        assert event["path"] == str(relay.recording)


async def test_a_client_elsewhere_learns_the_name_only(relay):
    async with relay.call(additional_headers={"X-Forwarded-For": "203.0.113.5"}) as socket:
        assert (await opened(socket)).keys() == {"type", "id"}


def raw_event(length: int) -> str:
    """An event of our own making that no serialiser would write in this way."""
    head, tail = '{ "type":"conversation.item.create" , "x": 1.50, "é":"', '"  }'
    return head + "z" * (length - len(head) - len(tail)) + tail


@pytest.mark.parametrize("length", [200, 8_192, 8_193, 70_000, 1_048_576])
async def test_one_message_in_is_one_message_out_byte_for_byte(relay, target, length):
    up, down = raw_event(length), raw_event(length).replace("item.create", "item.added")
    async with relay.call() as socket:
        await opened(socket)
        await socket.send(up)
        await socket.send(json.dumps({"type": "test.say", "raw": down}))
        assert await socket.recv() == down
    assert target.received[1] == up
    assert len(target.received) == 3


async def test_a_fragmented_message_arrives_as_one(relay, target):
    up = raw_event(10_000)
    async with relay.call() as socket:
        await opened(socket)
        await socket.send([up[:10], up[10:5000], up[5000:]])
        await socket.send(json.dumps({"type": "test.say", "raw": '{"type":"x"}'}))
        await socket.recv()
    assert target.received[1] == up


@pytest.mark.parametrize(
    "garbage",
    ["\x00garbage " * 104_858, "[" * 1_048_576, bytes(range(256)) * 4096, BAD_BASE64],
    ids=["text", "nested", "binary", "bad base64"],
)
async def test_a_garbage_frame_reaches_the_target_and_the_call_goes_on(relay, target, garbage):
    async with relay.call() as socket:
        await opened(socket)
        await socket.send(garbage)
        if len(garbage) > 1000:
            assert json.loads(await socket.recv())["type"] == "error"
        await socket.send('{"type":"response.create"}')
        assert json.loads(await socket.recv())["type"] == "response.created"
    await target.closed.get()
    assert target.received[1] == garbage
    if len(garbage) > 1000:
        [noted] = [line["ev"] for line in relay.lines() if line["ev"]["type"] == "frame.unparsed"]
        assert noted["bytes"] == len(garbage)
    assert Recording.open(relay.recording).problems == ()


async def test_a_message_beyond_the_limit_ends_the_call_with_1009(relay, target):
    async with relay.call() as socket:
        await opened(socket)
        try:
            await socket.send("x" * (16 * 2**20 + 1))
        except Exception:  # noqa: BLE001, S110 - the relay may hang up before the last byte is sent
            pass
        await socket.wait_closed()
    assert socket.close_code in (1009, 1006)  # the code may be lost with the bytes that nobody read
    assert (await target.closed.get())[0] == 1009
    assert any(line["ev"]["type"] == "frame.unparsed" for line in relay.lines())
    assert "1009" in relay.manifest()["end_reason"]


async def test_local_events_are_recorded_and_never_reach_the_target(relay, target):
    local = {"type": "playback.started", "item_id": "i1", "response_id": "r1", "client_ms": 12.5}
    async with relay.call() as socket:
        await opened(socket)
        await socket.send(json.dumps({"type": "lab.local", "event": local}))
        await socket.send('{"type":"response.create"}')
        assert json.loads(await socket.recv())["type"] == "response.created"
    await target.closed.get()
    assert target.types == ["session.update", "response.create"]
    assert local in [line["ev"] for line in relay.lines() if line["dir"] == "local"]


async def test_the_clients_session_update_cannot_change_the_persona(relay, target):
    update = {"type": "session.update", "session": {"type": "realtime", "instructions": "be rude", "tools": [{}]}}
    async with relay.call() as socket:
        await opened(socket)
        await socket.send(json.dumps(update))
        assert json.loads(await socket.recv())["type"] == "session.updated"
    assert target.events[1]["session"] == {"type": "realtime"}


async def test_a_relay_can_let_clients_instruct(relay_to, target):
    update = '{"type":"session.update","session":{"instructions":"be rude"}}'
    async with relay_to(target.port, client_may_instruct=True) as relay, relay.call() as socket:
        await opened(socket)
        await socket.send(update)
        await socket.recv()
    assert target.received[1] == update


async def test_a_relay_that_does_not_record(relay_to, target):
    async with relay_to(target.port, runs=None) as relay, relay.call() as socket:
        assert json.loads(await socket.recv())["type"] == "session.created"
        assert json.loads(await socket.recv())["type"] == "session.updated"


async def test_two_calls_do_not_mix(relay, target):
    async with relay.call() as one, relay.call() as two:
        await asyncio.gather(opened(one), opened(two))
        for name, socket in (("one", one), ("two", two)):
            await socket.send(json.dumps({"type": "test.say", "raw": f'{{"type":"{name}"}}'}))
        assert await one.recv() == '{"type":"one"}'
        assert await two.recv() == '{"type":"two"}'
    assert len(list(relay.runs.iterdir())) == 2


async def test_a_client_that_does_not_read_holds_up_the_target(relay, target):
    """What the target says waits in its own socket, not in our memory: each side's buffers, and no more."""
    block = json.dumps({"type": "response.output_text.delta", "delta": "z" * 2**20})
    async with relay.call(max_queue=1, close_timeout=0.2) as socket:
        await opened(socket)
        connection = target.connections[0]
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while sent < 200:
                await connection.send(block)
                sent += 1

        flooding = asyncio.create_task(flood())
        progress = -1
        while progress != sent:  # until it stands still
            progress = sent
            await asyncio.sleep(0.3)
        assert 0 < sent < 60
        for _ in range(sent):
            assert await socket.recv() == block
        flooding.cancel()
