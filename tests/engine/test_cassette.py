from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from contoso_lab.engine.__main__ import main
from contoso_lab.engine.cassette import Cassette
from contoso_lab.engine.cassette_server import cassette_app
from contoso_lab.engine.playing import Play
from contoso_lab.engine.rehearsal import Rehearsed, rehearse_script
from contoso_lab.engine.script import load_script
from contoso_lab.engine.serving import serving
from contoso_lab.recording import Recorder

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
    assert main(["--cassette", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"cannot play the cassette {tmp_path}: {tmp_path} is no recording: it holds neither manifest.json nor "
        "events.jsonl\n"
    )
    with Recorder.start(tmp_path, id="empty"):
        pass
    assert main(["--cassette", str(tmp_path / "empty")]) == 2
    assert "holds no server events: nothing can be played" in capsys.readouterr().err
