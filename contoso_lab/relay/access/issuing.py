"""Where tokens are handed out: who asks, whether it may have one, and whether the call can be prepared at all.

Both ways to ask (`GET /api/token` and `POST /v1/realtime/client_secrets`) come here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from contoso_lab.errors import LabError, SessionRefused
from contoso_lab.relay.access.identity import Identity
from contoso_lab.relay.access.issuer import AWAY as ISSUER_AWAY
from contoso_lab.relay.access.limits import GUESSED
from contoso_lab.relay.access.tokens import MANY_OUT, WHERE, Grant
from contoso_lab.relay.admission import CLOSING_RETRY_S
from contoso_lab.relay.desk import Desk
from contoso_lab.relay.setup import Setup
from contoso_lab.relay.threads.binding import AWAY as MEMORY_AWAY
from contoso_lab.relay.threads.binding import NEW, begin

CLOSING = "the relay is shutting down, ask again in a moment"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a token, without what only HTTP knows of it."""

    persona: str | None = None
    """`None` asks for the thread's, or else for `voice`."""
    customer: str | None = None
    """`None` asks for the thread's, or else for `maya`."""
    scenario: str | None = None
    replay_of: str | None = None
    mode: str | None = None
    thread: str | None = None
    """The thread to go on with; `new` begins one."""
    console: str | None = None
    """Which console on a screen will hold the call."""
    consent: str | None = None
    """Who agreed to be recorded, and how."""
    keep_until: str | None = None
    """Until when the recording may be kept."""
    lifetime_s: float | None = None
    prefix: str = ""


class Issued(NamedTuple):
    """A token, and how the call that it opens will be set up."""

    token: str
    setup: Setup
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Issuing:
    """Hands out the tokens of one desk."""

    desk: Desk
    identity: Identity

    async def issue(self, asked: Asked, *, headers: Mapping[str, str], address: str | None) -> Issued:
        """A token for one call.

        Args:
            asked: for which call.
            headers: of the request; `Authorization` and `Origin` are read.
            address: where it comes from, behind trusted proxies.

        Raises:
            SessionRefused: the caller is not known (401), may not go on with that thread (403, 404), asks too often
                (429), or nobody gets one now (503).
            LabError: there is no such persona, customer or the like.
        """
        observer = self.desk.observer
        try:
            issued = await self._issue(asked, headers, address)
        except SessionRefused as error:
            reason, limit = _why(error)
            observer.token_not_issued(reason, limit=limit)
            raise
        except LabError:
            observer.token_not_issued("unknown_name")
            raise
        observer.token_issued()
        return issued

    async def _issue(self, asked: Asked, headers: Mapping[str, str], address: str | None) -> Issued:
        if self.desk.closing:
            raise SessionRefused(WHERE, CLOSING, status=503, retry_after_s=CLOSING_RETRY_S)
        caller = await self._who(headers.get("authorization"), address)
        await self.desk.gate.may_issue(caller)
        past = None
        if asked.thread != NEW:
            past = await self.desk.recall(asked.thread, caller=caller, customer=asked.customer)
        grant = Grant(
            asked.persona or (past.thread.persona if past else "voice"),
            asked.customer or (past.thread.customer if past else "maya"),
            asked.scenario, asked.replay_of, asked.mode,
            origin=headers.get("origin"), caller=caller, thread=past.thread.id if past else None,
            console=asked.console, consent=asked.consent, keep_until=asked.keep_until,
        )  # fmt: skip
        # A persona or a customer that is not there is found now, and not in the call.
        setup = await self.desk.prepare(grant, past)
        if asked.thread == NEW:
            grant = replace(grant, thread=await begin(self.desk.ledger, grant))
        token = await self.desk.tokens.issue(grant, lifetime_s=asked.lifetime_s, prefix=asked.prefix)
        return Issued(token, setup, grant.thread)

    async def _who(self, authorization: str | None, address: str | None) -> str:
        """The caller's name. Who tries secrets or access tokens is stopped as one who tries tokens."""
        gate = self.desk.gate
        if not self.identity.asks:
            return await self.identity.who(authorization, address=address)
        await gate.may_show(address)
        try:
            return await self.identity.who(authorization, address=address)
        except SessionRefused as error:
            if error.status == 401 and authorization:
                await gate.showed_wrong(address)
            raise


def _why(error: SessionRefused) -> tuple[str, str | None]:
    """Why somebody gets no token, as the metrics name it, and which limit it ran into, if it did."""
    if error.status == 401:
        return "not_allowed", None
    if error.status in (403, 404):
        return "thread", None
    if error.status == 429:
        return "limited", "bad_tokens" if GUESSED in error.reason else "tokens"
    if MANY_OUT in error.reason:
        return "full", None
    return {CLOSING: "closing", ISSUER_AWAY: "issuer", MEMORY_AWAY: "memory"}.get(error.reason, "store"), None
