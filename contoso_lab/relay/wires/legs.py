"""The two legs of a call, as the rules see them: small, synchronous, and free of any library.

An adapter (picows, Starlette, the websockets client, a test's fake) makes a `Leg` and feeds an `Ear`. Both
sides of this seam run in the event loop's thread. Nothing here waits: what a slow side has not taken yet
waits in its transport's buffer, the adapter says so with `on_writable(leg, False)`, and the pump then stops
reading from the *other* leg. That is the whole back pressure, and forgetting it costs hundreds of megabytes.

Messages are `bytes`: the UTF-8 of a text frame, whole (adapters join fragments). A binary frame, which the
Realtime protocol does not know, comes as `Binary` and is passed on as one.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from contoso_lab.relay.calls.closing import Close


class Binary(bytes):
    """A message that came as a binary frame."""


Message = bytes


class Leg(Protocol):
    """One side of a call, to talk to."""

    def send(self, message: Message) -> None:
        """Send one message. Never waits and never fails: a leg that is gone has said so to its `Ear`."""

    def pause(self) -> None:
        """Stop reading from this side; doing it twice is doing it once."""

    def resume(self) -> None:
        """Read on."""

    def close(self, close: Close) -> None:
        """Say goodbye after what was sent; drop the connection when the other side does not answer in time."""

    async def closed(self) -> None:
        """Return when the connection is over, however it ended."""


@runtime_checkable
class Buffered(Protocol):
    """A leg that can tell how much of what it was sent the network has not taken yet."""

    def waiting_bytes(self) -> int:
        """How many bytes; asked seldom, and also after the end."""


class Ear(Protocol):
    """Who listens to legs: the pump."""

    def on_message(self, leg: Leg, message: Message) -> None:
        """One whole message came. It may still come after `pause`, for what had been read already."""

    def on_writable(self, leg: Leg, writable: bool) -> None:
        """The leg's buffer is fuller than it should be, or has room again."""

    def on_gone(self, leg: Leg, code: int, reason: str) -> None:
        """The leg is over: once, last. 1006 is a broken connection, 1005 a goodbye without a code."""
