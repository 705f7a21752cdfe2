"""What every widget of results has: one sentence when something fails, one while it works, and a look without a kernel.

A saved notebook holds the widget's text and pictures and no sound: sound goes to the browser as a binary message when
somebody wants to hear it, and such messages are no part of a widget's state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets

from contoso_lab.audio import Clip, Stereo, for_browser
from contoso_lab.errors import LabError, MissingExtra

try:
    import anywidget as anywidget
    import ipywidgets as ipywidgets
except ImportError as error:
    raise MissingExtra("a widget", package="anywidget", extra="notebook") from error

Sound = Clip | Stereo


class Readable(anywidget.AnyWidget):
    """A widget that says something where none is drawn: on GitHub, in an editor, in a mail."""

    def _html(self) -> str:
        """What is seen on GitHub, in a mail and wherever no kernel answers."""
        return ""

    def _repr_html_(self) -> str:
        return self._html()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None and (html := self._html()):
            bundle[0]["text/html"] = html
        return bundle


class Shown(Readable):
    """A widget of ours: state in Python, pixels in one ES module.

    A subclass gives `_esm` and `_css`, `_html` for those who see no widget, and `receive` for what the page says.
    """

    error = traitlets.Unicode("", help="What went wrong, in one sentence; empty when nothing did.").tag(sync=True)
    busy = traitlets.Unicode("", help="What is being done now; empty when nothing is.").tag(sync=True)
    label = traitlets.Unicode("", help="What a screen reader calls the widget.").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._lock = threading.RLock()  # a front end's messages may come on another thread than a cell runs on
        self.on_msg(self._message)

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """Take a message of the page; what it raises as a LabError is shown in the widget."""

    def sound(self, key: str, from_ms: float | None, to_ms: float | None) -> Sound:
        """The sound that the page asks for; a widget that has some says which."""
        raise LabError(f"there is no sound called {key!r} here; run the cell again")

    def _message(self, _: object, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        with self._lock:
            if content.get("kind") == "sound":
                self._send_sound(content)
                return
            try:
                self.receive(content, buffers)
            except LabError as error:
                self.error = str(error)

    def _send_sound(self, content: Mapping[str, Any]) -> None:
        answer: dict[str, Any] = {"kind": "sound", "id": content.get("id")}
        try:
            sound = self.sound(str(content.get("key", "")), _ms(content.get("from_ms")), _ms(content.get("to_ms")))
            data, media_type = for_browser(sound)
        except LabError as error:
            self.send({**answer, "failed": str(error)})
            return
        self.send({**answer, "type": media_type}, buffers=[data])


def cut(sound: Sound, from_ms: float | None, to_ms: float | None) -> Sound:
    """A stretch of a sound; None is its beginning or its end."""
    if from_ms is None and to_ms is None:
        return sound
    start, stop = max(0.0, from_ms or 0.0), to_ms
    if isinstance(sound, Clip):
        return sound[start:stop]
    return Stereo(sound.left[start:stop], sound.right[start:stop])


def later(work: Callable[[], None]) -> threading.Thread:
    """Do something long beside the kernel's own thread, so that the page is answered meanwhile."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _ms(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
