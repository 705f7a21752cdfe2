"""What the client says while there is no target: it waits, in order and bounded.

Sound that waits is worth less with every second, so only its newest ten seconds are kept. Everything else is
kept whole; when it becomes too much, the pump stops reading from the client.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from contoso_lab.relay.wires.legs import Message

NEWEST_AUDIO_S = 10.0
MOST_WAITING_BYTES = 8 * 2**20


@dataclass(slots=True)
class _Said:
    at_s: float
    message: Message | None
    """`None` once it is not worth sending any more."""


class Waiting:
    """Messages for a target that is not there yet.

    >>> waiting = Waiting()
    >>> waiting.add(b"old sound", at_s=0, audio=True)
    >>> waiting.add(b"a word", at_s=1, audio=False)
    >>> waiting.add(b"new sound", at_s=11, audio=True)
    >>> waiting.take()
    ([b'a word', b'new sound'], 1)
    """

    def __init__(self, *, most_bytes: int = MOST_WAITING_BYTES) -> None:
        self._dropped = 0
        self._most_bytes = most_bytes
        self._all: list[_Said] = []
        self._audio: deque[_Said] = deque()
        self.bytes = 0
        """What is kept, in bytes."""

    @property
    def full(self) -> bool:
        """Whether no more should be taken."""
        return self.bytes >= self._most_bytes

    def add(self, message: Message, *, at_s: float, audio: bool) -> None:
        """Let one message wait."""
        said = _Said(at_s, message)
        self._all.append(said)
        self.bytes += len(message)
        if audio:
            self._audio.append(said)
            while self._audio and self._audio[0].at_s <= at_s - NEWEST_AUDIO_S:
                self._drop(self._audio.popleft())

    def take(self) -> tuple[list[Message], int]:
        """All that waits, oldest first, and how many messages with sound were given up; then nothing waits."""
        taken, dropped = [said.message for said in self._all if said.message is not None], self._dropped
        self._all, self.bytes, self._dropped = [], 0, 0
        self._audio.clear()
        return taken, dropped

    def _drop(self, said: _Said) -> None:
        if said.message is not None:
            self.bytes -= len(said.message)
            said.message = None
            self._dropped += 1
