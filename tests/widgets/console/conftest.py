"""The console's modules in Node, and the console in a page of its own with a real relay and engine behind it."""

from __future__ import annotations

import asyncio
import http.server
import itertools
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contoso_lab.audio import Clip, silence, write_audio
from contoso_lab.engine.build import Engine
from contoso_lab.engine.clerk import Clerk
from contoso_lab.engine.plain import HumVoice, LoudnessMeter
from contoso_lab.engine.script import Words
from contoso_lab.engine.scripted import ScriptedEar
from contoso_lab.engine.server import create_app as engine_app
from contoso_lab.engine.serving import serving
from contoso_lab.listening import bind, url_of
from contoso_lab.memory import open_memory
from contoso_lab.relay.app import create_app as relay_app
from contoso_lab.relay.serving import relay_server
from contoso_lab.session import load_caller
from contoso_lab.settings import Target
from contoso_lab.widgets.console_customers import recorded_customers
from contoso_lab.widgets.esm import STATIC, assemble, style

HERE = Path(__file__).parent
HEARS = (
    "Hello, I need a tent for two people.",
    "That sounds good. Please show it on my screen.",
    "Thank you, that is all.",
    *["Thank you."] * 20,
)
FREE = {name: 0 for name in ("text_in", "cached_text_in", "text_out", "audio_in", "cached_audio_in", "audio_out")}

