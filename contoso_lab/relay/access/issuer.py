"""Access tokens of an OpenID Connect issuer: whose they are, checked with the keys that the issuer publishes.

What a token has to be: signed by a key of the issuer with an algorithm that has a public and a private half, from this
issuer (`iss`), meant for this relay (`aud`), valid now (`exp`, `nbf`) and somebody's (`sub`). The checking itself
is PyJWT's. Here is decided which keys count, and when they are fetched: at the first token, when they are an hour
old, and when a token names a key that we do not know, but never twice within half a minute, whatever
strangers send. When the issuer is away, the keys that we have go on to count for a day.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from contoso_lab.errors import ConfigError, MissingExtra, SessionRefused
from contoso_lab.relay.access.origins import is_loopback
from contoso_lab.relay.access.tokens import WHERE
from contoso_lab.relay.watching.journal import line, logger

if TYPE_CHECKING:
    from jwt import PyJWK

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Only such that the one who checks cannot sign: with a shared key, the public half would be a password."""
FETCH_S = 3.0
OLD_S = 3600.0
TOO_OLD_S = 24 * 3600.0
FLOOR_S = 30.0
LEEWAY_S = 30.0
MOST_TOKEN_CHARS = 16 * 1024
MOST_DOCUMENT_BYTES = 1024 * 1024

NO_TOKEN = "this relay gives tokens for an access token of its issuer only: send it as Authorization: Bearer …"
AWAY = "the issuer's keys cannot be had, so nobody can be recognised: try again in a moment"


class Issuer:
    """Recognises the bearer of an access token.

    Args:
        address: the issuer's address, letter by letter as its tokens have it in `iss`.
        audience: what they must have in `aud`.
        clock: seconds that never run backwards, for the age of the keys.
    """

    def __init__(self, address: str, audience: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            import jwt  # noqa: F401 - found missing at the start and not at the first token
        except ImportError as error:
            raise MissingExtra("checking access tokens", package="PyJWT", extra="oidc") from error
        _check_address(address, "the OIDC issuer")
        if not audience:
            raise ConfigError("an OIDC issuer needs an audience, or its tokens for others would count here as well")
        self.address, self.audience = address, audience
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._fetched_s = self._tried_s = -float("inf")
        # One fetch at a time, in one thread, however many ask.
        self._fetching = asyncio.Lock()

    async def who(self, token: str) -> str:
        """The `sub` of a token that holds in every respect.

        Raises:
            SessionRefused: it does not (status 401), or the issuer's keys cannot be had (status 503).
        """
        import jwt

        if len(token) > MOST_TOKEN_CHARS:
            raise _no("it is too long")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError) as error:
            raise _no("it is no signed token (JWT)") from error
        kid = header.get("kid")
        if header.get("alg") not in ALGORITHMS:
            raise _no("its algorithm is not allowed")
        if not isinstance(kid, str):
            raise _no("it names no key")
        key = await self._key(kid)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self.address,
                audience=self.audience,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
            )
        except jwt.ExpiredSignatureError as error:
            raise _no("it has expired") from error
        except jwt.ImmatureSignatureError as error:
            raise _no("it is not valid yet") from error
        except jwt.InvalidAudienceError as error:
            raise _no("it is meant for somebody else") from error
        except jwt.InvalidIssuerError as error:
            raise _no("it is of another issuer") from error
        except (jwt.PyJWTError, ValueError) as error:
            raise _no("it is forged or incomplete") from error
        return str(claims["sub"])

    async def _key(self, kid: str) -> PyJWK:
        if kid not in self._keys or self._age_s() > OLD_S:
            async with self._fetching:
                # Another one may have fetched while we waited.
                wanted = kid not in self._keys or self._age_s() > OLD_S
                if wanted and self._clock() - self._tried_s >= FLOOR_S:
                    self._tried_s = self._clock()
                    await self._fetch()
        if self._age_s() > TOO_OLD_S:
            wait_s = max(1.0, FLOOR_S - (self._clock() - self._tried_s))
            raise SessionRefused(WHERE, AWAY, status=503, retry_after_s=wait_s)
        if kid not in self._keys:
            raise _no("its key is none of the issuer's")
        return self._keys[kid]

    def _age_s(self) -> float:
        return self._clock() - self._fetched_s

    async def _fetch(self) -> None:
        """Take over the issuer's keys; when it is away, those of the last time stay."""
        try:
            keys = await asyncio.to_thread(_fetch_keys, self.address)
        except (OSError, HTTPException, ConfigError, ValueError, TypeError, KeyError, RecursionError) as error:
            logger.warning(line("-", "issuer_away", error=type(error).__name__))
        else:
            self._keys, self._fetched_s = keys, self._clock()


def _fetch_keys(issuer: str) -> dict[str, PyJWK]:
    """The issuer's signing keys by their names, by way of its discovery document; runs in a thread."""
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    described = _fetch_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if described["issuer"] != issuer:
        raise ValueError("the document at the issuer's address describes another issuer")
    keys_at = str(described["jwks_uri"])
    _check_address(keys_at, "the address of the issuer's keys")
    keys: dict[str, PyJWK] = {}
    for entry in _fetch_json(keys_at)["keys"]:
        try:
            key = PyJWK(entry)
        except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            continue  # a kind of key that we do not know may stand beside those that we do
        if isinstance(key.key_id, str) and key.public_key_use in (None, "sig") and key.algorithm_name in ALGORITHMS:
            keys[key.key_id] = key
    return keys


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Keys come from where the issuer says, and from nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _fetch_json(address: str) -> dict[str, Any]:
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if is_loopback(urlsplit(address).hostname):
        handlers.append(urllib.request.ProxyHandler({}))  # a proxy in the environment is meant for the world
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(address, headers={"Accept": "application/json"})
    with opener.open(request, timeout=FETCH_S) as answer:
        body = answer.read(MOST_DOCUMENT_BYTES + 1)
    if len(body) > MOST_DOCUMENT_BYTES:
        raise ValueError("the issuer's document is too long")
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("the issuer's document is no object")
    return document


def _check_address(address: str, what: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and is_loopback(parts.hostname):
        return
    raise ConfigError(f"{what} has to be an https:// address, for whoever can change it on the way is let in")


def _no(why: str) -> SessionRefused:
    return SessionRefused(WHERE, f"your access token is not accepted, {why}: get a new one", status=401)
