"""The conversation as items, so that it can be told to a target that has just been dialled.

It is folded from what the target says about items, never from sound. A new session then hears the same items
under the same names: what the user said as `input_text` (a transcript, for the sound is gone), what the
assistant said as `output_text`, cut to what was heard, function calls with their outputs. The protocol takes
no other content from a client in these roles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from contoso_lab.relay.calls.item_parts import content_part, mapping, text_delta
from contoso_lab.relay.wires.legs import Message
from contoso_lab.wire.heard import heard_text
from contoso_lab.wire.order import ItemOrder
from contoso_lab.wire.sound import sound_ms

INAUDIBLE = "[inaudible]"
"""Stands for speech without a transcript, so that the model can ask again."""
MOST_KEPT_BYTES = 4 * 2**20
"""How much text and pictures are remembered; the oldest items go first, as in a model's own window."""

ABOUT_ITEMS = frozenset({
    "session.created", "session.updated", "conversation.item.added", "conversation.item.created",
    "conversation.item.done", "conversation.item.deleted", "conversation.item.truncated",
    "conversation.item.input_audio_transcription.completed", "input_audio_buffer.committed",
    "response.output_item.added", "response.output_item.done", "response.done",
})  # fmt: skip
"""The events of a target that say something about items."""
WORDS = frozenset({"response.output_audio_transcript.delta", "response.output_text.delta"})
"""The events that come word by word; they are parsed only when the target is lost in the middle of an item."""

# A cut that is shorter than this is a rounding of two clocks, not a missed word.
_ROUNDING_MS = 20.0


class Spoken(NamedTuple):
    """What was said with one item."""

    role: str
    """`user` or `assistant`."""
    text: str
    heard: str | None
    """What of it was heard; `None` when all of it was."""


@dataclass(slots=True)
class _Item:
    kind: str
    role: str = ""
    parts: list[dict[str, Any]] = field(default_factory=list)
    """Content as a client may give it, without `None`s."""
    call: dict[str, Any] = field(default_factory=dict)
    whole: bool = False
    audio_from: int = 0
    """How many characters of sound had come before this item."""
    audio_chars: int = 0
    heard_ms: float | None = None
    started: bool = False
    """The client's player has begun with it."""
    deleted: bool = False
    """The model knows nothing of it any more; it may have been heard all the same."""
    bytes: int = 0


