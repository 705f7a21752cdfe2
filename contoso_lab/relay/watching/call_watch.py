"""What one call shows, from the knock to the goodbye, as log lines, numbers and spans.

| what happens | log line | number | span |
|---|---|---|---|
| a caller knocks | | | `call` begins, `admit` below it |
| it is refused | `refused` | calls_refused, tokens_refused | `call` ends as failed |
| the target is dialled | | connect_seconds, errors `dial` | `dial` |
| the call is taken | `opened` | calls_started, calls_open | `admit` ends |
| a turn is answered | | first_audio_seconds | `response` |
| the target is lost, and is back | `reconnecting`, `reconnected` | reconnects | an event of `call` |
| the client is lost, and is back | `detached`, `resumed` | resumes | an event of `call` |
| a caller comes back to its call | | | `call` of that knock ends |
| the call ends | `closed` | calls_ended, call_seconds | `call` ends |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contoso_lab.relay.watching.journal import Value
from contoso_lab.relay.watching.metrics import CALL_REFUSALS, TOKEN_REFUSALS, known
from contoso_lab.relay.watching.tracing import CallTrace
from contoso_lab.relay.watching.watch import (
    ERRORS,
    LIMITS,
    LOSSES,
    PCM16_BYTES_S,
    Counts,
    FirstAudio,
    Side,
    how_it_ended,
)

if TYPE_CHECKING:
    from contoso_lab.relay.watching.observer import Observer

G711_BYTES_S = 8_000
# Codes of a target are words of ours or of an API's documentation; anything longer may be somebody's sentence.
_CODE = re.compile(r"[a-z0-9_.]{1,48}")
_LOST = {"target_lost": "target_lost", "failed": "internal"}
_AUDIO: tuple[tuple[Side, str], ...] = (("client", "input"), ("target", "output"))


class CallWatch:
    """A `Watch` on one call, from the knock to the goodbye."""

    def __init__(self, observer: Observer, call_id: str, door: str) -> None:
        self.counts = Counts()
        self.awaits_audio = False
        self._observer = observer
        self._metrics = observer.metrics
        self._clock = observer.clock
        self._id = call_id
        self._door = door
        self._waiting = FirstAudio()
        self._answering = ""
        self._dialled_s = self._opened_s = 0.0
        self._open = False
        self._reconnecting = self._detached = False
        self._trace: CallTrace | None = observer.tracing.call(call_id) if observer.tracing else None
        if self._trace is not None:
            self._trace.set(door=door)
            self._trace.begin("admit")

    def refused(self, reason: str, *, status: int, token: str | None = None, **fields: Value) -> None:
        """The caller is turned away before there was a call.

        Args:
            reason: one of `CALL_REFUSALS`.
            token: what was wrong with the token, one of `TOKEN_REFUSALS`, where that was the reason.
        """
        reason = known(reason, CALL_REFUSALS)
        if reason in ("setup", "store", "memory"):
            self._observer.error(reason)
        self._metrics.calls_refused.labels(reason).inc()
        if token is not None:
            token = known(token, TOKEN_REFUSALS)
            self._metrics.tokens_refused.labels(token).inc()
            fields = {"token": token, **fields}
        self._say("refused", status=status, door=self._door, reason=reason, **fields)
        self._end_trace(failed=reason, status=status)

    def left(self) -> None:
        """The caller went away before it was let in."""
        self._say("left", door=self._door)
        self._end_trace(failed=None)

    def came_back(self) -> None:
        """The caller goes on with a call that it had before; that one's watch tells the rest."""
        self._end_trace(failed=None, resumes=True)

    def dialling(self) -> None:
        """The target is being dialled."""
        self._dialled_s = self._clock()
        if self._trace is not None:
            self._trace.begin("dial")

    def dialled(self) -> None:
        """The target has greeted."""
        self._metrics.connect_seconds.observe(self._clock() - self._dialled_s)
        if self._trace is not None:
            self._trace.end("dial")

    def dial_failed(self) -> None:
        """The target is not there, or does not let us in."""
        self._metrics.errors.labels("dial").inc()
        if self._trace is not None:
            self._trace.end("dial", failed="dial")

    def opened(self, *, persona: str, customer: str, scenario: str | None, target: str, recording: str | None) -> None:
        """The call is taken."""
        self._opened_s, self._open = self._clock(), True
        self._metrics.calls_started.inc()
        self._metrics.calls.began(self.counts)
        names: dict[str, Value] = {
            "persona": persona, "customer": customer, "scenario": scenario, "target": target, "recording": recording,
        }  # fmt: skip
        self._say("opened", door=self._door, **names)
        if self._trace is not None:
            self._trace.end("admit")
            self._trace.set(**names)

    def closed(self, why: str, *, client_code: int, target_code: int) -> None:
        """The call is over; a second time changes nothing."""
        if not self._open:
            return
        self._open = False
        how, seconds = how_it_ended(why, client_code), self._clock() - self._opened_s
        if how in _LOST:
            self._observer.error(_LOST[how])
        if self._reconnecting:
            self._metrics.reconnects.labels("lost").inc()
        if self._detached:
            self._metrics.resumes.labels("lost").inc()
        self._metrics.calls_ended.labels(how).inc()
        self._metrics.call_seconds.observe(seconds)
        self._metrics.calls.ended(self.counts)
        totals: dict[str, Value] = {
            "seconds": round(seconds, 3),
            "from_client": self.counts.client_messages, "from_target": self.counts.target_messages,
            "heard_s": round(self.counts.seconds("client"), 2), "said_s": round(self.counts.seconds("target"), 2),
        }  # fmt: skip
        self._say("closed", how=how, client_code=client_code, target_code=target_code, **totals)
        failed = how if how in ("target_lost", "failed") else None
        self._end_trace(failed=failed, how=how, client_code=client_code, target_code=target_code, **totals)

    def event(self, side: Side, event: Mapping[str, Any]) -> None:
        """A message of that side that was parsed."""
        type = event.get("type")
        match type:
            case (
                "input_audio_buffer.speech_started" | "input_audio_buffer.speech_stopped"
                | "input_audio_buffer.committed" | "response.create"
            ):  # fmt: skip
                self._note(type)
            case "response.created" | "response.done":
                self._response(type, event.get("response"))
            case "session.updated" if side == "target":
                self._formats(event.get("session"))
            case "error" if side == "target":
                detail = event.get("error")
                code = detail.get("code") or detail.get("type") if isinstance(detail, dict) else None
                self.error("target_event", code=code if isinstance(code, str) and _CODE.fullmatch(code) else None)

    def first_audio(self) -> None:
        """The first sound of an answer has come."""
        self.awaits_audio = False
        waited_s = self._waiting.heard(at_s=self._clock())
        if waited_s is not None:
            self._metrics.first_audio_seconds.observe(waited_s)
            if self._trace is not None:
                self._trace.note("response", self._answering, first_audio_s=waited_s)

    def reconnecting(self, reason: str) -> None:
        """The target is lost; several tries are one loss."""
        if not self._reconnecting:
            self._reconnecting = True
            reason = known(reason, LOSSES)
            self._say("reconnecting", reason=reason)
            self._event("reconnecting", reason=reason)

    def reconnected(self, items: int) -> None:
        """The target is back."""
        self._reconnecting = False
        self._metrics.reconnects.labels("back").inc()
        self._say("reconnected", items=items)
        self._event("reconnected", items=items)

    def detached(self) -> None:
        """The client is lost and may come back."""
        if not self._detached:
            self._detached = True
            self._say("detached")
            self._event("detached")

    def resumed(self, replayed: int) -> None:
        """The client is back."""
        self._detached = False
        self._metrics.resumes.labels("back").inc()
        self._say("resumed", replayed=replayed)
        self._event("resumed", replayed=replayed)

    def error(self, kind: str, **fields: Value) -> None:
        """Something went wrong in this call."""
        kind = known(kind, ERRORS)
        self._metrics.errors.labels(kind).inc()
        self._say("error", kind=kind, **fields)
        self._event("error", kind=kind, **fields)

    def tool(self, name: str, ms: float, *, error: str | None = None) -> None:
        """A tool ran here."""
        outcome = "ok" if error is None else "failed"
        self._metrics.tool_calls.labels(name, outcome).inc()
        self._metrics.tool_seconds.labels(name).observe(ms / 1000)
        if error is not None:
            self._metrics.errors.labels("tool").inc()
        self._say("tool", name=name, ms=round(ms, 1), outcome=outcome, error=error)
        self._event("tool", tool=name, ms=ms, outcome=outcome)

    def limit(self, kind: str) -> None:
        """This call ran into a limit."""
        self._observer.limit(kind)
        self._say("limit", kind=known(kind, LIMITS))
        self._event("limit", kind=known(kind, LIMITS))

    def _note(self, type: str, response: object = None) -> None:
        self._waiting.note(type, at_s=self._clock(), response=response)
        self.awaits_audio = self._waiting.awaited

    def _response(self, type: str, response: object) -> None:
        given = response if isinstance(response, dict) else {}
        key = given.get("id")
        self._note(type, key)
        if self._trace is None or not isinstance(key, str):
            return
        if type == "response.created":
            self._trace.begin("response", key)
            self._answering = key
        else:
            status = given.get("status")
            known = status if status in ("completed", "cancelled", "incomplete", "failed") else None
            self._trace.end("response", key, failed="failed" if known == "failed" else None, status=known)

    def _formats(self, session: object) -> None:
        audio = session.get("audio") if isinstance(session, dict) else None
        if not isinstance(audio, dict):
            return
        for side, name in _AUDIO:
            half = audio.get(name)
            format = half.get("format") if isinstance(half, dict) else None
            kind = format.get("type") if isinstance(format, dict) else None
            if kind is not None:
                self.counts.format(side, bytes_s=PCM16_BYTES_S if kind == "audio/pcm" else G711_BYTES_S)

    def _say(self, event: str, **fields: Value) -> None:
        self._observer.say(self._id, event, **fields)

    def _event(self, name: str, **attributes: Value) -> None:
        if self._trace is not None:
            self._trace.event(name, **attributes)

    def _end_trace(self, *, failed: str | None, **attributes: Value) -> None:
        trace, self._trace = self._trace, None
        if trace is not None:
            trace.set(**attributes)
            trace.close(failed=failed)
