"""Tokens in Redis: relays that share a load know each other's tokens, and a restarted relay knows its own.

What is kept and told is the same as in `tokens`, and Redis decides alone, in one script a question: whichever of
two relays shows a token first has spent it, by the one clock that they share. A spent token loses its grant
at once and leaves a mark behind, so that *used* and *expired* are still told apart.

When Redis is away, nobody gets or spends a token (503): a token that could be spent twice would be none.
Calls that are open need no token any more and go on.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from contoso_lab.relay.access.redis_link import RedisLink
from contoso_lab.relay.access.tokens import (
    EXPIRED,
    LIFETIME_S,
    UNKNOWN,
    USED,
    Grant,
    bound_to,
    digest_of,
    full,
    new_token,
    not_let_in,
)

if TYPE_CHECKING:
    from redis.commands.core import AsyncScript

MOST_TOKENS = 100_000

# The list of what is remembered is swept by use, as in memory; its length is what bounds the number of tokens.
_ISSUE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lives = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[3]) then
  local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  return {'full', tostring(tonumber(first[2]) - now)}
end
redis.call('HSET', KEYS[1], 'grant', ARGV[1], 'expires', now + lives)
redis.call('PEXPIRE', KEYS[1], 2 * lives)
redis.call('ZADD', KEYS[2], now + 2 * lives, KEYS[1])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return {'issued', ''}
"""

_REDEEM = """
local kept = redis.call('HMGET', KEYS[1], 'grant', 'expires')
if not kept[2] then return {'unknown', ''} end
if not kept[1] then return {'used', ''} end
local time = redis.call('TIME')
if time[1] * 1000 + math.floor(time[2] / 1000) >= tonumber(kept[2]) then return {'expired', ''} end
redis.call('HDEL', KEYS[1], 'grant')
return {'spent', kept[1]}
"""


class RedisTokens:
    """A `TokenStore` that several relays share."""

    def __init__(self, link: RedisLink, *, lifetime_s: float = LIFETIME_S, most: int = MOST_TOKENS) -> None:
        self.lifetime_s = lifetime_s
        self._link = link
        self._most = most
        self._issue: AsyncScript = link.client.register_script(_ISSUE)
        self._redeem: AsyncScript = link.client.register_script(_REDEEM)

    async def issue(self, grant: Grant, *, lifetime_s: float | None = None, prefix: str = "") -> str:
        """A new token for `grant`."""
        lives_ms = int(1000 * min(lifetime_s or self.lifetime_s, self.lifetime_s))
        token, digest = new_token(prefix)
        said, rest = await self._link.ask(
            self._issue(
                keys=[self._key(digest), self._link.key("tokens")],
                args=[json.dumps(asdict(grant)), lives_ms, self._most, int(2000 * self.lifetime_s)],
            )
        )
        if said == b"full":
            raise full(self._most, retry_after_s=float(rest) / 1000)
        return token

    async def redeem(self, token: str, *, origin: str | None) -> Grant:
        """Spend a token."""
        said, grant = await self._link.ask(self._redeem(keys=[self._key(digest_of(token))]))
        match said:
            case b"spent":
                return bound_to(origin, Grant(**json.loads(grant)))
            case b"used":
                raise not_let_in(USED)
            case b"expired":
                raise not_let_in(EXPIRED)
            case _:
                raise not_let_in(UNKNOWN)

    async def close(self) -> None:
        """The link is closed by whoever opened it."""

    def _key(self, digest: bytes) -> str:
        return self._link.key(f"token:{digest.hex()}")
