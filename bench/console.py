"""How late the microphone's sound reaches the relay, from a console in JupyterLab, and whether any of it is lost.

    python bench/console.py [--quick] [--output bench/results/console.md]

Beside the table it writes the same as JSON.

A real JupyterLab with our extension, a Chromium with a file as its microphone, the real engine. Each frame of sound is
stamped twice, by the clock of this machine: in the audio thread of the browser, when its last sample is there, and by
the relay when it arrives. Between lies all that is ours: worklet, worker, WebSocket, extension. Late is not lost: the
samples that the worklet has taken are counted in the page, and those that the relay has received in its recording.

| situation | what happens meanwhile |
|---|---|
| idle | nothing |
| kernel computes | a cell of the notebook runs pure Python the whole time |
| page blocked | every five seconds the page's own script runs for 800 ms |

The hop itself is measured apart: frames go round by an echo, once directly and once through the extension.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from figures import Figure, write_figures

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the rig is that of the browser tests

from websockets.asyncio.client import connect  # noqa: E402 - behind the path above
from websockets.asyncio.server import ServerConnection, serve  # noqa: E402

from contoso_lab.recording import Recording  # noqa: E402
from tests.browser.rig import Tab, new_tab, running_chromium, running_lab, write_microphone  # noqa: E402

GOAL_MS = 15.0
FRAME = '{"type":"input_audio_buffer.append","audio":"' + "A" * 1280 + '"}'  # 20 ms at 24 kHz, as the console sends it
STAMPING = """
const add = AudioWorklet.prototype.addModule;
AudioWorklet.prototype.addModule = async function (url, ...rest) {
  const source = await (await fetch(url)).text();
  if (!source.includes("contoso-capture")) return add.call(this, url, ...rest);
  const sent = "this.#line?.postMessage({ pcm, sent: this.#sent, atS: currentTime }, [pcm]);";
  const told = "if (data.line) this.#line = data.line;";
  if (!source.includes(sent) || !source.includes(told)) throw new Error("the capture worklet has changed");
  const stamped = source
    .replaceAll(sent, `this.stamps?.postMessage([this.#sent, Date.now()]); ${sent}`)
    .replace(told, `if (data.stamps) this.stamps = data.stamps; ${told}`);
  return add.call(this, URL.createObjectURL(new Blob([stamped], { type: "text/javascript" })), ...rest);
};
const Stamped = AudioWorkletNode;
window.stamps = [];
window.AudioWorkletNode = class extends Stamped {
  constructor(context, name, options) {
    super(context, name, options);
    if (name !== "contoso-capture") return;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => window.stamps.push(data);
    this.port.postMessage({ stamps: port2 }, [port2]);
  }
};
"""
"""Has the worklet tell, for each frame that it lets go, the samples so far and the time of day in ms."""
SOUNDS = "() => heard.blocks.some((block) => block.some((sample) => Math.abs(sample) > 0.01))"
BLOCKED = "setInterval(() => { const until = performance.now() + 800; while (performance.now() < until); }, 5000)"


@dataclass(frozen=True)
class Late:
    """How late the frames of one call came, and how many samples did not."""

    situation: str
    frames: int
    median_ms: float
    p95_ms: float
    worst_ms: float
    taken: int
    """Samples that the microphone's worklet took."""
    received: int
    """Samples that the relay has."""

    @property
    def lost(self) -> int:
        """Samples that were taken and not received."""
        return self.taken - self.received

    @classmethod
    def of(cls, situation: str, taken: int, stamps: dict[int, float], recording: Recording) -> Late:
        """Read it out of a recording and the worklet's stamps: the time of day in ms, by samples so far."""
        # The relay's clock is the monotonic one of this machine; the recording's own tie to the day is some ms early.
        origin_ms = recording.manifest.clock.monotonic_origin_ns / 1e6 + 1000 * (time.time() - time.monotonic())
        added = sorted(
            origin_ms + event.t_ms - stamps[sound["off"] + sound["len"]]
            for event in recording.events
            if event.type == "input_audio_buffer.append" and isinstance(sound := event.ev.get("audio"), dict)
        )
        received = recording.manifest.counts["samples_in"]
        return cls(situation, len(added), statistics.median(added), at(added, 0.95), added[-1], taken, received)

    def row(self) -> str:
        """A line of the table."""
        return (
            f"| {self.situation} | {self.frames} | {self.median_ms:.1f} | {self.p95_ms:.1f} | {self.worst_ms:.1f} "
            f"| {self.taken} | {self.received} | {self.lost} |"
        )


