"""Who may ask for a token: anybody on this machine; elsewhere whoever has the shared secret or an access token.

| the relay has | who may ask | the caller's name, for the limits |
|---|---|---|
| neither; then it listens on loopback only (`exposure`) | anybody | `loopback` |
| a secret | who shows it | `secret:<address>`: one secret may have many owners |
| an issuer | who shows its access token | `oidc:<sub>` |
| both | either of them | as above |
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contoso_lab.errors import SessionRefused
from contoso_lab.relay.access.limits import neighbourhood
from contoso_lab.relay.access.tokens import WHERE
from contoso_lab.relay.wires.doors import bearer

if TYPE_CHECKING:
    from contoso_lab.relay.access.issuer import Issuer

LOOPBACK = "loopback"
NO_SECRET = "this relay gives tokens for its shared secret only: send it as Authorization: Bearer …"
NEITHER = "this relay gives tokens for its secret or an access token: send it as Authorization: Bearer …"


@dataclass(frozen=True, slots=True)
class Identity:
    """Recognises who asks for a token.

    >>> import asyncio
    >>> asyncio.run(Identity().who(None, address="127.0.0.1"))
    'loopback'
    >>> asyncio.run(Identity("a secret of some length").who("Bearer a secret of some length", address="192.0.2.7"))
    'secret:192.0.2.7'
    """

    secret: str | None = None
    issuer: Issuer | None = None

    def __repr__(self) -> str:
        return f"Identity(secret={'set' if self.secret else None}, issuer={self.issuer and self.issuer.address})"

    @property
    def asks(self) -> bool:
        """Whether anything has to be shown."""
        return self.secret is not None or self.issuer is not None

    async def who(self, authorization: str | None, *, address: str | None) -> str:
        """The caller's name.

        Args:
            authorization: the header of that name.
            address: where the request comes from, behind trusted proxies.

        Raises:
            SessionRefused: nothing was shown or something wrong (401), or the issuer is away (503).
        """
        if not self.asks:
            return LOOPBACK
        shown = bearer(authorization) or ""
        if self.secret is not None and hmac.compare_digest(_bytes(shown), _bytes(self.secret)):
            return f"secret:{neighbourhood(address)}"
        # What has no two dots is no access token; a wrong secret should not be told what is wrong with it as one.
        if self.issuer is not None and (shown.count(".") == 2 or (shown and self.secret is None)):
            return f"oidc:{await self.issuer.who(shown)}"
        raise SessionRefused(WHERE, self._wanted, status=401)

    @property
    def _wanted(self) -> str:
        if self.issuer is None:
            return NO_SECRET
        from contoso_lab.relay.access.issuer import NO_TOKEN

        return NO_TOKEN if self.secret is None else NEITHER


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogatepass")
