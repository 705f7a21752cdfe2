"""Who may enter: the engine's own key, and the short-lived keys that it hands out for browsers.

A short-lived key opens Realtime calls until it expires, any number of them, and carries the session that they begin
with. It opens nothing else, least of all the door where such keys are made. An engine without a key of its own lets
everybody in; a short-lived key of its making still brings its session along, and is still refused once it has expired.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from contoso_lab.engine.refusals import Refused

KEY_PROTOCOL = "openai-insecure-api-key."
"""A browser can set no header for a WebSocket; it offers its key as a subprotocol that begins like this."""

MOST_SECRETS = 10_000
"""How many short-lived keys are remembered, expired ones included; beyond that the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A short-lived key."""

    value: str
    expires_at: int
    """In seconds since 1970, as the wire shows it."""
    session: Mapping[str, Any]
    """What the calls that it opens begin with: a session as `session.update` takes it."""


class NotAdmitted(Refused):
    """A client showed no key, or one that does not open this door."""


class Keys:
    """All keys of one engine.

    >>> now = [1000.0]
    >>> keys = Keys("mine", clock=lambda: now[0])
    >>> secret = keys.mint({"type": "realtime"}, lasts_s=10)
    >>> keys.to_call([secret.value]).session, keys.to_call(["mine"])
    ({'type': 'realtime'}, None)
    >>> now[0] = 1010.0
    >>> keys.to_call([secret.value])
    Traceback (most recent call last):
    contoso_lab.engine.keys.NotAdmitted: The ephemeral key has expired: ask for a new one.

    Args:
        api_key: the engine's own; None lets everybody in.
        clock: gives the time in seconds since 1970.
    """

    def __init__(self, api_key: str | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._api_key = api_key
        self._clock = clock
        self._secrets: dict[str, Secret] = {}

    def mint(self, session: Mapping[str, Any], *, lasts_s: int) -> Secret:
        """Make a short-lived key."""
        now_s = self._clock()
        for value, old in self._secrets.items():
            if old.session and old.expires_at <= now_s:  # its name is kept, to say that it has expired
                self._secrets[value] = Secret(value, old.expires_at, {})
        while len(self._secrets) >= MOST_SECRETS:
            del self._secrets[next(iter(self._secrets))]
        secret = Secret(f"ek_{secrets.token_hex(16)}", int(now_s) + lasts_s, dict(session))
        self._secrets[secret.value] = secret
        return secret

    def to_rest(self, shown: Iterable[str]) -> None:
        """Check the keys that a client shows at a door for HTTP.

        Raises:
            NotAdmitted: none of them is the engine's own.
        """
        shown = tuple(shown)
        if self._api_key is not None and not any(map(self._is_ours, shown)):
            raise _refusal(shown)

    def to_call(self, shown: Iterable[str]) -> Secret | None:
        """Check the keys that a client shows at the door for calls; gives the short-lived one, if it is one.

        Raises:
            NotAdmitted: none of them opens it.
        """
        shown = tuple(shown)
        if any(map(self._is_ours, shown)):
            return None
        known = [self._secrets[value] for value in shown if value in self._secrets]
        now_s = self._clock()
        for secret in known:
            if now_s < secret.expires_at:
                return secret
        if known:
            raise NotAdmitted("The ephemeral key has expired: ask for a new one.", code="invalid_api_key")
        if self._api_key is not None:
            raise _refusal(shown)
        return None

    def _is_ours(self, value: str) -> bool:
        return self._api_key is not None and hmac.compare_digest(value.encode(), self._api_key.encode())


def keys_shown(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The keys that a client shows, from the three places where the official clients put them.

    >>> keys_shown({"authorization": "Bearer one", "sec-websocket-protocol": "realtime, openai-insecure-api-key.two"})
    ('one', 'two')
    """
    kind, _, bearer = headers.get("authorization", "").partition(" ")
    offered = (each.strip() for each in headers.get("sec-websocket-protocol", "").split(","))
    shown = (
        headers.get("api-key", ""),
        bearer.strip() if kind.lower() == "bearer" else "",
        *(each.removeprefix(KEY_PROTOCOL) for each in offered if each.startswith(KEY_PROTOCOL)),
    )
    return tuple(each for each in shown if each)


def _refusal(shown: tuple[str, ...]) -> NotAdmitted:
    if shown:
        return NotAdmitted("Incorrect API key provided.", code="invalid_api_key")
    return NotAdmitted(
        "You didn't provide an API key: send it as 'Authorization: Bearer …', or in the header 'api-key'.", code=None
    )
