"""A conversation on disk: written while it happens, readable however it ended.

>>> import tempfile
>>> from pathlib import Path
>>> with tempfile.TemporaryDirectory() as runs:
...     with Recorder.start(Path(runs), persona="voice", customer="maya") as recorder:
...         recorder.write("s2c", '{"type": "session.created", "session": {"type": "realtime"}}')
...     recording = Recording.open(recorder.path)
...     recording.manifest.customer, [event.type for event in recording.events]
('maya', ['recording.started', 'session.created', 'recording.closed'])
"""

from __future__ import annotations

from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.examples import example_calls
from contoso_lab.recording.labels import LabelledTurn, Labels
from contoso_lab.recording.log import RecordedEvent
from contoso_lab.recording.manifest import Manifest
from contoso_lab.recording.playback import Piece, PlayedItem
from contoso_lab.recording.recorder import Recorder
from contoso_lab.recording.tables import list_recordings
from contoso_lab.recording.timeline import SpokenSpan, Timeline

recordings = list_recordings
"""The same as `list_recordings`, for those who read it through the front door."""

__all__ = [
    "LabelledTurn",
    "Labels",
    "Manifest",
    "Piece",
    "PlayedItem",
    "RecordedEvent",
    "Recorder",
    "Recording",
    "SpokenSpan",
    "Timeline",
    "example_calls",
    "list_recordings",
    "recordings",
]
