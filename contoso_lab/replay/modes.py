"""How a recording can be played again. Each mode says what of the result is comparable with the original.

A scorer names the modes in which its number means something (`Score` refuses the others), because the
same number can be honest in one mode and nonsense in another: voice-to-voice latency of a replay that
is not paced measures our network, not a wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Rescore:
    """Score the recording as it is; nobody is asked anything."""

    name: ClassVar[str] = "rescore"


@dataclass(frozen=True, slots=True)
class Paced:
    """Speak the recorded customer to a target again, in real time, with its own voice activity detection.

    The customer does not react: after the first reply that differs, both talk past each other as two
    people on a bad line would. Replies follow the new conversation, not the recorded one (free-running).
    """

    name: ClassVar[str] = "paced"


Mode = Rescore | Paced
