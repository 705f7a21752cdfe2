"""A real JupyterLab and a real Chromium, for tests and for measuring; the engine is the real one, too.

The microphone is a file of ours. What leaves for the loudspeaker is recorded in the page: whatever a page connects to
its destination goes to a recorder as well.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from contoso_lab.audio import Clip, read_audio, silence, write_audio
from contoso_lab.settings import HOME

BIN = Path(sys.executable).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TOKEN = "a-token-that-is-looked-for"
NEWS_OFF = '{"fetchNews": "false", "checkForUpdates": false}'
LONG_MS = 180_000
"""How long anything may take on a machine that does something else as well."""

PLAIN = (
    """localStorage.getItem("contoso-lab.console") ?? localStorage.setItem("contoso-lab.console", '{"echo": false}');"""
)
"""What a browser does against echo changes the sound, and then it cannot be compared."""

HEARING = """
(() => {
  const plain = AudioNode.prototype.connect;
  window.heard = { rate: 0, blocks: [], frames: [] };
  const worklet = `registerProcessor("test-tap", class extends AudioWorkletProcessor {
    process(inputs) { const x = inputs[0][0]; if (x) this.port.postMessage([currentFrame, x.slice()]);
    return true; } });`;
  const url = URL.createObjectURL(new Blob([worklet], { type: "text/javascript" }));
  AudioNode.prototype.connect = function (to, ...rest) {
    if (to === this.context.destination && to instanceof AudioDestinationNode && this.context instanceof AudioContext) {
      const context = this.context;
      context.testTap ??= context.audioWorklet.addModule(url).then(() => {
        const tap = new AudioWorkletNode(context, "test-tap",
          { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
        window.heard.rate = context.sampleRate;
        tap.port.onmessage = ({ data: [frame, block] }) => {
          window.heard.frames.push(frame);
          window.heard.blocks.push(block);
        };
        return tap;
      });
      context.testTap.then((tap) => plain.call(this, tap), (error) => {
        if (context.state !== "closed") throw error; // who gave up meanwhile is not listened to
      });
    }
    return plain.call(this, to, ...rest);
  };
  // The microphone's worklet reports with its level how many samples it has taken.
  const Node = AudioWorkletNode;
  window.AudioWorkletNode = class extends Node {
    constructor(context, name, options) {
      super(context, name, options);
      if (name !== "contoso-capture") return;
      window.microphone = { port: this.port, sent: 0, reports: 0 };
      this.port.addEventListener("message", ({ data }) => {
        window.microphone.sent = data.sent;
        window.microphone.reports += 1;
      });
    }
  };
  // The line's worker tells where a reply was cut, in frames of the loudspeaker.
  const Plain = Worker;
  window.cuts = [];
  window.Worker = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (data?.kind === "flushed" && data.item) window.cuts.push(data);
      });
    }
  };
})();
"""
"""What goes to the loudspeaker, what the microphone's worklet has taken, and where replies were cut."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@dataclass
class Lab:
    """A JupyterLab that runs."""

    url: str
    root: Path
    runs: Path
    process: subprocess.Popen[bytes]
    log: Path
    runtime: Path
    trust: ssl.SSLContext | None = None
    """Whose certificate counts, where it is served over https."""

    @property
    def origin(self) -> str:
        """As a browser writes it."""
        return "/".join(self.url.split("/")[:3])

    def ask(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            headers={"Authorization": f"token {TOKEN}"},
            data=b"" if method == "POST" else None,
        )
        with urllib.request.urlopen(request, timeout=30, context=self.trust) as answer:
            return json.load(answer)

    def entry(self) -> dict[str, Any]:
        """What the extension tells kernels."""
        (place,) = self.runtime.glob("contoso-lab-*.json")
        return json.loads(place.read_text())

    def notebook(self, name: str, *cells: str) -> str:
        made = [
            {"cell_type": "code", "id": f"c{n}", "execution_count": None, "metadata": {}, "outputs": [], "source": cell}
            for n, cell in enumerate(cells)
        ]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        whole = {"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (self.root / name).write_text(json.dumps(whole))
        return name


@contextmanager
def running_lab(home: Path, *, base: str = "/user/alice/", tls: tuple[Path, Path] | None = None) -> Iterator[Lab]:
    """A JupyterLab of its own below a folder, until the block ends; its relay begins to start at once.

    Args:
        base: its base URL, as a hub gives it one.
        tls: a certificate for 127.0.0.1, signed by itself, and the key to it: then it is served over https.
    """
    root, settings = home / "root", home / "settings"
    root.mkdir(parents=True)
    shutil.copy(HOME / "notebooks" / "demo.ipynb", root / "demo.ipynb")
    news = settings / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text(NEWS_OFF)
    port = free_port()
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "CONTOSO_LAB_RUNS": str(home / "runs"),
    }
    with (home / "lab.log").open("wb") as log:
        process = subprocess.Popen(
            [
                BIN / "jupyter-lab", "--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0",
                f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}",
                f"--LabApp.user_settings_dir={settings}", "--LabApp.expose_app_in_browser=True",
                f"--ContosoLab.demo={root / 'demo.ipynb'}", f"--ServerApp.base_url={base}",
                *([] if tls is None else [f"--ServerApp.certfile={tls[0]}", f"--ServerApp.keyfile={tls[1]}"]),
            ],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
        made = Lab(
            f"http{'' if tls is None else 's'}://127.0.0.1:{port}{base}", root, home / "runs", process,
            home / "lab.log", home / "runtime", None if tls is None else ssl.create_default_context(cafile=tls[0]),
        )  # fmt: skip
        try:
            until = time.monotonic() + 300
            while True:
                try:
                    made.ask("contoso-lab/start", "POST")
                    break
                except OSError:
                    assert process.poll() is None, made.log.read_text()[-2000:]
                    assert time.monotonic() < until, made.log.read_text()[-2000:]
                    time.sleep(0.2)
            yield made
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def write_microphone(place: Path, pauses_ms: Sequence[float] = (7_000, 11_000)) -> None:
    """What the microphone hears, again and again: a line between pauses; in short ones it cuts into the answers."""
    line = read_audio(HOME / "data" / "speech" / "short_call.wav")[5_000:7_100]
    first, *rest = (silence(each, line.rate_hz) for each in pauses_ms)
    write_audio(place, sum((line + pause for pause in rest), first).resampled(48_000))


