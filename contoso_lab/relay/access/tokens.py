"""Tokens: each opens one call, once, within five minutes.

A token is 256 random bits. Only its SHA-256 is kept, so a memory dump or a debugger shows no token that
still works. Spent and expired tokens are remembered for as long again as they lived: their owner then
reads *used* or *expired*, and only a token that we never gave is *unknown*.

A token that a web page asked for opens a call from pages of the same origin only. The attempt spends it,
wherever it comes from: a token that turns up elsewhere has leaked.

`Tokens` are the rules, with time as an argument. `MemoryTokens` keeps them in one process; for several
relays that share their tokens there is `redis_tokens`.
"""

from __future__ import annotations

import hashlib
import heapq
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contoso_lab.errors import ConfigError, SessionRefused

LIFETIME_S = 300.0
MOST_TOKENS = 10_000
MOST_CONSENT = 300
"""Characters of the sentence that says who agreed to be recorded."""
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"

WHERE = "the relay"
MANY_OUT = "tokens are out"
NONE_GIVEN = "no token was given: ask GET /api/token for one"
UNKNOWN = "this token is unknown: ask GET /api/token for one"
USED = "this token was already used, each opens one call: ask for a new one"
EXPIRED = "this token has expired, each lives a few minutes: ask for a new one"
ELSEWHERE = "this token was given to a page of another origin: ask for one from the page that calls"

# A persona names a prompt file, so a name must not be able to leave its folder.
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_NAME = re.compile(NAME)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows: one call by this customer with this persona.

    >>> Grant("voice", "maya").customer
    'maya'
    >>> Grant("../secrets", "maya")
    Traceback (most recent call last):
    contoso_lab.errors.ConfigError: persona '../secrets' is no name: use letters, digits, '_', '-' and '.'
    """

    persona: str
    customer: str
    scenario: str | None = None
    replay_of: str | None = None
    """The id of the recording that this call repeats."""
    mode: str | None = None
    """How it is repeated; a live call has none."""
    origin: str | None = None
    """The page's origin to which the token is bound; `None` when a program asked."""
    caller: str = "loopback"
    """Who asked, for the limits: `loopback`, `oidc:<sub>` or `secret:<address>`."""
    thread: str | None = None
    """The thread of the memory that the call goes on with."""
    console: str | None = None
    """Which console on a screen holds the call; a notebook finds its calls by it."""
    consent: str | None = None
    """Who agreed to be recorded, and how; the recording's manifest keeps it."""
    keep_until: str | None = None
    """Until when the recording may be kept, ISO 8601."""

    def __post_init__(self) -> None:
        if self.consent is not None and not (
            len(self.consent) <= MOST_CONSENT and re.fullmatch(ONE_LINE, self.consent)
        ):
            raise ConfigError(f"consent has to be one line of at most {MOST_CONSENT} characters")
        if self.keep_until is not None:
            try:
                datetime.fromisoformat(self.keep_until)
            except ValueError:
                raise ConfigError(
                    f"keep_until {self.keep_until[:40]!r} is no time: write it as 2027-01-31 or 2027-01-31T12:00:00Z"
                ) from None
        for field in ("persona", "customer", "scenario", "replay_of", "mode", "thread", "console"):
            value = getattr(self, field)
            if value is not None and not _NAME.fullmatch(value):
                raise ConfigError(f"{field} {value[:80]!r} is no name: use letters, digits, '_', '-' and '.'")


class TokenStore(Protocol):
    """Where the tokens are kept: in this process, or where several relays can reach them."""

    lifetime_s: float

    async def issue(self, grant: Grant, *, lifetime_s: float | None = None, prefix: str = "") -> str:
        """A new token for `grant`.

        Args:
            grant: what it allows.
            lifetime_s: how long it lives; the store's own lifetime is the most.
            prefix: what it begins with, as `ek_`.

        Raises:
            SessionRefused: too many are out, or the store is away (status 503).
        """

    async def redeem(self, token: str, *, origin: str | None) -> Grant:
        """Spend a token.

        Raises:
            SessionRefused: it is unknown, used, expired or bound to another origin (status 401), each with its
                own sentence; or the store is away (status 503).
        """

    async def close(self) -> None:
        """Let go of connections; tokens that are out stay out."""


@dataclass(slots=True)
class _Entry:
    digest: bytes
    grant: Grant
    expires_s: float
    used: bool = False


