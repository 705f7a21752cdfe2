"""A call as the events that passed, one a line, with the sound back inside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

from contoso_lab.audio import AudioFormat, Clip, to_base64
from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.imports.script import moment

_SIDES: tuple[tuple[str, Literal["in", "out"]], ...] = (("audio", "in"), ("delta", "out"))


def openai_lines(recording: Recording) -> Iterator[str]:
    """Each event as `{"t_ms", "timestamp", "dir", "event"}`; `recordings import` reads it back."""
    began = moment(recording.manifest.created_at)
    tracks = {"in": recording.user_audio, "out": recording.assistant_audio}
    manifest = recording.manifest
    formats = {
        "in": AudioFormat.from_wire(manifest.audio_format_in),
        "out": AudioFormat.from_wire(manifest.audio_format_out),
    }
    if manifest.session is not None:
        asked = {"type": "session.update", "session": manifest.session}
        yield json.dumps({"t_ms": 0.0, "dir": "c2s", "from": "manifest", "event": asked}) + "\n"
    for event in recording.events:
        line: dict[str, Any] = {"t_ms": event.t_ms, "dir": event.dir, "event": dict(event.ev)}
        if began is not None:
            line["timestamp"] = (began + timedelta(milliseconds=event.t_ms)).isoformat()
        for key, side in _SIDES:
            ref = event.ev.get(key)
            if isinstance(ref, dict) and ref.get("$audio") == side:
                track = tracks[side]
                clip = Clip(track.samples[ref["off"] : ref["off"] + ref["len"]], track.rate_hz)
                line["event"][key] = to_base64(clip.to_bytes(formats[side]))
        yield json.dumps(line) + "\n"
