"""Callers for the benchmark: they speak the recorded turns in real time and hold a stopwatch.

A caller is the official `openai` client with a microphone of 20 ms. Its microphone never stops: after a turn comes
the room, as it was recorded, until the reply has been listened to. What is measured, per turn:

```
speech ────────┤ end_ms of the label        first delta ┤   first sound ┤
               └──────────── arrived_ms ────────────────┘               │
               └──────────── heard_ms ──────────────────────────────────┘
```

`heard_ms` adds the silence with which the reply's sound begins, for nobody hears that. A client's own play-out buffer
comes on top of both.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from openai import AsyncOpenAI

from contoso_lab.audio import PCM16_24K, Clip, find_speech

SPEECH = Path(__file__).parents[1] / "data" / "speech"
STEP_MS = 20
BEFORE_MS = 400
"""Room before each turn."""
LISTEN_MS = 4_000
"""How long a caller listens to a reply at most before speaking again; less makes a harder test than a real call."""
PATIENCE_S = 15


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing to say: its sound with room around it, and where in it the speech ends."""

    text: str
    sound: bytes
    end_ms: int
    """The acoustic end of the speech, from the labels."""
    room: bytes
    """What the microphone hears afterwards; played round and round."""


@dataclass(slots=True)
class Answer:
    """What became of one turn."""

    call: int
    turn: int
    endpointing_ms: float | None = None
    """Until `speech_stopped` arrived."""
    arrived_ms: float | None = None
    """Until the first sound message arrived."""
    heard_ms: float | None = None
    """Until the first sound in it that can be heard."""
    cut: int = 0
    """How often the engine took a pause inside this turn for its end."""
    transcript: str = ""
    reply: str = ""
    problem: str = ""


def recorded_turns() -> list[Turn]:
    """The labelled turns of data/speech, in the order of their calls."""
    turns = []
    for path in sorted(SPEECH.glob("*.json")):
        call, labels = Clip.load(path.with_suffix(".wav")), json.loads(path.read_text("utf-8"))
        for label in labels["turns"]:
            begin_ms, end_ms = label["start_ms"] - BEFORE_MS, label["end_ms"]
            # What follows the label's end belongs to the turn: its last sound dies away in there.
            sound = call[begin_ms : end_ms + 500].to_bytes(PCM16_24K)
            room = call[end_ms + 500 : end_ms + 3_500].to_bytes(PCM16_24K)
            turns.append(Turn(label["text"], sound, end_ms - begin_ms, room))
    return turns


@dataclass(slots=True)
class _Reply:
    """The reply that is being listened to."""

    end_s: float
    answer: Answer
    sound: bytearray = field(default_factory=bytearray)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, event: dict[str, Any], now_s: float) -> None:
        waited_ms = 1000 * (now_s - self.end_s)
        match event["type"]:
            case "input_audio_buffer.speech_stopped":
                if self.answer.endpointing_ms is not None:
                    self.answer.cut += 1
                self.answer.endpointing_ms = waited_ms
            case "response.output_audio.delta":
                if self.answer.arrived_ms is None:
                    self.answer.arrived_ms = waited_ms
                self.sound += base64.b64decode(event["delta"])
            case "conversation.item.input_audio_transcription.completed":
                self.answer.transcript = f"{self.answer.transcript} {event['transcript']}".strip()
            case "response.output_audio_transcript.done":
                self.answer.reply = event["transcript"]
            case "response.done":
                if event["response"]["status"] == "completed":
                    self.done.set()
                elif event["response"]["status"] == "failed":
                    self.answer.problem = event["response"]["status_details"]["error"]["message"]
                    self.done.set()
            case "error":
                self.answer.problem = event["error"]["message"]
                self.done.set()

    def close(self) -> float:
        """Say how long the reply sounds (ms), and put the first sound in it onto the stopwatch."""
        clip = Clip.from_bytes(bytes(self.sound), PCM16_24K)
        spans = find_speech(clip)
        if self.answer.arrived_ms is not None and spans:
            self.answer.heard_ms = self.answer.arrived_ms + spans[0].start_ms
        return clip.duration_ms


class Caller:
    """One call over a socket of its own; `run` it once."""

    def __init__(self, number: int, turns: Sequence[Turn], session: dict[str, Any], *, listen_ms: float) -> None:
        self.number = number
        self.turns = turns
        self.answers: list[Answer] = []
        self._session = session
        self._listen_ms = listen_ms
        self._reply: _Reply | None = None

    async def run(self, client: AsyncOpenAI, *, wait_s: float = 0.0) -> None:
        """Call, say every turn and hang up.

        Args:
            client: whom to call through.
            wait_s: how long to wait before the call, so that callers do not all speak at once.
        """
        await asyncio.sleep(wait_s)
        async with client.realtime.connect(model="local") as connection:
            await connection.session.update(session=self._session)  # type: ignore[arg-type]
            hearing = asyncio.create_task(self._hear(connection))
            try:
                for index, turn in enumerate(self.turns):
                    await self._say(connection, index, turn)
            finally:
                hearing.cancel()

    async def _hear(self, connection: Any) -> None:
        loop = asyncio.get_running_loop()
        while True:
            event = json.loads(await connection.recv_bytes())
            if self._reply is not None:
                self._reply.take(event, loop.time())

    async def _say(self, connection: Any, index: int, turn: Turn) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        answer = Answer(self.number, index)
        reply = self._reply = _Reply(began_s + turn.end_ms / 1000, answer)
        step = PCM16_24K.byte_count(STEP_MS)
        until_s = reply.end_s + PATIENCE_S
        listening = False
        sent = 0
        while loop.time() < until_s:
            begin = sent * step
            data = turn.sound[begin : begin + step]
            if len(data) < step:
                data = turn.room[(at := begin % (len(turn.room) - step)) : at + step]
            sent += 1
            # A microphone gives a piece when its last sample is in.
            await asyncio.sleep(max(0.0, began_s + sent * STEP_MS / 1000 - loop.time()))
            await connection.send_raw(
                '{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(data).decode() + '"}'
            )
            if reply.done.is_set() and not listening:
                listening = True
                until_s = loop.time() + min(reply.close(), self._listen_ms) / 1000
        if not reply.done.is_set():
            answer.problem = answer.problem or f"no reply within {PATIENCE_S} s"
        self.answers.append(answer)


async def hold_calls(
    url: str, session: dict[str, Any], calls: int, *, listen_ms: float = LISTEN_MS, turns: Sequence[Turn] | None = None
) -> list[Answer]:
    """Hold some calls at once, all through one client; gives every turn's answer.

    Callers begin one after the other within eight seconds and with different turns, as callers do.
    """
    turns = list(turns or recorded_turns())
    callers = [
        Caller(n, turns[n % len(turns) :] + turns[: n % len(turns)], session, listen_ms=listen_ms) for n in range(calls)
    ]
    async with AsyncOpenAI(api_key="unused", base_url=f"{url}/v1") as client, asyncio.TaskGroup() as tasks:
        for caller in callers:
            tasks.create_task(caller.run(client, wait_s=8 * caller.number / calls))
    return [answer for caller in callers for answer in caller.answers]


def percentile(values: Sequence[float], part: float) -> float:
    """The nearest-rank percentile: a value that was really measured."""
    return float(np.percentile(values, part, method="inverted_cdf")) if values else float("nan")
