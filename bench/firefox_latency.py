"""Does a page in Firefox still stand still when it asks for `AudioContext.outputLatency`? One command, six minutes.

    python bench/firefox_latency.py            # five pages that ask, and five that do not
    python bench/firefox_latency.py --pages 20

The page has none of our code: one AudioContext after another, each with a microphone and AudioWorklets that work a
little, and its latency is read once. The same page that does not read it is the control, and has to answer. As long as
the first one hangs, the console does not ask Firefox on Linux (`widgets/static/console/reports.js`).

Needs firefox-esr and pulseaudio.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.browser.bidi import running_firefox, running_loudspeaker
from tests.browser.rig import free_port

PAGE = """<!doctype html><title>latency</title><script>
// Its graph has something to do: it works for a good part of each block of five milliseconds.
const WORKLET = `registerProcessor("busy", class extends AudioWorkletProcessor {
  process() {
    for (let at = 0, sum = 0; at < 400000; at += 1) sum += Math.sqrt(at);
    return true;
  }
})`;
const source = URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }));
async function begin(reads) {
  for (window.count = 0; ; window.count += 1) {
    const context = new AudioContext({ latencyHint: "interactive", sampleRate: 24000 });
    await context.audioWorklet.addModule(source);
    await context.resume();
    const heard = new AudioWorkletNode(context, "busy", { numberOfInputs: 1, numberOfOutputs: 0 });
    const played = new AudioWorkletNode(context, "busy", { numberOfInputs: 0, outputChannelCount: [1] });
    played.connect(context.destination);
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    context.createMediaStreamSource(stream).connect(heard);
    await new Promise((resolve) => setTimeout(resolve, 5 * Math.random()));
    if (reads) window.latency = context.outputLatency; // Firefox asks its sound once for each context
    for (const track of stream.getTracks()) track.stop();
    await context.close();
  }
}
</script>"""
WATCHED_S = 20.0
ANSWER_S = 10.0


async def answers(firefox: str, *, reads: bool) -> str:
    """What became of one page: how many contexts it opened, or that it hung."""
    with tempfile.TemporaryDirectory(prefix="latency-") as place:
        work = Path(place)
        for name in ("profile", "sound"):
            (work / name).mkdir()
        (work / "page.html").write_text(PAGE, encoding="utf-8")
        loudspeaker = shutil.which("pulseaudio") or ""
        async with (
            running_loudspeaker(loudspeaker, work / "sound") as sound,
            running_firefox(firefox, work / "profile", free_port(), sound) as tab,
        ):
            await tab.go((work / "page.html").as_uri())
            await tab.ask(f"void begin({str(reads).lower()})")
            await asyncio.sleep(WATCHED_S)
            try:
                async with asyncio.timeout(ANSWER_S):
                    count, latency = await tab.ask("window.count"), await tab.ask("window.latency")
            except TimeoutError:
                return f"{tab.version}: hangs"
            told = "" if latency is None else f", latency {1000 * latency:.0f} ms"
            return f"{tab.version}: answers after {count} contexts{told}"


async def main() -> None:
    """Open page after page, and say what became of each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=int, default=5)
    asked = parser.parse_args()
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    if firefox is None or shutil.which("pulseaudio") is None:
        raise SystemExit("This needs Firefox and PulseAudio: apt-get install firefox-esr pulseaudio")
    for number in range(asked.pages):
        for reads in (True, False):
            what = "reads the latency" if reads else "does not read it"
            print(f"page {number + 1}, {what}: {await answers(firefox, reads=reads)}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
