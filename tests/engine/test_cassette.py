from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import websockets
from openai import AsyncOpenAI

from contoso_lab.audio import ALAW_8K, PCM16_24K, ULAW_8K, AudioFormat, to_base64
from contoso_lab.engine.__main__ import main
from contoso_lab.engine.cassette import Cassette
from contoso_lab.engine.cassette_server import cassette_app
from contoso_lab.engine.dialects import hears
from contoso_lab.engine.playing import Play
from contoso_lab.engine.rehearsal import Rehearsed, rehearse_script
from contoso_lab.engine.script import load_script
from contoso_lab.engine.serving import serving
from contoso_lab.recording import Recorder, Recording
from contoso_lab.wire import Dialect, dump, from_beta

HOME = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rehearsed]:
    root = tmp_path_factory.mktemp("runs")
    script = load_script(HOME / "evals/scripts/two_tents.yaml")
    rehearsed = rehearse_script(script, record=lambda clock: Recorder.start(root, id="tape", clock_ns=clock))
    return root / "tape", rehearsed


def without_stamps(events: list[dict[str, Any]]) -> list[str]:
    return [json.dumps(event, sort_keys=True) for event in events]


def test_a_client_that_does_the_same_gets_the_same(recorded: tuple[Path, Rehearsed]) -> None:
    path, rehearsed = recorded
    player = Cassette.load(path).player()
    got: list[dict[str, Any]] = []
    late: list[float] = []
    for moment in rehearsed.moments:
        got += player.due(at_ms=moment.at_ms)
        if moment.dir == "c2s":
            got += player.receive(moment.event, at_ms=moment.at_ms)
            got += player.due(at_ms=moment.at_ms)
        else:
            late.append(moment.at_ms)
    got += player.due(at_ms=1e9)
    sent = [moment.event for moment in rehearsed.moments if moment.dir == "s2c"]
    assert player.finished
    assert sorted(without_stamps(got)) == sorted(without_stamps(sent))  # all of it, sound and ids to the byte
    housekeeping = {"session.updated", "conversation.item.truncated"}
    reel = [event for event in got if event["type"] not in housekeeping]
    assert reel == [event for event in sent if event["type"] not in housekeeping]


def test_the_reel_waits_for_the_client(recorded: tuple[Path, Rehearsed]) -> None:
    player = Cassette.load(recorded[0]).player()
    assert player.due(at_ms=1e6)[0]["type"] == "session.created"
    assert player.next_due_ms() is None  # until the client asks for a reply
    player.receive({"type": "response.create"}, at_ms=1e6)
    greeted = player.due(at_ms=2e6)
    assert greeted[0]["type"] == "response.created"
    assert greeted[-1]["type"] == "response.done"
    assert player.next_due_ms() is None  # until the caller has spoken
    assert not player.finished
    assert [e["type"] for e in player.receive({"type": "session.update"}, at_ms=2e6)] == ["session.updated"]
    assert player.receive({"type": "session.update"}, at_ms=2e6) == []  # there was only one


async def test_the_official_client_hears_the_recording(recorded: tuple[Path, Rehearsed]) -> None:
    path, rehearsed = recorded
    app = cassette_app(Cassette.load(path))
    async with serving(app) as url, AsyncOpenAI(api_key="x", base_url=f"{url}/v1") as client:
        async with client.realtime.connect(model="any") as connection, asyncio.timeout(10):
            await connection.response.create()
            heard = ""
            async for event in connection:
                if event.type == "response.output_audio.delta":
                    heard += event.delta
                if event.type == "response.done":
                    break
        assert event.response.id in {
            moment.event["response"]["id"] for moment in rehearsed.moments if moment.event["type"] == "response.done"
        }
        first = next(m.event for m in rehearsed.moments if m.event["type"] == "response.output_audio.delta")
        assert heard.startswith(first["delta"])


def test_a_script_can_name_a_cassette(recorded: tuple[Path, Rehearsed], tmp_path: Path) -> None:
    path = tmp_path / "tape.yaml"
    path.write_text(f"cassette: {recorded[0]}\n", "utf-8")
    play = Play.read(script=path, cassette=None, faults=())
    assert play.cassette is not None
    assert play.script is None


def test_no_recording_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", "--cassette", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"cannot play the cassette {tmp_path}: {tmp_path} is no recording: it holds neither manifest.json nor "
        "events.jsonl\n"
    )
    with Recorder.start(tmp_path, id="empty"):
        pass
    assert main(["--port", "0", "--cassette", str(tmp_path / "empty")]) == 2
    assert "holds no server events: nothing can be played" in capsys.readouterr().err


# other dialects, other formats, other recorders