class Memory:
    """What a new target has to know.

    >>> memory = Memory()
    >>> item = {"id": "i1", "type": "message", "role": "user",
    ...         "content": [{"type": "input_audio", "transcript": "Any tents?"}]}
    >>> memory.apply({"type": "conversation.item.added", "previous_item_id": None, "item": item})
    >>> memory.items()
    [{'id': 'i1', 'type': 'message', 'role': 'user', 'content': [{'type': 'input_text', 'text': 'Any tents?'}]}]
    """

    def __init__(self, *, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._items: dict[str, _Item] = {}
        self._order = ItemOrder()
        self._bytes = 0
        self._session: Mapping[str, Any] = {}
        self._words: list[Message] = []
        self._tells_starts = False
        self.audio_chars = 0
        """How many characters of base64 sound have come from the target; the pump counts them here."""
        self.followers: list[Callable[[str], None]] = []
        """Told of each item about which something new is known."""

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take one event of `ABOUT_ITEMS` into account."""
        name, item_id = event["type"], event.get("item_id")
        match name:
            case "session.created" | "session.updated":
                self._session = mapping(event.get("session"))
            case "conversation.item.added" | "conversation.item.created" | "conversation.item.done":
                self._place(event)
            case "input_audio_buffer.committed" if isinstance(item_id, str):
                # Its transcript may come later, or never.
                self._item(item_id, "message", "user", after=event.get("previous_item_id")).whole = True
            case "conversation.item.input_audio_transcription.completed" if isinstance(item_id, str):
                item = self._item(item_id, "message", "user")
                self._set_parts(item, [{"type": "input_text", "text": str(event.get("transcript") or "")}])
                self._changed(item_id)
            case "conversation.item.deleted" if (deleted := self._items.get(str(item_id))) is not None:
                deleted.deleted = True
                self._changed(str(item_id))
            case "conversation.item.truncated" | "conversation.item.truncate":
                self._cut(item_id, event.get("audio_end_ms"))
            case "response.output_item.added" | "response.output_item.done":
                self._output(mapping(event.get("item")), last=name == "response.output_item.done")
            case "response.done":
                output = mapping(event.get("response")).get("output")
                for item_ in output if isinstance(output, list) else ():
                    if isinstance(item_, Mapping):
                        self._output(item_, last=True)
                self._words.clear()

    def words(self, message: Message) -> None:
        """Keep an event of `WORDS` until its item is whole."""
        self._words.append(message)

    def played(self, event: Mapping[str, Any]) -> None:
        """Note what the client's player says: it knows best how much was heard."""
        item = self._items.get(str(event.get("item_id")))
        if event.get("type") == "playback.started" and item is not None:
            item.started = self._tells_starts = True
        elif event.get("type") == "playback.stopped":
            self._cut(event.get("item_id"), event.get("played_ms"))
            if event.get("reason") == "flushed" and self._tells_starts:
                # What still waited in the player was thrown away with it.
                for item_id, other in self._items.items():
                    if other.role == "assistant" and not other.started and other.heard_ms is None:
                        self._cut(item_id, 0)

    def lose(self) -> None:
        """The target is gone: what it had not finished stays as it is, calls that were not whole come to nothing."""
        partial = self._partial_text()
        for item_id, item in list(self._items.items()):
            if item.whole:
                continue
            if item.kind == "message":
                text = partial.get(item_id, "")
                self._read(item, {"content": [{"type": "output_text", "text": text}]}, last=True)
                self._changed(item_id)
            else:
                self._forget(item_id)
        self._words.clear()

    def items(self) -> list[dict[str, Any]]:
        """The conversation in order, each item as `conversation.item.create` takes it.

        Left out: what was deleted, what is empty or was not heard, calls that never became whole, outputs
        without their call, and kinds that a client cannot create.
        """
        calls = self._call_ids("function_call")
        told = []
        for item_id in self._order:
            if (item := self._items.get(item_id)) is None or item.deleted:
                continue
            if item.kind == "message":
                if content := self._content(item):
                    told.append({"id": item_id, "type": "message", "role": item.role, "content": content})
            elif item.whole and (item.kind == "function_call" or item.call.get("call_id") in calls):
                told.append({"id": item_id, "type": item.kind, **item.call})
        return told

    def order(self) -> list[str]:
        """The items in spoken order."""
        return [item_id for item_id in self._order if item_id in self._items]

    def is_said(self, item_id: str) -> bool:
        """Whether an item is somebody's words, known or not."""
        item = self._items.get(item_id)
        return item is not None and item.kind == "message" and item.role in {"user", "assistant"}

    @property
    def awaits_words(self) -> bool:
        """Whether the user has said something last of which the words are not known yet."""
        last = next((item for item_id in reversed(self.order()) if (item := self._items[item_id]).role == "user"), None)
        return last is not None and last.whole and not last.parts and not last.deleted

    def spoken(self, item_id: str) -> Spoken | None:
        """What was said with an item, once its words are known; `None` for what nobody said."""
        item = self._items.get(item_id)
        if item is None or not item.whole or not self.is_said(item_id):
            return None
        text = "".join(str(part.get("text") or "") for part in item.parts)
        if not text.strip():
            return None
        heard = self._heard(item, text)
        if item.deleted and item.role == "assistant" and item.heard_ms is None:
            heard = ""  # so a client takes out what was never played
        return Spoken(item.role, text, None if heard == text else heard)

    def unanswered_calls(self) -> dict[str, str]:
        """The calls whose output is still to come, each with its function's name."""
        answered = self._call_ids("function_call_output")
        calls = [item.call for item in self._items.values() if item.kind == "function_call" and item.whole]
        return {call["call_id"]: call["name"] for call in calls if call["call_id"] not in answered}

    def _call_ids(self, kind: str) -> set[str]:
        items = self._items.values()
        return {item.call["call_id"] for item in items if item.kind == kind and item.whole and not item.deleted}

    def _place(self, event: Mapping[str, Any]) -> None:
        wire = mapping(event.get("item"))
        if not isinstance(item_id := wire.get("id"), str):
            return
        kind, role = str(wire.get("type")), str(wire.get("role") or "")
        item = self._item(item_id, kind, role, after=event.get("previous_item_id"))
        done = event["type"] == "conversation.item.done" or wire.get("status") == "completed"
        item.deleted = False
        self._read(item, wire, last=done or kind == "function_call_output" or role in {"user", "system"})
        self._changed(item_id)

    def _output(self, wire: Mapping[str, Any], *, last: bool) -> None:
        """An item of a response. One that stands beside the conversation was never placed: it is not remembered."""
        item_id = str(wire.get("id"))
        if (item := self._items.get(item_id)) is None or item.deleted:
            return
        self._read(item, wire, last=last)
        self._changed(item_id)

    def _item(self, item_id: str, kind: str, role: str, *, after: Any = None) -> _Item:
        if item_id not in self._items:
            self._items[item_id] = _Item(kind, role, audio_from=self.audio_chars)
        self._order.place(item_id, after=after if isinstance(after, str) else None)
        return self._items[item_id]

    def _read(self, item: _Item, wire: Mapping[str, Any], *, last: bool) -> None:
        if item.kind in {"function_call", "function_call_output"}:
            names = ("call_id", "name", "arguments") if item.kind == "function_call" else ("call_id", "output")
            item.call |= {name: wire[name] for name in names if isinstance(wire.get(name), str)}
            item.whole |= last and len(item.call) == len(names) and wire.get("status") != "incomplete"
            self._weigh(item, sum(map(len, item.call.values())))
            return
        if last and not item.whole and item.role == "assistant":
            item.audio_chars = self.audio_chars - item.audio_from
            self._words.clear()
        item.whole |= last
        content = wire.get("content")
        found = (content_part(mapping(part), item.role) for part in (content if isinstance(content, list) else ()))
        # An event without content takes no text away that came before.
        if parts := [part for part in found if part is not None]:
            self._set_parts(item, parts)

    def _set_parts(self, item: _Item, parts: list[dict[str, Any]]) -> None:
        item.parts = parts
        self._weigh(item, sum(len(part.get("text") or part.get("image_url") or "") for part in parts))

    def _weigh(self, item: _Item, size_bytes: int) -> None:
        self._bytes += size_bytes - item.bytes
        item.bytes = size_bytes
        for oldest in list(self._order) if self._bytes > self._most_bytes else ():
            if self._bytes <= self._most_bytes:
                break
            self._forget(oldest)

    def _forget(self, item_id: str) -> None:
        if (item := self._items.pop(item_id, None)) is not None:
            self._bytes -= item.bytes

    def _cut(self, item_id: Any, at_ms: Any) -> None:
        if (item := self._items.get(str(item_id))) is not None and isinstance(at_ms, int | float):
            item.heard_ms = at_ms
            self._changed(str(item_id))

    def _content(self, item: _Item) -> list[dict[str, Any]]:
        if item.role == "user" and not item.parts:
            return [{"type": "input_text", "text": INAUDIBLE}]
        if item.role != "assistant":
            return [part for part in item.parts if part.get("text") != ""]
        text = self._heard(item, "".join(part["text"] for part in item.parts))
        return [{"type": "output_text", "text": text}] if text.strip() else []

    def _heard(self, item: _Item, text: str) -> str:
        """What of an item's text reached the listener."""
        if item.role != "assistant" or item.heard_ms is None:
            return text
        try:
            block_ms = sound_ms("A" * 4096, self._session)
        except (TypeError, ValueError, ArithmeticError):  # no rate at all: then as if it had said nothing of it
            block_ms = sound_ms("A" * 4096, {})
        audio_ms = block_ms * item.audio_chars / 4096
        return heard_text(text, item.heard_ms, audio_ms) if item.heard_ms < audio_ms - _ROUNDING_MS else text

    def _changed(self, item_id: str) -> None:
        for tell in self.followers:
            tell(item_id)

    def _partial_text(self) -> dict[str, str]:
        """The words so far of the items that are not whole."""
        found: dict[str, str] = {}
        for item_id, delta in map(text_delta, self._words):
            found[item_id] = found.get(item_id, "") + delta
        return found
