"""Dialling the target, until it has greeted: what is wrong with it is found before the caller is let in.

picows dials, unless it is not installed or the environment names a proxy for the target: then the
`websockets` library does, which knows all their kinds.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from contoso_lab.errors import EventError, SessionClosed, SessionRefused
from contoso_lab.relay.access.origins import is_loopback
from contoso_lab.relay.calls.closing import NORMAL, Close
from contoso_lab.relay.watching.journal import websocket_logger
from contoso_lab.relay.wires.legs import Ear, Leg, Message
from contoso_lab.relay.wires.sockets import MOST_MESSAGE_BYTES, Line, Patience, TargetSocket
from contoso_lab.relay.wires.websockets_leg import SocketLeg
from contoso_lab.settings import Target
from contoso_lab.wire.frames import load_object

try:
    import picows

    from contoso_lab.relay.wires.picows_leg import READ_BUFFER_BYTES, PicowsLeg, quiet
except ImportError:
    picows = None  # type: ignore[assignment]  # optional: the portable leg does the same

DIAL_S = 10.0
"""How long a target may take to open the socket, and again to greet."""

# Some servers quote the key in their refusal.
_KEY = re.compile(r"\b(sk-|Bearer\s+)\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialled:
    """A target that answered."""

    leg: Leg
    created: Message
    """Its `session.created`, which the client has to see as it came."""
    set_ear: Callable[[Ear], None]
    """Say who listens. Until then what the target says waits, and hardly anything is read."""

    async def drop(self) -> None:
        """Hang up, for the call came to nothing."""
        self.leg.close(Close(NORMAL))
        await self.leg.closed()


async def dial(
    target: Target,
    *,
    timeout_s: float = DIAL_S,
    patience: Patience = Patience(),  # noqa: B008 - frozen
    headers: Mapping[str, str] | None = None,
    portable: bool = False,
) -> Dialled:
    """Connect to the target and wait for its `session.created`. Cancelling it leaves no connection behind.

    Args:
        target: whom to call.
        timeout_s: how long it may take to answer, and again to greet.
        patience: how long it may be silent later.
        headers: the headers that open its door, when they are not the target's own.
        portable: dial without picows even where it is installed.

    Raises:
        SessionRefused: it is not there, does not let us in or is no Realtime server; one sentence says which.
    """
    where = urlsplit(target.realtime_url)
    opened = target.headers if headers is None else headers
    dialer = _by_websockets if portable or picows is None or needs_proxy(where.netloc) else _by_picows
    waiting = _Waiting()
    try:
        async with asyncio.timeout(timeout_s):
            line = await dialer(target.realtime_url, opened, waiting, patience)
    except TimeoutError as error:
        raise _refused(f"the target at {where.netloc} did not answer within {timeout_s:.0f} s") from error
    except ssl.SSLCertVerificationError as error:
        raise _refused(f"the certificate of {where.netloc} is not to be trusted: {error.verify_message}") from error
    except OSError as error:
        raise _refused(f"nothing answers at {where.netloc}: start the engine, or check the address") from error
    try:
        created = await _greeting(waiting, where.netloc, timeout_s)
    except BaseException:
        line.abort()
        raise
    return Dialled(line, created, functools.partial(waiting.hand_over, line))


def needs_proxy(netloc: str) -> bool:
    """Whether the environment names a proxy for this address. It is meant for the world, not for our own engine."""
    host = urlsplit(f"//{netloc}").hostname
    return not is_loopback(host) and bool(getproxies()) and not proxy_bypass(netloc)


async def _by_picows(url: str, headers: Mapping[str, str], ear: Ear, patience: Patience) -> Line:
    secure = url.startswith("wss:")
    try:
        transport, leg = await picows.ws_connect(
            lambda: PicowsLeg(ear, patience, is_target=True),
            url,
            ssl_context=_tls() if secure else None,
            extra_headers=dict(headers),
            websocket_handshake_timeout=None,  # ours is around all of it
            enable_auto_ping=True,
            auto_ping_idle_timeout=max(patience.ping_s, patience.ping_timeout_s),
            auto_ping_reply_timeout=patience.ping_timeout_s,
            max_frame_size=MOST_MESSAGE_BYTES,
            max_redirects=0,  # a key is shown to the address that was named, and to no other
            read_buffer_init_size=READ_BUFFER_BYTES,
            logger_name=quiet,
        )
    except picows.WSInvalidStatusError as error:
        status = int(error.response.status) if error.response is not None else 0
        raise _refused(_status_sentence(status)) from error
    except picows.WSError as error:
        raise _no_websocket(url) from error
    if leg is None:  # so picows says that they hung up before the handshake was answered
        raise _no_websocket(url)
    assert isinstance(leg, PicowsLeg)
    ending = asyncio.get_running_loop().create_task(_hear_out(transport))
    _endings.add(ending)
    ending.add_done_callback(_endings.discard)
    return leg


_endings: set[asyncio.Task[None]] = set()


async def _hear_out(transport: picows.WSTransport) -> None:
    """Take the exception that picows keeps of a target that broke the protocol; the leg tells of it in its own way."""
    with contextlib.suppress(Exception):
        await transport.wait_disconnected()


async def _by_websockets(url: str, headers: Mapping[str, str], ear: Ear, patience: Patience) -> Line:
    try:
        connection = await connect(
            url,
            additional_headers=dict(headers),
            proxy=None if is_loopback(urlsplit(url).hostname) else True,
            ssl=_tls() if url.startswith("wss:") else None,
            compression=None,
            max_size=MOST_MESSAGE_BYTES,
            max_queue=4,
            open_timeout=None,
            ping_interval=patience.ping_s,
            ping_timeout=patience.ping_timeout_s,
            close_timeout=patience.goodbye_s,
            logger=websocket_logger,
        )
    except InvalidStatus as error:
        raise _refused(_status_sentence(error.response.status_code)) from error
    except WebSocketException as error:
        raise _no_websocket(url) from error
    leg = SocketLeg(TargetSocket(connection, patience), ear, patience)
    leg.start()
    return leg


@functools.cache
def _tls() -> ssl.SSLContext:
    """One for all calls: making it reads the machine's certificates, which takes longer than a call's set-up."""
    return ssl.create_default_context()


class _Waiting:
    """The ear of a target until a pump listens: keeps what came, and reads no further than the greeting."""

    def __init__(self) -> None:
        self._came: deque[Message] = deque()
        self._gone: tuple[int, str] | None = None
        self._news = asyncio.Event()

    def on_message(self, leg: Leg, message: Message) -> None:
        """Something came; what was read with it may still follow."""
        self._came.append(message)
        leg.pause()
        self._news.set()

    def on_writable(self, leg: Leg, writable: bool) -> None:
        """Nothing is sent yet."""

    def on_gone(self, leg: Leg, code: int, reason: str) -> None:
        """The target hung up."""
        self._gone = code, reason
        self._news.set()

    async def first(self) -> Message:
        """The first message; `SessionClosed` when there is none."""
        await self._news.wait()
        if not self._came:
            raise SessionClosed(*(self._gone or (NORMAL, "")))
        return self._came.popleft()

    def hand_over(self, line: Line, ear: Ear) -> None:
        """From now on `ear` listens; it first hears what came in the meantime."""
        line.ear = ear
        line.resume()  # first, so that the ear may pause again
        while self._came:
            ear.on_message(line, self._came.popleft())
        if self._gone is not None:
            ear.on_gone(line, *self._gone)


async def _greeting(waiting: _Waiting, where: str, timeout_s: float) -> Message:
    """The target's first message, which has to be `session.created`."""
    try:
        async with asyncio.timeout(timeout_s):
            first = await waiting.first()
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


def _no_websocket(url: str) -> SessionRefused:
    return _refused(f"what answers at {urlsplit(url).netloc} is no WebSocket server: check the address")


def _refused(sentence: str) -> SessionRefused:
    return SessionRefused("the target", _KEY.sub(r"\1[key]", sentence), status=502)
