"""Timers as the pump sees them: the running loop's, or a test's, in which nobody has to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

BEAT_S = 1.0


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """It will not."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Do something in so many seconds. The event loop's clock, or a test's."""


def loop_later(delay_s: float, what: Callable[[], None]) -> Timer:
    """By the running loop's clock."""
    return asyncio.get_running_loop().call_later(delay_s, what)


class Beat:
    """Does the same once a second, from `begin` to `stop`, by the clock that it is given.

    >>> waiting: list[Callable[[], None]] = []
    >>> beat = Beat(lambda delay_s, what: waiting.append(what))
    >>> beat.begin(lambda: print("tick"))
    >>> waiting.pop()()
    tick
    """

    def __init__(self, later: Later) -> None:
        self._later = later
        self._does: Sequence[Callable[[], None]] = ()
        self._timer: Timer | None = None

    def begin(self, *does: Callable[[], None]) -> None:
        """From now on; nothing to do needs no timer."""
        self._does = does
        if does:
            self._timer = self._later(BEAT_S, self._tick)

    def stop(self) -> None:
        """Not again. What it did is let go of: it would keep the call whose beat it was."""
        self._does = ()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = self._later(BEAT_S, self._tick)
        for does in self._does:
            does()
