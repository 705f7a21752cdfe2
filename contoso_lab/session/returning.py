"""What a client has to remember so that a broken connection loses nothing: the books of `Line`.

The relay gives a token to a client that asked to be resumable. When the connection breaks, the client comes back
with the token and with how many messages it has received; the relay says how many of the client's own have
arrived, and each side says the rest again. Pure bookkeeping: no socket, no clock.

| direction | counts | does not |
|---|---|---|
| relay to client | every message, the relay's own errors too | `lab.*`, which is about the connection |
| client to relay | every message, `lab.local` too, for it is recorded | `lab.ack` |
"""

from __future__ import annotations

from collections import deque

from contoso_lab.errors import SessionClosed

ACK_EVERY = 64
"""The relay hears of this many of its messages at the latest, and can then forget them."""
MOST_KEPT_BYTES = 8 * 2**20
"""How much may wait for the relay's word that it has arrived."""


class Books:
    """Both directions of one call, counted.

    >>> books = Books()
    >>> for message in ("one", "two", "three"):
    ...     books.said(message)
    >>> books.arrived(1)
    >>> books.unheard(2)
    ['three']
    """

    def __init__(self, *, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self.token: str | None = None
        """Opens the way back; `None` until the relay has given it, and with a relay that gives none."""
        self.window_s = 0.0
        """How long the relay waits for us."""
        self.received = 0
        """How many messages of the target we have."""
        self._kept: deque[str] = deque()
        self._said = 0
        self._bytes = 0
        self._most_bytes = most_bytes
        self._told = 0

    def said(self, message: str) -> None:
        """We have sent a message that counts, or would have.

        Raises:
            SessionClosed: so much waits that the relay must be gone for good.
        """
        self._said += 1
        self._kept.append(message)
        self._bytes += len(message)
        if self._bytes <= self._most_bytes:
            return
        if self.token is not None:
            raise SessionClosed(1006, f"{self._most_bytes // 2**20} MiB wait for a relay that does not answer")
        # Nobody acknowledges anything here, and there is no way back on which it would be said again.
        self.arrived(self._said)

    def arrived(self, count: int) -> None:
        """The relay has so many of our messages."""
        while self._kept and self._said - len(self._kept) < count:
            self._bytes -= len(self._kept.popleft())

    def unheard(self, count: int) -> list[str]:
        """What a relay that has `count` of our messages has to hear again.

        Raises:
            SessionClosed: it lacks messages that we no longer have.
        """
        first = self._said - len(self._kept)
        if not first <= count <= self._said:
            raise SessionClosed(1006, f"the relay has {count} of our {self._said} messages, and {first} are forgotten")
        self.arrived(count)
        return list(self._kept)

    def heard(self) -> int | None:
        """One more message of the target came; the number to tell the relay when it is time to."""
        self.received += 1
        if self.token is None or self.received - self._told < ACK_EVERY:
            return None
        self._told = self.received
        return self.received
