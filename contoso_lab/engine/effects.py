"""What the protocol asks its shell to do, beside sending events.

The protocol holds no thread and no socket. When it needs a transcript or a reply, it returns one of these; the
shell does the work and hands the result back (`EngineProtocol.heard`, `.said`, …). `Stop` takes a request back:
results that still arrive afterwards are ignored, so that the two sides need no handshake.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from contoso_lab.audio.format import AudioFormat
from contoso_lab.engine.seams import BrainRequest

WireEvent: TypeAlias = dict[str, Any]
"""A server event as it goes over the wire, GA names."""

IdMaker: TypeAlias = Callable[[str], str]
"""Gives a new id that begins with a given word: `item` becomes `item_…`."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Recognise this sound and hand the words to `EngineProtocol.heard`."""

    job_id: str
    audio: bytes
    format: AudioFormat
    prompt: str = ""
    """Words that are likely to come up."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Ask the brain; hand its words, spoken or written, back under `response_id`."""

    response_id: str
    request: BrainRequest
    aloud: bool
    """True: sentences with sound, through `said`. False: pieces of text, through `wrote`."""
    voice: str = ""
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Stop:
    """Drop the work with this job or response id; nobody waits for it any more."""

    work_id: str


Effect: TypeAlias = Listen | Reply | Stop
Output: TypeAlias = WireEvent | Effect
"""What the protocol returns: events to send and work to do, in the order in which they matter."""


def random_ids(kind: str) -> str:
    """Make an id that nobody can guess: the `IdMaker` of a live server."""
    return f"{kind}_{secrets.token_hex(10)}"
