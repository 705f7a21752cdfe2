"""Hear a sound and see it: a waveform to seek in, to select in, and to mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
import traitlets

from contoso_lab.audio import Clip, Stereo
from contoso_lab.recording import Recording
from contoso_lab.report.lanes import clock, envelope, ticks
from contoso_lab.report.view import look
from contoso_lab.widgets.esm import assemble, style
from contoso_lab.widgets.shown import Shown, Sound, cut

STEPS = 800
"""How many steps a waveform is drawn in; more than most notebooks have pixels for."""
SPEEDS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


class Marker(NamedTuple):
    """A moment that has a name."""

    at_ms: float
    label: str
    kind: str = "mark"
    """`mark`, `bad` or `good`: its colour."""


class ClipPlayer(Shown):
    """Play a clip, both sides of a call, or a recording; drag over the waveform to select.

    `selection_ms` is what was selected, and `selected` its sound. Only what is heard travels to the browser, and none
    of it stays in the notebook.

    Args:
        sound: a clip, a stereo mix, a recording, or the path of a sound file; None is a player that waits.
        markers: moments to mark, as `Marker` or as (ms, label); a recording brings its own.
        title: what stands above; of a recording its name.

    Raises:
        AudioError: the sound cannot be read.

    >>> from contoso_lab.audio import silence, tone
    >>> player = ClipPlayer(silence(200) + tone(300), markers=[(200, "the tone")])
    >>> player.selection_ms = (200, 500)
    >>> player, player.selected
    (<ClipPlayer: 0:00.5, 1 marker, selected 200 to 500 ms>, Clip(300 ms, 24000 Hz, level -12.0 dB))
    """

    _esm = assemble("clip_player.js")
    _css = style("results.css", "clip_player.css")

    title = traitlets.Unicode("").tag(sync=True)
    duration_ms = traitlets.Float(0.0, read_only=True).tag(sync=True)
    lanes = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    peaks = traitlets.Bytes(b"", read_only=True, help="Heights of the waveform: a picture, not the sound.").tag(
        sync=True
    )
    ticks: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    markers: traitlets.List[Any] = traitlets.List(help="Moments with a name: at_ms, label, kind.").tag(sync=True)
    selection_ms = traitlets.Tuple(
        traitlets.Float(), traitlets.Float(), default_value=None, allow_none=True, help="From and to, or None."
    ).tag(sync=True)
    position_ms = traitlets.Float(0.0, help="Where the player stands; told when it stops.").tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    speed = traitlets.Float(1.0).tag(sync=True)

    def __init__(
        self,
        sound: Clip | Stereo | Recording | str | PathLike[str] | None = None,
        *,
        markers: Sequence[Marker | tuple[float, str]] = (),
        title: str = "",
    ) -> None:
        super().__init__(label=f"player: {title}" if title else "player", title=title)
        self.markers = [*map(_marker, markers)]
        self.load(sound)

    def load(self, sound: Clip | Stereo | Recording | str | PathLike[str] | None) -> None:
        """Put another sound into the player; the markers of the old one stay unless the new one brings its own."""
        if isinstance(sound, Recording):
            call = look(sound)
            self.title = self.title or call.name
            kinds = {"shown": "mark", "cut": "bad"}
            self.markers = [_marker(Marker(mark.at_ms, mark.label, kinds[mark.kind])) for mark in call.marks]
            both = call.customer is not None and call.assistant is not None
            self._sound: Sound | None = sound.stereo() if both else None
        elif isinstance(sound, str | PathLike):
            self._sound = Clip.load(sound)
        else:
            self._sound = sound
        sides = _sides(self._sound)
        duration_ms = max((clip.duration_ms for clip in sides), default=0.0)
        self.set_trait("selection_ms", None)
        self.playing, self.position_ms = False, 0.0
        with self.hold_sync():
            self.set_trait("lanes", ["Customer", "Assistant, as played"] if isinstance(self._sound, Stereo) else [""])
            self.set_trait("ticks", [list(tick) for tick in ticks(duration_ms)])
            self.set_trait("peaks", b"".join(_heights(clip, duration_ms) for clip in sides) if duration_ms else b"")
            self.set_trait("duration_ms", duration_ms)

    @property
    def selected(self) -> Sound | None:
        """The sound of the selection; None when nothing is selected."""
        if self.selection_ms is None or self._sound is None:
            return None
        return cut(self._sound, *self.selection_ms)

    def play(self, from_ms: float | None = None) -> None:
        """Begin to play in the browser; a page that was never clicked may refuse, and says so."""
        if from_ms is not None:
            self.position_ms = float(from_ms)
        self.playing = True

    def pause(self) -> None:
        """Stop, and stay where it is."""
        self.playing = False

    @traitlets.validate("selection_ms")
    def _ordered(self, proposal: Mapping[str, Any]) -> tuple[float, float] | None:
        if proposal["value"] is None:
            return None
        start, stop = sorted(min(max(0.0, at), self.duration_ms) for at in proposal["value"])
        return (start, stop) if stop > start else None

    def sound(self, key: str, from_ms: float | None, to_ms: float | None) -> Sound:
        """`both`, `left` or `right`."""
        if self._sound is None:
            return super().sound(key, from_ms, to_ms)
        if isinstance(self._sound, Stereo) and key in ("left", "right"):
            return cut(self._sound.left if key == "left" else self._sound.right, from_ms, to_ms)
        return cut(self._sound, from_ms, to_ms)

    def __repr__(self) -> str:
        if not self.duration_ms:
            return "<ClipPlayer: nothing to hear>"
        count = len(self.markers)
        parts = [
            self.title,
            clock(self.duration_ms) + f".{int(self.duration_ms % 1000) // 100}",
            f"{count} marker{'' if count == 1 else 's'}" if count else "",
            f"selected {self.selection_ms[0]:.0f} to {self.selection_ms[1]:.0f} ms" if self.selection_ms else "",
        ]
        return f"<ClipPlayer: {', '.join(filter(None, parts))}>"

    def _html(self) -> str:
        pictures = "".join(
            f'<div style="font-size:.85em;opacity:.75">{escape(name)}</div>{clip.waveform}'
            for name, clip in zip(self.lanes, _sides(self._sound), strict=False)
        )
        marks = "".join(f"<li>{clock(m['at_ms'])} {escape(m['label'])}</li>" for m in self.markers)
        listed = f"<ul>{marks}</ul>" if marks else ""
        return f'<div style="max-width:600px">{escape(repr(self)[1:-1])}{pictures}{listed}</div>'


def _sides(sound: Sound | None) -> tuple[Clip, ...]:
    if sound is None:
        return ()
    return (sound,) if isinstance(sound, Clip) else (sound.left, sound.right)


def _heights(clip: Clip, duration_ms: float) -> bytes:
    """Peaks and then means, 0 to 255; square roots, so that a quiet voice is seen beside a loud one."""
    return b"".join(
        np.round(255 * np.sqrt(each)).astype(np.uint8).tobytes() for each in envelope(clip, duration_ms, STEPS)
    )


def _marker(one: Marker | tuple[float, str]) -> dict[str, Any]:
    return {"kind": "mark", **Marker(*one)._asdict()}
