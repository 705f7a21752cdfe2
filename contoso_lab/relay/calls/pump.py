"""Holds one call: it listens to both legs, asks the rules, and does what they say. It never waits.

| resource | acquired | released | on failure |
|---|---|---|---|
| the target's leg | `begin`, and again when it is lost | after the last words | 1011 |
| the client's leg | `take`, and again when it comes back | after the last words | 1011 |
| the recording | by the desk | before the goodbyes: whoever sees a close can read it | closed with a reason |
| timers and tasks | when the call opens, or a side is lost | with the goodbyes | `finished` waits for them |

Nearly every message is sound: it is told by its shape, counted, recorded and sent on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, assert_never

from contoso_lab.relay.calls import endings
from contoso_lab.relay.calls.absence import NOTHING_THERE, Absence
from contoso_lab.relay.calls.actions import Acknowledge, Action, Agree, Forward, HangUp, Note, Record, Show
from contoso_lab.relay.calls.beside import Beside
from contoso_lab.relay.calls.bounds import Bounds
from contoso_lab.relay.calls.call import Call
from contoso_lab.relay.calls.ceilings import Ceilings
from contoso_lab.relay.calls.closing import may_be_dialled_again, may_come_back, was_too_big
from contoso_lab.relay.calls.door_dialect import BetaDoor
from contoso_lab.relay.calls.farewell import Farewell
from contoso_lab.relay.calls.lines import Lines
from contoso_lab.relay.calls.on_screen import OnScreen
from contoso_lab.relay.calls.recovery import Recovery, Redial
from contoso_lab.relay.calls.resume import Resume
from contoso_lab.relay.calls.scribe import Scribe
from contoso_lab.relay.calls.speaker import Speaker
from contoso_lab.relay.calls.talk import Talk
from contoso_lab.relay.calls.timers import Beat, Later, loop_later
from contoso_lab.relay.tooling.tool_runner import ToolRunner
from contoso_lab.relay.watching.watch import Unwatched, Watch
from contoso_lab.relay.wires.legs import Leg, Message
from contoso_lab.wire.frames import glance

if TYPE_CHECKING:
    from contoso_lab.relay.calls.tape import Tape
    from contoso_lab.relay.threads.findings import Findings
    from contoso_lab.relay.threads.forget_me import ForgetMe
    from contoso_lab.relay.threads.minutes import Minutes
    from contoso_lab.relay.wires.dial import Dialled


class Pump:
    """Carries one call from the first message to the last. An `Ear` of both its legs."""

    def __init__(
        self,
        call_id: str,
        call: Call,
        *,
        tape: Tape,
        redial: Redial | None = None,
        ceilings: Ceilings | None = None,
        tools: ToolRunner | None = None,
        minutes: Minutes | None = None,
        forgets: ForgetMe | None = None,
        findings: Findings | None = None,
        door: BetaDoor | None = None,
        resumable: bool = False,
        watch: Watch | None = None,
        clock: Callable[[], float] = time.monotonic,
        later: Later = loop_later,
    ) -> None:
        self._call, self._tape = call, tape
        self._tools, self._minutes, self._door = tools, minutes, door
        resume = Resume() if resumable else None
        self._watch: Watch = watch or Unwatched()
        self._counts = self._watch.counts
        self._clock = clock
        self._talk = Talk(call)
        if tools is not None:
            self._talk.our_tools = tools.names
        self._sound = self._talk.sound if redial is not None else None
        self._screen = OnScreen(self._talk)
        self._lines = Lines(resume=resume, door=door)
        self._counts.waiting = self._lines.waits
        self._scribe = Scribe(call_id, tape, self._lines, self._watch)
        self._absence: Absence | None = None
        if resume is not None:
            self._absence = Absence(
                resume, call=call, lines=self._lines, scribe=self._scribe, watch=self._watch, later=later,
                end=self._do,
            )  # fmt: skip
        self._recovery: Recovery | None = None
        if redial is not None:
            self._recovery = Recovery(
                redial, call=call, talk=self._talk, lines=self._lines, scribe=self._scribe, watch=self._watch,
                tools=tools, ear=self, later=later, end=self._do, fail=self._fail,
            )  # fmt: skip
        self._bounds: Bounds | None = None
        if ceilings is not None:
            self._bounds = Bounds(
                ceilings, call=call, lines=self._lines, watch=self._watch, clock=clock, end=self._do
            )  # fmt: skip
        self._speaker = Speaker(
            talk=self._talk, lines=self._lines, scribe=self._scribe, watch=self._watch, clock=clock, tools=tools,
            screen=self._screen, bounds=self._bounds, recovery=self._recovery,
            refused=lambda sentence: self._do(call.target_refused(sentence)),
        )  # fmt: skip
        self.beside = Beside(minutes, forgets, findings)
        self.beside.follow(
            self._talk.memory, screen=self._screen, speaker=self._speaker, scribe=self._scribe,
            end=lambda: self._do(call.forgotten()), later=later,
        )  # fmt: skip
        stops: list[Callable[[], Awaitable[None]]] = [self._recovery.stop] if self._recovery else []
        stops += [*([tools.close] if tools else []), *self.beside.stops]
        self._farewell = Farewell(self._lines, self._scribe, keeps=minutes, stops=stops)
        self._opening: tuple[Dialled, bool] | None = None
        self._opened = False
        self._beat = Beat(later)

    @property
    def finished(self) -> asyncio.Event:
        """The recording and all connections are closed."""
        return self._farewell.finished

    @property
    def hang_up(self) -> HangUp | None:
        """How the call ended, once it has."""
        return self._farewell.hang_up

    @property
    def resume_token(self) -> str | None:
        """With which the client may come back; `None` when it did not ask for one."""
        return None if self._absence is None else self._absence.resume.token

    def begin(self, dialled: Dialled, *, show_path: bool) -> None:
        """Take the target, which has greeted; the call opens when the client is there, too.

        Args:
            show_path: the client is on this machine, so the recording's path means something to it.
        """
        self._opening = (dialled, show_path)
        self._lines.set_target(dialled.leg)
        self._open()

    def take(self, leg: Leg, *, received: int | None = None) -> None:
        """Take the client, or take it back after `received` messages.

        Who has nothing to come back to is told so with 4410, and the call stays as it is.
        """
        if self._opened or self.hang_up is not None:
            here = self._absence if self.hang_up is None else None
            if here is None or not here.take_back(leg, received or 0):
                leg.close(NOTHING_THERE)
            return
        self._lines.set_client(leg)
        self._open()

    async def stop(self) -> None:
        """End the call because the relay ends; returns when everything is closed."""
        self._do(self._call.shut_down())
        await self.finished.wait()

    # What the legs say.

    def on_message(self, leg: Leg, message: Message) -> None:
        """A message came. What comes from a leg that was given up already is nobody's."""
        lines, counts = self._lines, self._counts
        try:
            if leg is lines.target:
                counts.target_messages += 1
                counts.target_bytes += len(message)
                frame = glance(message)
                if frame is None or frame[0] != "response.output_audio.delta":
                    return self._speaker.says(leg, message)
                counts.target_audio += frame[3] - frame[2]
                if self._watch.awaits_audio:
                    self._watch.first_audio()
                if self._tools is not None and frame[0] in self._tools.types:
                    return self._speaker.says(leg, message)
                if (failure := self._tape.sound("s2c", message)) is not None:
                    self._scribe.not_recorded(failure)
                lines.to_client(message)
            elif leg is lines.client:
                counts.client_messages += 1
                counts.client_bytes += len(message)
                frame = glance(message)
                if frame is None or frame[0] != "input_audio_buffer.append":
                    return self._client_says(message)
                counts.client_audio += frame[3] - frame[2]
                if (failure := self._tape.sound("c2s", message)) is not None:
                    self._scribe.not_recorded(failure)
                if self._absence is not None:
                    self._absence.heard()
                if lines.target is not None:
                    lines.target.send(message)
                    if self._sound is not None:
                        self._sound.add(message, at_s=self._clock())
                else:
                    lines.waiting.add(message, at_s=self._clock(), audio=True)
                    lines.balance()
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not leave half a call behind
            self._fail(error)

    def on_writable(self, leg: Leg, writable: bool) -> None:
        """A leg takes no more, or does again."""
        self._lines.writable(leg, writable)

    def on_gone(self, leg: Leg, code: int, reason: str) -> None:
        """A leg is over."""
        try:
            if was_too_big(code, reason) and (leg is self._lines.client or leg is self._lines.target):
                self._watch.limit("message")
            if leg is self._lines.client:
                self._lines.set_client(None)
                if self._absence is not None and may_come_back(code):
                    self._absence.begin(code, reason)
                else:
                    self._do(self._call.client_gone(code, reason))
            elif leg is self._lines.target:
                self._lines.set_target(None)
                if self._recovery is not None and may_be_dialled_again(code):
                    self._recovery.begin(code, reason, why="connection_lost")
                else:
                    self._do(self._call.target_gone(code, reason))
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def _client_says(self, message: Message) -> None:
        if self._door is not None:
            message = self._door.from_client(message)
        if self._bounds is not None:
            self._bounds.active()
        actions = self._call.from_client(message)
        self._do(actions)  # first: whoever is told that a message has arrived may count on it being recorded
        if self._absence is not None and not isinstance(actions[0], Acknowledge):
            self._absence.heard()

    # What is done.

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Forward("target", data):
                    self._lines.to_target(data, at_s=self._clock())
                case Forward(_, data):
                    self._lines.to_client(data)
                case Record(direction, data):
                    self._scribe.record(direction, data)
                case Note(event):
                    self._talk.note(action)
                    if self._tools is not None:
                        self._tools.from_client(event)
                    self._watch.event("client", event)
                case Show(suggestion_id):
                    if self._minutes is not None and self._screen.is_news(suggestion_id):
                        self._minutes.shown(action)
                    self._speaker.tell(*self._screen.shown(suggestion_id))
                case Agree():
                    if self._minutes is not None:
                        self._minutes.agreed(action)
                case Acknowledge(received):
                    if self._absence is not None:
                        self._absence.resume.acknowledge(received)
                case HangUp():
                    self._say_goodbye(action)
                case _:
                    assert_never(action)

    def _open(self) -> None:
        """Both are there for the first time."""
        if self._opening is None or self._lines.client is None:
            return
        (dialled, show_path), self._opening, self._opened = self._opening, None, True
        self._do(self._call.opened(dialled.created))
        self._scribe.began(show_path=show_path)
        if self._absence is not None:
            self._absence.began()
        if self._tools is not None:
            before = self._minutes.flush if self._minutes is not None else None
            self._tools.begin(self._speaker.tell, self._watch.tool, done=self._speaker.ran, before=before)
        acknowledges = [self._absence.acknowledge] if self._absence is not None else []
        self._beat.begin(*acknowledges, *([self._bounds.tick] if self._bounds is not None else []))
        if self._bounds is not None:
            self._bounds.begin()
        dialled.set_ear(self)

    # The end.

    def _fail(self, error: BaseException) -> None:
        self._scribe.failed(error)
        self._say_goodbye(endings.FAILURE)

    def _say_goodbye(self, hang_up: HangUp) -> None:
        if self.hang_up is not None:
            return
        self._beat.stop()
        if self._absence is not None:
            self._absence.stop()
        self._talk.end(audio_chars=self._counts.target_audio if self._minutes is not None else None)
        self._farewell.say(hang_up)
