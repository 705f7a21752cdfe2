"""Hold one call in virtual time and leave its bundle: the customer's side, by script."""

from __future__ import annotations

import asyncio
import random
import secrets
import shutil
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import httpx2
import numpy as np
import soundfile
import sounds
from fastapi import FastAPI
from openai import AsyncOpenAI
from scenario import Say, Scenario
from truth import Spoken, labels_of, spoken_turn
from waits import WAITS, Draw, SlowBrain, SlowEar, SlowVoice

from contoso_lab import prompts
from contoso_lab.audio import PCM16_24K, AudioFormat, Clip, encode, silence, to_base64
from contoso_lab.engine.build import Engine
from contoso_lab.engine.chat_api import chat_routes
from contoso_lab.prompts.client import connection
from contoso_lab.recording import Recorder, Recording
from contoso_lab.recording.labels import LabelledEvent, Span
from contoso_lab.relay.tooling.tool_runner import ToolRunner
from contoso_lab.replay.virtual_call import VirtualRelay, in_virtual_time, loop_ns, virtual_session
from contoso_lab.session.beside import WriteUpDesk
from contoso_lab.session.client import Session
from contoso_lab.settings import Target
from contoso_lab.shop import Catalog, DictBasket, get_customer, shop_tools
from contoso_lab.shop.voice import session_config

FIRST_DAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CHUNK_MS = 60
POLL_S = 0.02
LONGEST_MS = 150_000
TELEPHONE = AudioFormat("ulaw", 8000)
TOOLS = ("search_catalog", "get_product", "order_status", "add_to_cart", "checkout")
"""All but the one that shows: a page comes through the gate in every call."""
PLAYER = {"device": "virtual: a speaker in time only", "measured": True}


def seed_of(*what: object) -> int:
    """A seed that is the same everywhere."""
    return zlib.crc32("/".join(map(str, what)).encode())


@dataclass(slots=True)
class _Speech:
    """What is to come from the customer's side: where it lies in the microphone's sound."""

    clip: Clip
    start_ms: float


