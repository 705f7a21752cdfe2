"""The sound of a recording for a widget: mixed once, when somebody first wants to hear it, and cut as asked."""

from __future__ import annotations

from functools import cached_property

from contoso_lab.audio import Stereo
from contoso_lab.recording import Recording
from contoso_lab.widgets.shown import Sound, cut


class CallSound:
    """Both sides of a recorded call on the session clock, or a stretch of it."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    @cached_property
    def whole(self) -> Stereo:
        """Left the customer, right the assistant as it was played."""
        return self._recording.stereo()

    def cut(self, from_ms: float | None, to_ms: float | None) -> Sound:
        """A stretch of it."""
        return cut(self.whole, from_ms, to_ms)
