"""What stands between picows and the transport of a caller's connection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from contoso_lab.relay.wires.picows_leg import PicowsLeg

QUIET_S = 0.2
"""How long a caller that we hang up on has to be quiet before we do."""


class MendedTransport:
    """A transport as picows sees it, with two of its ways mended.

    picows hands over a view of its own buffer and then writes the next head into that buffer; and when it ends
    a connection over a fault, what the caller is still sending would turn the close into a reset, and the
    caller would never read why.
    """

    def __init__(self, transport: asyncio.Transport, protocol: asyncio.BaseProtocol, leg: PicowsLeg) -> None:
        self._transport, self._protocol, self._leg = transport, protocol, leg
        self.get_extra_info = transport.get_extra_info
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.write = transport.write
        self.abort = transport.abort
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.set_write_buffer_limits = transport.set_write_buffer_limits

    def writelines(self, parts: Iterable[bytes | memoryview]) -> None:
        """Write the head of a frame, by value, and its payload."""
        head, *rest = parts
        self._transport.writelines([bytes(head), *rest])

    def close(self) -> None:
        """Close, and when the caller has not said goodbye, read on without listening until it has read ours."""
        if self._leg.heard_goodbye or self._transport.is_closing():
            return self._transport.close()
        self._transport.set_protocol(_Lingering(self._protocol, self._transport))
        self._transport.resume_reading()
        self._leg.give_up()  # it also cuts the connection when this takes too long


class _Lingering(asyncio.Protocol):
    """Reads what nobody wants any more, until the caller has been quiet for a moment or hangs up."""

    def __init__(self, protocol: asyncio.BaseProtocol, transport: asyncio.Transport) -> None:
        self._protocol, self._transport = protocol, transport
        self._loop = asyncio.get_running_loop()
        self._quiet = self._loop.call_later(QUIET_S, transport.close)

    def data_received(self, data: bytes) -> None:
        """Still talking."""
        self._quiet.cancel()
        self._quiet = self._loop.call_later(QUIET_S, self._transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Now it is over for picows too."""
        self._quiet.cancel()
        self._protocol.connection_lost(exc)
