"""A call as WebVTT captions, on the clock of the stereo file."""

from __future__ import annotations

from contoso_lab.recording.bundle import Recording

_SHORTEST_MS = 500.0
_NAMES = {"user": "Customer", "assistant": "Assistant", "system": "Note"}


def captions(recording: Recording) -> str:
    """One cue for each turn that has words: who speaks, and what was heard of it.

    Format: https://www.w3.org/TR/webvtt1/, with a voice span for the speaker.
    """
    head = "WEBVTT\n\nNOTE\n" + _plain(f"{recording.id}, {recording.manifest.created_at}").replace("-->", "→") + "\n"
    cues = [head]
    for turn in recording.conversation.turns:
        if not turn.heard:
            continue
        # A cue must not be empty; what was typed has no length, and is shown for a moment.
        stop_ms = max(turn.stopped_ms or turn.started_ms, turn.started_ms + _SHORTEST_MS)
        words = " ".join(_plain(turn.heard).split())
        cues.append(f"{_time(turn.started_ms)} --> {_time(stop_ms)}\n<v {_NAMES[turn.role]}>{words}</v>\n")
    return "\n".join(cues)


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(ms: float) -> str:
    """A moment as WebVTT writes it.

    >>> _time(3_723_004)
    '01:02:03.004'
    """
    whole = round(max(0.0, ms))
    return f"{whole // 3_600_000:02d}:{whole // 60_000 % 60:02d}:{whole // 1000 % 60:02d}.{whole % 1000:03d}"
