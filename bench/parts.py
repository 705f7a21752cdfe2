"""What the engine's parts cost alone, in one thread, with nobody else on the machine's mind."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from callers import Turn, percentile

from contoso_lab.audio import PCM16_24K, Clip
from contoso_lab.engine.build import Engine
from contoso_lab.engine.clerk.brain import pieces
from contoso_lab.engine.seams import BrainRequest, ChatMessage
from contoso_lab.engine.sentences import take_sentences
from contoso_lab.engine.vocabulary import words_to_expect


@dataclass(frozen=True, slots=True)
class Part:
    """One part's cost over the recorded turns."""

    name: str
    median_ms: float
    p90_ms: float
    note: str


def measure_parts(engine: Engine, turns: Sequence[Turn], instructions: str) -> list[Part]:
    """Time every part on the recorded turns, three times each."""
    prompt = words_to_expect(instructions)
    clips = [Clip.from_bytes(turn.sound, PCM16_24K).resampled(16_000).samples for turn in turns]
    talk: list[ChatMessage] = [ChatMessage("system", instructions)]
    requests, sentences = [], []
    for turn in turns:
        talk.append(ChatMessage("user", turn.text))
        requests.append(BrainRequest(tuple(talk)))
        said = "".join(str(piece) for piece in pieces(requests[-1]))
        done, rest = take_sentences(said)
        sentences.append(done[0] if done else rest)
        talk.append(ChatMessage("assistant", said))
    seconds = statistics.mean(len(clip) / 16_000 for clip in clips)
    second = np.concatenate(clips)[: 16_000 * 10]
    meter = engine.new_meter()

    def fresh(number: int) -> list[Any]:
        # Another name makes another prompt, so that nothing of it was read before.
        unread = ChatMessage("system", instructions.replace("Maya", f"Maya{number}"))
        return list(pieces(BrainRequest((unread, *requests[number % len(requests)].messages[1:]))))

    return [
        _part(
            "ear", [lambda c=c: engine.ear.transcribe(c, prompt=prompt) for c in clips], f"a turn of {seconds:.1f} s"
        ),
        _part("meter", [lambda: meter.push(second)], "a second of sound", per=10),
        _part("clerk", [lambda r=r: list(pieces(r)) for r in requests], "a reply, the prompt known"),
        _part("clerk, new prompt", [lambda n=n: fresh(n) for n in range(24)], "the first reply of a call", rounds=1),
        _part("voice", [lambda s=s: list(engine.voice.speak(s, voice="robin")) for s in sentences], "a first sentence"),
    ]


def _part(name: str, works: Sequence[Callable[[], Any]], note: str, *, per: float = 1, rounds: int = 3) -> Part:
    times_ms = []
    for _ in range(rounds):
        for work in works:
            began = perf_counter()
            work()
            times_ms.append(1000 * (perf_counter() - began) / per)
    return Part(name, percentile(times_ms, 50), percentile(times_ms, 90), note)
