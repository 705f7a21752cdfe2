"""Dialling a lost target again, until it has taken the configuration."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import EventError, SessionRefused
from contoso_lab.relay.calls.call import SESSION_EVENT_ID
from contoso_lab.relay.calls.closing import NORMAL, Close
from contoso_lab.relay.calls.timers import Later
from contoso_lab.relay.wires.legs import Leg, Message
from contoso_lab.wire.frames import load_object

if TYPE_CHECKING:
    from contoso_lab.relay.wires.dial import Dialled

TRIES_AFTER_S = (0.5, 1.0, 2.0)
"""How long to wait before each try."""
CONFIGURE_S = 10.0
"""How long a target may take over the configuration."""
REPLAY_EVENT_ID = "lab_replay_"
"""How the `event_id`s begin with which we tell a new target what was said."""

# A refusal of the request itself: asking the same again would be answered the same.
_FINAL = re.compile(r"the target answered 4\d\d\b")


class TargetRefused(Exception):
    """The target is there and does not want this call; the sentence says why."""


class _Newcomer:
    """The ear of a target that has just been dialled. What it says before the call goes on is between us and it."""

    def __init__(self, on_ready: Callable[[], None]) -> None:
        self._on_ready = on_ready
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_message(self, leg: Leg, message: Message) -> None:
        """Wait for the one answer that matters."""
        if self.ready.done():
            return
        try:
            event = load_object(message)
        except EventError:
            return
        if event["type"] == "session.updated":
            self.ready.set_result(None)
            self._on_ready()  # at once: the next message belongs to the call
        elif event["type"] == "error":
            if (sentence := refusal(event, unnamed=True)) is not None:
                self.ready.set_exception(TargetRefused(sentence))

    def on_writable(self, leg: Leg, writable: bool) -> None:
        """Little is sent yet."""

    def on_gone(self, leg: Leg, code: int, reason: str) -> None:
        """It is lost again already."""
        self.give_up()

    def give_up(self) -> None:
        """Wait no longer."""
        if not self.ready.done():
            self.ready.set_exception(TimeoutError())


def refusal(event: Mapping[str, Any], *, unnamed: bool = False) -> str | None:
    """Why the target does not take our configuration, in a sentence, if that is what an `error` says.

    Args:
        unnamed: an error that names no event counts, because nothing else was sent.

    >>> refusal({"type": "error", "error": {"event_id": "lab_session", "message": "no such voice"}})
    "the target refuses the call's configuration: no such voice"
    >>> refusal({"type": "error", "error": {"event_id": "mine", "message": "no such voice"}}) is None
    True
    """
    detail = event.get("error")
    error = detail if isinstance(detail, Mapping) else {}
    about = error.get("event_id")
    if about != SESSION_EVENT_ID and not (unnamed and about is None):
        return None
    said = error.get("message") or error.get("code") or "it does not say why"
    return f"the target refuses the call's configuration: {said}"


async def dial_again(
    redial: Callable[[], Awaitable[Dialled]],
    configuration: Callable[[], Message],
    on_ready: Callable[[Dialled], None],
    *,
    own: Callable[[Leg], None],
    later: Later,
) -> bool:
    """Try until a target takes the configuration; `False` when none did.

    `on_ready` is called within the message that confirms it. Every leg that was dialled is handed to `own`; one
    that came to nothing is closed, also when this is cancelled.

    Raises:
        TargetRefused: it is in vain, one sentence says why.
    """
    for delay_s in TRIES_AFTER_S:
        await _wait(delay_s, later)
        try:
            dialled = await redial()
        except SessionRefused as error:
            if _FINAL.search(error.reason):
                raise TargetRefused(error.reason) from error
            continue
        own(dialled.leg)
        newcomer = _Newcomer(lambda dialled=dialled: on_ready(dialled))  # type: ignore[misc]
        timer = later(CONFIGURE_S, newcomer.give_up)
        try:
            dialled.set_ear(newcomer)
            dialled.leg.send(configuration())
            await newcomer.ready
        except TimeoutError:
            dialled.leg.close(Close(NORMAL))
        except BaseException:
            dialled.leg.close(Close(NORMAL))
            raise
        else:
            return True
        finally:
            timer.cancel()
    return False


async def _wait(delay_s: float, later: Later) -> None:
    over = asyncio.Event()
    timer = later(delay_s, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()


class Replayed:
    """Tells what a new target says about the items that it was told from what it says to the client.

    >>> replayed = Replayed([{"id": "i1"}])
    >>> replayed.hides({"type": "conversation.item.added", "item": {"id": "i1"}})
    True
    >>> replayed.hides({"type": "conversation.item.added", "item": {"id": "i2"}})
    False
    """

    def __init__(self, items: Iterable[Mapping[str, Any]] = ()) -> None:
        self._ids = {item["id"] for item in items}

    def hides(self, event: Mapping[str, Any]) -> bool:
        """Whether the client has no part in this event."""
        match event:
            case {"type": "conversation.item.added" | "conversation.item.created", "item": {"id": str(item_id)}}:
                return item_id in self._ids
            case {"type": "conversation.item.done", "item": {"id": str(item_id)}} if item_id in self._ids:
                self._ids.remove(item_id)
                return True
            case {"type": "error", "error": {"event_id": str(event_id)}}:
                return event_id.startswith(REPLAY_EVENT_ID)
        return False
