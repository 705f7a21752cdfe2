"""How a call ends: what each side is told, and the reason that the recording keeps."""

from __future__ import annotations

from typing import NamedTuple

from contoso_lab.relay.calls.actions import HangUp
from contoso_lab.relay.calls.closing import (
    ABNORMAL,
    CEILING,
    FAILED,
    GOING_AWAY,
    NO_CODE,
    NO_TARGET,
    NORMAL,
    Close,
    is_the_applications,
    passed_on,
)

SHUT_DOWN = HangUp(
    Close(GOING_AWAY, "the relay is shutting down"),
    Close(GOING_AWAY, "the relay is shutting down"),
    "the relay was shut down",
)
FORGOTTEN = HangUp(
    Close(NORMAL, "everything about you is deleted"), Close(NORMAL), "the customer asked to be forgotten, and is"
)
FAILURE = HangUp(
    Close(FAILED, "the relay failed, its log says how"), Close(FAILED, "the relay failed"), "the relay failed"
)


class Ending(NamedTuple):
    """How a call ends, and what to tell the client before."""

    hang_up: HangUp
    sentence: str | None
    """For an `error` event; `None` when the close code says it all."""


def target_gone(code: int, reason: str) -> Ending:
    """The target closed, or the connection to it broke.

    >>> target_gone(1000, "bye")
    Ending(hang_up=HangUp(client=Close(code=1000, reason='bye'), target=Close(code=1000, reason=''),
      why='the target ended the call'), sentence=None)
    """
    close, sentence = passed_on(code, reason, who="the target"), None
    if close.code != NORMAL and not is_the_applications(code):
        sentence = _lost_sentence(code, reason)
        close = Close(close.code, sentence)
    why = "the target ended the call" if close.code == NORMAL else f"target lost ({code}): {close.reason}"
    return Ending(HangUp(close, Close(NORMAL), why), sentence)


def target_refused(sentence: str) -> Ending:
    """The target does not want this call, or not as it is configured."""
    return Ending(HangUp(Close(NO_TARGET, sentence), Close(NORMAL), f"target lost: {sentence}"), sentence)


def client_gone(code: int, reason: str, waited_s: float | None = None) -> HangUp:
    """The client closed, or the connection to it broke (and it has not come back within `waited_s`)."""
    match code:
        case 1000 | 1001 | 1005:
            why = f"the client ended the call ({NORMAL if code == NO_CODE else code})"
        case 1006:
            why = "client lost (1006): the connection broke"
        case _:
            why = f"the client ended the call ({code}): {reason}"
    if waited_s is not None:
        why += f", and it did not come back within {waited_s:g} s"
    return HangUp(Close(NORMAL), passed_on(code, reason, who="the client"), why)


def ceiling_reached(sentence: str) -> HangUp:
    """The call has lasted, or cost, as much as it may."""
    return HangUp(Close(CEILING, sentence), Close(NORMAL), f"the relay ended the call: {sentence}")


def _lost_sentence(code: int, reason: str) -> str:
    said = f": {reason}" if reason else ""
    if code == ABNORMAL:
        return f"the connection to the target broke in the middle of the call{said}; call again"
    return f"the target ended the call with code {code}{said}; call again"
