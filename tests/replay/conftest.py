"""A call that is held in virtual time, with parts that need no model and a clerk that answers by its rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from contoso_lab.audio import Clip, silence, tone
from contoso_lab.engine.build import Engine
from contoso_lab.engine.clerk import Clerk
from contoso_lab.engine.plain import HumVoice, LoudnessMeter
from contoso_lab.engine.seams import FloatArray, Heard, Spoken, never
from contoso_lab.recording import Recording
from contoso_lab.replay.agent import Changes, agent_for
from contoso_lab.replay.places import About, hold
from contoso_lab.session import Session
from contoso_lab.session.call import talk

LINES = {
    1200: "Hi, I am looking for a tent for four people.",
    1800: "How much does it cost?",
    2400: "And which sleeping bag is good for cold nights?",
    3000: "Thank you, that is all. Goodbye!",
}
"""What the customer says, by how long it sounds: the ear below tells lines apart by that."""


class LengthEar:
    """Hears a line by the length of its sound: the same sound gives the same words, wherever it stands in a call."""

    def transcribe(self, samples_16k: FloatArray, *, prompt: str = "", cancelled: Callable[[], bool] = never) -> Heard:
        loud = np.flatnonzero(np.abs(samples_16k) > 0.02)
        ms = 0.0 if not len(loud) else (loud[-1] - loud[0]) / 16
        return Heard(LINES[min(LINES, key=lambda length: abs(length - ms))] if ms > 300 else "", -0.05, 0.0)


class QuickVoice(HumVoice):
    """Hums at four times the pace, so that calls are short."""

    def speak(self, text: str, *, voice: str, speed: float = 1.0) -> Iterator[Spoken]:
        return super().speak(text, voice=voice, speed=4 * speed)


def plain_engine() -> Engine:
    return Engine(LengthEar(), QuickVoice(), LoudnessMeter, Clerk())


def spoken(*, pause_ms: float = 3200, lines: dict[int, str] = LINES) -> Clip:
    """The customer's side: each line hummed, with time for an answer behind it."""
    clip = silence(3200)
    for length_ms in lines:
        clip = clip + tone(length_ms, hz=110.0) + silence(pause_ms)
    return clip


@pytest.fixture
def engine() -> Engine:
    return plain_engine()


async def record_call(runs: Path, id: str = "first", *, clip: Clip | None = None, persona: str = "voice") -> Recording:
    """A live call, held in virtual time."""
    from contoso_lab.recording import Manifest

    blank = Recording(runs, Manifest(id=id, customer="maya", persona=persona))
    agent = agent_for(blank, Changes(persona=persona))

    async def converse(session: Session) -> None:
        await talk(session, spoken() if clip is None else clip, synthetic=True)

    about = About("live", "", "tent", True, began="2026-11-01T10:00:00+00:00")
    return await hold(plain_engine(), agent, about, converse, runs=runs, id=id)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def call(runs: Path) -> Recording:
    """One call with four turns of the customer; do not change it."""
    import asyncio

    return asyncio.run(record_call(runs))


@pytest.fixture(scope="session")
def short_call(runs: Path) -> Recording:
    """One call with a single turn of the customer, for what plays many; do not change it."""
    import asyncio

    return asyncio.run(record_call(runs, "short", clip=spoken(lines={1200: LINES[1200]})))
