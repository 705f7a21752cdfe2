"""Small strict fakes for the engine's four parts, and a caller who talks to the protocol in virtual time.

The fakes hear loudness and speak tones: a frame is speech when it is loud, a sentence sounds for 20 ms a character.
Each complains about what it was not told to expect.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI

from contoso_lab.audio import PCM16_24K, AudioFormat, encode, to_base64, tone
from contoso_lab.engine.build import Engine
from contoso_lab.engine.effects import Effect, Listen, Output, Reply, Stop
from contoso_lab.engine.protocol import EngineProtocol
from contoso_lab.engine.reading import read_event
from contoso_lab.engine.seams import BrainRequest, FloatArray, Heard, Spoken, ToolCall, never
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving
from contoso_lab.wire.events import Event, dump, parse_server

MS_PER_CHARACTER = 20
VOICES = ("robin", "low")


class LoudnessMeter:
    """Takes loud frames for speech."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._rest: FloatArray = np.zeros(0, np.float32)

    def push(self, samples_16k: FloatArray) -> list[float]:
        samples = np.concatenate([self._rest, samples_16k])
        whole = len(samples) // 512 * 512
        self._rest = samples[whole:]
        return [0.95 if np.abs(frame).max() > 0.02 else 0.02 for frame in samples[:whole].reshape(-1, 512)]


@dataclass
class ScriptedEar:
    """Hears what it was told to, in order; waits at `gate` when it is given one."""

    script: list[str | Exception] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    durations_ms: list[float] = field(default_factory=list)
    cancelled: int = 0
    gate: threading.Event | None = None
    begun: threading.Event = field(default_factory=threading.Event)
    """Set when the ear is at work: work that is dropped earlier is never begun, which is no test of stopping it."""

    def transcribe(self, samples_16k: FloatArray, *, prompt: str = "", cancelled: Callable[[], bool] = never) -> Heard:
        self.begun.set()
        if self.gate is not None:
            while not self.gate.wait(0.005):
                if cancelled():
                    self.cancelled += 1
                    return Heard("", 0.0, 1.0)
        if cancelled():
            self.cancelled += 1
            return Heard("", 0.0, 1.0)
        self.prompts.append(prompt)
        self.durations_ms.append(len(samples_16k) / 16)
        assert self.script, "the ear was asked once more than the test had words for it"
        words = self.script.pop(0)
        if isinstance(words, Exception):
            raise words
        return Heard(words, -0.2, 0.01)


@dataclass
class ToneVoice:
    """Says every sentence as a tone of 20 ms a character; waits at `gate` before the second when it is given one."""

    names: tuple[str, ...] = VOICES
    said: list[str] = field(default_factory=list)
    gate: threading.Event | None = None
    closed: int = 0

    def speak(self, text: str, *, voice: str, speed: float = 1.0) -> Iterator[Spoken]:
        if self.said and self.gate is not None:
            assert self.gate.wait(5), "nobody opened the voice's gate"
        self.said.append(text)
        yield say_tone(text, speed=speed)


def say_tone(text: str, *, speed: float = 1.0) -> Spoken:
    return Spoken(text, tone(len(text) * MS_PER_CHARACTER / speed, hz=200).samples)


@dataclass
class ScriptedBrain:
    """Answers with what it was told to, in order, and remembers what it was asked."""

    script: list[list[str | ToolCall | Exception]] = field(default_factory=list)
    asked: list[BrainRequest] = field(default_factory=list)
    closed: int = 0

    async def reply(self, request: BrainRequest) -> AsyncIterator[str | ToolCall]:
        self.asked.append(request)
        assert self.script, "the brain was asked once more than the test had answers for it"
        try:
            for piece in self.script.pop(0):
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed += 1


def assert_valid(event: dict[str, Any]) -> None:
    """Hold one server event against the openai package's type of its name, extra fields included."""
    parsed = parse_server(dump(event), check=True)
    assert parsed.known, f"no official client knows {event['type']}"
    assert event.get("event_id", "").startswith("event_")
    model = parsed.model
    assert model is not None
    assert not model.model_extra, f"{event['type']} carries {sorted(model.model_extra or {})}, which no client knows"


