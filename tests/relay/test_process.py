from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from contoso_lab.errors import ConfigError, PortInUse
from contoso_lab.listening import bind, url_of
from contoso_lab.memory import open_memory
from contoso_lab.relay.access.exposure import check_exposure

from .test_tool_calls import engine  # noqa: TID252 - the tests are no package


def test_a_port_that_is_taken_is_one_sentence():
    with bind("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {port} on 127.0.0.1 is in use"):
            bind("127.0.0.1", port)
        assert url_of(first) == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_one_sentence(host, monkeypatch):
    import socket

    if host.endswith("invalid"):
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror()))
    with pytest.raises(ConfigError, match="cannot listen on"):
        bind(host, 0)


@pytest.mark.parametrize(
    ("host", "secret", "sentence"),
    [
        ("127.0.0.1", None, None),
        ("localhost", None, None),
        ("::1", None, None),
        ("0.0.0.0", None, "anybody on the network"),
        ("::", None, "anybody on the network"),
        ("lab.example", None, "anybody on the network"),
        ("0.0.0.0", "x" * 16, None),
        ("0.0.0.0", "short", "could be guessed"),
        ("127.0.0.1", "", "could be guessed"),
    ],
)
def test_who_may_be_reached_from_other_machines(host, secret, sentence):
    if sentence is None:
        check_exposure(host, secret)
    else:
        with pytest.raises(ConfigError, match=sentence):
            check_exposure(host, secret)


