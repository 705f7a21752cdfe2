"""Both directions of a call counted, so that a client may lose its connection and miss nothing.

A client that comes with `?resumable=1` is given a token. When its connection breaks it comes back with
`?resume=<token>&received=<n>`, n being how many messages it had received, and hears what it missed, in order.
It is told in turn how many of its own messages had arrived, and says the others again. What counts towards the
client is every message but our own `lab.*` events, which are about the connection and not about the conversation;
from the client, every message but `lab.ack`.

What was sent waits in a ring until the client has acknowledged it. The ring is bounded: while the client is
there the oldest messages fall out; while it is away nothing may, so the pump stops reading from the target.
"""

from __future__ import annotations

import secrets
from collections import deque

from contoso_lab.relay.wires.legs import Message

WINDOW_S = 30.0
"""How long a client may be away."""
MOST_KEPT_BYTES = 8 * 2**20
"""How much may wait for an acknowledgement."""
ACK_EVERY = 64
"""A client hears of this many of its messages at the latest."""


class Resume:
    """What one client may still ask for again.

    >>> resume = Resume()
    >>> for message in (b"one", b"two", b"three"):
    ...     resume.keep(message)
    >>> resume.acknowledge(1)
    >>> resume.missed(2)
    [b'three']
    >>> resume.missed(0) is None  # it said itself that it had received this one
    True
    """

    def __init__(self, *, most_bytes: int = MOST_KEPT_BYTES, window_s: float = WINDOW_S) -> None:
        self.token = secrets.token_urlsafe(24)
        self.window_s = window_s
        self.received = 0
        """How many messages of the client have arrived."""
        self.sent = 0
        """How many messages the client was sent, or would have been."""
        self._most_bytes = most_bytes
        self._ring: deque[Message] = deque()
        self._asides: list[tuple[int, Message]] = []
        self.bytes = 0
        """What is kept, in bytes."""
        self._told = 0
        self.away = False
        """Nobody is there: all must be kept."""

    def __repr__(self) -> str:
        return f"Resume(sent={self.sent}, received={self.received})"  # the token is the client's alone

    @property
    def full(self) -> bool:
        """Whether no more should be kept while the client is away."""
        return self.bytes >= self._most_bytes

    def keep(self, message: Message) -> None:
        """One more message that counts goes to the client."""
        self.sent += 1
        self._ring.append(message)
        self.bytes += len(message)
        if self.bytes > self._most_bytes and not self.away:
            while self.bytes > self._most_bytes:
                self.bytes -= len(self._ring.popleft())

    def keep_aside(self, message: Message) -> None:
        """An event of our own that the client should find in its place when it is back."""
        self._asides.append((self.sent, message))

    def acknowledge(self, received: int) -> None:
        """The client has received so many; a number that cannot be is passed over."""
        while self._ring and self.sent - len(self._ring) < min(received, self.sent):
            self.bytes -= len(self._ring.popleft())

    def missed(self, received: int) -> list[Message] | None:
        """What a client that has received so many has to hear; `None` when that is not there any more."""
        first = self.sent - len(self._ring)
        if not first <= received <= self.sent:
            return None
        missed: list[Message] = []
        asides = deque(self._asides)
        for number, message in enumerate(self._ring, first):
            if number >= received:
                while asides and asides[0][0] <= number:
                    missed.append(asides.popleft()[1])
                missed.append(message)
        missed.extend(message for _, message in asides)
        return missed

    def back(self, received: int) -> None:
        """The client is there again, and was sent what it missed."""
        self.away = False
        self._asides.clear()
        self.acknowledge(received)

    def clear(self) -> None:
        """The call is over: nobody comes back."""
        self._ring.clear()
        self._asides.clear()
        self.bytes = 0

    def heard(self) -> bool:
        """One more message of the client arrived; whether it is time to tell it so."""
        self.received += 1
        return self.received - self._told >= ACK_EVERY

    def tell(self) -> int | None:
        """The number to tell the client, or `None` when it knows."""
        if self._told == self.received:
            return None
        self._told = self.received
        return self.received