def at(ordered: list[float], share: float) -> float:
    """A quantile of numbers in order."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def call(tab: Tab, situation: str, seconds: float) -> tuple[Late, float]:
    """Hold one call in one situation; also when the assistant was first heard, by the clock that counts."""
    tab.page.add_init_script(STAMPING)
    cells = ["import contoso_lab as lab\nconsole = lab.talk()\nconsole"]
    tab.open_notebook(tab.lab.notebook("bench.ipynb", *cells))
    tab.run_all()
    tab.click(".clc >> text=Connect and talk")
    tab.until(SOUNDS)
    heard_s = time.monotonic()
    if situation == "kernel computes":
        computes = f"import time\nuntil = time.time() + {seconds}\nwhile time.time() < until: pass"
        kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        tab.page.evaluate(f"(code) => void {kernel}.requestExecute({{ code }})", computes)
    elif situation == "page blocked":
        tab.page.evaluate(f"() => {{ {BLOCKED}; }}")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        tab.page.wait_for_timeout(500)
    taken = tab.close_microphone()
    tab.click(".clc >> text=Hang up")
    tab.phase("ended", "idle")
    newest = max(path for path in tab.lab.runs.iterdir() if (path / "manifest.json").exists())
    stamps = {int(samples): float(ms) for samples, ms in tab.page.evaluate("() => stamps")}
    return Late.of(situation, taken, stamps, Recording.open(newest)), heard_s


async def round_trips(url: str, frames: int, **options: object) -> list[float]:
    """How long each frame is on its way there and back, in ms, at the pace of speech."""
    found: list[float] = []
    async with connect(url, compression=None, proxy=None, **options) as line:  # type: ignore[arg-type]
        due = time.perf_counter()
        for _ in range(frames):
            began = time.perf_counter()
            await line.send(FRAME)
            await line.recv()
            found.append(1000 * (time.perf_counter() - began))
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
    return sorted(found)


async def hop(frames: int, home: Path) -> tuple[list[float], list[float]]:
    """Round trips without and with the extension between, in a Jupyter server of this process's own."""
    import pytest

    from tests.jupyter.conftest import TOKEN, FakeRelay, jupyter_server

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with serve(echo, "127.0.0.1", 0, compression=None) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        direct = await round_trips(f"ws://127.0.0.1:{port}", frames)
        with pytest.MonkeyPatch.context() as patch:
            async with jupyter_server(FakeRelay(f"http://127.0.0.1:{port}"), home, patch) as server:
                signed_in = {"Authorization": f"token {TOKEN}"}
                door = f"{server.socket_url}api/realtime/ws"
                through = await round_trips(door, frames, additional_headers=signed_in)
    return direct, through


def main() -> None:
    """Measure and write the table."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--quick", action="store_true", help="short calls: to see that it works, not for numbers")
    asked.add_argument("--output", type=Path, default=ROOT / "bench" / "results" / "console.md")
    given = asked.parse_args()
    seconds, frames = (12.0, 50) if given.quick else (60.0, 1000)
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        direct, through = asyncio.run(hop(frames, home))
        microphone = home / "line.wav"
        write_microphone(microphone)
        rows: list[Late] = []
        first_sound_s = 0.0
        began_s = time.monotonic()
        with running_lab(home / "lab") as lab, running_chromium(microphone) as chromium:
            for situation in ("idle", "kernel computes", "page blocked"):
                with new_tab(lab, chromium) as tab:
                    row, heard_s = call(tab, situation, seconds)
                    first_sound_s = first_sound_s or heard_s - began_s
                    rows.append(row)
                    print(row.row(), file=sys.stderr)
    text = report(rows, direct, through, first_sound_s, quick=given.quick)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(text, encoding="utf-8")
    numbers = {
        "calls": [asdict(row) for row in rows],
        "echo_ms": {"directly": quantiles(direct), "through": quantiles(through)},
        "first_sound_s": round(first_sound_s, 1),
    }
    given.output.with_suffix(".json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    print(text)
    write_figures("console", figures(rows, direct, through, first_sound_s))
    if any(row.lost for row in rows) or (not given.quick and any(row.p95_ms > GOAL_MS for row in rows)):
        sys.exit("the goal was missed: see the table")


def quantiles(ordered: list[float]) -> dict[str, float]:
    """The median and the 95th percentile."""
    return {"median": round(at(ordered, 0.5), 3), "p95": round(at(ordered, 0.95), 3)}


def figures(rows: list[Late], direct: list[float], through: list[float], first_sound_s: float) -> list[Figure]:
    """What goes into the one table of all benches."""
    found = [Figure("start of JupyterLab to the first sound", first_sound_s, "s")]
    for row in rows:
        found += [
            Figure(f"{row.situation}: added, median", row.median_ms, "ms"),
            Figure(f"{row.situation}: added, p95", row.p95_ms, "ms", GOAL_MS),
            Figure(f"{row.situation}: samples lost", float(row.lost), "", 0.0),
        ]
    return [*found, Figure("the extension's own share, median", at(through, 0.5) - at(direct, 0.5), "ms")]


def report(rows: list[Late], direct: list[float], through: list[float], first_sound_s: float, *, quick: bool) -> str:
    """The page."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    added = [at(through, share) - at(direct, share) for share in (0.5, 0.95)]
    lines = [
        "# From the microphone to the relay",
        "",
        f"`python bench/console.py{' --quick' if quick else ''}` on {os.cpu_count()} cores, Python "
        f"{platform.python_version()}; load at the end {load:.1f}. Goal: p95 of at most {GOAL_MS:.0f} ms added, and "
        "nothing lost.",
        "",
        "| situation | frames | added, median ms | p95 ms | worst ms | samples taken | received | lost |",
        "|---|---|---|---|---|---|---|---|",
        *[row.row() for row in rows],
        "",
        "The extension's own share, there and back, by an echo at the pace of speech: "
        f"{at(direct, 0.5):.2f} ms directly and {at(through, 0.5):.2f} ms through it in the median "
        f"({added[0]:+.2f} ms), p95 {at(direct, 0.95):.2f} and {at(through, 0.95):.2f} ms ({added[1]:+.2f} ms).",
        "",
        f"From the start of JupyterLab, with no model loaded, to the first sound of the assistant: "
        f"{first_sound_s:.0f} s, with nobody slow at the one click.",
        "",
        "Added is the time from the moment at which the audio thread of the browser has the last sample of a frame of "
        "20 ms until the relay has the frame, by one clock (which in the browser goes by whole ms). Taken is what the "
        "microphone's worklet has counted in the page, received what the relay's recording holds.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
