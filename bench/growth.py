"""How does cost grow with n: recordings in a folder, turns in a call, calls at the same time? A minute and a half.

    python bench/growth.py            # writes bench/results/growth.md, .json and .png
    python bench/growth.py --quick    # smaller numbers, prints only

On axes that are both logarithmic a straight line of slope 1 is what is hoped for: twice as much takes twice as long.
The slope told is that of a line through all points. Times are processor times; of calls at the same time it is that of
relay and engine together while the customers of the chaos tests call through them (without models).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
import recordings_index
from figures import Figure, machine, machine_line, write_figures
from gathering import draw_curves

from contoso_lab.recording import Recording, list_recordings
from contoso_lab.scoring import score

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the customers are those of the chaos tests

from tests.chaos.books import Book
from tests.chaos.customer import Customer, Manners
from tests.chaos.processes import engine, free_port, relay

RESULTS = Path(__file__).parent / "results"
Curve = list[tuple[float, float]]
LISTED, WORKED_OUT, SCORED = "a listing with all turns, by recordings", "turns of one call", "all scorers, by turns"
CALLS = "a second of calls, by calls at once"


def main() -> None:
    """Measure each curve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller numbers")
    parser.add_argument("--results", type=Path, help="where the table goes; with --quick nowhere")
    asked = parser.parse_args()
    facts = machine("contoso-lab", "numpy", "pandas")
    few = asked.quick
    curves = {LISTED: listings((50, 150, 500) if few else (50, 200, 800, 3200))}
    curves |= turns((4, 16, 64) if few else (4, 16, 64, 256))
    curves[CALLS] = asyncio.run(calls((2, 6, 18) if few else (1, 3, 9, 27), seconds=6 if few else 12))
    text = report(facts, curves)
    place = asked.results or (None if few else RESULTS)
    if place is not None:
        named = {f"{name} (n to the {slope(curve):.2f})": curve for name, curve in curves.items()}
        draw_curves(named, place / "growth.png", cost="ms of processor time")
        (place / "growth.md").write_text(text + "\n![Cost over n](growth.png)\n", encoding="utf-8")
        (place / "growth.json").write_text(json.dumps({"machine": facts, "curves": curves}, indent=1) + "\n", "utf-8")
    figures = [Figure(f"{name}: power of n", slope(curve), "", 1.1) for name, curve in curves.items()]
    write_figures("growth", figures, growth=curves)
    print(text)


def listings(sizes: Sequence[int]) -> Curve:
    """List so many recordings and have all their turns, which nobody has worked out before."""
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as place:
            recordings_index.make_many(Path(place), size)
            found.append((float(size), took_ms(lambda place=place: list_recordings(place).turns())))
    return found


def turns(sizes: Sequence[int]) -> dict[str, Curve]:
    """Work out the turns of one call of so many, and score it."""
    found: dict[str, Curve] = {WORKED_OUT: [], SCORED: []}
    usual = recordings_index.TURNS
    try:
        for size in sizes:
            recordings_index.TURNS = size
            with tempfile.TemporaryDirectory() as place:
                path = recordings_index.make_one(Path(place))
                score(Recording.open(path))  # imports, once
                found[WORKED_OUT].append(
                    (float(size), min(took_ms(lambda p=path: Recording.open(p).turns) for _ in "123"))
                )
                found[SCORED].append(
                    (float(size), min(took_ms(lambda p=path: score(Recording.open(p))) for _ in "123"))
                )
    finally:
        recordings_index.TURNS = usual
    return found


def took_ms(work: Callable[[], object]) -> float:
    """Processor time of one go."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


async def calls(sizes: Sequence[int], *, seconds: float) -> Curve:
    """What relay and engine need for a second in which so many calls go on."""
    found = []
    manners = Manners(call_s=(600, 600), cuts=0.0, vanishes=0.0)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        ports = free_port(), free_port()
        target = engine(folder, port=ports[0])
        door = relay(folder, port=ports[1], target_port=ports[0], runs=folder / "runs")
        try:
            await asyncio.gather(target.start(), door.start())
            for size in sizes:
                over = asyncio.Event()
                url = f"http://127.0.0.1:{ports[1]}"
                customers = [Customer(url, f"n{size}-{n}", seed=1, book=Book(), manners=manners) for n in range(size)]
                async with asyncio.TaskGroup() as tasks:
                    for customer in customers:
                        tasks.create_task(customer.run(over))
                    await asyncio.sleep(3 + size / 10)  # until they are all there
                    before = _cpu_s(door.pid) + _cpu_s(target.pid)
                    began = time.monotonic()
                    await asyncio.sleep(seconds)
                    cost_s = _cpu_s(door.pid) + _cpu_s(target.pid) - before
                    found.append((float(size), 1000 * cost_s / (time.monotonic() - began)))
                    over.set()
        finally:
            await asyncio.gather(door.stop(), target.stop())
    return found


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def slope(curve: Curve) -> float:
    """By which power of n the cost grows."""
    sizes, costs = zip(*curve, strict=True)
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def report(facts: dict[str, str], curves: dict[str, Curve]) -> str:
    """The findings as Markdown."""
    lines = ["# How cost grows", "", f"`python bench/growth.py`, {machine_line(facts)}", ""]
    lines += ["| what | cost by n | grows with n to the power of |", "|---|---|--:|"]
    for name, curve in curves.items():
        points = ", ".join(f"{size:g}: {cost:.1f} ms" for size, cost in curve)
        lines.append(f"| {name} | {points} | {slope(curve):.2f} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
