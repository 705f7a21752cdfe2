"""Does a paced replay keep time? One call of a minute, played again in real time through a relay to an engine.

    python bench/pacing.py              # a minute and a half; writes bench/results/pacing.md

What is told is when each piece of the customer's sound passed the relay, against when it would have by the recording:
the drift over the call (the goal is 0.1 % at most), and how late single pieces were. A deadline that is missed does not
move the next one. All of it runs in one process, the parts of the engine without a model.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the call and the parts are those of the tests

from contoso_lab.audio import silence, tone
from contoso_lab.live.own_relay import own_relay
from contoso_lab.recording import Recording
from contoso_lab.replay import Paced
from contoso_lab.replay.play import replay
from contoso_lab.session.client import CHUNK_MS
from tests.replay.conftest import LINES, record_call
from tests.replay.test_through_relay import served_engine

RESULTS = Path(__file__).parent / "results" / "pacing.md"
GOAL = 0.001


async def measured(folder: Path) -> Recording:
    """Record a call of a minute in virtual time, and play it again in real time."""
    clip = silence(3200)
    while clip.duration_ms < 56_000:
        for length_ms in [*LINES][:3]:
            clip = clip + tone(length_ms, hz=110.0) + silence(3200)
    call = await record_call(folder / "first", clip=clip)
    async with served_engine() as target:
        return await replay(call, Paced(), target=target, through=own_relay, runs=folder / "again")


def main() -> None:
    """Measure, print and write."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        again = asyncio.run(measured(Path(place)))
        at_ms = np.array([e.t_ms for e in again.events if e.type == "input_audio_buffer.append"])
    due_ms = CHUNK_MS * np.arange(len(at_ms))
    late_ms = at_ms - due_ms
    late_ms -= late_ms.min()  # the piece that was quickest through tells when the clock began
    slope, _ = np.polyfit(due_ms, at_ms, 1)
    p50, p99, worst = np.quantile(late_ms, [0.5, 0.99, 1.0])
    text = "\n".join(
        [
            "# Pacing",
            "",
            f"`python bench/pacing.py` on {os.cpu_count()} cores; the machine's load before it began: {load:.1f}.",
            "",
            "| what | goal | measured |",
            "|---|---|--:|",
            f"| pieces of {CHUNK_MS} ms that were sent, over {due_ms[-1] / 1000:.1f} s | | {len(at_ms)} |",
            f"| drift: the slope of when they passed over when they were due | {GOAL:.1%} at most | {slope - 1:+.4%} |",
            f"| a piece is late by, median | | {p50:.1f} ms |",
            f"| 99 of 100 | | {p99:.1f} ms |",
            f"| the latest | | {worst:.1f} ms |",
            "",
        ]
    )
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
