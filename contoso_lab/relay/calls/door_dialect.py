"""Beta clients at the door: they speak the old dialect, everything behind the door speaks GA.

```
client (beta) ──from_client──▶ rules, recording, target (GA)
client (beta) ◀──to_client─── rules, recording, target (GA)
```

The words are `contoso_lab.wire.beta`'s, which the engine uses for its own beta clients; here they are put to
whole messages. Three promises: a message that needs no change comes back as the very same object; what cannot
be read is passed on as it is, because judging it is the target's part; and sound is never parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from contoso_lab.errors import EventError
from contoso_lab.relay.wires.legs import Binary, Message
from contoso_lab.wire.beta import beta_has, from_beta, to_beta, without_beta_only
from contoso_lab.wire.frames import find_audio, load_object

# In the head of an audio frame all members are plain: only the name of a member is followed by a colon, so this
# finds the type and never a value that looks like one.
_AUDIO_TYPE = re.compile(rb'"type" ?: ?"response\.(output_)audio\.delta"')


class BetaDoor:
    """Translates one beta client's messages, both ways. Nothing is remembered between messages.

    >>> door = BetaDoor()
    >>> door.to_client(b'{"type":"response.output_audio.delta","delta":"AAAA"}')
    b'{"type":"response.audio.delta","delta":"AAAA"}'
    >>> door.from_client(b'{"type":"session.update","session":{"voice":"sage","temperature":0.8}}')
    b'{"type":"session.update","session":{"type":"realtime","audio":{"output":{"voice":"sage"}}}}'
    >>> door.to_client(b'{"type":"conversation.item.done","item":{}}') is None
    True
    """

    def from_client(self, message: Message) -> Message:
        """The GA form of what a beta client sent; never fails."""
        if isinstance(message, Binary) or find_audio(message) is not None:
            return message  # the caller's sound has one name in both dialects
        try:
            event = load_object(message)
            ga = from_beta(event)
        except (EventError, RecursionError):  # too deep for us to rewrite
            return message
        for key in ("session", "response"):
            if isinstance(ga.get(key), Mapping):
                ga[key] = without_beta_only(ga[key])
        return _written(ga, event, message)

    def to_client(self, message: Message) -> Message | None:
        """The beta form of what the target or the relay says; `None` when a beta client must not hear it."""
        if isinstance(message, Binary):
            return message
        if (frame := find_audio(message)) is not None:
            found = _AUDIO_TYPE.search(message, 0, frame.start)
            return message if found is None else message[: found.start(1)] + message[found.end(1) :]
        try:
            event = load_object(message)
            translated = to_beta(event)
        except (EventError, RecursionError):
            return message
        return _written(translated, event, message) if beta_has(event["type"]) else None


def _written(translated: dict[str, Any], event: dict[str, Any], message: Message) -> Message:
    try:
        if translated == event:
            return message
        # Escaped beyond ASCII: half a character pair, which JSON may hold, cannot be written as UTF-8.
        return json.dumps(translated, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (ValueError, RecursionError):  # a number that JSON does not know: the target shall say so
        return message
