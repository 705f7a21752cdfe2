"""One response, from `response.created` to `response.done`, as the ladder of events that clients climb.

```
response.created
  response.output_item.added ─ conversation.item.added ─ response.content_part.added
    response.output_audio_transcript.delta ─ response.output_audio.delta × n        per sentence
    response.output_audio.done ─ response.output_audio_transcript.done
  response.content_part.done ─ response.output_item.done ─ conversation.item.done
response.done
```

A response that is cut off closes what it had opened with what it had said so far, never with more. An item is
opened by its first words, so a response that was cut before them leaves nothing behind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from contoso_lab.audio.codec import encode, to_base64
from contoso_lab.audio.resample import Resampler
from contoso_lab.engine.conversation import Items
from contoso_lab.engine.effects import IdMaker, WireEvent
from contoso_lab.engine.items import Item, SpokenSpan, heard_words
from contoso_lab.engine.seams import FloatArray, Spoken, ToolCall
from contoso_lab.engine.session_state import ResponseSettings
from contoso_lab.engine.usage import ASSISTANT_MS_PER_TOKEN, Tokens, text_tokens, usage_wire

VOICE_RATE_HZ = 24_000
CHUNK_MS = 100

Status = Literal["completed", "cancelled", "incomplete", "failed"]


class Response:
    """A response in the making; every method gives the events that it causes, without their `event_id`."""

    def __init__(
        self, response_id: str, settings: ResponseSettings, *, conversation_id: str, items: Items, ids: IdMaker
    ) -> None:
        self.id = response_id
        self.settings = settings
        self.given = Tokens()
        """What it was given to read."""
        self.cached = Tokens()
        """How much of that an earlier response had read."""
        self.made = Tokens()
        self.sound_ms = 0.0
        self.sounding_since_ms: float | None = None
        """When its first sound was sent, on the shell's clock."""
        self.status: Status | Literal["in_progress"] = "in_progress"
        self.full = False
        """It has reached its `max_output_tokens`."""
        self._conversation_id = conversation_id if settings.in_conversation else None
        self._items = items
        self._ids = ids
        self._output: list[Item] = []
        self._words: dict[Item, str] = {}
        """What each message says as it was made; the conversation may hold less, after a truncation."""
        self._open: Item | None = None
        self._resampler: Resampler | None = None

    def created(self) -> list[WireEvent]:
        """Announce it."""
        return [{"type": "response.created", "response": self._wire()}]

    def say(self, spoken: Spoken, *, at_ms: float) -> list[WireEvent]:
        """Send a sentence with its sound."""
        spoken = self._within_limit(spoken)
        if not len(spoken.samples):
            return []
        events = list(self._opened("output_audio"))
        item, place = self._current()
        samples = spoken.samples if self._resampler is None else self._resampler.push(spoken.samples)
        data = encode(samples, self.settings.format)
        text = f" {spoken.text}" if self._words[item] else spoken.text
        duration_ms = 1000 * len(spoken.samples) / VOICE_RATE_HZ
        self.made += _cost(spoken.text, duration_ms)
        if self.sounding_since_ms is None:
            self.sounding_since_ms = at_ms
        self._remember(item, SpokenSpan(text, duration_ms))
        events.append({"type": "response.output_audio_transcript.delta", **place, "delta": text})
        events.extend(self._sound(data))
        return events

    def write(self, text: str) -> list[WireEvent]:
        """Send a piece of text."""
        limit = self.settings.max_output_tokens
        if limit is not None:
            left = max(0, limit - self.made.total) * 4
            self.full = len(text) > left
            text = text[:left]
        if not text:
            return []
        events = list(self._opened("output_text"))
        item, place = self._current()
        self.made += Tokens(text=text_tokens(text))
        self._words[item] += text
        item.wire["content"][0]["text"] += text
        return [*events, {"type": "response.output_text.delta", **place, "delta": text}]

    def call(self, tool: ToolCall) -> list[WireEvent]:
        """Send a tool call, whole; nothing of it when it is one too many or does not fit."""
        cost = text_tokens(tool.name + tool.arguments)
        limit = self.settings.max_output_tokens
        calls = [each for each in self._output if each.wire["type"] == "function_call"]
        if calls and not self.settings.parallel_tool_calls:
            return []
        if limit is not None and self.made.total + cost > limit:
            self.full = True  # half a call is worse than none: its arguments are no JSON
            return []
        call_id = tool.call_id
        if not call_id or self._items.has_call(call_id) or any(each.wire.get("call_id") == call_id for each in calls):
            call_id = self._ids("call")
        events = list(self._closed("completed"))
        wire: dict[str, Any] = {
            "id": self._ids("item"),
            "object": "realtime.item",
            "type": "function_call",
            "status": "in_progress",
            "name": tool.name,
            "call_id": call_id,
            "arguments": "",
        }
        item = Item(wire)
        events.extend(self._added(item))
        place = {**self._place(item), "call_id": call_id}
        wire |= {"status": "completed", "arguments": tool.arguments}
        self.made += Tokens(text=cost)
        done = {"type": "response.function_call_arguments.done", **place, "name": tool.name}
        return [
            *events,
            {"type": "response.function_call_arguments.delta", **place, "delta": tool.arguments},
            {**done, "arguments": tool.arguments},
            *self._item_done(item),
        ]

    def finish(
        self, status: Status, *, reason: str | None = None, error: dict[str, str | None] | None = None
    ) -> list[WireEvent]:
        """Close what is open and end it.

        Args:
            status: how it ended.
            reason: why it did not complete: "turn_detected", "client_cancelled" or "max_output_tokens".
            error: why it failed: `type`, `code` and `message`.
        """
        events = list(self._closed("completed" if status == "completed" else "incomplete"))
        details: dict[str, Any] | None = None
        if status != "completed":
            details = {"type": status, "reason": reason, "error": error}
            details = {key: value for key, value in details.items() if value is not None}
        self.status = status
        done = self._wire() | {"status_details": details, "usage": usage_wire(self.given, self.made, self.cached)}
        return [*events, {"type": "response.done", "response": done}]

    def _opened(self, kind: Literal["output_audio", "output_text"]) -> Iterator[WireEvent]:
        """Open a message, unless one is open."""
        if self._open is not None:
            return
        wire: dict[str, Any] = {
            "id": self._ids("item"),
            "object": "realtime.item",
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        self._open = item = Item(wire, format=self.settings.format)
        self._words[item] = ""
        rate_hz = self.settings.format.rate_hz
        self._resampler = None if rate_hz == VOICE_RATE_HZ else Resampler(VOICE_RATE_HZ, rate_hz)
        yield from self._added(item)
        blank = {"type": kind, "transcript": ""} if kind == "output_audio" else {"type": kind, "text": ""}
        wire["content"].append(blank)
        part = blank | {"type": kind.removeprefix("output_")}
        yield {"type": "response.content_part.added", **self._current()[1], "part": part}

    def _closed(self, status: Literal["completed", "incomplete"]) -> Iterator[WireEvent]:
        """Close the message that is open, if one is."""
        if self._open is None:
            return
        item, place = self._current()
        made, kind = self._words[item], item.wire["content"][0]["type"]
        if kind == "output_audio":
            if self._resampler is not None and status == "completed":
                yield from self._sound(encode(self._resampler.finish(), self.settings.format))
            yield {"type": "response.output_audio.done", **place}
            part = {"type": "audio", "transcript": made}
            yield {"type": "response.output_audio_transcript.done", **place, "transcript": made}
        else:
            part = {"type": "text", "text": made}
            yield {"type": "response.output_text.done", **place, "text": made}
        self._open = None
        item.wire["status"] = status
        yield {"type": "response.content_part.done", **place, "part": part}
        yield from self._item_done(item)

    def _added(self, item: Item) -> Iterator[WireEvent]:
        self._output.append(item)
        place = {"response_id": self.id, "output_index": len(self._output) - 1}
        yield {"type": "response.output_item.added", **place, "item": item.show()}
        if self.settings.in_conversation:
            previous = self._items.add(item)
            yield {"type": "conversation.item.added", "previous_item_id": previous, "item": item.show()}

    def _item_done(self, item: Item) -> Iterator[WireEvent]:
        place = {"response_id": self.id, "output_index": self._output.index(item)}
        yield {"type": "response.output_item.done", **place, "item": self._as_made(item)}
        if self._items.holds(item):  # a client may have deleted it meanwhile
            previous = self._items.previous_of(item.id)
            yield {"type": "conversation.item.done", "previous_item_id": previous, "item": item.show()}

    def _as_made(self, item: Item) -> dict[str, Any]:
        """An item as the response made it, with the words that a truncation took out of the conversation."""
        shown = item.show()
        for part in shown.get("content", ()):
            part["transcript" if part["type"] == "output_audio" else "text"] = self._words[item]
        return shown

    def _sound(self, data: bytes) -> Iterator[WireEvent]:
        item, place = self._current()
        self.sound_ms += self.settings.format.duration_ms(data)
        if not item.truncated:
            item.add_sound(data)
        step = self.settings.format.byte_count(CHUNK_MS)
        for start in range(0, len(data), step):
            delta = to_base64(data[start : start + step])
            yield {"type": "response.output_audio.delta", **place, "delta": delta}

    def _remember(self, item: Item, span: SpokenSpan) -> None:
        self._words[item] += span.text
        if item.truncated:  # what follows a cut is still sent, but nobody hears it
            return
        item.spans.append(span)
        item.wire["content"][0]["transcript"] += span.text

    def _within_limit(self, spoken: Spoken) -> Spoken:
        """Cut a sentence at the response's last token."""
        limit = self.settings.max_output_tokens
        if limit is None:
            return spoken
        left = limit - self.made.total
        duration_ms = 1000 * len(spoken.samples) / VOICE_RATE_HZ
        if _cost(spoken.text, duration_ms).total <= left:
            return spoken
        self.full = True
        whole, text, kept_ms = [SpokenSpan(spoken.text, duration_ms)], "", 0.0
        for tokens in range(left, 0, -1):  # the longest sound that fits together with its words
            end_ms = min(duration_ms, tokens * ASSISTANT_MS_PER_TOKEN)
            text = heard_words(whole, end_ms)
            if _cost(text, end_ms).total <= left:
                kept_ms = end_ms
                break
        kept: FloatArray = np.asarray(spoken.samples[: math.floor(kept_ms * VOICE_RATE_HZ / 1000)])
        return Spoken(text if kept_ms else "", kept)

    def _current(self) -> tuple[Item, dict[str, Any]]:
        item = self._open or self._output[-1]
        return item, {**self._place(item), "content_index": 0}

    def _place(self, item: Item) -> dict[str, Any]:
        return {"response_id": self.id, "item_id": item.id, "output_index": self._output.index(item)}

    def _wire(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self.status,
            "status_details": None,
            "output": [self._as_made(item) for item in self._output],
            "conversation_id": self._conversation_id,
            "output_modalities": [settings.modality],
            "max_output_tokens": settings.max_output_tokens or "inf",
            "audio": {"output": {"format": settings.format.to_wire(), "voice": settings.voice}},
            "usage": None,
            "metadata": settings.metadata,
        }


def _cost(text: str, duration_ms: float) -> Tokens:
    return Tokens(text=text_tokens(text), audio=math.ceil(duration_ms / ASSISTANT_MS_PER_TOKEN))
