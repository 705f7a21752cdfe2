"""What each wait was made of, as bars that can be heard: click one to listen to that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from contoso_lab.errors import ScoringError
from contoso_lab.recording import Recording
from contoso_lab.report.drawn import Scale, bar
from contoso_lab.report.palette import PARTS
from contoso_lab.report.waits import Wait, extent_ms, median_ms, milliseconds, waits_of
from contoso_lab.report.webpage import chosen_names
from contoso_lab.scoring.tables import html_table, text_table
from contoso_lab.widgets.call_sound import CallSound
from contoso_lab.widgets.esm import assemble, style
from contoso_lab.widgets.shown import Shown, Sound

HEAD = ("call", "turn", "wait", *(part.label for part in PARTS), "what the customer had said")
_AFTER_MS = 2500.0
"""Who hears a wait wants to hear how the answer begins."""


class Waterfall(Shown):
    """The waits of one call or of several, on one axis; click a bar and hear it.

    `picked` is the wait that was clicked last. `contoso_lab.waterfall` draws the same as a picture.

    Args:
        recordings: one, or several to compare; none is an empty chart.
        names: what to call each; its persona unless given.

    Raises:
        ScoringError: there are not as many names as recordings.
        AudioError: a recording's sound cannot be read, and without it nothing is known of its waits.
    """

    _esm = assemble("waterfall.js")
    _css = style("results.css", "waterfall.css")

    calls: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    parts: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    scale: traitlets.List[Any] = traitlets.List(read_only=True, help="Labels of the axis: where, and what.").tag(
        sync=True
    )
    zero = traitlets.Float(0.0, read_only=True).tag(sync=True)
    picked_at = traitlets.List(traitlets.Int(), help="Number of the call and of its bar that was clicked last.").tag(
        sync=True
    )

    def __init__(self, recordings: Recording | Sequence[Recording] = (), *, names: Sequence[str] | None = None) -> None:
        super().__init__(label="waits of a call")
        own = [recordings] if isinstance(recordings, Recording) else list(recordings)
        self._names = chosen_names(own, names) if own else []
        self._waits = [waits_of(recording) for recording in own]
        self._sounds = [CallSound(recording) for recording in own]
        scale = Scale(*extent_ms(wait for waits in self._waits for wait in waits))
        self.set_trait("parts", [{"kind": part.kind, "label": part.label} for part in PARTS])
        self.set_trait("zero", scale.at(0))
        self.set_trait("scale", [list(tick) for tick in scale.ticks])
        self.set_trait(
            "calls", [_call(name, waits, scale) for name, waits in zip(self._names, self._waits, strict=True)]
        )

    @property
    def picked(self) -> Wait | None:
        """The wait that was clicked last; None before that."""
        if len(self.picked_at) != 2:
            return None
        call, place = self.picked_at
        return self._waits[call][place]

    @traitlets.validate("picked_at")
    def _exists(self, proposal: Mapping[str, Any]) -> list[int]:
        place: list[int] = proposal["value"]
        if place and not (
            len(place) == 2 and 0 <= place[0] < len(self._waits) and 0 <= place[1] < len(self._waits[place[0]])
        ):
            raise ScoringError(f"there is no wait at {place}; it is the number of a call and of its bar, from 0")
        return place

    def sound(self, key: str, from_ms: float | None, to_ms: float | None) -> Sound:
        """A stretch of the call with this number."""
        if not key.isdecimal() or int(key) >= len(self._sounds):
            return super().sound(key, from_ms, to_ms)
        return self._sounds[int(key)].cut(from_ms, to_ms)

    @property
    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                name,
                str(wait.number or "–"),
                wait.shown_total,
                *(
                    next((milliseconds(one.value_ms) for one in wait.segments if one.part.kind == part.kind), "–")
                    for part in PARTS
                ),
                wait.asked,
            )
            for name, waits in zip(self._names, self._waits, strict=True)
            for wait in waits
        ]

    def __repr__(self) -> str:
        if not self._waits:
            return "<Waterfall: no call yet>"
        medians = ", ".join(
            f"{name} {'–' if (middle := median_ms(waits)) is None else milliseconds(middle)}"
            for name, waits in zip(self._names, self._waits, strict=True)
        )
        return "\n".join([f"<Waterfall: median wait {medians}>", *text_table(HEAD, self._cells)])

    def _html(self) -> str:
        if not self._cells:
            return "<i>Nothing was waited for yet.</i>"
        return html_table(HEAD, self._cells, titles=[wait.sentence for waits in self._waits for wait in waits])


def _call(name: str, waits: Sequence[Wait], scale: Scale) -> dict[str, Any]:
    middle = median_ms(waits)
    return {
        "name": name,
        "median": "" if middle is None else milliseconds(middle),
        "waits": [
            {
                **bar(wait, scale),
                "consistent": wait.consistent,
                "unanswered": wait.status == "unanswered",
                "from_ms": wait.listen_ms,
                "to_ms": None
                if wait.listen_ms is None
                else wait.listen_ms + 1000.0 + max(wait.total_ms or 0.0, 0.0) + _AFTER_MS,
            }
            for wait in waits
        ],
    }