Rules = Callable[..., Any]


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rules]:
    """`rules("fold", events=…)`: what a pure module of the console makes of it."""
    if shutil.which("node") is None:
        pytest.skip("no Node on the PATH: install it to test the console's rules by themselves")
    folder = tmp_path_factory.mktemp("modules")
    for source in (STATIC / "console").glob("*.js"):
        if not source.name.endswith((".worklet.js", ".worker.js")):
            shutil.copy(source, folder / source.name)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")

    command = ["node", str(HERE / "rules.mjs"), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as node:
        assert node.stdin is not None
        assert node.stdout is not None

        def ask(job: str, **asked: Any) -> Any:
            node.stdin.write(json.dumps({"job": job, **asked}) + "\n")
            node.stdin.flush()
            told = json.loads(node.stdout.readline())
            assert "error" not in told, told
            return told["result"]

        yield ask
        node.stdin.close()


class Wire:
    """Stands between the page and the relay, as a network does: it can break, be dead, and lead elsewhere."""

    def __init__(self) -> None:
        self.target = 0
        self.dead = False
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> int:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Every connection breaks; nobody says goodbye."""
        for writer in self._open:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.dead:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self._open |= {writer, there_writer}
        await asyncio.gather(self._pour(reader, there_writer), self._pour(there_reader, writer))
        self._open -= {writer, there_writer}

    async def _pour(self, source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(65_536):
                into.write(piece)
                await into.drain()
        into.close()


@dataclass
class House:
    """An engine without models, relays before it, and a wire to the first of them, in a thread of their own."""

    runs: Path
    wire: Wire = field(default_factory=Wire)
    url: str = ""
    """The relay, through the wire."""
    _engine: str = ""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def relay(self, **options: Any) -> str:
        """One more relay; its address."""
        return str(self.do(self._relay(**options)))

    def soon(self, work: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(work)

    async def _relay(self, **options: Any) -> str:
        target = Target("url", f"{self._engine}/v1", "local", "local")
        # A memory in RAM belongs to one relay.
        memory = options.pop("memory", None) or open_memory("sqlite://")
        app = relay_app(target, **{"runs": self.runs, "memory": memory, **options})
        ready = asyncio.Event()
        server = relay_server(app, on_ready=ready.set)
        bound = bind("127.0.0.1", 0)
        served = asyncio.create_task(server.serve(sockets=[bound]))

        async def stop() -> None:
            server.should_exit = True
            await served

        self._stack.push_async_callback(stop)
        await ready.wait()
        return url_of(bound)

    async def begin(self) -> None:
        engine = Engine(
            ear=ScriptedEar((), source="nobody"), voice=HumVoice(), new_meter=LoudnessMeter, brain=Clerk(),
            new_ear=lambda: ScriptedEar(tuple(Words(hears=words) for words in HEARS), source="the tests"),
        )  # fmt: skip
        self._engine = await self._stack.enter_async_context(serving(engine_app(engine)))
        first = await self._relay()
        self.wire.target = int(first.rpartition(":")[2])
        self.url = f"http://127.0.0.1:{await self.wire.start()}"

    async def end(self) -> None:
        self.wire.cut()
        await self._stack.aclose()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    here = House(tmp_path_factory.mktemp("runs"))
    thread = threading.Thread(target=here._loop.run_forever, daemon=True)
    thread.start()
    here.do(here.begin())
    yield here
    here.do(here.end())
    here.soon(here._loop.stop)
    thread.join()


@pytest.fixture(scope="session")
def pages() -> Iterator[Callable[[dict[str, Any]], str]]:
    """`pages(state)` serves the console with this state of the widget; its address."""
    clips = {one.name: one for one in recorded_customers(None)}
    states: list[dict[str, Any]] = [{}]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = "text/html; charset=utf-8", (HERE / "page.html").read_bytes()
            if self.path == "/console.mjs":
                kind, body = "text/javascript; charset=utf-8", assemble("console/console.js").encode()
            elif self.path == "/console.css":
                kind, body = "text/css; charset=utf-8", style("console/console.css").encode()
            elif self.path == "/state":
                kind, body = "application/json", json.dumps(states[-1]).encode()
            elif self.path.startswith("/clip/"):
                kind, body = "audio/wav", clips[self.path.removeprefix("/clip/")].to_bytes()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests say by themselves what was wrong."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        numbers = itertools.count(1)

        def serve(state: dict[str, Any]) -> str:
            usual = {
                "relay_url": "", "persona": "voice", "customer": "maya", "thread": "", "state": "idle", "error": "",
                "console_id": f"console-{next(numbers)}", "personas": ["voice", "voice_brief"], "stream": None,
                "customers": [{"id": "maya", "name": "Maya Chen"}, {"id": "daniel", "name": "Daniel Brooks"}],
                "prices": {"local": FREE}, "clips": [one.to_dict() for one in clips.values()],
            }  # fmt: skip
            states.append({**usual, **state})
            return f"http://127.0.0.1:{server.server_address[1]}/"

        yield serve
        server.shutdown()


def spoken(line: int = 0) -> Clip:
    """A line of a recorded customer's, 24 kHz."""
    caller, labels = load_caller("short_call")
    turn = labels.turns[line]
    return caller.clip[turn.start_ms : turn.end_ms]


@pytest.fixture(scope="session")
def microphones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What a browser may be given as its microphone, by name. It is played again and again."""
    folder = tmp_path_factory.mktemp("microphones")
    said = spoken()
    noise = Clip(np.random.default_rng(1).uniform(-0.001, 0.001, 24_000 * 60).astype(np.float32), 24_000)
    kinds = {
        "asks": Clip.join([silence(3000), said, silence(7000)]),
        "chatters": Clip.join([said, spoken(1)] * 4, gap_ms=100),
        "quiet": noise,
    }
    places = {}
    for name, clip in kinds.items():
        places[name] = folder / f"{name}.wav"
        # The fake device wants 48 kHz, or it takes away what it resamples.
        write_audio(places[name], clip.resampled(48_000))
    return places


# Of one file only: while it runs, its event loop stands in the way of every asynchronous test of this process.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browsers(playwright: Any, microphones: dict[str, Path]) -> Iterator[Callable[..., Any]]:
    """`browsers("asks")`: a Chromium with this microphone; None has none, and "denied" is not allowed to use it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on the PATH: install it to test the console in a browser")
    running: dict[str | None, Any] = {}

    def get(microphone: str | None) -> Any:
        if microphone not in running:
            given = ["--no-sandbox", "--host-resolver-rules=MAP lab.example 127.0.0.1"]
            if microphone != "denied":
                given.append("--use-fake-ui-for-media-stream")
            else:  # where there is no device at all, nobody is asked
                given.append("--use-fake-device-for-media-stream")
            if microphone in microphones:
                place = microphones[microphone]
                given += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={place}"]
            # One at a time: each takes memory and time of this machine.
            for other in list(running):
                running.pop(other).close()
            running[microphone] = playwright.chromium.launch(executable_path=found, args=given)
        return running[microphone]

    yield get
    for browser in running.values():
        browser.close()


@pytest.fixture
def console(browsers: Any, pages: Any, house: House) -> Iterator[Callable[..., Any]]:
    """`console("asks", kept={…}, state={…})`: the console in a new tab, not connected yet."""
    contexts = []

    def show(
        microphone: str | None,
        *,
        kept: dict[str, Any] | None = None,
        host: str = "127.0.0.1",
        scheme: str = "light",
        **state: Any,
    ) -> Any:
        context = browsers(microphone).new_context(viewport={"width": 1180, "height": 860}, color_scheme=scheme)
        contexts.append(context)
        context.add_init_script(path=HERE / "taps.js")
        # Echo cancelling would take away from what is compared.
        remembered = json.dumps({"echo": False, **(kept or {})})
        context.add_init_script(
            f"if (!localStorage.getItem('contoso-lab.console'))"
            f" localStorage.setItem('contoso-lab.console', {json.dumps(remembered)})"
        )
        tab = context.new_page()
        tab.faults = []
        tab.on("pageerror", lambda error: tab.faults.append(str(error)))
        tab.goto(pages({"relay_url": house.url, **state}).replace("127.0.0.1", host))
        tab.wait_for_function("window.ready")
        return tab

    yield show
    faults = [fault for context in contexts for tab in context.pages for fault in tab.faults]
    for context in contexts:
        context.close()
    assert faults == []