class Microphone:
    """Sends the room all the time, and what is spoken on top of it."""

    def __init__(self, session: Session, background: Clip, fmt: AudioFormat) -> None:
        self._session = session
        self._sound = background.samples.copy()
        self._fmt = fmt
        self._sent = 0

    @property
    def sent_ms(self) -> float:
        """Where the microphone is on its own clock."""
        return 1000 * self._sent / self._fmt.rate_hz

    def add(self, clip: Clip) -> float:
        """Speak from the next chunk on; gives where that is, in ms."""
        stop = min(len(self._sound), self._sent + len(clip))
        self._sound[self._sent : stop] += clip.samples[: stop - self._sent]
        return self.sent_ms

    async def run(self) -> None:
        """Send a chunk whenever one is over, until cancelled."""
        loop = asyncio.get_running_loop()
        began_s, size = loop.time(), round(self._fmt.rate_hz * CHUNK_MS / 1000)
        for number in range(1, len(self._sound) // size + 1):
            await asyncio.sleep(began_s + number * CHUNK_MS / 1000 - loop.time())
            piece = encode(self._sound[self._sent : self._sent + size], self._fmt)
            self._sent += size
            if self._fmt == PCM16_24K:
                await self._session.append(piece)
            else:
                await self._session.send({"type": "input_audio_buffer.append", "audio": to_base64(piece)})


class Customer:
    """Says the lines of a scenario, each at its time."""

    def __init__(self, scenario: Scenario, session: Session, relay: VirtualRelay, microphone: Microphone) -> None:
        self._scenario = scenario
        self._session = session
        self._relay = relay
        self._microphone = microphone
        # Not the persona: the same customer thinks as long whoever answers.
        self._draw = random.Random(seed_of(scenario.id, "customer"))
        self._replies = 0
        self.spoken = Spoken()

    async def call(self, clips: dict[int, _Line]) -> None:
        """The whole call, from the greeting to the goodbye."""
        for number, line in enumerate(self._scenario.lines):
            gap_ms = self._draw.uniform(*line.gap_ms)
            if line.cut_in_ms is None or not await self._reply_sounds(line.cut_in_ms):
                await self._rest(gap_ms, line.patience_ms)
            await self._speak(line, clips[number])
        if self._scenario.lines:
            await self._rest(700.0, 9000.0, work=True)
        else:
            await asyncio.sleep(self._scenario.listens_ms / 1000)

    async def _speak(self, line: Say, clip: _Line) -> None:
        begin_ms = self._microphone.add(clip.sound)
        span = Span(start_ms=begin_ms + clip.span.start_ms, end_ms=begin_ms + clip.span.end_ms)
        pauses = [Span(start_ms=begin_ms + p.start_ms, end_ms=begin_ms + p.end_ms) for p in clip.pauses]
        if line.say:
            cuts_in = line.cut_in_ms is not None
            self.spoken.turns.append(spoken_turn(clip.text, line.intent, span, pauses, cuts_in=cuts_in))
            self._replies = self._started()
        else:
            kind = "backchannel" if line.backchannel else "noise"
            event = LabelledEvent(kind=kind, text=line.backchannel or line.noise, **span.model_dump())
            self.spoken.events.append(event)
        await asyncio.sleep(clip.sound.duration_ms / 1000)
        if line.say:
            self._replies = max(self._replies, self._started())

    def _started(self) -> int:
        return sum(event["type"] == "playback.started" for event in self._relay.local)

    async def _rest(self, gap_ms: float, patience_ms: float, *, work: bool = False) -> None:
        """Wait until a reply was heard to its end and it has been still for a while, or patience is over."""
        began_ms = self._session.now_ms
        still_since_ms: float | None = None
        while True:
            now_ms = self._session.now_ms
            answered = self._started() > self._replies
            if not self._session.quiet:
                still_since_ms = None
            elif still_since_ms is None:
                still_since_ms = now_ms
            if answered and still_since_ms is not None and now_ms - still_since_ms >= gap_ms:
                return
            if not answered and now_ms - began_ms >= patience_ms:
                return
            await asyncio.sleep(POLL_S)

    async def _reply_sounds(self, after_ms: float) -> bool:
        """Wait until a new reply has sounded for so long; False when it ends before."""
        before = sum(event["type"] == "playback.first_audible" for event in self._relay.local)
        began_ms = self._session.now_ms
        while True:
            heard = [event for event in self._relay.local if event["type"] == "playback.first_audible"]
            ended = {event["item_id"] for event in self._relay.local if event["type"] == "playback.stopped"}
            sounding = [event for event in heard if event["item_id"] not in ended]
            if sounding and self._session.now_ms >= sounding[-1]["client_ms"] + after_ms:
                return True
            if (len(heard) > before and not sounding) or self._session.now_ms - began_ms > 9000:
                return False
            await asyncio.sleep(POLL_S)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line as sound, on the microphone's rate."""

    text: str
    sound: Clip
    span: Span
    pauses: tuple[Span, ...] = ()


def hold_call(scenario: Scenario, persona: str, engine: Engine, root: Path, *, number: int) -> Path:
    """Hold a call and leave its bundle below `root`, with FLAC tracks and the author's labels.

    Args:
        scenario: who calls.
        persona: who answers.
        engine: the real parts; their waits are added here.
        number: the call's place in the corpus, from which its day and hour are.
    """
    id = f"{scenario.id}--{persona}"
    shutil.rmtree(root / id, ignore_errors=True)
    draw = Draw(WAITS[scenario.waits], id)
    brain = SlowBrain(engine.brain_of_call(), draw, hangs_on=scenario.hangs_on)
    slow = Engine(SlowEar(engine.ear, draw), SlowVoice(engine.voice, draw), engine.new_meter, brain)
    lines = _lines(scenario, engine)
    held: list[Spoken] = []
    tokens = random.Random(seed_of(id, "tokens"))

    def token_hex(size: int | None = None) -> str:
        return f"{tokens.getrandbits(8 * (size or 32)):0{2 * (size or 32)}x}"

    async def hold() -> None:
        held.append(await _hold(scenario, persona, slow, root, id=id, number=number, lines=lines))

    with patch.object(secrets, "token_hex", token_hex):
        in_virtual_time(hold)
    recording = Recording.open(root / id)
    recording.add_labels(labels_of(scenario, held[0]))
    _pack(root / id)
    return root / id


async def _hold(
    scenario: Scenario, persona: str, engine: Engine, root: Path, *, id: str, number: int, lines: dict[int, _Line]
) -> Spoken:
    customer, catalog = get_customer(scenario.customer), Catalog.load()
    began = FIRST_DAY + timedelta(minutes=10 * number)
    offered = shop_tools(customer, catalog, DictBasket(), now=lambda: began) if scenario.tools else {}
    offered = {name: tool for name, tool in offered.items() if name in TOOLS}
    session_object = session_config(persona, customer, catalog, tools=(tool.schema for tool in offered.values()))
    fmt = PCM16_24K
    if scenario.line == "telephone":
        fmt = TELEPHONE
        for side in ("input", "output"):
            session_object["audio"][side]["format"] = TELEPHONE.to_wire()
    prompt = prompts.load(persona)
    recorder = Recorder.start(
        root, id=id, persona=persona, customer=scenario.customer, scenario=scenario.id,
        target={"kind": "local", "model": "clerk in virtual time"}, session=session_object,
        catalogue_sha=catalog.sha256, prompts={prompt.name: prompt.sha256}, synthetic=True,
        consent="synthetic: nobody was recorded", clock_ns=loop_ns,
        now=lambda: began + timedelta(seconds=asyncio.get_running_loop().time()),
    )  # fmt: skip
    seed = seed_of(id)
    runner = ToolRunner(offered, clock=asyncio.get_running_loop().time) if offered else None
    relay = VirtualRelay(recorder, session_object, delays=WAITS[scenario.waits].line, seed=seed, tools=runner)
    chat = FastAPI()
    chat.include_router(chat_routes(engine.brain), prefix="/v1")
    target = Target.local("http://engine.invalid/v1")
    desk = WriteUpDesk(target, customer, catalog, clock_ns=loop_ns)
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=chat))
    async with (
        AsyncOpenAI(api_key="unused", base_url=target.base_url, http_client=http, max_retries=0) as client,
        connection(target, client=client),
        virtual_session(engine, relay, seed=seed, after_reply=desk.after_reply) as session,
    ):
        microphone = Microphone(session, _background(scenario, fmt.rate_hz), fmt)
        caller = Customer(scenario, session, relay, microphone)
        session.beside(microphone.run())
        await session.note("client.described", synthetic=True, playback=PLAYER)
        await session.greet()
        await caller.call(lines)
    if runner is not None:
        await runner.close()
    recorder.close("the caller hung up")
    return caller.spoken


