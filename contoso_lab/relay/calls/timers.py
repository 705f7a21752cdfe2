"""Timers as the pump sees them: the running loop's, or a test's, in which nobody has to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """It will not."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Do something in so many seconds. The event loop's clock, or a test's."""


def loop_later(delay_s: float, what: Callable[[], None]) -> Timer:
    """By the running loop's clock."""
    return asyncio.get_running_loop().call_later(delay_s, what)
