from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import sys
import urllib.request

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from contoso_lab.relay.watching.journal import TextFormatter, line, start_log

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


@pytest.mark.parametrize("format", ["text", "json"])
async def test_a_relay_at_debug_level_keeps_it_all_to_itself(target, key, tmp_path, format):
    """The official client through a real process; then a caller that is refused and a target that is lost."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "contoso_lab.relay", "--port", "0", "--runs", str(tmp_path), "--log-level", "debug",
        "--log-format", format, "--target", "url", "--target-url", f"http://127.0.0.1:{target.port}/v1",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "OPENAI_API_KEY": key},
    )  # fmt: skip
    url = (await process.stdout.readline()).decode().split()[1]

    def ask() -> str:
        with urllib.request.urlopen(f"{url}/api/token?persona=voice_brief&customer=maya", timeout=30) as answer:
            return json.loads(answer.read())["token"]

    tokens = [await asyncio.to_thread(ask) for _ in range(3)]
    async with AsyncOpenAI(api_key=tokens[0], base_url=f"{url}/v1") as client:
        async with client.realtime.connect(model="x") as connection:
            await connection.input_audio_buffer.append(audio="QUJDREVGR0g=")
            await connection.send({"type": "conversation.item.create", "item": {"say": SPOKEN}})
            await connection.response.create()
            async for event in connection:
                if event.type == "response.done":
                    break
        with pytest.raises(InvalidStatus):
            await client.realtime.connect(model="x").enter()
    async with connect(f"{url.replace('http', 'ws')}/api/realtime/ws?token={tokens[1]}") as socket:
        await socket.send(json.dumps({"type": "lab.local", "event": {"type": "call.ended", "reason": SPOKEN}}))
        async for _ in socket:
            pass
    target.greeting = json.dumps({"type": "error", "error": {"message": SPOKEN}})
    async with connect(f"{url.replace('http', 'ws')}/api/realtime/ws?token={tokens[2]}") as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    process.terminate()
    out, said = (part.decode() for part in await process.communicate())
    instructions = target.events[0]["session"]["instructions"]
    for secret in (*tokens, key, instructions[:40], "QUJDREVGR0g", "AAABAAIA", SPOKEN):
        assert secret not in out + said
    if format == "json":
        lines = [json.loads(each) for each in said.splitlines()]
        events = [each["event"] for each in lines if each.get("call", "-") != "-"]
        assert sorted(events) == ["closed", "closed", "opened", "opened", "refused", "refused"]
        assert all(each["at"].endswith("+00:00") and each["level"] in ("info", "warning") for each in lines)
    assert said.count("opened") == 2


def test_other_libraries_are_heard_from_warnings_on_and_errors_without_their_text():
    out = io.StringIO()
    before = logging.getLogger().handlers[:]
    try:
        start_log(format="json", level=logging.DEBUG, stream=out)
        logging.getLogger("websockets.client").debug("> Authorization: Bearer x")
        logging.getLogger("contoso_lab.relay").debug(line("1", "e", n=2))
        try:
            raise ValueError(SPOKEN)
        except ValueError:
            logging.getLogger("uvicorn.error").exception("it failed")
    finally:
        logging.basicConfig(handlers=before, force=True)
    first, second = (json.loads(each) for each in out.getvalue().splitlines())
    assert {"event": "e", "n": 2, "call": "1"}.items() <= first.items()
    assert second["message"] == "it failed"
    assert second["exception"].startswith("ValueError < ")
    assert SPOKEN not in out.getvalue()


def test_the_text_log_has_no_exceptions_text_either():
    record = logging.LogRecord("contoso_lab", logging.ERROR, "f", 1, "it failed", None, None)
    try:
        raise ValueError(SPOKEN)
    except ValueError:
        record.exc_info = sys.exc_info()
    shown = TextFormatter().format(record)
    assert "it failed\nValueError < " in shown
    assert SPOKEN not in shown


def test_a_line_stays_one_line():
    assert line("1", "e", reason="two words", odd="a\nb", x=1.5, none=None, empty="") == (
        r'call=1 event=e reason="two words" odd="a\nb" x=1.5 none=- empty=""'
    )
