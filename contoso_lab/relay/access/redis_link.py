"""The way to Redis: one second for an answer, one more try on a broken connection, and one sentence when it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from contoso_lab.errors import ConfigError, MissingExtra, SessionRefused
from contoso_lab.relay.access.tokens import WHERE

if TYPE_CHECKING:
    from redis.asyncio import Redis

Answer = TypeVar("Answer")

ANSWER_S = 1.0
RETRY_AFTER_S = 5.0
MOST_CONNECTIONS = 16
AWAY = "the store that the relays share is away, open calls go on: try again in a few seconds"


class RedisLink:
    """A client of one Redis, for the keys of this lab.

    Args:
        url: `redis://…`, `rediss://…` or `unix://…`.
        name: what all keys begin with. In braces, so that a cluster keeps them together for the scripts.
        answer_s: how long Redis may take for one answer.
    """

    def __init__(self, url: str, *, name: str = "{contoso-lab}", answer_s: float = ANSWER_S) -> None:
        try:
            from redis.asyncio import BlockingConnectionPool, Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import ConnectionError as Broken
        except ImportError as error:
            raise MissingExtra("sharing tokens between relays", package="redis", extra="redis") from error
        self.up: bool | None = None
        """Whether it answered last time; `None` before anybody asked."""
        self._name = name
        self._answer_s = answer_s
        try:
            self.pool = BlockingConnectionPool.from_url(
                url,
                socket_timeout=answer_s,
                socket_connect_timeout=answer_s,
                max_connections=MOST_CONNECTIONS,
                timeout=answer_s,  # for one of the connections to be free
                # A connection that Redis closed while it lay in the pool is told by the first command on it, so one
                # more try is right. It can spend a token and lose the answer; then the caller asks for another one.
                retry=Retry(NoBackoff(), 1, supported_errors=(Broken,)),
            )
        except (ValueError, TypeError) as error:
            # Not the address itself: it may hold a password.
            raise ConfigError("the address of Redis is wrong: write it as redis://host:6379/0") from error
        self.client: Redis = Redis(connection_pool=self.pool)

    def key(self, rest: str) -> str:
        """The full name of a key."""
        return f"{self._name}:{rest}"

    async def ask(self, question: Awaitable[Answer]) -> Answer:
        """The answer of Redis.

        Raises:
            SessionRefused: it is away, full or too slow (status 503).
        """
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(2 * self._answer_s):
                answer = await question
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            self.up = False
            raise SessionRefused(WHERE, AWAY, status=503, retry_after_s=RETRY_AFTER_S) from error
        self.up = True
        return answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()
        await self.pool.disconnect()