async def start(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    clean = {name: value for name, value in os.environ.items() if "OPENAI" not in name and "CONTOSO" not in name}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "contoso_lab.relay", "--port", "0", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=clean | environment,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--target", "openai"], {}, "target 'openai' needs a key: set OPENAI_API_KEY"),
        (["--target", "azure"], {}, "set AZURE_OPENAI_ENDPOINT"),
        (["--target", "tent"], {}, "there is no target 'tent'"),
        (["--target", "local"], {}, "set CONTOSO_LAB_URL"),
        (["--target-url", "http://127.0.0.1:9/v1", "--host", "0.0.0.0"], {}, "set CONTOSO_LAB_RELAY_SECRET"),
        (["--target-url", "http://127.0.0.1:9/v1"], {"CONTOSO_LAB_RELAY_SECRET": "short"}, "could be guessed"),
        (["--target-url", "http://127.0.0.1:9/v1"], {"CONTOSO_LAB_RELAY_OIDC_AUDIENCE": "relay"}, "without an issuer"),
        (["--target-url", "http://127.0.0.1:9/v1", "--show-tools"], {}, "give both"),
        (["--target-url", "http://127.0.0.1:9/v1", "--memory", "tent"], {}, "the address of the memory is wrong"),
        (["--target-url", "http://127.0.0.1:9/v1"], {"CONTOSO_LAB_MEMORY": "redis://127.0.0.1:9/0"}, "127.0.0.1:9"),
        (
            ["--target-url", "http://127.0.0.1:9/v1", "--memory", "redis://:hunter2@127.0.0.1:9/0"],
            {},
            "set CONTOSO_LAB_MEMORY",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_one_sentence_at_the_start(arguments, environment, sentence, tmp_path):
    process = await start(*arguments, "--runs", str(tmp_path), **environment)
    out, said = await process.communicate()
    assert process.returncode == 2
    assert out == b""
    assert sentence in said.decode()
    assert "hunter2" not in said.decode()
    assert len(said.decode().strip().splitlines()) == 1


async def test_the_process_says_when_it_is_ready_and_ends_its_calls_when_told(target, tmp_path, test_setup):
    """The real thing, with the real prompts, on a port that it is then refused a second time."""
    process = await start("--target-url", f"http://127.0.0.1:{target.port}/v1", "--runs", str(tmp_path))
    ready = (await process.stdout.readline()).decode().split()
    assert ready[0] == "READY", await process.stderr.read()
    url = ready[1]
    second = await start("--target-url", "http://127.0.0.1:9/v1", "--port", url.rsplit(":", 1)[1])
    _, said = await second.communicate()
    assert (second.returncode, "is in use by another program" in said.decode()) == (2, True)

    import urllib.request

    def token() -> str:
        with urllib.request.urlopen(f"{url}/api/token?persona=voice_brief&customer=maya", timeout=30) as answer:
            return json.loads(answer.read())["token"]

    secret = await asyncio.to_thread(token)
    async with connect(f"{url.replace('http', 'ws')}/api/realtime/ws?token={secret}") as socket:
        assert json.loads(await socket.recv())["type"] == "session.created"
        assert json.loads(await socket.recv())["type"] == "lab.recording"
        assert "Maya Chen" in target.events[0]["session"]["instructions"]
        process.send_signal(signal.SIGTERM)
        assert [json.loads(raw)["type"] async for raw in socket] == ["session.updated"]
        assert socket.close_code == 1001
    out, said = await process.communicate()
    assert (process.returncode, out) == (0, b"")
    assert "event=opened" in said.decode()
    assert secret not in said.decode()
    [recording] = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert (tmp_path / "memory.sqlite3").exists()  # threads are kept beside the recordings
    manifest = json.loads((recording / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["status"], manifest["end_reason"]) == ("closed", "the relay was shut down")
    assert manifest["persona"] == "voice_brief"
    assert manifest["prompts"].keys() == {"voice_brief"}


async def test_a_relay_that_is_killed_leaves_what_was_said_until_then(target, tmp_path):
    where = f"sqlite:///{tmp_path / 'threads.sqlite3'}"
    with open_memory(where) as memory:
        thread = memory.create(customer="maya", persona="voice")
        process = await start(
            "--target-url", f"http://127.0.0.1:{target.port}/v1", "--runs", str(tmp_path), "--memory", where
        )  # fmt: skip
        url = await ready(process)
        _, answer = await asyncio.to_thread(fetch, f"{url}/api/token?thread={thread.id}")
        token = json.loads(answer)["token"]
        async with connect(f"{url.replace('http', 'ws')}/api/realtime/ws?token={token}") as socket:
            item = {"id": "u1", "type": "message", "role": "user"}
            item |= {"content": [{"type": "input_text", "text": "Do you have tents?"}]}
            raw = json.dumps({"type": "conversation.item.done", "event_id": "e", "item": item})
            await socket.send(json.dumps({"type": "test.say", "raw": raw}))
            async with asyncio.timeout(20):
                while not (said := await asyncio.to_thread(memory.history, thread.id)):
                    pass
            process.kill()
            await process.communicate()
        assert [message.text for message in said] == ["Do you have tents?"]
        assert [message.text for message in memory.history(thread.id)] == ["Do you have tents?"]


async def ready(process: asyncio.subprocess.Process) -> str:
    line = (await process.stdout.readline()).decode().split()
    assert line[:1] == ["READY"], (await process.stderr.read()).decode()
    return line[1]


def fetch(url: str) -> tuple[int, str]:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize(
    "second", [signal.SIGTERM, *(pytest.param(other, marks=pytest.mark.slow) for other in (signal.SIGINT, None))]
)
async def test_calls_that_are_open_go_on_while_the_relay_drains(target, tmp_path, second):
    """The first signal: no new calls. The calls end by themselves, or a second signal ends them at once."""
    process = await start(
        "--target-url", f"http://127.0.0.1:{target.port}/v1", "--runs", str(tmp_path), "--drain-s", "300"
    )  # fmt: skip
    url = await ready(process)
    token = json.loads((await asyncio.to_thread(fetch, f"{url}/api/token?persona=voice_brief"))[1])["token"]
    spare = json.loads((await asyncio.to_thread(fetch, f"{url}/api/token?persona=voice_brief"))[1])["token"]
    door = f"{url.replace('http', 'ws')}/api/realtime/ws?token="
    async with connect(door + token) as socket:
        while json.loads(await socket.recv())["type"] != "session.updated":
            pass
        process.send_signal(signal.SIGTERM)
        while (await asyncio.to_thread(fetch, f"{url}/readyz"))[0] != 503:
            pass
        assert (await asyncio.to_thread(fetch, f"{url}/healthz"))[0] == 200
        assert (await asyncio.to_thread(fetch, f"{url}/api/token?persona=voice_brief"))[0] == 503
        async with connect(door + spare) as late:
            async for _ in late:
                pass
        assert late.close_code == 1001
        await socket.send('{"type":"response.create"}')
        while json.loads(await socket.recv())["type"] != "response.done":
            pass
        if second is not None:
            process.send_signal(second)
            assert [raw async for raw in socket] == []
            assert socket.close_code == 1001
    _, said = await process.communicate()
    assert process.returncode == 0, said
    assert ("how=shutdown" if second else "how=client") in said.decode()


async def test_a_drain_that_has_lasted_long_enough(target, tmp_path):
    process = await start(
        "--target-url", f"http://127.0.0.1:{target.port}/v1", "--runs", str(tmp_path), "--drain-s", "0.2"
    )  # fmt: skip
    url = await ready(process)
    token = json.loads((await asyncio.to_thread(fetch, f"{url}/api/token?persona=voice_brief"))[1])["token"]
    async with connect(f"{url.replace('http', 'ws')}/api/realtime/ws?token={token}") as socket:
        await socket.recv()
        process.send_signal(signal.SIGTERM)
        async for _ in socket:
            pass
        assert socket.close_code == 1001
    await process.communicate()
    assert process.returncode == 0


async def test_a_target_that_is_not_there_is_found_at_the_start(free_port, tmp_path):
    arguments = ("--target-url", f"http://127.0.0.1:{free_port}/v1", "--runs", str(tmp_path))
    process = await start(*arguments)
    out, said = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert f"nothing answers at 127.0.0.1:{free_port}: start the engine" in said.decode()
    process = await start(*arguments, "--no-check")
    await ready(process)
    process.terminate()
    await process.communicate()
    assert process.returncode == 0


async def test_a_relay_traces_and_caches_its_prompts_when_it_is_told_to_and_forgets_both(tmp_path, capfd):
    traces, cache = tmp_path / "traces", tmp_path / "kept" / "answers.sqlite3"
    async with engine() as port:
        relay = await start(
            "--target-url", f"http://127.0.0.1:{port}/v1", "--runs", str(tmp_path / "runs"),
            "--traces", str(traces), CONTOSO_LAB_PROMPT_CACHE=str(cache),
        )  # fmt: skip
        url = await ready(relay)
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            token = (await client.get("/api/token?customer=maya")).json()["token"]
            headers = {"Authorization": f"Bearer {token}"}
            asked = [
                {"name": "user", "text": "Please show me the Meadow Four on my screen."},
                {"name": "assistant", "text": "It is coming to your screen."},
            ]
            for _ in range(2):  # a second relay's client asks the same: the gate's answer is kept
                other = (await client.get("/api/token?customer=maya")).json()["token"]
                for shown in (headers, {"Authorization": f"Bearer {other}"}):
                    answer = await client.post("/api/request", headers=shown, json={"messages": asked})
                    assert answer.status_code == 200
            runs = [json.loads(path.read_text(encoding="utf-8")) for path in traces.glob("*/*.jsonl")]
            assert {run["prompt"] for run in runs} == {"writeup_gate"}
            assert {run["customer"] for run in runs} == {"maya"}
            assert sorted(run["cached"] for run in runs) == [False, True, True]
            assert all(path.stat().st_mode & 0o077 == 0 for path in traces.glob("*/*.jsonl"))
            ws = url.replace("http", "ws", 1)
            async with connect(f"{ws}/api/chat?token={token}") as chat:
                await chat.send(json.dumps({"threadId": ""}))
                await chat.recv()
                for text in ("Please forget me.", "Yes, please."):
                    await chat.send(json.dumps({"name": "Maya", "text": text}))
                    frame: dict[str, Any] = {"type": ""}
                    while frame["type"] not in ("action", "error"):
                        frame = json.loads(await chat.recv())
                    assert frame["type"] == "action", frame
            assert list(traces.glob("*/*.jsonl")) == []
            with sqlite3.connect(cache) as raw:
                assert raw.execute("SELECT count(*) FROM answers").fetchone() == (0,)
            raw.close()
        relay.send_signal(signal.SIGTERM)
        await relay.wait()


async def test_a_relay_that_was_not_told_to_traces_and_caches_nothing(tmp_path):
    async with engine() as port:
        relay = await start("--target-url", f"http://127.0.0.1:{port}/v1", "--runs", str(tmp_path / "runs"))
        async with httpx.AsyncClient(base_url=await ready(relay), timeout=60) as client:
            token = (await client.get("/api/token?customer=maya")).json()["token"]
            asked = [{"name": "user", "text": "Show me the tent."}, {"name": "assistant", "text": "It is coming."}]
            headers = {"Authorization": f"Bearer {token}"}
            assert (await client.post("/api/request", headers=headers, json={"messages": asked})).status_code == 200
        relay.send_signal(signal.SIGTERM)
        await relay.wait()
    assert {path.name.split(".")[0] for path in (tmp_path / "runs").iterdir()} == {"memory"}
