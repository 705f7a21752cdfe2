"""The fast door: WebSockets of the relay's two doors go from uvicorn to picows, on the port of the HTTP surface.

uvicorn reads the head of each request and hands a WebSocket's over to a class of our choice. Here it is read
again, the desk decides, and only then the handshake is answered: by plain HTTP when the answer is no to a
program, by picows otherwise. What is no door of ours goes on to uvicorn's own class.

picows has no public way to take over a connection, so its protocol class is built as picows itself builds it.
That is held to the versions that were tried (`why_not`); with any other, or without picows, `starlette_door`
carries the calls: slower, and the same in behaviour.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from contoso_lab.listening import QuietWebSocket
from contoso_lab.relay.admission import Admitted, Nobody, Refused
from contoso_lab.relay.watching.journal import logger
from contoso_lab.relay.wires.doors import DOORS, refusal_body, refusal_head
from contoso_lab.relay.wires.handshake import Handshake
from contoso_lab.relay.wires.sockets import MOST_MESSAGE_BYTES

if TYPE_CHECKING:
    from contoso_lab.relay.desk import Desk

try:
    import picows
    from picows.picows import WSProtocol  # type: ignore[attr-defined]  # private: see `why_not`

    from contoso_lab.relay.wires.mended_transport import MendedTransport
    from contoso_lab.relay.wires.picows_leg import READ_BUFFER_BYTES, PicowsLeg, quiet
except ImportError:
    picows = None  # type: ignore[assignment]  # optional: the portable door does the same

TRIED = frozenset({"2.3.1"})
"""The versions of picows whose protocol class is built as `_open` builds it."""
_BUILT_WITH = "takes exactly 15 positional arguments"
MOST_EARLY_BYTES = 64 * 1024
"""What a caller may send before its handshake is answered. None should; some clients do."""


def why_not() -> str | None:
    """Why picows cannot carry calls here, or `None` when it can."""
    if picows is None:
        return "picows is not installed"
    if (found := version("picows")) not in TRIED:
        return f"picows {found} was not tried with this relay, {', '.join(sorted(TRIED))} was"
    try:
        WSProtocol()
    except TypeError as error:
        if _BUILT_WITH in str(error):
            return None
    return "this build of picows makes its connections in another way"


class Front:
    """What uvicorn takes for its WebSocket class: makes a door for each connection."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._trust: ProxyHeadersMiddleware | None = None

    def __call__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: object = None
    ) -> PicowsDoor:
        """A door for one connection."""
        if self._trust is None and config.proxy_headers:
            # The very rule that uvicorn has for the HTTP surface.
            self._trust = ProxyHeadersMiddleware(_nothing, trusted_hosts=config.forwarded_allow_ips or [])
        return PicowsDoor(self.desk, self._trust, config, server_state, app_state)


