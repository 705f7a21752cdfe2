"""Say a customer's line into the browser's microphone, or take it from a stream, and have it as a clip.

The recorder is ipywebrtc's: it gathers what the browser makes of the sound (WebM with Opus) and hands it over when the
recording stops. The bytes pass through the widget's state for a moment; they are taken out of it as soon as they are
decoded, so that a saved notebook holds none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import traitlets

from contoso_lab.audio import Clip, find_speech, read_audio, wav_bytes
from contoso_lab.errors import AudioError, LabError, MissingExtra, RecordingError
from contoso_lab.widgets.clip_player import ClipPlayer
from contoso_lab.widgets.shown import ipywidgets

try:
    import ipywebrtc
except ImportError as error:
    raise MissingExtra("recording a line", package="ipywebrtc", extra="notebook") from error

MICROPHONE: Mapping[str, Any] = {
    "audio": {"echoCancellation": True, "noiseSuppression": True, "autoGainControl": True},
    "video": False,
}
"""What the browser is asked for; it may ask the person in turn."""
_QUIET_DB = -60.0


def microphone(**audio: Any) -> ipywebrtc.CameraStream:
    """The browser's microphone as a stream of ipywebrtc.

    Args:
        audio: constraints of the browser, such as `deviceId` or `echoCancellation=False`, over those of `MICROPHONE`.
    """
    return ipywebrtc.CameraStream(constraints={"audio": {**MICROPHONE["audio"], **audio}, "video": False})


def clip_stream(clip: Clip) -> ipywebrtc.AudioStream:
    """A clip as a stream of ipywebrtc, for whatever takes one: a recorder, or the console in place of a microphone.

    The browser has to have the sound for it, so it lies in the state of `stream.audio` until its value is set to `b""`;
    until then "Save Widget State" would put it into the notebook.
    """
    player = ipywidgets.Audio(value=wav_bytes(clip), format="wav", autoplay=False, loop=False, controls=True)
    return ipywebrtc.AudioStream(audio=player, playing=False)


class RecordLine(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets ships no types
    """Record what a customer says: press, speak, press again. `clip` is what was said; `await line.recorded()` waits.

    Args:
        stream: where the sound comes from, a stream of ipywebrtc: `microphone()`, `clip_stream(clip)`, a camera's; the
            microphone unless given.
        rate_hz: the rate of the clip.
        trim: cut the silence before and after the words, but for a fifth of a second.
    """

    recording = traitlets.Bool(False)
    error = traitlets.Unicode("")
    clip: traitlets.Instance[Clip] = traitlets.Instance(Clip, allow_none=True)  # type: ignore[assignment]

    def __init__(
        self, stream: ipywebrtc.MediaStream | None = None, *, rate_hz: int = 24_000, trim: bool = True
    ) -> None:
        self.stream = microphone() if stream is None else stream
        self._rate_hz, self._trim = rate_hz, trim
        self.clips: list[Clip] = []
        """All that was recorded, oldest first."""
        self._calls: list[Callable[[Clip], object]] = []
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[Clip]]] = []
        self._recorder = ipywebrtc.AudioRecorder(stream=self.stream, format="webm", filename="line")
        self._button = ipywidgets.ToggleButton(
            description="Record a line",
            icon="microphone",
            tooltip="press, speak, press again",
            layout={"width": "auto"},
        )
        self._state = ipywidgets.HTML()
        self._player = ClipPlayer(title="what was said")
        self._place = ipywidgets.VBox([self._player])
        # The recorder has to be in the page, or the browser does not record; what it shows itself is not needed.
        hidden = ipywidgets.VBox([self._recorder], layout={"display": "none"})
        super().__init__(
            [ipywidgets.HBox([self._button, self._state], layout={"grid_gap": "10px"}), self._place, hidden]
        )
        traitlets.link((self._button, "value"), (self, "recording"))
        self.observe(self._switched, "recording")
        self.observe(self._told, ["error", "clip", "recording"])
        self._recorder.audio.observe(self._arrived, "value")
        self._told(None)

    def on_clip(self, call: Callable[[Clip], object]) -> None:
        """Call this with each line that was recorded."""
        self._calls.append(call)

    async def recorded(self) -> Clip:
        """Wait for the next line; cancelling stops only the waiting.

        Raises:
            AudioError: the line cannot be decoded, or nothing was said in it.
            MissingExtra: PyAV is not installed, which decodes what browsers record.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Clip] = loop.create_future()
        self._waiting.append((loop, future))
        return await future

    def save(self, path: str | Path) -> Path:
        """Write the newest line to a .wav or .flac file; raises RecordingError when there is none yet."""
        if self.clip is None:
            raise RecordingError("nothing was recorded yet; press 'Record a line' and speak")
        self.clip.save(path)
        return Path(path)

    def take(self, webm: bytes) -> Clip:
        """Make a clip of what a browser recorded.

        Raises:
            AudioError: it cannot be decoded, or nothing was said in it.
            MissingExtra: PyAV is not installed.
        """
        clip = read_audio(webm).resampled(self._rate_hz)
        if clip.level_db < _QUIET_DB:
            raise AudioError("the line is silent; check that the microphone is not muted and record it again")
        spans = find_speech(clip) if self._trim else []
        if spans:
            edge_ms = 200.0
            clip = clip[max(0.0, spans[0].start_ms - edge_ms) : min(clip.duration_ms, spans[-1].end_ms + edge_ms)]
        return clip

    def _switched(self, change: Mapping[str, Any]) -> None:
        self.error = ""
        self._recorder.recording = change["new"]

    def _arrived(self, change: Mapping[str, Any]) -> None:
        data = bytes(change["new"])
        if not data:
            return
        # Out of the widget's state at once: what stays there is written into the notebook.
        self._recorder.audio.value = b""
        waiting, self._waiting = self._waiting, []
        try:
            clip = self.take(data)
        except LabError as error:
            self.error = str(error)
            for loop, future in waiting:
                loop.call_soon_threadsafe(_fail, future, error)
            return
        self.clips.append(clip)
        self.clip = clip
        self._player.load(clip)
        for loop, future in waiting:
            loop.call_soon_threadsafe(_give, future, clip)
        for call in self._calls:
            call(clip)

    def _told(self, _: object) -> None:
        self._button.description = "Stop" if self.recording else "Record a line"
        self._button.icon = "stop" if self.recording else "microphone"
        self._place.layout.display = "none" if self.clip is None else ""
        if self.error:
            told = f'<span role="alert" style="color:var(--jp-error-color1, #d32f2f)">{escape(self.error)}</span>'
        elif self.recording:
            told = '<span role="status">recording; press Stop when you have spoken</span>'
        else:
            said = "nothing was said yet" if self.clip is None else escape(repr(self.clip))
            told = f'<span role="status">{said}</span>'
        self._state.value = told

    def __repr__(self) -> str:
        if self.error:
            return f"<RecordLine: {self.error}>"
        if self.recording:
            return "<RecordLine: recording>"
        return f"<RecordLine: {self.clip!r}>" if self.clip is not None else "<RecordLine: nothing was said yet>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            picture = "" if self.clip is None else self.clip.waveform
            bundle["text/html"] = f"<div style='max-width:600px'>{escape(repr(self)[1:-1])}{picture}</div>"
        return bundle


def _give(future: asyncio.Future[Clip], clip: Clip) -> None:
    if not future.done():
        future.set_result(clip)


def _fail(future: asyncio.Future[Clip], error: LabError) -> None:
    if not future.done():
        future.set_exception(error)
