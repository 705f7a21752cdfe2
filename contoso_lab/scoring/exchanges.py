"""The caller's turns as they really were, each with what the server made of it and the answer it got.

With labels there is one exchange for each labelled turn, whether the server cut it in two, missed it or ran it
together with the next. Without labels the server's own turns are taken, and two pieces between which the caller
only drew breath are one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contoso_lab.scoring.anchors import Anchors, AnswerItem, Response, UserItem
from contoso_lab.scoring.matching import Interval, Match, best_shift_ms, match_turns

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording
    from contoso_lab.recording.labels import Labels
    from contoso_lab.recording.playback import PlayedItem
    from contoso_lab.recording.timeline import Timeline

BREATH_MS = 1000.0
"""A caller who goes on within this time had not finished: the window of premature endpoints."""
FRAME_MS = 20.0
BESIDE_MS = 300.0
"""A turn's sound may begin or end this far beside the span that a label or the server gives it."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn of the caller and what followed it. Times are on the session clock."""

    turn: int | None
    """Its place: the label's where there are labels, else counted along. None: heard where nobody spoke."""
    references: tuple[int, ...]
    """The labelled turns that it is; two when the server ran them together."""
    heard: tuple[UserItem, ...]
    """The server's turns that it is; none when it was missed."""
    spoke_from_ms: float
    """When the caller began, by the sound where it tells (a_on)."""
    silent_from_ms: float | None
    """When the caller fell silent, by the sound itself (a_off)."""
    waited_until_ms: float
    """When the caller spoke again, or the recording ended."""
    answer: AnswerItem | None
    """The item with sound that answers it; None when nothing was heard in answer."""
    played: PlayedItem | None
    """How that answer sounded at the caller's end."""
    used_tool: bool
    """Whether a function was called on the way to the answer."""

    @property
    def closed_ms(self) -> float | None:
        """From when on the server could answer."""
        return self.heard[-1].closed_ms if self.heard else None


def exchanges(recording: Recording) -> list[Exchange]:
    """All turns of the caller, in order of time."""
    from contoso_lab.scoring.features import features

    return features(recording).exchanges


def find_exchanges(recording: Recording, anchors: Anchors, labels: Labels | None) -> list[Exchange]:
    """Find the caller's turns; `exchanges` keeps what this finds."""
    timeline = recording.timeline()
    played = {item.item_id: item for item in timeline.items}
    spoken = [Interval(span.start_ms, span.end_ms) for span in timeline.user_spans]
    said = _said(timeline, labels, spoken)
    claims = [_claim(user, timeline) for user in anchors.users]
    if said:
        matches = match_turns(said, claims)
    else:
        matches = [Match((), group) for group in _breaths(anchors, played)]
    spans = [_span([said[i] for i in m.references] or [claims[i] for i in m.heard]) for m in matches]
    found: list[Exchange] = []
    for place, match in enumerate(matches):
        heard = tuple(anchors.users[i] for i in match.heard)
        silent_ms: float | None = None
        if match.references or not said:
            silent_ms = _fell_silent(spans[place], spoken, labelled=bool(match.references))
        coming = next((anchors.users[m.heard[0]] for m in matches[place + 1 :] if m.heard), None)
        replies = _replies(anchors, heard, coming)
        answer = _answer(replies, played, silent_ms)
        turn = match.references[0] if match.references else None if said else len(found)
        found.append(
            Exchange(
                turn=turn,
                references=match.references,
                heard=heard,
                spoke_from_ms=_began(spans[place], spoken, labelled=bool(match.references)),
                silent_from_ms=silent_ms,
                waited_until_ms=spans[place + 1].start_ms if place + 1 < len(spans) else anchors.end_ms,
                answer=answer,
                played=played[answer.item_id] if answer else None,
                used_tool=_used_tool(replies, answer),
            )
        )
    return found


def _said(timeline: Timeline, labels: Labels | None, spoken: Sequence[Interval]) -> list[Interval]:
    """The labelled turns on the session clock; empty without labels that carry times."""
    clock = label_clock(timeline, labels, spoken)
    if labels is None or clock is None:
        return []
    return [Interval(clock(turn.start_ms), clock(turn.end_ms)) for turn in labels.turns]  # type: ignore[arg-type]


def label_clock(
    timeline: Timeline, labels: Labels | None, spoken: Sequence[Interval]
) -> Callable[[float], float] | None:
    """From the clock of the labels to the session clock; None without labelled turns that all carry times."""
    turns = labels.turns if labels is not None else []
    spans = [
        Interval(timeline.user_ms_to_session(turn.start_ms), timeline.user_ms_to_session(turn.end_ms))
        for turn in turns
        if turn.start_ms is not None and turn.end_ms is not None
    ]
    if not spans or len(spans) != len(turns):
        return None
    shift = best_shift_ms(spans, spoken)
    return lambda audio_ms: timeline.user_ms_to_session(audio_ms) + shift


