from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from contoso_lab.errors import RecordingError
from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.recorder import Recorder
from contoso_lab.relay.calls.call import Call


async def rest(socket) -> list[dict]:
    """Everything that still comes, until the close."""
    events = []
    try:
        while True:
            events.append(json.loads(await socket.recv()))
    except ConnectionClosed:
        return events


async def say_something(socket) -> None:
    await socket.send('{"type":"response.create"}')
    while json.loads(await socket.recv())["type"] != "response.done":
        pass


def recording_of(relay) -> Recording:
    recording = Recording.open(relay.recording)
    assert recording.problems == ()
    assert recording.manifest.status == "closed"
    return recording


@pytest.fixture
async def one_try(relay_to, target):
    """A relay that does not dial its target a second time."""
    async with relay_to(target.port, reconnects=False) as running:
        yield running


async def test_an_engine_that_is_killed_in_the_middle_of_a_call(one_try, target):
    relay = one_try
    async with relay.call() as socket:
        await say_something(socket)
        target.abort()
        [error] = await rest(socket)
    assert error["type"] == "error"
    assert error["error"]["code"] == "target_lost"
    assert "the connection to the target broke" in error["error"]["message"]
    assert socket.close_code == 1011
    assert "call again" in socket.close_reason
    recording = recording_of(relay)
    assert "target lost (1006)" in recording.manifest.end_reason
    assert len(recording.assistant_audio) == 1200  # all that was heard is there


@pytest.mark.parametrize(
    ("code", "reason", "client_code", "errors"),
    [(1000, "bye", 1000, 0), (4008, "session limit", 4008, 0), (1011, "out of memory", 1011, 1), (1001, "", 1001, 1)],
)
async def test_how_the_target_closed_reaches_the_client(one_try, target, code, reason, client_code, errors):
    relay = one_try
    async with relay.call() as socket:
        await say_something(socket)
        await target.close(code, reason)
        told = await rest(socket)
    assert len(told) == errors
    assert socket.close_code == client_code
    assert reason in socket.close_reason
    recording_of(relay)


async def test_the_last_words_of_a_target_are_heard(relay, target):
    async with relay.call() as socket:
        await say_something(socket)
        for number in range(50):
            await target.connections[0].send(json.dumps({"type": "error", "n": number}))
        await target.close(4000, "over")
        told = await rest(socket)
    assert [event["n"] for event in told] == list(range(50))


@pytest.mark.parametrize(
    ("code", "reason", "target_code"), [(1000, "", 1000), (1001, "", 1001), (4001, "enough", 4001)]
)
async def test_how_the_client_closed_reaches_the_target(relay, target, code, reason, target_code):
    async with relay.call() as socket:
        await say_something(socket)
        await socket.send('{"type":"input_audio_buffer.commit"}')  # said just before it hung up
        await socket.close(code, reason)
    assert await target.closed.get() == (target_code, reason)
    assert target.types[-1] == "input_audio_buffer.commit"
    assert str(code) in recording_of(relay).manifest.end_reason


async def test_a_client_that_vanishes(relay, target):
    async with relay.call() as socket:
        await say_something(socket)
        [pump] = relay.desk.pumps
        socket.transport.abort()
        code, reason = await target.closed.get()
    await pump.finished.wait()
    assert (code, reason) == (1011, "the client went away without a goodbye")
    assert "client lost (1006)" in recording_of(relay).manifest.end_reason


async def test_an_engine_that_is_killed_is_dialled_again_and_the_call_goes_on(relay, target):
    async with relay.call() as socket:
        await say_something(socket)
        target.abort()
        told = []
        while not told or told[-1]["type"] != "lab.reconnected":
            told.append(json.loads(await socket.recv()))
        target.complaints.clear()  # it counts what it received over both connections
        assert told[0] == {"type": "lab.reconnecting", "reason": "connection_lost"}
        await say_something(socket)
    assert len(target.connections) == 2
    assert (await target.closed.get())[0] == 1006
    assert await target.closed.get() == (1000, "")
    assert len(recording_of(relay).assistant_audio) == 2400


async def test_a_resumable_client_that_vanishes_comes_back_and_misses_nothing(relay, target):
    async with relay.call(relay.token() + "&resumable=1") as socket:
        seen = []
        while not seen or seen[-1]["type"] != "response.done":
            seen.append(json.loads(await socket.recv()))
            if seen[-1]["type"] == "session.updated":
                await socket.send('{"type":"response.create"}')
        [resume] = [event for event in seen if event["type"] == "lab.resume"]
        received = sum(not event["type"].startswith("lab.") for event in seen)
        socket.transport.abort()  # the relay may or may not have noticed when it is back
    for number in range(3):
        await target.connections[0].send(json.dumps({"type": "rate_limits.updated", "n": number}))
    async with connect(f"{relay.ws_url}/api/realtime/ws?resume={resume['token']}&received={received}") as socket:
        told = [json.loads(await socket.recv()) for _ in range(4)]
        assert told[0]["type"] == "lab.resumed"
        assert [event["n"] for event in told[1:]] == [0, 1, 2]
        await say_something(socket)
    assert await target.closed.get() == (1000, "")


