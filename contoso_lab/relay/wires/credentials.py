"""What opens the target's door, and whether it does: found out when the relay starts, not at the first call.

A target has a key, or, on Azure without one, an Entra ID token: it lives for about an hour, is kept, and is
fetched anew before it ends. Fetching happens in a thread (it may ask a file, a command or a server), once for all
who wait, and while the old one still lives a failure is only counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from contoso_lab.errors import ConfigError, MissingExtra, SessionRefused
from contoso_lab.relay.access.origins import is_loopback
from contoso_lab.relay.watching.journal import line, logger
from contoso_lab.settings import Target

if TYPE_CHECKING:
    import httpx2

CHECK_S = 10.0
"""How long a target may take to answer the question at the start."""
FETCH_S = 30.0
"""How long an Entra ID token may take: `az` alone needs seconds."""
AHEAD_S = 300.0
"""How long before its end a token is fetched anew: a call that is dialled with it should not find it ended."""

WAIT_S = 60.0
"""A token that ends this soon is not used any more when a new one can be had."""

SIGN_IN = (
    "sign in with 'az login', give the process AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or a "
    "managed or workload identity, or set AZURE_OPENAI_API_KEY"
)


class Credential(Protocol):
    """What azure-identity's credentials are to us."""

    def get_token(self, *scopes: str) -> Token:
        """A token for these scopes; it may take seconds."""


class Token(Protocol):
    """What azure-identity gives: the token, and when it ends in seconds since 1970."""

    @property
    def token(self) -> str:
        """What is shown."""

    @property
    def expires_on(self) -> int:
        """Seconds since 1970."""


class Entra:
    """Entra ID tokens for one scope, kept until shortly before they end.

    Args:
        scope: for whom the token is.
        credential: makes tokens; azure-identity's `DefaultAzureCredential` when it is not given.
        now: seconds since 1970.
        told: called with `ok` or `failed` after each fetching.
    """

    def __init__(
        self,
        scope: str,
        credential: Credential | None = None,
        *,
        now: Callable[[], float] = time.time,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.told = told
        self._scope = scope
        self._credential = credential
        self._now = now
        self._kept: Token | None = None
        self._fetching: asyncio.Task[Token] | None = None

    @property
    def ends_at(self) -> float | None:
        """When the token that is kept ends, in seconds since 1970."""
        return float(self._kept.expires_on) if self._kept is not None else None

    async def token(self) -> str:
        """A token that still lives.

        Raises:
            ConfigError: none can be had; the sentence says how to sign in.
            MissingExtra: azure-identity is not installed.
        """
        kept, lives_s = self._kept, self._lives_s()
        if lives_s < AHEAD_S and self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._fetched)
        if self._fetching is None or (kept is not None and lives_s > WAIT_S):
            assert kept is not None
            return kept.token  # the next one is on its way, and nobody has to wait for it
        try:
            # Shielded: one caller that gives up must not take the token from those who wait with it.
            async with asyncio.timeout(FETCH_S):
                return (await asyncio.shield(self._fetching)).token
        except TimeoutError as error:
            raise ConfigError(f"no Entra ID token came within {FETCH_S:.0f} s: {SIGN_IN}") from error
        except ConfigError:
            if kept is None or self._lives_s() <= 0:
                raise
            return kept.token

    def _lives_s(self) -> float:
        return self._kept.expires_on - self._now() if self._kept is not None else 0.0

    async def _fetch(self) -> Token:
        if self._credential is None:
            self._credential = _default_credential()
        try:
            return await asyncio.to_thread(self._credential.get_token, self._scope)
        except MissingExtra:
            raise
        except Exception as error:
            # Its own text is a page long and may name accounts; its kind is enough beside the remedy.
            kind = type(error).__name__
            raise ConfigError(f"there is no Entra ID token for the target ({kind}): {SIGN_IN}") from error

    def _fetched(self, task: asyncio.Task[Token]) -> None:
        self._fetching = None
        if task.cancelled():
            return
        if task.exception() is None:
            self._kept = task.result()
            self.told("ok")
        else:
            logger.warning(line("-", "credential.failed", error=type(task.exception()).__name__))
            self.told("failed")


