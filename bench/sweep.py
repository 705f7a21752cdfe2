"""How the waiting grows with the number of calls, and how many the engine therefore takes at once."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from callers import hold_calls, percentile
from process import running_engine
from rounds import Round

MEDIAN_MS, P90_MS = 400, 800
"""How much more than the window a caller may wait while the engine is said to hold so many calls."""


async def sweep(session: dict[str, Any], numbers: list[int], *, machine: dict[str, str], window_ms: int) -> str:
    """Hold so many calls at once, one number after the other, each with a new engine; gives the table as Markdown."""
    lines = [
        "# How many calls at once",
        "",
        f"`python bench/engine.py --sweep {','.join(map(str, numbers))}` on {machine['date']}: {machine['processor']}, "
        f"{machine['processors']} processors, {machine['system']}, Python {machine['python']}; the machine's load "
        f"before it began: {machine['load']}. The callers ran on the same processors, so that a server alone can do "
        "more.",
        "",
        f"From the acoustic end of speech to the first sound of the reply, silence window {window_ms} ms; a new engine "
        "for each row.",
        "",
        "| calls | turns | median | p90 | worst | processors | memory | holds | problems |",
        "|--:|--:|--:|--:|--:|--:|--:|---|---|",
    ]
    held: list[int] = []
    for calls in numbers:
        print(f"… {calls} calls", file=sys.stderr, flush=True)
        async with running_engine("--calls", str(calls)) as engine:
            cpu_s, began = engine.cpu_s(), perf_counter()
            found = Round.of(calls, await hold_calls(engine.url, session, calls))
            cpu = (engine.cpu_s() - cpu_s) / (perf_counter() - began)
        median, p90, worst = (percentile(found.heard_ms, part) for part in (50, 90, 100))
        holds = median <= window_ms + MEDIAN_MS and p90 <= window_ms + P90_MS and not found.problems
        if holds and held == [n for n in numbers if n < calls]:
            held.append(calls)
        lines.append(
            f"| {calls} | {found.turns} | {median:.0f} ms | {p90:.0f} ms | {worst:.0f} ms | {cpu:.2f} | "
            f"{engine.peak_mb:.0f} MB | {'yes' if holds else 'no'} | {'; '.join(found.problems) or 'none'} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    lines += [
        "",
        f"A row holds when the median is at most the window + {MEDIAN_MS} ms, the 90th percentile at most the window + "
        f"{P90_MS} ms, and every turn was answered in one piece. The default of `--calls` is a number that holds while "
        "it takes at most half of the processors: the other half is for slower machines, longer turns, and whatever "
        f"else runs there. Here all rows hold up to {held[-1] if held else 0}.",
        "",
    ]
    return "\n".join(lines)
