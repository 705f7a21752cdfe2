"""Goes on with another target after one was lost.

```
lost ─▶ lab.reconnecting, response.done (failed) for what the client waits for
        0.5, 1, 2 s ─▶ dial, session.update ─▶ session.updated
back ─▶ the items so far, what was not taken up, response.create if one is due, the sound that was no utterance yet,
        what the client said since
        lab.reconnected ─▶ client
```

What happens between the relay and the new target is theirs: neither the client nor the recording sees it twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from contoso_lab.relay.calls.actions import Action
from contoso_lab.relay.calls.call import Call
from contoso_lab.relay.calls.closing import NORMAL, Close
from contoso_lab.relay.calls.lines import Lines
from contoso_lab.relay.calls.reconnect import TargetRefused, dial_again
from contoso_lab.relay.calls.scribe import Scribe
from contoso_lab.relay.calls.talk import Talk
from contoso_lab.relay.calls.timers import Later
from contoso_lab.relay.tooling.tool_runner import ToolRunner
from contoso_lab.relay.watching.watch import Watch
from contoso_lab.relay.wires.legs import Ear

if TYPE_CHECKING:
    from contoso_lab.relay.wires.dial import Dialled

Redial = Callable[[], Awaitable["Dialled"]]


class Recovery:
    """Of one call.

    Args:
        call: the rules.
        talk: what is known of the conversation.
        ear: who listens to the new target.
        end: is called with the last words when there is none.
        fail: is called with a mistake of ours.
    """

    def __init__(
        self,
        redial: Redial,
        *,
        call: Call,
        talk: Talk,
        lines: Lines,
        scribe: Scribe,
        watch: Watch,
        tools: ToolRunner | None,
        ear: Ear,
        later: Later,
        end: Callable[[Sequence[Action]], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._redial, self._call, self._talk, self._lines, self._scribe = redial, call, talk, lines, scribe
        self._watch, self._tools, self._ear, self._later = watch, tools, ear, later
        self._end, self._fail = end, fail
        self._task: asyncio.Task[None] | None = None
        self._lost: tuple[str, ...] = ()

    def begin(self, code: int, reason: str, *, why: str) -> None:
        """The target is lost. `why` is a word for the client, `code` and `reason` are what the target said."""
        self._lines.set_target(None)
        self._watch.reconnecting(why)
        self._scribe.note("target.lost", code=code, reason=reason)
        self._scribe.tell("lab.reconnecting", reason=why)
        if self._tools is not None:
            self._tools.target_lost()
        self._lost = self._talk.lose(audio_chars=self._watch.counts.target_audio)
        for response_id in self._lost:
            done = self._call.failed_response(response_id)
            self._scribe.record("s2c", done)
            self._lines.to_client(done)
        self._task = asyncio.create_task(self._run(code, reason))

    async def stop(self) -> None:
        """Give up; returns when no connection is being opened any more."""
        task = self._task
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self, code: int, reason: str) -> None:
        try:
            if not await dial_again(
                self._redial, self._call.session_update, self._welcome, own=self._lines.own, later=self._later
            ):
                self._end(self._call.target_gone(code, reason))
        except TargetRefused as refused:
            self._end(self._call.target_refused(str(refused)))
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not leave half a call behind
            self._fail(error)

    def _welcome(self, dialled: Dialled) -> None:
        try:
            self._back(dialled)
        except Exception as error:  # noqa: BLE001 - as above: whose socket calls this would swallow it
            dialled.leg.close(Close(NORMAL))
            self._fail(error)

    def _back(self, dialled: Dialled) -> None:
        """The new target has its configuration."""
        resumption = self._talk.resumption()
        waited, dropped = self._lines.waiting.take()
        heard = self._talk.sound.messages()
        lost = self._lost[-1] if self._lost else None
        self._scribe.note(
            "target.reconnected",
            items=resumption.items,
            lost_response_id=lost,
            not_sent=dropped or None,
            heard_again=len(heard) or None,
        )
        self._scribe.tell("lab.reconnected", items=resumption.items, lost_response_id=lost)
        self._watch.reconnected(resumption.items)
        self._lines.set_target(dialled.leg)
        dialled.set_ear(self._ear)
        for message in (*resumption.messages, *heard, *waited):
            dialled.leg.send(message)
