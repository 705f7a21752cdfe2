"""A simulated caller talks with the agent by sound, and the call is recorded like any other.

The caller speaks with a voice of the engine, over a line with whatever is wrong with it, and never falls silent as a
microphone never does. It hears the agent as a customer would, up to where it cut in: by its own ear, or it reads the
words of what sounded from the transcript, which a person cannot, and which keeps the caller's ear out of what is
measured. What it really said and made out stands in the recording, as local events `caller.said` and `caller.heard`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

import numpy as np

from contoso_lab.audio import PCM16_24K, Clip, FloatArray, silence
from contoso_lab.engine.build import Engine
from contoso_lab.engine.seams import Ear, Voice
from contoso_lab.errors import ReplayError
from contoso_lab.recording import Manifest, Recording
from contoso_lab.replay.agent import Changes, agent_for
from contoso_lab.replay.caller_ear import CallerEar
from contoso_lab.replay.chat_caller import ChatMind
from contoso_lab.replay.line_effects import RATE_HZ, LineEffects
from contoso_lab.replay.modes import Simulated
from contoso_lab.replay.places import About, Opener, hold
from contoso_lab.replay.play import local_engine, the_place
from contoso_lab.replay.purse import Purse, purse_for
from contoso_lab.replay.scenario import CallerMind, Scenario, load_scenario
from contoso_lab.session import Session
from contoso_lab.session.call import VIRTUAL
from contoso_lab.session.client import CHUNK_MS
from contoso_lab.settings import Settings, Target
from contoso_lab.wire import Turn

Hears = Literal["transcript", "sound"]

STILL_THERE = "Hello? Are you still there?"
_CHUNK = RATE_HZ * CHUNK_MS // 1000


async def simulate(
    scenario: Scenario | str | Simulated,
    *,
    persona: str = "voice",
    changes: Changes | None = None,
    relay_url: str | None = None,
    target: Target | None = None,
    engine: Engine | None = None,
    through: Opener | None = None,
    chat: Target | None = None,
    hears: Hears = "transcript",
    max_usd: float | None = None,
    runs: Path | str | None = None,
    id: str | None = None,
    seed: int = 0,
) -> Recording:
    """Let a simulated caller talk with a persona, and give the recording.

    Args:
        scenario: who calls, or the name of one in `evals/scenarios`; a `Simulated` brings its own seed.
        persona: who answers.
        changes: what else is different about the agent.
        relay_url: as in `replay`, like `target`, `engine`, `through`, `runs` and `id`.
        chat: whose chat model makes the caller's words; the scenario's script unless given.
        hears: whether the caller reads the agent's words, or makes them out by the local ear from the sound.
        max_usd: what the agent's answers, and the caller's words by `chat`, may cost; the caller hangs up when it is
            spent.
        seed: what the caller's moods and the line's noise are drawn from.

    Raises:
        ConfigError: there is no such scenario.
        ReplayError: a chat model is to speak in virtual time, or nobody knows what a model costs.
        PromptError: the chat model could not be asked.
        SessionError: the call failed.
    """
    if isinstance(scenario, Simulated):
        seed = scenario.seed
        scenario = scenario.scenario
    played = load_scenario(scenario) if isinstance(scenario, str) else scenario
    place = the_place(relay_url, target, engine, through=through)
    if chat is not None and isinstance(place, Engine):
        raise ReplayError("a chat model cannot be asked in virtual time: give target=… or relay_url=… beside chat=…")
    purse = purse_for(place, max_usd, chat=chat)
    own = place if isinstance(place, Engine) else await asyncio.to_thread(local_engine)
    folder = Path(runs) if runs is not None else Settings().runs
    blank = Recording(folder, Manifest(id="", customer=played.customer, persona=persona))
    agent = agent_for(blank, changes or Changes(persona=persona))
    mind = CallerMind(played, seed=seed) if chat is None else ChatMind(played, chat, seed=seed)
    caller = SimulatedCaller(
        played, own.voice, seed=seed, mind=mind, ear=own.ear if hears == "sound" else None, purse=purse
    )
    about = About(Simulated.name, "", played.name or "simulated", True)
    return await hold(place, agent, about, caller.converse, runs=folder, id=id, seed=seed)


class SimulatedCaller:
    """The caller's side of one call.

    Args:
        scenario: who calls.
        voice: speaks the caller's lines.
        seed: of moods and noise.
        mind: says what comes next; the scenario's script unless given.
        ear: the caller's own; without one it reads the transcript.
        purse: what the call may cost.
    """

    def __init__(
        self,
        scenario: Scenario,
        voice: Voice,
        *,
        seed: int,
        mind: CallerMind | ChatMind | None = None,
        ear: Ear | None = None,
        purse: Purse | None = None,
    ) -> None:
        self._scenario = scenario
        self._voice = voice
        self._mind = mind or CallerMind(scenario, seed=seed)
        self._own_ear = ear
        self._ear: CallerEar | None = None
        self._purse = purse
        self._line = LineEffects(scenario.line, seed=seed)
        self._waiting: FloatArray = np.zeros(0, np.float32)
        self._spoken = asyncio.Event()
        self._asked_again = False

    async def converse(self, session: Session) -> None:
        """Hold the call, up to where the caller hangs up."""
        await session.note("client.described", synthetic=True, playback=VIRTUAL)
        if self._own_ear is not None:
            self._ear = CallerEar(session, self._own_ear)
        if self._purse is not None:
            self._purse.watch(session)
        microphone = session.beside(self._microphone(session))
        await session.greet()
        heard = await self._listen(session, may_interrupt=False)
        while (line := await self._next(heard)) is not None:
            if self._purse is not None and self._purse.empty:
                await session.note("caller.stopped", reason=f"${self._purse.spent_usd:.4f} are spent")
                break
            await session.note("caller.said", text=line)
            await self._say(line)
            answer = await self._listen(session, may_interrupt=True)
            if not answer and not self._asked_again:
                self._asked_again = True
                await self._say(STILL_THERE)
                answer = await self._listen(session, may_interrupt=False)
            if not answer:
                break  # nobody answers: a person would hang up
            heard = answer
        microphone.cancel()

    async def _next(self, heard: str) -> str | None:
        if isinstance(self._mind, CallerMind):
            return self._mind.says(heard)
        thoughts = len(self._mind.runs)
        said = await self._mind.says(heard)
        if self._purse is not None:
            for run in self._mind.runs[thoughts:]:
                self._purse.thought(run.usage)
        return said

    async def _listen(self, session: Session, *, may_interrupt: bool) -> str:
        """What the agent says until it is the caller's turn; empty when nothing came."""
        temper, chance = self._scenario.temper, self._mind.chance
        known = {turn.item_id for turn in session.conversation.turns}
        interrupts = may_interrupt and chance.random() < temper.interrupts
        after_s = chance.uniform(*temper.interrupts_after_s)

        def replies() -> list[Turn]:
            new = [turn for turn in session.conversation.turns if turn.item_id not in known]
            return [turn for turn in new if turn.role == "assistant" and turn.heard]

        try:
            async with asyncio.timeout(temper.patience_s):
                await session.until(lambda: bool(replies()))
        except TimeoutError:
            return ""
        if interrupts:
            await asyncio.sleep(after_s)
        else:
            await session.settled(within_s=60.0)
        if self._ear is None:
            return " ".join(turn.heard for turn in replies())
        words = await self._ear.words(replies(), now_ms=session.now_ms)
        await session.note("caller.heard", text=words)
        return words

    async def _say(self, line: str) -> None:
        """Speak a line into the microphone, with a pause inside when the mood is so; returns when it was spoken."""
        clip = await asyncio.to_thread(self._clip, line)
        self._waiting = np.concatenate([self._waiting, clip.resampled(RATE_HZ).samples])
        self._spoken.clear()
        await self._spoken.wait()

    def _clip(self, line: str) -> Clip:
        temper, chance = self._scenario.temper, self._mind.chance
        words = line.split()
        hesitates, pause_s = chance.random() < temper.hesitates, chance.uniform(*temper.pause_s)
        place = chance.randrange(1, len(words)) if len(words) > 1 else 0
        parts = [" ".join(words[:place]), " ".join(words[place:])] if hesitates and place else [line]
        name = self._scenario.voice if self._scenario.voice in self._voice.names else self._voice.names[-1]
        clip = silence(0, RATE_HZ)
        for number, part in enumerate(parts):
            if number:
                clip = clip + silence(1000 * pause_s, RATE_HZ)
            clip = clip + Clip(np.concatenate([said.samples for said in self._voice.speak(part, voice=name)]), RATE_HZ)
        return clip

    async def _microphone(self, session: Session) -> None:
        """Send what is spoken, and the line's noise where nothing is, a chunk at the moment at which it is over."""
        loop = asyncio.get_running_loop()
        began_s, sent = loop.time(), 0
        while True:
            sent += 1
            await asyncio.sleep(max(0.0, began_s + sent * CHUNK_MS / 1000 - loop.time()))
            piece, self._waiting = self._waiting[:_CHUNK], self._waiting[_CHUNK:]
            chunk = np.pad(piece, (0, _CHUNK - len(piece)))
            await session.append(Clip(self._line.through(chunk), RATE_HZ).to_bytes(PCM16_24K))
            if not len(self._waiting):
                self._spoken.set()
