"""The pieces of conversation items: read from a target's events, written for a target that is told them anew."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contoso_lab.relay.wires.legs import Message


def create_events(items: list[dict[str, Any]], prefix: str) -> Iterator[dict[str, Any]]:
    """The events that tell a target these items; an `error` about one names `prefix` and its number."""
    for number, item in enumerate(items):
        yield {"type": "conversation.item.create", "event_id": f"{prefix}{number}", "item": item}


def content_part(part: Mapping[str, Any], role: str) -> dict[str, Any] | None:
    """A part of an item's content as a client may give it; `None` for what cannot be given."""
    text = part.get("transcript") or part.get("text")
    match part.get("type"):
        case "input_image" if role == "user" and isinstance(part.get("image_url"), str):
            return {name: part[name] for name in ("type", "image_url", "detail") if part.get(name)}
        case "input_audio" if role == "user":
            return {"type": "input_text", "text": text} if isinstance(text, str) else None
        case _ if isinstance(text, str) and text:
            return {"type": "output_text" if role == "assistant" else "input_text", "text": text}
    return None


def text_delta(message: Message) -> tuple[str, str]:
    """The item and the words of an event that comes word by word; of what cannot be read, nothing."""
    try:
        event = json.loads(message)
        return str(event["item_id"]), str(event["delta"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return "", ""


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}
