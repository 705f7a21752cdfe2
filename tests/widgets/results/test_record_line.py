from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import Clip, read_audio, silence, tone
from contoso_lab.errors import AudioError, MissingExtra, RecordingError, UnreadableAudio
from contoso_lab.widgets import record_line
from contoso_lab.widgets.record_line import RecordLine, clip_stream, microphone

av = pytest.importorskip("av")


def webm(clip: Clip) -> bytes:
    """What a browser's MediaRecorder makes: Opus at 48 kHz in WebM."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48_000)
        stream.layout = "mono"
        samples = (clip.resampled(48_000).samples[None] * 32767).astype("int16")
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


class Wire:
    """Stands in for the comm of the recorder's sound, and keeps what the kernel says to the page."""

    comm_id = "sound"

    def __init__(self) -> None:
        self.said: list[tuple[dict[str, Any], Any]] = []

    def on_msg(self, callback: Any) -> None:
        pass

    def close(self, *args: Any, **kwargs: Any) -> None:
        pass

    def send(self, data: dict[str, Any], metadata: Any = None, buffers: Any = None) -> None:
        self.said.append((data, buffers))


def arrives(line: RecordLine, data: bytes) -> Wire:
    """The page hands over what it recorded, as ipywebrtc does."""
    wire = Wire()
    line._recorder.audio.comm = wire
    message = {"method": "update", "state": {}, "buffer_paths": [["value"]]}
    line._recorder.audio._handle_msg({"content": {"data": message}, "buffers": [memoryview(data)]})
    return wire


def test_what_a_browser_recorded_becomes_a_clip_without_its_silent_ends() -> None:
    line = RecordLine()
    seen: list[Clip] = []
    line.on_clip(seen.append)
    arrives(line, webm(silence(800) + tone(900) + silence(700)))
    assert line.clip is not None
    assert line.clip.rate_hz == 24_000
    assert line.clip.duration_ms == pytest.approx(1300, abs=80)  # 200 ms stay on both sides
    assert line.clip[400:900].level_db == pytest.approx(-12, abs=1)
    assert seen == line.clips == [line.clip]
    assert line._player.duration_ms == line.clip.duration_ms
    assert repr(line) == f"<RecordLine: {line.clip!r}>"


def test_the_bytes_leave_the_widgets_state_in_the_kernel_and_in_the_page() -> None:
    line = RecordLine()
    wire = arrives(line, webm(tone(500)))
    assert bytes(line._recorder.audio.value) == b""
    emptied = [bytes(buffers[0]) for data, buffers in wire.said if data["method"] == "update" and buffers]
    assert emptied == [b""]
    state = str(line._recorder.audio.get_state())
    assert "webm" not in state or "Opus" not in state


def test_a_line_can_be_left_untrimmed_and_saved(tmp_path: Path) -> None:
    line = RecordLine(trim=False, rate_hz=16_000)
    with pytest.raises(RecordingError, match="nothing was recorded yet"):
        line.save(tmp_path / "line.wav")
    line._recorder.audio.value = webm(silence(800) + tone(900))
    saved = read_audio(line.save(tmp_path / "line.wav"))
    assert saved.rate_hz == 16_000
    assert saved.duration_ms == pytest.approx(1700, abs=40)


async def test_who_waits_gets_the_next_line_or_its_error() -> None:
    line = RecordLine()
    first = asyncio.ensure_future(line.recorded())
    given_up = asyncio.ensure_future(line.recorded())
    await asyncio.sleep(0)
    given_up.cancel()
    line._recorder.audio.value = webm(tone(400))
    assert await first == line.clip
    second = asyncio.ensure_future(line.recorded())
    await asyncio.sleep(0)
    line._recorder.audio.value = b"no sound at all"
    with pytest.raises(UnreadableAudio):
        await second
    assert "is no sound" in line.error
    assert "is no sound" in line._state.value


def test_a_muted_microphone_is_told() -> None:
    line = RecordLine()
    arrives(line, webm(silence(1000)))
    assert line.clip is None
    assert line.error.startswith("the line is silent")
    with pytest.raises(AudioError):
        line.take(webm(silence(300)))


def test_without_pyav_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = webm(tone(300))

    def missing(source: bytes) -> Clip:
        raise MissingExtra("reading WebM and MP4", package="av", extra="webm")

    monkeypatch.setattr(record_line, "read_audio", missing)
    line = RecordLine()
    arrives(line, data)
    assert "pip install 'contoso-lab[webm]'" in line.error


def test_the_button_drives_the_recorder() -> None:
    line = RecordLine()
    line._button.value = True
    assert line._recorder.recording
    assert line._button.description == "Stop"
    assert repr(line) == "<RecordLine: recording>"
    line.recording = False
    assert not line._recorder.recording
    assert line._button.description == "Record a line"
    assert "nothing was said yet" in line._state.value


def test_any_stream_of_ipywebrtc_is_a_source() -> None:
    stream = microphone(echoCancellation=False, deviceId="usb")
    assert stream.constraints["audio"]["deviceId"] == "usb"
    assert stream.constraints["audio"]["noiseSuppression"] is True
    assert stream.constraints["video"] is False
    assert RecordLine(stream)._recorder.stream is stream
    played = clip_stream(tone(200))
    assert read_audio(bytes(played.audio.value)).duration_ms == 200
    assert RecordLine(played)._recorder.stream is played