def make_tape(root: Path, caller: Any, dialect: Dialect) -> tuple[Path, list[str]]:
    """One call by hand, written down as a relay does it; gives the recording and what the server sent."""
    sent: list[str] = []
    recorder = Recorder.start(root, id="relayed", clock_ns=lambda: round(1e6 * caller.now_ms))
    send, take = caller.send, caller._take

    def heard(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for event in events:
            if hears(dialect, event["type"]):
                sent.append(dump(event, dialect=dialect))
                recorder.write("s2c", sent[-1])
        return events

    def recorded_send(type: str, **fields: Any) -> list[dict[str, Any]]:
        recorder.write("c2s", dump({"type": type, **fields}, dialect=dialect))
        return send(type, **fields)  # type: ignore[no-any-return]

    caller.send, caller._take = recorded_send, lambda outputs: heard(take(outputs))
    recorder.write("local", {"type": "lab.local", "event": {"type": "call.began"}})
    heard(caller.log)
    caller.update(audio={"input": {"format": caller.fmt.to_wire()}, "output": {"format": caller.fmt.to_wire()}})
    caller.say("How much is it?")
    caller.answer("It is five dollars.")
    caller.send(
        "conversation.item.create",
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hm"}]},
    )
    caller.send("response.create", response={"output_modalities": ["text"]})
    caller.answer("Well?")
    recorder.close("the caller left")
    return recorder.path, sent


def replayed(path: Path, dialect: Dialect) -> list[str]:
    """What a cassette sends to a client that does what the recorded one did."""
    player, got = Cassette.load(path).player(), []
    for event in Recording.open(path).events:
        now_ms = event.t_ms
        got += player.due(at_ms=now_ms)
        if event.dir == "c2s":
            data = from_beta(event.ev)
            if isinstance(data.get("audio"), dict):
                fmt = ULAW_8K if event.t_ms and data["audio"]["len"] <= 160 else PCM16_24K
                data = {**data, "audio": to_base64(bytes(data["audio"]["len"] * fmt.bytes_per_sample))}
            got += player.receive(data, at_ms=now_ms)
    got += player.due(at_ms=1e9)
    assert player.finished
    return [dump(event, dialect=dialect) for event in got if hears(dialect, event["type"])]


@pytest.mark.parametrize("fmt", [PCM16_24K, ULAW_8K, ALAW_8K])
@pytest.mark.parametrize("dialect", ["ga", "beta"])
def test_a_relayed_call_is_played_to_the_byte(
    tmp_path: Path, new_caller: Any, fmt: AudioFormat, dialect: Dialect
) -> None:
    caller = new_caller()
    caller.fmt = fmt
    path, sent = make_tape(tmp_path, caller, dialect)
    assert sorted(replayed(path, dialect)) == sorted(sent)


def test_the_reel_waits_for_narrow_sound_byte_by_byte(tmp_path: Path, new_caller: Any) -> None:
    caller = new_caller()
    caller.fmt = ULAW_8K
    cassette = Cassette.load(make_tape(tmp_path, caller, "ga")[0])
    spoken = next(frame for frame in cassette.frames if frame.event["type"] == "input_audio_buffer.speech_started")
    stopped = next(frame for frame in cassette.frames if frame.event["type"] == "input_audio_buffer.speech_stopped")
    # Speech is noticed after a tenth of a second, and its end after a second of speech and half a second of silence.
    assert 8 * 96 <= spoken.sound_bytes <= 8 * 200
    assert 8 * 1500 <= stopped.sound_bytes <= 8 * 1640


def test_a_session_that_changes_its_format_is_played_in_both(tmp_path: Path, new_caller: Any) -> None:
    caller = new_caller()
    path, sent = make_tape(tmp_path / "one", caller, "ga")
    assert len(sent) == len(replayed(path, "ga"))
    caller = new_caller()
    sounds = []
    recorder = Recorder.start(tmp_path, id="two", clock_ns=lambda: round(1e6 * caller.now_ms))
    for fmt in (PCM16_24K, ULAW_8K):
        for event in [
            *caller.update(audio={"output": {"format": fmt.to_wire()}}),
            *caller.send("response.create", response={"conversation": "none"}),
            *caller.answer("Good day."),
        ]:
            recorder.write("s2c", dump(event))
            if event["type"] == "response.output_audio.delta":
                sounds.append(event["delta"])
    recorder.close()
    played = [frame.event["delta"] for frame in Cassette.load(tmp_path / "two").frames if "delta" in frame.event]
    assert [delta for delta in played if delta in sounds] == sounds


async def test_a_beta_client_hears_no_ga_names_from_a_cassette(tmp_path: Path, new_caller: Any) -> None:
    path, _ = make_tape(tmp_path, new_caller(), "ga")
    async with serving(cassette_app(Cassette.load(path))) as url:
        address = f"{url.replace('http', 'ws', 1)}/v1/realtime?model=m"
        async with (
            asyncio.timeout(5),
            websockets.connect(address, additional_headers={"OpenAI-Beta": "realtime=v1"}) as raw,
        ):
            created = json.loads(await raw.recv())
            assert created["session"]["output_audio_format"] == "pcm16"
            await raw.send(json.dumps({"type": "session.update", "session": {}}))
            quiet = to_base64(bytes(PCM16_24K.byte_count(5000)))
            await raw.send(json.dumps({"type": "input_audio_buffer.append", "audio": quiet}))
            names: list[str] = []
            while "response.done" not in names:
                names.append(json.loads(await raw.recv())["type"])
    assert "response.audio.delta" in names
    assert not [name for name in names if "output_audio." in name or name == "conversation.item.done"]
