"""Tokens: each opens one call, once, within five minutes.

A token is 256 random bits. Only its SHA-256 is kept, so a memory dump or a debugger shows no token that
still works. Spent and expired tokens are remembered for as long again as they lived: their owner then
reads *used* or *expired*, and only a token that we never gave is *unknown*.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from contoso_lab.errors import ConfigError, SessionRefused

LIFETIME_S = 300.0
MOST_TOKENS = 10_000

WHERE = "the relay"
NONE_GIVEN = "no token was given: ask GET /api/token for one"
UNKNOWN = "this token is unknown: ask GET /api/token for one"
USED = "this token was already used, each opens one call: ask for a new one"
EXPIRED = "this token has expired, it lives five minutes: ask for a new one"

# A persona names a prompt file, so a name must not be able to leave its folder.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


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

    def __post_init__(self) -> None:
        for field in ("persona", "customer", "scenario", "replay_of", "mode"):
            value = getattr(self, field)
            if value is not None and not _NAME.fullmatch(value):
                raise ConfigError(f"{field} {value[:80]!r} is no name: use letters, digits, '_', '-' and '.'")


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
        # In order of issue, which is the order of expiry: the sweep looks at the front only.
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()

    def __len__(self) -> int:
        """How many are remembered: open, spent and lately expired."""
        return len(self._entries)

    def issue(self, grant: Grant, *, at_s: float) -> str:
        """A new token for `grant`.

        Raises:
            SessionRefused: too many are out (status 503).
        """
        self.sweep(at_s=at_s)
        if len(self._entries) >= self._most:
            raise SessionRefused(WHERE, f"{self._most} tokens are out, try again in five minutes", status=503)
        token = secrets.token_urlsafe(32)
        digest = _digest(token)
        self._entries[digest] = _Entry(digest, grant, at_s + self.lifetime_s)
        return token

    def redeem(self, token: str, *, at_s: float) -> Grant:
        """Spend a token.

        Raises:
            SessionRefused: it is unknown, used or expired (status 401), each with its own sentence.
        """
        self.sweep(at_s=at_s)
        digest = _digest(token)
        entry = self._entries.get(digest)
        if entry is None or not hmac.compare_digest(entry.digest, digest):
            raise SessionRefused(WHERE, UNKNOWN, status=401)
        if entry.used:
            raise SessionRefused(WHERE, USED, status=401)
        if at_s >= entry.expires_s:
            raise SessionRefused(WHERE, EXPIRED, status=401)
        entry.used = True
        return entry.grant

    def sweep(self, *, at_s: float) -> int:
        """Forget the tokens that nobody will ask about any more; how many they were."""
        swept = 0
        while self._entries:
            oldest = next(iter(self._entries.values()))
            if at_s < oldest.expires_s + self.lifetime_s:
                break
            self._entries.popitem(last=False)
            swept += 1
        return swept


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", errors="surrogatepass")).digest()
