from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from picows import WSMsgType

from contoso_lab.relay.wires.picows_leg import PicowsLeg
from contoso_lab.relay.wires.sockets import TOO_BIG_SENTENCE, Patience


class Transport:
    """picows' transport after it has said goodbye by itself, to who broke the protocol."""

    def __init__(self, said: int | None) -> None:
        self.is_close_frame_sent = said is not None
        sent = None if said is None else SimpleNamespace(code=said, reason="a message was too big")
        self.close_handshake = None if said is None else SimpleNamespace(sent=sent)
        self.underlying_transport = SimpleNamespace(set_write_buffer_limits=lambda **_: None)

    def send_close(self, code: int, message: Any = None) -> None:
        self.is_close_frame_sent = True

    def disconnect(self, graceful: bool = True) -> None:
        pass


class Ear:
    def __init__(self) -> None:
        self.gone: list[tuple[int, str]] = []

    def on_gone(self, leg: Any, code: int, reason: str) -> None:
        self.gone.append((code, reason))


def goodbye(code: int, reason: str = "") -> Any:
    return SimpleNamespace(
        msg_type=WSMsgType.CLOSE, rsv1=False, rsv2=False, rsv3=False, fin=True,
        get_close_code=lambda: code, get_close_reason=lambda: reason,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("is_target", "said", "echo", "gone"),
    [
        (True, 1009, 1009, (1006, TOO_BIG_SENTENCE)),  # not "lost (1009)": that would be the target's own reason
        (True, 1002, 1002, (1006, "")),
        (False, 1009, 1009, (1009, "a message was too big")),
        (True, None, 1009, (1009, "")),  # this one is the target's own
    ],
)
async def test_an_echo_of_what_picows_said_in_our_name_is_no_reason(is_target, said, echo, gone):
    ear = Ear()
    leg: Any = PicowsLeg(ear, Patience(), is_target=is_target)
    transport = Transport(said)
    leg.on_ws_connected(transport)
    leg.on_ws_frame(transport, goodbye(echo))
    leg.on_ws_disconnected(transport)
    assert ear.gone == [gone]
