from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contoso_lab.audio import tone
from contoso_lab.engine.faults import DropMidTurn, LateTranscript, RateLimited, SessionExpiry
from contoso_lab.engine.rehearsal import Rehearsed, rehearse, rehearse_script, seeded_ids
from contoso_lab.engine.script import Script, load_script
from contoso_lab.engine.scripted import scripted_engine
from contoso_lab.engine.stage import Stage
from contoso_lab.errors import ConfigError, EngineError, SessionRefused
from contoso_lab.recording import Recorder, Recording
from contoso_lab.wire import Conversation, parse_server

HOME = Path(__file__).parents[2]
TWO_TENTS = HOME / "evals/scripts/two_tents.yaml"


def five_minutes(seed: int = 7) -> Script:
    """Fifty-six turns of question and answer."""
    turns = 56
    call: list[dict[str, object]] = [{"send": {"type": "response.create"}}, {"hear": "reply"}]
    for number in range(turns):
        call += [{"say": f"What about tent number {number}?"}, {"hear": "reply"}]
    replies = [f"Tent number {number} sleeps four people. It is dry and light." for number in range(turns + 1)]
    ear = [f"What about tent number {number}?" for number in range(turns)]
    return Script.model_validate({"parts": "plain", "seed": seed, "brain": replies, "ear": ear, "call": call})


def folded(rehearsed: Rehearsed) -> Conversation:
    conversation = Conversation()
    for moment in rehearsed.moments:
        conversation.apply(moment.event, at_ms=moment.at_ms, dir=moment.dir)
    return conversation


def test_five_minutes_are_held_without_waiting_for_them() -> None:
    rehearsed = rehearse_script(five_minutes())
    assert rehearsed.duration_ms >= 300_000
    assert rehearsed.types.count("response.done") == 57
    assert "error" not in rehearsed.types


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ids() -> None:
    first, second = (rehearse_script(load_script(TWO_TENTS)) for _ in range(2))
    assert first.moments == second.moments
    assert first.sha256 == second.sha256
    other = rehearse_script(load_script(TWO_TENTS).model_copy(update={"seed": 8}))
    assert other.types == first.types
    assert other.sha256 != first.sha256
    program = (
        "from pathlib import Path; from contoso_lab.engine.script import load_script; "
        "from contoso_lab.engine.rehearsal import rehearse_script; "
        f"print(rehearse_script(load_script(Path({str(TWO_TENTS)!r}))).sha256)"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.strip() == first.sha256


def test_every_event_is_one_that_the_official_client_knows() -> None:
    for moment in rehearse_script(load_script(TWO_TENTS)).moments:
        if moment.dir == "s2c":
            assert parse_server(moment.text, check=True).known


def test_the_example_is_a_conversation_with_one_interruption() -> None:
    rehearsed = rehearse_script(load_script(TWO_TENTS))
    turns = folded(rehearsed).turns
    assert [turn.role for turn in turns] == ["assistant", "user"] + ["assistant", "user"] * 4 + ["assistant"]
    cut = [turn for turn in turns if turn.role == "assistant" and turn.unheard]
    assert len(cut) == 1
    assert cut[0].heard.startswith("It weighs")
    assert rehearsed.types.count("conversation.item.truncated") == 1


def test_a_rehearsal_can_be_recorded(tmp_path: Path) -> None:
    rehearsed = rehearse_script(
        load_script(TWO_TENTS), record=lambda clock: Recorder.start(tmp_path, id="rehearsed", clock_ns=clock)
    )
    recording = Recording.open(tmp_path / "rehearsed")
    assert recording.problems == ()
    assert recording.duration_ms == pytest.approx(rehearsed.duration_ms, abs=100)
    assert [turn.text for turn in recording.conversation.turns] == [turn.text for turn in folded(rehearsed).turns]


def test_the_brain_thinks_as_long_as_the_script_says() -> None:
    async def caller(stage: Stage) -> None:
        await stage.send({"type": "response.create"})
        await stage.hear()

    script = Script.model_validate({"parts": "plain", "brain": [{"say": "Hello.", "after_ms": 1234}], "ear": []})
    rehearsed = rehearse(scripted_engine(script, Path("x"), pytest.fail), caller)
    began = next(m.at_ms for m in rehearsed.moments if m.event["type"] == "response.output_audio.delta")
    assert began == pytest.approx(1234, abs=1)


def test_faults_happen_in_virtual_time() -> None:
    script = load_script(TWO_TENTS)
    on_time = rehearse_script(script)
    late = rehearse_script(script, faults=[LateTranscript(5000)])
    name = "conversation.item.input_audio_transcription.completed"

    def first(rehearsed: Rehearsed) -> float:
        return next(m.at_ms for m in rehearsed.moments if m.event["type"] == name)

    assert first(late) == pytest.approx(first(on_time) + 5000, abs=1)
    expired = rehearse_script(script, faults=[SessionExpiry(6)])
    assert expired.duration_ms == pytest.approx(6000, abs=50)
    assert (
        str(expired.closed)
        == "session closed (1001 'Your session hit the maximum duration of 0.1 minutes.') after error"
    )
    dropped = rehearse_script(script, faults=[DropMidTurn()])
    assert dropped.closed is not None
    assert dropped.closed.code == 1006
    with pytest.raises(SessionRefused, match=r"refused the conversation \(429\): try again in 7 s"):
        rehearse_script(script, faults=[RateLimited(7)])


def test_a_caller_who_waits_for_what_never_comes_is_told() -> None:
    script = Script.model_validate(
        {"parts": "plain", "brain": ["Hi."], "ear": [], "call": [{"until": "no.such.event"}]}
    )
    with pytest.raises(EngineError, match=r"waited 60 s for 'no\.such\.event'; the last event was session.created"):
        rehearse_script(script)


def test_a_standstill_is_an_error_and_no_hang() -> None:
    async def caller(stage: Stage) -> None:
        await asyncio.Event().wait()

    with pytest.raises(EngineError, match="come to a standstill"):
        rehearse(scripted_engine(five_minutes(), Path("x"), pytest.fail), caller)


async def test_a_rehearsal_works_where_a_loop_runs() -> None:
    async def caller(stage: Stage) -> None:
        await stage.say(tone(300, hz=200))
        await stage.hear()

    script = Script.model_validate({"parts": "plain", "brain": ["Yes?"], "ear": ["Hello"]})
    rehearsed = rehearse(scripted_engine(script, Path("x"), pytest.fail), caller)
    assert folded(rehearsed).turns[-1].text == "Yes?"


def test_a_script_without_a_call_cannot_be_rehearsed() -> None:
    script = Script.model_validate({"parts": "plain", "brain": ["Hi."], "ear": []})
    with pytest.raises(ConfigError, match="x.yaml has no 'call'"):
        rehearse_script(script, source="x.yaml")


def test_ids_follow_the_seed() -> None:
    assert [seeded_ids(3)("item") for _ in range(2)][0] == seeded_ids(3)("item")
    assert seeded_ids(3)("item") != seeded_ids(4)("item")


@pytest.mark.models
def test_real_parts_rehearse_the_same_twice() -> None:
    from contoso_lab.engine.build import build_engine

    engine = build_engine(lambda _: None)
    transcribed = {"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    call = [
        {"send": {"type": "session.update", "session": transcribed}},
        {"say": "I need a tent for four people."},
        {"hear": "reply"},
    ]
    script = Script.model_validate({"brain": ["It sleeps four."], "call": call})
    first, second = (rehearse_script(script, build=lambda: engine) for _ in range(2))
    assert first.sha256 == second.sha256
    assert "tent for four" in folded(first).turns[0].text
