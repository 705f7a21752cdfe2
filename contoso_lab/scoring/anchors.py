"""The moments that every latency is made of, read from the events of a recording; all on the session clock.

Letters in brackets are those of the metric catalogue: when the caller fell silent (a_off) is heard in the sound,
when the server noticed (v_off) stands in the log, when the answer was heard (p_voice) only the player knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contoso_lab.wire import ga_name
from contoso_lab.wire.plain import number

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording


@dataclass(slots=True)
class UserItem:
    """One turn of the caller as the server saw it."""

    item_id: str
    started_ms: float | None = None
    """When the server said that speech began (v_on)."""
    stopped_ms: float | None = None
    """When the server said that speech had ended (v_off)."""
    committed_ms: float | None = None
    """When the turn was closed (c)."""
    audio_start_ms: float | None = None
    """Where speech began by the server's claim, on the clock of the caller's sound; includes its padding."""
    audio_end_ms: float | None = None
    """Where it ended by the server's claim; includes the silence that it waited."""

    @property
    def closed_ms(self) -> float | None:
        """From when on the server could answer: the later of noticing and closing."""
        moments = [moment for moment in (self.stopped_ms, self.committed_ms) if moment is not None]
        return max(moments, default=None)


@dataclass(slots=True)
class AnswerItem:
    """One item of the assistant that has sound."""

    item_id: str
    response_id: str
    created_ms: float
    """When its response began (r)."""
    first_text_ms: float | None = None
    """When its first words came (x1)."""
    first_audio_ms: float | None = None
    """When its first sound came (d1)."""


@dataclass(slots=True)
class Response:
    """One answer of the model, with or without sound."""

    response_id: str
    created_ms: float
    called_tool: bool = False
    items: list[AnswerItem] = field(default_factory=list)


@dataclass(slots=True)
class Anchors:
    """Everything that was read, in order of time."""

    users: list[UserItem] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    session_created_ms: float | None = None
    end_ms: float = 0.0


def read_anchors(recording: Recording) -> Anchors:
    """Gather the moments of a recording.

    Turns that the conversation does not keep (speech that was never committed, answers outside the
    conversation) are left out.
    """
    kept = {turn.item_id for turn in recording.conversation.turns}
    reader = _Reader()
    for event in recording.events:
        reader.take(event.t_ms, event.dir, event.ev)
    found = reader.anchors
    found.users = [user for user in reader.users.values() if user.item_id in kept or user.committed_ms is not None]
    found.users.sort(key=lambda user: _first_known(user.started_ms, user.stopped_ms, user.committed_ms))
    for response in reader.responses.values():
        response.items = [item for item in response.items if item.item_id in kept]
    found.responses = sorted(reader.responses.values(), key=lambda response: response.created_ms)
    return found


class _Reader:
    def __init__(self) -> None:
        self.anchors = Anchors()
        self.users: dict[str, UserItem] = {}
        self.responses: dict[str, Response] = {}
        self.items: dict[str, AnswerItem] = {}

    def take(self, t_ms: float, direction: str, ev: Mapping[str, Any]) -> None:
        self.anchors.end_ms = max(self.anchors.end_ms, t_ms)
        if direction != "s2c":
            return
        name = ga_name(str(ev.get("type", "")))
        if name == "session.created" and self.anchors.session_created_ms is None:
            self.anchors.session_created_ms = t_ms
        elif name.startswith("input_audio_buffer."):
            self._user(name, t_ms, ev)
        elif name.startswith("response."):
            self._answer(name, t_ms, ev)

    def _user(self, name: str, t_ms: float, ev: Mapping[str, Any]) -> None:
        item_id = str(ev.get("item_id") or "")
        if not item_id:
            return
        user = self.users.setdefault(item_id, UserItem(item_id))
        match name:
            case "input_audio_buffer.speech_started":
                user.started_ms, user.audio_start_ms = t_ms, number(ev.get("audio_start_ms"))
            case "input_audio_buffer.speech_stopped":
                user.stopped_ms, user.audio_end_ms = t_ms, number(ev.get("audio_end_ms"))
            case "input_audio_buffer.committed":
                user.committed_ms = t_ms

    def _answer(self, name: str, t_ms: float, ev: Mapping[str, Any]) -> None:
        described = ev.get("response")
        inner = described if isinstance(described, Mapping) else {}
        response_id = str(ev.get("response_id") or inner.get("id") or "")
        if not response_id:
            return
        response = self.responses.setdefault(response_id, Response(response_id, t_ms))
        if name.startswith(("response.function_call_arguments.", "response.mcp_call")):
            response.called_tool = True
        if not name.endswith(".delta") or "item_id" not in ev:
            return
        item_id = str(ev["item_id"])
        item = self.items.get(item_id)
        if item is None:
            item = self.items[item_id] = AnswerItem(item_id, response_id, response.created_ms)
            response.items.append(item)
        if name == "response.output_audio.delta":
            item.first_audio_ms = t_ms if item.first_audio_ms is None else item.first_audio_ms
        elif name in ("response.output_audio_transcript.delta", "response.output_text.delta"):
            item.first_text_ms = t_ms if item.first_text_ms is None else item.first_text_ms


def _first_known(*moments: float | None) -> float:
    return next((moment for moment in moments if moment is not None), 0.0)
