"""The desk: takes each call from the knock on the door to the goodbye, and knows which are open."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from starlette.websockets import WebSocket

from contoso_lab.errors import LabError, SessionRefused
from contoso_lab.relay.call import Call
from contoso_lab.relay.closing import FAILED, GOING_AWAY, NO_TARGET, NOT_LET_IN, Close
from contoso_lab.relay.dial import DIAL_S, Dialled, dial
from contoso_lab.relay.doors import Knock, knock, refusal, turn_away
from contoso_lab.relay.journal import line, logger
from contoso_lab.relay.origins import OriginPolicy, is_loopback
from contoso_lab.relay.pump import Pump
from contoso_lab.relay.setup import Setup, SetupSource
from contoso_lab.relay.sockets import ClientSocket
from contoso_lab.relay.tape import Tape
from contoso_lab.relay.tokens import NONE_GIVEN, WHERE, Grant, Tokens
from contoso_lab.settings import Target

CLOSING = Close(GOING_AWAY, "the relay is shutting down, call again later")


@dataclass(eq=False)
class Desk:
    """Everything that the calls of one relay share."""

    target: Target
    runs: Path | None
    """Where recordings go; `None` records nothing."""
    setup: SetupSource
    origins: OriginPolicy
    clock: Callable[[], float]
    """Seconds that never run backwards."""
    client_may_instruct: bool = False
    dial_s: float = DIAL_S
    tokens: Tokens = field(default_factory=Tokens)
    closing: bool = False
    pumps: set[Pump] = field(default_factory=set)
    """The calls that are open."""

    async def prepare(self, grant: Grant) -> Setup:
        """The configuration of a call; in a thread, for it reads files while other calls talk."""
        return await asyncio.to_thread(self.setup, grant)

    async def answer(self, websocket: WebSocket, *, for_programs: bool) -> None:
        """Take one call: origin, token, configuration, target, and only then the caller is let in.

        The token is spent by the attempt, also when the target then is not there.
        """
        call_id = secrets.token_hex(4)
        knocked = knock(websocket, for_programs=for_programs)
        if (no := self.origin_refusal(websocket)) is not None:
            logger.warning(line(call_id, "refused", status=403, door=knocked.carrier))
            return await _deny(websocket, no)
        if self.closing:
            return await turn_away(websocket, knocked, status=503, close=CLOSING)
        try:
            if knocked.token is None:
                raise SessionRefused(WHERE, NONE_GIVEN, status=401)
            grant = self.tokens.redeem(knocked.token, at_s=self.clock())
        except SessionRefused as error:
            logger.warning(line(call_id, "refused", status=401, door=knocked.carrier, reason=error.reason))
            return await turn_away(websocket, knocked, status=401, close=Close(NOT_LET_IN, error.reason))
        try:
            setup = await self.prepare(grant)
        except LabError as error:
            logger.warning(line(call_id, "refused", status=500, door=knocked.carrier, error=type(error).__name__))
            return await turn_away(websocket, knocked, status=500, close=Close(FAILED, str(error)))
        async with AsyncExitStack() as stack:
            try:
                dialled = await stack.enter_async_context(dial(self.target, timeout_s=self.dial_s))
            except SessionRefused as error:
                logger.warning(line(call_id, "refused", status=502, door=knocked.carrier, reason=error.reason))
                return await turn_away(websocket, knocked, status=502, close=Close(NO_TARGET, error.reason))
            await self._hold(call_id, websocket, knocked, grant, setup, dialled)

    async def close_all(self) -> None:
        """End every call with 1001 and finish its recording; new callers are turned away."""
        self.closing = True
        await asyncio.gather(*(pump.stop() for pump in tuple(self.pumps)))

    def origin_refusal(self, websocket: WebSocket) -> str | None:
        """Why the page that opened this socket may not, or `None`."""
        server = websocket.scope.get("server")
        headers = websocket.headers
        return self.origins.refusal(
            headers.get("origin"), host=headers.get("host"), called_at=server[0] if server else None
        )

    async def _hold(
        self, call_id: str, websocket: WebSocket, knocked: Knock, grant: Grant, setup: Setup, dialled: Dialled
    ) -> None:
        try:
            await websocket.accept(subprotocol=knocked.subprotocol)
        except OSError:
            logger.info(line(call_id, "left", door=knocked.carrier))
            return
        if self.closing:
            return await ClientSocket(websocket).close(CLOSING)
        tape = Tape()
        if self.runs is not None:
            tape = Tape.start(self.runs, grant=grant, target=self.target, setup=setup)
        call = Call(setup.session, client_may_instruct=self.client_may_instruct)
        pump = Pump(call_id, call, client=ClientSocket(websocket), target=dialled.socket, tape=tape)
        logger.info(
            line(
                call_id,
                "opened",
                door=knocked.carrier,
                persona=grant.persona,
                customer=grant.customer,
                scenario=grant.scenario,
                target=self.target.kind,
                recording=tape.id,
            )  # fmt: skip
        )
        started_s = self.clock()
        self.pumps.add(pump)
        try:
            nearby = websocket.client is not None and is_loopback(websocket.client.host)
            hang_up = await pump.run(dialled.created, show_path=nearby)
        finally:
            self.pumps.discard(pump)
        logger.info(
            line(
                call_id,
                "closed",
                client_code=hang_up.client.code,
                target_code=hang_up.target.code,
                seconds=round(self.clock() - started_s, 3),
                from_client=pump.messages["client"],
                from_target=pump.messages["target"],
            )  # fmt: skip
        )


async def _deny(websocket: WebSocket, sentence: str) -> None:
    """A page from elsewhere gets no handshake: it should not learn that a relay is here."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(refusal(403, sentence))
    else:
        await websocket.close()