class PicowsDoor(asyncio.Protocol):
    """One connection from its head to the answered handshake."""

    def __init__(
        self,
        desk: Desk,
        trust: ProxyHeadersMiddleware | None,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
    ) -> None:
        self._desk, self._trust = desk, trust
        self._uvicorn = config, server_state, app_state
        self._transport: asyncio.Transport | None = None
        self._deciding: asyncio.Task[None] | None = None
        self._passed_to: asyncio.Protocol | None = None
        self._key = b""
        self._early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Uvicorn hands a connection over."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are, without saying so
        self._uvicorn[1].connections.add(self)  # type: ignore[arg-type]  # it only asks for `shutdown`

    def data_received(self, data: bytes) -> None:
        """First the head, in one piece; then what the caller says before it was answered."""
        assert self._transport is not None
        if self._deciding is not None:
            self._early += data
            if len(self._early) > MOST_EARLY_BYTES:
                self._transport.pause_reading()
            return
        scope = _scope(data, self._transport)
        if scope["path"] not in DOORS:
            return self._pass_on(data)
        self._deciding = asyncio.get_running_loop().create_task(self._decide(scope))

    def eof_received(self) -> None:
        """The caller has left; the transport closes itself."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller has left."""
        if self._passed_to is not None:  # it was hung up on before the transport had learned of the other
            return self._passed_to.connection_lost(exc)
        self._uvicorn[1].connections.discard(self)
        if self._deciding is not None:
            self._deciding.cancel()

    def shutdown(self) -> None:
        """The server stops."""
        if self._transport is not None:
            self._transport.close()

    def _pass_on(self, head: bytes) -> None:
        """No door of ours: uvicorn's own class takes it."""
        config, server_state, app_state = self._uvicorn
        transport = self._transport
        assert transport is not None
        server_state.connections.discard(self)
        other = QuietWebSocket(config=config, server_state=server_state, app_state=app_state)
        self._passed_to = other
        other.connection_made(transport)
        other.data_received(head)
        # uvicorn sets the protocol to this one when we return.
        asyncio.get_running_loop().call_soon(transport.set_protocol, other)

    async def _decide(self, scope: dict[str, Any]) -> None:
        assert self._transport is not None
        try:
            if self._trust is not None:
                await self._trust(scope, _never, _never)  # type: ignore[arg-type]
            handshake = Handshake.from_scope(scope)
            if (fault := _fault(scope["method"], handshake)) is not None:
                return self._answer(400, refusal_body(400, fault), refusal_head())
            self._key = handshake.headers["sec-websocket-key"].encode("latin-1")
            decided = await self._desk.admit(handshake)
        except Exception:  # noqa: BLE001 - logged, and the caller is told
            logger.exception("a caller could not be answered")
            return self._answer(500, refusal_body(500, "the relay failed, its log says how"), refusal_head())
        if self._transport.is_closing():
            if isinstance(decided, Admitted):
                await decided.abandon()
        elif isinstance(decided, Refused) and decided.by_http:
            body = refusal_body(decided.status, decided.sentence)
            self._answer(decided.status, body, refusal_head(decided.retry_after_s))
        else:
            self._open(decided)

    def _answer(self, status: int, body: bytes, head: dict[str, str]) -> None:
        """Answer by HTTP and hang up."""
        assert self._transport is not None
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            *(f"{name}: {value}" for name, value in head.items()),
        ]
        lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
        self._transport.write("\r\n".join(lines).encode("latin-1") + body)
        self._transport.close()

    def _open(self, decided: Refused | Admitted) -> None:
        """Answer the handshake, and let picows have the connection."""
        transport, patience = self._transport, self._desk.patience
        assert transport is not None
        self._uvicorn[1].connections.discard(self)
        leg = PicowsLeg(Nobody(), patience, is_target=False)
        knocked = decided.knocked
        agreed = {"Sec-WebSocket-Protocol": knocked.subprotocol} if knocked.subprotocol else None
        answer = picows.WSUpgradeResponse.create_101_response(agreed)
        protocol = WSProtocol(
            None,  # host and path are a client's
            None,
            False,  # this is the server's side
            lambda _: picows.WSUpgradeResponseWithListener(answer, leg),
            quiet,
            True,  # hang up when we fail
            None,  # the handshake is here already
            True,  # ping …
            max(patience.ping_s, patience.ping_timeout_s),
            patience.ping_timeout_s,
            picows.WSAutoPingStrategy.PING_WHEN_IDLE,
            True,  # … and pong
            MOST_MESSAGE_BYTES,
            None,
            READ_BUFFER_BYTES,
        )
        protocol.connection_made(MendedTransport(transport, protocol, leg))
        # Not the caller's own head: picows reads some headers more strictly than browsers write them.
        _feed(protocol, _HEAD % self._key)
        transport.set_protocol(protocol)
        if isinstance(decided, Refused):
            leg.close(decided.close)
        else:
            decided.take(leg)
        if self._early:
            _feed(protocol, bytes(self._early))
            transport.resume_reading()


_HEAD = (
    b"GET / HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n"
)


def _feed(protocol: Any, data: bytes) -> None:
    """Give picows bytes as the event loop would."""
    at = 0
    while at < len(data):
        room = protocol.get_buffer(-1)
        part = data[at : at + len(room)]
        room[: len(part)] = part
        protocol.buffer_updated(len(part))
        at += len(part)


def _scope(head: bytes, transport: asyncio.Transport) -> dict[str, Any]:
    """The head that uvicorn has read and written down again, as an ASGI scope."""
    request, *lines = head.partition(b"\r\n\r\n")[0].split(b"\r\n")
    method, target, _ = request.split(b" ", 2)
    path, _, query = target.partition(b"?")
    named = (line.partition(b":") for line in lines)
    return {
        "type": "websocket",
        "method": method.decode("latin-1"),
        "scheme": "wss" if is_ssl(transport) else "ws",
        "server": get_local_addr(transport),
        "client": get_remote_addr(transport),
        "path": unquote(path.decode("latin-1")),
        "query_string": query,
        "headers": [(name.strip().lower(), value.strip()) for name, _, value in named],
    }


def _fault(method: str, handshake: Handshake) -> str | None:
    """What is wrong with a handshake as such."""
    headers = handshake.headers
    key = b""
    with contextlib.suppress(binascii.Error, ValueError):
        key = base64.b64decode(headers.get("sec-websocket-key", "").encode("ascii"), validate=True)
    if method != "GET":
        return "a WebSocket is asked for with GET"
    if headers.get("sec-websocket-version") != "13":
        return "the WebSocket has to be asked for with Sec-WebSocket-Version: 13"
    if len(key) != 16:
        return "Sec-WebSocket-Key has to be 16 bytes in base64"
    return None


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that only lets the middleware around it look."""


async def _never() -> None:
    """A channel that is never used."""
