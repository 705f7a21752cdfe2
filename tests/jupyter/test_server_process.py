"""A Jupyter server as a process: what it started ends with it, however it ends."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.live.registry import lives

TOKEN = "jupyters-own-token"


class Models(http.server.BaseHTTPRequestHandler):
    """A target that a relay may ask whether it is there; nobody calls it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "13")
        self.end_headers()
        self.wfile.write(b'{"data": [] }')

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def target() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Models) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


class Server:
    def __init__(self, home: Path, target: str) -> None:
        self.home = home
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "CONTOSO_LAB_TARGET": "url",
            "CONTOSO_LAB_URL": target,
            "CONTOSO_LAB_RUNS": str(home / "runs"),
        }
        self.log = (home / "log").open("wb")
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0",
                f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={home}",
                "--ServerApp.jpserver_extensions={'jupyterlab': False, 'voila.server_extension': False}",
            ],
            env=environment, stdout=subprocess.DEVNULL, stderr=self.log,
        )  # fmt: skip

    def wait(self, holds: Any, *, within_s: float = 90.0) -> Any:
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            try:
                if found := holds():
                    return found
            except (OSError, ValueError, IndexError):
                pass  # not yet
            assert self.process.poll() is None, (self.home / "log").read_text()[-2000:]
            time.sleep(0.1)
        pytest.fail((self.home / "log").read_text()[-2000:])

    def entry(self) -> dict[str, Any]:
        return json.loads(next((self.home / "runtime").glob("contoso-lab-*.json"), Path("none")).read_bytes())

    def ask(self, path: str, method: str = "GET") -> dict[str, Any]:
        said = json.loads((self.home / "runtime" / f"jpserver-{self.process.pid}.json").read_bytes())
        request = urllib.request.Request(
            f"http://127.0.0.1:{said['port']}/contoso-lab/{path}",
            headers={"Authorization": f"token {TOKEN}"}, method=method, data=b"" if method == "POST" else None,
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


@pytest.fixture
def server(tmp_path: Path, target: str) -> Iterator[Server]:
    made = Server(tmp_path, target)
    yield made
    made.process.kill()
    made.process.wait()
    made.log.close()


@pytest.mark.parametrize(
    "how", [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGKILL], ids=["politely", "by force"]
)
def test_with_the_server_ends_its_relay(server: Server, how: signal.Signals) -> None:
    server.wait(lambda: server.ask("start", "POST"))
    entry = server.wait(lambda: (found := server.entry())["state"] == "ready" and found)
    pid = entry["relay"]["pid"]
    assert entry["engine"] is None, "a target that was named needs none"
    assert json.loads(urllib.request.urlopen(f"{entry['relay']['url']}/healthz").read())["status"] == "ok"
    assert server.ask("status")["target"] == "url"
    assert "token" in server.ask("api/token?console=c1")

    # Whoever is on this machine, too, and has no business with Jupyter, gets in by no port.
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{entry['relay']['url']}/api/token")
    assert refused.value.code == 401
    refused.value.close()

    # A relay that dies is noticed, and comes again when it is asked for.
    if how is signal.SIGTERM:
        os.kill(pid, signal.SIGKILL)
        server.wait(lambda: server.ask("status")["state"] == "failed")
        assert "token" in server.ask("api/token?console=c1")
        pid = server.wait(lambda: server.entry()["relay"]["pid"])

    server.process.send_signal(how)
    server.process.wait(30)
    until = time.monotonic() + 30
    while lives(pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert not lives(pid), "an orphan"
    left = list((server.home / "runtime").glob("contoso-lab-*.json"))
    assert bool(left) is (how is signal.SIGKILL), "who is killed cannot tidy up; the next reader does"


async def test_a_second_start_while_the_first_goes_on_waits_for_the_same(tmp_path: Path, monkeypatch: Any) -> None:
    import logging

    from contoso_lab import live
    from contoso_lab.errors import EngineError
    from contoso_lab.jupyter.keeper import Keeper

    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    begun, may_end, starts = asyncio.Event(), asyncio.Event(), 0

    async def start(*, progress: Any, **_: Any) -> Any:
        nonlocal starts
        starts += 1
        progress("loading the ear")
        begun.set()
        await may_end.wait()
        raise EngineError("the engine could not start: no models")

    monkeypatch.setattr(live.workbench, "start", start)
    monkeypatch.setattr("contoso_lab.live.start", start, raising=False)
    keeper = Keeper(server_url="http://x/", runs=tmp_path, tools=False, log=logging.getLogger("test"))
    keeper.open()
    waiting = [asyncio.create_task(keeper.ready()) for _ in range(3)]
    await begun.wait()
    assert (keeper.state, keeper.message) == ("starting", "loading the ear")
    waiting[0].cancel()  # a page that goes away takes nobody's start along
    may_end.set()
    _, second, third = await asyncio.gather(*waiting, return_exceptions=True)
    assert waiting[0].cancelled()
    assert (second, third) == (None, None)
    assert starts == 1
    assert (keeper.state, keeper.message) == ("failed", "the engine could not start: no models")
    await keeper.close()
    assert not list((tmp_path / "runtime").glob("*.json"))
