"""Playing a call again: every mode, what goes along, and what cannot be played."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace as with_
from pathlib import Path
from typing import Any

import pytest

import contoso_lab as lab
from contoso_lab.audio import PCM16_24K, Clip, silence, to_base64, tone
from contoso_lab.engine.build import Engine
from contoso_lab.engine.clerk import Clerk
from contoso_lab.errors import RecordingError, ReplayError, ShopError
from contoso_lab.recording import Labels, Recorder, Recording
from contoso_lab.replay import Cassette, Changes, Divergence, Fast, Paced, Rescore
from contoso_lab.replay.customer_turns import customer_turns
from contoso_lab.replay.play import replay
from contoso_lab.scoring import latency, scorer
from contoso_lab.scoring.value import EAR_MODES, Score, mode_of
from tests.replay.conftest import LINES, plain_engine, record_call, spoken

NOBODY = "http://127.0.0.1:9"


def events(recording: Recording, dir: str = "s2c") -> list[tuple[float, dict[str, Any]]]:
    return [(event.t_ms, event.ev) for event in recording.events if event.dir == dir]


def verdicts(recording: Recording) -> list[tuple[bool, bool]]:
    found = [event.ev for event in recording.events if event.type == "replay.turn"]
    return [(ev["diverged"], ev["off_policy"]) for ev in found]


def texts(recording: Recording, role: str = "assistant") -> list[str]:
    return [turn.text for turn in recording.conversation.turns if turn.role == role]


# -- rescoring and cassettes ----------------------------------------------------------------------


async def test_rescoring_returns_the_recording_itself(call: Recording) -> None:
    assert await replay(call, Rescore()) is call
    assert (await replay(str(call.path), Rescore())).id == call.id


async def test_the_room_is_the_function(call: Recording) -> None:
    assert await lab.replay(call, lab.Rescore()) is call
    import contoso_lab.replay

    assert await contoso_lab.replay(call, contoso_lab.replay.Rescore()) is call  # type: ignore[operator]


async def test_a_cassette_gives_the_recorded_events_to_the_bit(call: Recording, tmp_path: Path) -> None:
    again = await replay(call, Cassette(), runs=tmp_path)
    assert again.problems == ()
    assert (mode_of(again), again.manifest.replay_of) == ("cassette", "first")
    for dir in ("s2c", "c2s"):
        assert events(again, dir) == events(call, dir)  # with their times, and the hashes of their sound
    assert again.user_audio == call.user_audio
    assert again.assistant_audio == call.assistant_audio


async def test_in_a_cassette_our_client_hears_and_reports_what_it_did_live(call: Recording, tmp_path: Path) -> None:
    again = await replay(call, Cassette(), runs=tmp_path)
    live, now = ([event for event in each.events if event.type.startswith("playback.")] for each in (call, again))
    assert [event.type for event in now] == [event.type for event in live]
    for before, after in zip(live, now, strict=True):
        assert after.t_ms == pytest.approx(before.t_ms, abs=0.05)  # the line's part, which a cassette has not
        assert after.ev | {"client_ms": 0} == before.ev | {"client_ms": 0}


async def test_an_interruption_is_cut_again_at_the_same_place(tmp_path: Path) -> None:
    clip = silence(3200) + tone(1200, hz=110) + silence(1000) + tone(1800, hz=110) + silence(3000)
    live = await record_call(tmp_path, clip=clip)
    again = await replay(live, Cassette(), runs=tmp_path)
    cuts = [[ev for _, ev in events(r, "c2s") if ev["type"] == "conversation.item.truncate"] for r in (live, again)]
    assert [len(cut) for cut in cuts] == [1, 1], "the customer spoke into the answer"
    [[before], [after]] = cuts
    assert after["item_id"] == before["item_id"]
    assert abs(after["audio_end_ms"] - before["audio_end_ms"]) <= 1  # the line's part, which a cassette has not
    assert [turn.heard for turn in again.conversation.turns] == [turn.heard for turn in live.conversation.turns]


async def test_a_client_that_is_deaf_shows_in_a_cassette(
    call: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contoso_lab.session.playback import Playback

    monkeypatch.setattr(Playback, "push", lambda *_, **__: None)
    again = await replay(call, Cassette(), runs=tmp_path)
    assert events(again) == events(call)
    assert not [event for event in again.events if event.type.startswith("playback.")]


async def test_a_cassette_without_a_server(tmp_path: Path) -> None:
    with Recorder.start(tmp_path, id="mute") as recorder:
        recorder.write("c2s", {"type": "response.create"})
    with pytest.raises(ReplayError, match="holds no events of a server"):
        await replay(recorder.path, Cassette(), runs=tmp_path)


# -- making answers again --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mode",
    [Fast(), Fast(forced=False), Paced(), Paced(forced=True)],
    ids=["fast", "fast free", "paced", "paced forced"],
)
async def test_the_same_agent_says_the_same_again(call: Recording, engine: Engine, tmp_path: Path, mode: Fast) -> None:
    again = await replay(call, mode, engine=engine, runs=tmp_path)
    assert again.problems == ()
    assert mode_of(again) == mode.name
    assert [(turn.role, turn.text) for turn in again.conversation.turns] == [
        (turn.role, turn.text) for turn in call.conversation.turns
    ]
    assert verdicts(again) == [(False, False)] * 4
    assert not again.turns["off_policy"].any()
    assert not [event for event in again.events if event.type == "error"]


async def test_paced_in_virtual_time_reproduces_the_call_to_the_bit(
    call: Recording, engine: Engine, tmp_path: Path
) -> None:
    again = await replay(call, Paced(), engine=engine, runs=tmp_path)
    for dir in ("s2c", "c2s"):
        assert [ev for _, ev in events(again, dir)] == [ev for _, ev in events(call, dir)]
        times = [[t_ms for t_ms, _ in events(each, dir)] for each in (again, call)]
        assert times[0] == pytest.approx(times[1], abs=0.01)  # one message more passed the line: what replays note


async def test_the_recorded_sound_is_sent_turn_by_turn(call: Recording, engine: Engine, tmp_path: Path) -> None:
    again = await replay(call, Fast(), engine=engine, runs=tmp_path)
    spans = [(turn.start_ms, turn.end_ms) for turn in customer_turns(call)]
    whole = Clip(call.user_audio.samples[:0], 24_000)
    for start_ms, end_ms in spans:
        whole = whole + call.user_audio[start_ms:end_ms]
    assert again.user_audio == whole
    types = [ev["type"] for _, ev in events(again, "c2s")]
    assert types.count("input_audio_buffer.commit") == 4
    assert not {ev["type"] for _, ev in events(again)} & {"input_audio_buffer.speech_started"}


class ForgetsMoney(Clerk):
    """Another agent: it never tells a price when it is asked for one."""

    async def reply(self, request: Any) -> Any:
        said = [message.content for message in request.messages if message.role == "user"]
        if said and "cost" in said[-1]:
            yield "I do not know that."
            return
        async for piece in super().reply(request):
            yield piece


@pytest.mark.parametrize("mode", [Fast(forced=False), Paced()], ids=["fast", "paced"])
async def test_after_the_first_divergence_turns_are_off_policy(call: Recording, tmp_path: Path, mode: Fast) -> None:
    again = await replay(call, mode, engine=with_(plain_engine(), brain=ForgetsMoney()), runs=tmp_path)
    assert verdicts(again) == [(False, False), (True, False), (False, True), (False, True)]
    frame = again.turns
    assert frame["off_policy"].tolist() == [False] * 5 + [True] * 4
    reason = next(event.ev["why"] for event in again.events if event.type == "replay.turn" and event.ev["diverged"])
    assert "does not name Meadow Four" in reason


@pytest.mark.parametrize("mode", [Fast(), Paced(forced=True)], ids=["fast", "paced"])
async def test_teacher_forced_every_turn_has_the_recorded_history(call: Recording, tmp_path: Path, mode: Fast) -> None:
    asked: list[list[tuple[str, str]]] = []

    class Watches(ForgetsMoney):
        quick = False

        async def reply(self, request: Any) -> Any:
            asked.append([(m.role, m.content) for m in request.messages if m.role != "system"])
            async for piece in super().reply(request):
                yield piece

    again = await replay(call, mode, engine=with_(plain_engine(), brain=Watches()), runs=tmp_path)
    recorded = [(turn.role, turn.text) for turn in call.conversation.turns]
    assert asked[-1] == recorded[:-1], "the last turn is answered after what was recorded, not after 'I do not know'"
    assert verdicts(again) == [(False, False), (True, False), (False, False), (False, False)]
    # What was really said is what a scorer reads, in order; what stands in for the recording is not said here.
    assert texts(again)[2] == "I do not know that."
    assert [turn.role for turn in again.conversation.turns] == ["assistant", *["user", "assistant"] * 4]


async def test_where_nothing_counts_as_divergence_nothing_is_off_policy(call: Recording, tmp_path: Path) -> None:
    lenient = Fast(forced=False, divergence=Divergence(threshold=0, products=False, intents=False))
    again = await replay(call, lenient, engine=with_(plain_engine(), brain=ForgetsMoney()), runs=tmp_path)
    assert verdicts(again) == [(False, False)] * 4


async def test_another_persona_and_other_changes(call: Recording, engine: Engine, tmp_path: Path) -> None:
    brief = await replay(call, Fast(), persona="voice_brief", engine=engine, runs=tmp_path)
    assert (brief.manifest.persona, texts(brief)[0]) == ("voice_brief", "Hello Maya. What are you planning?")
    gone = await replay(call, Fast(), changes=Changes(without=("TEN-02",)), engine=engine, runs=tmp_path)
    assert not any("Meadow Four" in text for text in texts(gone))
    assert gone.manifest.catalogue_sha != call.manifest.catalogue_sha
    tools = await replay(call, Fast(), changes=Changes(tools=True), engine=engine, runs=tmp_path)
    assert len(tools.conversation.session["tools"]) == 3
    patient = Changes(turn_detection={"type": "server_vad", "silence_duration_ms": 1200})
    late = await replay(call, Paced(), changes=patient, engine=engine, runs=tmp_path)
    ends = [[ev["audio_end_ms"] for _, ev in events(r) if ev["type"].endswith("speech_stopped")] for r in (call, late)]
    assert [after - before for before, after in zip(*ends, strict=True)] == [700] * 4


async def test_labels_go_along(engine: Engine, tmp_path: Path) -> None:
    source = await record_call(tmp_path)
    source.add_labels(Labels(customer="maya", products={"TEN-02": 3}, cue_turn=1))
    whole = await replay(source, Fast(), engine=engine, runs=tmp_path)
    assert whole.labels() == source.labels()
    part = await replay(source, Fast(), at=2, engine=engine, runs=tmp_path)
    labels = part.labels()
    assert labels is not None
    assert (labels.products, labels.cue_turn) == ({"TEN-02": 3}, None)


async def test_a_scorer_is_refused_where_its_number_would_mean_nothing(
    call: Recording, engine: Engine, tmp_path: Path
) -> None:
    @scorer(modes=EAR_MODES)
    def wait(recording: Recording) -> Score:
        "How long."
        return Score(1.0)

    fast = await replay(call, Fast(), engine=engine, runs=tmp_path)
    refused = wait(fast)
    assert isinstance(refused, Score)
    assert refused.value is None
    assert "means nothing for a recording made in mode 'fast'" in refused.reason
    assert all(each.modes == EAR_MODES for each in latency.SCORERS if each.name.startswith("voice_to_voice"))
    paced = await replay(call, Paced(), engine=engine, runs=tmp_path)
    assert wait(paced) == Score(1.0)


# -- what cannot be played ---------------------------------------------------------------------------


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Recording]:
    def record(*, sound: Clip | None = None, **manifest: Any) -> Recording:
        manifest = {"customer": "maya", "persona": "voice", **manifest}
        with Recorder.start(tmp_path / "bad", **manifest) as recorder:
            for piece in sound.chunks(40) if sound is not None else ():
                audio = to_base64(piece.to_bytes(PCM16_24K))
                recorder.write("c2s", {"type": "input_audio_buffer.append", "audio": audio})
        return Recording.open(recorder.path)

    return record


async def test_nothing_to_play(record: Callable[..., Recording], engine: Engine) -> None:
    with pytest.raises(ReplayError, match="nothing to play again, the recording holds no customer audio"):
        await replay(record(), engine=engine)
    with pytest.raises(ReplayError, match="nothing to play again, the recording holds no turn of a customer"):
        await replay(record(sound=tone(120)), engine=engine)


@pytest.mark.parametrize("manifest", ["empty", "missing"])
async def test_nobody_to_call(record: Callable[..., Recording], manifest: str, engine: Engine) -> None:
    source = record(sound=tone(120), customer="")
    place = source.path / "manifest.json"
    if manifest == "missing":
        page = json.loads(place.read_text(encoding="utf-8"))
        del page["customer"]
        place.write_text(json.dumps(page), encoding="utf-8")
    with pytest.raises(ReplayError, match='the manifest names no customer; add "customer" to manifest.json'):
        await replay(source.path, engine=engine)


async def test_a_customer_that_the_shop_does_not_know(record: Callable[..., Recording], engine: Engine) -> None:
    with pytest.raises(ShopError, match="zoe"):
        await replay(record(sound=tone(120), customer="zoe"), engine=engine)


async def test_what_is_asked_wrongly(call: Recording, engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is no recording"):
        await replay(tmp_path, engine=engine)
    with pytest.raises(ReplayError, match="has 4 customer turns: take one from 0 to 3"):
        await replay(call, Fast(), at=4, engine=engine)
    with pytest.raises(ReplayError, match="name one place"):
        await replay(call, Fast(), engine=engine, relay_url=NOBODY)
    with pytest.raises(ReplayError, match="a relay sets up persona, tools and catalogue by itself"):
        await replay(call, Fast(), changes=Changes(tools=True), relay_url=NOBODY)
    with pytest.raises(ShopError, match="no product 'TEN-99'"):
        await replay(call, Fast(), changes=Changes(without=("TEN-99",)), engine=engine)


def test_the_ear_of_these_tests_knows_its_lines() -> None:
    assert spoken().duration_ms == 3200 + sum(LINES) + 4 * 3200
