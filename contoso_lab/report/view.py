"""What a report shows of one call, gathered from its recording: plain values, ready to draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from contoso_lab.errors import AudioError
from contoso_lab.report.facts import facts_of
from contoso_lab.report.waits import Wait, waits_of

if TYPE_CHECKING:
    from contoso_lab.audio import Clip
    from contoso_lab.recording import Recording, Timeline
    from contoso_lab.wire import Turn

_NOTICED_MS = 1500.0
"""Speech that ended longer ago than this is not what somebody noticed just now."""


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of the transcript."""

    role: Literal["user", "assistant", "system"]
    start_ms: float
    stop_ms: float | None
    listen_ms: float
    """Where to listen from: the server notices speech only after it has begun."""
    heard: str
    unheard: str
    """What was generated after that and never reached the customer."""
    state: str
    """Why the turn is not whole; empty when it is."""
    tools: tuple[str, ...]
    """Functions that were called on the way, as `name(arguments)`."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that deserves a mark on the time axis."""

    kind: Literal["shown", "cut"]
    at_ms: float
    label: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of suggestions."""

    markdown: str
    """Written by a model: untrusted."""
    at_ms: float
    took_ms: float | None
    why: str
    """What the write-up gate said."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, ready to draw. Times are in ms on the session clock."""

    name: str
    recording_id: str
    duration_ms: float
    customer: Clip | None
    """None when the recording holds no sound that can be played."""
    assistant: Clip | None
    """As it was played, of the same length and rate as the customer's."""
    measured: bool
    """Whether the player reported what it played; otherwise a model of a player guessed it."""
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    waits: tuple[Wait, ...]
    shown: tuple[Shown, ...]
    played: tuple[tuple[float, float], ...]
    """When the assistant sounded: from and to."""
    unfinished: int
    """How many suggestions were begun and never appeared."""
    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]

    @property
    def cuts(self) -> int:
        """How often an answer was cut off."""
        return sum(mark.kind == "cut" for mark in self.marks)

    @property
    def asked(self) -> int:
        """How many turns the customer took; by the transcript where the sound does not tell."""
        spoken = sum(wait.number is not None for wait in self.waits)
        return spoken or sum(line.role == "user" for line in self.lines)

    def spans(self, role: Literal["user", "assistant"]) -> tuple[tuple[float, float], ...]:
        """When one side had the floor: the customer by the server's word, the assistant as it was played."""
        if role == "assistant":
            return self.played
        return tuple(
            (line.start_ms, max(line.start_ms, line.stop_ms))
            for line in self.lines
            if line.role == "user" and line.stop_ms is not None
        )


def look(recording: Recording, name: str | None = None) -> Call:
    """Gather what a report shows of a recording; one that is damaged is shown as far as it goes."""
    problems = list(recording.problems)
    customer: Clip | None = None
    assistant: Clip | None = None
    timeline: Timeline | None = None
    waits: tuple[Wait, ...] = ()
    try:
        customer, assistant = recording.stereo()
        timeline = recording.timeline()
        waits = waits_of(recording)
    except AudioError as error:
        if str(error) not in problems:
            problems.append(str(error))
    duration_ms = max([recording.duration_ms, *(clip.duration_ms for clip in (customer,) if clip)])
    if customer is not None and assistant is not None and not (customer.samples.any() or assistant.samples.any()):
        customer = assistant = None
    shown = _shown(recording)
    begun = sum(event.type == "suggestion.started" for event in recording.events)
    return Call(
        name=name or names_of([recording])[0],
        recording_id=recording.id,
        duration_ms=duration_ms,
        customer=customer,
        assistant=assistant,
        measured=timeline is not None and timeline.measured,
        lines=tuple(_line(turn, timeline) for turn in recording.conversation.turns),
        marks=tuple(sorted([*_appeared(shown), *_cuts(timeline)], key=lambda mark: mark.at_ms)),
        waits=waits,
        shown=shown,
        played=tuple((item.started_ms, item.stopped_ms) for item in timeline.items) if timeline else (),
        unfinished=max(0, begun - len(shown)),
        facts=facts_of(recording),
        # A page that goes to others says nothing about the folders of this machine.
        problems=tuple(problem.replace(f"{recording.path}/", "") for problem in problems),
    )


def names_of(recordings: Sequence[Recording]) -> list[str]:
    """What to call each call: its persona, and its id too where that does not tell them apart."""
    first = [recording.manifest.persona or recording.id for recording in recordings]
    count = Counter(first)
    return [
        name if count[name] == 1 or name == recording.id else f"{name} · {recording.id}"
        for name, recording in zip(first, recordings, strict=True)
    ]


def _line(turn: Turn, timeline: Timeline | None) -> Line:
    states = {
        "open": "unfinished when the recording ended",
        "failed": "failed",
        "interrupted": "cut off" if turn.heard else "never heard",
    }
    state = states.get(turn.status, "")
    if not turn.text and not state:
        state = "nothing was recognised" if turn.role == "user" else "no words"
    return Line(
        role=turn.role,
        start_ms=turn.started_ms,
        stop_ms=turn.stopped_ms,
        listen_ms=_began(turn, timeline),
        heard=turn.heard,
        unheard=turn.unheard,
        state=state,
        tools=tuple(f"{call.name}({call.arguments})" for call in turn.tool_calls),
    )


def _began(turn: Turn, timeline: Timeline | None) -> float:
    if turn.role != "user" or timeline is None:
        return turn.started_ms
    spans = [span for span in timeline.user_spans if span.start_ms <= turn.started_ms <= span.end_ms + _NOTICED_MS]
    return max((span.start_ms for span in spans), default=turn.started_ms)


def _shown(recording: Recording) -> tuple[Shown, ...]:
    reasons: dict[str, str] = {}
    found = []
    for event in recording.events:
        if event.dir != "local":
            continue
        after = str(event.ev.get("after_item_id"))
        if event.type == "gate.decided" and event.ev.get("requested"):
            reasons[after] = str(event.ev.get("reason") or "")
        elif event.type == "suggestion.shown":
            took = event.ev.get("duration_ms")
            found.append(
                Shown(
                    markdown=str(event.ev.get("text") or ""),
                    at_ms=event.t_ms,
                    took_ms=float(took) if isinstance(took, int | float) else None,
                    why=reasons.get(after, ""),
                )
            )
    return tuple(found)


def _appeared(shown: Sequence[Shown]) -> list[Mark]:
    return [Mark("shown", page.at_ms, "suggestions appeared") for page in shown]


def _cuts(timeline: Timeline | None) -> list[Mark]:
    marks = []
    for item in timeline.items if timeline else ():
        if item.reason != "flushed":
            continue
        spoke = [
            span.start_ms
            for span in (timeline.user_spans if timeline else ())
            if item.started_ms <= span.start_ms <= item.stopped_ms and span.end_ms >= item.stopped_ms - _NOTICED_MS
        ]
        if spoke:
            later_ms = item.stopped_ms - spoke[-1]
            label = f"the customer cut in; the assistant fell silent {later_ms:.0f} ms later"
            marks.append(Mark("cut", spoke[-1], label))
        else:
            # Noise, an echo or a button may stop an answer too: nothing is blamed on the customer that was not said.
            marks.append(Mark("cut", item.stopped_ms, "the answer was cut off here"))
    return marks
