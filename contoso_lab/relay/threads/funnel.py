"""The agent's chat and write-ups beside the calls: their routes in the relay, and who may use them.

The same token that opens a call opens a chat instead: it is spent, once, and from then on it is known there.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter

from contoso_lab.errors import SessionRefused
from contoso_lab.memory import Memory
from contoso_lab.relay.access.limits import redeem
from contoso_lab.relay.access.tokens import WHERE
from contoso_lab.relay.admission import CLOSING, CLOSING_RETRY_S
from contoso_lab.relay.threads.forgetter import Forgetter

if TYPE_CHECKING:
    from contoso_lab.agent.desk import Admit, Visitor
    from contoso_lab.relay.desk import Desk


def funnel_routes(desk: Desk, memory: Memory) -> APIRouter:
    """The agent's routes, over the relay's target and tokens."""
    from contoso_lab.agent.desk import Agent
    from contoso_lab.agent.routes import agent_routes

    forget = desk.forgetter or Forgetter(memory, desk.runs)
    return agent_routes(Agent(desk.target, memory, admit=admit_to(desk), forget=forget, clock=desk.clock))


def admit_to(desk: Desk) -> Admit:
    """Lets in who shows a token of the desk's."""
    from contoso_lab.agent.desk import Visitor

    async def admit(token: str, origin: str | None, address: str | None) -> Visitor:
        if desk.closing:
            raise SessionRefused(WHERE, CLOSING.reason, status=503, retry_after_s=CLOSING_RETRY_S)
        grant = await redeem(desk.tokens, desk.gate, token, origin=origin, address=address)
        language = await asyncio.to_thread(_language, grant.persona)
        return Visitor(grant.customer, grant.persona, language, grant.thread, grant.caller)

    return admit


def _language(persona: str) -> str:
    from contoso_lab import prompts

    spoken = prompts.load(persona).persona
    return "en" if spoken is None else spoken.language