IMPATIENT_MS = (6_000, 4_000, 6_000, 3_500, 5_000, 9_000)
"""Whenever an answer begins, one of these lines falls into it."""


@contextmanager
def running_chromium(microphone: Path) -> Iterator[Any]:
    """A headless Chromium that hears a file."""
    from playwright.sync_api import sync_playwright

    switches = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={microphone}",
    ]  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=switches)
        yield browser
        browser.close()


@contextmanager
def new_tab(lab: Lab, chromium: Any) -> Iterator[Tab]:
    """A page of that browser, signed in nowhere, allowed the microphone, kept from every other machine."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000}, ignore_https_errors=True)
    context.grant_permissions(["microphone"], origin=lab.origin)
    context.add_init_script(HEARING)
    context.add_init_script(f"try {{ {PLAIN} }} catch {{}}")
    page = context.new_page()
    made = Tab(lab, page)
    page.on("pageerror", lambda error: made.errors.append(str(error)))

    def gate(route: Any) -> None:
        address = route.request.url
        if address.startswith((lab.origin, "blob:", "data:")):
            route.continue_()
        else:
            made.strangers.append(address)
            route.abort()

    context.route("**/*", gate)
    yield made
    context.close()


@dataclass
class Tab:
    """A page of JupyterLab or Voila, as somebody sees it who looks and clicks."""

    lab: Lab
    page: Any
    clicks: int = 0
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    """Addresses elsewhere that the page wanted something from; it did not get it."""

    def open_notebook(self, name: str) -> None:
        self.page.goto(f"{self.lab.url}lab/tree/{name}?token={TOKEN}&reset", wait_until="domcontentloaded")
        self.wait_for_notebook()

    def wait_for_notebook(self) -> None:
        self.page.wait_for_function("() => window.jupyterapp !== undefined", timeout=LONG_MS)
        self.page.evaluate("() => window.jupyterapp.restored")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=LONG_MS)
        idle = "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        self.page.wait_for_function(idle, timeout=LONG_MS)

    def command(self, name: str, **given: Any) -> None:
        self.page.evaluate("([name, given]) => void window.jupyterapp.commands.execute(name, given)", [name, given])

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")

    def deny_microphone(self) -> None:
        """As somebody who says no when the browser asks."""
        session = self.page.context.new_cdp_session(self.page)
        context = session.send("Target.getTargetInfo")["targetInfo"]["browserContextId"]
        no = {"permission": {"name": "microphone"}, "setting": "denied", "browserContextId": context}
        session.send("Browser.setPermission", {**no, "origin": self.lab.origin})

    def save(self) -> None:
        """Save the notebook, and wait until it is."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
        self.until("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")

    def click(self, selector: str, **where: Any) -> None:
        self.clicks += 1
        self.page.locator(selector, **where).first.click(timeout=LONG_MS)

    def phase(self, *wanted: str, timeout_ms: float = LONG_MS) -> str:
        """Wait for the console's lamp."""
        there = "wanted => wanted.includes(document.querySelector('.clc')?.dataset.phase)"
        self.page.wait_for_function(there, arg=list(wanted), timeout=timeout_ms)
        return str(self.page.evaluate("() => document.querySelector('.clc').dataset.phase"))

    def until(self, script: str, *, timeout_ms: float = LONG_MS) -> None:
        self.page.wait_for_function(script, timeout=timeout_ms)

    def heard(self) -> Clip:
        """What has gone to the loudspeaker so far."""
        rate_hz, samples = self.page.evaluate(
            "() => [window.heard.rate, window.heard.blocks.map((block) => Array.from(block)).flat()]"
        )
        return Clip(np.asarray(samples, dtype=np.float32), int(rate_hz) or 24_000)

    def cuts(self) -> list[float]:
        """For each reply that was cut off, how long the loudspeaker gave sound after it, in ms, counted in samples."""
        return [
            float(each)
            for each in self.page.evaluate("""() => cuts.map(({ frame }) => {
              const { rate, blocks, frames } = heard;
              let last = frame;
              blocks.forEach((block, place) => block.forEach((sample, at) => {
                const here = frames[place] + at;
                if (sample !== 0 && here >= frame && here < frame + rate / 4) last = here + 1;
              }));
              return (1000 * (last - frame)) / rate;
            })""")
        ]

    def close_microphone(self) -> int:
        """Let out what the worklet holds, and nothing after it; how many samples it has taken in this call."""
        self.page.evaluate(
            "() => { window.microphone.port.postMessage({ mode: 'closed' }); window.microphone.reports = 0; }"
        )
        self.until("() => window.microphone.reports >= 10")
        return int(self.page.evaluate("() => window.microphone.sent"))


def alike(heard: Clip, sent: Clip, *, segment_ms: float = 500) -> float:
    """How much the one is in the other: the median over its segments of the best correlation anywhere.

    The fake microphone of a browser stumbles where processor time is short, so no single segment says anything.
    """
    from scipy.signal import correlate

    reference = sent.resampled(heard.rate_hz).samples.astype(np.float64)
    energy = np.concatenate([[0.0], np.cumsum(reference**2)])
    size, found = int(segment_ms * heard.rate_hz / 1000), []
    for start in range(0, len(heard) - size + 1, size):
        piece = heard.samples[start : start + size].astype(np.float64)
        piece = piece - piece.mean()
        own = float((piece**2).sum())
        if own / size < 1e-5:
            continue  # quiet: nothing to compare
        there = np.maximum(energy[size:] - energy[:-size], 1e-9)
        found.append(float((correlate(reference, piece, mode="valid", method="fft") / np.sqrt(there * own)).max()))
    assert found, "nothing but silence was heard"
    return float(np.median(found))
