"""Make items out of what a client wants to add to a conversation, or has as the input of a response.

The types of the `openai` package hold the shape; here stands what they do not say: which content goes with which
role, what a picture is, how long an id may be, and what this engine cannot do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from contoso_lab.audio.format import AudioFormat
from contoso_lab.engine.input_audio import read_sound
from contoso_lab.engine.items import Item
from contoso_lab.engine.refusals import Refused, cannot_see, missing

LONGEST_ID = 32
"""Characters; a client's own ids longer than this work here and nowhere else, so we refuse them, too."""

_PART_TYPES: dict[str, tuple[str, ...]] = {
    "user": ("input_text", "input_audio", "input_image"),
    "assistant": ("output_text",),
    "system": ("input_text",),
}
_CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
_PICTURE = re.compile(r"data:image/(?:png|jpeg|jpg);base64,[A-Za-z0-9+/]+={0,2}")


def read_item(
    wanted: Mapping[str, Any], *, item_id: str, format: AudioFormat, sees: bool = False, param: str = "item"
) -> Item:
    """Make an item; its own id wins, its sound is in `format`.

    Args:
        wanted: as the client sent it; it fits the package's types.
        item_id: the id of an item that brings none.
        format: of the session's input.
        sees: whether there is a brain that can look at pictures.
        param: where the item stands in the event, for the refusal.

    Raises:
        Refused: a kind of item or content that a client cannot add.
    """
    own_id = wanted.get("id")
    for name in ("id", "call_id"):
        if (given := wanted.get(name)) and len(given) > LONGEST_ID:
            raise Refused(
                f"Invalid '{param}.{name}': string too long. Expected a string with maximum length {LONGEST_ID}, but "
                f"got a string with length {len(given)} instead.",
                code="string_above_max_length",
                param=f"{param}.{name}",
            )
    if (call_id := wanted.get("call_id")) and _CALL_ID.fullmatch(call_id) is None:
        raise Refused(
            f"Invalid '{param}.call_id': string does not match pattern. Expected a string that matches the pattern "
            f"'^{_CALL_ID.pattern}$'.",
            param=f"{param}.call_id",
        )
    wire: dict[str, Any] = {"id": own_id or item_id, "object": "realtime.item", "type": wanted["type"]}
    match wanted["type"]:
        case "message":
            wire |= {"status": "completed", "role": wanted["role"], "content": []}
            for index, part in enumerate(wanted["content"]):
                place = f"{param}.content[{index}]"
                wire["content"].append(_read_part(part, wanted["role"], sees=sees, param=place))
        case "function_call":
            wire |= {
                "status": "completed",
                "call_id": wanted.get("call_id") or f"call_{wire['id']}",
                "name": wanted["name"],
                "arguments": wanted["arguments"],
            }
        case "function_call_output":
            wire |= {"status": "completed", "call_id": wanted["call_id"], "output": wanted["output"]}
        case other:
            raise Refused(
                f"Invalid value: '{other}'. Supported values are: 'message', 'function_call' and "
                "'function_call_output'.",
                param=f"{param}.type",
            )
    item = Item(wire)
    parts = (part for part in wanted.get("content") or () if part.get("type") == "input_audio" and part.get("audio"))
    if sound := b"".join(read_sound(part["audio"], format) for part in parts):
        item.format = format
        item.add_sound(sound)
    return item


def _read_part(part: Mapping[str, Any], role: str, *, sees: bool, param: str) -> dict[str, Any]:
    allowed, kind = _PART_TYPES[role], part.get("type")
    if kind not in allowed:
        values = "' or '".join(allowed)
        raise Refused(f"Invalid value: '{kind}'. Value must be '{values}'.", param=f"{param}.type")
    match kind:
        case "input_text" | "output_text":
            if part.get("text") is None:
                raise missing(f"{param}.text")
            return {"type": kind, "text": part["text"]}
        case "input_audio":
            if not part.get("audio") and part.get("transcript") is None:
                raise missing(f"{param}.audio")
            return {"type": kind, "transcript": part.get("transcript")}
        case _:
            return _read_picture(part, sees=sees, param=param)


def _read_picture(part: Mapping[str, Any], *, sees: bool, param: str) -> dict[str, Any]:
    if not sees:
        raise cannot_see(f"{param}.type")
    url = part.get("image_url")
    if url is None:
        raise missing(f"{param}.image_url")
    if _PICTURE.fullmatch(url) is None:
        raise Refused(
            f"Invalid '{param}.image_url'. Expected a base64-encoded data URL with a PNG or JPEG image "
            "('data:image/png;base64,...'), but got an unsupported value.",
            param=f"{param}.image_url",
        )
    return {"type": "input_image", "image_url": url, "detail": part.get("detail") or "auto"}
