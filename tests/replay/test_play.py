"""Playing a call again: who calls, what goes along, and what cannot be played."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import PCM16_24K, Clip, to_base64, tone
from contoso_lab.errors import RecordingError, ReplayError, ShopError
from contoso_lab.recording import Labels, Recorder, Recording
from contoso_lab.replay import Paced, Rescore, replay_call
from contoso_lab.session import Caller, WriteUpDesk
from contoso_lab.settings import Target

CHAT = Target.local("http://127.0.0.1:9/v1")
NOBODY = "http://127.0.0.1:9"
SPOKEN = tone(120)


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Recording]:
    def record(id: str = "first", *, sound: Clip | None = SPOKEN, **manifest: Any) -> Recording:
        manifest = {"customer": "maya", "scenario": "tent", "persona": "voice", "synthetic": True, **manifest}
        with Recorder.start(tmp_path / "runs", id=id, **manifest) as recorder:
            for piece in sound.chunks(40) if sound is not None else ():
                audio = to_base64(piece.to_bytes(PCM16_24K))
                recorder.write("c2s", {"type": "input_audio_buffer.append", "audio": audio})
        return Recording.open(recorder.path)

    return record


class Relay:
    """Stands where the call is held: keeps who called, and records something."""

    def __init__(self, record: Callable[..., Recording]) -> None:
        self.record = record
        self.calls: list[dict[str, Any]] = []

    async def hold_call(self, relay_url: str, caller: Caller, **options: Any) -> Path:
        self.calls.append({"relay_url": relay_url, "caller": caller, **options})
        return self.record("second", replay_of=caller.replay_of, mode=caller.mode).path


@pytest.fixture
def relay(record, monkeypatch: pytest.MonkeyPatch) -> Relay:
    standing = Relay(record)
    monkeypatch.setattr("contoso_lab.replay.play.hold_call", standing.hold_call)
    return standing


async def test_rescoring_returns_the_recording_itself(record) -> None:
    source = record()
    again = await replay_call(source, relay_url=NOBODY, persona="voice", chat=CHAT, mode=Rescore())
    assert again is source


async def test_rescoring_opens_a_folder_and_asks_nobody(record, relay: Relay) -> None:
    source = record()
    again = await replay_call(str(source.path), relay_url=NOBODY, persona="voice", chat=CHAT, mode=Rescore())
    assert (again.id, relay.calls) == (source.id, [])


@pytest.mark.parametrize("mode", [None, Paced()], ids=["by default", "asked for"])
async def test_the_same_customer_calls_again(record, relay: Relay, mode: Paced | None) -> None:
    source = record()
    heard: list[str] = []

    def on_turn(turn: Any, at_ms: float) -> None:
        heard.append(turn.heard)

    again = await replay_call(
        source, relay_url="http://relay", persona="voice_brief", chat=CHAT, mode=mode, on_turn=on_turn
    )
    [call] = relay.calls
    caller = call["caller"]
    assert (call["relay_url"], call["persona"], call["on_turn"]) == ("http://relay", "voice_brief", on_turn)
    assert (caller.customer, caller.scenario, caller.synthetic) == ("maya", "tent", True)
    assert (caller.replay_of, caller.mode) == ("first", "paced")
    assert caller.clip == source.user_audio
    assert caller.clip.duration_ms == SPOKEN.duration_ms
    desk = call["desk"]
    assert isinstance(desk, WriteUpDesk)
    assert (desk.target, desk.customer.id) == (CHAT, "maya")
    assert (again.id, again.manifest.replay_of, again.manifest.mode) == ("second", "first", "paced")


async def test_a_recording_without_a_scenario_is_its_own(record, relay: Relay) -> None:
    await replay_call(record(scenario=None), relay_url=NOBODY, persona="voice", chat=CHAT)
    assert relay.calls[0]["caller"].scenario == "first"


async def test_labels_go_along(record, relay: Relay) -> None:
    source = record()
    labels = Labels(customer="maya", products={"TEN-02": 3}, cue_turn=1)
    source.add_labels(labels)
    again = await replay_call(source, relay_url=NOBODY, persona="voice", chat=CHAT)
    assert again.labels() == labels


async def test_without_labels_none_are_made_up(record, relay: Relay) -> None:
    again = await replay_call(record(), relay_url=NOBODY, persona="voice", chat=CHAT)
    assert again.labels() is None


async def test_nothing_to_play(record, relay: Relay) -> None:
    source = record(sound=None)
    with pytest.raises(ReplayError, match="nothing to play again, the recording holds no customer audio"):
        await replay_call(source, relay_url=NOBODY, persona="voice", chat=CHAT)
    assert relay.calls == []


@pytest.mark.parametrize("manifest", ["empty", "missing"])
async def test_nobody_to_call(record, relay: Relay, manifest: str) -> None:
    source = record(customer="")
    place = source.path / "manifest.json"
    if manifest == "missing":
        page = json.loads(place.read_text(encoding="utf-8"))
        del page["customer"]
        place.write_text(json.dumps(page), encoding="utf-8")
    with pytest.raises(ReplayError, match='the manifest names no customer; add "customer" to manifest.json'):
        await replay_call(source.path, relay_url=NOBODY, persona="voice", chat=CHAT)


async def test_a_customer_that_the_shop_does_not_know(record, relay: Relay) -> None:
    with pytest.raises(ShopError, match="zoe"):
        await replay_call(record(customer="zoe"), relay_url=NOBODY, persona="voice", chat=CHAT)
    assert relay.calls == []


async def test_what_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is no recording"):
        await replay_call(tmp_path, relay_url=NOBODY, persona="voice", chat=CHAT)
