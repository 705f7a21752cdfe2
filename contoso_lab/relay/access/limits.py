"""The gate: how many tokens a caller gets in a minute, how many wrong ones it may show, how many calls it holds.

| what | counted for | a no is |
|---|---|---|
| tokens that were asked for | a caller | 429 |
| wrong tokens at the doors | a client's address (IPv6: its /64) | 429, also for a right one |
| open calls | a caller | 429 |
| open calls | everybody | 503 |

Every no carries when to come back. Minutes are moving windows of the `limits` library, in memory or in the
same Redis as the tokens.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from contoso_lab.errors import SessionRefused
from contoso_lab.relay.access.concurrency import CALLS, CALLS_PER_CALLER, Lease, Leases, MemoryLeases
from contoso_lab.relay.access.tokens import WHERE, Grant, TokenStore

if TYPE_CHECKING:
    from contoso_lab.relay.access.redis_link import RedisLink

Answer = TypeVar("Answer")

GUESSED = "wrong tokens came from your address"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is too much."""

    tokens_per_minute: int = 120
    """For one caller."""
    guesses_per_minute: int = 30
    """Wrong tokens from one address."""
    calls_per_caller: int = CALLS_PER_CALLER
    calls: int = CALLS
    """Of all callers; with Redis on all relays together."""


class Gate(Protocol):
    """Says no to too much."""

    async def may_issue(self, caller: str) -> None:
        """Count one token that this caller asks for.

        Raises:
            SessionRefused: it was too many within a minute (429), or nobody can count (503).
        """

    async def may_show(self, address: str | None) -> None:
        """Whether a client may show a token at all.

        Raises:
            SessionRefused: too many wrong ones came from there (429), or nobody can count (503).
        """

    async def showed_wrong(self, address: str | None) -> None:
        """Count one wrong token from there."""

    async def enter(self, caller: str) -> Lease:
        """A lease for one more call.

        Raises:
            SessionRefused: this caller holds too many (429), or there are too many at all (503).
        """


class Limiter:
    """The gate as the relay has it.

    >>> import asyncio
    >>> async def ask_twice(gate: Gate) -> None:
    ...     await gate.may_issue("oidc:maya")
    ...     await gate.may_issue("oidc:maya")
    >>> asyncio.run(ask_twice(Limiter(Limits(tokens_per_minute=1))))
    Traceback (most recent call last):
    contoso_lab.errors.SessionRefused: the relay refused the conversation (429): you asked for 1 token within ...
    """

    def __init__(
        self, limits: Limits | None = None, *, leases: Leases | None = None, link: RedisLink | None = None
    ) -> None:
        limits = limits or Limits()
        if leases is None:  # none at all: one that holds no call yet is falsy, too
            leases = MemoryLeases(per_caller=limits.calls_per_caller, most=limits.calls)
        self.leases = leases
        self._tokens = RateLimitItemPerMinute(limits.tokens_per_minute, namespace="tokens")
        self._guesses = RateLimitItemPerMinute(limits.guesses_per_minute, namespace="guesses")
        self._link = link
        self._windows = MovingWindowRateLimiter(MemoryStorage() if link is None else _redis_storage(link))

    async def may_issue(self, caller: str) -> None:
        """Count one token that this caller asks for."""
        if not await self._ask(self._windows.hit(self._tokens, caller)):
            asked = self._tokens.amount
            sentence = f"you asked for {asked} token{'s' * (asked != 1)} within a minute, wait a little"
            raise await self._too_many(self._tokens, caller, sentence)

    async def may_show(self, address: str | None) -> None:
        """Whether a client may show a token at all."""
        where = neighbourhood(address)
        if not await self._ask(self._windows.test(self._guesses, where)):
            sentence = f"{self._guesses.amount} {GUESSED} within a minute, wait a little"
            raise await self._too_many(self._guesses, where, sentence)

    async def showed_wrong(self, address: str | None) -> None:
        """Count one wrong token from there."""
        await self._ask(self._windows.hit(self._guesses, neighbourhood(address)))

    async def enter(self, caller: str) -> Lease:
        """A lease for one more call."""
        return await self.leases.enter(caller)

    async def _ask(self, question: Awaitable[Answer]) -> Answer:
        return await (question if self._link is None else self._link.ask(question))

    async def _too_many(self, item: RateLimitItem, who: str, sentence: str) -> SessionRefused:
        stats = await self._ask(self._windows.get_window_stats(item, who))
        # The library counts in the time of day, so we ask the same clock.
        wait_s = max(1, math.ceil(stats.reset_time - time.time()))
        return SessionRefused(WHERE, sentence, status=429, retry_after_s=wait_s)


async def redeem(tokens: TokenStore, gate: Gate, token: str, *, origin: str | None, address: str | None) -> Grant:
    """Spend a token at a door, where wrong ones are counted.

    Args:
        tokens: where tokens are kept.
        gate: counts the wrong ones.
        token: what the caller showed.
        origin: the page that calls.
        address: the client's address, behind trusted proxies.

    Raises:
        SessionRefused: the token is wrong (401), too many were (429), or the store is away (503).
    """
    await gate.may_show(address)
    try:
        return await tokens.redeem(token, origin=origin)
    except SessionRefused as error:
        if error.status == 401:
            await gate.showed_wrong(address)
        raise


def neighbourhood(address: str | None) -> str:
    """Whom wrong tokens are counted for: one IPv4 address, or the /64 that one IPv6 customer has for itself.

    >>> neighbourhood("192.0.2.7"), neighbourhood("2001:db8::1:2:3"), neighbourhood("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8::/64', '192.0.2.7')
    """
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "somewhere"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, 64), strict=False))
        found = found.ipv4_mapped
    return str(found)


def _redis_storage(link: RedisLink) -> RedisStorage:
    return RedisStorage(
        "async+redis://",  # not used: the connections are the link's own
        implementation="redispy",
        key_prefix=link.key("limits"),
        connection_pool=link.pool,  # type: ignore[arg-type]  # the library names only what can stand in an address
    )
