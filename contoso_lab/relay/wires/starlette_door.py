"""The portable door: a call that comes in through any ASGI server, Starlette's test client among them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket

from contoso_lab.relay.admission import Admitted, Nobody, Refused
from contoso_lab.relay.calls.closing import Close
from contoso_lab.relay.wires.doors import refusal
from contoso_lab.relay.wires.handshake import Handshake
from contoso_lab.relay.wires.sockets import ClientSocket
from contoso_lab.relay.wires.websockets_leg import SocketLeg

if TYPE_CHECKING:
    from contoso_lab.relay.desk import Desk


async def answer(desk: Desk, websocket: WebSocket) -> None:
    """Take one call, or say why not. Cancelling it ends the call; the pump finishes the recording."""
    await websocket.receive()  # `websocket.connect`, which says nothing
    left = asyncio.create_task(websocket.receive())
    asked = asyncio.create_task(desk.admit(Handshake.from_scope(websocket.scope)))
    try:
        await asyncio.wait((left, asked), return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Before the handshake is answered, the only thing that a caller can do is to leave.
        gone = left.done()
        for task in (left, asked):
            if task is left or gone or not asked.done():
                task.cancel()
        await asyncio.gather(left, asked, return_exceptions=True)
    if gone:
        if not asked.cancelled() and asked.exception() is None:
            too_late = asked.result()
            if isinstance(too_late, Admitted):
                await too_late.abandon()
        return
    decided = asked.result()
    try:
        if isinstance(decided, Refused):
            await _turn_away(desk, websocket, decided)
        else:
            await _hold(desk, websocket, decided)
    except OSError:
        return  # the caller has left, there is nobody to tell


async def _hold(desk: Desk, websocket: WebSocket, admitted: Admitted) -> None:
    try:
        await websocket.accept(subprotocol=admitted.subprotocol)
    except BaseException:
        await admitted.abandon()
        raise
    leg = SocketLeg(ClientSocket(websocket), Nobody(), desk.patience)
    admitted.take(leg)  # sets who listens
    await leg.run()


async def _turn_away(desk: Desk, websocket: WebSocket, no: Refused) -> None:
    if no.by_http and "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(refusal(no.status, no.sentence, retry_after_s=no.retry_after_s))
    elif no.by_http and not no.knocked.reads_http:
        await websocket.close()  # no handshake; the server makes a 403 of it
    else:
        await websocket.accept(subprotocol=no.knocked.subprotocol)
        leg = SocketLeg(ClientSocket(websocket), Nobody(), desk.patience)
        leg.close(Close(no.close.code, no.close.reason))
        await leg.run()
