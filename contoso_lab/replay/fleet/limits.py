"""How much of a target a fleet may take: at a time, in a minute, and in dollars."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from contoso_lab.errors import ReplayError


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run must not pass."""

    at_once: int = 4
    """How many units may be on their way."""
    per_minute: int | None = None
    """How many may be begun within any minute."""
    max_usd: float | None = None
    """What the run may cost, with what it has cost already."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run is likely to cost and take, told before it begins."""

    units: int
    to_do: int
    asking: int
    """How many of these ask a target."""
    usd: float | None
    """None: nobody knows the price of the model."""
    least_minutes: float
    """By the rate limit, and by real time where calls are paced."""

    def __str__(self) -> str:
        done = self.units - self.to_do
        rest = f"{self.to_do} of {self.units} units to do" + (f", {done} done already" if done else "")
        cost = "a price that is not known" if self.usd is None else f"about ${self.usd:.2f}"
        asks = f"; {self.asking} ask a target, for {cost}" if self.asking else "; no target is asked"
        return f"{rest}{asks}; at least {self.least_minutes:.1f} minutes"


class SpendLimit(ReplayError):
    """A run would cost more than it may; what is done is kept, and the run can be gone on with."""

    def __init__(self, spent_usd: float, max_usd: float, *, left: int) -> None:
        self.spent_usd = spent_usd
        self.max_usd = max_usd
        self.left = left
        super().__init__(
            f"the run may cost ${max_usd:.2f}, ${spent_usd:.2f} are spent, and {left} units are left: raise the limit "
            "and start it again to go on"
        )


@dataclass(slots=True)
class Gate:
    """Lets units begin, no more and no sooner than the limits say."""

    limits: Limits
    spent_usd: float = 0.0
    _promised: dict[str, float] = field(default_factory=dict)
    _begun_s: deque[float] = field(default_factory=deque)
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it has turned out what a unit cost."""

    async def may_spend(self, key: str, usd: float, *, left: int) -> None:
        """Set money aside for a unit; waits while units that are on their way may turn out cheaper than was feared.

        Raises:
            SpendLimit: it would take the run over its limit.
        """
        while self.limits.max_usd is not None:
            would = self.spent_usd + sum(self._promised.values()) + usd
            # Half a hundredth of a cent is rounding, and nobody's limit.
            if would <= self.limits.max_usd + 5e-5:
                break
            if not self._promised:
                raise SpendLimit(self.spent_usd, self.limits.max_usd, left=left)
            self._settled.clear()
            await self._settled.wait()
        self._promised[key] = usd

    def spent(self, key: str, usd: float) -> None:
        """Take what a unit really cost for what was set aside."""
        self._promised.pop(key, None)
        self.spent_usd += usd
        self._settled.set()

    async def turn(self) -> None:
        """Wait until one more unit may begin."""
        if self.limits.per_minute is None:
            return
        loop = asyncio.get_running_loop()
        while len(self._begun_s) >= self.limits.per_minute:
            wait_s = self._begun_s[0] + 60 - loop.time()
            if wait_s <= 0:
                self._begun_s.popleft()
            else:
                await asyncio.sleep(wait_s)
        self._begun_s.append(loop.time())
