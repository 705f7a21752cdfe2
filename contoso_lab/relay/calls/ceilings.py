"""Ceilings of one call: how long it may last, what it may cost, how long it may idle.

```
          began                    announced            stopped
time        │──────── wall_s − 30 s ───▶│────── 30 s ──────▶│
spend       │── spent + 30 s at the rate of the last minute │
            │         reaches the ceiling ─▶│── at most 30 s ▶│   or when the ceiling itself is reached
idle        │  nothing but sound for idle_s ──────────────▶│
```

Time is an argument everywhere (seconds of any clock that never runs backwards), so a test plays an hour at once.
What to do is returned, never done: the pump announces and hangs up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from contoso_lab.errors import ConfigError
from contoso_lab.relay.calls.prices import Price, PriceTable, cost_usd, price_for
from contoso_lab.settings import Target

NOTICE_S = 30.0
"""How long before the end a client is told of it."""
RATE_WINDOW_S = 60.0
"""Over how long the rate of spending is taken."""

CeilingReason = Literal["time", "spend"]


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The ceilings of a call; `None` is none.

    >>> CallLimits(wall_s=0)
    Traceback (most recent call last):
    contoso_lab.errors.ConfigError: a call's ceiling wall_s is 0: give more than 0, or none
    """

    wall_s: float | None = None
    spend_usd: float | None = None
    idle_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("wall_s", "spend_usd", "idle_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"a call's ceiling {name} is {value:g}: give more than 0, or none")


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the client that the call will end."""

    reason: CeilingReason
    in_s: float

    def event(self) -> dict[str, Any]:
        """The `lab.ending` that tells it."""
        return {"type": "lab.ending", "reason": self.reason, "in_s": round(self.in_s, 3)}


@dataclass(frozen=True, slots=True)
class Stop:
    """End the call; the sentence is for the client."""

    reason: Literal["time", "spend", "idle"]
    sentence: str


Decision = Announce | Stop


class Ceilings:
    """Watches one call. After the first `Stop` it says nothing any more.

    >>> watch = Ceilings(CallLimits(wall_s=100))
    >>> watch.begin(0), watch.next_s
    ((), 70.0)
    >>> watch.tick(70), watch.tick(100)[0].reason
    ((Announce(reason='time', in_s=30),), 'time')
    """

    def __init__(self, limits: CallLimits, price: Price | None = None) -> None:
        if limits.spend_usd is not None and price is None:
            raise ConfigError("a spend ceiling needs the price of the model: see prices.price_for")
        self.limits = limits
        self.spent_usd = 0.0
        """What the responses have cost so far; 0 without a price."""
        self._price = price
        self._bills: deque[tuple[float, float]] = deque()
        """When and how much, for the last minute."""
        self._began_s = 0.0
        self._active_s = 0.0
        self._told_time = False
        self._spend_ends_s: float | None = None
        self._over = False

    def begin(self, at_s: float) -> Sequence[Decision]:
        """The call begins. A call that may not even last the notice is announced to end at once."""
        self._began_s = self._active_s = at_s
        return self.tick(at_s)

    def active(self, at_s: float) -> None:
        """Somebody did something: any message of either side but sound, for an open microphone never rests."""
        self._active_s = at_s

    def used(self, usage: Mapping[str, Any] | None, at_s: float) -> Sequence[Decision]:
        """A response is done and has used this; `usage` stands in its `response.done`."""
        if self._price is None or self._over:
            return ()
        bill = cost_usd(self._price, usage)
        self.spent_usd += bill
        self._bills.append((at_s, bill))
        while self._bills and self._bills[0][0] <= at_s - RATE_WINDOW_S:
            self._bills.popleft()
        most = self.limits.spend_usd
        if most is None:
            return ()
        told: tuple[Decision, ...] = ()
        if self._spend_ends_s is None and self.spent_usd + self._soon_usd() >= most:
            left_s = NOTICE_S if self.spent_usd < most else 0.0
            self._spend_ends_s = at_s + left_s
            told = (Announce("spend", left_s),)
        if self.spent_usd >= most:
            return (*told, self._stop("spend", f"this call has reached its ceiling of ${most:g}: begin another one"))
        return (*told, *self.tick(at_s))

    def tick(self, at_s: float) -> Sequence[Decision]:
        """What is due by now. Ask again at `next_s`."""
        if self._over:
            return ()
        limits, told = self.limits, list[Decision]()
        if limits.wall_s is not None:
            ends_s = self._began_s + limits.wall_s
            if at_s >= ends_s:
                lasted = _spell(limits.wall_s)
                return (self._stop("time", f"this call has lasted {lasted}, which is its ceiling: begin another one"),)
            if not self._told_time and at_s >= ends_s - NOTICE_S:
                self._told_time = True
                told.append(Announce("time", ends_s - at_s))
        if self._spend_ends_s is not None and at_s >= self._spend_ends_s:
            most = f"${limits.spend_usd:g}"
            return (self._stop("spend", f"this call was about to pass its ceiling of {most}: begin another one"),)
        if limits.idle_s is not None and at_s >= self._active_s + limits.idle_s:
            return (self._stop("idle", f"nothing has happened for {_spell(limits.idle_s)}: call again when you like"),)
        return tuple(told)

    @property
    def next_s(self) -> float | None:
        """When `tick` will have something to say, as things stand; `None` is never."""
        if self._over:
            return None
        due = []
        if self.limits.wall_s is not None:
            ends_s = self._began_s + self.limits.wall_s
            due.append(ends_s if self._told_time else ends_s - NOTICE_S)
        if self._spend_ends_s is not None:
            due.append(self._spend_ends_s)
        if self.limits.idle_s is not None:
            due.append(self._active_s + self.limits.idle_s)
        return min(due, default=None)

    def _soon_usd(self) -> float:
        """What the notice will cost, if it goes on as in the last minute."""
        return sum(bill for _, bill in self._bills) / RATE_WINDOW_S * NOTICE_S

    def _stop(self, reason: Literal["time", "spend", "idle"], sentence: str) -> Stop:
        self._over = True
        return Stop(reason, sentence)


def for_each_call(target: Target, limits: CallLimits, prices: PriceTable) -> Callable[[object], Ceilings] | None:
    """Makes the ceilings of each call to this target; `None` when there are no ceilings.

    Raises:
        ConfigError: a spend ceiling is set and the model's price is not known.
    """
    if limits == CallLimits():
        return None
    price = price_for(target, prices) if limits.spend_usd is not None else None
    return lambda _: Ceilings(limits, price)


def _spell(seconds: float) -> str:
    """A length of time for people.

    >>> _spell(90), _spell(1800)
    ('90 seconds', '30 minutes')
    """
    return f"{seconds / 60:g} minutes" if seconds >= 120 and seconds % 60 == 0 else f"{seconds:g} seconds"
