from __future__ import annotations

import json
import logging

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from contoso_lab.relay.journal import line

SPOKEN = "the words that somebody spoke"


async def test_no_log_holds_a_token_a_key_an_instruction_or_audio(relay_to, target, caplog, key, session):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.client").setLevel(logging.ERROR)  # this test's own end of the line
    logging.getLogger("websockets.server").setLevel(logging.ERROR)  # the fake target's
    tokens = []
    async with relay_to(target.port) as relay:
        for ending in ("client", "target"):
            tokens.append(relay.token())
            async with relay.call(tokens[-1], logger=logging.getLogger("websockets.client")) as socket:
                await socket.send('{"type":"input_audio_buffer.append","audio":"QUJDREVGR0g="}')
                await socket.send(json.dumps({"type": "conversation.item.create", "item": SPOKEN}))
                await socket.send('{"type":"response.create"}')
                while json.loads(await socket.recv())["type"] != "response.done":
                    pass
                if ending == "target":
                    await target.close(4000, SPOKEN)
        async with relay.call(tokens[0]) as socket:  # used
            with pytest.raises(ConnectionClosed):
                await socket.recv()
        tokens.append(relay.token())
        target.greeting = None
        relay.desk.dial_s = 0.1
        subprotocols = ["realtime", f"openai-insecure-api-key.{tokens[-1]}"]
        async with connect(f"{relay.ws_url}/v1/realtime?model=x", subprotocols=subprotocols) as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
    log = "\n".join(f"{record.getMessage()} {record.exc_text or ''} {record.args}" for record in caplog.records)
    for secret in (*tokens, key, session["instructions"], "QUJDREVGR0g", "AAABAAIA", SPOKEN):
        assert secret not in log
    ours = [record.getMessage() for record in caplog.records if record.name == "contoso_lab.relay"]
    assert [message.split()[1] for message in ours] == [
        "event=opened", "event=closed", "event=opened", "event=closed", "event=refused", "event=refused",
    ]  # fmt: skip
    assert len({message.split()[0] for message in ours}) == 4  # one id per call


def test_a_line_stays_one_line():
    assert line("1", "e", reason="two words", odd="a\nb", x=1.5, none=None, empty="") == (
        r'call=1 event=e reason="two words" odd="a\nb" x=1.5 none=- empty=""'
    )