class Caller:
    """Plays a client and the workers against an `EngineProtocol`; holds the clock and checks every event."""

    def __init__(self, protocol: EngineProtocol, *, fmt: AudioFormat = PCM16_24K) -> None:
        self.protocol = protocol
        self.fmt = fmt
        self.now_ms = 0.0
        self.log: list[dict[str, Any]] = []
        self.work: list[Effect] = []
        self._take(protocol.begin())

    def send(self, type: str, **fields: Any) -> list[dict[str, Any]]:
        return self.receive(read_event(dump({"type": type, **fields})))

    def receive(self, event: Event) -> list[dict[str, Any]]:
        return self._take(self.protocol.receive(event, at_ms=self.now_ms))

    def update(self, **session: Any) -> list[dict[str, Any]]:
        return self.send("session.update", session={"type": "realtime", **session})

    def turn_detection(self, value: dict[str, Any] | None) -> list[dict[str, Any]]:
        return self.update(audio={"input": {"turn_detection": value}})

    def speak(self, duration_ms: float) -> list[dict[str, Any]]:
        """Send sound in real time, 20 ms a message."""
        return self._sound(duration_ms, loud=True)

    def wait(self, duration_ms: float) -> list[dict[str, Any]]:
        """Send silence in real time."""
        return self._sound(duration_ms, loud=False)

    def say(self, words: str, *, speech_ms: float = 1000, silence_ms: float = 640) -> list[dict[str, Any]]:
        """One turn, heard as these words."""
        events = self.speak(speech_ms) + self.wait(silence_ms)
        return events + self.hear(words)

    def hear(self, words: str) -> list[dict[str, Any]]:
        """Let the ear finish its one job."""
        return self._take(self.protocol.heard(self.job().job_id, Heard(words, -0.2, 0.01), at_ms=self.now_ms))

    def answer(self, *pieces: str | ToolCall, end: bool = True) -> list[dict[str, Any]]:
        """Let brain and voice work on the one reply that is asked for."""
        return self.answer_to(self.reply(), *pieces, end=end)

    def answer_to(self, reply: Reply, *pieces: str | ToolCall, end: bool = True) -> list[dict[str, Any]]:
        events = []
        for piece in pieces:
            if isinstance(piece, ToolCall):
                events += self._take(self.protocol.called(reply.response_id, piece, at_ms=self.now_ms))
            elif reply.aloud:
                events += self._take(self.protocol.said(reply.response_id, say_tone(piece), at_ms=self.now_ms))
            else:
                events += self._take(self.protocol.wrote(reply.response_id, piece, at_ms=self.now_ms))
        if end:
            events += self._take(self.protocol.finished(reply.response_id, at_ms=self.now_ms))
            self.work = [each for each in self.work if each is not reply]
        return events

    def job(self) -> Listen:
        jobs = [each for each in self.work if isinstance(each, Listen)]
        assert len(jobs) == 1, f"{len(jobs)} recognitions run, not one"
        self.work.remove(jobs[0])
        return jobs[0]

    def jobs(self) -> list[Listen]:
        return [each for each in self.work if isinstance(each, Listen)]

    def reply(self) -> Reply:
        replies = self.replies()
        assert len(replies) == 1, f"{len(replies)} replies are asked for, not one"
        return replies[0]

    def replies(self) -> list[Reply]:
        return [each for each in self.work if isinstance(each, Reply)]

    def _sound(self, duration_ms: float, *, loud: bool) -> list[dict[str, Any]]:
        events = []
        left = self.fmt.byte_count(duration_ms)
        piece = self.fmt.byte_count(20)
        while left > 0:
            size = min(piece, left)
            sound = tone(20, hz=300, rate_hz=self.fmt.rate_hz).samples[: size // self.fmt.bytes_per_sample]
            data = encode(sound if loud else np.zeros_like(sound), self.fmt)
            self.now_ms += self.fmt.duration_ms(size)
            events += self.send("input_audio_buffer.append", audio=to_base64(data))
            left -= size
        return events

    def _take(self, outputs: list[Output]) -> list[dict[str, Any]]:
        events = []
        for output in outputs:
            if isinstance(output, dict):
                assert_valid(output)
                events.append(output)
            elif isinstance(output, Stop):
                self.work = [
                    each
                    for each in self.work
                    if output.work_id != (each.job_id if isinstance(each, Listen) else each.response_id)  # type: ignore[union-attr]
                ]
            else:
                self.work.append(output)
        ids = [event["event_id"] for event in self.log + events]
        assert len(ids) == len(set(ids)), "an event id was used twice"
        self.log += events
        return events


def counting_ids() -> Callable[[str], str]:
    numbers: dict[str, int] = {}

    def make(kind: str) -> str:
        numbers[kind] = numbers.get(kind, 0) + 1
        return f"{kind}_{numbers[kind]}"

    return make


@pytest.fixture
def caller() -> Caller:
    """A fresh call with server_vad, as it is after the handshake."""
    return Caller(EngineProtocol(LoudnessMeter(), voices=VOICES, ids=counting_ids()))


@pytest.fixture
def new_caller() -> Callable[..., Caller]:
    """Makes fresh calls, for tests that need many; arguments go to the protocol."""

    def make(**settings: Any) -> Caller:
        return Caller(EngineProtocol(LoudnessMeter(), voices=VOICES, ids=counting_ids(), **settings))

    return make


@dataclass
class FakeEngine:
    """The fakes, and the engine made of them."""

    ear: ScriptedEar = field(default_factory=ScriptedEar)
    voice: ToneVoice = field(default_factory=ToneVoice)
    brain: ScriptedBrain = field(default_factory=ScriptedBrain)

    @property
    def engine(self) -> Engine:
        return Engine(self.ear, self.voice, LoudnessMeter, self.brain)


@pytest.fixture
def fakes() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def say() -> Callable[[str], Spoken]:
    return say_tone


@pytest.fixture
def check() -> Callable[[dict[str, Any]], None]:
    return assert_valid


@pytest.fixture
async def url(fakes: Any) -> AsyncIterator[str]:
    """Where an engine of fakes is served."""
    async with serving(create_app(fakes.engine)) as address:
        yield address


@pytest.fixture
async def client(url: str) -> AsyncIterator[AsyncOpenAI]:
    """The official client of that engine."""
    async with AsyncOpenAI(api_key="unused", base_url=f"{url}/v1", max_retries=0) as client:
        yield client
