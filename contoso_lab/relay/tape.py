"""A recording that may break without breaking the call."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contoso_lab.errors import LabError
from contoso_lab.recording.recorder import Recorder
from contoso_lab.relay.call import Direction, Message
from contoso_lab.relay.setup import Setup
from contoso_lab.relay.tokens import Grant
from contoso_lab.settings import Target


class Tape:
    """The recorder of one call, or none.

    When it breaks, `write` says once what went wrong; then nothing is recorded and what was written stays.
    """

    def __init__(self, recorder: Recorder | None = None, *, failure: str | None = None) -> None:
        self._recorder = recorder
        self.failure = failure
        """Why the call is not recorded, in a sentence; `None` when nothing went wrong."""
        self.id = recorder.id if recorder else None
        self.path = recorder.path if recorder else None

    @classmethod
    def start(cls, runs: Path, *, grant: Grant, target: Target, setup: Setup) -> Tape:
        """Begin a recording below `runs`; when that fails, a tape with a `failure` and no recorder."""
        try:
            recorder = Recorder.start(
                runs,
                persona=grant.persona,
                customer=grant.customer,
                scenario=grant.scenario,
                mode=grant.mode,
                replay_of=grant.replay_of,
                target={"kind": target.kind, "model": target.model},
                session=dict(setup.session),
                catalogue_sha=setup.catalogue_sha,
                prompts=dict(setup.prompts),
            )
        except (LabError, OSError) as error:
            return cls(failure=f"this call is not recorded: {error}")
        return cls(recorder)

    def write(self, direction: Direction, message: Message | Mapping[str, Any]) -> str | None:
        """Write one message. Returns a sentence when the recording has just broken, else `None`."""
        if self._recorder is None:
            return None
        try:
            self._recorder.write(direction, message)
        except (LabError, OSError) as error:
            self.close("the recording broke")
            self.failure = f"this call is not recorded any more: {error}"
            return self.failure
        return None

    def close(self, reason: str) -> None:
        """Finish the recording; `reason` says how the call ended."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            # A recording that cannot even be closed is readable as one that was cut; it says so itself.
            with contextlib.suppress(LabError, OSError):
                recorder.close(reason)
