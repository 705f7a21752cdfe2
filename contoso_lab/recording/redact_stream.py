"""Texts that came piece by piece: what is private is found in the whole, and taken out of each piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contoso_lab.recording.log import RecordedEvent
from contoso_lab.recording.redact_text import Redactor

_TEXT_KEYS = ("delta", "text")
_WHOLE_KEYS = ("transcript", "text")
_NAMES = ("item_id", "suggestion_id", "call_id", "response_id", "content_index", "name")
_Stream = tuple[Any, ...]


class Streams:
    """The pieces of all streams of a recording, redacted."""

    def __init__(self, events: Sequence[RecordedEvent], redactor: Redactor, asked: dict[str, str]) -> None:
        self._redactor = redactor
        self._asked = asked
        self._pieces: dict[int, str] = {}
        streams: dict[_Stream, list[tuple[int, str]]] = {}
        for event in events:
            if (found := _piece(event)) is not None:
                streams.setdefault(found[0], []).append((event.seq, found[1]))
        for pieces in streams.values():
            texts = [text for _, text in pieces]
            item = next((event.ev.get("item_id") for event in events if event.seq == pieces[0][0]), "")
            hits = redactor.hits("".join(texts), asked=asked.get(str(item), ""))
            for (seq, _), text in zip(pieces, redactor.pieces(texts, hits), strict=True):
                self._pieces[seq] = text

    def redacted(self, event: RecordedEvent, ev: dict[str, Any]) -> dict[str, Any]:
        """The event without what is private; `ev` is its content, with the sound seen to already."""
        done: dict[str, Any] = {}
        asked = self._asked.get(str(ev.get("item_id") or ""), "")
        for key, value in ev.items():
            if key in _TEXT_KEYS and event.seq in self._pieces and isinstance(value, str):
                done[key] = self._pieces[event.seq]
            elif key in _WHOLE_KEYS and isinstance(value, str):
                done[key] = self._redactor.text(value, asked=asked)
            elif isinstance(value, dict) and "$audio" in value:
                done[key] = value
            else:
                done[key] = self._redactor.value({key: value})[key]
        return done


def _piece(event: RecordedEvent) -> tuple[_Stream, str] | None:
    """The stream that an event is a piece of, and its text."""
    if not event.type.endswith(("delta", ".piece", ".written")):
        return None
    for key in _TEXT_KEYS:
        if isinstance(value := event.ev.get(key), str) and not event.type.endswith("audio.delta"):
            return (event.type, event.dir, *(str(event.ev.get(name, "")) for name in _NAMES)), value
    return None
