"""Where each utterance lies in its track, and what of it is private."""

from __future__ import annotations

from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.redact_sound import Span, Utterance
from contoso_lab.recording.redact_text import Redactor
from contoso_lab.wire import ga_name
from contoso_lab.wire.plain import number


def utterances(recording: Recording, redactor: Redactor, asked: dict[str, str]) -> dict[str, list[Utterance]]:
    """The utterances of both tracks, `in` and `out`, that have a place in the sound.

    Args:
        recording: which one.
        redactor: finds what is private.
        asked: what was said before each item.
    """
    places = {"in": _caller(recording), "out": _assistant(recording)}
    found: dict[str, list[Utterance]] = {"in": [], "out": []}
    for turn in recording.conversation.turns:
        name = "out" if turn.role == "assistant" else "in"
        span = places[name].get(turn.item_id)
        if span is not None:
            hits = tuple(redactor.hits(turn.text, asked=asked.get(turn.item_id, "")))
            found[name].append(Utterance(span, turn.text, hits))
    return found


def _caller(recording: Recording) -> dict[str, Span]:
    """Each item of the caller: as the server's detector placed it, else what was sent before it was committed."""
    rate_hz = recording.user_audio.rate_hz
    starts: dict[str, float] = {}
    spans: dict[str, Span] = {}
    sent = committed = 0
    for event in recording.events:
        name, ev = ga_name(event.type), event.ev
        audio, item = ev.get("audio"), str(ev.get("item_id") or "")
        if isinstance(audio, dict) and audio.get("$audio") == "in":
            sent = audio["off"] + audio["len"]
        elif name == "input_audio_buffer.speech_started":
            if (start_ms := number(ev.get("audio_start_ms"))) is not None:
                starts[item] = start_ms
        elif name == "input_audio_buffer.speech_stopped":
            if item in starts and (end_ms := number(ev.get("audio_end_ms"))) is not None:
                spans[item] = Span(_sample(starts[item], rate_hz), _sample(end_ms, rate_hz))
        elif name == "input_audio_buffer.committed":
            start = _sample(starts[item], rate_hz) if item in starts else committed
            spans.setdefault(item, Span(min(start, sent), sent))
            committed = sent
        elif name == "input_audio_buffer.cleared":
            committed = sent
    return spans


def _assistant(recording: Recording) -> dict[str, Span]:
    spans: dict[str, Span] = {}
    for event in recording.events:
        delta, item = event.ev.get("delta"), str(event.ev.get("item_id") or "")
        if isinstance(delta, dict) and delta.get("$audio") == "out":
            start, end = delta["off"], delta["off"] + delta["len"]
            known = spans.get(item, Span(start, end))
            spans[item] = Span(min(known.start, start), max(known.end, end))
    return spans


def _sample(ms: float, rate_hz: int) -> int:
    return round(ms * rate_hz / 1000)
