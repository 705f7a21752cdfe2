"""A call through a real relay to a real engine, and every replay of it the same way, with sockets and real clocks.

The parts of the engine are deterministic. What is compared leaves out what counts a session as a whole: ids, tokens,
rate limits, and times.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as websocket

from contoso_lab.audio import PCM16_24K, Clip, silence, to_base64, tone
from contoso_lab.engine.server import create_app
from contoso_lab.errors import ReplayError, SessionRefused
from contoso_lab.listening import Server, bind, url_of
from contoso_lab.live.own_relay import own_relay
from contoso_lab.recording import Manifest, Recording
from contoso_lab.recording.check import check_recording
from contoso_lab.recording.forget import forget_recordings
from contoso_lab.replay import Cassette, Changes, Fast, Paced, Rescore, fork, play, simulate
from contoso_lab.replay.agent import agent_for
from contoso_lab.replay.play import replay
from contoso_lab.replay.scenario import Scenario, Temper
from contoso_lab.scoring.value import mode_of
from contoso_lab.session import connect
from contoso_lab.session.call import recorded_at, talk
from contoso_lab.session.door import fetch_token
from contoso_lab.settings import Target
from tests.replay.conftest import plain_engine
from tests.replay.test_fork import canonical

PAUSE_MS = 2000
CONSENT, UNTIL = "Maya said yes when she was asked", "2026-01-01"


def clip() -> Clip:
    """Two lines, short enough to be spoken in real time."""
    return silence(2000) + tone(1200, hz=110.0) + silence(PAUSE_MS) + tone(1800, hz=110.0) + silence(PAUSE_MS)


@asynccontextmanager
async def served_engine() -> AsyncIterator[Target]:
    ready = asyncio.Event()
    server = Server(create_app(plain_engine()), on_ready=ready.set)
    with bind("127.0.0.1", 0) as bound:
        task = asyncio.create_task(server.serve(sockets=[bound]))
        await ready.wait()
        try:
            yield Target.local(f"{url_of(bound)}/v1")
        finally:
            server.should_exit = True
            await task
            await asyncio.sleep(0.05)  # a socket is closed a turn of the loop after it was told to


@asynccontextmanager
async def relay_before(target: Target, runs: Path) -> AsyncIterator[str]:
    blank = Recording(runs, Manifest(id="blank", customer="maya", persona="voice"))
    async with own_relay(target, agent_for(blank, Changes(persona="voice")), runs) as url:
        yield url


def only(runs: Path) -> Recording:
    [place] = runs.iterdir()
    return Recording.open(place)


def said(recording: Recording) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in recording.conversation.turns]


def heard_of_server(recording: Recording, *, from_speech: int, audio_from_ms: float = 0.0) -> list[Any]:
    """The server's events from the n-th time that the customer speaks, without times."""
    starts = [event.t_ms for event in recording.events if event.type == "input_audio_buffer.speech_started"]
    found = canonical(recording, from_ms=starts[from_speech], audio_from_ms=audio_from_ms)
    return [event for _, event in found]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One call, and all that is made of it, at the same time: they wait most of theirs."""
    runs = tmp_path_factory.mktemp("relayed")
    caller = Scenario(
        name="tent", customer="maya", opening="Hi, I am looking for a tent.", closing="Goodbye!", otherwise=(),
        temper=Temper(patience_s=6),
    )  # fmt: skip

    async def all_of_it() -> dict[str, Any]:
        async with served_engine() as target, relay_before(target, runs) as relay:
            about = {"scenario": "tent", "consent": CONSENT, "keep_until": UNTIL}
            async with connect(relay, persona="voice", customer="maya", **about) as session:
                await talk(session, clip(), synthetic=True)
            call = Recording.open(recorded_at(session))
            first: dict[str, Any] = {
                "fast": replay(call, Fast(), relay_url=relay),
                "paced": replay(call, Paced(), relay_url=relay),
                "fork": fork(call, at=1, changes=Changes(), mode=Paced(), target=target, through=own_relay, runs=runs),
            }
            then: dict[str, Any] = {
                "caller": simulate(caller, relay_url=relay),
                "chat": simulate(caller.model_copy(update={"most_turns": 3}), relay_url=relay, chat=target),
                "direct": fork(call, at=1, changes=Changes(), mode=Paced(), target=target, runs=runs),
                "changed": replay(
                    call, Fast(), changes=Changes(persona="voice_brief", without=("TEN-02",), tools=True),
                    target=target, through=own_relay, runs=runs,
                ),
            }  # fmt: skip
            made: dict[str, Any] = {}
            for each in (first, then):  # all at once would be too much for a small machine to hold in real time
                made |= dict(zip(each, await asyncio.gather(*each.values()), strict=True))
            cassette = await replay(call, Cassette(), runs=runs)
            return {"call": call, "rescore": await replay(call, Rescore()), "cassette": cassette, **made}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(play, "_opened", [plain_engine()])  # the simulated callers' voice, without a model
        return asyncio.run(all_of_it())


def test_the_call_is_whole(played: dict[str, Any]) -> None:
    call: Recording = played["call"]
    assert check_recording(call.path).sound
    assert [role for role, _ in said(call)] == ["assistant", *["user", "assistant"] * 2]


@pytest.mark.parametrize("mode", ["rescore", "cassette", "fast", "paced", "caller"])
def test_it_replays_in_every_mode(played: dict[str, Any], mode: str) -> None:
    again: Recording = played[mode]
    assert again.problems == ()
    assert mode_of(again) == ("live" if mode == "rescore" else mode)
    if mode == "caller":
        assert [role for role, _ in said(again)] == ["assistant", *["user", "assistant"] * 2]
    else:
        assert said(again) == said(played["call"])


def test_a_cassette_of_it_is_the_same_to_the_bit(played: dict[str, Any]) -> None:
    for dir in ("s2c", "c2s"):
        recorded, again = (
            [(round(event.t_ms, 3), event.ev) for event in each.events if event.dir == dir]
            for each in (played["call"], played["cassette"])
        )
        assert again == recorded


@pytest.mark.parametrize("way", ["fork", "direct"])
def test_a_fork_without_a_change_reproduces_the_originals_events(played: dict[str, Any], way: str) -> None:
    call, branch = played["call"], played[way].branch
    from contoso_lab.replay.customer_turns import customer_turns

    cut_ms = customer_turns(call)[1].cut_ms
    original = heard_of_server(call, from_speech=1, audio_from_ms=cut_ms)
    again = heard_of_server(branch, from_speech=0)
    assert len(original) > 20
    assert again == original
    assert played[way].first_misfit is None


def test_a_relay_of_its_own_takes_every_change(played: dict[str, Any]) -> None:
    changed: Recording = played["changed"]
    assert (changed.manifest.persona, changed.manifest.replay_of) == ("voice_brief", played["call"].id)
    assert changed.conversation.turns[0].text == "Hello Maya. What are you planning?"
    assert not any("Meadow Four" in text for role, text in said(changed) if role == "assistant")
    assert len(changed.conversation.session["tools"]) == 3
    assert changed.manifest.catalogue_sha != played["call"].manifest.catalogue_sha


def test_a_chat_model_speaks_for_a_simulated_caller(played: dict[str, Any]) -> None:
    call: Recording = played["chat"]
    lines = [event.ev["text"] for event in call.events if event.type == "caller.said"]
    assert (lines[0], lines[-1], len(lines)) == ("Hi, I am looking for a tent.", "Goodbye!", 3)
    assert lines[1] not in ("", "Goodbye!"), "the engine's own brain was asked over REST"


def test_who_agreed_and_until_when_goes_from_the_token_into_the_recording(played: dict[str, Any]) -> None:
    call: Recording = played["call"]
    assert (call.manifest.consent, call.manifest.retention.keep_until) == (CONSENT, UNTIL)
    again: list[Recording] = [played[name] for name in ("cassette", "fast", "paced", "changed")]
    assert {(each.manifest.consent, each.manifest.retention.keep_until) for each in again} == {(CONSENT, UNTIL)}
    done = forget_recordings(call.path.parent, expired=True)
    assert done.clean, done.left
    assert {call.id, *(each.id for each in again)} <= set(done.recordings)
    assert not call.path.exists()


async def test_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    async with served_engine() as target, relay_before(target, tmp_path) as relay:
        with pytest.raises(SessionRefused, match="keep_until 'soon' is no time"):
            async with connect(relay, keep_until="soon"):
                pass


async def test_a_browser_that_is_gone_leaves_a_recording_that_says_so(tmp_path: Path) -> None:
    async with served_engine() as target, relay_before(target, tmp_path) as relay:
        token = await fetch_token(relay, persona="voice", customer="maya")
        socket = await websocket(f"{relay.replace('http', 'ws')}/api/realtime/ws?token={token}", compression=None)
        told = ""
        while "session.updated" not in told:
            told = str(await socket.recv())
        for piece in tone(400, hz=110.0).chunks(40):
            audio = to_base64(piece.to_bytes(PCM16_24K))
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        await socket.send(json.dumps({"type": "response.create"}))
        while "response.output_audio.delta" not in told:
            told = str(await socket.recv())
        socket.transport.abort()  # as when a laptop is closed: no goodbye
        while (call := only(tmp_path)).manifest.status == "open":  # noqa: ASYNC110 - only the folder tells that
            await asyncio.sleep(0.05)
    assert call.user_audio.duration_ms == 400
    assert "1006" in str(call.manifest.end_reason) or "gone" in str(call.manifest.end_reason), call.manifest.end_reason
    assert not [event for event in call.events if event.type == "call.ended"], "nobody said goodbye"


async def test_a_relay_of_its_own_needs_a_target(played: dict[str, Any]) -> None:
    with pytest.raises(ReplayError, match="through=… starts a relay before a target"):
        await replay(played["call"], Fast(), through=own_relay)
