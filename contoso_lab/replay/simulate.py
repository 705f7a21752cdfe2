"""A simulated caller talks with the agent by sound, and the call is recorded like any other.

The caller speaks with a voice of the engine, over a line with whatever is wrong with it, and never falls silent as a
microphone never does. It hears the agent as a customer would, up to where it cut in; it reads the words of what it
heard from the transcript, which a person cannot, and which keeps the caller's own ears out of what is measured.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from contoso_lab.audio import PCM16_24K, Clip, FloatArray, silence
from contoso_lab.engine.build import Engine
from contoso_lab.engine.seams import Voice
from contoso_lab.recording import Manifest, Recording
from contoso_lab.replay.agent import Changes, agent_for
from contoso_lab.replay.line_effects import RATE_HZ, LineEffects
from contoso_lab.replay.modes import Simulated
from contoso_lab.replay.places import About, hold
from contoso_lab.replay.play import local_engine, the_place
from contoso_lab.replay.scenario import CallerMind, Scenario, load_scenario
from contoso_lab.session import Session
from contoso_lab.session.call import VIRTUAL
from contoso_lab.session.client import CHUNK_MS
from contoso_lab.settings import Settings, Target

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
    relayed: bool = False,
    runs: Path | str | None = None,
    id: str | None = None,
    seed: int = 0,
) -> Recording:
    """Let a simulated caller talk with a persona, and give the recording.

    Args:
        scenario: who calls, or the name of one in `evals/scenarios`; a `Simulated` brings its own seed.
        persona: who answers.
        changes: what else is different about the agent.
        relay_url: as in `replay`, like `target`, `engine`, `relayed`, `runs` and `id`.
        seed: what the caller's moods and the line's noise are drawn from.

    Raises:
        ConfigError: there is no such scenario.
        SessionError: the call failed.
    """
    if isinstance(scenario, Simulated):
        seed = scenario.seed
        scenario = scenario.scenario
    played = load_scenario(scenario) if isinstance(scenario, str) else scenario
    place = the_place(relay_url, target, engine, relayed=relayed)
    voice = place.voice if isinstance(place, Engine) else (await asyncio.to_thread(local_engine)).voice
    folder = Path(runs) if runs is not None else Settings().runs
    blank = Recording(folder, Manifest(id="", customer=played.customer, persona=persona))
    agent = agent_for(blank, changes or Changes(persona=persona))
    caller = SimulatedCaller(played, voice, seed=seed)
    about = About(Simulated.name, "", played.name or "simulated", True)
    return await hold(place, agent, about, caller.converse, runs=folder, id=id, seed=seed)


class SimulatedCaller:
    """The caller's side of one call.

    Args:
        scenario: who calls.
        voice: speaks the caller's lines.
        seed: of moods and noise.
    """

    def __init__(self, scenario: Scenario, voice: Voice, *, seed: int) -> None:
        self._scenario = scenario
        self._voice = voice
        self._mind = CallerMind(scenario, seed=seed)
        self._line = LineEffects(scenario.line, seed=seed)
        self._waiting: FloatArray = np.zeros(0, np.float32)
        self._spoken = asyncio.Event()
        self._asked_again = False

    async def converse(self, session: Session) -> None:
        """Hold the call, up to where the caller hangs up."""
        await session.note("client.described", synthetic=True, playback=VIRTUAL)
        microphone = session.beside(self._microphone(session))
        await session.greet()
        heard = await self._listen(session, may_interrupt=False)
        while (line := self._mind.says(heard)) is not None:
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

    async def _listen(self, session: Session, *, may_interrupt: bool) -> str:
        """What the agent says until it is the caller's turn; empty when nothing came."""
        temper, chance = self._scenario.temper, self._mind.chance
        known = {turn.item_id for turn in session.conversation.turns}
        interrupts = may_interrupt and chance.random() < temper.interrupts
        after_s = chance.uniform(*temper.interrupts_after_s)

        def replies() -> list[str]:
            new = [
                turn for turn in session.conversation.turns if turn.item_id not in known and turn.role == "assistant"
            ]
            return [turn.heard for turn in new if turn.heard]

        try:
            async with asyncio.timeout(temper.patience_s):
                await session.until(lambda: bool(replies()))
        except TimeoutError:
            return ""
        if interrupts:
            await asyncio.sleep(after_s)
        else:
            await session.settled(within_s=60.0)
        return " ".join(replies())

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
