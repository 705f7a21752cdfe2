"""Play it again: change one thing and hear the same customer talk with the assistant once more.

`lab.replay` is this room and the function of that name at once, so `lab.replay(recording, lab.replay.Fast())` works.
"""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from types import ModuleType
from typing import Any

from contoso_lab.recording import Recording
from contoso_lab.replay.agent import Changes
from contoso_lab.replay.divergence import Divergence
from contoso_lab.replay.fork import Fork, fork
from contoso_lab.replay.modes import Cassette, Fast, Mode, Paced, Rescore, Simulated
from contoso_lab.replay.play import replay as _replay
from contoso_lab.replay.simulate import simulate
from contoso_lab.replay.vad import VadSweep, vad_sweep

__all__ = [
    "Cassette",
    "Changes",
    "Divergence",
    "Fast",
    "Fork",
    "Mode",
    "Paced",
    "Rescore",
    "Simulated",
    "VadSweep",
    "fork",
    "simulate",
    "vad_sweep",
]


class _Room(ModuleType):
    """Python finds the room under the name of the function, whichever was asked for; so the room can be called."""

    def __call__(self, *arguments: Any, **named: Any) -> Coroutine[Any, Any, Recording]:
        return _replay(*arguments, **named)


_Room.__call__.__doc__ = _replay.__doc__
sys.modules[__name__].__class__ = _Room
