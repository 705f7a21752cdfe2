"""A recording cut at the customer's turns: the sound of each, what came before, and the recorded answer to it.

Pieces between which the customer only drew breath, and heard nothing, are one turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contoso_lab.audio import Clip
from contoso_lab.errors import ReplayError
from contoso_lab.recording import Recording
from contoso_lab.scoring.anchors import UserItem, read_anchors
from contoso_lab.scoring.exchanges import BREATH_MS
from contoso_lab.wire import Turn, ga_name

GRID_MS = 160.0
"""Sound is cut at multiples of this. It holds whole chunks of a microphone (40 ms) and whole frames of the detector
(32 ms), so that the detector sees the same frames as in the recording."""
LEAD_MS = 480.0
"""So much of what was before a turn is sent with it, where nobody spoke then: the detector needs a start."""


@dataclass(frozen=True, slots=True)
class CustomerTurn:
    """One turn of the customer, on the clock of the customer's own sound, and the answer it got."""

    number: int
    """From 0."""
    start_ms: float
    """Where its sound begins, by the server's detector, with its padding."""
    end_ms: float
    """Where it ends, with the silence that the server waited."""
    cut_ms: float
    """Where the sound before it may be cut: on the grid, before `start_ms`."""
    said: tuple[Turn, ...]
    """The turn as the server understood it; several when it took breath."""
    before: tuple[Turn, ...]
    """All that was said before, by both."""
    replies: tuple[Turn, ...]
    """What was said until the customer's next turn."""

    @property
    def text(self) -> str:
        """What the server understood."""
        return " ".join(turn.text for turn in self.said if turn.text)

    @property
    def reply(self) -> str:
        """The recorded answer: all that was said, heard or not."""
        return " ".join(turn.text for turn in self.replies if turn.role == "assistant" and turn.text)


def customer_turns(recording: Recording) -> tuple[CustomerTurn, ...]:
    """All turns of the customer, in order.

    Raises:
        ReplayError: the recording holds no turn of a customer with sound.
    """
    turns = recording.conversation.turns
    spans = _spans(recording)
    groups: list[list[int]] = []
    for place, turn in enumerate(turns):
        if turn.role != "user" or turn.item_id not in spans:
            continue
        goes_on = groups and groups[-1][-1] == place - 1
        if goes_on and spans[turn.item_id][0] - spans[turns[place - 1].item_id][1] <= BREATH_MS:
            groups[-1].append(place)
        else:
            groups.append([place])
    if not groups:
        raise ReplayError(f"{recording.path}: nothing to play again, the recording holds no turn of a customer")
    found, last_end_ms = [], 0.0
    for number, group in enumerate(groups):
        start_ms, end_ms = spans[turns[group[0]].item_id][0], spans[turns[group[-1]].item_id][1]
        behind = groups[number + 1][0] if number + 1 < len(groups) else len(turns)
        earliest_ms = max(start_ms - LEAD_MS, min(last_end_ms, start_ms))
        found.append(
            CustomerTurn(
                number=number,
                start_ms=start_ms,
                end_ms=end_ms,
                # On the grid at or before the start: a detector that begins later would hear another beginning.
                cut_ms=min(-(-earliest_ms // GRID_MS), start_ms // GRID_MS) * GRID_MS,
                said=tuple(turns[place] for place in group),
                before=tuple(turns[: group[0]]),
                replies=tuple(turns[group[-1] + 1 : behind]),
            )
        )
        last_end_ms = end_ms
    return tuple(found)


def turn_at(turns: Sequence[CustomerTurn], number: int, recording: Recording) -> CustomerTurn:
    """The turn of this number.

    Raises:
        ReplayError: there is none; says how many there are.
    """
    if not 0 <= number < len(turns):
        raise ReplayError(f"{recording.path} has {len(turns)} customer turns: take one from 0 to {len(turns) - 1}")
    return turns[number]


def sound_of(recording: Recording, start_ms: float, end_ms: float | None = None) -> Clip:
    """A stretch of the customer's sound."""
    clip = recording.user_audio
    return clip[start_ms:] if end_ms is None else clip[start_ms : min(end_ms, clip.duration_ms)]


def greeted(recording: Recording) -> bool:
    """Whether the assistant was asked to speak before the customer did."""
    for event in recording.events:
        name = ga_name(event.type)
        if event.dir == "c2s" and name == "response.create":
            return True
        if event.dir == "s2c" and name in ("input_audio_buffer.speech_started", "input_audio_buffer.committed"):
            return False
    return False


def _spans(recording: Recording) -> dict[str, tuple[float, float]]:
    """Where each of the customer's items lies in the customer's sound, in ms."""
    users: dict[str, UserItem] = {user.item_id: user for user in read_anchors(recording).users}
    rate_hz, sent, last_ms = recording.user_audio.rate_hz, 0, 0.0
    spans: dict[str, tuple[float, float]] = {}
    for event in recording.events:
        name = ga_name(event.type)
        if event.dir == "c2s" and name == "input_audio_buffer.append" and isinstance(event.ev.get("audio"), dict):
            sent = int(event.ev["audio"]["off"]) + int(event.ev["audio"]["len"])
        elif event.dir == "s2c" and name == "input_audio_buffer.committed":
            item_id = str(event.ev.get("item_id"))
            user, now_ms = users.get(item_id), 1000 * sent / rate_hz
            start_ms = user.audio_start_ms if user and user.audio_start_ms is not None else last_ms
            end_ms = user.audio_end_ms if user and user.audio_end_ms is not None else now_ms
            if end_ms > start_ms:
                spans[item_id] = (start_ms, min(end_ms, max(now_ms, end_ms)))
            last_ms = now_ms
    return spans