class Tokens:
    """The tokens that are out. Time is an argument: any clock in seconds that never runs backwards.

    >>> tokens = Tokens()
    >>> token = tokens.issue(Grant("voice", "maya"), at_s=0)
    >>> tokens.redeem(token, at_s=299).customer
    'maya'
    >>> tokens.redeem(token, at_s=299)
    Traceback (most recent call last):
    contoso_lab.errors.SessionRefused: the relay refused the conversation (401): this token was already used, ...
    """

    def __init__(self, *, lifetime_s: float = LIFETIME_S, most: int = MOST_TOKENS) -> None:
        self.lifetime_s = lifetime_s
        self._most = most
        self._entries: dict[bytes, _Entry] = {}
        # Lifetimes differ, so the order of issue is not the order of forgetting.
        self._forget: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        """How many are remembered: open, spent and lately expired."""
        return len(self._entries)

    def issue(self, grant: Grant, *, at_s: float, lifetime_s: float | None = None, prefix: str = "") -> str:
        """A new token for `grant`.

        Raises:
            SessionRefused: too many are out (status 503).
        """
        self.sweep(at_s=at_s)
        if len(self._entries) >= self._most:
            # The first to be forgotten makes room for one.
            raise full(self._most, retry_after_s=self._forget[0][0] - at_s)
        lives_s = min(lifetime_s or self.lifetime_s, self.lifetime_s)
        token, digest = new_token(prefix)
        self._entries[digest] = _Entry(digest, grant, at_s + lives_s)
        heapq.heappush(self._forget, (at_s + 2 * lives_s, digest))
        return token

    def redeem(self, token: str, *, at_s: float, origin: str | None = None) -> Grant:
        """Spend a token.

        Raises:
            SessionRefused: it is unknown, used, expired or bound to another origin (status 401).
        """
        self.sweep(at_s=at_s)
        digest = digest_of(token)
        entry = self._entries.get(digest)
        if entry is None or not hmac.compare_digest(entry.digest, digest):
            raise not_let_in(UNKNOWN)
        if entry.used:
            raise not_let_in(USED)
        if at_s >= entry.expires_s:
            raise not_let_in(EXPIRED)
        entry.used = True
        return bound_to(origin, entry.grant)

    def sweep(self, *, at_s: float) -> int:
        """Forget the tokens that nobody will ask about any more; how many they were."""
        swept = 0
        while self._forget and at_s >= self._forget[0][0]:
            del self._entries[heapq.heappop(self._forget)[1]]
            swept += 1
        return swept


class MemoryTokens:
    """A `TokenStore` in this process: tokens do not outlive it and no other relay knows them."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        lifetime_s: float = LIFETIME_S,
        most: int = MOST_TOKENS,
    ) -> None:
        self.lifetime_s = lifetime_s
        self._clock = clock
        self._tokens = Tokens(lifetime_s=lifetime_s, most=most)

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._tokens)

    async def issue(self, grant: Grant, *, lifetime_s: float | None = None, prefix: str = "") -> str:
        """A new token for `grant`."""
        return self._tokens.issue(grant, at_s=self._clock(), lifetime_s=lifetime_s, prefix=prefix)

    async def redeem(self, token: str, *, origin: str | None) -> Grant:
        """Spend a token."""
        return self._tokens.redeem(token, at_s=self._clock(), origin=origin)

    async def close(self) -> None:
        """Nothing is held open."""


def new_token(prefix: str = "") -> tuple[str, bytes]:
    """A token and its digest: the one is given away, the other is kept."""
    token = prefix + secrets.token_urlsafe(32)
    return token, digest_of(token)


def digest_of(token: str) -> bytes:
    """What is kept of a token. Any text has one, also what no relay ever gave."""
    return hashlib.sha256(token.encode("utf-8", errors="surrogatepass")).digest()


def bound_to(origin: str | None, grant: Grant) -> Grant:
    """The grant, when a caller of that origin may use it.

    Raises:
        SessionRefused: it is bound to another origin (status 401).
    """
    if grant.origin is not None and (origin is None or origin.lower() != grant.origin.lower()):
        raise not_let_in(ELSEWHERE)
    return grant


def not_let_in(reason: str) -> SessionRefused:
    """The no to a token."""
    return SessionRefused(WHERE, reason, status=401)


def full(most: int, *, retry_after_s: float) -> SessionRefused:
    """The no when too many tokens are out."""
    sentence = f"{most} {MANY_OUT}, try again in five minutes"
    return SessionRefused(WHERE, sentence, status=503, retry_after_s=max(1.0, retry_after_s))
