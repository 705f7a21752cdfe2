"""How many calls there are at once: each holds a lease, and who wants one too many waits outside.

A lease is given back when the call ends. In Redis, where several relays count together, a relay that was
killed cannot give anything back: therefore each lease there ends by itself, unless its relay renews it.
When Redis comes back empty, the next renewal writes the leases of the open calls in again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from contoso_lab.errors import SessionRefused
from contoso_lab.relay.access.redis_link import RedisLink
from contoso_lab.relay.access.tokens import WHERE
from contoso_lab.relay.watching.journal import line, logger

if TYPE_CHECKING:
    from redis.commands.core import AsyncScript

CALLS_PER_CALLER = 100
CALLS = 1000
LEASE_S = 30.0
RENEW_S = 10.0
"""Three times within a lease, so that two renewals may fail."""
RETRY_AFTER_S = 10.0
"""A guess: nobody knows when a call will end."""


class Lease:
    """The right to hold one call; give it back with `release`, twice is once."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    def release(self) -> None:
        """The call is over. Never waits and never fails."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


class Leases(Protocol):
    """Counts the calls; a context manager, for what it holds open."""

    async def enter(self, caller: str) -> Lease:
        """A lease for one more call.

        Raises:
            SessionRefused: this caller holds too many (429), there are too many at all or nobody can count (503).
        """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class MemoryLeases:
    """The calls of this process.

    >>> leases = MemoryLeases(per_caller=1)
    >>> lease = asyncio.run(leases.enter("oidc:maya"))
    >>> asyncio.run(leases.enter("oidc:maya"))
    Traceback (most recent call last):
    contoso_lab.errors.SessionRefused: the relay refused the conversation (429): you hold 1 call, end one ...
    >>> lease.release()
    >>> len(leases)
    0
    """

    def __init__(self, *, per_caller: int = CALLS_PER_CALLER, most: int = CALLS) -> None:
        self._per_caller, self._most = per_caller, most
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many calls there are."""
        return self._held.total()

    async def enter(self, caller: str) -> Lease:
        """A lease for one more call."""
        if len(self) >= self._most:
            raise _too_many_at_all(self._most)
        if self._held[caller] >= self._per_caller:
            raise _too_many_yours(self._per_caller)
        self._held[caller] += 1
        return Lease(lambda: self._leave(caller))

    def _leave(self, caller: str) -> None:
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


# Two sorted sets, of everybody's calls and of this caller's, each scored by when the lease ends.
_ENTER = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for key = 1, 2 do redis.call('ZREMRANGEBYSCORE', KEYS[key], '-inf', now) end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 'all' end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return 'yours' end
for key = 1, 2 do
  redis.call('ZADD', KEYS[key], now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[key], ARGV[2])
end
return 'in'
"""

# Renewing asks for no room: the call is there, whether Redis remembers it or not.
_RENEW = """
local time = redis.call('TIME')
local till = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for key = 1, 2 do
  for id = 2, #ARGV do redis.call('ZADD', KEYS[key], till, ARGV[id]) end
  redis.call('PEXPIRE', KEYS[key], ARGV[1])
