"""The sound that a target was given and has not made an utterance of: a new target hears it again.

While somebody speaks, or where the client itself says when an utterance is over, up to ten seconds are kept; while
nobody speaks, one second, for speech is noticed only after it has begun. What an utterance was made of is let go.
"""

from __future__ import annotations

from collections import deque

from contoso_lab.relay.wires.legs import Message

SPEECH_S = 10.0
SILENCE_S = 1.0
MOST_BYTES = 2 * 2**20
"""Of one call; ten seconds of PCM at 24 kHz are 640 KB as base64."""


class Uncommitted:
    """Of one call. Times are seconds of the relay's clock, at which the sound arrived.

    >>> sound = Uncommitted()
    >>> sound.add(b"a", at_s=0.0); sound.add(b"b", at_s=5.0); sound.add(b"c", at_s=5.5)
    >>> sound.messages()
    [b'b', b'c']
    >>> sound.speaking = True
    >>> sound.add(b"d", at_s=14.0); sound.messages()
    [b'b', b'c', b'd']
    >>> sound.clear(); sound.messages()
    []
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self.speaking = False
        """Somebody speaks, or nobody but the client knows whether anybody does."""
        self._most_bytes = most_bytes
        self._bytes = 0
        self._said: deque[tuple[float, Message]] = deque()

    def add(self, message: Message, *, at_s: float) -> None:
        """Sound goes to the target."""
        said = self._said
        said.append((at_s, message))
        self._bytes += len(message)
        since = at_s - (SPEECH_S if self.speaking else SILENCE_S)
        while said[0][0] < since or self._bytes > self._most_bytes:
            self._bytes -= len(said.popleft()[1])
            if not said:
                break

    def also(self, message: Message) -> None:
        """Something that belongs between the sounds: a client's own end of an utterance."""
        self._said.append((self._said[-1][0] if self._said else 0.0, message))
        self._bytes += len(message)

    def clear(self) -> None:
        """An utterance was made of it, or it was thrown away."""
        self._said.clear()
        self._bytes = 0

    def messages(self) -> list[Message]:
        """What a new target has to hear, oldest first."""
        return [message for _, message in self._said]
