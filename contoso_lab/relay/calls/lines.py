"""The two legs of a call, and what waits for one that is away.

There is no queue between legs that are there: a message is handed to the leg at once, and a leg that takes no
more stops the reading of the *other*. What waits for a leg that is away is bounded, by stopping the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from contoso_lab.relay.calls.actions import Side
from contoso_lab.relay.calls.closing import Close
from contoso_lab.relay.calls.door_dialect import BetaDoor
from contoso_lab.relay.calls.resume import Resume
from contoso_lab.relay.calls.waiting import Waiting
from contoso_lab.relay.wires.legs import Buffered, Leg, Message


class Lines:
    """Who is there, and who is being read."""

    def __init__(self, *, resume: Resume | None, door: BetaDoor | None) -> None:
        self.client: Leg | None = None
        self.target: Leg | None = None
        self.resume = resume
        self.waiting = Waiting()
        """What the client says while there is no target."""
        self._door = door
        self._all: list[Leg] = []
        self._full: dict[Side, bool] = {"client": False, "target": False}
        self._paused: dict[Side, bool] = {"client": False, "target": False}

    def set_client(self, leg: Leg | None) -> None:
        """The client is there, or is not."""
        self.client = leg
        self._changed("client", leg)

    def set_target(self, leg: Leg | None) -> None:
        """The target is there, or is not."""
        self.target = leg
        self._changed("target", leg)

    def to_client(self, message: Message) -> None:
        """Send a message that counts, or keep it for a client that may come back."""
        if self._door is not None:
            translated = self._door.to_client(message)
            if translated is None:
                return
            message = translated
        if self.resume is not None:
            self.resume.keep(message)
            if self.client is None and self.resume.full:
                self.balance()
        if self.client is not None:
            self.client.send(message)

    def lab(self, message: Message) -> None:
        """Send an event of our own, which does not count, or keep it in its place."""
        if self.client is not None:
            self.client.send(message)
        elif self.resume is not None:
            self.resume.keep_aside(message)

    def to_target(self, message: Message, *, at_s: float) -> None:
        """Send a message, or let it wait until there is a target."""
        if self.target is not None:
            self.target.send(message)
        else:
            self.waiting.add(message, at_s=at_s, audio=False)
            self.balance()

    def writable(self, leg: Leg, writable: bool) -> None:
        """A leg takes no more, or does again."""
        if leg is self.client:
            self._full["client"] = not writable
        elif leg is self.target:
            self._full["target"] = not writable
        self.balance()

    def balance(self) -> None:
        """Stop or go on reading each side, by what the other takes."""
        away = self.resume is not None and self.client is None and self.resume.full
        self._read("target", self.target, stop=self._full["client"] or away)
        self._read("client", self.client, stop=self._full["target"] or (self.target is None and self.waiting.full))

    def leave(self, client: Close, target: Close) -> Callable[[], None]:
        """Listen to nobody any more, and keep nothing for anybody; what comes back says the goodbyes."""
        legs = (self.client, client), (self.target, target)
        self.client = self.target = None
        # At once: the parts of a call point at each other, so what they hold stays until Python looks for circles.
        self.waiting.take()
        if self.resume is not None:
            self.resume.clear()

        def say() -> None:
            for leg, close in legs:
                if leg is not None:
                    leg.close(close)

        return say

    async def closed(self) -> None:
        """Return when the connection of every leg that there ever was is over."""
        await asyncio.gather(*(leg.closed() for leg in self._all))

    def own(self, leg: Leg) -> None:
        """Wait for the end of this leg, too, when the call ends."""
        if leg not in self._all:
            self._all.append(leg)

    def waits(self) -> tuple[int, int]:
        """How many bytes wait for the client and for the target: it is away, or has not read them yet."""
        ring = self.resume.bytes if self.resume is not None and self.client is None else 0
        return ring + _buffered(self.client), self.waiting.bytes + _buffered(self.target)

    def _changed(self, side: Side, leg: Leg | None) -> None:
        self._full[side] = self._paused[side] = False
        if leg is not None:
            self.own(leg)
        self.balance()

    def _read(self, side: Side, leg: Leg | None, *, stop: bool) -> None:
        if leg is not None and stop != self._paused[side]:
            self._paused[side] = stop
            if stop:
                leg.pause()
            else:
                leg.resume()


def _buffered(leg: Leg | None) -> int:
    return leg.waiting_bytes() if isinstance(leg, Buffered) else 0
