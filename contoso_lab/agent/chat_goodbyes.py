"""How a chat ends: the codes with which its socket is closed, and the goodbye.

Every code comes with a sentence. 1009 and 1011 are WebSocket's own, those from 4000 on ours.
"""

from __future__ import annotations

import asyncio
import logging

from starlette.websockets import WebSocket, WebSocketDisconnect

logger = logging.getLogger(__name__)

NO_THREAD = 4400
TOO_LONG_SILENT = 4408
GONE = 4410
TOO_MANY = 4429
FULL = 4503
TOO_BIG = 1009
FAILED = 1011

CLOSE_CODES = {
    1000: "The client hung up.",
    1001: "The server stops, or the client's page was left.",
    TOO_BIG: "A frame is longer than any message of ours.",
    FAILED: "The agent failed; its log says how.",
    NO_THREAD: "The first frame does not name a thread.",
    4401: "The token is missing, unknown, used, expired, or was given to a page of another origin.",
    4403: "The page may not use this agent.",
    4404: "The thread is not there for this token.",
    TOO_LONG_SILENT: "Nothing was said for too long, or our words were left unread.",
    GONE: "The thread is closed, or was deleted.",
    TOO_MANY: "The token makes too many threads or sends rubbish, or its address shows wrong tokens, too often.",
    FULL: "Too many chats are open.",
}
MOST_REASON_BYTES = 123


class Goodbye(Exception):
    """The chat ends, with this code and this sentence."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason


class Left(Exception):
    """The client has hung up, there is nobody to tell anything."""


async def close(websocket: WebSocket, goodbye: Goodbye) -> None:
    """Say goodbye; a client that is gone before hears nothing."""
    try:
        async with asyncio.timeout(5):
            await websocket.close(goodbye.code, fitted(goodbye.reason))
    except (WebSocketDisconnect, RuntimeError, TimeoutError):
        logger.debug("a client was gone before the goodbye")


def first_of(group: BaseExceptionGroup[Goodbye]) -> Goodbye:
    """The goodbye that counts when several tasks end at once."""
    found = group.exceptions[0]
    return first_of(found) if isinstance(found, BaseExceptionGroup) else found


def fitted(reason: str) -> str:
    """A reason cut to what a close frame holds, never through a character.

    >>> len(fitted("é" * 100).encode())
    123
    """
    written = reason.encode("utf-8", errors="replace")
    if len(written) <= MOST_REASON_BYTES:
        return written.decode()
    return written[: MOST_REASON_BYTES - 3].decode(errors="ignore") + "…"
