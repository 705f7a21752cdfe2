"""From a page to the relay and back: HTTP with its answers as they come, and WebSockets message by message.

The relay is to see a page of this machine, whatever page it really is: where that page may come from has been Jupyter's
to decide (`check_origin`), and a page is trusted with less than a program (docs/relay.md). So each request goes on with
the relay's own origin, and without the cookies and the headers of the way here.

Nothing that passes is written into a log: of an address only its path is, for in the query stand tokens.

| resource | acquired | released | on failure |
|---|---|---|---|
| the relay's side of a socket | the page's handshake | when either side closes | the other side is closed alike |
| the task that reads it | `open` | with the page's connection | ends with a close of the page's side |
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import ensure_async
from tornado import httpclient, httputil, web
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from contoso_lab.jupyter.handlers import Kept

HTTP_PATHS = r"api/token|api/request|api/suggestion|healthz|asyncapi\.json|openapi\.json"
TOKEN_PATH = "api/token"
PICTURE_PATHS = r"images/[^/]+"
SOCKET_PATHS = r"api/realtime/ws|api/chat"
MOST_MESSAGE_BYTES = 16 * 2**20
"""As the relay takes them."""
MOST_BODY_BYTES = 16 * 2**20
ANSWER_S = 300.0
"""A page of suggestions by a slow model."""
_TO_RELAY = ("Accept", "Authorization", "Content-Type")
_TO_PAGE = ("Cache-Control", "Content-Type", "Retry-After")
_NO_RELAY = 503, 4503
GONE = "there is no call to come back to, its relay has ended: call anew"
_KEY_PROTOCOL = "openai-insecure-api-key."


class _Quiet(Kept):
    """A handler whose address may hold a token."""

    request: httputil.HTTPServerRequest

    def hide_query(self) -> str:
        """Take the query out of what Jupyter logs; returns it."""
        query = self.request.query
        self.request.uri = self.request.path
        return query


class HttpForward(_Quiet, APIHandler):
    """The relay's HTTP doors for pages."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Before Jupyter looks at the request."""
        self.query = self.hide_query()
        await super().prepare()

    @web.authenticated
    @authorized
    async def get(self, path: str) -> None:
        """Ask the relay."""
        await self._forward(path)

    @web.authenticated
    @authorized
    async def post(self, path: str) -> None:
        """Ask the relay; Jupyter has looked at the XSRF token."""
        await self._forward(path)

    async def _forward(self, path: str) -> None:
        relay = await self._reach()
        if relay is None:
            self._refuse(_NO_RELAY[0], self.keeper.message)
            return
        if len(self.request.body) > MOST_BODY_BYTES:
            self._refuse(413, f"the request is longer than {MOST_BODY_BYTES >> 20} MiB: send less")
            return
        headers = {name: self.request.headers[name] for name in _TO_RELAY if name in self.request.headers}
        if self.token_authenticated:
            headers.pop("Authorization", None)  # it was Jupyter's own
        if path == TOKEN_PATH:
            headers["Authorization"] = f"Bearer {self.keeper.secret}"  # who may ask is Jupyter's to say
        asked = httpclient.HTTPRequest(
            f"{relay}/{quote(path)}{'?' + self.query if self.query else ''}",
            method=str(self.request.method),
            headers={**headers, "Origin": relay},
            body=self.request.body if self.request.method == "POST" else None,
            header_callback=self._take_head,
            streaming_callback=self._take_piece,
            follow_redirects=False,
            decompress_response=False,
            request_timeout=ANSWER_S,
        )
        client = httpclient.AsyncHTTPClient(force_instance=True)
        try:
            await client.fetch(asked, raise_error=False)
        except StreamClosedError:
            if self._headers_written or not self._head:
                return  # the page has gone, or the relay broke off in the middle: so do we
            raise
        except (OSError, httpclient.HTTPError):
            if not self._headers_written:
                self._refuse(502, "the relay does not answer: try again in a moment")
            return
        finally:
            client.close()
        if not self._finished:
            self.finish()

    async def _reach(self) -> str | None:
        """Where the relay is; it is started when it is not there yet."""
        return await self.keeper.ready()

    _head = False

    def _take_head(self, line: str) -> None:
        if line.startswith("HTTP/"):
            self.set_status(httputil.parse_response_start_line(line.strip()).code)
            self._head = True
            self.set_header("X-Accel-Buffering", "no")
        elif ":" in line:
            name, value = line.split(":", 1)
            if name.title() in _TO_PAGE:
                self.set_header(name.title(), value.strip())

    async def _take_piece(self, piece: bytes) -> None:
        # Each piece goes out before the next one is taken in: a page that reads slowly slows the relay down.
        self.write(piece)
        await self.flush()

    def _refuse(self, status: int, sentence: str) -> None:
        self.clear()
        self.set_status(status)
        self.finish({"error": {"type": "relay_error", "code": "not_now", "message": sentence}})


