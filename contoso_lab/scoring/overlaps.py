"""Who spoke over whom: the caller's utterances, the assistant's replies, and where they meet.

An utterance is a labelled turn where there are labels, with the ends that the sound has, else a turn of the server's.
A reply is one item of the assistant, from its first audible sample to its last. Times on the session clock, in ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contoso_lab.scoring.exchanges import FRAME_MS, Exchange, label_clock
from contoso_lab.scoring.features import Features, once
from contoso_lab.scoring.matching import Interval


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the caller said in one go."""

    turn: int
    span: Interval
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Reply:
    """One item of the assistant as it was heard."""

    item_id: str
    span: Interval
    flushed: bool
    """It was cut, and did not end by itself."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """The caller spoke into a reply and meant to be heard."""

    turn: int
    began_ms: float
    """When the caller began (a_on)."""
    reply: Reply

    @property
    def stop_ms(self) -> float:
        """How long the assistant was still heard after the caller began (p_off − a_on)."""
        return self.reply.span.end_ms - self.began_ms


@dataclass(frozen=True, slots=True)
class Aside:
    """A sound from the caller's side that is no turn, while the assistant was speaking."""

    kind: Literal["backchannel", "noise"]
    span: Interval
    reply: Reply


@once
def utterances(found: Features) -> list[Utterance]:
    """All that the caller said, in order; what the server heard where nobody spoke is none."""
    made = []
    for exchange in found.exchanges:
        if exchange.turn is None or exchange.silent_from_ms is None:
            continue
        end = max(exchange.silent_from_ms, exchange.spoke_from_ms)
        made.append(Utterance(exchange.turn, Interval(exchange.spoke_from_ms, end), exchange))
    return made


@once
def replies(found: Features) -> list[Reply]:
    """All that the assistant was heard to say, in order."""
    spans: dict[str, Interval] = {}
    for sound in found.sounding:
        before = spans.get(sound.item_id)
        start = sound.start_ms if before is None else before.start_ms
        spans[sound.item_id] = Interval(start, max(sound.end_ms, before.end_ms if before else sound.end_ms))
    made = [Reply(item, span, found.played[item].reason == "flushed") for item, span in spans.items()]
    return sorted(made, key=lambda reply: reply.span.start_ms)


def interruptions(found: Features) -> list[Interruption]:
    """Where the caller began a turn while the assistant was speaking."""
    heard = replies(found)
    made = []
    for said in utterances(found):
        reply = _sounding_at(heard, said.span.start_ms)
        if reply is not None:
            made.append(Interruption(said.turn, said.span.start_ms, reply))
    return made


def agent_starts(found: Features, said: Utterance) -> list[Reply]:
    """The replies that began while the caller was speaking."""
    first, last = said.span.start_ms + FRAME_MS, said.span.end_ms - FRAME_MS
    return [reply for reply in replies(found) if first < reply.span.start_ms < last]


def asides(found: Features) -> list[Aside]:
    """Backchannels and noises, by the labels, that fell into a reply."""
    labels = found.labels
    clock = label_clock(found.recording.timeline(), labels, found.spoken)
    if labels is None or clock is None:
        return []
    heard = replies(found)
    made = []
    for event in labels.events:
        span = Interval(clock(event.start_ms), clock(event.end_ms))
        reply = _sounding_at(heard, span.start_ms)
        if reply is not None:
            made.append(Aside(event.kind, span, reply))
    return made


def talk(found: Features) -> tuple[list[Interval], list[Interval]]:
    """Where the caller and where the assistant was audible; with labels only in labelled turns, else all sound."""
    said = utterances(found)
    callers = found.spoken
    if found.labels is not None and found.labels.turns and said:
        # The microphone also holds echoes and noise: what lies outside of all turns is not the caller's talk.
        callers = [_within(sound, one.span) for sound in found.spoken for one in said if sound.overlap_ms(one.span) > 0]
    return callers, [sound.interval for sound in found.sounding]


def _within(a: Interval, b: Interval) -> Interval:
    return Interval(max(a.start_ms, b.start_ms), min(a.end_ms, b.end_ms))


def _sounding_at(heard: list[Reply], at_ms: float) -> Reply | None:
    """The reply that had begun and goes on for at least a frame."""
    for reply in heard:
        if reply.span.start_ms < at_ms - FRAME_MS and reply.span.end_ms > at_ms + FRAME_MS:
            return reply
    return None


def merged(spans: list[Interval]) -> list[Interval]:
    """The same stretches without overlaps, in order.

    >>> merged([Interval(5, 9), Interval(0, 6), Interval(12, 13)])
    [Interval(start_ms=0, end_ms=9), Interval(start_ms=12, end_ms=13)]
    """
    made: list[Interval] = []
    for span in sorted(spans, key=lambda one: one.start_ms):
        if made and span.start_ms <= made[-1].end_ms:
            made[-1] = Interval(made[-1].start_ms, max(made[-1].end_ms, span.end_ms))
        else:
            made.append(span)
    return made


def overlap_ms(a: list[Interval], b: list[Interval]) -> float:
    """For how long both sound: the sum of pairwise intersections of two lists without overlaps of their own."""
    return sum(max(0.0, x.overlap_ms(y)) for x in merged(a) for y in merged(b))
