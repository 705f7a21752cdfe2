"""The client may lose its connection: what is done when it goes, and when it is back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from contoso_lab.relay.calls.actions import Action
from contoso_lab.relay.calls.call import Call, lab_event
from contoso_lab.relay.calls.closing import NORMAL, NOTHING_TO_RESUME, Close
from contoso_lab.relay.calls.lines import Lines
from contoso_lab.relay.calls.resume import Resume
from contoso_lab.relay.calls.scribe import Scribe
from contoso_lab.relay.calls.timers import Later, Timer
from contoso_lab.relay.watching.watch import Watch
from contoso_lab.relay.wires.legs import Leg

_TAKEN_OVER = "this call goes on over another connection"
_NOTHING_THERE = "there is no call to come back to, or what was missed is not there any more: begin another call"

NOTHING_THERE = Close(NOTHING_TO_RESUME, _NOTHING_THERE)
"""For who comes back to nothing."""


class Absence:
    """Of one client that asked to be resumable; `end` is called with the last words when it stays away."""

    def __init__(
        self,
        resume: Resume,
        *,
        call: Call,
        lines: Lines,
        scribe: Scribe,
        watch: Watch,
        later: Later,
        end: Callable[[Sequence[Action]], None],
    ) -> None:
        self.resume = resume
        self._call, self._lines, self._scribe, self._watch = call, lines, scribe, watch
        self._later, self._end = later, end
        self._window: Timer | None = None

    def began(self) -> None:
        """Give the client what it needs to come back."""
        self._scribe.tell("lab.resume", token=self.resume.token, window_s=self.resume.window_s)

    def heard(self) -> None:
        """One more message of the client that counts."""
        if self.resume.heard():
            self.acknowledge()

    def acknowledge(self) -> None:
        """Tell the client how much of it has arrived, unless it knows."""
        if self._lines.client is not None and (received := self.resume.tell()) is not None:
            self._scribe.flush()  # first: the client forgets what it is told has arrived
            self._scribe.tell("lab.ack", received=received)

    def begin(self, code: int, reason: str) -> None:
        """The client is gone against its will."""
        self.resume.away = True
        self._scribe.note("client.lost", code=code, reason=reason)
        self._watch.detached()

        def give_up() -> None:
            self._end(self._call.client_gone(code, reason, waited_s=self.resume.window_s))

        self._window = self._later(self.resume.window_s, give_up)

    def take_back(self, leg: Leg, received: int) -> bool:
        """The client is back and has received so many messages; `False` when it missed what is not there any more."""
        resume = self.resume
        missed = resume.missed(received)
        if missed is None:
            return False
        self.stop()
        if self._lines.client is not None:  # it knew before us that the old connection is dead
            self._lines.client.close(Close(NORMAL, _TAKEN_OVER))
        replayed = resume.sent - received
        self._scribe.note("client.returned", received=received, replayed=replayed)
        resume.tell()
        self._lines.set_client(leg)  # first: what it missed may be more than it takes, and the target then has to wait
        leg.send(lab_event("lab.resumed", received=resume.received, replayed=replayed))
        if (failure := self._scribe.failure) is not None:
            # It may have been told on a connection that nobody was listening to any more.
            leg.send(notice := lab_event("lab.recording.failed", message=failure))
            missed = [message for message in missed if message != notice]
        for message in missed:
            leg.send(message)
        resume.back(received)
        self._watch.resumed(replayed)
        return True

    def stop(self) -> None:
        """Wait for nobody."""
        if self._window is not None:
            self._window.cancel()
