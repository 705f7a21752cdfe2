"""uvicorn's own WebSocket class, kept from failing over a head that it cannot even refuse."""

from __future__ import annotations

from contoso_lab.listening import QuietWebSocket

_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class GuardedWebSocket(QuietWebSocket):
    """Refuses a handshake whose fields are not ASCII, and says nothing of a client whose text is no UTF-8.

    The library under uvicorn quotes a bad field in its answer and cannot write it; the exception would leave the
    connection in the server's list for ever, where anybody could add to it and a stop would wait for all of them.
    A broken text would be logged by uvicorn as an error of ours, with a piece of what was said.
    """

    def data_received(self, data: bytes) -> None:
        """Bytes of the caller's."""
        try:
            super().data_received(data)
        except UnicodeError:
            self.transport.write(_BAD_REQUEST)
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        """A message is whole."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(1007, "a text message has to be UTF-8")
                return self.handle_parser_exception()
        super().send_receive_event_to_app()
