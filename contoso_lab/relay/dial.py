"""Dialling the target, until it has greeted: what is wrong with it is found before the caller is let in."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from contoso_lab.errors import EventError, SessionClosed, SessionRefused
from contoso_lab.relay.call import Message
from contoso_lab.relay.journal import websocket_logger
from contoso_lab.relay.origins import is_loopback
from contoso_lab.relay.sockets import GOODBYE_S, MOST_MESSAGE_BYTES, PING_S, TargetSocket
from contoso_lab.settings import Target
from contoso_lab.wire.frames import load_object

DIAL_S = 10.0
"""How long a target may take to open the socket, and again to greet."""

# Some servers quote the key in their refusal.
_KEY = re.compile(r"\b(sk-|Bearer\s+)\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialled:
    """A target that answered."""

    socket: TargetSocket
    created: Message
    """Its `session.created`, which the client has to see as it came."""


@contextlib.asynccontextmanager
async def dial(target: Target, *, timeout_s: float = DIAL_S) -> AsyncIterator[Dialled]:
    """Connect to the target and wait for its `session.created`; the connection ends with the block.

    Raises:
        SessionRefused: it is not there, does not let us in or is no Realtime server; one sentence says which.
    """
    where = urlsplit(target.realtime_url)
    try:
        connection = await connect(
            target.realtime_url,
            additional_headers=target.headers,
            # A proxy in the environment is meant for the world, not for our own engine.
            proxy=None if is_loopback(where.hostname) else True,
            compression=None,
            max_size=MOST_MESSAGE_BYTES,
            open_timeout=timeout_s,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=GOODBYE_S,
            logger=websocket_logger,
        )
    except InvalidStatus as error:
        raise _refused(_status_sentence(error.response.status_code)) from error
    except TimeoutError as error:
        raise _refused(f"the target at {where.netloc} did not answer within {timeout_s:.0f} s") from error
    except OSError as error:
        raise _refused(f"nothing answers at {where.netloc}: start the engine, or check the address") from error
    except WebSocketException as error:
        raise _refused(f"what answers at {where.netloc} is no WebSocket server: check the address") from error
    try:
        socket = TargetSocket(connection)
        yield Dialled(socket, await _greeting(socket, where.netloc, timeout_s))
    finally:
        # After a proper goodbye this does nothing; a handshake that was given up leaves no open socket.
        if connection.close_code is None:
            connection.transport.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await connection.wait_closed()


async def _greeting(socket: TargetSocket, where: str, timeout_s: float) -> Message:
    """The target's first message, which has to be `session.created`."""
    try:
        async with asyncio.timeout(timeout_s):
            first = await socket.receive()
    except TimeoutError as error:
        raise _refused(f"the target at {where} opened no session within {timeout_s:.0f} s") from error
    except SessionClosed as closed:
        said = f": {closed.reason}" if closed.reason else ""
        raise _refused(f"the target at {where} hung up before it greeted ({closed.code}{said})") from closed
    try:
        event = load_object(first)
    except EventError as error:
        raise _refused(f"what answers at {where} is no Realtime server: its first message is no event") from error
    if event["type"] == "session.created":
        return first
    detail = event.get("error")
    complaint = f": {detail.get('message')}" if isinstance(detail, dict) else ""
    raise _refused(f"the target at {where} began with {event['type']}{complaint}")


def _status_sentence(status: int) -> str:
    match status:
        case 401 | 403:
            why = "it refuses the relay's key, check the key where the relay runs"
        case 404:
            why = "it knows no such address or model, check both"
        case 429:
            why = "it has too many calls or no budget left, try again later"
        case _:
            why = "it cannot take the call"
    return f"the target answered {status}: {why}"


def _refused(sentence: str) -> SessionRefused:
    return SessionRefused("the target", _KEY.sub(r"\1[key]", sentence), status=502)