def _lines(scenario: Scenario, engine: Engine) -> dict[int, _Line]:
    """Every line as it goes into the microphone: one loudness for all, and the band of the line."""
    clean: dict[int, tuple[str, list[Clip], list[float]]] = {}
    for number, line in enumerate(scenario.lines):
        if line.noise:
            clean[number] = line.noise, [sounds.noise_event(line.noise, seed=seed_of(scenario.id, number))], []
            continue
        parts = (line.say or line.backchannel).split("|")
        said = [_say(engine, part, scenario) for part in parts[::2]]
        clean[number] = " ".join(part.strip() for part in parts[::2]), said, [float(ms) for ms in parts[1::2]]
    spoken = [clip for number, (_, clips, _) in clean.items() if not scenario.lines[number].noise for clip in clips]
    gain_db = sounds.SPEECH_DB - sounds.speech_level_db(spoken) if spoken else 0.0
    return {number: _line(scenario, number, *parts, gain_db) for number, parts in clean.items()}


def _say(engine: Engine, text: str, scenario: Scenario) -> Clip:
    sentences = engine.voice.speak(text, voice=scenario.voice, speed=scenario.pace)
    return Clip.join(Clip(spoken.samples, sounds.VOICE_HZ) for spoken in sentences)


def _line(scenario: Scenario, number: int, text: str, clips: list[Clip], pauses: list[float], gain_db: float) -> _Line:
    whole, spans, quiet = silence(0, sounds.VOICE_HZ), [], []
    for clip, pause_ms in zip(clips, [*pauses, 0.0], strict=True):
        found = sounds.inside(clip)
        begin_ms = whole.duration_ms
        spans.append(Span(start_ms=begin_ms + found.start_ms, end_ms=begin_ms + found.end_ms))
        whole = whole + clip
        if pause_ms:
            # Counted from the end of the speech, not of the samples.
            end_ms = spans[-1].end_ms + pause_ms
            if end_ms < whole.duration_ms:
                whole = whole[:end_ms]
            else:
                whole = whole + silence(end_ms - whole.duration_ms, sounds.VOICE_HZ)
    for one, two in zip(spans, spans[1:], strict=False):
        quiet.append(Span(start_ms=one.end_ms, end_ms=two.start_ms))
    line = scenario.lines[number]
    louder = whole if line.noise else whole.gain(gain_db - (6.0 if line.backchannel else 0.0))
    edges = sounds.TELEPHONE if scenario.line == "telephone" else sounds.HEADSET
    rate_hz = TELEPHONE.rate_hz if scenario.line == "telephone" else PCM16_24K.rate_hz
    sound = sounds.band(louder, edges).resampled(rate_hz)
    return _Line(text, sound, Span(start_ms=spans[0].start_ms, end_ms=spans[-1].end_ms), tuple(quiet))


def _background(scenario: Scenario, rate_hz: int) -> Clip:
    room, samples = scenario.room, LONGEST_MS * rate_hz // 1000
    level_db = sounds.HUSH_DB if room.snr_db is None else sounds.SPEECH_DB - room.snr_db
    noise = sounds.room(room.kind, samples, rate_hz, level_db=level_db, seed=seed_of(scenario.id, "room"))
    return Clip(np.clip(noise, -1, 1), rate_hz)


def _pack(folder: Path) -> None:
    """Make FLAC of the tracks: the same samples in half the space."""
    for place in sorted((folder / "audio").glob("*.wav")):
        samples, rate_hz = soundfile.read(place, dtype="int16")
        packed = place.with_suffix(".flac")
        soundfile.write(packed, samples, rate_hz, format="FLAC", subtype="PCM_16", compression_level=1.0)
        assert (soundfile.read(packed, dtype="int16")[0] == samples).all()
        place.unlink()