async def test_a_client_comes_back_while_the_relay_drains(relay_to, target):
    async with relay_to(target.port) as relay:
        async with relay.call(relay.token() + "&resumable=1") as socket:
            seen = [json.loads(await socket.recv())]
            while seen[-1]["type"] != "lab.resume":
                seen.append(json.loads(await socket.recv()))
            received = sum(not event["type"].startswith("lab.") for event in seen)
            socket.transport.abort()
        draining = asyncio.create_task(relay.desk.drain(30))
        await asyncio.sleep(0)
        back = f"{relay.ws_url}/api/realtime/ws?resume={seen[-1]['token']}&received={received}"
        async with connect(back) as socket:
            assert json.loads(await socket.recv())["type"] == "lab.resumed"
            await say_something(socket)
        await draining
    assert await target.closed.get() == (1000, "")


async def test_who_comes_back_to_nothing_is_told_so(relay):
    async with connect(f"{relay.ws_url}/api/realtime/ws?resume=guessed&received=3") as socket:
        assert await rest(socket) == []
    assert socket.close_code == 4410
    assert "begin another call" in socket.close_reason or "call anew" in socket.close_reason


async def test_a_drained_relay_lets_calls_end_by_themselves_and_takes_no_new_ones(relay_to, target):
    async with relay_to(target.port) as relay:
        async with relay.call() as socket:
            await say_something(socket)
            draining = asyncio.create_task(relay.desk.drain(30))
            await asyncio.sleep(0)
            async with relay.call() as late:
                assert await rest(late) == []
            assert late.close_code == 1001
            await say_something(socket)
        assert socket.close_code == 1000
        await draining
    assert await target.closed.get() == (1000, "")


async def test_a_drained_relay_does_not_wait_for_ever(relay_to, target):
    async with relay_to(target.port, drain_s=0.05) as relay:
        socket = await relay.call()
        await say_something(socket)
    assert await rest(socket) == []
    assert socket.close_code == 1001


async def test_both_vanish_at_once(relay, target):
    async with relay.call() as socket:
        await say_something(socket)
        [pump] = relay.desk.pumps
        socket.transport.abort()
        target.abort()
        await pump.finished.wait()
    recording_of(relay)


async def test_a_relay_that_stops_says_goodbye_to_both(relay_to, target):
    async with relay_to(target.port) as relay:
        sockets = [await relay.call() for _ in range(3)]
        for socket in sockets:
            await say_something(socket)
    for socket in sockets:
        assert await rest(socket) == []
        assert (socket.close_code, socket.close_reason) == (1001, "the relay is shutting down")
        assert (await target.closed.get())[0] == 1001
    for path in relay.runs.iterdir():
        recording = Recording.open(path)
        assert recording.problems == ()
        assert recording.manifest.end_reason == "the relay was shut down"


async def test_who_calls_while_it_stops_is_told_so(relay):
    await relay.desk.close_all()
    async with relay.call() as socket:
        assert await rest(socket) == []
    assert (socket.close_code, socket.close_reason) == (1001, "the relay is shutting down, call again later")


async def test_a_full_disk_does_not_end_the_call(relay, target, monkeypatch, caplog):
    async with relay.call() as socket:
        await say_something(socket)

        def full(*_):
            raise RecordingError(f"{relay.recording}: no space left on the disk; free some")

        monkeypatch.setattr(Recorder, "write", full)
        await socket.send('{"type":"response.create"}')
        told = []
        while not told or told[-1]["type"] != "response.done":
            told.append(json.loads(await socket.recv()))
        await say_something(socket)
        monkeypatch.undo()
    failures = [event for event in told if event["type"] == "lab.recording.failed"]
    assert len(failures) == 1
    assert "no space left" in failures[0]["message"]
    assert sum("recording.failed" in record.getMessage() for record in caplog.records) == 1
    assert target.types.count("response.create") == 3
    Recording.open(relay.recording)


async def test_a_folder_that_cannot_be_written_does_not_stop_the_call(relay_to, target, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a file where the folder should be", encoding="utf-8")
    async with relay_to(target.port, runs=in_the_way) as relay, relay.call() as socket:
        types = [json.loads(await socket.recv())["type"] for _ in range(3)]
        assert types == ["session.created", "lab.recording.failed", "session.updated"]
        await say_something(socket)


async def test_a_bug_of_ours_closes_both_sides_and_is_not_hidden(relay, target, monkeypatch, caplog):
    def buggy(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Call, "from_client", buggy)
    async with relay.call() as socket:
        await socket.send('{"type":"response.create"}')
        await rest(socket)
    assert socket.close_code == 1011
    assert (await target.closed.get())[0] == 1011
    assert recording_of(relay).manifest.end_reason == "the relay failed"
    # The web server reports it after the goodbyes.
    await asyncio.gather(*relay.server.server_state.tasks, return_exceptions=True)
    assert "ZeroDivisionError" in caplog.text


async def test_nothing_of_a_call_stays_behind(relay, target):
    before = len(asyncio.all_tasks())
    for _ in range(5):
        async with relay.call() as socket:
            await say_something(socket)
        await target.closed.get()
    await asyncio.sleep(0.05)
    assert len(asyncio.all_tasks()) <= before + 1
