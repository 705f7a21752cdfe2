"""A leg over picows: frames in, whole checked messages out, and nothing that waits.

picows gives frames as they come. What RFC 6455 asks beyond that is done here: fragments are joined, up to
the largest message; text has to be UTF-8; reserved bits have to be zero; a goodbye is answered, and one of
ours that is not answered in time ends with a cut. Pings are picows' own, with one correction: a side that
*we* do not read cannot show us its pong, so its silence is no sign of death.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSProtocolError, WSTransport

from contoso_lab.relay.calls.closing import ABNORMAL, GOING_AWAY, NO_CODE, TOO_BIG, Close, passed_on
from contoso_lab.relay.watching.journal import websocket_logger
from contoso_lab.relay.wires.legs import Binary, Ear, Message
from contoso_lab.relay.wires.sockets import (
    HIGH_WATER_BYTES,
    LOW_WATER_BYTES,
    MOST_MESSAGE_BYTES,
    TOO_BIG_SENTENCE,
    Patience,
)

READ_BUFFER_BYTES = 4096
"""What a connection reads into at first. It grows when it has to; most never do, and there are many."""

_TEXT, _BINARY, _CONTINUATION, _CLOSE = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION, WSMsgType.CLOSE
_TOO_BIG_FRAGMENTS = f"the fragments of a message may have {MOST_MESSAGE_BYTES} bytes together"

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


class _Quiet(_Adapter):
    """picows' log. An adapter, because of a plain logger picows makes a new one for each connection.

    A peer that breaks the protocol is an error of the peer's, and the relay tells it in its own words; only
    exceptions, which are errors of ours, are let through.
    """

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        if kwargs.get("exc_info"):
            super().error(msg, *args, **kwargs)

    def exception(self, msg: object, *args: object, exc_info: Any = True, **kwargs: Any) -> None:
        super().error(msg, *args, exc_info=exc_info, **kwargs)


quiet = _Quiet(websocket_logger, {})


class PicowsLeg(WSListener):
    """One side of a call on a picows connection."""

    __slots__ = (
        "_cut", "_fragments", "_heard", "_is_binary", "_is_over", "_is_target", "_patience", "_paused",
        "_said_goodbye", "_told", "_transport", "_waiting", "ear",
    )  # fmt: skip

    def __init__(self, ear: Ear, patience: Patience, *, is_target: bool) -> None:
        self.ear = ear
        """Who listens. Whoever sets another one sees to it that nothing is lost between the two."""
        self._patience = patience
        self._is_target = is_target
        self._transport: Any = None  # picows' stubs say of its close codes that they are no numbers; they are
        self._fragments: bytearray | None = None
        self._is_binary = False
        self._paused = False
        self._said_goodbye = False
        self._heard: tuple[int, str] | None = None
        self._is_over = False
        self._told = False
        self._waiting: list[asyncio.Future[None]] = []
        self._cut: asyncio.TimerHandle | None = None

    # The leg: what the pump says.

    def send(self, message: Message) -> None:
        """Send one message; what the network does not take now waits in the transport."""
        transport = self._transport
        if transport is not None:  # picows itself ignores what comes after the goodbye
            transport.send(_BINARY if type(message) is Binary else _TEXT, message)

    def pause(self) -> None:
        """Stop reading."""
        if not self._paused and not self._is_over and self._transport is not None:
            self._paused = True
            self._transport.underlying_transport.pause_reading()
            self._transport.notify_user_specific_pong_received()  # one that is on its way will not be seen

    def resume(self) -> None:
        """Read on."""
        if self._paused and not self._is_over and self._transport is not None:
            self._paused = False
            self._transport.underlying_transport.resume_reading()

    def close(self, close: Close) -> None:
        """Say goodbye, and cut the connection when no answer comes in time."""
        if self._said_goodbye or self._is_over or self._transport is None or self._transport.is_close_frame_sent:
            return
        self._said_goodbye = True
        self._transport.send_close(close.code, close.reason.encode("utf-8", errors="replace"))
        self.resume()  # or the answer is never seen
        self._cut_later()

    async def closed(self) -> None:
        """Return when the connection is over."""
        if not self._is_over:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def abort(self) -> None:
        """Cut the connection, without a word."""
        if self._transport is not None and not self._is_over:
            self._transport.disconnect(graceful=False)

    def waiting_bytes(self) -> int:
        """What the network has not taken yet."""
        over = self._transport is None or self._is_over
        return 0 if over else int(self._transport.underlying_transport.get_write_buffer_size())

    # The listener: what picows says.

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=HIGH_WATER_BYTES, low=LOW_WATER_BYTES)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One frame came."""
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "a reserved bit is set, and no extension was agreed on")
        if kind == _CLOSE:
            return self._on_goodbye(transport, frame)
        if self._said_goodbye or transport.is_close_frame_sent:
            return  # said before our goodbye was read
        if self._fragments is None and frame.fin:
            if kind == _TEXT:
                message = frame.get_payload_as_bytes()
                if not message.isascii():
                    _check_text(message)
                self.ear.on_message(self, message)
                return
            if kind == _BINARY:
                self.ear.on_message(self, Binary(frame.get_payload_as_memoryview()))
                return
        if kind in (_TEXT, _BINARY, _CONTINUATION):
            self._on_fragment(kind, frame)

    def _on_fragment(self, kind: WSMsgType, frame: WSFrame) -> None:
        fragments = self._fragments
        if (kind == _CONTINUATION) == (fragments is None):
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "fragments of two messages are mixed")
        if fragments is None:
            fragments = self._fragments = bytearray()
            self._is_binary = kind == _BINARY
        if len(fragments) + frame.payload_size > MOST_MESSAGE_BYTES:
            raise WSProtocolError(WSCloseCode.MESSAGE_TOO_BIG, _TOO_BIG_FRAGMENTS)
        fragments += frame.get_payload_as_memoryview()
        if frame.fin:
            self._fragments = None
            if self._is_binary:
                return self.ear.on_message(self, Binary(fragments))
            message = bytes(fragments)
            _check_text(message)
            self.ear.on_message(self, message)

    def _on_goodbye(self, transport: Any, frame: Any) -> None:
        code = int(frame.get_close_code()) or NO_CODE
        if self._said_goodbye or not transport.is_close_frame_sent:
            self._heard = code, frame.get_close_reason() or ""
        # Else picows has said goodbye in our name, and this echo of it is no reason of the other side's.
        if not self._said_goodbye and not transport.is_close_frame_sent:
            self._said_goodbye = True
            transport.send_close(passed_on(code, "", who="").code)
        transport.disconnect()
        self._cut_later()
        self._tell_gone()

    def send_user_specific_ping(self, transport: WSTransport) -> None:
        """Ask for a sign of life; of a side that we do not read at the moment, none is expected."""
        transport.send_ping()
        if self._paused:
            asyncio.get_running_loop().call_soon(transport.notify_user_specific_pong_received)

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        if not self._told:
            self.ear.on_writable(self, False)

    def resume_writing(self) -> None:
        """The transport's buffer has room again."""
        if not self._told:
            self.ear.on_writable(self, True)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection is over."""
        self._is_over = True
        if self._cut is not None:
            self._cut.cancel()
        try:
            self._tell_gone()
        finally:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    @property
    def heard_goodbye(self) -> bool:
        """The other side has said its goodbye, so nothing of it is lost by closing."""
        return self._heard is not None

    def give_up(self) -> None:
        """It is known before the connection is over that nothing more will come."""
        self._tell_gone()
        self._cut_later()

    def _tell_gone(self) -> None:
        if self._told:
            return
        self._told = True
        code, reason = self._heard or self._unheard()
        self.ear.on_gone(self, code, reason)

    def _unheard(self) -> tuple[int, str]:
        """Why it ended when no goodbye was heard: picows has said one in our name, or the connection broke."""
        said = self._transport.close_handshake if self._transport is not None else None
        if self._said_goodbye or said is None or said.sent is None:
            return ABNORMAL, ""
        code = int(said.sent.code)
        if code == GOING_AWAY:
            return ABNORMAL, self._patience.silence
        if self._is_target:
            return ABNORMAL, TOO_BIG_SENTENCE if code == TOO_BIG else ""
        return code, said.sent.reason or ""

    def _cut_later(self) -> None:
        if self._cut is None:
            self._cut = asyncio.get_running_loop().call_later(self._patience.goodbye_s, self.abort)


def _check_text(message: bytes) -> None:
    try:
        message.decode()
    except UnicodeDecodeError:
        raise WSProtocolError(WSCloseCode.INVALID_TEXT, "a text message has to be UTF-8") from None
