"""What is known so far of one conversation item, and the turn it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contoso_lab.wire.heard import WordTime, heard_text
from contoso_lab.wire.plain import number, part_index, text
from contoso_lab.wire.turns import Role, Status, ToolCall, Turn

# An interruption shorter than this is a rounding of the two sides' clocks, not a missed word.
_ROUNDING_MS = 20.0


@dataclass(slots=True)
class Draft:
    """One conversation item in the making; times are the caller's `at_ms`."""

    item_id: str
    role: Role
    at_ms: float
    started_ms: float | None = None
    stopped_ms: float | None = None
    closed_ms: float | None = None
    """When nothing more was to come from the server."""
    response_id: str | None = None
    parts: dict[int, str] = field(default_factory=dict)
    words: tuple[WordTime, ...] = ()
    call: ToolCall | None = None
    is_output: bool = False
    """The result of a function: part of the order, but nothing that anybody said."""
    is_speech: bool = False
    """A user's item that came as sound, so that its text comes later."""
    committed: bool = True
    """False while a user's speech may still turn out to be nothing."""
    complete: bool = False
    """Whether the server called it complete."""
    cancelled: bool = False
    failed: bool = False
    deleted: bool = False
    replaced: bool = False
    """A replay put the recorded turn in its place, in the model's memory; it was said all the same."""
    stands_in: bool = False
    """A replay put it there as what was said in the recording; nobody says it here."""
    off_policy: bool = False
    audio_ms: float = 0.0
    truncated_ms: float | None = None
    """Where the client asked the server to cut."""
    played_ms: float | None = None
    """What the client says was played."""
    play_started_ms: float | None = None
    play_stopped_ms: float | None = None

    @property
    def text(self) -> str:
        """All the text there is, part after part."""
        return " ".join(filter(None, (self.parts[index].strip() for index in sorted(self.parts))))

    @property
    def heard_ms(self) -> float:
        """How much of the sound reached the listener; the player knows better than the server."""
        known = self.played_ms if self.played_ms is not None else self.truncated_ms
        if known is None or known >= self.audio_ms - _ROUNDING_MS:
            return self.audio_ms
        return max(known, 0.0)

    @property
    def shown(self) -> bool:
        """Whether this is a turn at all, and not machinery, a false alarm or an answer that never came."""
        if self.is_output or self.stands_in or (self.role == "user" and not self.committed):
            return False
        if self.deleted and not self.is_speech and not self.replaced:
            # A deleted item has left the model's memory; it was still said if somebody heard it.
            known = self.played_ms if self.played_ms is not None else self.truncated_ms
            return bool(known) or (known is None and self.play_started_ms is not None)
        empty = not self.text and self.audio_ms == 0 and self.call is None
        return not (self.role == "assistant" and empty and self.closed_ms is not None and not self.failed)

    def fill(self, content: Any) -> bool:
        """Take the text out of an item's content; say whether there was any."""
        found = False
        for index, part in enumerate(content if isinstance(content, list) else ()):
            said = (part.get("transcript") or part.get("text")) if isinstance(part, Mapping) else None
            if isinstance(said, str):
                self.parts[index] = said
                found = True
        return found

    def read_call(self, item: Mapping[str, Any]) -> None:
        """Take in what an item, or an event about one, says of a call of a function; what it leaves out stays."""
        known = self._known_call()
        self.call = replace(
            known,
            call_id=text(item.get("call_id")) or known.call_id or self.item_id,
            name=text(item.get("name")) or known.name,
            arguments=text(item.get("arguments")) or known.arguments,
            output=text(item.get("output")) or known.output,
        )

    def _known_call(self) -> ToolCall:
        return self.call or ToolCall("", "", "", item_id=self.item_id)

    def more_arguments(self, delta: str) -> None:
        """Take in the next piece of what a function is called with."""
        known = self._known_call()
        self.call = replace(known, arguments=known.arguments + delta)

    def transcribed(self, what: str, ev: Mapping[str, Any], at_ms: float) -> None:
        """Take in what the transcription of a user's speech says: `delta`, `completed` or `failed`."""
        self.is_speech = self.committed = True
        part = part_index(ev.get("content_index"))
        match what:
            case "delta":
                self.parts[part] = self.parts.get(part, "") + text(ev.get("delta"))
            case "completed":
                self.parts[part] = text(ev.get("transcript"))
                self.close(at_ms)
            case "failed":
                self.failed = True
                self.close(at_ms)

    def close(self, at_ms: float) -> None:
        """Note that the server has no more to say about this item; the first time counts."""
        if self.closed_ms is None:
            self.closed_ms = at_ms

    def playback(self, name: str, ev: Mapping[str, Any], at_ms: float) -> None:
        """Take in what the player of the client reports about this item."""
        if name == "playback.started" and self.play_started_ms is None:
            self.play_started_ms = at_ms
        elif name == "playback.stopped":
            self.play_stopped_ms = at_ms
            if (played := number(ev.get("played_ms"))) is not None:
                self.played_ms = played

    def flushed(self) -> None:
        """Note that the player emptied its queue: what waited in it was never heard."""
        if self.role == "assistant" and self.audio_ms > 0 and self.play_started_ms is None and self.played_ms is None:
            self.played_ms = 0.0

    def turn(self, calls: tuple[ToolCall, ...]) -> Turn:
        """Make the turn, with the calls of the same response."""
        heard_ms, started = self.heard_ms, self._started()
        text = self.text
        heard = heard_text(text, heard_ms, self.audio_ms, self.words) if self.role == "assistant" else text
        status = self._status(heard_ms)
        return Turn(
            item_id=self.item_id,
            role=self.role,
            text=text,
            heard=heard,
            status=status,
            started_ms=started,
            stopped_ms=None if status == "open" else self._stopped(started, heard_ms),
            response_id=self.response_id,
            audio_ms=self.audio_ms,
            heard_ms=heard_ms,
            tool_calls=calls,
            off_policy=self.off_policy,
        )

    def _status(self, heard_ms: float) -> Status:
        if self.failed:
            return "failed"
        if self.role == "assistant" and (self.cancelled or heard_ms < self.audio_ms):
            return "interrupted"
        return "open" if self.closed_ms is None else "done"

    def _started(self) -> float:
        for known in (self.play_started_ms, self.started_ms):
            if known is not None:
                return known
        return self.at_ms

    def _stopped(self, started: float, heard_ms: float) -> float | None:
        if self.play_stopped_ms is not None:
            return self.play_stopped_ms
        if self.role == "user":
            return self.stopped_ms if self.stopped_ms is not None else self.closed_ms
        # Without word from the player: it played from the first sound on, without a pause.
        return started + heard_ms if self.audio_ms else self.closed_ms
