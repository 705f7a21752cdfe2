"""Cover what is private in the sound, and leave its length as it is.

Where a word lies in the sound is seldom known. Then its place is taken in proportion: as far into the voiced part of
its utterance as it stands into the text, with a wide margin on both sides, and a short utterance goes as a whole. Sound
in which somebody speaks and of which there is no text goes as a whole, too, for nobody knows what was said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from contoso_lab.audio import Clip, FloatArray, find_speech, tone
from contoso_lab.recording.redact_rules import Hit
from contoso_lab.wire import WordTime

BLEEP_HZ, BLEEP_DB = 1000.0, -26.0
SHORT_MS = 2500.0
"""An utterance with private words that is not longer than this is covered as a whole."""
MARGIN_MS, MARGIN_SHARE = 600.0, 0.15
"""How far beyond its estimated place a stretch is covered, on each side: so long, or that share of the utterance."""
WORD_MARGIN_MS = 120.0
"""The same where the time of each word is known."""


class Span(NamedTuple):
    """A stretch of a track, in samples."""

    start: int
    end: int


class Utterance(NamedTuple):
    """What was said in one stretch of a track, and what of it is private."""

    span: Span
    text: str
    hits: tuple[Hit, ...]
    words: tuple[WordTime, ...] = ()
    """When each word ends, in ms from the start of the span; empty when nobody knows."""


def spans_to_cover(track: Clip, utterances: Sequence[Utterance]) -> list[Span]:
    """Where to cover a track; the spans are in order and do not overlap."""
    found = [span for utterance in utterances for span in _of_utterance(track, utterance)]
    known = [utterance.span for utterance in utterances if utterance.text.strip()]
    found += [utterance.span for utterance in utterances if not utterance.text.strip()]
    for speech in find_speech(track):
        start, end = (round(ms * track.rate_hz / 1000) for ms in (speech.start_ms, speech.end_ms))
        found += _outside(Span(start, end), known, track.rate_hz)
    merged: list[Span] = []
    for span in sorted(found):
        span = Span(max(0, span.start), min(len(track), span.end))
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        elif span.end > span.start:
            merged.append(span)
    return merged


def covered(track: Clip, spans: Sequence[Span]) -> Clip:
    """The track with a tone in these spans; as long as before, and untouched elsewhere."""
    import numpy as np

    samples: FloatArray = track.samples.copy()
    for start, end in spans:
        bleep = tone(1000 * (end - start) / track.rate_hz + 1, hz=BLEEP_HZ, rate_hz=track.rate_hz, level_db=BLEEP_DB)
        samples[start:end] = bleep.samples[: end - start]
        ramp = min((end - start) // 2, track.rate_hz // 200)
        samples[start : start + ramp] *= np.linspace(0, 1, ramp, dtype=np.float32)
        samples[end - ramp : end] *= np.linspace(1, 0, ramp, dtype=np.float32)
    return Clip(samples, track.rate_hz)


def _of_utterance(track: Clip, utterance: Utterance) -> list[Span]:
    if not utterance.hits:
        return []
    start, end = max(0, utterance.span.start), min(len(track), utterance.span.end)
    length_ms = 1000 * (end - start) / track.rate_hz
    timed = _by_words(utterance, track.rate_hz)
    if timed is not None:
        return timed
    if length_ms <= SHORT_MS:
        return [Span(start, end)]
    voiced = find_speech(Clip(track.samples[start:end], track.rate_hz)) or []
    margin_ms = max(MARGIN_MS, MARGIN_SHARE * length_ms)
    spans = []
    for hit in utterance.hits:
        first_ms, last_ms = (
            _place(voiced, length_ms, position / max(1, len(utterance.text))) for position in (hit.start, hit.end)
        )
        first, last = ((ms * track.rate_hz) / 1000 for ms in (first_ms - margin_ms, last_ms + margin_ms))
        spans.append(Span(max(start, start + int(first)), min(end, start + int(last) + 1)))
    return spans


def _place(voiced: Sequence[object], length_ms: float, share: float) -> float:
    """How far into an utterance a share of its voiced part has passed, in ms."""
    spans = [(span.start_ms, span.end_ms) for span in voiced]  # type: ignore[attr-defined]
    total = sum(end - start for start, end in spans)
    if total <= 0:
        return share * length_ms
    left = share * total
    for start, end in spans:
        if left <= end - start:
            return float(start + left)
        left -= end - start
    return float(spans[-1][1])


def _by_words(utterance: Utterance, rate_hz: int) -> list[Span] | None:
    """Exact spans, when the words with times are those of the text."""
    starts: list[tuple[int, int, float, float]] = []  # characters from, to, ms from, to
    at, before_ms = 0, 0.0
    for word in utterance.words:
        found = utterance.text.find(word.word, at)
        if found < 0:
            return None
        starts.append((found, found + len(word.word), before_ms, word.end_ms))
        at, before_ms = found + len(word.word), word.end_ms
    if not starts:
        return None
    spans = []
    for hit in utterance.hits:
        inside = [times for times in starts if times[0] < hit.end and hit.start < times[1]]
        if not inside:
            return None
        first_ms, last_ms = inside[0][2] - WORD_MARGIN_MS, inside[-1][3] + WORD_MARGIN_MS
        first, last = (utterance.span.start + int(ms * rate_hz / 1000) for ms in (first_ms, last_ms))
        spans.append(Span(max(utterance.span.start, first), min(utterance.span.end, last)))
    return spans


def _outside(speech: Span, known: Sequence[Span], rate_hz: int) -> list[Span]:
    """What of a stretch of speech lies in no utterance with a text; what touches one nearly is its beginning or end."""
    slack = round(0.3 * rate_hz)
    left = [speech]
    for span in known:
        near = Span(span.start - slack, span.end + slack)
        left = [
            part
            for piece in left
            for part in (Span(piece.start, min(piece.end, near.start)), Span(max(piece.start, near.end), piece.end))
            if part.end > part.start
        ]
    return left
