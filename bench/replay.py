"""How quick are replays: a cassette of five minutes, and rescoring ten thousand recorded turns on one core and on two?

python bench/replay.py            # writes bench/results/replay.md; a few minutes
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))  # the recorded call is that of the tests

from contoso_lab.audio import silence, tone
from contoso_lab.recording import Recording
from contoso_lab.replay.cassette import play_cassette
from contoso_lab.replay.fleet import Limits, Variant, plan, run_fleet
from tests.replay.conftest import LINES, record_call

RESULTS = Path(__file__).parent / "results" / "replay.md"
TURNS = 10_000


def five_minutes(folder: Path) -> Recording:
    """A call of five minutes with an answer every few seconds."""
    clip = silence(3200)
    while clip.duration_ms < 300_000:
        for length_ms in [*LINES][:3]:
            clip = clip + tone(length_ms, hz=110.0) + silence(3200)
    return asyncio.run(record_call(folder, clip=clip[:300_000]))


def cassette_s(call: Recording, folder: Path) -> list[float]:
    """How long a cassette takes, five times, opened anew each time."""
    took = []
    for _ in range(5):
        source = Recording.open(call.path)
        began = time.perf_counter()
        play_cassette(source, folder)
        took.append(time.perf_counter() - began)
    return took


def rescoring_s(call: Recording, folder: Path, *, workers: int) -> tuple[float, int]:
    """How long the fleet takes to score so many turns, and how many they were."""
    turns = len(call.conversation.turns)
    count = -(-TURNS // turns)
    calls = folder / "calls"
    if not calls.exists():
        for number in range(count):
            shutil.copytree(call.path, calls / f"call_{number:05}")
    laid = plan(folder / f"run_{workers}", sorted(calls.iterdir()), {"as_is": Variant()})
    began = time.perf_counter()
    done = asyncio.run(run_fleet(laid, workers=workers, limits=Limits(at_once=max(1, 4 * workers))))
    took_s = time.perf_counter() - began
    assert not done.failed
    return took_s, count * turns


def main() -> None:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        long = five_minutes(root / "long")
        cassette = cassette_s(long, root / "cassettes")
        short = asyncio.run(record_call(root / "short"))
        one_s, turns = rescoring_s(short, root, workers=1)
        two_s, _ = rescoring_s(short, root, workers=2)
    text = "\n".join(
        [
            "# Replays",
            "",
            "`python bench/replay.py`. The calls are synthetic and held in virtual time by parts without a model.",
            "",
            "| what | goal | measured |",
            "|---|---|--:|",
            f"| a cassette of {long.duration_ms / 60_000:.1f} minutes, {len(long.events)} events, median | under 1 s | "
            f"{median(cassette):.2f} s |",
            f"| every scorer over {turns} recorded turns, one process | under 60 s | {one_s:.1f} s |",
            f"| the same, two processes | 1.8 × as quick | {two_s:.1f} s, {one_s / two_s:.2f} × |",
            "",
        ]
    )
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
