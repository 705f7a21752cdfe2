"""What a client is told of items: that one is there, and the caller's words (the events of input transcription)."""

from __future__ import annotations

from typing import Any

from contoso_lab.engine.call import Call
from contoso_lab.engine.effects import WireEvent
from contoso_lab.engine.items import Item


def transcript(item: Item, call: Call) -> list[WireEvent]:
    """Tell the client what the caller said, if it wants to know and the item is still there."""
    if item.heard is None or not call.session.transcribes or not call.items.holds(item):
        return []
    text, place = item.heard, {"item_id": item.id, "content_index": 0}
    for part in item.wire["content"]:
        if part["type"] == "input_audio":
            part["transcript"] = text
    name = "conversation.item.input_audio_transcription"
    usage = {"type": "duration", "seconds": round(item.sound_ms / 1000, 3)}
    sure = {"logprobs": _logprobs(text, item.mean_logprob)} if call.session.wants_logprobs else {}
    deltas: list[WireEvent] = [{"type": f"{name}.delta", **place, "delta": text, **sure}] if text else []
    return [*deltas, {"type": f"{name}.completed", **place, "transcript": text, "usage": usage, **sure}]


def item_events(item: Item, previous: str | None) -> list[WireEvent]:
    """Tell the client that an item is there, behind which one, and that it is whole."""
    shown = {"previous_item_id": previous, "item": item.show()}
    return [{"type": "conversation.item.added", **shown}, {"type": "conversation.item.done", **shown}]


def _logprobs(text: str, mean_logprob: float | None) -> list[dict[str, Any]]:
    """The ear knows its mean only, so the whole text counts as one token: a mean over the list is the true mean."""
    if not text or mean_logprob is None:
        return []
    return [{"token": text, "logprob": mean_logprob, "bytes": list(text.encode())}]
