"""Writes down what passes, and tells the client about the call itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contoso_lab.relay.calls.actions import Direction
from contoso_lab.relay.calls.call import lab_event
from contoso_lab.relay.calls.lines import Lines
from contoso_lab.relay.watching.journal import line, logger
from contoso_lab.relay.watching.watch import Watch
from contoso_lab.relay.wires.legs import Message

if TYPE_CHECKING:
    from contoso_lab.relay.calls.tape import Tape


class Scribe:
    """The tape of one call, and the client's right to know when it breaks."""

    def __init__(self, call_id: str, tape: Tape, lines: Lines, watch: Watch) -> None:
        self._id = call_id
        self._tape = tape
        self._lines = lines
        self._watch = watch

    @property
    def failure(self) -> str | None:
        """Why the call is not recorded, or not any more."""
        return self._tape.failure

    def record(self, direction: Direction, data: Message | Mapping[str, Any]) -> None:
        """Write one message, or something that happened."""
        if (failure := self._tape.write(direction, data)) is not None:
            self.not_recorded(failure)

    def flush(self) -> None:
        """Write all that waits: who is told that it has arrived may forget it."""
        if (failure := self._tape.flush()) is not None:
            self.not_recorded(failure)

    def note(self, name: str, **fields: object) -> None:
        """Write down something that happened to the call; what is `None` is left out."""
        self.record("local", {"type": name, **{key: value for key, value in fields.items() if value is not None}})

    def tell(self, name: str, /, **fields: object) -> None:
        """Tell the client something about the call; what is `None` is left out."""
        self._lines.lab(lab_event(name, **fields))

    def began(self, *, show_path: bool) -> None:
        """Tell the client under which name it is recorded, or that it is not."""
        if self._tape.failure is not None:
            self.not_recorded(self._tape.failure)
        elif self._tape.id is not None:
            self.tell("lab.recording", id=self._tape.id, path=str(self._tape.path) if show_path else None)

    def not_recorded(self, sentence: str) -> None:
        """The recording has just broken; the call goes on."""
        logger.error(line(self._id, "recording.failed", reason=sentence))
        self._watch.error("recording")
        self.tell("lab.recording.failed", message=sentence)

    def keep_no_more(self, reason: str) -> None:
        """End the recording for good; the client is told, and the call goes on."""
        self._tape.discard(reason)
        self.tell("lab.recording.failed", message=self._tape.failure)

    def failed(self, error: BaseException) -> None:
        """A mistake of ours; where it was made is for the log."""
        self._watch.error("internal")
        logger.error(line(self._id, "failed", error=type(error).__name__), exc_info=error)

    def close(self, reason: str) -> None:
        """Finish the recording; the client is told if its end is missing."""
        if (failure := self._tape.close(reason)) is not None:
            self.not_recorded(failure)
