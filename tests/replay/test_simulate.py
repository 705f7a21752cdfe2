"""Simulated callers: what they say, what their line does to it, and whole calls by sound."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from contoso_lab.audio import tone
from contoso_lab.engine.seams import Ear, Heard
from contoso_lab.errors import ConfigError, ReplayError
from contoso_lab.recording import Manifest, Recording
from contoso_lab.replay import chat_caller
from contoso_lab.replay.agent import agent_for
from contoso_lab.replay.chat_caller import ChatMind
from contoso_lab.replay.line_effects import LineEffects, LineSettings
from contoso_lab.replay.places import About, hold
from contoso_lab.replay.purse import Purse, purse_for
from contoso_lab.replay.scenario import SCENARIOS, Answer, CallerMind, Scenario, Temper, load_scenario
from contoso_lab.replay.simulate import SimulatedCaller, simulate
from contoso_lab.scoring.value import mode_of
from contoso_lab.settings import Target
from contoso_lab.shop import get_customer
from contoso_lab.wire.prices import CHAT_PRICES, FREE, PRICES
from tests.replay.conftest import LengthEar, plain_engine

TENT = Scenario(
    name="tent",
    customer="maya",
    opening="Hi, I am looking for a tent for four people.",
    wants=("How much does it cost, if I may ask that?",),
    closing="Thank you, that is all. Goodbye!",
    otherwise=(),
    temper=Temper(patience_s=6),
    line=LineSettings(noise_db=-60),
)


@pytest.mark.parametrize("place", sorted(SCENARIOS.glob("*.yaml")), ids=lambda place: place.stem)
def test_our_scenarios_hold_together(place: Path) -> None:
    scenario = load_scenario(place.stem)
    assert scenario.name == place.stem
    assert get_customer(scenario.customer)


def test_questions_are_answered_from_the_goal() -> None:
    mind = CallerMind(load_scenario("tent_for_four"), seed=0)
    assert mind.says("Hello Maya. What are you planning?") == "Hi, I am looking for a tent for four people."
    assert mind.says("Gladly. What is your budget?") == "At most three hundred dollars."
    assert mind.says("And how many people are you?") == "We are four."
    assert mind.says("I see.") == "How much does it cost?"


def test_a_caller_ends_some_day() -> None:
    mind = CallerMind(TENT.model_copy(update={"most_turns": 3, "wants": ("a",) * 9}), seed=0)
    assert [mind.says("So?") for _ in range(4)] == [TENT.opening, "a", TENT.closing, None]


async def test_a_whole_call_by_sound(tmp_path: Path) -> None:
    call = await simulate(TENT, engine=plain_engine(), runs=tmp_path, id="one")
    assert (mode_of(call), call.manifest.scenario, call.manifest.synthetic) == ("caller", "tent", True)
    assert [turn.role for turn in call.conversation.turns] == ["assistant", *["user", "assistant"] * 3]
    assert call.user_audio.duration_ms == pytest.approx(call.duration_ms, abs=300), "a microphone is never silent"
    again = await simulate(TENT, engine=plain_engine(), runs=tmp_path, id="two")
    assert [(e.t_ms, e.dir, e.ev) for e in again.events] == [(e.t_ms, e.dir, e.ev) for e in call.events]
    other = await simulate(TENT, engine=plain_engine(), runs=tmp_path, id="three", seed=1)
    assert other.user_audio != call.user_audio


async def test_the_impatient_cut_in_and_the_hesitant_pause(tmp_path: Path) -> None:
    rude = TENT.model_copy(update={"temper": Temper(interrupts=1.0, interrupts_after_s=(0.2, 0.3), patience_s=6)})
    call = await simulate(rude, engine=plain_engine(), runs=tmp_path)
    cut = [turn for turn in call.conversation.turns if turn.role == "assistant" and turn.status == "interrupted"]
    assert cut
    slow = TENT.model_copy(update={"temper": Temper(hesitates=1.0, pause_s=(0.8, 0.9), patience_s=6)})
    hesitant: Recording = await simulate(slow, engine=plain_engine(), runs=tmp_path)
    assert len([t for t in hesitant.conversation.turns if t.role == "user"]) > 3, "a pause of 800 ms ends a turn"


class Mishears(LengthEar):
    """The caller's ear, which is not the engine's: it makes out one thing only."""

    def transcribe(self, samples_16k: Any, **_: Any) -> Heard:
        assert len(samples_16k) > 1600
        return Heard("Did you say four people?", -0.05, 0.0)


async def test_a_caller_by_ear_answers_what_it_made_out(tmp_path: Path) -> None:
    scenario = TENT.model_copy(
        update={"answers": (Answer(when=("four people",), say="Yes, we are four people here."),)}
    )
    engine = plain_engine()

    async def held(id: str, ear: Ear | None) -> Recording:
        blank = Recording(tmp_path, Manifest(id=id, customer="maya", persona="voice"))
        caller = SimulatedCaller(scenario, engine.voice, seed=0, ear=ear)
        return await hold(
            engine, agent_for(blank), About("caller", "", "tent", True), caller.converse, runs=tmp_path, id=id
        )

    by_ear, by_text = await held("ear", Mishears()), await held("text", None)
    said = [[event.ev["text"] for event in call.events if event.type == "caller.said"] for call in (by_ear, by_text)]
    assert "Yes, we are four people here." in said[0]
    assert "Yes, we are four people here." not in said[1]
    heard = [event.ev["text"] for event in by_ear.events if event.type == "caller.heard"]
    assert set(heard) == {"Did you say four people?"}


async def test_a_caller_hangs_up_when_the_money_is_spent(tmp_path: Path) -> None:
    blank = Recording(tmp_path, Manifest(id="poor", customer="maya", persona="voice"))
    purse = Purse(PRICES["gpt-realtime"], max_usd=1e-6)
    caller = SimulatedCaller(TENT, plain_engine().voice, seed=0, purse=purse)
    about = About("caller", "", "tent", True)
    call = await hold(plain_engine(), agent_for(blank), about, caller.converse, runs=tmp_path, id="poor")
    [stopped] = [event for event in call.events if event.type == "caller.stopped"]
    assert stopped.ev["reason"] == f"${purse.spent_usd:.4f} are spent"
    assert purse.spent_usd > 0
    assert [turn.role for turn in call.conversation.turns] == ["assistant"], "the greeting took it all"


def test_what_a_chat_model_takes_for_the_callers_words_is_counted() -> None:
    usage = {"prompt_tokens": 2000, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 1000}}
    purse = purse_for(
        priced("gpt-realtime", "gpt-4o-mini-2024-07-18"), 0.0003, chat=priced("x", "gpt-4o-mini-2024-07-18")
    )
    purse.thought(usage)
    assert purse.spent_usd == pytest.approx((1000 * 0.15 + 1000 * 0.075 + 50 * 0.6) / 1e6)
    assert not purse.empty
    purse.thought(usage)
    assert purse.empty
    purse.thought(None)  # a server that does not count


def priced(model: str, chat_model: str, kind: Any = "openai") -> Target:
    return Target(kind, "http://127.0.0.1:9/v1", model, chat_model, None)


@pytest.mark.parametrize(
    ("place", "chat", "sentence"),
    [
        ("http://127.0.0.1:9", None, "a relay does not say whom it asks"),
        (priced("own", "gpt-4o"), None, "nobody knows what own costs"),
        (priced("gpt-realtime", "own"), priced("gpt-realtime", "my-chat"), "nobody knows what my-chat costs"),
        (priced("gpt-realtime", "own"), priced("gpt-realtime", "gpt-realtime"), "nobody knows what gpt-realtime costs"),
    ],
)
def test_a_limit_that_cannot_be_watched_is_refused(place: Any, chat: Target | None, sentence: str) -> None:
    with pytest.raises(ReplayError, match=sentence):
        purse_for(place, 1.0, chat=chat)
    assert not purse_for(place, None, chat=chat).empty


def test_the_local_engine_costs_nothing() -> None:
    local = Target.local("http://127.0.0.1:9/v1")
    assert not purse_for(local, 1e-9, chat=local).empty


async def test_a_caller_of_a_chat_model_pays_for_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def answer(prompt: Any, target: Target, *, dialogue: str, **given: str) -> Any:
        asked.append(dialogue)
        return SimpleNamespace(response="How much is it?", usage={"prompt_tokens": 300, "completion_tokens": 20})

    monkeypatch.setattr(chat_caller, "run", answer)
    purse = Purse(FREE, None, chat=CHAT_PRICES["gpt-4o"])
    mind = ChatMind(TENT.model_copy(update={"most_turns": 4}), priced("x", "gpt-4o"), seed=0)
    caller = SimulatedCaller(TENT, plain_engine().voice, seed=0, mind=mind, purse=purse)
    blank = Recording(tmp_path, Manifest(id="chat", customer="maya", persona="voice"))
    about = About("caller", "", "tent", True)
    await hold(plain_engine(), agent_for(blank), about, caller.converse, runs=tmp_path, id="chat")
    assert len(asked) == 2, "the opening and the goodbye are the scenario's"
    assert purse.spent_usd == pytest.approx(2 * (300 * 2.5 + 20 * 10) / 1e6)


async def test_a_chat_model_needs_real_time() -> None:
    with pytest.raises(ReplayError, match="cannot be asked in virtual time"):
        await simulate(TENT, engine=plain_engine(), chat=Target.local("http://127.0.0.1:9/v1"))


def test_a_telephone_lets_a_band_through() -> None:
    def level(hz: float) -> float:
        line = LineEffects(LineSettings(telephone=True), seed=0)
        pieces = [line.through(piece.samples) for piece in tone(1000, hz=hz).chunks(40)]
        out = np.concatenate(pieces)
        assert len(out) == 24_000
        return 20 * float(np.log10(np.std(out[12_000:]) / np.std(tone(1000, hz=hz).samples) + 1e-9))

    assert level(1000) == pytest.approx(0, abs=1)
    assert level(60) < -30
    assert level(8000) < -30


def test_noise_and_losses_follow_the_seed_and_not_the_pieces() -> None:
    settings = LineSettings(noise_db=-40, loss=0.1)
    sound = np.zeros(24_000, np.float32)
    whole = LineEffects(settings, seed=3).through(sound)
    line = LineEffects(settings, seed=3)
    parts = np.concatenate([line.through(sound[at : at + 700]) for at in range(0, 24_000, 700)])
    assert np.array_equal(whole, parts)
    packets = whole.reshape(-1, 480)
    assert 0 < int((packets == 0).all(axis=1).sum()) < 15
    heard = packets[(packets != 0).any(axis=1)]
    assert 20 * np.log10(np.std(heard)) == pytest.approx(-40, abs=0.5)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("customer: maya", "at opening: Field required"), ("customer: [", "YAML"), ("- a", "at the file")],
)
def test_a_scenario_that_is_wrong(tmp_path: Path, text: str, sentence: str) -> None:
    place = tmp_path / "bad.yaml"
    place.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        load_scenario(place)
    with pytest.raises(ConfigError, match="there are impatient_on_the_phone, tent_for_four"):
        load_scenario("nobody")
