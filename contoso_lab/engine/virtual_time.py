"""A clock that jumps: an event loop in which nobody waits.

Whenever every task waits, the clock is set to the moment at which the next one is due. Work that a real server gives
to a thread is done on the spot, one piece after the other, so that the order of all that happens depends on nothing
but the program: the same program gives the same bytes. A loop in which nothing can ever happen again is an error, not
a hang.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any, TypeVar, cast

from contoso_lab.errors import EngineError

T = TypeVar("T")
_STEP_S = 0.01
_PATIENCE = 500
"""After so many rounds of the loop at one moment the clock moves on by a nanosecond."""


class _Jump(selectors.BaseSelector):
    """Never waits for sockets: waiting moves the clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._still = 0
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise EngineError(
                "the rehearsal has come to a standstill: every task waits and no timer runs; did a step wait for an "
                "event that never comes?"
            )
        # To the nanosecond, or the errors of many small steps would add up to times that nobody wrote.
        before_s, self.now_s = self.now_s, round(self.now_s + max(0.0, timeout), 9)
        self._still = self._still + 1 if self.now_s == before_s else 0
        # Who waits for less than this clock can show wakes at once, too early, and waits again. A real clock has
        # moved on by then.
        if self._still >= _PATIENCE:
            self.now_s, self._still = round(self.now_s + 1e-9, 9), 0
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._keys[fileobj] = selectors.SelectorKey(fileobj, 0, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys

    def close(self) -> None:
        self._keys.clear()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0 s. It opens no connection and starts no thread.

    >>> async def nap() -> float:
    ...     await asyncio.sleep(3600)
    ...     return asyncio.get_running_loop().time()
    >>> with asyncio.Runner(loop_factory=VirtualLoop) as runner:
    ...     runner.run(nap())
    3600.0
    """

    def __init__(self) -> None:
        self._jump = _Jump()
        self._spent_s = 0.0
        super().__init__(cast(selectors.BaseSelector, self._jump))

    def time(self) -> float:
        """The virtual time, in seconds."""
        return self._jump.now_s

    def idle_until(self, at_s: float) -> bool:
        """Whether nothing waits to be done, now or until then: whoever runs may take it that time has passed."""
        return not self._ready and not (self._scheduled and self._scheduled[0].when() <= at_s)  # type: ignore[attr-defined]

    def pass_to(self, at_s: float) -> None:
        """Let time pass at once, where `idle_until` says so."""
        self._jump.now_s = max(self._jump.now_s, round(at_s, 9))

    def spend_ms(self, duration_ms: float) -> None:
        """Say that the piece of work that is being done takes this long in virtual time."""
        self._spent_s += duration_ms / 1000

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Do the work now; its result is there when the time that it spent is over."""
        future: asyncio.Future[T] = self.create_future()
        self._spent_s = 0.0
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 - whoever awaits the work gets it, as from a thread
            failure = error
            self._after_work(future, lambda: future.set_exception(failure))
        else:
            self._after_work(future, lambda: future.set_result(result))
        return future

    def _after_work(self, future: asyncio.Future[T], settle: Callable[[], None]) -> None:
        def finish() -> None:
            if not future.done():  # cancelled meanwhile
                settle()

        if self._spent_s > 0:
            self.call_later(self._spent_s, finish)
        else:
            finish()


def pause_ms(duration_ms: float, cancelled: Callable[[], bool]) -> None:
    """Let blocking work take this long: in real time in a worker thread, at once in virtual time."""
    loop: asyncio.AbstractEventLoop | None = None
    with suppress(RuntimeError):  # a worker thread has no loop
        loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        loop.spend_ms(duration_ms)
        return
    left_s, bell = duration_ms / 1000, threading.Event()
    while left_s > 0 and not cancelled():
        bell.wait(min(_STEP_S, left_s))
        left_s -= _STEP_S