def _claim(user: UserItem, timeline: Timeline) -> Interval:
    """When a turn was spoken, by what the server said of it."""
    if user.audio_start_ms is not None and user.audio_end_ms is not None:
        end_ms = max(user.audio_start_ms, user.audio_end_ms)
        return Interval(timeline.user_ms_to_session(user.audio_start_ms), timeline.user_ms_to_session(end_ms))
    # Without the server's own figures (a client that closes turns by hand) the moments of arrival have to do.
    end = user.closed_ms if user.closed_ms is not None else user.started_ms or 0.0
    return Interval(user.started_ms if user.started_ms is not None else end, end)


def _breaths(anchors: Anchors, played: dict[str, PlayedItem]) -> list[tuple[int, ...]]:
    """Group the server's turns: pieces belong together when the caller went on at once and heard nothing between."""
    groups: list[tuple[int, ...]] = []
    for i, user in enumerate(anchors.users):
        before = anchors.users[groups[-1][-1]] if groups else None
        if before is not None and before.closed_ms is not None and user.started_ms is not None:
            closed, started = before.closed_ms, user.started_ms
            answered = any(closed <= item.started_ms < started for item in played.values())
            if started - closed <= BREATH_MS and not answered:
                groups[-1] = (*groups[-1], i)
                continue
        groups.append((i,))
    return groups


def _span(parts: Sequence[Interval]) -> Interval:
    return Interval(min(part.start_ms for part in parts), max(part.end_ms for part in parts))


def _began(span: Interval, spoken: Sequence[Interval], *, labelled: bool) -> float:
    """When the caller began, by the sound; where the sound holds nothing, by the label or the server."""
    starts = [s.start_ms for s in spoken if s.overlap_ms(span) > 0]
    if not labelled:
        return min(starts, default=span.start_ms)
    near = [start for start in starts if abs(start - span.start_ms) <= BESIDE_MS]
    return min(near, default=span.start_ms)


def _fell_silent(span: Interval, spoken: Sequence[Interval], *, labelled: bool) -> float | None:
    """When the caller stopped, by the sound; None where the sound holds nothing."""
    ends = [s.end_ms for s in spoken if s.overlap_ms(span) > 0]
    if not labelled:
        return max(ends, default=None)
    # An echo of the assistant may run on into the microphone: near a label, the label decides which end is meant.
    near = [end for end in ends if abs(end - span.end_ms) <= BESIDE_MS]
    return max(near, default=span.end_ms)


def _replies(anchors: Anchors, heard: Sequence[UserItem], coming: UserItem | None) -> list[Response]:
    """The responses made between this turn's close and the next one's."""
    if not heard or heard[0].closed_ms is None:
        return []
    first = heard[0]
    moments = [moment for moment in (first.stopped_ms, first.committed_ms) if moment is not None]
    since = min(moments) - FRAME_MS
    until = coming.closed_ms if coming is not None and coming.closed_ms is not None else float("inf")
    return [response for response in anchors.responses if since <= response.created_ms < until]


def _answer(replies: Sequence[Response], played: dict[str, PlayedItem], silent_ms: float | None) -> AnswerItem | None:
    """The first item that sounded after the caller fell silent, or was still sounding then."""
    for response in replies:
        for item in response.items:
            sound = played.get(item.item_id)
            if item.first_audio_ms is None or sound is None or sound.played_ms <= 0:
                continue
            if silent_ms is None or sound.stopped_ms > silent_ms:
                return item
    return None


def _used_tool(replies: Sequence[Response], answer: AnswerItem | None) -> bool:
    for response in replies:
        if response.called_tool:
            return True
        if answer is not None and response.response_id == answer.response_id:
            break
    return False


@dataclass(frozen=True, slots=True)
class HeardTurn:
    """What the server wrote down for one turn of the caller."""

    references: tuple[int, ...]
    heard: tuple[str, ...]
    """The server's items; none when the turn was missed."""
    texts: tuple[str, ...]
    failed: bool
    """Whether the server said that it could not transcribe part of it."""


def heard_turns(recording: Recording) -> list[HeardTurn]:
    """The caller's labelled turns with the server's transcripts of them, and what it heard besides."""
    from contoso_lab.scoring.features import features

    turns = {turn.item_id: turn for turn in features(recording).turns}
    found = []
    for exchange in exchanges(recording):
        ids = tuple(user.item_id for user in exchange.heard)
        texts = tuple(turns[item_id].text for item_id in ids if item_id in turns)
        failed = any(turns[item_id].status == "failed" for item_id in ids if item_id in turns)
        found.append(HeardTurn(exchange.references, ids, texts, failed))
    return found