class Credentials:
    """The headers that open one target's door.

    >>> target = Target.local("http://127.0.0.1:9000/v1")
    >>> asyncio.run(Credentials(target).headers())
    {}
    """

    def __init__(self, target: Target, entra: Entra | None = None) -> None:
        self.target = target
        self.entra = entra or Entra(target.scope) if target.entra else None

    async def headers(self) -> dict[str, str]:
        """The headers for one dialling: never log them.

        Raises:
            SessionRefused: the target wants an Entra ID token, and none can be had.
        """
        if self.entra is None:
            return self.target.headers
        try:
            return {"Authorization": f"Bearer {await self.entra.token()}"}
        except ConfigError as error:
            raise SessionRefused("the target", str(error), status=502) from error

    async def check(self, *, timeout_s: float = CHECK_S, transport: httpx2.AsyncBaseTransport | None = None) -> str:
        """Ask the target something cheap; returns what was found, in a few words.

        Raises:
            ConfigError: it is not there, or does not let us in; one sentence says which, and what to do.
        """
        import httpx2

        target = self.target
        not_one = ConfigError(f"{target.base_url!r} is no address: write it as http://127.0.0.1:8000/v1")
        try:
            parts = urlsplit(target.base_url)
        except ValueError as error:
            raise not_one from error
        where = parts.netloc
        headers = target.headers if self.entra is None else {"Authorization": f"Bearer {await self.entra.token()}"}
        by_health = target.kind == "local" and target.api_key is None
        url = f"{target.base_url.removesuffix('/v1')}/healthz" if by_health else f"{target.base_url}/models"
        nearby = is_loopback(parts.hostname)
        try:
            async with httpx2.AsyncClient(timeout=timeout_s, transport=transport, trust_env=not nearby) as client:
                answer = await client.get(url, headers=headers)
        except httpx2.TimeoutException as error:
            raise ConfigError(f"the target at {where} did not answer within {timeout_s:.0f} s: {_SKIP}") from error
        except httpx2.HTTPError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise ConfigError(f"the certificate of {where} is not to be trusted: check the address") from error
            remedy = "start the engine" if target.kind == "local" else "check the address and the network"
            raise ConfigError(f"nothing answers at {where}: {remedy}; {_SKIP}") from error
        except (httpx2.InvalidURL, ValueError) as error:
            raise not_one from error
        return self._judge(answer.status_code, _object(answer), where)

    def _judge(self, status: int, body: Mapping[str, Any], where: str) -> str:
        kind = self.target.kind
        if status == 403 and kind == "openai" and "scope" in str(body).lower():
            return "the key is known and may not list models"  # a restricted key: it may still hold calls
        if status in (401, 403):
            raise ConfigError(f"the target at {where} does not let the relay in ({status}): {self._remedy(status)}")
        if status == 404 and kind in ("azure", "openai"):
            raise ConfigError(f"{where} has no models at {self.target.base_url}: check AZURE_OPENAI_ENDPOINT")
        if not 200 <= status < 300:
            return f"it answers {status}, so the key could not be tried"
        models = [model.get("id") for model in body.get("data", ()) if isinstance(model, dict)]
        # Azure lists what could be deployed, not what is; others answer to names that they do not list.
        if kind == "openai" and models and self.target.model not in models:
            raise ConfigError(f"this key may not use the model {self.target.model!r}: set CONTOSO_LAB_MODEL")
        return "it lets us in"

    def _remedy(self, status: int) -> str:
        match self.target.kind:
            case "azure" if self.entra is not None:
                return "give this identity the role 'Cognitive Services OpenAI User' on the resource"
            case "azure":
                return "check AZURE_OPENAI_API_KEY, it belongs to one AZURE_OPENAI_ENDPOINT only"
            case "openai" if status == 403:
                return "this key's project or country may not use it; check the project of OPENAI_API_KEY"
            case _:
                return "set OPENAI_API_KEY to a key that is valid there"


_SKIP = "--no-check starts without asking"


def _default_credential() -> Credential:
    try:
        from azure.identity import DefaultAzureCredential
    except ModuleNotFoundError as error:
        raise MissingExtra("signing in to Azure without a key", package="azure-identity", extra="azure") from error
    return DefaultAzureCredential()


def _object(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
