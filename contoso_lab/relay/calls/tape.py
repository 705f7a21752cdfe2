"""A recording that may break without breaking the call, and that costs the relay next to nothing.

While the call lasts, messages are kept as they come; the bundle that people read is made of them afterwards, by a
process of low priority or by whoever reads first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from contoso_lab.errors import LabError
from contoso_lab.recording.fold_worker import shared_worker
from contoso_lab.recording.recorder import Recorder
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.setup import Setup
from contoso_lab.settings import Target
from contoso_lab.wire import Direction

SILENCE_S = 0.5
"""How often a tape looks whether sound waits that nothing followed."""


class Tape:
    """The recorder of one call, or none.

    When it breaks, `write` says once what went wrong; then nothing is recorded and what was written stays.

    Args:
        recorder: what writes; `None` records nothing.
        failure: why there is none.
        fold: is given the recording when the call is over.
    """

    def __init__(
        self,
        recorder: Recorder | None = None,
        *,
        failure: str | None = None,
        fold: Callable[[Path], None] | None = None,
    ) -> None:
        self._recorder = recorder
        self._fold = fold
        self._untold: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.failure = failure
        """Why the call is not recorded, in a sentence; `None` when nothing went wrong."""
        self.id = recorder.id if recorder else None
        self.path = recorder.path if recorder else None

    @classmethod
    def start(
        cls, runs: Path, *, grant: Grant, target: Target, setup: Setup, fold: Callable[[Path], None] | None = None
    ) -> Tape:
        """Begin a recording below `runs`; when that fails, a tape with a `failure` and no recorder.

        Args:
            runs: the folder of all recordings.
            grant: who calls.
            target: who answers.
            setup: what the call is made of.
            fold: is given the recording when the call is over; `None` is the worker that the program shares.
        """
        try:
            recorder = Recorder.start(
                runs,
                persona=grant.persona,
                customer=grant.customer,
                scenario=grant.scenario,
                mode=grant.mode,
                replay_of=grant.replay_of,
                console=grant.console,
                target={"kind": target.kind, "model": target.model},
                session=dict(setup.session),
                catalogue_sha=setup.catalogue_sha,
                prompts=dict(setup.prompts),
                consent=grant.consent,
                keep_until=grant.keep_until,
            )
        except (LabError, OSError) as error:
            return cls(failure=f"this call is not recorded: {error}")
        tape = cls(recorder, fold=fold or shared_worker().fold)
        with contextlib.suppress(RuntimeError):  # without a loop nobody keeps time, and what waits is written later
            tape._keep_time(asyncio.get_running_loop())
        return tape

    def write(self, direction: Direction, message: str | bytes | Mapping[str, Any]) -> str | None:
        """Write one message. Returns a sentence when the recording has broken since the last one, else `None`."""
        if self._recorder is None:
            return self._news()
        try:
            self._recorder.write(direction, message)
        except (LabError, OSError) as error:
            return self._broken(error)
        return None

    def sound(self, direction: Direction, message: str | bytes) -> str | None:
        """Write a message of sound; returns what `write` returns."""
        if self._recorder is None:
            return self._news()
        try:
            self._recorder.sound(direction, message)
        except (LabError, OSError) as error:
            return self._broken(error)
        return None

    def flush(self) -> str | None:
        """Write all that waits, so that it is there even if this process is killed; returns what `write` returns."""
        if self._recorder is None:
            return self._news()
        try:
            self._recorder.flush()
        except (LabError, OSError) as error:
            return self._broken(error)
        return None

    def flush_due(self) -> None:
        """Write sound that a silence followed; a recording that breaks with it is told by the next `write`."""
        if self._recorder is not None:
            try:
                self._recorder.flush(due=True)
            except (LabError, OSError) as error:
                self._untold = self._broken(error)

    def close(self, reason: str) -> str | None:
        """Finish the recording; `reason` says how the call ended. It is readable when this returns.

        Returns what `write` returns: the last moments may not have found room on a full disk.
        """
        recorder, self._recorder = self._recorder, None
        if self._timer is not None:
            self._timer.cancel()
        if recorder is not None:
            try:
                # A client may have given the reason, and half a character pair cannot be written.
                recorder.close(reason.encode("utf-8", "replace").decode(), fold="later")
            except (LabError, OSError) as error:
                # It is readable as one that was cut, and says so itself.
                self._untold = self.failure = f"this call is not recorded to its end: {error}"
            if self._fold is not None:
                self._fold(recorder.path)
        return self._news()

    def discard(self, reason: str) -> None:
        """Record nothing more, and leave what there is to whoever deletes it: nobody folds it any more."""
        self._fold = None
        self.close(reason)
        self.failure = f"this call is not recorded any more: {reason}"

    def _keep_time(self, loop: asyncio.AbstractEventLoop) -> None:
        self.flush_due()
        if self._recorder is not None:
            self._timer = loop.call_later(SILENCE_S, self._keep_time, loop)

    def _news(self) -> str | None:
        untold, self._untold = self._untold, None
        return untold

    def _broken(self, error: Exception) -> str:
        self.close("the recording broke")
        self.failure = f"this call is not recorded any more: {error}"
        return self.failure