class PictureForward(HttpForward):
    """The pictures of the catalogue that the relay uses, which may be one of your own; they start no relay."""

    @property
    def content_security_policy(self) -> str:
        """An SVG that is opened by itself may run nothing."""
        return "default-src 'none'; style-src 'unsafe-inline'; sandbox"

    async def _reach(self) -> str | None:
        return self.keeper.relay_url

    def _take_head(self, line: str) -> None:
        super()._take_head(line)
        if line.lower().startswith("cache-control:"):  # behind a login nothing is for everybody's cache
            self.set_header("Cache-Control", line.partition(":")[2].strip().replace("public", "private"))


class SocketForward(_Quiet, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """The relay's WebSocket doors for pages."""

    _relay: ClientConnection | None = None
    _close: tuple[int, str] = (_NO_RELAY[1], "")
    _reader: asyncio.Task[None] | None = None
    _wire: Any = None

    @property
    def max_message_size(self) -> int:
        """As the relay's."""
        return MOST_MESSAGE_BYTES

    async def prepare(self) -> None:  # type: ignore[override]
        """Before Jupyter looks at the request: `token` in the query is the relay's here, and not Jupyter's."""
        self._query = self.hide_query()
        for arguments in (self.request.arguments, self.request.query_arguments):
            arguments.pop("token", None)
        await super().prepare()

    @ws_authenticated
    async def get(self, path: str) -> None:
        """Reach the relay, then answer the page's handshake."""
        allowed = self.authorizer.is_authorized(self, self.current_user, "execute", self.auth_resource)
        # Before the relay is dialled: a page of somebody else's is to spend nothing, and start nothing.
        origin = self.request.headers.get("Origin")
        if not await ensure_async(allowed) or (origin is not None and not self.check_origin(origin)):
            raise web.HTTPError(403)
        await self._dial(path)
        try:
            await super().get(path)
        finally:
            if self.ws_connection is None:  # the page's handshake was none
                await self._leave()

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The one that the relay has chosen."""
        if self._relay is not None:
            return self._relay.subprotocol
        # One has to be chosen, or the browser gives up before it reads why.
        return next((name for name in subprotocols if not name.startswith(_KEY_PROTOCOL)), None)

    def open(self, *args: str) -> None:
        """The page is there."""
        super().open(*args)
        self._wire = self.ws_connection
        if self._relay is None:
            self.close(*self._close)
            return
        self.set_nodelay(True)
        self._reader = asyncio.create_task(self._read(self._relay))

    async def on_message(self, message: str | bytes) -> None:
        """From the page to the relay; the next one is read when this one is on its way."""
        if self._relay is not None:
            with contextlib.suppress(ConnectionClosed):  # whoever reads the relay tells the page
                await self._relay.send(message)

    def on_close(self) -> None:
        """The page has gone: properly, or without a word, and then so do we, for it may want to come back."""
        relay, self._relay = self._relay, None
        if relay is None:
            return
        if self.close_code is not None:
            task = asyncio.create_task(relay.close(self.close_code, self.close_reason or ""))
            _LEAVING.add(task)
            task.add_done_callback(_LEAVING.discard)
        else:  # tornado tells a goodbye without a code not from a broken connection; our console gives one
            relay.transport.abort()

    async def _dial(self, path: str) -> None:
        if "resume" in self.request.query_arguments and self.keeper.relay_url is None:
            self.keeper.start()  # the call went with the relay that held it; the next one will not have to wait
            self._close = 4410, GONE
            return
        relay = await self.keeper.ready()
        if relay is None:
            self._close = _NO_RELAY[1], _short(self.keeper.message)
            return
        asked = self.request.headers.get("Sec-WebSocket-Protocol", "")
        subprotocols: Any = [name.strip() for name in asked.split(",") if name.strip()] or None
        try:
            self._relay = await connect(
                f"{relay.replace('http', 'ws', 1)}/{path}{'?' + self._query if self._query else ''}",
                origin=relay,  # type: ignore[arg-type]
                subprotocols=subprotocols,
                compression=None,
                max_size=MOST_MESSAGE_BYTES,
                open_timeout=30,  # the relay itself dials its target meanwhile
                user_agent_header=None,
                proxy=None,
            )
        except InvalidStatus as error:
            self._close = 4000 + error.response.status_code, "the relay refused: ask for a new token"
        except (OSError, InvalidHandshake, TimeoutError):
            self._close = _NO_RELAY[1], "the relay does not answer: try again in a moment"

    async def _read(self, relay: ClientConnection) -> None:
        try:
            while True:
                message = await relay.recv()
                await self.write_message(message, binary=isinstance(message, bytes))
        except ConnectionClosed as error:
            if self._relay is None:
                return  # it was the page that has gone
            self._relay = None
            if error.rcvd is None:
                self._break()
            elif error.rcvd.code == 1005:
                self.close()
            else:
                self.close(error.rcvd.code, error.rcvd.reason)
        except WebSocketClosedError:
            return  # `on_close` says goodbye to the relay

    def _break(self) -> None:
        """The relay broke off: so does the page's connection, and it can tell that from a goodbye."""
        stream = getattr(self._wire, "stream", None)
        if stream is not None:
            stream.close()

    async def _leave(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            await relay.close(1001, "")


_LEAVING: set[asyncio.Task[None]] = set()
"""Goodbyes on their way."""


def _short(sentence: str) -> str:
    """A reason fits into 123 bytes."""
    return sentence.encode()[:120].decode(errors="ignore")
