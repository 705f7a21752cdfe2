"""How bytes leave the machine: a transport that splits WebSocket messages, or packs many into one segment.

An ASGI application cannot say how its messages are packed, and cannot cut a line without a goodbye. So the server's
WebSocket class is replaced by one that stands on a `PackingTransport` and hands it to the application in
`scope["state"]`.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from contoso_lab.listening import QuietWebSocket

STATE_KEY = "packing_transport"
_FIN, _OPCODE, _TEXT = 0x80, 0x0F, 0x1


def fragments(frame: bytes, size_bytes: int) -> list[bytes]:
    r"""Split an unmasked text frame, as servers send it, into a first frame and continuations (RFC 6455, 5.4).

    What is no whole text frame stays as it is: control frames must not be split.

    >>> fragments(bytes([0x81, 3]) + b"abc", 2)
    [b'\x01\x02ab', b'\x80\x01c']
    """
    if len(frame) < 2 or frame[0] != _FIN | _TEXT:
        return [frame]
    header = {126: 4, 127: 10}.get(frame[1], 2)
    payload = frame[header:]
    pieces = [payload[start : start + size_bytes] for start in range(0, len(payload), size_bytes)]
    out = []
    for number, piece in enumerate(pieces):
        first = (_FIN if number == len(pieces) - 1 else 0) | (_TEXT if number == 0 else 0)
        out.append(bytes([first]) + _length(len(piece)) + piece)
    return out or [frame]


def _length(size: int) -> bytes:
    if size < 126:
        return bytes([size])
    return bytes([126]) + size.to_bytes(2) if size < 1 << 16 else bytes([127]) + size.to_bytes(8)


class PackingTransport(asyncio.Transport):
    """Writes to another transport; `fragment_bytes` splits messages, `hold` and `release` pack them together."""

    def __init__(self, inner: asyncio.Transport) -> None:
        super().__init__()
        self._inner = inner
        self._held: list[bytes] | None = None
        self.fragment_bytes: int | None = None

    def write(self, data: Any) -> None:
        """Take a frame."""
        if self._held is not None:
            self._held.append(bytes(data))
        elif self.fragment_bytes is not None:
            for piece in fragments(bytes(data), self.fragment_bytes):
                self._inner.write(piece)
        else:
            self._inner.write(data)

    def hold(self) -> None:
        """Keep what is written from now on."""
        self._held = []

    def release(self) -> None:
        """Write all that was kept in one go."""
        held, self._held = self._held or [], None
        if self.fragment_bytes is not None:
            held = [piece for frame in held for piece in fragments(frame, self.fragment_bytes)]
        if held and not self._inner.is_closing():
            self._inner.write(b"".join(held))

    def abort(self) -> None:
        """Cut the line at once, without a goodbye and without what is still to be written."""
        self._inner.abort()

    def close(self) -> None:
        """Close when all is written."""
        if self._held:
            self.release()
        self._inner.close()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._inner.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Pass the question on."""
        return self._inner.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Read no more from the client for now."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._inner.resume_reading()


class PackingWebSocket(QuietWebSocket):
    """The server's WebSocket on a `PackingTransport`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Stand on a transport of ours and let the application know it."""
        packing = PackingTransport(cast(asyncio.Transport, transport))
        self.app_state = {**self.app_state, STATE_KEY: packing}
        super().connection_made(packing)