end
"""

_LEAVE = "for key = 1, 2 do redis.call('ZREM', KEYS[key], unpack(ARGV)) end"


class RedisLeases:
    """The calls of all relays that share a Redis.

    | resource | acquired | released | on failure |
    |---|---|---|---|
    | the task that renews and gives back | `async with` | end of the block | it goes on and says so, once |
    | a lease | `enter` | `release`, then the task | Redis forgets it after `lease_s` |
    """

    def __init__(
        self,
        link: RedisLink,
        *,
        per_caller: int = CALLS_PER_CALLER,
        most: int = CALLS,
        lease_s: float = LEASE_S,
        renew_s: float = RENEW_S,
    ) -> None:
        self._link = link
        self._per_caller, self._most = per_caller, most
        self._lease_ms, self._renew_s = int(lease_s * 1000), renew_s
        self._held: dict[str, set[str]] = {}
        self._given_back: dict[str, set[str]] = {}
        self._wake = asyncio.Event()
        self._ending = False
        self._task: asyncio.Task[None] | None = None
        self._away = False
        register = link.client.register_script
        self._enter: AsyncScript = register(_ENTER)
        self._renewing: AsyncScript = register(_RENEW)
        self._leaving: AsyncScript = register(_LEAVE)

    def __len__(self) -> int:
        """How many calls this relay holds."""
        return sum(map(len, self._held.values()))

    async def enter(self, caller: str) -> Lease:
        """A lease for one more call."""
        lease = secrets.token_hex(8)
        arguments: list[str | int] = [lease, self._lease_ms, self._most, self._per_caller]
        try:
            said = await self._link.ask(self._enter(keys=self._keys(caller), args=arguments))
        except BaseException:
            # Whether Redis has written it or not is unknown, so it is given back.
            self._give_back(caller, lease)
            raise
        match said:
            case b"all":
                raise _too_many_at_all(self._most)
            case b"yours":
                raise _too_many_yours(self._per_caller)
        self._held.setdefault(caller, set()).add(lease)
        return Lease(lambda: self._give_back(caller, lease))

    async def renew(self) -> None:
        """Tell Redis which calls are still there, and which are over.

        Raises:
            SessionRefused: Redis is away; what could not be said is said the next time.
        """
        for caller, leases in list(self._given_back.items()):
            said = tuple(leases)
            for some in _in_parts(said):
                await self._link.ask(self._leaving(keys=self._keys(caller), args=list(some)))
            leases.difference_update(said)
            if not leases:
                self._given_back.pop(caller, None)
        for caller, held in list(self._held.items()):
            for some in _in_parts(tuple(held)):
                # What was given back while we wait must not come to life again.
                args: list[str | int] = [self._lease_ms, *(lease for lease in some if lease in held)]
                await self._link.ask(self._renewing(keys=self._keys(caller), args=args))

    def _give_back(self, caller: str, lease: str) -> None:
        held = self._held.get(caller, set())
        held.discard(lease)
        if not held:
            self._held.pop(caller, None)
        self._given_back.setdefault(caller, set()).add(lease)
        self._wake.set()

    async def _keep(self) -> None:
        while not self._ending:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._renew_s):
                    await self._wake.wait()
            self._wake.clear()
            await self._renew_or_say()

    async def _renew_or_say(self) -> None:
        try:
            await self.renew()
        except SessionRefused:
            if not self._away:
                logger.warning(line("-", "redis_away"))  # the calls go on, uncounted by the other relays
            self._away = True
        else:
            if self._away:
                logger.info(line("-", "redis_back"))
            self._away = False

    def _keys(self, caller: str) -> list[str]:
        # A caller's name may be long and is nobody's business: its digest does.
        digest = hashlib.sha256(caller.encode("utf-8", errors="surrogatepass")).hexdigest()[:32]
        return [self._link.key("calls"), self._link.key(f"calls:{digest}")]

    async def __aenter__(self) -> Self:
        self._ending = False
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not cancelled: a question to Redis ends by itself, within its timeout. The task's last turn gives back what
        # is over, so that the calls that ended with this relay make room for others at once.
        self._ending = True
        self._wake.set()
        if self._task is not None:
            await self._task


def _in_parts(leases: tuple[str, ...], most: int = 1000) -> list[tuple[str, ...]]:
    """Lua cannot unpack more than a few thousand values."""
    return [leases[first : first + most] for first in range(0, len(leases), most)]


def _too_many_at_all(most: int) -> SessionRefused:
    sentence = f"all {most} lines are taken, call again in a moment"
    return SessionRefused(WHERE, sentence, status=503, retry_after_s=RETRY_AFTER_S)


def _too_many_yours(most: int) -> SessionRefused:
    sentence = f"you hold {most} call{'s' * (most != 1)}, end one before you begin another"
    return SessionRefused(WHERE, sentence, status=429, retry_after_s=RETRY_AFTER_S)
