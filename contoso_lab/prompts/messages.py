"""Rendered messages in the shape of the chat API."""

from __future__ import annotations

from typing import Any


def to_wire(messages: list[Any]) -> list[dict[str, Any]]:
    """Messages of prompty as the chat API has them."""
    wire = []
    for message in messages:
        content = message.to_text_content()
        if not isinstance(content, str):  # parts, when a picture is among them
            content = [
                {"type": "text", "text": part.value}
                if part.kind == "text"
                else {"type": "image_url", "image_url": {"url": part.source}}
                for part in message.parts
            ]
        wire.append({"role": message.role, "content": content})
    return wire
