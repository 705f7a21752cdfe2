"""A call in the words of the page's template: per cent, seconds and finished sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contoso_lab.audio import stereo_uri
from contoso_lab.report.lanes import clock, ticks, wave_path
from contoso_lab.report.view import Call
from contoso_lab.report.waits import Wait, median_ms, milliseconds, tick_step
from contoso_lab.report.written import written_html

_SPEAKERS = {"user": "Customer", "assistant": "Assistant", "system": "Note to the assistant"}
_BEFORE_MS = 1500.0
"""Who goes to a mark wants to hear what led to it."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From milliseconds to per cent of a bar's width.

    >>> Scale(-500, 1500).at(0), Scale(-500, 1500).width(0, 500)
    (25.0, 25.0)
    """

    low_ms: float
    high_ms: float

    def at(self, value_ms: float) -> float:
        """How far from the left end a moment lies."""
        return round(100 * (value_ms - self.low_ms) / (self.high_ms - self.low_ms), 3)

    def width(self, from_ms: float, to_ms: float) -> float:
        """How wide a stretch of time is."""
        return round(100 * (to_ms - from_ms) / (self.high_ms - self.low_ms), 3)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Where the axis is labelled, and how."""
        step = tick_step(self.high_ms - self.low_ms, most=5)
        places = range(round(self.low_ms / step), round(self.high_ms / step) + 1)
        return [
            (self.at(place * step), f"{place * step:g}".replace("-", "\u2212"))
            for place in places
            if self.low_ms <= place * step <= self.high_ms
        ]


def drawn(call: Call, anchor: str, scale: Scale) -> dict[str, Any]:
    """Put a call in the words of the template; only suggestions, which are made safe here, come as HTML."""
    from markupsafe import Markup

    share = 100 / call.duration_ms if call.duration_ms else 0.0
    audio: str | None = None
    lanes: list[dict[str, Any]] = []
    if call.customer is not None and call.assistant is not None:
        audio = stereo_uri(call.customer, call.assistant, duration_ms=call.duration_ms)
        lanes = [
            {"role": "user", "name": "Customer", "paths": wave_path(call.customer, call.duration_ms)},
            {"role": "assistant", "name": "Assistant, as played", "paths": wave_path(call.assistant, call.duration_ms)},
        ]
    for lane in lanes:
        spans = call.spans(lane["role"])
        lane["spans"] = [(round(10 * start * share, 1), round(10 * (stop - start) * share, 1)) for start, stop in spans]

    def seek(at_ms: float | None) -> float | None:
        return None if audio is None or at_ms is None else round(max(0.0, at_ms) / 1000, 3)

    return {
        "anchor": anchor,
        "name": call.name,
        "problems": call.problems,
        "numbers": _numbers(call),
        "audio": audio,
        "seconds": round(call.duration_ms / 1000, 3),
        "clock": clock(call.duration_ms),
        "lanes": lanes,
        "ticks": [(round(100 * at, 3), label) for at, label in ticks(call.duration_ms)],
        "marks": [
            {
                "kind": mark.kind,
                "at": round(mark.at_ms * share, 3),
                "seek": seek(mark.at_ms - _BEFORE_MS),
                "label": f"{clock(mark.at_ms)} {mark.label}",
            }
            for mark in call.marks
        ],
        "lines": [
            {
                "role": line.role,
                "who": _SPEAKERS[line.role],
                "clock": clock(line.start_ms),
                "seek": seek(line.listen_ms),
                "heard": line.heard,
                "unheard": line.unheard,
                "state": line.state,
                "tools": line.tools,
            }
            for line in call.lines
        ],
        "asked": call.asked,
        "waits": [{**bar(wait, scale), "seek": seek(wait.listen_ms)} for wait in call.waits],
        "guessed": not call.measured and any(wait.total_ms is not None for wait in call.waits),
        "shown": [
            {
                "html": Markup(written_html(shown.markdown)),
                "clock": clock(shown.at_ms),
                "seek": seek(shown.at_ms - _BEFORE_MS),
                "from": round(shown.at_ms / 1000, 3),
                "took": "" if shown.took_ms is None else milliseconds(shown.took_ms),
                "why": shown.why,
            }
            for shown in call.shown
        ],
        "unfinished": call.unfinished,
        "facts": call.facts,
    }


def bar(wait: Wait, scale: Scale) -> dict[str, Any]:
    """A wait as a bar: its parts in per cent of the scale, and what is written beside it."""
    return {
        "number": wait.number,
        "asked": wait.asked or "(no words)",
        "total": wait.shown_total,
        "sentence": wait.sentence,
        "note": wait.note,
        "whole": scale.at(wait.total_ms) if wait.total_ms is not None and not wait.consistent else None,
        "segments": [
            {
                "kind": segment.part.kind,
                "left": scale.at(segment.from_ms),
                "width": scale.width(segment.from_ms, segment.to_ms),
                "back": segment.value_ms < 0,
            }
            for segment in wait.segments
        ],
    }


def _numbers(call: Call) -> list[tuple[str, str]]:
    """The call in a handful of figures."""
    known = [wait for wait in call.waits if wait.number is not None and wait.status != "unknown"]
    answered = sum(wait.status == "answered" for wait in known)
    middle = median_ms(known)
    return [
        ("length", clock(call.duration_ms)),
        ("customer's turns", str(call.asked)),
        ("answered aloud", f"{answered} of {len(known)}" if known else "–"),
        ("median wait", "–" if middle is None else milliseconds(middle)),
        ("suggestions", str(len(call.shown))),
        ("answers cut off", str(call.cuts)),
    ]
